import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.meters.base import NotMeasurableError
from harness.meters.energy_window import Load, Plan, fill, idle_windows_w, make_plan, measure_period
from harness.sources.availability import AVAILABLE, SourceError
from harness.sources.clock import FakeClock
from harness.sources.energy.nvml import NvmlEnergy, NvmlPower
from harness.sources.energy.source import Basis, Quantity
from harness.sources.nvml import Nvml
from sources.fakes import FakeGpu, FakeNvml


@pytest.fixture
def clock():
    with FakeClock() as fake:
        yield fake


def counter(gpu):
    return NvmlEnergy(Nvml(FakeNvml(gpu)).devices()[0])


def sensor(gpu):
    return NvmlPower(Nvml(FakeNvml(gpu)).devices()[0])


def steady(gpu, seconds=0.6, watts=400.0, between=lambda: None):
    """Work of even power."""

    def repeat():
        gpu.work(seconds, watts)
        return 10.0

    return Load(repeat, between)


def rhythmic(gpu, rounds=6):
    """Work with the sensor's own rhythm: a quarter of every 100 ms at 500 W, the rest at 100 W: 20 J a round."""

    def repeat():
        for _ in range(rounds):
            gpu.work(0.025, 500.0)
            gpu.work(0.075, 100.0)
        return float(rounds)

    return Load(repeat, lambda: None)


def error_of(gpu, window, start_s):
    return window.joules / gpu.true_joules(start_s, start_s + window.seconds) - 1


# ---------------------------------------------------------------- the update period


@pytest.mark.parametrize("period_s", [0.02, 0.1, 0.5])
def test_the_update_period_is_measured_not_assumed(clock, period_s):
    assert measure_period(counter(FakeGpu(clock, period_s=period_s))) == pytest.approx(period_s, rel=0.05)


def test_a_counter_that_stands_still_is_not_measurable(clock):
    with pytest.raises(NotMeasurableError, match="has not moved"):
        measure_period(counter(FakeGpu(clock, stuck=True)))


def test_windows_are_ten_seconds_and_a_hundred_updates_at_least(clock):
    plan = make_plan(counter(FakeGpu(clock)), quick=False)
    assert plan.window_s == pytest.approx(10.0, rel=0.05) and plan.window_s >= 10.0
    assert (plan.windows, plan.period_s, plan.idle_s) == (5, pytest.approx(0.1, rel=0.05), pytest.approx(2.0, rel=0.05))
    slow = make_plan(counter(FakeGpu(clock, period_s=0.5)), quick=True)
    assert slow.window_s == pytest.approx(50, rel=0.05) and slow.windows == 1


def test_an_estimate_has_one_window_and_no_idle_power():
    class Estimate:
        name, basis, quantity, resolution_s = "codecarbon", Basis.ESTIMATED, Quantity.JOULES, 0.01

    assert make_plan(Estimate(), quick=True) == Plan(0.05, 1, 0.0, 0.0)
    assert make_plan(Estimate(), quick=False) == Plan(0.5, 1, 0.0, 0.0)


def test_a_window_of_50_ms_is_refused_and_is_not_zero():
    with pytest.raises(NotMeasurableError, match=r"a window of 0.05 s holds 0.5 updates .* make it 5 s or longer"):
        Plan(0.05, 5, 0.1, 0.0)


# ---------------------------------------------------------------- the window


def test_ten_seconds_of_a_sensor_that_sees_a_quarter_of_the_time_are_within_two_percent(clock):
    gpu = FakeGpu(clock, duty=0.25)
    source = counter(gpu)
    clock.advance(0.0371)
    window = fill(source, 10.0, 0.1, steady(gpu), seed=1)
    end_s = clock.now()
    assert window.seconds >= 10.0
    assert abs(error_of(gpu, window, end_s - window.seconds)) < 0.02
    assert window.items == 10.0 * round(window.busy_s / 0.6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.1), st.floats(0.2, 1.3), st.sampled_from([0.25, 0.5, 1.0]))
def test_whatever_the_phase_the_length_of_a_call_and_the_seed_it_is_within_two_percent(seed, offset_s, seconds, duty):
    with FakeClock() as clock:
        gpu = FakeGpu(clock, duty=duty)
        source = counter(gpu)
        clock.advance(offset_s)
        window = fill(source, 10.0, 0.1, steady(gpu, seconds), seed)
        assert abs(error_of(gpu, window, clock.now() - window.seconds)) < 0.02


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.1))
def test_work_in_the_sensors_own_rhythm_is_caught_by_shifting_its_phase(seed, offset_s):
    """Without pauses the sensor sees such work at 500 W or at 100 W all the time, 25% to 400% of the truth."""
    with FakeClock() as clock:
        gpu = FakeGpu(clock, duty=0.25)
        source = counter(gpu)
        clock.advance(offset_s)
        window = fill(source, 10.0, 0.1, rhythmic(gpu), seed)
        assert abs(error_of(gpu, window, clock.now() - window.seconds)) < 0.05


