"""Cards as the store keeps them: read from JSON, without the plugin."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from inspect import signature
from typing import Any, TypeVar

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class VariantCard:
    """A variant of a paper."""

    name: str
    about: str = ""
    subject: bool = False


@dataclass(frozen=True)
class PublishedCard:
    """A size that the authors print."""

    variant: str
    quantity: str
    printed: str
    source: str = ""
    input: str = ""
    convention: str = ""


@dataclass(frozen=True)
class ClaimCard:
    """A claim as its card states it."""

    id: str
    quantity: str
    subject: str
    baseline: str = ""
    says: str = ""
    source: str = ""
    measured_on: str = ""
    ours: bool = False
    when: Mapping[str, Any] = field(default_factory=dict)
    why_scaled: str = ""


@dataclass(frozen=True)
class Card:
    """A paper's card. Fields are those of `harness.Paper`."""

    slug: str
    title: str
    family: str
    arxiv: str = ""
    year: int = 0
    task: str = ""
    method: str = ""
    data: str = ""
    code: str = ""
    protocol: str = ""
    variants: tuple[VariantCard, ...] = ()
    items: Mapping[str, str] = field(default_factory=dict)
    """Workload to what one call of it processes."""
    sweep: Mapping[str, Any] = field(default_factory=dict)
    qualities: Mapping[str, str] = field(default_factory=dict)
    sizes: tuple[PublishedCard, ...] = ()
    claims: tuple[ClaimCard, ...] = ()
    deviations: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    origin: str = ""

    @cached_property
    def baselines(self) -> tuple[VariantCard, ...]:
        """The variants that the paper argues against, in the card's order."""
        return tuple(v for v in self.variants if not v.subject)

    @cached_property
    def reference(self) -> str:
        """The baseline that ratios are taken against: the card's first."""
        return self.baselines[0].name if self.baselines else ""

    @cached_property
    def subject(self) -> str:
        """The paper's method."""
        return next((v.name for v in self.variants if v.subject), "")

    @cached_property
    def _default_params(self) -> dict[str, str]:
        return {}

    def default_params(self, scale: str) -> str:
        """Return the default sweep point at a scale, written as the store writes it."""
        if scale not in self._default_params:
            point = {axis: _values(values, scale)[0] for axis, values in self.sweep.items() if _values(values, scale)}
            self._default_params[scale] = json.dumps(point, sort_keys=True)
        return self._default_params[scale]


def read_card(text: str, origin: str = "") -> Card:
    """Read a card from its JSON.

    Fields that this version does not know are passed over; fields that an older store lacks keep their defaults.
    """
    raw: dict[str, Any] = json.loads(text)
    fields = {
        **raw,
        "variants": tuple(_pick(VariantCard, v) for v in raw.get("variants", ())),
        "items": {w["name"]: w.get("items", "items") for w in raw.get("workloads", ())},
        "sizes": tuple(_pick(PublishedCard, s) for s in raw.get("sizes", ())),
        "claims": tuple(_claim(c) for c in raw.get("claims", ())),
        **{key: tuple(raw.get(key, ())) for key in ("deviations", "readings", "findings")},
        "origin": origin,
    }
    return _pick(Card, fields)


def _claim(raw: Mapping[str, Any]) -> ClaimCard:
    return _pick(ClaimCard, {**raw, "why_scaled": (raw.get("scaled") or {}).get("why", "")})


def _pick(kind: Callable[..., Kind], raw: Mapping[str, Any]) -> Kind:
    return kind(**{key: value for key, value in raw.items() if key in _known_fields(kind)})


@cache
def _known_fields(kind: Callable[..., Any]) -> frozenset[str]:
    return frozenset(signature(kind).parameters)


def _values(values: Any, scale: str) -> Sequence[Any]:
    return list(values.get(scale, ())) if isinstance(values, Mapping) else list(values)
