"""A fork server: a process with torch loaded that forks one fresh child a job.

Started as `python -m harness.runner.server [MODULE...]`; it imports the modules beside torch. Reads one JSON request a line on standard
input, answers two lines a request on standard output: `{"pid"}` when the child runs, `{"exit", "signal", "peak_rss_bytes"}` when it has ended.
It never runs anything of a plugin itself, starts no thread, and dies with the driver.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import importlib
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

_PR_SET_PDEATHSIG = 1
_KIB = 1024
_PRELOADED = (
    "numpy",
    "torch",
    "harness.meters.registry",
    "harness.meters.blocks",
    "harness.meters.flops.counter",
    "harness.sources.allocator",
    "harness.runner.job",
)
"""What the meters' observations load, and `observe` of a job."""


def main() -> None:
    """Serve requests until standard input ends."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in (*_PRELOADED, *sys.argv[1:]):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else every child's first collection walks, and so copies, all that was loaded here
    requests, answers = sys.stdin, sys.stdout
    _answer(answers, {"ready": os.getpid()})
    for line in requests:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(request)
        _answer(answers, {"pid": pid})
        _, status, usage = os.wait4(pid, 0)
        _answer(
            answers,
            {
                "exit": os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None,
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                "peak_rss_bytes": usage.ru_maxrss * _KIB,
            },
        )


def _child(request: dict[str, Any]) -> None:
    """Run one job in the forked child and leave without returning into the server."""
    code = 1
    try:
        os.setsid()
        _die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _redirect(Path(request["log"]))
        faulthandler.enable()
        limit_memory(request["memory_bytes"])
        importlib.import_module(request["entry"]).execute(request["job"], Path(request["result"]))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(log: Path) -> None:
    """Send what the child prints to a file: standard output belongs to the protocol."""
    with Path(os.devnull).open("rb") as nothing, log.open("wb") as sink:
        os.dup2(nothing.fileno(), 0)
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115  the parent's buffered requests must not be read here


def limit_memory(limit_bytes: int) -> None:
    """Let this process allocate at most `limit_bytes` of private memory beyond what it holds already; an allocation over it fails."""
    held = next(int(line.split()[1]) * _KIB for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (held + limit_bytes, held + limit_bytes))


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, so that a killed driver leaves nothing running."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _answer(stream: TextIO, answer: dict[str, Any]) -> None:
    stream.write(json.dumps(answer) + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
