"""What a check has in a worker: the plugin, loaded afresh, on benches of its own. Runs in a forked process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.plugin.card import Paper, Variant, Workload
from harness.plugin.discovery import Plugin

if TYPE_CHECKING:
    from harness.meters.workbench import Workbench

DEVICE = "cpu"


@dataclass(frozen=True)
class Stage:
    """A plugin in a worker.

    Attributes:
        plugin: Loaded in this process, and by nobody before.
        scale: At which its hooks are called.
    """

    plugin: Plugin
    scale: str

    @property
    def card(self) -> Paper:
        """The plugin's card."""
        return self.plugin.card

    @property
    def variants(self) -> list[str]:
        """Names of the variants that run on a CPU."""
        return [v.name for v in self.card.variants if runs_here(v)]

    @property
    def workloads(self) -> list[str]:
        """Names of the workloads that run on a CPU."""
        return [w.name for w in self.card.workloads if runs_here(w)]

    @property
    def splits(self) -> list[str]:
        """Splits that the host asks for: a card without qualities has nothing to train or judge."""
        return ["profile", "train", "test"] if self.card.qualities else ["profile"]

    @property
    def untrained(self) -> list[str]:
        """Variants of `variants` that are built from nothing; the others are made of a fitted one."""
        return [name for name in self.variants if not self.card.variant(name).shares_fit]

    def bench(self, **params: Any) -> Workbench:
        """Return a bench at the default sweep point, `params` over it."""
        from harness.meters.workbench import Workbench

        return Workbench(self.plugin, self.scale, params)


def runs_here(part: Variant | Workload) -> bool:
    """Say whether a variant or a workload runs on a CPU, where plugins are checked."""
    return not part.requires or DEVICE in part.requires
