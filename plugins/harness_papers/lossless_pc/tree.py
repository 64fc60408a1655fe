"""The tree on which a circuit is built: which pixels tell most about each other, and where to root what joins them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, depth_first_order, minimum_spanning_tree

BINS = 16
"""Grey levels that mutual information is estimated on: on 256 levels and few images the estimate is mostly bias."""


@dataclass(frozen=True)
class Tree:
    """A rooted tree over D pixels, its nodes numbered in depth-first order: node 0 is the root, a parent comes before its children.

    Attributes:
        pixel: Which pixel each node stands for.
        parent: Each node's parent; -1 for the root.
    """

    pixel: tuple[int, ...]
    parent: tuple[int, ...]

    @cached_property
    def depth(self) -> list[int]:
        """Edges from the root to each node."""
        found = [0]
        for parent in self.parent[1:]:
            found.append(found[parent] + 1)
        return found

    @cached_property
    def levels(self) -> list[list[int]]:
        """Nodes by depth, the root's level first."""
        levels: list[list[int]] = [[] for _ in range(max(self.depth) + 1)]
        for node, depth in enumerate(self.depth):
            levels[depth].append(node)
        return levels

    @cached_property
    def last(self) -> list[int]:
        """The last node of each node's subtree: subtrees are contiguous."""
        found = list(range(len(self.parent)))
        for node in range(len(self.parent) - 1, 0, -1):
            found[self.parent[node]] = max(found[self.parent[node]], found[node])
        return found

    @cached_property
    def children(self) -> list[list[int]]:
        """Each node's children, the one with the largest subtree first."""
        found: list[list[int]] = [[] for _ in self.parent]
        for node, parent in enumerate(self.parent[1:], 1):
            found[parent].append(node)
        return [sorted(siblings, key=lambda node: node - self.last[node]) for siblings in found]

    @cached_property
    def order(self) -> list[int]:
        """Nodes in the order in which their pixels are coded: a node after all that is below it, the largest subtree first."""
        waiting, found = [0], []
        while waiting:
            found.append(waiting.pop())
            waiting.extend(self.children[found[-1]])
        return found[::-1]

    @cached_property
    def spine(self) -> list[int]:
        """The root, its first child, that one's first child, and so on to the node that is coded first."""
        found = [0]
        while self.children[found[-1]]:
            found.append(self.children[found[-1]][0])
        return found

    def path(self, node: int) -> list[int]:
        """Nodes from the root to `node`, both included."""
        found = [node]
        while self.parent[found[-1]] >= 0:
            found.append(self.parent[found[-1]])
        return found[::-1]

    def walk(self, node: int) -> list[int]:
        """Nodes from the smallest subtree that holds `node` and all pixels coded before it, down to `node`, both included."""
        path = self.path(node)
        shared = sum(a == b for a, b in zip(path, self.spine, strict=False))
        return path[shared - 1 :]


def chow_liu(images: np.ndarray, levels: int) -> Tree:
    """Return the maximum spanning tree of the pixels' mutual information, rooted at its centre.

    Args:
        images: (N, D) integers in [0, levels).
        levels: Grey levels.
    """
    information = mutual_information(images, levels)
    weights = information.max() + 1 - information  # a weight of zero would mean no edge
    np.fill_diagonal(weights, 0)
    spanning = minimum_spanning_tree(weights).tocoo()
    return rooted(len(weights), zip(spanning.row, spanning.col, strict=True))


def mutual_information(images: np.ndarray, levels: int) -> np.ndarray:
    """Return the mutual information in nats of every pair of pixels, (D, D), on at most `BINS` grey levels."""
    kinds = min(levels, BINS)
    binned = images.astype(np.int64) * kinds // levels
    count, pixels = binned.shape
    hot = np.eye(kinds)[binned].reshape(count, -1)  # (N, D K)
    joint = (hot.T @ hot / count).reshape(pixels, kinds, pixels, kinds)
    single = hot.mean(0).reshape(pixels, kinds)
    independent = single[:, :, None, None] * single[None, None]
    seen = joint > 0
    ratio = np.log(joint, where=seen, out=np.zeros_like(joint)) - np.log(independent, where=seen, out=np.zeros_like(joint))
    return (joint * ratio).sum((1, 3))


def random_grid(side: int, seed: int = 0) -> Tree:
    """Return a spanning tree of the grid of side x side pixels with random weights: the shape that learned trees of images have."""
    place = np.arange(side * side).reshape(side, side)
    pairs = np.concatenate([np.stack([place[:, :-1].ravel(), place[:, 1:].ravel()]), np.stack([place[:-1].ravel(), place[1:].ravel()])], 1)
    weights = np.random.default_rng(seed).uniform(1, 2, pairs.shape[1])
    spanning = minimum_spanning_tree(coo_array((weights, tuple(pairs)), shape=(side * side,) * 2).tocsr()).tocoo()
    return rooted(side * side, zip(spanning.row, spanning.col, strict=True))


def rooted(pixels: int, edges: Iterable[tuple[int, int]], root: int | None = None) -> Tree:
    """Return the tree of `edges` rooted at pixel `root`; at its centre where that is None, so that it is as shallow as can be."""
    ends = np.array(list(edges)).reshape(-1, 2).T
    graph = coo_array((np.ones(ends.shape[1]), tuple(ends)), shape=(pixels, pixels)).tocsr()
    order, before = depth_first_order(graph, _centre(graph) if root is None else root, directed=False)
    number = {int(pixel): node for node, pixel in enumerate(order)}
    return Tree(tuple(map(int, order)), tuple(number.get(int(before[pixel]), -1) for pixel in order))


def _centre(graph: coo_array) -> int:
    """Return the middle of the longest path of a tree."""
    end = breadth_first_order(graph, 0, directed=False, return_predecessors=False)[-1]
    order, before = breadth_first_order(graph, end, directed=False)
    path = [int(order[-1])]
    while path[-1] != end:
        path.append(int(before[path[-1]]))
    return path[len(path) // 2]
