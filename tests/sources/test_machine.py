import getpass
import os
import platform
import subprocess
import sys

from harness.sources.clock import FakeClock
from harness.sources.machine import describe, describe_machine
from harness.sources.nvml import Nvml
from sources.fakes import FakeGpu, FakeNvml


def test_the_facts_are_text_and_name_what_a_figure_depends_on():
    facts = describe_machine()
    assert all(isinstance(v, str) and v for v in facts.values())
    assert {"cpu_model", "cpu_logical_cores", "memory_bytes", "os", "kernel", "python", "package.torch", "package.numpy"} <= facts.keys()
    assert facts == describe_machine()


def test_no_fact_names_a_user_a_host_or_a_path():
    words = {word for value in describe_machine().values() for word in value.split()}
    assert not words & {platform.node(), getpass.getuser()}
    assert not [word for word in words if word.startswith(os.sep)]


def test_gpus_and_their_driver_are_named():
    with FakeClock() as clock:
        boards = [FakeGpu(clock, name="H100"), FakeGpu(clock, name="A2")]
        found = describe(loader=lambda: Nvml(FakeNvml(*boards)))
    assert (found.facts()["gpu_name"], found.facts()["gpu_driver"]) == ("H100, A2", "580.1")


def test_what_a_machine_does_not_tell_is_left_out(tmp_path):
    facts = describe(tmp_path, tmp_path, lambda: Nvml(FakeNvml(driver=False))).facts()
    assert not {"cpu_governor", "cpu_turbo", "address_randomisation", "gpu_name", "cpu_physical_cores"} & facts.keys()
    assert facts["cpu_model"] == "unknown"
    assert facts["cpu_virtual"] == "no"


def test_describing_a_machine_loads_no_torch():
    script = "import sys; from harness.sources.machine import describe_machine; describe_machine(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
