"""From a circuit to a stream: p(x_i | x_<i) of one pixel after the other, and a range coder.

Three orders of work give the same probabilities p(x_i | x_<i) = sum_m p(Z_i = m | x_<i) p(x_i | Z_i = m):

- `PathSession`, the paper's: only what lies between the new pixel and the smallest subtree that holds all pixels so far is evaluated. What
  finished subtrees send is kept, what untouched ones send is 1, and above that subtree stand the top-down probabilities of an empty image.
- `FullSession`, the naive one: the whole circuit for every pixel.
- `OnceSession`, our own: what comes down to a node is kept as well, so that every edge is used twice at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import constriction
import numpy as np
import torch
from torch import Tensor

from .circuit import HiddenChowLiuTree
from .tree import Tree

CATEGORICAL = constriction.stream.model.Categorical(perfect=False)
"""Turns probabilities into integer intervals, none of them empty, the same way for encoder and decoder."""


class Session(Protocol):
    """One pass over the pixels of N images."""

    def probabilities(self) -> Tensor:
        """Return the next pixel's distribution, (N, V)."""
        ...

    def observe(self, symbols: Tensor) -> None:
        """Take the next pixel's values, (N,)."""
        ...


class PathSession:
    """The paper's scheme for a tree: each pixel's way down from the smallest subtree that holds all pixels coded so far."""

    def __init__(self, model: HiddenChowLiuTree, count: int) -> None:
        self.model, self.tree, self.done = model, model.tree, 0
        self.top_down = {0: model.prior.expand(1, -1)}  # p(Z_i) of the spine, (1, M): above the smallest subtree nothing is known yet
        for above, node in pairwise(self.tree.spine):
            self.top_down[node] = self.top_down[above] @ model.transition[node - 1]
        self.top_down = {node: p.expand(count, -1) for node, p in self.top_down.items()}
        self.belief: dict[int, Tensor] = {}  # what finished children have sent to nodes whose own pixel is still to come, (N, M)

    def alpha(self, node: int) -> Tensor:
        """p(Z_i | pixels coded so far outside its subtree) for node i, (N, M)."""
        walk = self.tree.walk(node)
        alpha = self.top_down[walk[0]]
        for above, child in pairwise(walk):
            alpha = self._down(alpha, above, child)
        return alpha

    def _known(self, alpha: Tensor, node: int) -> Tensor:
        known = alpha * self.belief.get(node, 1.0)
        return known / known.sum(-1, keepdim=True)

    def _down(self, alpha: Tensor, node: int, child: int) -> Tensor:
        return self._known(alpha, node) @ self.model.transition[child - 1]

    def probabilities(self) -> Tensor:
        """Return the next pixel's distribution, (N, V)."""
        node = self.tree.order[self.done]
        return self._known(self.alpha(node), node) @ self.model.leaf[node]

    def observe(self, symbols: Tensor) -> None:
        """Take the next pixel's values, (N,): its subtree is finished, and its parent is told."""
        node = self.tree.order[self.done]
        product = self.model.leaf[node][:, symbols].mT * self.belief.pop(node, 1.0)  # (N, M)
        parent = self.tree.parent[node]
        if parent >= 0:
            sent = product @ self.model.transition[node - 1].mT
            self.belief[parent] = self.belief.get(parent, 1.0) * (sent / sent.amax(-1, keepdim=True))
        self.done += 1


class OnceSession(PathSession):
    """Each message once: alpha of a node does not change while its subtree is coded."""

    def __init__(self, model: HiddenChowLiuTree, count: int) -> None:
        super().__init__(model, count)
        self.kept = dict(self.top_down)

    def alpha(self, node: int) -> Tensor:
        """p(Z_i | pixels coded so far outside its subtree) for node i, (N, M)."""
        if node not in self.kept:
            parent = self.tree.parent[node]
            self.kept[node] = self._down(self.alpha(parent), parent, node)
        return self.kept[node]


