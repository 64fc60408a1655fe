"""harness: does a paper's method deliver what its authors claim, on my hardware?

What a plugin's author imports:

>>> from harness import Claim, Data, Paper, PublishedSize, Quality, Variant, hookimpl

What anyone with a module or a function calls, no plugin needed:

    harness.profile(model, x)                        # FLOPs, latency, memory, energy
    harness.compare({"new": f, "old": g}, x)         # faster, slower, the same, or cannot tell

Importing this package never imports torch.
"""

from typing import Any

from harness.plugin import (
    Artifact,
    Budget,
    Chart,
    Claim,
    Data,
    Image,
    Paper,
    PublishedSize,
    Quality,
    Recipe,
    Scaled,
    Text,
    Variant,
    Work,
    Workload,
    hookimpl,
)
from harness.version import __version__

__all__ = [
    "Artifact",
    "Budget",
    "Chart",
    "Claim",
    "Data",
    "Image",
    "Paper",
    "PublishedSize",
    "Quality",
    "Recipe",
    "Scaled",
    "Text",
    "Variant",
    "Work",
    "Workload",
    "__version__",
    "compare",
    "hookimpl",
    "profile",
]


def __getattr__(name: str) -> Any:
    """Load `profile` and `compare` when they are first used: they bring numpy and pandas."""
    if name in ("profile", "compare"):
        from harness import profiling

        return getattr(profiling, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
