"""What a run was measured on: hardware, system and library versions. No names of users or hosts, no paths."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import psutil

from harness.sources import cpu, sysfs
from harness.sources.availability import SourceError
from harness.sources.nvml import Nvml, load

LIBRARIES = ("paper-harness", "harness-papers", "torch", "numpy", "scipy", "codecarbon", "nvidia-ml-py")
"""Packages that a figure may depend on; those not installed are left out."""


@dataclass(frozen=True)
class Machine:
    """The environment of a run. A setting that the system does not tell is None.

    Attributes:
        cpu_model: As the vendor calls it.
        sockets: Packages.
        physical_cores: Cores, threads of one counted once.
        logical_cores: Threads of all cores.
        usable_cores: Those that this process may use.
        memory_bytes: Installed.
        virtual: Whether it is a virtual machine.
        governor: How frequencies are chosen.
        turbo: Whether the clock may rise above its base.
        address_randomisation: Whether address spaces are laid out at random.
        isolated_cores: Cores kept free of other processes.
        os: Distribution.
        kernel: Its version.
        python: Implementation and version.
        gpus: Names, in NVML's order.
        gpu_driver: Its version; empty without a GPU.
        libraries: Versions by package.
    """

    cpu_model: str
    sockets: int
    physical_cores: int | None
    logical_cores: int
    usable_cores: int
    memory_bytes: int
    virtual: bool
    governor: str | None
    turbo: bool | None
    address_randomisation: bool | None
    isolated_cores: str
    os: str
    kernel: str
    python: str
    gpus: tuple[str, ...] = ()
    gpu_driver: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, str]:
        """Return one line of text a fact, for the store; what the system does not tell is left out.

        Keys that begin with `cpu`, `gpu`, `python`, `kernel` or `package.` are those that a figure depends on.
        """
        plain: dict[str, object] = {
            "cpu_model": self.cpu_model,
            "cpu_sockets": self.sockets,
            "cpu_physical_cores": self.physical_cores,
            "cpu_logical_cores": self.logical_cores,
            "cpu_usable_cores": self.usable_cores,
            "cpu_virtual": self.virtual,
            "cpu_governor": self.governor,
            "cpu_turbo": self.turbo,
            "cpu_isolated_cores": self.isolated_cores or None,
            "memory_bytes": self.memory_bytes,
            "address_randomisation": self.address_randomisation,
            "os": self.os,
            "kernel": self.kernel,
            "python": self.python,
            "gpu_name": ", ".join(self.gpus) or None,
            "gpu_driver": self.gpu_driver or None,
            **{f"package.{name}": version for name, version in sorted(self.libraries.items())},
        }
        return {key: _text(value) for key, value in plain.items() if value is not None}


def describe(proc: Path = sysfs.PROC, sys: Path = sysfs.SYS, loader: Callable[[], Nvml] = load) -> Machine:
    """Return what this machine is."""
    gpus, driver = _gpus(loader)
    return Machine(
        cpu_model=cpu.model(proc, sys),
        sockets=cpu.sockets(proc),
        physical_cores=cpu.physical_cores(proc),
        logical_cores=os.cpu_count() or 1,
        usable_cores=cpu.usable(),
        memory_bytes=int(psutil.virtual_memory().total),
        virtual=cpu.virtual(proc),
        governor=cpu.governor(sys),
        turbo=cpu.turbo(sys),
        address_randomisation=cpu.address_randomisation(proc),
        isolated_cores=cpu.isolated(sys),
        os=_distribution(),
        kernel=platform.release(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        gpus=gpus,
        gpu_driver=driver,
        libraries=dict(_versions()),
    )


def describe_machine() -> dict[str, str]:
    """Return the facts of this machine, for the store."""
    return describe().facts()


def _text(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _gpus(loader: Callable[[], Nvml]) -> tuple[tuple[str, ...], str]:
    try:
        library = loader()
        return tuple(device.name for device in library.devices()), library.driver_version()
    except SourceError:
        return (), ""


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _versions() -> list[tuple[str, str]]:
    found = []
    for package in LIBRARIES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return found
