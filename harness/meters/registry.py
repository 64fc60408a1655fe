"""The meters by the names that `--metrics` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.meters.base import Meter
from harness.meters.energy import EnergyMeter
from harness.meters.flops import FlopsMeter
from harness.meters.latency import LatencyMeter
from harness.meters.memory import MemoryMeter
from harness.meters.quality import QualityMeter
from harness.plugin.extensions import load_extensions
from harness.sources.energy import energy_sources
from harness.sources.energy.source import EnergySource


def all_energy_sources(device: str) -> Sequence[EnergySource]:
    """Return the host's own sources of a device and those that extensions bring, best first."""
    return energy_sources(device, load_extensions().brought("energy_sources", device=device))


_ALL: tuple[Meter, ...] = (FlopsMeter(), MemoryMeter(), QualityMeter(), LatencyMeter(), EnergyMeter(all_energy_sources))

METERS: Mapping[str, Meter] = {meter.name: meter for meter in _ALL}
