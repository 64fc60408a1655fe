import pytest

from harness.sources.clock import FakeClock
from harness.sources.cooling import INTERVAL_S, LIMIT_S, cool_down
from harness.sources.nvml import Nvml
from sources.fakes import FakeGpu, FakeNvml


@pytest.fixture
def clock():
    with FakeClock() as fake:
        yield fake


class CoolingGpu(FakeGpu):
    """A board that loses a degree a second until it has reached 40."""

    @property
    def temperature(self):
        return max(40, 60 - int(self.clock.now() - self.start_s)) if self.trace else 60

    @temperature.setter
    def temperature(self, value):
        pass


class HeatedGpu(CoolingGpu):
    """A board so hot that it cools for minutes."""

    @property
    def temperature(self):
        return 500 - int(self.clock.now() - self.start_s)

    @temperature.setter
    def temperature(self, value):
        pass


def cooled(gpu, device="cuda:0", driver=True):
    return cool_down(device, lambda: Nvml(FakeNvml(gpu, driver=driver)))


def test_a_hot_board_is_waited_for_until_it_has_cooled(clock):
    assert cooled(CoolingGpu(clock)) == pytest.approx(20 + INTERVAL_S, abs=INTERVAL_S)


def test_a_cool_board_costs_one_look(clock):
    assert cooled(FakeGpu(clock)) == INTERVAL_S


def test_a_board_that_cools_for_minutes_is_given_up(clock):
    assert cooled(HeatedGpu(clock)) == LIMIT_S


def test_the_cpu_a_missing_driver_and_a_lost_board_are_not_waited_for(clock):
    assert cooled(FakeGpu(clock), "cpu") == 0.0
    assert cooled(FakeGpu(clock), driver=False) == 0.0
    assert cooled(FakeGpu(clock, lost=True)) == 0.0
