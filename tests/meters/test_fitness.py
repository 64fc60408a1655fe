import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.meters.fitness import Level, doctor, judge, smallest_effect
from harness.sources import cuda_devices
from harness.sources.clock import FakeClock
from harness.sources.guards import GuardReading
from harness.sources.machine import Machine
from harness.sources.noise import KernelTimes, Noise
from harness.stats.compare import Outcome, compare
from sources.fakes import FakeGpu, FakeNvml

QUIET = GuardReading(4.0, steal=0.0, other_load=0.0, cores=8)
TUNED = Machine("Xeon", 1, 8, 8, 8, 2**34, False, "performance", False, False, "4-7", "Debian", "6", "CPython 3.12")


def noise(ratio=0.002, between=0.001, within=0.002, guard=QUIET, clocks=(), processes=5, seed=0, kernels=("compute", "memory")):
    """Synthetic kernels: processes differ by `between`, A and B in one process by `ratio`, blocks by `within`."""
    random = np.random.default_rng(seed)

    def process():
        middle, apart = np.exp(random.normal(0, between)), np.exp(random.normal(0, ratio))
        a, b = (tuple(middle * side * np.exp(random.normal(0, within, 40))) for side in (apart, 1.0))
        return KernelTimes(a, b)

    return Noise({name: [process() for _ in range(processes)] for name in kernels}, clocks, guard)


def test_a_quiet_tuned_machine_has_nothing_to_mend():
    fitness = judge(noise(), TUNED)
    assert fitness.score > 95
    assert all(f.level is Level.OK and not f.remedy for f in fitness.findings)
    assert 0.01 < fitness.smallest_effect < 0.02
    assert fitness.verdict_line.startswith("fitness 100 of 100") or "of 100 (worst:" in fitness.verdict_line
    assert "claims of 1." in fitness.verdict_line


def test_the_score_is_that_of_the_worst_area():
    fitness = judge(noise(guard=GuardReading(4.0, steal=0.04, other_load=0.0, cores=8)), TUNED)
    assert fitness.score == pytest.approx(60)
    assert fitness.findings[0].area == "steal" and fitness.findings[0].level is Level.BAD
    assert "(worst: steal)" in fitness.verdict_line
    assert "dedicated host" in fitness.findings[0].remedy


def test_other_load_is_judged_by_the_cores_it_leaves():
    fitness = judge(noise(guard=GuardReading(4.0, steal=0.0, other_load=1.7, cores=2)), TUNED)
    assert fitness.score == pytest.approx(15)
    assert fitness.findings[0].seen == "others kept 1.7 of 2 cores busy"


def test_processes_that_differ_by_a_fifth_score_nothing():
    fitness = judge(noise(between=0.6), TUNED)
    assert fitness.score == 0
    assert fitness.findings[0].area in ("compute", "memory")


def test_unsteady_clocks_and_heat_are_findings():
    hot = GuardReading(4.0, steal=0.0, other_load=0.0, cores=8, throttle_events=9)
    areas = {f.area: f for f in judge(noise(guard=hot, clocks=(2000.0, 2600.0)), TUNED).findings}
    assert areas["frequency"].level is Level.BAD and areas["frequency"].seen == "2000 to 2600 MHz"
    assert areas["heat"].score == 0.0


def shared_gpu(*pids):
    with FakeClock() as clock:
        return FakeNvml(FakeGpu(clock, pids=pids))


@pytest.mark.parametrize(("device", "others"), [("cuda:0", 2), ("cpu", 0)])
def test_who_else_is_on_the_gpu_is_a_finding_where_the_gpu_is_judged(monkeypatch, device, others):
    monkeypatch.setattr(cuda_devices, "_torch_uuid", lambda _: "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", shared_gpu(4_000_001, 4_000_002))
    found = {f.area: f for f in doctor(device, seconds=0.1).findings}
    assert ("gpu" in found) == bool(others)
    if others:
        assert (found["gpu"].level, found["gpu"].seen) == (Level.BAD, "other processes on it: 2")
        assert found["gpu"].score == pytest.approx(100 / 3)
        assert "nvidia-smi" in found["gpu"].remedy


def test_a_shared_gpu_is_in_the_one_line_verdict():
    crowded = GuardReading(4.0, steal=0.0, other_load=0.0, cores=8, foreign_processes=1)
    assert judge(noise(guard=crowded), TUNED).verdict_line.startswith("fitness 50 of 100 (worst: gpu)")


def test_settings_are_advice_with_a_command_and_never_lower_the_score():
    loose = Machine("EPYC", 1, 2, 2, 2, 2**34, True, "powersave", True, True, "", "Debian", "6", "CPython 3.12")
    fitness = judge(noise(), loose)
    advice = {f.area: f.remedy for f in fitness.findings if f.level is Level.ADVICE}
    assert advice.keys() == {"governor", "turbo", "address space", "isolated cores", "virtual machine"}
    assert "cpupower" in advice["governor"] and "no_turbo" in advice["turbo"] and "randomize_va_space" in advice["address space"]
    assert fitness.score == judge(noise(), TUNED).score


def test_what_the_machine_does_not_tell_is_not_scored():
    silent = GuardReading(4.0)
    assert {f.area for f in judge(noise(guard=silent), TUNED).findings} == {"compute", "memory"}


def test_the_smallest_effect_is_what_comparisons_of_such_noise_really_find():
    """Planted at the effect that is promised, four of five comparisons find it; at half the promise beyond the margin, clearly fewer."""
    random, spread, processes = np.random.default_rng(1), 0.0061, 10
    promises = [smallest_effect(noise(ratio=spread, within=1e-4, seed=s, kernels=["compute"])) for s in range(12)]
    promised = np.median(promises)

    def found(effect):
        def once():
            apart = np.exp(random.normal(0, spread, processes))
            return compare([[(1 + effect) * r] for r in apart], [[1.0]] * processes).outcome is Outcome.SLOWER

        return np.mean([once() for _ in range(300)])

    assert 0.7 < found(promised) < 0.95
    assert found(0.01 + (promised - 0.01) / 2) < 0.5


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0005, 0.05), st.floats(1.5, 4))
def test_more_noise_never_promises_more(spread, factor):
    assert smallest_effect(noise(ratio=spread, within=1e-6)) < smallest_effect(noise(ratio=spread * factor, within=1e-6))


def test_a_machine_that_shows_nothing_says_so():
    assert judge(noise(ratio=2.0), TUNED).verdict_line.endswith("no claim can be shown here")
