import os
import subprocess
import sys

import pytest

from harness.meters.figure import Provenance
from harness.sources import sysfs
from harness.sources.availability import AVAILABLE, SourceError
from harness.sources.clock import FakeClock
from harness.sources.energy import codecarbon, energy_sources, hwmon, jetson, nvml, ranked, rapl, raspberry
from harness.sources.energy.counter import CounterResetError
from harness.sources.energy.source import AbsentSource, Basis, Quantity, Thermometer
from harness.sources.nvml import Nvml
from sources.fakes import FakeGpu, FakeNvml, write_tree


@pytest.fixture
def clock():
    with FakeClock() as fake:
        yield fake


def test_the_words_of_a_basis_are_those_of_a_figures_provenance():
    assert {b.value for b in Basis} < {p.value for p in Provenance}


# ---------------------------------------------------------------- nvml


def nvml_sources(*gpus, ordinal=0, **library):
    return nvml.sources(ordinal, lambda: Nvml(FakeNvml(*gpus, **library)))


def test_nvml_counts_joules_from_millijoules(clock):
    gpu = FakeGpu(clock, idle_w=100, duty=1.0)
    counter, power = nvml_sources(gpu)
    assert counter.available() and power.available()
    start = counter.read()
    clock.advance(10)
    assert counter.read() - start == pytest.approx(1000, abs=0.01)
    assert counter.power_w() == power.read() == 100
    assert isinstance(counter, Thermometer) and counter.temperature_c() == 40
    assert (counter.quantity, power.quantity) == (Quantity.JOULES, Quantity.WATTS)


def test_nvml_without_a_counter_leaves_the_power(clock):
    counter, power = nvml_sources(FakeGpu(clock, has_energy=False))
    assert [s.name for s in ranked([counter, power])] == ["nvml-power", "nvml"]
    assert "Not Supported" in counter.available().reason


def test_a_library_that_loads_and_refuses_every_question_is_absent(clock):
    """As on a Jetson: a run must not "succeed" without energy."""
    for source in nvml_sources(FakeGpu(clock, has_energy=False, has_power=False)):
        assert not source.available()
        assert "board's own sensors" in source.available().remedy


def test_nvml_says_when_the_driver_was_reloaded_and_counts_on(clock):
    gpu = FakeGpu(clock, duty=1.0)
    counter, _ = nvml_sources(gpu)
    clock.advance(100)
    counter.read()
    gpu.reload_driver()
    with pytest.raises(CounterResetError):
        counter.read()
    start = counter.read()
    clock.advance(1)
    assert counter.read() - start == pytest.approx(70, abs=0.01)


def test_a_board_that_vanishes_is_an_error_not_a_zero(clock):
    gpu = FakeGpu(clock)
    counter, _ = nvml_sources(gpu)
    counter.read()
    gpu.lost = True
    with pytest.raises(SourceError, match="GPU is lost"):
        counter.read()


