"""Cards as plain JSON data, for listings and for the store, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from harness.plugin.card import Paper, Variant, Workload
from harness.plugin.claim import FORMS, Claim, Scaled
from harness.plugin.size import PublishedSize


def card_to_dict(card: Paper) -> dict[str, Any]:
    """Return every field of a card as plain lists, mappings, strings and numbers."""
    plain: dict[str, Any] = _plain(card)
    return plain


def card_from_dict(plain: Mapping[str, Any]) -> Paper:
    """Return the card that `card_to_dict` wrote; its values have become lists where they were tuples, and nothing else has changed."""
    return Paper(
        **{
            **plain,
            "variants": [Variant(**v) for v in plain["variants"]],
            "workloads": [Workload(**w) for w in plain["workloads"]],
            "sizes": [PublishedSize(**s) for s in plain["sizes"]],
            "claims": [_claim(c) for c in plain["claims"]],
        }
    )


def _claim(plain: Mapping[str, Any]) -> Claim:
    scaled = plain["scaled"]
    return Claim(**{**_ranges(plain), "scaled": None if scaled is None else Scaled(**_ranges(scaled))})


def _ranges(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A range is a pair: JSON has made a list of it."""
    return {k: tuple(v) if k in FORMS and isinstance(v, list) else v for k, v in plain.items()}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(member) for member in value]
    return value
