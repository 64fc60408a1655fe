"""The meters by the names that `--metrics` takes."""

from __future__ import annotations

from collections.abc import Mapping

from harness.meters.base import Meter
from harness.meters.energy import EnergyMeter
from harness.meters.flops import FlopsMeter
from harness.meters.latency import LatencyMeter
from harness.meters.memory import MemoryMeter
from harness.meters.quality import QualityMeter

METERS: Mapping[str, Meter] = {
    meter.name: meter for meter in (FlopsMeter(), MemoryMeter(), QualityMeter(), LatencyMeter(), EnergyMeter())
}
