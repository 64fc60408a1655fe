"""Graphs: molecules made of rings and chains, circular skip links, and large random ones; random-walk encodings; ragged batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .network import Graphs


class Graph(NamedTuple):
    """One graph: atoms (N, Fa), edges (2, E) in both directions, bonds (E, Fb), walks (N, K), target ()."""

    atoms: Tensor
    edges: Tensor
    bonds: Tensor
    walks: Tensor
    target: Tensor


def random_walks(A: NDArray[np.float32], K: int) -> NDArray[np.float32]:
    """Return p_i = [(D^-1 A)^k]_ii for k = 1..K of adjacency matrices A (G, N, N): (G, N, K). Isolated nodes have zeros."""
    degree = A.sum(-1, keepdims=True)
    step = np.divide(A, degree, out=np.zeros_like(A), where=degree > 0)
    power, found = step, []
    for _ in range(K):
        found.append(np.diagonal(power, axis1=1, axis2=2))
        power = power @ step
    return np.stack(found, -1)


def collate(graphs: Sequence[Graph]) -> tuple[Graphs, Tensor]:
    """Return graphs as one ragged batch, and their targets."""
    sizes = torch.tensor([len(g.atoms) for g in graphs])
    starts = sizes.cumsum(0) - sizes
    M = int(sizes.max())
    graph = torch.repeat_interleave(torch.arange(len(graphs)), sizes)
    slot = graph * M + torch.arange(len(graph)) - starts[graph]
    edges = torch.cat([g.edges + start for g, start in zip(graphs, starts.tolist(), strict=True)], 1)
    valid = torch.arange(M) < sizes[:, None]
    atoms, bonds, walks = (torch.cat([getattr(g, name) for g in graphs]) for name in ("atoms", "bonds", "walks"))
    return (atoms, edges, bonds, walks, graph, slot, valid), torch.stack([g.target for g in graphs])


# Circular skip links

CSL_NODES, CSL_SKIPS, CSL_COPIES = 41, (2, 3, 4, 5, 6, 9, 11, 12, 13, 16), 15
CSL_TRAINED = 9  # copies of each class; the others are tested


def circulant(skip: int) -> NDArray[np.float32]:
    """Return the adjacency matrix of the ring of 41 nodes with links to the node `skip` further on, both ways."""
    return nx.to_numpy_array(nx.circulant_graph(CSL_NODES, [1, skip]), dtype=np.float32)


@lru_cache(maxsize=2)
def skip_links(K: int) -> tuple[tuple[Graph, ...], tuple[Graph, ...]]:
    """Return training and test graphs of ten classes, nodes in random order and all alike."""
    rng = np.random.default_rng(0)
    train, test = [], []
    for label, skip in enumerate(CSL_SKIPS):
        A = circulant(skip)
        walks = torch.from_numpy(random_walks(A[None], K)[0].copy())
        for copy in range(CSL_COPIES):
            order = rng.permutation(CSL_NODES)
            edges = torch.from_numpy(np.stack(A[np.ix_(order, order)].nonzero()))
            nodes = torch.zeros(CSL_NODES, 1, dtype=torch.long)
            bonds = torch.zeros(edges.shape[1], 1, dtype=torch.long)
            graph = Graph(nodes, edges, bonds, walks[torch.from_numpy(order)], torch.tensor(label))
            (train if copy < CSL_TRAINED else test).append(graph)
    return tuple(train), tuple(test)


# Molecules

SMALLEST, LARGEST = 9, 37  # atoms, as in ZINC
ATOM_TYPES, BOND_TYPES = 28, 4
DISTANCE = 8  # of the pairs that the long-range term counts
PAIR = (10, 11)  # their types: the two most frequent of degree 2
RING_PRICE = 2.0  # for each ring of more than five atoms
DEGREE_TYPES = ((0, 10), (10, 19), (19, 28))  # types of atoms of one, two, and more bonds
TYPE_SHARE = 0.3  # of the most frequent type of a degree
AROMATIC = 3


class Skeleton:
    """Atoms and bonds of a molecule as it grows."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.degree: list[int] = []
        self.bonds: list[tuple[int, int, int]] = []
        self.large_rings = 0

    def bond(self, a: int, b: int, kind: int) -> None:
        """Join two atoms."""
        self.bonds.append((a, b, kind))
        self.degree[a] += 1
        self.degree[b] += 1

    def chain(self, length: int, start: int | None) -> int:
        """Add a chain from an atom, or from nothing; return its last atom."""
        for _ in range(length):
            self.degree.append(0)
            if start is not None:
                self.bond(start, len(self.degree) - 1, int(self.rng.integers(3)) if self.rng.random() < 0.3 else 0)
            start = len(self.degree) - 1
        return start if start is not None else self.chain(1, None)

    def ring(self, size: int, start: int) -> None:
        """Close a ring through an atom."""
        kind = AROMATIC if self.rng.random() < 0.5 else 0
        last = start
        for _ in range(size - 1):
            self.degree.append(0)
            self.bond(last, len(self.degree) - 1, kind)
            last = len(self.degree) - 1
        self.bond(last, start, kind)
        self.large_rings += size > 5

    def open_atom(self) -> int:
        """Return an atom with room for another bond."""
        room = [i for i, degree in enumerate(self.degree) if degree < 3]
        return room[int(self.rng.integers(len(room)))]


