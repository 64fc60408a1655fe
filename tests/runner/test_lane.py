"""A lane and its fork server, with jobs of the test's own."""

import time

import pytest

from harness.runner.case import Status
from harness.runner.fork_lane import ForkLane
from harness.runner.lane import wait_for

SLEEPS_S = 3
SLEEPER = f"""
import time

def execute(text, result):
    time.sleep({SLEEPS_S})
    result.write_text('{{"status": "ok", "message": "", "traceback": "", "observation": {{"said": "' + text + '"}}}}')
"""


class Sleep:
    entry = "sleeper"

    def to_json(self):
        return "slept"


@pytest.fixture
def lane(tmp_path, monkeypatch):
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    lane = ForkLane(preload=["colorsys"])
    wait_for([lane])
    yield lane
    lane.close()


def test_the_driver_leaves_the_cores_to_the_child(lane):
    used_s = time.process_time()
    outcome = lane.run(Sleep(), timeout_s=60, memory_bytes=2**30)
    used_s = time.process_time() - used_s
    assert (outcome.status, outcome.observation) == (Status.OK, {"said": "slept"})
    assert used_s < 0.01 * SLEEPS_S


def test_a_module_that_cannot_be_preloaded_is_the_first_jobs_outcome():
    lane = ForkLane(preload=["no_such_module_anywhere"])
    wait_for([lane])
    outcome = lane.run(Sleep(), timeout_s=60, memory_bytes=2**30)
    lane.close()
    assert outcome.status is Status.CRASHED and "fork server ended" in outcome.message
