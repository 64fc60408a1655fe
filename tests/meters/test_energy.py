import json
import subprocess
import sys
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.meters import energy
from harness.meters.base import Effort, NotMeasurableError
from harness.meters.energy import EnergyMeter, idle_power
from harness.meters.figure import Provenance
from harness.plugin.values import Work
from harness.sources import cuda_devices
from harness.sources.clock import FakeClock
from harness.sources.energy import nvml
from harness.sources.energy.carbon import VARIABLE
from harness.sources.energy.source import AbsentSource, Basis, Quantity
from harness.sources.guards import Guard
from harness.sources.nvml import Nvml
from harness.testing import bench
from sources.fakes import FakeGpu, FakeNvml

CALL_S, CALL_W, IDLE_W, ITEMS = 0.02, 400.0, 70.0, 8


@pytest.fixture
def clock():
    with FakeClock() as fake:
        yield fake


@pytest.fixture(autouse=True)
def blind_guard(monkeypatch, tmp_path):
    """What else runs on the machine that runs the tests is no part of them."""
    monkeypatch.setattr(cuda_devices, "_torch_uuid", lambda _: "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(energy, "Guard", lambda device: Guard(device, tmp_path, tmp_path, lambda: Nvml(FakeNvml(driver=False))))


class Lab:
    """A bench whose work is launched on a fake GPU and done when it is waited for."""

    def __init__(self, gpu, clock, monkeypatch, device="cuda:0", result=1.0):
        self.gpu, self.clock, self.device, self.launched, self.result = gpu, clock, device, 0, result
        self.runs = self.resets = self.built_at_s = 0
        monkeypatch.setattr(torch.cuda, "synchronize", lambda _: self.finish())

    def subject(self, workload, variant):
        self.built_at_s = self.clock.now()
        return SimpleNamespace(variant=variant, work=Work(self.launch, ITEMS, self.reset), guarded=nullcontext)

    def launch(self):
        self.launched += 1
        self.runs += 1
        self.clock.advance(1e-5)  # a launch costs 10 us, the work 20 ms
        return torch.tensor(self.result)

    def finish(self):
        self.gpu.work(self.launched * CALL_S, CALL_W)
        self.launched = 0

    def reset(self):
        self.resets += 1


@pytest.fixture
def lab(clock, monkeypatch):
    return Lab(FakeGpu(clock, idle_w=IDLE_W, temperature=41), clock, monkeypatch)


def meter_of(gpu, **library):
    return EnergyMeter(lambda _: nvml.sources(0, lambda: Nvml(FakeNvml(gpu, **library))))


def observed(lab, meter=None, **effort):
    found = (meter or meter_of(lab.gpu)).observe(lab, ["mine"], "infer", Effort(**effort))
    return json.loads(json.dumps(found))


def figures(*observations, meter=None):
    return {f.metric: f for f in (meter or EnergyMeter()).summarize(observations).figures}


# ---------------------------------------------------------------- a GPU with a counter


def test_joules_an_item_are_those_that_were_drawn(lab):
    found = figures(observed(lab))
    true_j = CALL_W * CALL_S / ITEMS
    assert found["energy"].value == pytest.approx(true_j, rel=0.02)
    assert found["energy_gross"].value == found["energy"].value
    assert found["energy_net"].value == pytest.approx(true_j * (CALL_W - IDLE_W) / CALL_W, rel=0.02)
    assert found["energy_delay"].value == pytest.approx(true_j * CALL_S / ITEMS, rel=0.02)
    assert (found["energy"].unit, found["energy_delay"].unit) == ("J", "J*s")
    assert (found["energy"].meter, found["energy"].provenance, found["energy"].n) == ("energy/nvml", Provenance.MEASURED, 5)


def test_the_interval_holds_the_truth_and_the_net_interval_is_wider(lab):
    found = figures(observed(lab))
    gross, net = found["energy_gross"], found["energy_net"]
    assert gross.low <= CALL_W * CALL_S / ITEMS * 1.001 and gross.high >= CALL_W * CALL_S / ITEMS * 0.999
    assert net.high - net.low >= gross.high - gross.low


def test_five_windows_of_ten_seconds_or_one_where_a_quick_look_is_asked_for(lab):
    assert [len(observed(lab, quick=q)["variants"]["mine"]["windows"]) for q in (False, True)] == [5, 1]
    windows = observed(lab)["variants"]["mine"]["windows"]
    assert all(w["seconds"] >= 10 for w in windows)


def test_idle_power_is_measured_before_anything_is_built(lab, clock):
    start_s = clock.now()
    found = observed(lab)
    assert lab.built_at_s - start_s >= 10.0
    assert found["idle_w"] == pytest.approx([IDLE_W] * 5, rel=0.01)


def test_the_device_is_waited_for_so_that_launches_are_not_taken_for_work(lab):
    """50 launches take half a millisecond; a window is full of work all the same, and every launched call is in it."""
    (window,) = observed(lab, quick=True)["variants"]["mine"]["windows"]
    assert window["busy_s"] / window["items"] == pytest.approx(CALL_S / ITEMS, rel=0.01)
    assert lab.launched == 0


def test_state_is_reset_before_each_repetition(lab):
    observed(lab, quick=True)
    assert lab.resets > 10


def test_counter_and_power_that_disagree_are_flagged(lab):
    assert "suspect" not in figures(observed(lab))["energy"].message
    lab.gpu.counter_lie = 0.57
    assert "suspect: integrated power is +76% off the counter" in figures(observed(lab))["energy"].message


def test_temperatures_idle_power_and_the_sensors_share_stand_beside_the_figure(lab):
    message = figures(observed(lab))["energy"].message
    assert "41 C before, 41 C after" in message
    assert "idle 70 W" in message
    assert "sees a quarter of the time" in message


def test_the_net_energy_of_doing_nothing_is_zero_within_its_interval(lab, monkeypatch):
    lab.gpu.duty = 0.25
    drift = iter(np.random.default_rng(0).normal(0, 1.0, 100_000))
    monkeypatch.setattr(
        lab, "finish", lambda: (lab.gpu.draw(IDLE_W + next(drift)), lab.clock.advance(CALL_S * lab.launched), setattr(lab, "launched", 0))
    )
    net = figures(observed(lab))["energy_net"]
    assert net.low <= 0 <= net.high
    assert abs(net.value) < 0.01 * IDLE_W * CALL_S / ITEMS


def test_without_a_counter_power_is_integrated(clock, monkeypatch):
    lab = Lab(FakeGpu(clock, idle_w=IDLE_W, has_energy=False), clock, monkeypatch)
    found = figures(observed(lab, EnergyMeter(lambda _: [nvml.sources(0, lambda: Nvml(FakeNvml(lab.gpu)))[1]])))
    assert found["energy"].meter == "energy/nvml-power"
    assert found["energy"].value == pytest.approx(CALL_W * CALL_S / ITEMS, rel=0.03)


def test_garbage_gets_no_energy(clock, monkeypatch):
    lab = Lab(FakeGpu(clock), clock, monkeypatch, result=float("nan"))
    with pytest.raises(ValueError, match="'mine' returned values that are not finite"):
        observed(lab)


# ---------------------------------------------------------------- where there is no figure


def test_no_source_is_not_measurable_and_says_why_for_each(lab):
    absent = [AbsentSource("nvml", "gpu", "no driver answers", "install it"), AbsentSource("wall", "all", "none here", "plug one in")]
    with pytest.raises(NotMeasurableError, match=r"'cuda:0' here: nvml: no driver answers; install it \| wall: none here; plug one in"):
        observed(lab, EnergyMeter(lambda _: absent))


def test_a_counter_that_never_moves_is_not_measurable(clock, monkeypatch):
    lab = Lab(FakeGpu(clock, stuck=True), clock, monkeypatch)
    with pytest.raises(NotMeasurableError, match="has not moved"):
        observed(lab)


# ---------------------------------------------------------------- an estimate


class Estimate:
    name, domain, basis, quantity, resolution_s, note = "codecarbon", "cpu", Basis.ESTIMATED, Quantity.JOULES, 0.01, "assumed 4 W a thread"

    def __init__(self, clock):
        self.clock = clock

    def available(self):
        return True

    def read(self):
        return 4.0 * self.clock.now()


def estimate_of(lab, **effort):
    lab.device = "cpu"
    lab.launch = lambda: lab.clock.advance(CALL_S) or torch.ones(1)
    return observed(lab, EnergyMeter(lambda _: [Estimate(lab.clock)]), **effort)


def test_an_estimate_claims_energy_alone_and_names_its_constant(lab):
    found = figures(estimate_of(lab))
    assert found.keys() == {"energy", "energy_delay", "carbon"}
    assert found["energy"].value == pytest.approx(4.0 * CALL_S / ITEMS, rel=1e-6)
    assert found["energy"].provenance is Provenance.ESTIMATED
    assert (found["energy"].low, found["energy"].n) == (None, 1)
    assert "assumed 4 W a thread" in found["energy"].message


@pytest.mark.parametrize(("quick", "seconds"), [(True, 0.05), (False, 0.5)])
def test_an_estimates_window_is_as_long_as_the_effort_asks(lab, quick, seconds):
    (window,) = estimate_of(lab, quick=quick)["variants"]["mine"]["windows"]
    assert seconds <= window["seconds"] < seconds * 1.1 + CALL_S


def test_three_processes_give_an_estimate_an_interval(lab):
    found = figures(*[estimate_of(lab, repetition=r) for r in range(3)])
    assert found["energy"].n == 3 and found["energy"].low <= found["energy"].value <= found["energy"].high


# ---------------------------------------------------------------- summarizing


def observation(joules, idle=(70.0, 70.0, 70.0), marks=(), **more):
    windows = [
        {"joules": j, "seconds": 10.0, "busy_s": 9.0, "items": 100.0, "beside_j": None, "temperatures_c": []} for j in np.atleast_1d(joules)
    ]
    source = {"name": "nvml", "domain": "gpu", "basis": "measured", "note": ""}
    return {
        "asked": ["mine"],
        "source": source,
        "period_s": 0.1,
        "idle_w": list(idle),
        "variants": {"mine": {"windows": windows, "marks": list(marks)}},
    } | more


def test_gross_is_without_the_pauses_and_net_without_idle_power():
    found = figures(observation([4000.0] * 5))
    assert found["energy_gross"].value == pytest.approx((4000 - 70 * 1.0) / 100)
    assert found["energy_net"].value == pytest.approx((4000 - 70 * 10.0) / 100)
    assert found["energy_delay"].value == pytest.approx((4000 - 70) / 100 * 9.0 / 100)


def test_the_idle_powers_own_uncertainty_is_in_the_net_interval():
    sure, unsure = (
        figures(observation([4000.0, 4010, 3990, 4005, 3995], idle))["energy_net"] for idle in ([70.0] * 5, [60.0, 65, 70, 75, 80])
    )
    assert unsure.high - unsure.low > (sure.high - sure.low) + 10 * 10 / 100


def test_with_six_processes_the_process_is_the_unit():
    assert figures(*[observation([4000.0 + i] * 5) for i in range(5)])["energy"].n == 25
    assert figures(*[observation([4000.0 + i] * 5) for i in range(6)])["energy"].n == 6


def test_marks_of_the_guards_and_the_reason_to_stop_are_in_the_message():
    found = figures(observation([1000.0], marks=["noisy: steal 4%"]), observation([1000.0], stopped="5 windows"))
    assert found["energy"].message == "noisy: steal 4%; idle 70 W; stopped: 5 windows"


def test_every_window_is_a_sample():
    samples = EnergyMeter().summarize([observation([1070.0, 2070.0]), observation([3070.0])]).samples
    assert [(s.repetition, s.position, s.value) for s in samples] == [(0, 0, 10.0), (0, 1, 20.0), (1, 0, 30.0)]


def test_five_windows_are_enough_however_many_processes():
    meter = EnergyMeter()
    assert meter.enough("small", [observation([1.0] * 5)], 0.0) == "5 windows"
    assert meter.enough("small", [observation([1.0])], 0.0) == ""
    assert (meter.repetitions("smoke"), meter.repetitions("small")) == (1, 3)


# ---------------------------------------------------------------- idle power, for `harness devices`


def test_idle_power_has_an_interval_and_an_estimate_has_none(clock):
    gpu = FakeGpu(clock, idle_w=71.0)
    found = idle_power(nvml.sources(0, lambda: Nvml(FakeNvml(gpu)))[0])
    assert found.value == pytest.approx(71.0, rel=0.01) and found.low <= found.value <= found.high
    with pytest.raises(NotMeasurableError, match="knows no idle power"):
        idle_power(Estimate(clock))


# ---------------------------------------------------------------- the real thing


def test_a_papers_variant_on_this_machine_has_an_energy(toy):
    bench_ = bench(toy.folder / "toy.py")
    source = partial(EnergyMeter)()
    for workload in ("infer", "train_step"):
        found = figures(json.loads(json.dumps(source.observe(bench_, ["line"], workload, Effort(quick=True)))))
        assert found["energy"].value > 0
        assert found["energy"].meter.startswith("energy/")


def test_the_drivers_half_loads_no_torch():
    script = "import sys; from harness.meters.energy import EnergyMeter; EnergyMeter(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"


def test_carbon_is_energy_times_the_intensity_and_always_an_estimate(lab, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    found = figures(observed(lab))
    energy, carbon = found["energy"], found["carbon"]
    assert (carbon.unit, carbon.provenance, carbon.meter) == ("g", Provenance.ESTIMATED, "carbon/codecarbon")
    assert energy.provenance is Provenance.MEASURED
    for mass, joules in ((carbon.value, energy.value), (carbon.low, energy.low), (carbon.high, energy.high)):
        assert mass == pytest.approx(joules / 3.6e6 * 475)
    assert carbon.message == "475 g/kWh, world average"
