import os
import subprocess
import sys

from harness.sources import cpu
from sources.fakes import write_tree

TWO_SOCKETS = "\n".join(
    f"processor\t: {n}\nmodel name\t: Xeon\nphysical id\t: {n // 4}\ncore id\t: {n // 2 % 2}\ncpu MHz\t: {2000 + n}.5\nflags\t: fpu hypervisor\n"
    for n in range(8)
)
TUNED = {
    "devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
    "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": 800_000,
    "devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": 3_400_000,
    "devices/system/cpu/cpu0/cpufreq/base_frequency": 2_600_000,
    "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": 3,
    "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": 4,
    "devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": 5,
    "devices/system/cpu/intel_pstate/no_turbo": 1,
    "devices/system/cpu/isolated": "2-3",
}


def test_times_leave_guest_time_out_since_it_is_user_time_already(tmp_path):
    found = cpu.times(write_tree(tmp_path, {"stat": "cpu  100 10 50 800 20 5 5 10 7 3\ncpu0 1 1 1 1"}))
    assert (found.total, found.idle, found.steal) == (1000, 820, 10)


def test_times_of_an_old_kernel_have_no_steal(tmp_path):
    assert cpu.times(write_tree(tmp_path, {"stat": "cpu  100 10 50 840"})).steal == 0
    assert cpu.times(tmp_path / "nowhere") is None


def test_sockets_cores_and_threads_are_told_apart(tmp_path):
    proc = write_tree(tmp_path, {"cpuinfo": TWO_SOCKETS})
    assert (cpu.sockets(proc), cpu.physical_cores(proc), len(cpu.fields(proc))) == (2, 4, 8)
    assert cpu.model(proc, tmp_path) == "Xeon"
    assert cpu.virtual(proc)


def test_the_working_cores_clock_is_the_fastest_one(tmp_path):
    assert cpu.frequency_mhz(write_tree(tmp_path / "p", {"cpuinfo": TWO_SOCKETS}), tmp_path) == 2007.5
    assert cpu.frequency_mhz(tmp_path, write_tree(tmp_path / "s", TUNED)) == 3400.0
    assert cpu.base_frequency_mhz(tmp_path / "s") == 2600.0


def test_the_last_cache_is_the_largest_and_may_be_unknown(tmp_path):
    sizes = {f"devices/system/cpu/cpu0/cache/index{i}/size": size for i, size in enumerate(("32K", "1024K", "32768K", "odd"))}
    assert cpu.last_cache_bytes(write_tree(tmp_path, sizes)) == 32 * 2**20
    assert cpu.last_cache_bytes(tmp_path / "nowhere") is None


def test_settings_of_a_tuned_machine(tmp_path):
    sys_ = write_tree(tmp_path, TUNED)
    assert (cpu.governor(sys_), cpu.turbo(sys_), cpu.isolated(sys_), cpu.throttle_count(sys_)) == ("performance", False, "2-3", 12)
    assert cpu.turbo(write_tree(tmp_path / "amd", {"devices/system/cpu/cpufreq/boost": 1})) is True
    assert cpu.address_randomisation(write_tree(tmp_path / "p", {"sys/kernel/randomize_va_space": 0})) is False


def test_what_a_machine_does_not_tell_is_none(tmp_path):
    assert (cpu.governor(tmp_path), cpu.turbo(tmp_path), cpu.throttle_count(tmp_path), cpu.frequency_mhz(tmp_path, tmp_path)) == (None,) * 4
    assert (cpu.address_randomisation(tmp_path), cpu.base_frequency_mhz(tmp_path), cpu.physical_cores(tmp_path)) == (None,) * 3
    assert (cpu.model(tmp_path, tmp_path), cpu.sockets(tmp_path), cpu.isolated(tmp_path)) == ("unknown", 1, "")


def test_an_arm_boards_model_stands_in_the_device_tree(tmp_path):
    assert cpu.model(tmp_path, write_tree(tmp_path, {"firmware/devicetree/base/model": "Raspberry Pi 5\x00"})) == "Raspberry Pi 5"


def test_processor_time_counts_children_while_they_run_and_after():
    busy = "import sys, time\nwhile time.process_time() < 0.2: pass\nprint('spent', flush=True)\nsys.stdin.read()"
    before = cpu.process_seconds()
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "spent\n"
        running = cpu.process_seconds()
        assert child.pid in cpu.family() and os.getpid() in cpu.family()
        child.communicate()
    assert running - before >= 0.19
    assert cpu.process_seconds() >= running


def test_the_time_that_a_thread_waited_is_told_in_seconds(tmp_path):
    write_tree(tmp_path, {"thread-self/schedstat": "909948 6861038 3"})
    assert cpu.waited_seconds(tmp_path) == 6861038 / 1e9
    assert cpu.waited_seconds(tmp_path / "nowhere") is None


def test_all_processes_are_looked_through_only_where_there_may_be_children(tmp_path):
    write_tree(tmp_path, {"self/task/1/children": "", "self/task/2/children": ""})
    assert not cpu.has_children(tmp_path)
    write_tree(tmp_path, {"self/task/2/children": "77 78"})
    assert cpu.has_children(tmp_path)
    assert cpu.has_children(tmp_path / "a kernel without these lists")
