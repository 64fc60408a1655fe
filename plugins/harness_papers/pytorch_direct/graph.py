"""Graphs whose communities can be learned, their features, and the sampling of neighbourhoods."""

from __future__ import annotations

from dataclasses import dataclass

import networkx
import numpy as np
import torch
from torch import Tensor

from .setting import Setting

KARATE_NODES = 34
LINKS = 8
"""Neighbours that each node of the planted graph looks for."""
INSIDE = 0.8
"""Share of them in its own community."""
EXPONENT = 0.5
"""Node i draws links in proportion to (i + 1)^-0.5, which gives degrees a tail of power 3, as preferential attachment does."""
NOISE = 3.0
"""Standard deviation of a feature around its community's mean, in lengths of a mean: one node alone says little, neighbours say more."""
TRAIN_SHARE = 0.6
GRAPH_SEED = 7


@dataclass(frozen=True)
class Graph:
    """A graph without direction, as lists of neighbours.

    Attributes:
        start: Where each node's neighbours begin in `neighbours`, (n + 1,).
        neighbours: (2 edges,).
        labels: Community of each node, (n,).
        train: Nodes whose labels are trained on.
        test: The others.
    """

    start: Tensor
    neighbours: Tensor
    labels: Tensor
    train: Tensor
    test: Tensor


def make_graph(setting: Setting) -> Graph:
    """Return the karate club where it has the size that is asked for, else a graph of planted communities with a power law of degrees."""
    rng = np.random.default_rng(GRAPH_SEED)
    edges, labels = _karate() if setting.nodes == KARATE_NODES else _planted(setting.nodes, setting.classes, rng)
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.concatenate([[0], np.cumsum(np.bincount(both[:, 0], minlength=len(labels)))])
    order = rng.permutation(len(labels))
    cut = int(TRAIN_SHARE * len(labels))
    arrays = (start, both[:, 1].copy(), labels, order[:cut], order[cut:])
    return Graph(*(torch.from_numpy(np.ascontiguousarray(a)).long() for a in arrays))


def _karate() -> tuple[np.ndarray, np.ndarray]:
    club = networkx.karate_club_graph()
    return np.array(club.edges()), np.array([int(club.nodes[v]["club"] == "Officer") for v in club])


def _planted(n: int, communities: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return edges (n * LINKS, 2) and labels (n,). Node i is in community i mod K, so that each has its share of well-connected nodes."""
    labels = np.arange(n) % communities
    members = -(-n // communities)

    def drawn(size: int, count: int) -> np.ndarray:
        # The inverse of the distribution function of density x^-EXPONENT.
        return np.minimum((size * rng.random(count) ** (1 / (1 - EXPONENT))).astype(np.int64), size - 1)

    source = np.repeat(np.arange(n), LINKS)
    inside = drawn(members, len(source)) * communities + labels[source]
    target = np.where(rng.random(len(source)) < INSIDE, np.minimum(inside, n - 1), drawn(n, len(source)))
    return np.stack([source, np.where(target == source, (target + communities) % n, target)], 1), labels


def features(labels: Tensor, d: int) -> Tensor:
    """Return each node's features: its community's mean and noise, (n, d) float32."""
    generator = torch.Generator().manual_seed(GRAPH_SEED)
    means = torch.randn(int(labels.max()) + 1, d, generator=generator) / d**0.5
    return means[labels] + NOISE / d**0.5 * torch.randn(len(labels), d, generator=generator)


def random_table(rows: int, d: int) -> Tensor:
    """Return a table that is only moved, (rows, d) float32."""
    return torch.rand(rows, d, generator=torch.Generator().manual_seed(GRAPH_SEED))


def sample(graph: Graph, seeds: Tensor, fan_out: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Draw neighbours of seeds (B,), with replacement.

    Returns:
        The nodes whose features a step needs, (B (1 + f1 + f1 f2),): the seeds, f1 neighbours of each, and f2 neighbours of each of those.
    """
    first = _neighbours(graph, seeds, fan_out[0], generator)
    return torch.cat([seeds, first, _neighbours(graph, first, fan_out[1], generator)])


def _neighbours(graph: Graph, nodes: Tensor, count: int, generator: torch.Generator) -> Tensor:
    start = graph.start[nodes]
    degree = graph.start[nodes + 1] - start
    place = (torch.rand(len(nodes), count, generator=generator) * degree[:, None]).long()
    return graph.neighbours[(start[:, None] + torch.minimum(place, degree[:, None] - 1)).flatten()]


def batches(nodes: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
    """Return the nodes in random order, cut into batches; a last one that is not full is left out."""
    order = nodes[torch.randperm(len(nodes), generator=generator)]
    return [part for part in order.split(size) if len(part) == size]
