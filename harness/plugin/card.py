"""The card of a paper: everything about it that can be read without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.plugin.claim import Claim, Scaled
from harness.plugin.size import PublishedSize
from harness.plugin.validate import CardError, check, check_known, check_text, check_type, frozen_mapping, frozen_tuple

_YEAR_RANGE = (1950, 2100)


class Scale(StrEnum):
    """How large an experiment is."""

    SMOKE = "smoke"
    """Seconds: does it work."""
    SMALL = "small"
    """An honest reduced experiment, at most two minutes a variant on two cores, training included."""
    PAPER = "paper"
    """The published dimensions; never trained."""


class Better(StrEnum):
    """Which way a figure improves."""

    LOWER = "lower"
    HIGHER = "higher"


QUANTITIES: Mapping[str, Better] = {
    "parameters": Better.LOWER,
    "macs": Better.LOWER,
    "flops": Better.LOWER,
    "bytes_moved": Better.LOWER,
    "latency": Better.LOWER,
    "first_call": Better.LOWER,
    "throughput": Better.HIGHER,
    "weights": Better.LOWER,
    "peak_activation": Better.LOWER,
    "peak_rss": Better.LOWER,
    "energy": Better.LOWER,
    "energy_operations": Better.LOWER,
}
"""Quantities that the host measures for every paper, and which way each is better."""

CONDITIONS = ("device", "dtype", "mode", "scale")
"""Conditions of a claim beside the sweep axes."""


@dataclass(frozen=True)
class Variant:
    """The paper's method or a baseline. All variants of a paper take the same inputs and answer the same question.

    Attributes:
        name: Short, unique on the card.
        about: What it is, in a few words.
        subject: True for the paper's method: exactly one variant of a card.
        shares_fit: Another variant whose fitted model this one is made from (one training, many models; or a quantized copy).
        requires: Device kinds it can run on (`cuda`); empty means any.
    """

    name: str
    about: str
    subject: bool = False
    shares_fit: str = ""
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_text("variant", "name", self.name)
        check_text(f"variant {self.name!r}", "about", self.about)
        object.__setattr__(self, "requires", frozen_tuple(f"variant {self.name!r}", "requires", self.requires, str))


@dataclass(frozen=True)
class Workload:
    """A named unit of work that is timed.

    Attributes:
        name: `infer` (the default), `train_step`, `encode`, `decode`, `sample`, `stream_chunk`, `solve`, ...
        items: What one call processes, in the plural: `images`, `tokens`, `frames`.
        about: What one call does, where the name does not say it.
        needs_fit: True where the time depends on the trained weights (data-dependent steps): the host fits before it times.
        gradients: True where the work itself differentiates; `train_step` always does. Otherwise it runs in `torch.inference_mode`.
        requires: Device kinds on which it means something (`cuda`); empty means any.
    """

    name: str = "infer"
    items: str = "items"
    about: str = ""
    needs_fit: bool = False
    gradients: bool = False
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_text("workload", "name", self.name)
        object.__setattr__(self, "requires", frozen_tuple(f"workload {self.name!r}", "requires", self.requires, str))
        object.__setattr__(self, "gradients", self.gradients or self.name == "train_step")


@dataclass(frozen=True)
class Paper:
    """A paper's card.

    Attributes:
        slug: The plugin's name: a lower-case Python identifier.
        title: The paper's title.
        arxiv: Its arXiv id, empty where there is none.
        year: Year of publication.
        family: The comparison table it belongs to (`attention`, `time-series`, ...).
        task: What every variant is asked to do, with shapes.
        method: The method in two sentences.
        variants: One subject, one or more baselines. The first baseline is the one that ratios in the site's tables are against.
        workloads: What is timed; empty for a paper that is an analysis.
        sweep: Axis name to its values, or to `{scale: values}` of every scale. The first value is the default point; `smoke` runs that point alone,
            or what `{scale: values}` has for it.
        qualities: Name to `higher` or `lower`: what `metric` returns, and which way is better.
        cost_axes: Sweep axes along which FLOPs, memory and latency are measured, not only at the default point; None means all, an empty list the
            default point alone. Leave out an axis that changes what is asked but not what a call costs, or whose cost nobody asks for. Energy is
            never swept.
        quality_points: Where else every variant's quality is measured, each as what differs from the default point: `{"task": "digits"}`. A scale
            without that value leaves the point out; what a claim needs elsewhere is measured for the claim.
        sizes: Published sizes.
        claims: Published claims.
        deviations: Every difference from the paper. An empty list is a promise.
        readings: What the paper leaves open or could not be read, and how it is read here.
        findings: What looking into a claim that did not hold has shown.
        data: Where the data come from.
        code: The authors' repository.
        protocol: What papers of this family hold equal, so that a row of one may be compared with a row of another: shapes, data, recipe. Empty
            where the paper answers a question of its own.
    """

    slug: str
    title: str
    arxiv: str
    year: int
    family: str
    task: str
    method: str
    variants: Sequence[Variant]
    workloads: Sequence[Workload] = (Workload(),)
    sweep: Mapping[str, Any] = field(default_factory=dict)
    qualities: Mapping[str, str] = field(default_factory=dict)
    cost_axes: Sequence[str] | None = None
    quality_points: Sequence[Mapping[str, Any]] = ()
    sizes: Sequence[PublishedSize] = ()
    claims: Sequence[Claim] = ()
    deviations: Sequence[str] = ()
    readings: Sequence[str] = ()
    findings: Sequence[str] = ()
    data: str = ""
    code: str = ""
    protocol: str = ""

    def __post_init__(self) -> None:
        check_text("card", "slug", self.slug)
        check(bool(re.fullmatch(r"[a-z][a-z0-9_]*", self.slug)), f"card: slug is {self.slug!r}; write lower-case letters, digits and _")
        owner = f"card {self.slug!r}"
        for name in ("title", "family", "task", "method"):
            check_text(owner, name, getattr(self, name))
        check_type(owner, "year", self.year, int)
        check(_YEAR_RANGE[0] <= self.year <= _YEAR_RANGE[1], f"{owner}: year is {self.year}; write the year of publication")
        for name, kind in _LISTS.items():
            object.__setattr__(self, name, frozen_tuple(owner, name, getattr(self, name), kind))
        if self.cost_axes is not None:
            object.__setattr__(self, "cost_axes", frozen_tuple(owner, "cost_axes", self.cost_axes, str))
        self._check_variants(owner)
        self._check_unique(owner)
        object.__setattr__(self, "sweep", frozen_mapping(owner, "sweep", {k: _axis(owner, k, v) for k, v in dict(self.sweep).items()}))
        object.__setattr__(self, "qualities", frozen_mapping(owner, "qualities", self.qualities))
        for name, better in self.qualities.items():
            check_known(owner, f"quality {name!r}", better, list(Better))
            check(name not in QUANTITIES, f"{owner}: quality {name!r} has the name of a quantity that the host measures; name it otherwise")
        for axis in self.cost_axes or ():
            check_known(owner, "cost_axes", axis, self.sweep)
        for point in self.quality_points:
            self._check_point(owner, point)
        for size in self.sizes:
            check_known(owner, "a published size", size.variant, self.variant_names)
            if size.workload:
                check_known(owner, "a published size", size.workload, [w.name for w in self.workloads])
        for claim in self.claims:
            self._check_claim(claim)

    def _check_variants(self, owner: str) -> None:
        subjects = [v.name for v in self.variants if v.subject]
        check(len(subjects) == 1, f"{owner}: {len(subjects)} variants have subject=True {subjects}; mark exactly one, the paper's method")
        check(len(self.variants) > 1, f"{owner}: there is no baseline; add the variant that the paper argues against")
        for variant in self.variants:
            if variant.shares_fit:
                check_known(owner, f"shares_fit of variant {variant.name!r}", variant.shares_fit, self.variant_names)

    def _check_unique(self, owner: str) -> None:
        groups = {"variant": self.variant_names, "workload": [w.name for w in self.workloads], "claim": [c.id for c in self.claims]}
        for kind, names in groups.items():
            doubled = sorted({n for n in names if list(names).count(n) > 1})
            check(not doubled, f"{owner}: two of its {kind}s are named {', '.join(map(repr, doubled))}; give each its own name")

    def _check_claim(self, claim: Claim) -> None:
        self._check_statement(f"claim {claim.id!r}", claim)
        if claim.scaled is not None:
            self._check_statement(f"scaled-down check of claim {claim.id!r}", claim.scaled)

    def _check_statement(self, owner: str, statement: Claim | Scaled) -> None:
        for role in ("subject", "baseline"):
            if name := getattr(statement, role):
                check_known(owner, role, name, self.variant_names)
        if statement.quantity:
            check_known(owner, "quantity", statement.quantity, [*QUANTITIES, *self.qualities])
        if statement.axis:
            check_known(owner, "axis", statement.axis, self.sweep)
        if statement.workload and statement.quantity not in self.qualities and self.workloads:
            check_known(owner, "workload", statement.workload, [w.name for w in self.workloads])
        for key in statement.when:
            check_known(owner, "a condition", key, [*CONDITIONS, *self.sweep])
        self._check_point(owner, {key: value for key, value in statement.when.items() if key in self.sweep})
        if "scale" in statement.when:
            check_known(owner, "scale", statement.when["scale"], list(Scale))

    def _check_point(self, owner: str, point: Mapping[str, Any]) -> None:
        for key, value in point.items():
            check_known(owner, "a point", key, self.sweep)
            points = sorted({p for scale in Scale for p in self.axis(key, scale)}, key=str)
            check(value in points, f"{owner}: {key} is {value!r}, not a point of the sweep; its points are {', '.join(map(str, points))}")

    @property
    def subject(self) -> Variant:
        """The paper's method."""
        return next(v for v in self.variants if v.subject)

    @property
    def variant_names(self) -> list[str]:
        """Names of all variants, in the card's order."""
        return [v.name for v in self.variants]

    def variant(self, name: str) -> Variant:
        """Return the variant called `name`."""
        check_known(f"card {self.slug!r}", "variant", name, self.variant_names)
        return next(v for v in self.variants if v.name == name)

    def workload(self, name: str) -> Workload:
        """Return the workload called `name`."""
        check_known(f"card {self.slug!r}", "workload", name, [w.name for w in self.workloads])
        return next(w for w in self.workloads if w.name == name)

    def better(self, quantity: str) -> Better:
        """Return which way `quantity`, built-in or a quality of this card, improves."""
        check_known(f"card {self.slug!r}", "quantity", quantity, [*QUANTITIES, *self.qualities])
        return QUANTITIES[quantity] if quantity in QUANTITIES else Better(self.qualities[quantity])

    def axis(self, name: str, scale: str) -> tuple[Any, ...]:
        """Return the values of a sweep axis at a scale."""
        values = self.sweep[name]
        if isinstance(values, Mapping):
            return tuple(values[scale])
        return values[:1] if scale == Scale.SMOKE else tuple(values)

    def default_point(self, scale: str) -> dict[str, Any]:
        """Return every axis at its first value."""
        return {name: self.axis(name, scale)[0] for name in self.sweep}

    def cost_points(self, scale: str) -> Iterator[dict[str, Any]]:
        """Yield the default point, then each of `cost_axes` moved alone through its other values."""
        default = self.default_point(scale)
        yield default
        for name in self.sweep if self.cost_axes is None else self.cost_axes:
            for value in self.axis(name, scale)[1:]:
                yield {**default, name: value}

    def trained_points(self, scale: str) -> Iterator[dict[str, Any]]:
        """Yield the default point, then those of `quality_points` that the scale has beside it."""
        default = self.default_point(scale)
        yield default
        for point in self.quality_points:
            if {**default, **point} != default and all(value in self.axis(name, scale) for name, value in point.items()):
                yield {**default, **point}


_LISTS: Mapping[str, type] = {
    "variants": Variant,
    "workloads": Workload,
    "quality_points": Mapping,
    "sizes": PublishedSize,
    "claims": Claim,
    "deviations": str,
    "readings": str,
    "findings": str,
}


def _axis(owner: str, name: str, values: Any) -> Any:
    """Check a sweep axis: a tuple of values, or one for each scale."""
    if isinstance(values, Mapping):
        missing = [s.value for s in Scale if s not in values]
        check(not missing, f"{owner}: sweep axis {name!r} has no values for scale {', '.join(missing)}; give all of {', '.join(Scale)}")
        return frozen_mapping(owner, f"sweep axis {name!r}", {str(k): _axis(owner, name, v) for k, v in values.items()})
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise CardError(f"{owner}: sweep axis {name!r} is {values!r}; write a tuple of values")
    return tuple(values)
