"""What the kernel says of the processor: model, cores, frequency, governor, turbo, steal, throttling."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.sources import sysfs

KILO, GIGA = 1e3, 1e9
CPUS = "devices/system/cpu"
UNKNOWN = "unknown"
_CACHE_UNITS = {"K": 2**10, "M": 2**20}


@dataclass(frozen=True)
class CpuTimes:
    """Processor time of the whole machine since it started, in clock ticks: the first line of /proc/stat."""

    total: int
    idle: int
    steal: int


def times(proc: Path = sysfs.PROC) -> CpuTimes | None:
    """Return the machine's processor times, or None where the kernel does not say (not Linux)."""
    first = (sysfs.text(proc / "stat") or "").splitlines()[:1]
    if not first:
        return None
    # user nice system idle iowait irq softirq steal guest guest_nice; guest time is in user time already
    ticks = [int(word) for word in first[0].split()[1:9]]
    ticks += [0] * (8 - len(ticks))
    return CpuTimes(total=sum(ticks), idle=ticks[3] + ticks[4], steal=ticks[7])


def fields(proc: Path = sysfs.PROC) -> list[dict[str, str]]:
    """Return /proc/cpuinfo, one mapping a logical processor."""
    blocks = (sysfs.text(proc / "cpuinfo") or "").split("\n\n")
    split = [[line.partition(":") for line in block.splitlines()] for block in blocks]
    return [{key.strip(): value.strip() for key, _, value in lines} for lines in split if lines]


def model(proc: Path = sysfs.PROC, sys: Path = sysfs.SYS) -> str:
    """Return the processor's name; on ARM boards, which have none there, the board's."""
    for entry in fields(proc):
        for key in ("model name", "Model", "Hardware", "cpu model"):
            if entry.get(key):
                return entry[key]
    return sysfs.readable(sys / "firmware/devicetree/base/model") or UNKNOWN


def last_cache_bytes(sys: Path = sysfs.SYS) -> int | None:
    """Return the size of the largest cache of the first core, or None where the kernel does not say."""
    sizes = [sysfs.readable(path) or "" for path in sorted(sys.glob(f"{CPUS}/cpu0/cache/index*/size"))]
    known = [int(size[:-1]) * _CACHE_UNITS[size[-1]] for size in sizes if size[:-1].isdigit() and size[-1] in _CACHE_UNITS]
    return max(known, default=None)


def sockets(proc: Path = sysfs.PROC) -> int:
    """Return how many packages there are; one where the kernel does not say."""
    return len({entry["physical id"] for entry in fields(proc) if "physical id" in entry}) or 1


def physical_cores(proc: Path = sysfs.PROC) -> int | None:
    """Return how many cores there are, threads of one core counted once; None where the kernel does not say."""
    return len({(entry.get("physical id"), entry["core id"]) for entry in fields(proc) if "core id" in entry}) or None


def virtual(proc: Path = sysfs.PROC) -> bool:
    """Return whether this is a virtual machine: the `hypervisor` flag of x86."""
    return any("hypervisor" in entry.get("flags", "").split() for entry in fields(proc)[:1])


def frequency_mhz(proc: Path = sysfs.PROC, sys: Path = sysfs.SYS) -> float | None:
    """Return the clock of the fastest core at this moment: the one that works, since idle ones are clocked down."""
    scaling = [khz / KILO for path in (sys / CPUS).glob("cpu[0-9]*/cpufreq/scaling_cur_freq") if (khz := sysfs.number(path)) is not None]
    listed = [float(entry["cpu MHz"]) for entry in fields(proc) if "cpu MHz" in entry]
    return max(scaling or listed, default=None)


def base_frequency_mhz(sys: Path = sysfs.SYS) -> float | None:
    """Return the clock that the processor promises without turbo; None where the driver does not say."""
    khz = sysfs.number(sys / CPUS / "cpu0/cpufreq/base_frequency")
    return None if khz is None else khz / KILO


def governor(sys: Path = sysfs.SYS) -> str | None:
    """Return the frequency governor of the first core; None where the system sets no frequencies (as in virtual machines)."""
    return sysfs.readable(sys / CPUS / "cpu0/cpufreq/scaling_governor")


def turbo(sys: Path = sysfs.SYS) -> bool | None:
    """Return whether the clock may rise above its base; None where the system does not say."""
    no_turbo = sysfs.number(sys / CPUS / "intel_pstate/no_turbo")
    if no_turbo is not None:
        return no_turbo == 0
    boost = sysfs.number(sys / CPUS / "cpufreq/boost")
    return None if boost is None else boost == 1


def isolated(sys: Path = sysfs.SYS) -> str:
    """Return the cores kept free of other processes (`2-3`); empty where there are none."""
    return sysfs.readable(sys / CPUS / "isolated") or ""


def address_randomisation(proc: Path = sysfs.PROC) -> bool | None:
    """Return whether address spaces are laid out at random; None where the system does not say."""
    setting = sysfs.number(proc / "sys/kernel/randomize_va_space")
    return None if setting is None else setting > 0


def throttle_count(sys: Path = sysfs.SYS) -> int | None:
    """Return how often cores and packages were throttled for heat since the start; None where the kernel does not count."""
    counts = [n for path in (sys / CPUS).glob("cpu[0-9]*/thermal_throttle/*_throttle_count") if (n := sysfs.number(path)) is not None]
    return int(sum(counts)) if counts else None


def waited_seconds(proc: Path = sysfs.PROC) -> float | None:
    """Return how long this thread has been ready to run and had no processor, to the nanosecond; None where the kernel does not say."""
    words = (sysfs.text(proc / "thread-self/schedstat") or "").split()  # ran, waited, time slices
    return int(words[1]) / GIGA if len(words) > 1 else None


def process_seconds() -> float:
    """Return the processor time of this process and of its children, those that have ended included."""
    ended = os.times()
    return time.process_time() + ended.children_user + ended.children_system + sum(_descendant_seconds())


def has_children(proc: Path = sysfs.PROC) -> bool:
    """Say whether this process may have children, from the kernel's own lists; where it keeps none, it may."""
    lists = [sysfs.text(path) for path in (proc / "self/task").glob("*/children")]
    return not lists or any(children is None or children.strip() for children in lists)


def _descendant_seconds() -> Iterator[float]:
    # To look through all processes of the machine takes milliseconds, which would stand in the window that is measured.
    for child in psutil.Process().children(recursive=True) if has_children() else ():
        with contextlib.suppress(psutil.Error):  # it may end between being listed and being asked
            used = child.cpu_times()
            yield used.user + used.system + used.children_user + used.children_system


def family() -> frozenset[int]:
    """Return the process ids of this process, its parents and its children: those whose work is ours."""
    here = psutil.Process()
    return frozenset(p.pid for p in (here, *here.parents(), *here.children(recursive=True)))


def usable() -> int:
    """Return how many logical processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