def test_what_was_drawn_in_pauses_can_be_taken_off(clock):
    gpu = FakeGpu(clock, idle_w=70)
    window = fill(counter(gpu), 10.0, 0.1, steady(gpu, watts=400.0), seed=3)
    work_j = window.joules - 70 * (window.seconds - window.busy_s)
    assert work_j / window.items == pytest.approx(400 * 0.6 / 10, rel=0.02)


def test_the_window_is_closed_by_the_work_not_by_its_launch(clock):
    """The load returns when the device has finished; a step of the counter is waited for after that."""
    gpu = FakeGpu(clock, duty=1.0)
    window = fill(counter(gpu), 10.0, 0.1, steady(gpu, seconds=12.0), seed=0)
    assert window.busy_s == pytest.approx(12.0) and window.items == 10.0
    assert window.joules == pytest.approx(gpu.true_joules(clock.now() - window.seconds, clock.now()), rel=0.01)


def test_integrated_power_stands_beside_the_counter(clock):
    gpu = FakeGpu(clock, duty=1.0)
    window = fill(counter(gpu), 10.0, 0.1, steady(gpu), seed=0)
    assert window.beside_j == pytest.approx(window.joules, rel=0.02)
    lying = FakeGpu(clock, duty=1.0, counter_lie=0.57)  # 187 J for 327, as seen on one board
    window = fill(counter(lying), 10.0, 0.1, steady(lying), seed=0)
    assert window.beside_j / window.joules == pytest.approx(1 / 0.57, rel=0.03)


def test_a_counter_without_power_beside_it_stands_alone(clock):
    gpu = FakeGpu(clock, has_power=False)
    assert fill(counter(gpu), 10.0, 0.1, steady(gpu), seed=0).beside_j is None


def test_a_source_of_power_is_integrated(clock):
    gpu = FakeGpu(clock)
    window = fill(sensor(gpu), 10.0, 0.1, steady(gpu), seed=0)
    assert window.joules == pytest.approx(gpu.true_joules(clock.now() - window.seconds, clock.now()), rel=0.02)
    assert window.beside_j is None


def test_temperatures_are_those_before_and_after(clock):
    gpu = FakeGpu(clock, temperature=41)
    load = steady(gpu, between=lambda: setattr(gpu, "temperature", 63))
    assert fill(counter(gpu), 10.0, 0.1, load, seed=0).temperatures_c == (41.0, 63.0)


# ---------------------------------------------------------------- what goes wrong


def test_a_driver_reload_costs_one_window_and_the_next_is_sound(clock):
    gpu = FakeGpu(clock, duty=1.0)
    clock.advance(100)
    source, reloads = counter(gpu), iter([False, True])
    load = steady(gpu, between=lambda: gpu.reload_driver() if next(reloads, False) else None)
    window = fill(source, 10.0, 0.1, load, seed=0)
    assert abs(error_of(gpu, window, clock.now() - window.seconds)) < 0.02


def test_a_counter_that_is_reset_again_and_again_is_not_measurable(clock):
    gpu = FakeGpu(clock)
    clock.advance(100)
    with pytest.raises(NotMeasurableError, match="driver reload"):
        fill(counter(gpu), 10.0, 0.1, steady(gpu, between=gpu.reload_driver), seed=0)


def test_a_board_that_vanishes_in_the_middle_is_not_measurable(clock):
    gpu = FakeGpu(clock)
    with pytest.raises(NotMeasurableError, match=r"energy/nvml: .*GPU is lost"):
        fill(counter(gpu), 10.0, 0.1, steady(gpu, between=lambda: setattr(gpu, "lost", clock.now() > 1005)), seed=0)


def test_a_counter_that_stops_in_the_middle_is_not_measurable(clock):
    gpu = FakeGpu(clock)
    with pytest.raises(NotMeasurableError, match="has not moved for"):
        fill(counter(gpu), 10.0, 0.1, steady(gpu, between=lambda: setattr(gpu, "stuck", True)), seed=0)


class Zero:
    """As codecarbon gives where NVML has no counter: 0 kWh, in silence."""

    name, domain, basis, quantity, resolution_s, note = "zero", "gpu", Basis.ESTIMATED, Quantity.JOULES, 0.01, ""

    def available(self):
        return AVAILABLE

    def read(self):
        return 0.0


def test_no_joules_at_all_are_no_figure(clock):
    gpu = FakeGpu(clock)
    with pytest.raises(NotMeasurableError, match=r"gave 0 J for .* which is no figure"):
        fill(Zero(), 1.0, 0.0, steady(gpu), seed=0)


def test_a_source_that_fails_at_its_first_reading_is_not_measurable(clock):
    class Gone(Zero):
        def read(self):
            raise SourceError("gone")

    with pytest.raises(NotMeasurableError, match="energy/zero: gone"):
        fill(Gone(), 1.0, 0.0, steady(FakeGpu(clock)), seed=0)
    with pytest.raises(NotMeasurableError, match="energy/zero: gone"):
        measure_period(Gone())


# ---------------------------------------------------------------- idle


def test_idle_power_is_measured_over_several_windows(clock):
    gpu = FakeGpu(clock, idle_w=71.0)
    source = counter(gpu)
    watts = idle_windows_w(source, make_plan(source, quick=False))
    assert watts == pytest.approx([71.0] * 5, rel=0.01)
