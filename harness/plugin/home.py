"""Where the source of a plugin lies, and a hash of it: what figures and trained weights depend on."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from harness.plugin.discovery import Source
from harness.plugin.essence import essence


def home_of(source: Source) -> Path | None:
    """Return a plugin's file, or its folder; None where that cannot be told without importing it."""
    if source.path:
        return Path(source.path)
    try:
        spec = importlib.util.find_spec(source.module)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or not spec.origin:
        return None
    file = Path(spec.origin)
    return file.parent if file.name == "__init__.py" else file


def source_files(home: Path) -> list[Path]:
    """Return a plugin's source files: its file or folder, and the private folders beside it that papers of a package share (`_kit`)."""
    if home.is_file():
        return [home]
    return [file for folder in [home, *_shared(home.parent)] for file in _modules(folder)]


@cache
def _shared(package: Path) -> list[Path]:
    return sorted(p for p in package.iterdir() if p.name.startswith("_") and p.name != "__pycache__" and p.is_dir())


def _modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@cache
def source_hash(home: Path) -> str:
    """Hash a plugin's source, as far as figures depend on it."""
    return hash_files(source_files(home))


def hash_files(paths: Iterable[Path]) -> str:
    """Hash names and essence of Python files that belong together, in the order given."""
    files = list(paths)
    total = hashlib.sha256()
    for name, code in essence({str(path): path.read_bytes() for path in files}).items():
        total.update(Path(name).name.encode() + b"\0" + code)
    return total.hexdigest()[:16]
