"""The case: the unit of isolation, caching, resuming and sharding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a case ended."""

    OK = "ok"
    FAILED = "failed"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    SKIPPED = "skipped"


BAD = frozenset({Status.FAILED, Status.CRASHED, Status.TIMEOUT, Status.OUT_OF_MEMORY})
"""Statuses that make a run exit with 1."""

NATIVE = "native"
"""The dtype that the plugin builds, left alone; usually float32."""


@dataclass(frozen=True)
class Case:
    """What is measured, and under which conditions.

    Attributes:
        paper: The plugin's slug.
        variants: One for a single case; subject first, then its baselines, for a paired one.
        workload: The named unit of work; empty for quality.
        scale: `smoke`, `small` or `paper`.
        params: The sweep point.
        target: Name of the target.
        dtype: `native`, or what weights and inputs are cast to.
        mode: `eager`, `compile` or `cudagraph`.
        meter: Which meter observes it.
    """

    paper: str
    variants: tuple[str, ...]
    workload: str
    scale: str
    params: Mapping[str, Any]
    target: str
    dtype: str
    mode: str
    meter: str

    @property
    def identity(self) -> dict[str, str]:
        """The case's columns in the store, the same from night to night."""
        return {
            "paper": self.paper,
            "variant": ",".join(self.variants),
            "workload": self.workload,
            "scale": self.scale,
            "params": json.dumps(dict(self.params), sort_keys=True),
            "target": self.target,
            "dtype": self.dtype,
            "mode": self.mode,
            "meter": self.meter,
        }

    @property
    def case_id(self) -> str:
        """A short hash of the identity."""
        return digest(self.identity)

    @property
    def title(self) -> str:
        """The case in a few words, for progress lines."""
        point = ",".join(f"{k}={v}" for k, v in self.params.items())
        what = self.workload if self.meter != "quality" else ""
        return " ".join(part for part in (self.paper, "/".join(self.variants), what, point, self.meter) if part)


def digest(value: Any) -> str:
    """Return a short hash of JSON data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
