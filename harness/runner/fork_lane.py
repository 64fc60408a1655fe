"""The driver's side of a fork server: send a job, wait for its end, stop it when it takes too long."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.runner.case import Status
from harness.runner.lane import Outcome, Work

_START_LIMIT_S = 120.0
"""Loading torch takes two seconds on an idle machine; on a loaded one it may take a minute."""
_LOG_TAIL = 2000
"""Characters of a crashed child's output that are kept as its message."""


class ServerLostError(Exception):
    """A fork server itself has ended or hangs; the next job starts another."""


class ForkLane:
    """A lane of forked children of one server, started on its first job and again after a failure of its own.

    Servers are started apart, so each has its own address-space layout.

    Args:
        preload: Modules that the server imports beside torch, once for all its children.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self._preload = tuple(preload)
        self._server: subprocess.Popen[str] | None = None
        self._ready = False
        self._child: int | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="harness-lane-")

    def run(self, job: Work, timeout_s: float, memory_bytes: int) -> Outcome:
        """Run one job in a fresh process and return how it ended.

        Args:
            job: What to do.
            timeout_s: The child is killed, with all it started, after this long.
            memory_bytes: What the child may allocate.
        """
        folder = Path(self._folder.name)
        result, log = folder / "result.json", folder / "log.txt"
        result.unlink(missing_ok=True)
        request = {"entry": job.entry, "job": job.to_json(), "result": str(result), "log": str(log), "memory_bytes": memory_bytes}
        try:
            end = self._serve(request, timeout_s)
        except ServerLostError as error:
            self._stop_server()
            return Outcome(Status.CRASHED, str(error))
        if end is None:
            return Outcome(Status.TIMEOUT, f"did not end within {timeout_s:.3g} s; raise --timeout, or make the case smaller", _tail(log))
        peak = int(end["peak_rss_bytes"])
        if result.exists():
            return Outcome.of(json.loads(result.read_text()), peak)
        return Outcome(Status.CRASHED, _last_words(end, log), _tail(log), peak_rss_bytes=peak)

    def _serve(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any] | None:
        """Have the server fork a child for the request; return how the child ended, None when it was stopped."""
        self._wait()
        self._send(request)
        self._child = int(self._receive(_START_LIMIT_S)["pid"])
        try:
            end = self._poll(timeout_s)
            if end is None:
                self._kill_group()
                self._receive(_START_LIMIT_S)
            return end
        finally:
            self._kill_group()
            self._child = None

    def close(self) -> None:
        """End the server and any child."""
        self._kill_group()
        self._stop_server()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the server if it does not run, without waiting for it to be ready.

        Call it from the thread that outlives the lane: the kernel ends a server together with the thread that started it.
        """
        if self._server is not None and self._server.poll() is None:
            return
        self._ready = False
        self._server = subprocess.Popen(
            [sys.executable, "-m", "harness.runner.server", *self._preload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def wait_until_ready(self) -> None:
        """Wait for the server to have loaded; where it cannot, its first job will say so."""
        with contextlib.suppress(ServerLostError):
            self._wait()

    def _wait(self) -> None:
        self.start()
        if not self._ready:
            self._receive(_START_LIMIT_S)
            self._ready = True

    def _stop_server(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def _send(self, request: dict[str, Any]) -> None:
        assert self._server is not None and self._server.stdin is not None
        try:
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
        except BrokenPipeError as error:
            raise ServerLostError("the fork server ended before the case began") from error

    def _receive(self, limit_s: float) -> dict[str, Any]:
        answer = self._poll(limit_s)
        if answer is None:
            raise ServerLostError(f"the fork server gave no answer within {limit_s:g} s")
        return answer

    def _poll(self, limit_s: float) -> dict[str, Any] | None:
        """Return the server's next line, or None when it does not come in time. Sleeps in the kernel: it takes no CPU from the child."""
        assert self._server is not None and self._server.stdout is not None
        ready, _, _ = select.select([self._server.stdout], [], [], limit_s)
        if not ready:
            return None
        line = self._server.stdout.readline()
        if not line:
            raise ServerLostError("the fork server ended; if this repeats, look at: python -m harness.runner.server")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _kill_group(self) -> None:
        """Kill the child and whatever it started; a child that has ended may have left some behind."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child, signal.SIGKILL)


def _last_words(end: dict[str, Any], log: Path) -> str:
    said = _telling_line(_read(log).strip().splitlines())
    if end["signal"] is None:
        return f"the process left with exit status {end['exit']}{said}"
    name = signal.Signals(end["signal"]).name
    hint = " (the kernel may have ended it for lack of memory)" if end["signal"] == signal.SIGKILL else ""
    return f"the process was ended by {name}{hint}{said}"


def _telling_line(lines: list[str]) -> str:
    """Return where a fatal signal struck, or else the last thing that was printed."""
    struck = [line.strip() for line in lines if line.lstrip().startswith("File ") and "/lib/python" not in line]
    if struck:
        return f" at {struck[0]}"
    return f"; it said: {lines[-1]}" if lines else ""


def _tail(log: Path) -> str:
    """Return the end of a child's output; of a fatal signal's report the stacks, not the list of extension modules after them."""
    return _read(log).split("\nExtension modules:")[0][-_LOG_TAIL:]


def _read(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""
