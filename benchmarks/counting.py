"""Who counts FLOPs right? The table of `flops.py`, run in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.fresh import ROOT
from benchmarks.section import Extent, Goal, Section, Table

TITLE = "FLOPs: right, wrong, or silently zero"
LARGE = ("GPT", "BERT", "Swin", "ViT", "ConvNeXt")
"""Parts of the names of models that a quick run leaves out."""
OURS, COST = "harness", "first count, in plain calls"
"""Headers of the columns that are judged."""
MOST_CALLS = 20.0
_SCRIPT = Path(__file__).with_name("flops.py")
_METHOD = (
    "Every tool counts the same module in evaluation mode on the CPU, where torch's fused kernels run, against published"
    " multiply-accumulates of models and closed forms of operators; and what counting costs in calls of the module."
)


def run(extent: Extent) -> Section:
    """Run the script and take its table."""
    options = ["--without", *LARGE] if extent.quick else []
    done = subprocess.run([sys.executable, str(_SCRIPT), *options], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{_SCRIPT.name} left with exit status {done.returncode}; it said: {done.stderr.strip()[-400:]}")
    tables, remarks = parse(done.stdout)
    goals = [judge(table) for judge, column in ((judge_right, OURS), (judge_cost, COST)) for table in tables if column in table.headers]
    return Section(TITLE, _METHOD, tables, goals, remarks)


def parse(text: str) -> tuple[list[Table], list[str]]:
    """Return the Markdown tables in a text and the paragraphs between them.

    Raises:
        ValueError: when no table says who is right.
    """
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    tables = [_table(part) for part in paragraphs if part.startswith("|")]
    if not any(OURS in table.headers for table in tables):
        raise ValueError(f"{_SCRIPT.name} printed no table with a column {OURS!r} but {text[-400:]!r}")
    return tables, [part for part in paragraphs if not part.startswith("|")]


def judge_right(table: Table) -> Goal:
    """Say whether the harness is right in every case."""
    cases = [row for row in table.rows if not row[0].startswith("**")]
    verdicts = {row[0]: row[list(table.headers).index(OURS)] for row in cases}
    wrong = [f"{case} {verdict}" for case, verdict in verdicts.items() if not verdict.startswith("right")]
    figure = f"{len(cases) - len(wrong)} of {len(cases)} right" + (f"; {', '.join(wrong)}" if wrong else "")
    return Goal("the harness is right in every case", not wrong, figure)


def judge_cost(table: Table) -> Goal:
    """Say whether the first count of a model costs less than twenty plain calls of it."""
    costs = {row[0]: float(row[list(table.headers).index(COST)]) for row in table.rows}
    over = [f"{case} {cost:g}" for case, cost in costs.items() if cost >= MOST_CALLS]
    figure = f"{len(costs) - len(over)} of {len(costs)}" + (f"; over: {', '.join(over)}" if over else "")
    return Goal(f"the first count of a model costs less than {MOST_CALLS:g} plain calls of it", not over, figure)


def _table(text: str) -> Table:
    headers, _, *rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines()]
    return Table(headers, rows)
