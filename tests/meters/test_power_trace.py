import numpy as np
import pytest

from harness.meters.power_trace import PowerTrace, integrate
from harness.sources.availability import SourceError
from harness.sources.clock import FakeClock


def test_a_ramp_is_integrated_by_the_trapezoid_rule():
    samples = [(t, 100 * t) for t in np.linspace(0, 10, 101)]
    assert integrate(samples, 0, 10, 0.5) == pytest.approx(5000)
    assert integrate(samples, 2, 4, 0.5) == pytest.approx(600)


def test_a_reading_of_the_work_before_is_no_part_of_the_window():
    """A published "2x power" was a sample of the previous batch."""
    samples = [(0.95, 700.0), *((1 + 0.1 * i, 100.0) for i in range(1, 10)), (2.05, 700.0)]
    assert integrate(samples, 1.0, 2.0, 0.5) == pytest.approx(100.0)


@pytest.mark.parametrize("samples", [[], [(5.0, 1.0)], [(0.1, 1.0), (9.9, 1.0)], [(i * 0.1, 1.0) for i in range(80)]])
def test_lost_readings_are_said_and_not_bridged(samples):
    with pytest.raises(SourceError, match="no reading of power for"):
        integrate(samples, 0, 10, 0.5)


def test_power_is_read_beside_the_work_twice_a_period():
    with FakeClock(0.0) as clock:
        trace = PowerTrace(lambda: 50.0, period_s=0.1)
        with trace.running():
            clock.advance(1.0)
        assert len(trace.samples) == pytest.approx(22, abs=1)
        assert trace.joules(0.0, 1.0) == pytest.approx(50.0)


def test_a_sensor_that_fails_in_the_middle_leaves_no_figure():
    answers = iter([1.0, 1.0])

    def read():
        try:
            return next(answers)
        except StopIteration:
            raise SourceError("the sensor of rail VDD_IN has gone") from None

    with FakeClock(0.0) as clock:
        trace = PowerTrace(read, period_s=0.1)
        with trace.running():
            clock.advance(1.0)
        with pytest.raises(SourceError, match="has gone"):
            trace.joules(0.0, 0.1)
