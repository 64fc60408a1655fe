"""The contract between the host and a plugin: cards, hooks, discovery.

A plugin is a module with functions marked `hookimpl`; its card is an ordinary value:

>>> from harness.plugin import Paper, Variant
>>> card = Paper(
...     slug="my_method", title="My Method", arxiv="", year=2026, family="attention", task="mix tokens",
...     method="One sentence on what it does.",
...     variants=[Variant("mine", "the method", subject=True), Variant("plain", "what it argues against")],
... )
>>> card.subject.name
'mine'

Nothing here imports torch: a thousand cards are listed in a blink.
"""

from harness.plugin.card import Paper, Variant, Workload
from harness.plugin.claim import Claim, Scaled
from harness.plugin.hookspecs import hookimpl
from harness.plugin.size import PublishedSize
from harness.plugin.values import Artifact, Budget, Chart, Data, Image, Quality, Recipe, Text, Work

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
    "hookimpl",
]
