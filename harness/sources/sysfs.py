"""Read the small files under /sys and /proc. A file that is not there is None; one that may not be read says so."""

from __future__ import annotations

from pathlib import Path

SYS = Path("/sys")
PROC = Path("/proc")


def text(path: Path) -> str | None:
    """Return the stripped contents, or None where there is no such file or the kernel does not answer.

    Raises:
        PermissionError: when the file is there and may not be read.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\x00 \n\t")
    except PermissionError:
        raise
    except OSError:
        return None


def number(path: Path) -> float | None:
    """Return the leading number of a file (`32760 ma` gives 32760), or None where there is none.

    Raises:
        PermissionError: when the file is there and may not be read.
    """
    words = (text(path) or "").split()
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def readable(path: Path) -> str | None:
    """Return what `text` does, and None for a file that may not be read: for descriptions, where a gap does no harm."""
    try:
        return text(path)
    except PermissionError:
        return None
