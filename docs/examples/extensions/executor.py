"""An executor: every job in an interpreter of its own, started by the command that HARNESS_LAUNCHER names, as `srun --exclusive -n 1` or `taskset -c 2`.

What it starts must see the same packages and paths as the driver. Seconds are lost in each process for importing torch.
"""

import os
import shlex
import subprocess
import sys

from harness import hookimpl
from harness.runner import once
from harness.runner.case import Status
from harness.runner.lane import Outcome


class LaunchedLane:
    """One process after another."""

    def __init__(self, launcher, preload):
        self.command = [*launcher, sys.executable, "-m", "harness.runner.once", *preload]
        self.process = None

    def start(self):
        """There is nothing to get ready."""

    def wait_until_ready(self):
        """Nothing of this lane is at work before its job."""

    def run(self, job, timeout_s, memory_bytes):
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            written, said = self.process.communicate(once.request(job, memory_bytes), timeout_s)
            return once.outcome(written)
        except subprocess.TimeoutExpired:
            self.close()
            return Outcome(Status.TIMEOUT, f"did not end within {timeout_s:.3g} s")
        except OSError as error:
            return Outcome(Status.CRASHED, f"{self.command[0]!r} could not be started: {error}")
        except ValueError:
            return Outcome(Status.CRASHED, f"the process left with exit status {self.process.returncode}", said)

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class LaunchingExecutor:
    """Lanes of launched processes."""

    name = "launched"

    def __init__(self, launcher):
        self.launcher = launcher

    def lane(self, preload):
        return LaunchedLane(self.launcher, preload)


@hookimpl
def executors():
    return [LaunchingExecutor(shlex.split(os.environ.get("HARNESS_LAUNCHER", "")))]