class FullSession:
    """The naive scheme: evaluate every unit of the circuit for every pixel, in any order of the pixels.

    Args:
        model: The circuit.
        count: N.
        order: Nodes in the order in which they are coded; the tree's own where it is None.
    """

    def __init__(self, model: HiddenChowLiuTree, count: int, order: Sequence[int] | None = None) -> None:
        self.model, self.tree = model, model.tree
        self.order = list(model.tree.order if order is None else order)
        self.done = 0
        self.log_leaves = torch.zeros(count, len(model.leaf), model.M, dtype=model.leaf.dtype, device=model.leaf.device)

    def probabilities(self) -> Tensor:
        """Return the next pixel's distribution, (N, V)."""
        _, beliefs, messages = self.model.upward(self.log_leaves)
        path = self.tree.path(self.order[self.done])
        alpha = self.model.prior.log() + beliefs[0][:, 0]
        for depth, node in enumerate(path[1:], 1):
            place = self.tree.levels[depth].index(node)
            alpha = alpha - messages[depth - 1][:, place]  # what this node itself has told its parent is no evidence about it
            alpha = ((alpha - alpha.amax(-1, keepdim=True)).exp() @ self.model.transition[node - 1]).log() + beliefs[depth][:, place]
        return alpha.softmax(-1) @ self.model.leaf[path[-1]]

    def observe(self, symbols: Tensor) -> None:
        """Take the next pixel's values, (N,)."""
        node = self.order[self.done]
        self.log_leaves[:, node] = self.model.leaf[node][:, symbols].mT.log()
        self.done += 1


class SequentialCodec:
    """Codes N images together, pixel by pixel, into one stream of 32-bit words.

    A model gives `session(count)` and `order`, the pixels in the order in which they are coded.
    """

    def session(self, count: int) -> Session:
        """Begin with `count` images."""
        raise NotImplementedError

    @property
    def order(self) -> Sequence[int]:
        """Return the pixels in coding order."""
        raise NotImplementedError

    def conditionals(self, x: Tensor) -> Tensor:
        """Return p(x_i | x_<i) of all values for images (N, D), by the same steps as a decoder's: (D, N, V), in coding order."""
        session, found = self.session(len(x)), []
        for pixel in self.order:
            found.append(session.probabilities())
            session.observe(x[:, pixel])
        return torch.stack(found)

    @torch.no_grad()
    def encode(self, x: Tensor) -> bytes:
        """Return the stream of images (N, D)."""
        p = self.conditionals(x).flatten(0, 1)  # (D N, V)
        symbols = x[:, list(self.order)].T.flatten()
        encoder = constriction.stream.queue.RangeEncoder()
        encoder.encode(integers(symbols), CATEGORICAL, float_table(p))
        return encoder.get_compressed().tobytes()

    @torch.no_grad()
    def decode(self, stream: bytes, count: int) -> Tensor:
        """Return the `count` images of a stream, (N, D) int64."""
        decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(stream, np.uint32))
        session, found = self.session(count), {}
        for pixel in self.order:
            p = session.probabilities()
            found[pixel] = torch.from_numpy(decoder.decode(CATEGORICAL, float_table(p)).astype(np.int64)).to(p.device)
            session.observe(found[pixel])
        return torch.stack([found[pixel] for pixel in sorted(found)], 1)


class CircuitCodec(torch.nn.Module, SequentialCodec):
    """A circuit and one of the three orders of work."""

    def __init__(self, circuit: HiddenChowLiuTree, scheme: type[PathSession] | type[FullSession]) -> None:
        super().__init__()
        self.circuit, self.scheme = circuit, scheme

    @property
    def order(self) -> Sequence[int]:
        """Return the pixels in coding order."""
        return [self.circuit.tree.pixel[node] for node in self.circuit.tree.order]

    def session(self, count: int) -> Session:
        """Begin with `count` images."""
        return self.scheme(self.circuit, count)

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats, (N,)."""
        return self.circuit.log_likelihood(x)

    @property
    def passes(self) -> float:
        """Work for one image in passes through the circuit: see `work`."""
        return work(self.circuit.tree)[self.scheme]


def work(tree: Tree) -> dict[type, float]:
    """Return what each scheme evaluates for one image: products with a transition matrix, over the D - 1 of one pass through the circuit.

    Top-down probabilities of an empty image are the model's, and not counted for each image.
    """
    nodes = tree.order
    edges = len(nodes) - 1  # as many messages go up in every scheme
    walks = sum(len(tree.walk(node)) - 1 for node in nodes)
    kept = len(nodes) - len(tree.spine)
    return {PathSession: 1 + walks / edges, FullSession: len(nodes) + sum(tree.depth) / edges, OnceSession: 1 + kept / edges}


def integers(x: Tensor) -> np.ndarray:
    """Return symbols as the coder takes them."""
    return x.cpu().numpy().astype(np.int32)


def float_table(p: Tensor) -> np.ndarray:
    """Return probabilities, or parameters of them, as the coder takes them: in double precision."""
    return np.ascontiguousarray(p.double().cpu().numpy())
