import pytest

from harness.runner.fork_lane import ForkLane
from harness.runner.roof import PEAK_BANDWIDTH, PEAK_FLOPS, measure_roof


@pytest.fixture
def lane():
    lane = ForkLane()
    yield lane
    lane.close()


def test_a_processor_multiplies_and_copies_billions_a_second(lane):
    found = measure_roof(lane, "cpu", threads=1)
    assert set(found) == {PEAK_FLOPS, PEAK_BANDWIDTH}
    assert 1e9 < float(found[PEAK_FLOPS]) < 1e13
    assert 1e8 < float(found[PEAK_BANDWIDTH]) < 1e12


def test_a_device_that_is_not_there_has_no_roof(lane):
    assert measure_roof(lane, "cuda:7", threads=1) == {}
