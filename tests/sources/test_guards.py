import os

import pytest

from harness.sources import cpu, guards
from harness.sources.clock import FakeClock
from harness.sources.guards import Guard, GuardReading, guarded
from harness.sources.nvml import ClocksEvent, Nvml
from sources.fakes import FakeGpu, FakeNvml, write_tree

CORES = os.cpu_count()


@pytest.fixture
def clock():
    with FakeClock() as fake:
        yield fake


@pytest.fixture
def machine(tmp_path, clock, monkeypatch):
    return FakeMachine(tmp_path, clock, monkeypatch)


class FakeMachine:
    """A machine whose counters move as a test says."""

    def __init__(self, root, clock, monkeypatch):
        self.root, self.clock, self.ticks, self.own_s, self.throttled, self.mhz = root, clock, [0] * 8, 0.0, 0, 2600
        self.waited_ns = 0
        monkeypatch.setattr(cpu, "process_seconds", lambda: self.own_s)
        self.write()

    def run(self, seconds, own=0.0, others=0.0, steal=0.0, waited=0.0):
        """Let `seconds` pass in which ours, others and the hypervisor kept so many cores busy, and ours waited for that share of them."""
        self.clock.advance(seconds)
        self.waited_ns += round(waited * seconds * 1e9)
        self.own_s += own * seconds
        busy = own + others
        for place, cores in ((0, busy), (3, CORES - busy - steal), (7, steal)):
            self.ticks[place] += round(cores * seconds * 100)
        self.write()

    def write(self):
        tree = {"stat": "cpu  " + " ".join(map(str, self.ticks)), "loadavg": "0.42 0.3 0.2 1/9 77"}
        tree |= {"thread-self/schedstat": f"123456789 {self.waited_ns} 42"}
        tree |= {"devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": self.throttled}
        tree |= {"devices/system/cpu/cpu0/cpufreq/base_frequency": 2_600_000}
        tree |= {"devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": self.mhz * 1000}
        write_tree(self.root, tree)

    def guard(self, device="cpu", *gpus, driver=True, uses_gpu=True):
        return Guard(device, self.root, self.root, lambda: Nvml(FakeNvml(*gpus, driver=driver)), uses_gpu)

    def watch(self, *gpus, **run):
        guard = self.guard("cuda" if gpus else "cpu", *gpus)
        guard.before()
        self.run(**run)
        return guard.after()


def test_a_quiet_machine_leaves_no_mark(machine):
    reading = machine.watch(seconds=10, own=1.0)
    assert reading.marks == ()
    assert (reading.seconds, reading.steal, reading.load_1m, reading.clock_share) == (10.0, 0.0, 0.42, 1.0)
    assert reading.other_load == pytest.approx(0.0, abs=0.01)


def test_steal_above_one_percent_is_marked(machine):
    assert machine.watch(seconds=10, own=0.5, steal=0.04 * CORES).marks == ("noisy: steal 4%",)
    assert machine.watch(seconds=10, own=0.5, steal=0.005 * CORES).marks == ()


def test_load_of_other_processes_is_marked_and_our_own_is_not(machine):
    assert machine.watch(seconds=10, own=0.1, others=0.5 * CORES).marks == (f"noisy: other load {0.5 * CORES:.1f} cores",)
    assert machine.watch(seconds=10, own=float(CORES)).marks == ()


def test_a_block_too_short_for_the_kernels_ticks_is_not_judged(machine):
    reading = machine.watch(seconds=0.4 / CORES, others=1.0)
    assert (reading.steal, reading.other_load, reading.marks) == (None, None, ())


def test_waiting_for_a_processor_is_marked_however_short_the_block(machine):
    reading = machine.watch(seconds=0.01, waited=0.4)
    assert reading.waited == pytest.approx(0.4)
    assert reading.marks == ("noisy: waited 40% of the time for a processor",)
    assert machine.watch(seconds=0.01, waited=0.04).marks == ()


