"""`RESULTS.md`: one block a section between markers, so that a run replaces its own sections and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

HEADING = """# What the harness costs, and how right it is

Written by `make bench` (`python -m benchmarks`), section by section; each names the machine and the day. Goals were set before anything was
measured and are printed as met or not met, whichever it is."""

_BLOCK = re.compile(r"<!-- (?P<name>[a-z]+) -->\n(?P<text>.*?)\n<!-- /(?P=name) -->", re.DOTALL)


def replace_sections(path: Path, fresh: Mapping[str, str], order: Sequence[str]) -> None:
    """Write `fresh` sections into the file, by name, in `order`; what was there under other names stays."""
    kept = {found["name"]: found["text"] for found in _BLOCK.finditer(path.read_text())} if path.exists() else {}
    texts = {**kept, **fresh}
    blocks = [f"<!-- {name} -->\n{texts[name]}\n<!-- /{name} -->" for name in order if name in texts]
    path.write_text("\n\n".join([HEADING, *blocks]) + "\n")