def test_a_part_of_a_board_has_no_counter_of_its_own(clock, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-one")
    (absent,) = nvml_sources(FakeGpu(clock, migs=("MIG-one",)))
    assert "whole board" in absent.available().reason
    with pytest.raises(SourceError, match="not partitioned"):
        absent.read()


def test_no_driver_and_no_such_gpu_are_absences_that_say_what_to_do(clock, monkeypatch):
    (absent,) = nvml_sources(driver=False)
    assert "install NVIDIA's driver" in str(absent.available())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (hidden,) = nvml_sources(FakeGpu(clock))
    assert str(hidden.available()) == "CUDA shows no GPU 0 here; look at CUDA_VISIBLE_DEVICES"


def test_unlike_gpus_in_an_order_that_nobody_knows_are_an_absence_that_says_what_to_set(clock):
    (absent,) = nvml_sources(FakeGpu(clock), FakeGpu(clock, name="A2"))
    assert "set CUDA_DEVICE_ORDER=PCI_BUS_ID" in str(absent.available())


# ---------------------------------------------------------------- rapl

XEON = {
    "class/powercap/intel-rapl:0/name": "package-0",
    "class/powercap/intel-rapl:0/energy_uj": 1_000_000,
    "class/powercap/intel-rapl:0/max_energy_range_uj": 262_143_328_850,
    "class/powercap/intel-rapl:0:0/name": "core",
    "class/powercap/intel-rapl:0:0/energy_uj": 900_000,
    "class/powercap/intel-rapl:0:1/name": "dram",
    "class/powercap/intel-rapl:0:1/energy_uj": 65_532_000_000,
    "class/powercap/intel-rapl:0:1/max_energy_range_uj": 65_532_610_987,
    "class/powercap/intel-rapl:1/name": "psys",
    "class/powercap/intel-rapl:1/energy_uj": 5_000_000,
    "class/powercap/intel-rapl-mmio:0/name": "package-0",
    "class/powercap/intel-rapl-mmio:0/energy_uj": 1_000_000,
}


def test_rapl_adds_packages_and_dram_and_nothing_twice(clock, tmp_path):
    source = rapl.source(write_tree(tmp_path, XEON))
    assert source.available() and source.domain == "package-0+dram-0"
    start = source.read()
    clock.advance(1)
    (tmp_path / "class/powercap/intel-rapl:0/energy_uj").write_text("31000000\n")
    (tmp_path / "class/powercap/intel-rapl:0:1/energy_uj").write_text("389013\n")  # wrapped: 1 J in all
    assert source.read() - start == pytest.approx(31.0, abs=1e-3)


def test_two_sockets_are_added(clock, tmp_path):
    second = {f"class/powercap/intel-rapl:2/{k}": v for k, v in {"name": "package-1", "energy_uj": 7, "max_energy_range_uj": 10**9}.items()}
    assert rapl.source(write_tree(tmp_path, XEON | second)).domain == "package-0+dram-0+package-1"


def test_rapl_that_may_not_be_read_says_how_to_permit_it(clock, tmp_path, monkeypatch):
    source = rapl.source(write_tree(tmp_path, XEON))

    def deny(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(sysfs, "number", deny)
    state = source.available()
    assert not state and "may not be read" in state.reason
    assert "sudo chmod a+r /sys/class/powercap" in state.remedy


def test_rapl_that_vanishes_is_an_error_not_a_smaller_sum(clock, tmp_path):
    source = rapl.source(write_tree(tmp_path, XEON))
    source.read()
    (tmp_path / "class/powercap/intel-rapl:0:1/energy_uj").unlink()
    with pytest.raises(SourceError, match=r"dram-0 has gone"):
        source.read()


def test_no_rapl_says_where_there_would_be_some(tmp_path):
    assert "virtual machines" in rapl.source(tmp_path).available().remedy


# ---------------------------------------------------------------- board sensors

# Layout, units and steps (8 mV, 40 uV over the shunt) are those of Linux's drivers/hwmon/ina3221.c and Documentation/hwmon/ina3221.rst,
# limits and alarms left out; labels, addresses and shunts those of its arch/arm64/boot/dts/nvidia/tegra234-p3701.dtsi (AGX Orin) and
# tegra234-p3767.dtsi (Orin Nano and NX). JetPack 5 labels what is not connected NC, where Linux turns the channel off: its files stay, and
# reading them gives ENODATA, for which an empty file stands here. Voltages and currents are made up.
OFF = ("", "", "")


def ina3221(folder, *channels, shunt_uohm):
    """One chip: of each channel its label, millivolts and milliamperes."""
    on = [channel for channel in channels if channel != OFF]
    files = {"name": "ina3221", "samples": 1, "update_interval": round(2.2 * len(on))}
    for number, (label, volts_mv, amps_ma) in enumerate(channels, 1):
        files |= {f"in{number}_enable": int(bool(label)), f"in{number}_input": volts_mv, f"curr{number}_input": amps_ma}
        files |= {f"shunt{number}_resistor": shunt_uohm, f"in{number + 3}_input": amps_ma and amps_ma * shunt_uohm // 1000}
        files |= {f"in{number}_label": label} if label else {}
    total_ma = sum(amps_ma for _, _, amps_ma in on)
    files |= {"curr4_input": total_ma, "in7_input": total_ma * shunt_uohm // 1000, "in7_label": "sum of shunt voltages"}
    return {f"{folder}/{name}": value for name, value in files.items()}


def on_i2c(address, number, *channels, shunt_uohm):
    device = f"bus/i2c/devices/{address}"
    return {f"{device}/name": "ina3221"} | ina3221(f"{device}/hwmon/hwmon{number}", *channels, shunt_uohm=shunt_uohm)


def agx_orin(unused):
    rails = [("VDD_GPU_SOC", 19000, 500), ("VDD_CPU_CV", 19000, 100), ("VIN_SYS_5V0", 5000, 700)]
    second = on_i2c("1-0041", 4, unused, ("VDDQ_VDD2_1V8AO", 5000, 80), unused, shunt_uohm=2000)
    model = {"firmware/devicetree/base/model": "NVIDIA Jetson AGX Orin Developer Kit\x00"}
    return model | on_i2c("1-0040", 3, *rails, shunt_uohm=2000) | second


ORIN_NANO_RAILS = [("VDD_IN", 5000, 1200), ("VDD_CPU_GPU_CV", 5000, 600), ("VDD_SOC", 5000, 240)]
ORIN_NANO = {"firmware/devicetree/base/model": "NVIDIA Jetson Orin Nano Developer Kit\x00"}
ORIN_NANO |= on_i2c("1-0040", 1, *ORIN_NANO_RAILS, shunt_uohm=5000)

# NVIDIA's own driver ina3221x, as rbonghi/jetson_stats (jtop/core/power.py) reads it: milliwatts by rail, channels from 0.
NANO_JETPACK_4 = {
    "firmware/devicetree/base/model": "NVIDIA Jetson Nano Developer Kit\x00",
    "bus/i2c/devices/6-0040/name": "ina3221x",
    "bus/i2c/devices/6-0040/iio:device0/rail_name_0": "POM_5V_IN",
    "bus/i2c/devices/6-0040/iio:device0/in_power0_input": 2400,
    "bus/i2c/devices/6-0040/iio:device0/rail_name_1": "POM_5V_GPU",
    "bus/i2c/devices/6-0040/iio:device0/in_power1_input": 400,
    "bus/i2c/devices/6-0040/iio:device0/rail_name_2": "POM_5V_CPU",
    "bus/i2c/devices/6-0040/iio:device0/in_power2_input": 600,
}


@pytest.mark.parametrize(
    ("tree", "watts", "domain"),
    [
        (ORIN_NANO, 6.0, "VDD_IN"),
        (agx_orin(unused=("NC", 5000, 9980)), 9.5 + 1.9 + 3.5, "VDD_GPU_SOC+VDD_CPU_CV+VIN_SYS_5V0"),
        (agx_orin(unused=OFF), 9.5 + 1.9 + 3.5, "VDD_GPU_SOC+VDD_CPU_CV+VIN_SYS_5V0"),
        (NANO_JETPACK_4, 2.4, "POM_5V_IN"),
    ],
)
def test_a_jetson_gives_the_power_of_the_whole_module(tmp_path, tree, watts, domain):
    source = jetson.source(write_tree(tmp_path, tree))
    assert source.available() and source.domain == domain
    assert source.read() == pytest.approx(watts)


def test_a_jetson_whose_sensor_vanishes_is_an_error(tmp_path):
    source = jetson.source(write_tree(tmp_path, ORIN_NANO))
    (tmp_path / "bus/i2c/devices/1-0040/hwmon/hwmon1/curr1_input").unlink()
    with pytest.raises(SourceError, match="VDD_IN has gone"):
        source.read()


def test_a_jetson_without_its_driver_and_another_board_say_so(tmp_path):
    model = {"firmware/devicetree/base/model": "NVIDIA Jetson TX2"}
    assert "modprobe ina3221" in jetson.source(write_tree(tmp_path, model)).available().remedy
    assert jetson.source(tmp_path / "nowhere").available().reason == "this is no Jetson board"


# Linux's drivers/hwmon/ina2xx.c, Documentation/hwmon/ina2xx.rst: shunt and bus voltage in mV, current in mA, power in uW by steps of 25 mW,
# and 35 ms for the chip's 16 averages. The registers are not of one moment, so that the product is another.
INA226 = {"name": "ina226", "in0_input": 6, "in1_input": 5000, "curr1_input": 660, "power1_input": 3_250_000}
INA226 |= {"shunt_resistor": 10000, "update_interval": 35}


def test_a_shunt_that_multiplies_by_itself_is_read_in_microwatts(tmp_path):
    (source,) = hwmon.sources(write_tree(tmp_path, {f"class/hwmon/hwmon2/{k}": v for k, v in INA226.items()}))
    assert source.available() and source.read() == pytest.approx(3.25)
    assert (source.quantity, source.resolution_s) == (Quantity.WATTS, pytest.approx(0.035))
    assert "ina226" in source.note


def test_a_shunt_with_voltage_and_current_only_is_multiplied(tmp_path):
    (source,) = hwmon.sources(write_tree(tmp_path, ina3221("class/hwmon/hwmon0", ("5V", 5104, 400), OFF, OFF, shunt_uohm=10000)))
    assert (source.domain, source.read()) == ("5V", pytest.approx(2.0416))


def test_a_shunt_that_may_not_be_read_says_how_to_permit_it(tmp_path, monkeypatch):
    (source,) = hwmon.sources(write_tree(tmp_path, {"class/hwmon/hwmon2/name": "ina219", "class/hwmon/hwmon2/power1_input": 1}))

    def deny(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(sysfs, "number", deny)
    assert "sudo chmod a+r" in source.available().remedy


def test_other_hwmon_chips_are_no_power_sensors(tmp_path):
    (absent,) = hwmon.sources(write_tree(tmp_path, {"class/hwmon/hwmon0/name": "coretemp", "class/hwmon/hwmon0/power1_input": 1}))
    assert not absent.available()


PI_5 = """   3V7_WL_SW_A current(0)=0.10000000A
   VDD_CORE_A current(7)=2.00000000A
   3V7_WL_SW_V volt(8)=3.70000000V
   VDD_CORE_V volt(15)=0.90000000V
     EXT5V_V volt(24)=5.07860000V
      BATT_V volt(25)=0.00000000V
"""


def test_a_raspberry_adds_the_rails_that_have_both_voltage_and_current():
    source = raspberry.source(lambda: PI_5)
    assert source.available() and source.read() == pytest.approx(0.37 + 1.8)
    assert raspberry.rails_w(PI_5).keys() == {"3V7_WL_SW", "VDD_CORE"}


def test_no_raspberry_says_so():
    def fail():
        raise SourceError("vcgencmd pmic_read_adc cannot be run here")

    assert raspberry.source(fail).available().reason == "vcgencmd pmic_read_adc cannot be run here"
    assert "no rail" in raspberry.source(lambda: "error=1").available().reason


# ---------------------------------------------------------------- codecarbon

EPYC = "processor: 0\nmodel name: AMD EPYC 7763 64-Core Processor\nphysical id: 0\n\n"


def cpuinfo(root, model, threads, sockets=1):
    blocks = (f"processor\t: {n}\nmodel name\t: {model}\nphysical id\t: {n % sockets}\n" for n in range(threads))
    return write_tree(root, {"cpuinfo": "\n".join(blocks)})


def test_a_known_processor_has_its_tables_power(tmp_path):
    source = codecarbon.source(cpuinfo(tmp_path, "AMD EPYC 7763 64-Core Processor", threads=256, sockets=2))
    assert source.watts_a_thread == 2 * 280 / 256
    assert "TDP 280 W" in source.note and "x 2 sockets" in source.note
    assert (source.basis, source.name) == (Basis.ESTIMATED, "codecarbon")


def test_an_unknown_processor_names_the_constant_that_is_assumed(tmp_path):
    source = codecarbon.source(cpuinfo(tmp_path, "Fancy 9000", threads=8))
    assert source.watts_a_thread == 4.0
    assert "assumed 4 W a thread x 8, the processor 'Fancy 9000' is not in its table" in source.note


def test_the_estimate_is_nominal_power_times_processor_time():
    used = iter([10.0, 12.5])
    source = codecarbon.CodecarbonCpu(4.0, "", cpu_seconds=lambda: next(used))
    assert -source.read() + source.read() == 10.0


def test_the_estimate_is_that_of_codecarbons_own_process_mode(monkeypatch):
    from codecarbon.external import hardware

    times = iter([100.0, 103.0])
    monkeypatch.setattr(hardware.time, "time", lambda: next(times))
    part = hardware.CPU.from_utils("/nowhere", "cpu_load", "x", 8, tracking_mode="process")
    part._cpu_count, used = 2, iter([{1: 20.0}, {1: 21.5}])
    monkeypatch.setattr(part, "_get_process_cpu_times", lambda: next(used))
    part.start()
    _, energy = part.measure_power_and_energy(3.0)
    ours = codecarbon.CodecarbonCpu(8 / 2, "", cpu_seconds=iter([20.0, 21.5]).__next__)
    assert -ours.read() + ours.read() == pytest.approx(energy.kWh * 3.6e6, rel=1e-5)


def test_the_estimate_writes_no_file_and_opens_no_socket(tmp_path):
    script = """
import socket
def refuse(*_, **__): raise AssertionError("a socket was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from harness.sources.energy import codecarbon
source = codecarbon.source()
before = source.read()
sum(range(10**6))
assert source.read() > before > 0
"""
    env = {**os.environ, "CODECARBON_OUTPUT_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_without_codecarbon_the_estimate_is_absent_and_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "codecarbon.core.cpu", None)
    monkeypatch.setitem(sys.modules, "codecarbon.core", None)
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    state = codecarbon.source(cpuinfo(tmp_path, "x", 2)).available()
    assert not state and "pip install codecarbon" in state.reason


# ---------------------------------------------------------------- all together


def test_a_counter_comes_before_an_estimate_and_what_is_absent_comes_last(clock, tmp_path):
    found = energy_sources("cpu", sys=write_tree(tmp_path / "sys", XEON), proc=cpuinfo(tmp_path / "proc", "x", 2))
    assert [s.name for s in found[:2]] == ["rapl", "codecarbon"]
    assert all(not s.available() and s.available().reason for s in found[2:])


def test_a_jetsons_chips_are_not_offered_a_second_time(tmp_path):
    tree = ORIN_NANO | ina3221("class/hwmon/hwmon1", *ORIN_NANO_RAILS, shunt_uohm=5000)
    names = [s.name for s in energy_sources("cpu", sys=write_tree(tmp_path, tree), proc=tmp_path) if s.available()]
    assert names == ["jetson", "codecarbon"]


class WallMeter:
    """What another package brings: no class of ours in sight."""

    name, domain, basis, quantity, resolution_s, note = "wall", "whole machine", Basis.MEASURED, Quantity.WATTS, 1.0, ""

    def available(self):
        return AVAILABLE

    def read(self):
        return 300.0


def test_another_packages_source_goes_before_ours_of_the_same_basis(tmp_path):
    found = energy_sources("cpu", extra=[WallMeter()], sys=tmp_path, proc=tmp_path)
    assert found[0].name == "wall"


def test_an_absent_source_is_an_object_that_says_why():
    absent = AbsentSource("x", "y", "there is none", "")
    assert not absent.available() and str(absent.available()) == "there is none"
    with pytest.raises(SourceError, match="there is none"):
        absent.read()
