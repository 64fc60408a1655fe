"""One job without a fork server: `python -m harness.runner.once`, for executors that start processes by other means (`srun`, `ssh`, `docker run`).

Reads what `request` wrote on standard input, writes what `outcome` reads on standard output. What the job prints goes to standard error. An argument
imports that module before the job.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import tempfile
from pathlib import Path

from harness.runner.lane import Outcome, Work
from harness.runner.server import limit_memory

_KIB = 1024


def request(job: Work, memory_bytes: int) -> str:
    """Return what the process reads: the job, and how much memory it may allocate."""
    return json.dumps({"entry": job.entry, "job": job.to_json(), "memory_bytes": memory_bytes})


def outcome(written: str) -> Outcome:
    """Return what the process wrote.

    Raises:
        ValueError: when it did not come to its end.
    """
    found = json.loads(written)
    return Outcome.of(found, found["peak_rss_bytes"])


def main() -> None:
    """Run the job on standard input."""
    asked = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w") as answer, tempfile.TemporaryDirectory(prefix="harness-once-") as folder:
        os.dup2(2, 1)
        for name in sys.argv[1:]:
            importlib.import_module(name)
        limit_memory(asked["memory_bytes"])
        result = Path(folder) / "result.json"
        importlib.import_module(asked["entry"]).execute(asked["job"], result)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
        json.dump({**json.loads(result.read_text()), "peak_rss_bytes": peak}, answer)


if __name__ == "__main__":
    main()
