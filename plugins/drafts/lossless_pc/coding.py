"""From a circuit to a stream: p(x_i | x_<i) of one pixel after the other, and a range coder.

Three orders of work give the same probabilities p(x_i | x_<i) = sum_m alpha_i[m] p(x_i | Z_i = m), with alpha_i[m] = p(Z_i = m | x_<i):

- `PathSession`, the paper's: only what lies between the new pixel and the root is evaluated. What finished subtrees send is kept, what
  untouched ones send is 1.
- `FullSession`, the naive one: the whole circuit for every pixel.
- `OnceSession`, our own: alpha of the parent is kept as well, so that every edge is used twice in all.
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
    """The paper's scheme for a tree: a walk from the root to each pixel in turn."""

    def __init__(self, model: HiddenChowLiuTree, count: int) -> None:
        self.model, self.tree, self.node = model, model.tree, 0
        self.ones = torch.ones(count, model.M, dtype=model.leaf.dtype, device=model.leaf.device)
        self.belief: dict[int, Tensor] = {}  # product units of open nodes: own leaf times finished children, (N, M)

    def alpha(self) -> Tensor:
        """p(Z_i | x_<i) for the next node i, (N, M)."""
        path = self.tree.path(self.node)
        alpha = self.ones * self.model.prior
        for node, child in pairwise(path):
            alpha = self._down(alpha, node, child)
        return alpha

    def _down(self, alpha: Tensor, node: int, child: int) -> Tensor:
        alpha = (alpha * self.belief[node]) @ self.model.transition[child - 1]
        return alpha / alpha.sum(-1, keepdim=True)

    def probabilities(self) -> Tensor:
        """Return the next pixel's distribution, (N, V)."""
        return self.alpha() @ self.model.leaf[self.node]

    def observe(self, symbols: Tensor) -> None:
        """Take the next pixel's values, (N,)."""
        self.belief[self.node] = self.model.leaf[self.node][:, symbols].mT  # (N, M)
        for node in reversed(self.tree.path(self.node)[1:]):
            if self.tree.last[node] > self.node:
                break
            sent = self.belief.pop(node) @ self.model.transition[node - 1].mT
            parent = self.tree.parent[node]
            self.belief[parent] = self.belief[parent] * (sent / sent.amax(-1, keepdim=True))
        self.node += 1


class OnceSession(PathSession):
    """Each message once: alpha of a parent does not change while its child's subtree is coded."""

    def __init__(self, model: HiddenChowLiuTree, count: int) -> None:
        super().__init__(model, count)
        self.kept: dict[int, Tensor] = {}

    def alpha(self) -> Tensor:
        """p(Z_i | x_<i) for the next node i, (N, M)."""
        parent = self.tree.parent[self.node]
        first = parent < 0
        self.kept[self.node] = self.ones * self.model.prior if first else self._down(self.kept[parent], parent, self.node)
        return self.kept[self.node]


class FullSession:
    """The naive scheme: evaluate every unit of the circuit for every pixel, in any order of the pixels.

    Args:
        model: The circuit.
        count: N.
        order: Nodes in the order in which they are coded; the tree's own where it is None.
    """

    def __init__(self, model: HiddenChowLiuTree, count: int, order: Sequence[int] | None = None) -> None:
        self.model, self.tree = model, model.tree
        self.order = list(range(len(model.leaf))) if order is None else list(order)
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
        encoder.encode(_symbols(symbols), CATEGORICAL, _table(p))
        return encoder.get_compressed().tobytes()

    @torch.no_grad()
    def decode(self, stream: bytes, count: int) -> Tensor:
        """Return the `count` images of a stream, (N, D) int64."""
        decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(stream, np.uint32))
        session, found = self.session(count), {}
        for pixel in self.order:
            p = session.probabilities()
            found[pixel] = torch.from_numpy(decoder.decode(CATEGORICAL, _table(p)).astype(np.int64)).to(p.device)
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
        return self.circuit.tree.pixel

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
    """Return what each scheme evaluates for one image: products with a transition matrix, over the D - 1 of one pass through the circuit."""
    edges = len(tree.depth) - 1
    walk = sum(tree.depth) / edges  # each pixel's way down from the root
    return {PathSession: 1 + walk, FullSession: edges + 1 + walk, OnceSession: 2.0}


def _symbols(x: Tensor) -> np.ndarray:
    return x.cpu().numpy().astype(np.int32)


def _table(p: Tensor) -> np.ndarray:
    return np.ascontiguousarray(p.double().cpu().numpy())
