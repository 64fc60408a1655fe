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
from harness.plugin.events import CaseEnded, RunEnded, RunObserver
from harness.plugin.hookspecs import API_VERSION, hookimpl
from harness.plugin.section import Section
from harness.plugin.size import PublishedSize
from harness.plugin.values import Artifact, Budget, Chart, Data, Image, Quality, Recipe, Text, Work

__all__ = [
    "API_VERSION",
    "Artifact",
    "Budget",
    "CaseEnded",
    "Chart",
    "Claim",
    "Data",
    "Image",
    "Paper",
    "PublishedSize",
    "Quality",
    "Recipe",
    "RunEnded",
    "RunObserver",
    "Scaled",
    "Section",
    "Text",
    "Variant",
    "Work",
    "Workload",
    "hookimpl",
]
