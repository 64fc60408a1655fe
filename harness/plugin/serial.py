"""Cards as plain JSON data, for listings and for the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from harness.plugin.card import Paper


def card_to_dict(card: Paper) -> dict[str, Any]:
    """Return every field of a card as plain lists, mappings, strings and numbers."""
    plain: dict[str, Any] = _plain(card)
    return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(member) for member in value]
    return value
