"""How a card's fields are checked: every complaint names the field, the value and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from harness.errors import HarnessError, nearest

T = TypeVar("T")


class CardError(HarnessError):
    """A card says something that cannot be right."""


def check(holds: bool, complaint: str) -> None:
    """Raise `CardError` with `complaint` unless `holds`."""
    if not holds:
        raise CardError(complaint)


def check_type(owner: str, field: str, value: object, kind: type | tuple[type, ...]) -> None:
    """Refuse a field of the wrong type, naming the owner and the field."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind in (int, float, (int, float))):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(k.__name__ for k in kinds)
        raise CardError(f"{owner}: {field} is {value!r}, a {type(value).__name__}; write a {wanted}")


def check_text(owner: str, field: str, value: object) -> None:
    """Refuse a field that is not a non-empty string."""
    check_type(owner, field, value, str)
    check(bool(str(value).strip()), f"{owner}: {field} is empty; say what it is")


def check_known(owner: str, field: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that is not among the `known` ones, giving the nearest."""
    names = list(known)
    if name not in names:  # the nearest name costs more than all other checks of a card
        raise CardError(f"{owner}: {field} names {name!r}, which does not exist; {nearest(name, names)}")


def frozen_tuple(owner: str, field: str, values: Iterable[Any], kind: type[T]) -> tuple[T, ...]:
    """Return `values` as a tuple whose members are all of type `kind`."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise CardError(f"{owner}: {field} is {values!r}; write a list of {kind.__name__}")
    members = tuple(values)
    for member in members:
        check_type(owner, f"a member of {field}", member, kind)
    return members


def frozen_mapping(owner: str, field: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a read-only copy of a mapping with string keys."""
    check_type(owner, field, values, Mapping)
    for key in values:
        check_type(owner, f"a key of {field}", key, str)
    return MappingProxyType(dict(values))
