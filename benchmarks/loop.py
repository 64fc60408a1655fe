"""A bare loop: what a figure has to agree with."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def bare_loop(function: Callable[..., Any], inputs: tuple[Any, ...], calls: int, seconds: float) -> float:
    """Return the median seconds a call of blocks of `calls` calls, with nothing around a call but the loop."""
    blocks, end = list[float](), time.perf_counter() + seconds
    while time.perf_counter() < end or not blocks:
        start = time.perf_counter()
        for _ in range(calls):
            function(*inputs)
        blocks.append((time.perf_counter() - start) / calls)
    return statistics.median(blocks)
