"""The meters by the names that `--metrics` takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from inspect import isfunction
from typing import Any

from harness.meters.base import Meter
from harness.meters.energy import EnergyMeter
from harness.meters.flops import FlopsMeter
from harness.meters.latency import LatencyMeter
from harness.meters.memory import MemoryMeter
from harness.meters.quality import QualityMeter
from harness.plugin.extensions import lacks, load_extensions
from harness.sources.energy import energy_sources
from harness.sources.energy.source import EnergySource


def all_energy_sources(device: str) -> Sequence[EnergySource]:
    """Return the host's own sources of a device and those that extensions bring, best first."""
    return energy_sources(device, load_extensions().brought("energy_sources", device=device))


_OWN: Mapping[str, Meter] = {
    meter.name: meter for meter in (FlopsMeter(), MemoryMeter(), QualityMeter(), LatencyMeter(), EnergyMeter(all_energy_sources))
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = ("sizes",)
"""What `--metrics` knows beside meters: the published sizes."""
_MEMBERS = (*Meter.__annotations__, *(name for name, member in vars(Meter).items() if isfunction(member) and not name.startswith("_")))


@cache
def brought_meters() -> Mapping[str, Meter]:
    """Return the meters of extensions; one that cannot be right is refused with the reason."""
    extensions, found = load_extensions(), dict[str, Meter]()
    for answer in extensions.ask("meters"):
        for meter in answer.members:
            if reason := _unfit(meter, (*_OWN, *_RESERVED, *found)):
                extensions.refuse(answer.extension, reason)
            else:
                found[meter.name] = meter
    return found


def _unfit(meter: Any, taken: Collection[str]) -> str:
    if missing := lacks(meter, _MEMBERS):
        return f"meter {missing}; give what harness.meters.base.Meter asks for"
    if not _NAME.fullmatch(meter.name):
        return f"meter name {meter.name!r}: write lower-case letters, digits and _"
    return f"meter name {meter.name!r} is taken; give it another name" if meter.name in taken else ""


class _Meters(Mapping[str, Meter]):
    """The host's meters and those of extensions, which are imported only when somebody asks for more than the host's own."""

    def __getitem__(self, name: str) -> Meter:
        return _OWN[name] if name in _OWN else brought_meters()[name]

    def __iter__(self) -> Iterator[str]:
        yield from (*_OWN, *brought_meters())

    def __len__(self) -> int:
        return len(_OWN) + len(brought_meters())


METERS: Mapping[str, Meter] = _Meters()
