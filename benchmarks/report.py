"""How the report scales: 160 papers, three devices, thirty nights.

    python benchmarks/report.py                                the goal's size
    python benchmarks/report.py --papers 40 --nights 5         a smaller one
    python benchmarks/report.py --store /tmp/big               keep the made-up store, and use it again

Prints seconds of rendering (wall and processor), peak memory of the rendering process, the size of the index, and how long Chromium takes
until the index can be sorted and searched.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.report.synthetic import Recipe

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

TARGETS = ("cpu", "cuda:0", "ssh:pi4")
GOALS = {"render_s": 20.0, "peak_gib": 1.0, "index_kib": 300.0, "interactive_s": 1.5}
_RENDER_HERE = "--render-here"
_CHROMIUM = "/usr/bin/chromium"
_LOADS = 5


def recipe(papers: int, nights: int) -> Recipe:
    """Return the recipe of the store: three devices, twenty families."""
    from tests.report.synthetic import Recipe

    return Recipe(papers=papers, families=20, targets=TARGETS, nights=nights, samples=10)


def render_here(store: str, out: str, papers: int, nights: int) -> None:
    """Render in this process and print what it took as JSON."""
    from harness.report import render_site
    from harness.store import Store
    from tests.report.synthetic import judgements_of, sizes_of

    wanted = recipe(papers, nights)
    judgements, sizes = judgements_of(wanted), sizes_of(wanted)
    wall, cpu = time.perf_counter(), time.process_time()
    render_site(Store(store), [], Path(out), judgements, sizes)
    took = {"render_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    took["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps(took))


def interactive_s(index: Path) -> float:
    """Return the median seconds from opening the index to tables that answer, over fresh pages."""
    from playwright.sync_api import sync_playwright

    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(_LOADS):
            page = browser.new_context().new_page()
            page.goto(index.as_uri(), wait_until="commit")
            page.wait_for_function("document.documentElement.dataset.tables === 'ready'")
            seconds.append(page.evaluate("performance.now()") / 1000)
        browser.close()
    return sorted(seconds)[len(seconds) // 2]


def main() -> None:
    """Make the store, render it in a process of its own, open it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=160)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--store", default="")
    parser.add_argument("--out", default="")
    parser.add_argument(_RENDER_HERE, action="store_true")
    asked = parser.parse_args()
    if asked.render_here:
        render_here(asked.store, asked.out, asked.papers, asked.nights)
        return
    with tempfile.TemporaryDirectory() as scratch:
        store, out = asked.store or f"{scratch}/store", asked.out or f"{scratch}/site"
        if not Path(store).exists():
            from tests.report.synthetic import write_store

            began = time.perf_counter()
            write_store(store, recipe(asked.papers, asked.nights))
            print(f"made the store in {time.perf_counter() - began:.0f} s")
        size = ["--papers", str(asked.papers), "--nights", str(asked.nights), "--store", store, "--out", out]
        done = subprocess.run([sys.executable, __file__, *size, _RENDER_HERE], check=True, capture_output=True, text=True)
        took = json.loads(done.stdout)
        index = Path(out) / "index.html"
        took["index_kib"] = index.stat().st_size / 1024
        took["site_mib"] = sum(path.stat().st_size for path in Path(out).rglob("*") if path.is_file()) / 2**20
        took["interactive_s"] = interactive_s(index)
    print(f"{asked.papers} papers x {len(TARGETS)} devices x {asked.nights} nights")
    for name, value in took.items():
        goal = f"goal {GOALS[name]:g}  {'ok' if value < GOALS[name] else 'MISSED'}" if name in GOALS else ""
        print(f"  {name:14} {value:10.2f}  {goal}")


if __name__ == "__main__":
    main()
