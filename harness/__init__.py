"""harness: does a paper's method deliver what its authors claim, on my hardware?

What a plugin's author imports:

>>> from harness import Claim, Data, Paper, PublishedSize, Quality, Variant, hookimpl

Importing this package never imports torch.
"""

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

__version__ = "0.1.0"

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
    "hookimpl",
]