def grow(rng: np.random.Generator) -> Skeleton:
    """Return a random tree of rings and chains of 9 to 37 atoms."""
    size = int(rng.integers(SMALLEST, LARGEST + 1))
    made = Skeleton(rng)
    made.chain(1, None)
    while len(made.degree) < size:
        left = size - len(made.degree)
        end = made.chain(min(int(rng.integers(1, 5)), left), made.open_atom())
        left = size - len(made.degree)
        ring = int(rng.integers(5, 7))
        if left >= ring - 1 and made.degree[end] <= 1 and rng.random() < 0.7:
            made.ring(ring, end)
    return made


def atom_types(degree: Sequence[int], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a type for each atom, drawn among those of its degree, the first ones more often."""
    group = np.minimum(degree, 3) - 1
    low, high = np.array(DEGREE_TYPES).T
    drawn = rng.geometric(TYPE_SHARE, len(group)) - 1
    return low[group] + drawn % (high - low)[group]


def at_distance(A: NDArray[np.float32], distance: int) -> NDArray[np.bool_]:
    """Return which pairs of nodes of adjacency matrices A (G, N, N) are `distance` steps apart."""
    near = (A + np.eye(A.shape[-1], dtype=np.float32) > 0).astype(np.float32)
    reached = np.eye(A.shape[-1], dtype=np.float32)[None].repeat(len(A), 0)
    for _ in range(distance):
        before, reached = reached, (reached @ near > 0).astype(np.float32)
    return (reached > 0) & (before == 0)


def score(types: NDArray[np.int64], rings: int, far: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the parts of a molecule's score: its atoms, its large rings, and its pairs of two types eight bonds apart."""
    price = np.random.default_rng(1).normal(size=ATOM_TYPES) * 0.5
    pairs = far[np.ix_(types == PAIR[0], types == PAIR[1])].sum()
    return float(price[types].sum()), -RING_PRICE * rings, float(pairs)


@lru_cache(maxsize=4)
def molecules(train: int, test: int, K: int) -> tuple[tuple[Graph, ...], tuple[Graph, ...]]:
    """Return training and test molecules; scores are in standard deviations of the training scores."""
    rng = np.random.default_rng(0)
    skeletons = [grow(rng) for _ in range(train + test)]
    types = [atom_types(s.degree, rng) for s in skeletons]
    A = np.zeros((len(skeletons), LARGEST, LARGEST), np.float32)
    for i, skeleton in enumerate(skeletons):
        for a, b, _ in skeleton.bonds:
            A[i, a, b] = A[i, b, a] = 1
    walks, far = random_walks(A, K), at_distance(A, DISTANCE)
    scores = np.array([sum(score(t, s.large_rings, f[: len(t), : len(t)])) for t, s, f in zip(types, skeletons, far, strict=True)])
    scores = (scores - scores[:train].mean()) / scores[:train].std()
    graphs = []
    for i, (skeleton, kinds) in enumerate(zip(skeletons, types, strict=True)):
        a, b, bonds = np.array(skeleton.bonds).T
        edges = torch.from_numpy(np.stack([np.concatenate([a, b]), np.concatenate([b, a])]))
        walk = torch.from_numpy(walks[i, : len(kinds)].copy())
        target = torch.tensor(scores[i], dtype=torch.float32)
        graphs.append(
            Graph(torch.from_numpy(kinds)[:, None], edges, torch.from_numpy(np.concatenate([bonds, bonds]))[:, None], walk, target)
        )
    return tuple(graphs[:train]), tuple(graphs[train:])


# Large graphs

PREFERENTIAL_LINKS = 3


@lru_cache(maxsize=8)
def preferential(nodes: int) -> Tensor:
    """Return the edges (2, E) of a Barabasi-Albert graph in which each new node brings three links."""
    made = nx.barabasi_albert_graph(nodes, PREFERENTIAL_LINKS, seed=0)
    links = torch.tensor(list(made.edges)).T
    return torch.cat([links, links.flip(0)], 1)