def test_heat_and_low_clocks_are_marked(machine):
    guard = machine.guard()
    guard.before()
    machine.throttled, machine.mhz = 7, 1560
    machine.run(10)
    assert guard.after().marks == ("noisy: clock at 60% of base", "noisy: 7 thermal throttle events")


def test_a_machine_that_tells_nothing_leaves_no_mark_and_no_figure(tmp_path, clock):
    guard = Guard("cpu", tmp_path, tmp_path)
    guard.before()
    reading = guard.after()
    assert (reading.steal, reading.other_load, reading.load_1m, reading.clock_share, reading.throttle_events) == (None,) * 5
    assert reading.waited is None
    assert reading.marks == ()


# ---------------------------------------------------------------- the GPU


def test_a_gpu_held_back_in_the_middle_is_seen_by_looking(machine, clock):
    gpu = FakeGpu(clock)
    guard = machine.guard("cuda:0", gpu)
    guard.before()
    gpu.reasons, gpu.sm_mhz = int(ClocksEvent.SW_POWER_CAP | ClocksEvent.HW_THERMAL_SLOWDOWN), 1100
    guard.look()
    gpu.reasons, gpu.sm_mhz = 0, 1700
    reading = guard.after()
    assert reading.marks == ("noisy: gpu sw power cap, hw thermal slowdown", "noisy: gpu clock at 69% of default")


def test_an_idle_gpu_and_clocks_that_somebody_chose_are_no_disturbance(machine, clock):
    gpu = FakeGpu(clock, reasons=int(ClocksEvent.GPU_IDLE | ClocksEvent.APPLICATIONS_CLOCKS))
    assert machine.watch(gpu, seconds=1).marks == ()


def test_a_foreign_process_on_the_gpu_is_marked(machine, clock):
    gpu = FakeGpu(clock, pids=(os.getpid(), 4_000_001, 4_000_002))
    assert machine.watch(gpu, seconds=1).marks == ("noisy: 2 other processes on the gpu",)


def test_in_a_container_one_of_the_hosts_numbers_is_ours(machine, clock):
    assert machine.watch(FakeGpu(clock, pids=(4_000_001,)), seconds=1).marks == ()
    assert machine.watch(FakeGpu(clock, pids=(4_000_001, 4_000_002)), seconds=1).foreign_processes == 1


def test_who_only_looks_at_the_gpu_is_none_of_those_on_it(machine, clock):
    guard = machine.guard("cuda:0", FakeGpu(clock, pids=(4_000_001,)), uses_gpu=False)
    guard.before()
    assert guard.after().foreign_processes == 1


def test_a_gpu_that_vanishes_or_was_never_there_does_not_break_the_guard(machine, clock):
    gpu = FakeGpu(clock)
    guard = machine.guard("cuda:0", gpu)
    guard.before()
    gpu.lost = True
    guard.look()
    assert guard.after().marks == ()
    nothing = machine.guard("cuda:0", driver=False)
    nothing.before()
    assert nothing.after().marks == ()


# ---------------------------------------------------------------- repeating


def test_a_disturbed_measurement_is_repeated_once_and_the_quiet_one_kept(machine):
    loads = iter([0.9 * CORES, 0.0])

    def measure():
        others = next(loads)
        machine.run(10, others=others)
        return others

    result, reading = guarded(measure, machine.guard())
    assert (result, reading.attempts, reading.marks) == (0.0, 2, ())


def test_a_machine_that_is_always_disturbed_ends_and_says_that_no_sample_was_quiet(machine):
    runs = []
    result, reading = guarded(lambda: runs.append(machine.run(10, steal=0.2 * CORES)), machine.guard())
    assert len(runs) == 2 and result is None
    assert reading.marks == ("noisy: steal 20%", "noisy: no quiet sample in 2 attempts")


def test_a_quiet_measurement_is_done_once(machine):
    runs = []
    guarded(lambda: runs.append(machine.run(10)), machine.guard())
    assert len(runs) == 1


def test_thresholds_are_those_that_are_documented():
    assert (guards.MAX_STEAL, guards.MIN_CLOCK) == (0.01, 0.75)
    assert GuardReading(1.0, steal=0.0101).marks == ("noisy: steal 1%",)
