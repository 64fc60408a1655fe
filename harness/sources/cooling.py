"""Let a GPU cool down between cases, so that one does not heat the next."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import HarnessError
from harness.sources import clock
from harness.sources.availability import SourceError
from harness.sources.cuda_devices import find
from harness.sources.nvml import Nvml, load

INTERVAL_S = 2.0
"""Sensors tell whole degrees: a board that cools at less than a degree in this time has nearly stopped."""
LIMIT_S = 30.0
"""A board that is still cooling then was very hot, or something else heats it: the guards will say so."""


def cool_down(device: str, loader: Callable[[], Nvml] = load) -> float:
    """Wait until the device's temperature has stopped falling; return the seconds waited, 0 for anything but a GPU that tells its temperature."""
    kind, _, ordinal = device.partition(":")
    if kind != "cuda":
        return 0.0
    try:
        found = find(int(ordinal or 0), loader().devices())
        if found is None:
            return 0.0
        start_s, before_c = clock.now(), found.physical.temperature_c()
        while clock.now() - start_s < LIMIT_S:
            clock.sleep(INTERVAL_S)
            now_c = found.physical.temperature_c()
            if now_c >= before_c:
                break
            before_c = now_c
    except (SourceError, HarnessError):  # the target and the meters say so
        return 0.0
    return clock.now() - start_s
