"""The election: importances become votes, votes become seats. Nothing here knows a model."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Group = tuple[str, ...]
"""Names of features that stand as one party: an alliance, or a single feature."""

TOTAL_VOTES = 1_000_000_000
SEATS = 600
"""The authors' defaults."""

SAFETY = 1 - 1e-12
"""A quota that is an integer but for rounding is not taken for one: greedy steps then decide."""


@dataclass(frozen=True)
class Parliament:
    """The outcome of an election: parties in the order of their first feature, votes (g,) and integer seats (g,)."""

    parties: tuple[Group, ...]
    votes: np.ndarray
    seats: np.ndarray


def elect(
    importances: Mapping[str, float],
    seats: int = SEATS,
    *,
    excluded: Sequence[str] = (),
    alliances: Sequence[Group] = (),
    threshold: float = 0.0,
    total_votes: float = TOTAL_VOTES,
    rule: Callable[[np.ndarray, int], np.ndarray] | None = None,
) -> Parliament:
    """Hold an election among features.

    Args:
        importances: I_f >= 0 by name; by name, so that excluding a feature cannot shift the others' values.
        seats: S.
        excluded: Features that do not stand; their importance counts for nobody.
        alliances: Features that stand together, with the sum of their importances.
        threshold: Percent of all votes below which a party gets no seat; its votes are not redistributed.
        total_votes: What the importances are scaled to.
        rule: From votes (g,) and S to seats (g,); D'Hondt where it is None.
    """
    parties = group(importances, excluded, alliances)
    sums = np.array([sum(importances[name] for name in party) for party in parties], dtype=float)  # I_g
    votes = sums / sums.sum() * total_votes if sums.sum() > 0 else sums  # V_g
    standing = np.where(votes >= threshold / 100 * total_votes, votes, 0.0)
    return Parliament(parties, votes, (rule or dhondt)(standing, seats))


def group(names: Mapping[str, float] | Sequence[str], excluded: Sequence[str], alliances: Sequence[Group]) -> tuple[Group, ...]:
    """Return the parties: alliances without their excluded members, and every other feature on its own.

    Raises:
        ValueError: when a name is not a feature, or stands in two alliances.
    """
    known = list(names)
    allied = [name for alliance in alliances for name in alliance]
    if strangers := [name for name in (*excluded, *allied) if name not in known]:
        raise ValueError(f"no such feature: {', '.join(strangers)}")
    if len(set(allied)) < len(allied):
        raise ValueError("a feature stands in one alliance only")
    standing = [name for name in known if name not in excluded]
    together = [tuple(name for name in alliance if name not in excluded) for alliance in alliances]
    parties = [party for party in together if party] + [(name,) for name in standing if name not in allied]
    return tuple(sorted(parties, key=lambda party: min(known.index(name) for name in party)))


def dhondt(votes: np.ndarray, seats: int) -> np.ndarray:
    """Give each of S seats to the party with the largest V_g / (s_g + 1); of equals the first. Votes (g,) -> seats (g,).

    No party ends below its quota S V_g / sum V, rounded down, so these seats are given at once, and at most g - 1 steps are left.
    """
    return highest_averages(votes, seats, 1, np.floor(quotas(votes, seats) * SAFETY).astype(int))


def sainte_lague(votes: np.ndarray, seats: int) -> np.ndarray:
    """Give each of S seats to the party with the largest V_g / (2 s_g + 1), which favours nobody by size. Votes (g,) -> seats (g,)."""
    return highest_averages(votes, seats, 2, np.zeros(len(votes), dtype=int))


def hamilton(votes: np.ndarray, seats: int) -> np.ndarray:
    """Give each party its quota rounded down, and what is left to the largest remainders; of equals the first. Votes (g,) -> seats (g,)."""
    if not votes.sum() > 0:
        return np.zeros(len(votes), dtype=int)
    quota = quotas(votes, seats)
    given = np.floor(quota).astype(int)
    order = np.argsort(-(quota - given), kind="stable")
    given[order[: seats - given.sum()]] += 1
    return given


def highest_averages(votes: np.ndarray, seats: int, step: int, start: np.ndarray) -> np.ndarray:
    """Go on from the seats of `start` (g,) until S are given, each to the largest V_g / (step s_g + 1). Takes g + S' log g operations."""
    given = start.copy()
    if not votes.sum() > 0:
        return given
    heap = [(-v / (step * s + 1), g) for g, (v, s) in enumerate(zip(votes, given, strict=True)) if v > 0]
    heapq.heapify(heap)
    for _ in range(seats - int(given.sum())):
        g = heap[0][1]
        given[g] += 1
        heapq.heapreplace(heap, (-votes[g] / (step * given[g] + 1), g))
    return given


def quotas(votes: np.ndarray, seats: int) -> np.ndarray:
    """Return what exact proportion would give: S V_g / sum V, (g,)."""
    return seats * votes / votes.sum() if votes.sum() > 0 else np.zeros(len(votes))
