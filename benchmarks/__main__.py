"""`python -m benchmarks [NAME ...]`: run sections, print them, and write them to `RESULTS.md`."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

# Light imports only: the spawned processes of `isolation` import this module again, and would be charged for it.
from benchmarks.origin import load_average, origin
from benchmarks.results import replace_sections
from benchmarks.section import Extent, Section, show

SECTIONS = ("overhead", "isolation", "precision", "alarms", "counting", "startup", "rendering")
"""In the order of the file; each is a module with `TITLE` and `run(extent)`."""
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 1 if a section broke. A goal that is not met is a result, not a failure."""
    asked = _parser().parse_args(arguments)
    extent = Extent(asked.quick, asked.minutes)
    out = asked.out or (None if asked.quick else RESULTS)
    broken = []
    for name in asked.names or SECTIONS:
        print(f"running {name} ...", file=sys.stderr, flush=True)
        load, start = load_average(), time.monotonic()
        try:
            section: Section = importlib.import_module(f"benchmarks.{name}").run(extent)
        except Exception:
            broken.append(name)
            traceback.print_exc()
            continue
        where = origin(time.monotonic() - start, load, asked.quick)
        show(section)
        print(where, flush=True)
        if out:
            replace_sections(out, {name: section.markdown(where)}, SECTIONS)
    if broken:
        print(f"did not end, and left what stood in the file: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"sections; all by default: {', '.join(SECTIONS)}", type=_section)
    parser.add_argument("--quick", action="store_true", help="few repetitions; writes no file unless --out is given")
    parser.add_argument(
        "--minutes", type=float, default=Extent.alarm_minutes, help="time for the comparisons of `alarms` (default: %(default)g)"
    )
    parser.add_argument("--out", type=Path, help=f"file to write instead of {RESULTS.parent.name}/{RESULTS.name}")
    return parser


def _section(name: str) -> str:
    if name not in SECTIONS:
        raise argparse.ArgumentTypeError(f"no section {name!r}; there are {', '.join(SECTIONS)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
