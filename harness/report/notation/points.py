"""Sweep points and names of files."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from typing import Any

_SLUG_LENGTH = 60
"""Longer file names trouble old file systems once a folder stands before them."""


@cache
def point_label(params: str) -> str:
    """Write a sweep point for people: `{"resolution": 14}` becomes `resolution 14`; empty for a paper without axes."""
    return ", ".join(f"{key} {value}" for key, value in _read(params).items())


@cache
def away_from(params: str, default: str) -> str:
    """Write what sets a sweep point apart from the default one; empty at the default.

    >>> away_from('{"batch": 2, "resolution": 28}', '{"batch": 2, "resolution": 14}')
    'resolution 28'
    """
    point, usual = _read(params), _read(default)
    return ", ".join(f"{key} {value}" for key, value in point.items() if key not in usual or usual[key] != value)


@cache
def file_slug(name: str) -> str:
    """Return a name that is safe as a file, an address and an identifier, and differs where names differ.

    >>> file_slug("time-series")
    'time-series'
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")[:_SLUG_LENGTH]
    if plain == name != "":
        return plain
    return f"{plain or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _read(params: str) -> dict[str, Any]:
    """Return a point's axes; what is not a point as a single nameless one."""
    try:
        point = json.loads(params or "{}")
    except ValueError:
        return {"": params}
    return point if isinstance(point, dict) else {"": point}
