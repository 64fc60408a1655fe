"""pytest-benchmark: its own `--benchmark-precision`, asked for 2% at 95%."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.fresh import ROOT
from benchmarks.functions import THREE
from benchmarks.peers import MOST_SECONDS, WIDTH, Z_95

_SUITE = Path(__file__).with_name("pytest_suite.py")


def main() -> None:
    """Time each function."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "figures.json"
        run_suite(output)
        benches = {bench["params"]["name"]: bench["stats"] for bench in json.loads(output.read_text())["benchmarks"]}
    found = {name: figure(benches[name]) for name in THREE}
    print(json.dumps(found))


def run_suite(output: Path) -> None:
    """Run pytest on the suite, without this repository's configuration."""
    empty = output.with_name("pytest.ini")
    empty.write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-c", str(empty), "--rootdir", str(ROOT), "-p", "no:cacheprovider", "-q", str(_SUITE)]
    wanted = ["--benchmark-precision", str(WIDTH), "--benchmark-confidence", "0.95", "--benchmark-max-time", str(MOST_SECONDS)]
    done = subprocess.run([*command, *wanted, "--benchmark-json", str(output)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def figure(stats: dict[str, float]) -> dict[str, object]:
    """Return the median of the rounds and the arm of the interval of their mean."""
    half_width = Z_95 * stats["stddev"] / stats["rounds"] ** 0.5 / stats["mean"]
    return {"seconds": stats["median"], "half_width": half_width, "samples": f"{stats['rounds']} rounds"}


if __name__ == "__main__":
    main()
