"""Quantities: what a metric is called, which way it is better, where it stands in a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from harness.plugin.card import QUANTITIES, Better


class Group(StrEnum):
    """What a quantity is about; the order is the order of columns."""

    QUALITY = "Quality"
    SPEED = "Speed"
    MEMORY = "Memory"
    ENERGY = "Energy"
    WORK = "Size and work"


GROUP_ORDER = list(Group)


class Tier(IntEnum):
    """How readily a quantity is shown."""

    HEADLINE = 0
    """Before anyone asks."""
    TABLE = 1
    """In a family's table, once it is chosen."""
    DETAIL = 2
    """On a paper's own page, once it is chosen."""


@dataclass(frozen=True)
class Quantity:
    """How a metric is shown.

    Attributes:
        metric: Its name in the store.
        label: Its name for people.
        group: The part of a table it belongs to.
        better: Which way it improves; None where neither way is better.
        tier: How readily it is shown.
        about: What it means, in one sentence.
        rank: Place among the columns.
    """

    metric: str
    label: str
    group: Group
    better: Better | None
    tier: Tier = Tier.DETAIL
    about: str = ""
    rank: int = 0

    @property
    def compares_by_difference(self) -> bool:
        """Say whether a baseline is compared with by difference (qualities) rather than by ratio."""
        return self.group is Group.QUALITY


_LOWER = Better.LOWER
_FIRST, _SECOND, _THIRD = Tier
_CATALOGUE: tuple[tuple[str, str, Group, Better | None, Tier, str], ...] = (
    ("latency", "Latency", Group.SPEED, _LOWER, _FIRST, "Median time of one call; the interval is over separate processes."),
    ("latency_p90", "Latency p90", Group.SPEED, _LOWER, _THIRD, "Nine of ten blocks of calls are faster."),
    ("latency_p99", "Latency p99", Group.SPEED, _LOWER, _SECOND, "Ninety-nine of a hundred blocks of calls are faster."),
    (
        "first_call",
        "First call",
        Group.SPEED,
        _LOWER,
        _SECOND,
        "The first call in a fresh process: compilation, tuning and warm-up included.",
    ),
    ("latency_cold", "Latency, cold", Group.SPEED, _LOWER, _THIRD, "A call after the caches have been emptied."),
    ("latency_wall", "Latency, wall", Group.SPEED, _LOWER, _THIRD, "A call by the host's clock, launches and waiting included."),
    ("throughput", "Throughput", Group.SPEED, Better.HIGHER, _SECOND, "Items a second at the workload's own batch."),
    ("latency_cv_within", "Spread within", Group.SPEED, None, _THIRD, "Coefficient of variation of the blocks within a process."),
    ("latency_cv_between", "Spread between", Group.SPEED, None, _THIRD, "Coefficient of variation of the medians of the processes."),
    ("peak_activation", "Peak activations", Group.MEMORY, _LOWER, _FIRST, "Most memory a call holds beyond weights and inputs."),
    ("peak_reserved", "Peak reserved", Group.MEMORY, _LOWER, _THIRD, "Most memory that the allocator reserved."),
    ("weights", "Weights", Group.MEMORY, _LOWER, _SECOND, "Memory of parameters and buffers."),
    ("inputs", "Inputs", Group.MEMORY, None, _THIRD, "Memory of one call's inputs."),
    ("peak_rss", "Peak RSS", Group.MEMORY, _LOWER, _THIRD, "Most resident memory of the whole process, interpreter included."),
    ("energy", "Energy", Group.ENERGY, _LOWER, _FIRST, "Energy per item."),
    ("energy_gross", "Energy, gross", Group.ENERGY, _LOWER, _SECOND, "Energy per item with the idle power of the device."),
    ("energy_net", "Energy, net", Group.ENERGY, _LOWER, _SECOND, "Energy per item above the idle power of the device."),
    ("energy_delay", "Energy-delay", Group.ENERGY, _LOWER, _THIRD, "Energy per item times seconds per item."),
    (
        "carbon",
        "Carbon",
        Group.ENERGY,
        _LOWER,
        _THIRD,
        "CO2-equivalent per item: the energy times the carbon intensity of a country's electricity.",
    ),
    (
        "energy_operations",
        "Energy by operations",
        Group.ENERGY,
        _LOWER,
        _SECOND,
        "What the counted arithmetic would draw per item by a table of operation energies at 45 nm; memory is not in it.",
    ),
    ("parameters", "Parameters", Group.WORK, _LOWER, _FIRST, "Trainable and fixed weights, each counted once."),
    ("macs", "MACs", Group.WORK, _LOWER, _FIRST, "Multiply-accumulates of matrix-like operations. One MAC is two FLOPs."),
    ("flops", "FLOPs", Group.WORK, _LOWER, _SECOND, "Two per MAC, and the element-wise operations and reductions."),
    ("bytes_moved", "Bytes moved", Group.WORK, _LOWER, _SECOND, "Bytes that the operations read and write."),
    ("intensity", "Intensity", Group.WORK, None, _THIRD, "FLOPs for each byte moved."),
)
_BUILT_IN: Mapping[str, Quantity] = {
    metric: Quantity(metric, label, group, better, tier, about, rank)
    for rank, (metric, label, group, better, tier, about) in enumerate(_CATALOGUE)
}
_LATE = len(_CATALOGUE)
_GROUP_OF_UNIT = {"s": Group.SPEED, "items/s": Group.SPEED, "B": Group.MEMORY, "J": Group.ENERGY, "J*s": Group.ENERGY, "g": Group.ENERGY}
RATIO_METRIC = "latency_ratio"
"""The interleaved ratio: shown where ratios are, never as a column of its own."""


def quantity(metric: str, unit: str, qualities: Mapping[str, str], headlines: Collection[str]) -> Quantity:
    """Describe a metric.

    Args:
        metric: Name in the store.
        unit: Its stored unit; tells the group of a metric that nobody has described.
        qualities: The cards' qualities, name to `higher` or `lower`.
        headlines: Qualities that are shown before anyone asks.
    """
    if metric in _BUILT_IN:
        return _BUILT_IN[metric]
    if metric in qualities:
        rank = list(qualities).index(metric)
        return Quantity(
            metric, spoken(metric), Group.QUALITY, Better(qualities[metric]), _FIRST if metric in headlines else _SECOND, rank=rank
        )
    if metric.startswith("ops_"):
        return Quantity(metric, f"{spoken(metric[4:])} ops", Group.WORK, _LOWER, rank=_LATE)
    return Quantity(metric, spoken(metric), _GROUP_OF_UNIT.get(unit, Group.WORK), QUANTITIES.get(metric), rank=_LATE)


def ordered(found: Iterable[Quantity]) -> list[Quantity]:
    """Return quantities in the order of columns."""
    return sorted(found, key=lambda q: (GROUP_ORDER.index(q.group), q.rank, q.metric))


def spoken(name: str) -> str:
    """Return a name for people: underscores become spaces."""
    return name.replace("_", " ")
