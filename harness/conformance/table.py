"""The checks, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.conformance import batches, card, counting, exporting, importing, network, repeating, sizes, state, variants
from harness.conformance.finding import Verdict, holds
from harness.conformance.workers import Examined


@dataclass(frozen=True)
class Check:
    """One part of the contract.

    Attributes:
        name: Short, unique.
        why: Why it matters.
        how: How to mend it, where the verdict does not say it more exactly.
        judge: Says whether a plugin that could be loaded keeps it.
    """

    name: str
    why: str
    how: str
    judge: Callable[[Examined], Verdict]


LOADS = Check(
    "loads",
    "a plugin that cannot be imported, or whose card or hooks are refused, is a broken row in every run",
    "mend what the message names; the hooks and their arguments are on one page, harness/plugin/hookspecs.py",
    lambda _examined: holds(),
)
"""Judged by discovery itself, before there is anything to examine."""

CHECKS: tuple[Check, ...] = (
    LOADS,
    Check(
        "card",
        "the card is all that a reader of a report sees of a paper, and it is kept in the store",
        "fill in or correct the named field of Paper(...)",
        card.complete,
    ),
    Check(
        "hooks",
        "the host calls hooks by name: one that is missing is a case that fails, or a figure that is never made",
        "write the hook and mark it with @hookimpl, or take from the card what needs it",
        card.hooks,
    ),
    Check(
        "claims",
        "a claim whose conditions no run can meet stays untested for ever, and nobody sees why",
        "write conditions that are points of the card's sweep at that scale, or extend the sweep",
        card.claims,
    ),
    Check(
        "import",
        "every command reads every card: a slow import or one of torch is felt by all users of all papers",
        "import what is heavy inside the hooks, and do no work at the top of the module",
        importing.light,
    ),
    Check(
        "deterministic",
        "figures of two variants, two runs or two machines can be compared only if data and models are the same in each",
        "draw from torch after the host has seeded it, or from a generator made of `seed`; iterate over no set",
        repeating.deterministic,
    ),
    Check(
        "alone",
        "each case runs in a process of its own, in any order: what one hook leaves for another is not there",
        "pass everything through arguments and results; keep nothing in the module between calls",
        repeating.alone,
    ),
    Check(
        "offline",
        "what is downloaded changes, vanishes, and is not there on a cluster's nodes",
        "generate the data, take them from an installed package, or ship them with the plugin",
        network.offline,
    ),
    Check(
        "state",
        "what a hook changes for the whole process changes the figures of the variants that come after it",
        "take and use local settings: torch.Generator().manual_seed(seed), numpy.random.default_rng(seed), dtype= and device= where tensors are made",
        state.clean,
    ),
    Check(
        "variants",
        "a comparison means something only between variants that are given the same and answer the same question",
        "give every variant the same signature and the same kind of result",
        variants.interchangeable,
    ),
    Check(
        "sizes",
        "a size that is not the printed one shows that another model was built than the paper's",
        "correct the model or the printed figure; where the authors count otherwise, say so in convention and adjust; where they err, in disputed",
        sizes.published,
    ),
    Check(
        "meta",
        "published dimensions are checked without memory or time: models that read values cannot be",
        "at scale 'paper' build with torch's factories and modules alone, and read no values of tensors",
        sizes.on_meta,
    ),
    Check(
        "counted",
        "an operator without a formula is in no sum of operations, so a comparison of FLOPs would be unfair",
        "give its formula in the hook flop_formulas(): {'namespace::op': lambda call: {'matmul': 2 * macs}}",
        counting.counted,
    ),
    Check(
        "metrics",
        "a quality that changes from run to run with one seed, or is no number, can be judged by nobody",
        "draw only from generators of the given seed; return finite numbers, with names and directions of the card's qualities",
        repeating.stable,
    ),
    Check(
        "batch-one",
        "a card that has a batch of one promises latency a user would see",
        "do not squeeze the batch axis away, and normalise by what a batch of one has too",
        batches.single,
    ),
    Check(
        "export",
        "a model that exports can be measured on boards and in other runtimes",
        "write the named operator otherwise; where the method needs it, name it under deviations",
        exporting.exports,
    ),
)

BY_NAME = {check.name: check for check in CHECKS}
