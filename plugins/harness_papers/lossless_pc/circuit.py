"""The hidden Chow-Liu tree as a probabilistic circuit, and how it learns.

The paper's symbols: D variables (pixels) X_i with V values, a latent variable Z_i with M states for each, on a tree.

    p(x) = sum_z p(z_root) prod_i p(z_i | z_parent(i)) prod_i p(x_i | z_i)

As a circuit each node i has M product units, its leaf times its children's messages, and below its parent M sum units, an M x M product.
Nodes are numbered in depth-first order (see `tree`); an image is put in that order first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness import Budget

from .tree import Tree

SMOOTHING = 0.3
"""Pseudo-counts that every entry of a table is given, so that no image is impossible."""


class HiddenChowLiuTree(nn.Module):
    """An HCLT over images of D pixels with V levels, M latent states; probabilities are held as they are, rows summing to 1."""

    def __init__(self, tree: Tree, V: int, M: int) -> None:
        super().__init__()
        D = len(tree.pixel)
        self.tree, self.V, self.M = tree, V, M
        self.prior = _table(M)  # p(z_root)
        self.transition = _table(D - 1, M, M)  # [i - 1, m, m'] = p(z_i = m' | z_parent(i) = m)
        self.leaf = _table(D, M, V)  # p(x_i | z_i)
        self.register_buffer("pixel", torch.tensor(tree.pixel, device="cpu"), persistent=False)
        # Where in the level above each node's parent stands.
        place = {node: at for level in tree.levels for at, node in enumerate(level)}
        self.above = [[place[tree.parent[node]] for node in level] for level in tree.levels[1:]]

    def leaves(self, x: Tensor) -> Tensor:
        """Return p(x_i | z_i) for images (N, D), pixels in their own order: (N, D, M), nodes in theirs."""
        nodes = torch.arange(len(self.leaf), device=x.device)
        return self.leaf[nodes, :, x[:, self.pixel]]

    def upward(self, log_leaves: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Evaluate the whole circuit bottom up, a level of the tree at a time.

        Args:
            log_leaves: (N, D, M); all zero where a pixel is not observed, which sums it out.

        Returns:
            log p of what is observed, (N,); each level's log product units, (N, nodes of the level, M); and each lower level's log sum units, which
            are what its nodes send to their parents, of the same shape.
        """
        levels = self.tree.levels
        beliefs, messages = [log_leaves[:, levels[-1]]], []  # each (N, L, M)
        for depth in range(len(levels) - 1, 0, -1):
            edges = self.transition[[node - 1 for node in levels[depth]]]  # (L, M, M)
            top = beliefs[0].amax(-1, keepdim=True)
            messages.insert(0, torch.einsum("nlk,lmk->nlm", (beliefs[0] - top).exp(), edges).log() + top)
            own = log_leaves[:, levels[depth - 1]]
            above = torch.tensor(self.above[depth - 1], device=own.device)
            beliefs.insert(0, own + torch.zeros_like(own).index_add(1, above, messages[0]))
        return (beliefs[0][:, 0] + self.prior.log()).logsumexp(-1), beliefs, messages

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats for images (N, D): (N,)."""
        return self.upward(self.leaves(x).log())[0]


def flows(model: HiddenChowLiuTree, x: Tensor) -> tuple[float, list[Tensor]]:
    """Return the mean log-likelihood of images (N, D), and how often each parameter is expected to have been used.

    The expected count of a parameter is itself times the derivative of the log-likelihood: a backward pass through the circuit.
    """
    parameters = list(model.parameters())
    with torch.enable_grad():
        total = model.log_likelihood(x).sum()
        gradients = torch.autograd.grad(total, parameters)
    return total.item() / len(x), [p.detach() * g for p, g in zip(parameters, gradients, strict=True)]


def em_step(model: HiddenChowLiuTree, x: Tensor, step: float = 1.0, smoothing: float = SMOOTHING, whole: int = 0) -> float:
    """Do one step of EM on images (N, D), and return their mean log-likelihood before it.

    Args:
        model: Changed in place.
        x: All images, or a batch of them.
        step: theta <- (1 - step) theta + step times the normalised flows; 1 for batches that are everything.
        smoothing: Pseudo-counts for each entry.
        whole: Size of the training set of which `x` is a batch; the flows are scaled up to it.
    """
    before, counts = flows(model, x)
    for parameter, count in zip(model.parameters(), counts, strict=True):
        wanted = count * (max(whole, len(x)) / len(x)) + smoothing
        parameter.data.lerp_(wanted / wanted.sum(-1, keepdim=True), step)
    return before


@dataclass(frozen=True)
class Schedule:
    """Epochs of EM.

    Attributes:
        mini: On mini-batches.
        full: On all images at once.
        batch: Images in a mini-batch.
        last_step: What the mini-batches' step shrinks to, from 1.
    """

    mini: int
    full: int
    batch: int = 200
    last_step: float = 0.1


def learn(model: HiddenChowLiuTree, x: Tensor, schedule: Schedule, budget: Budget, seed: int) -> None:
    """Train on images (N, D): EM on mini-batches with a shrinking step first, then EM on all images at once.

    Args:
        model: Changed in place.
        x: Training images.
        schedule: How many epochs of each kind.
        budget: Cuts the number of steps.
        seed: Of the shuffling.
    """
    generator = torch.Generator().manual_seed(seed)
    batches = [b for _ in range(schedule.mini) for b in torch.randperm(len(x), generator=generator).split(schedule.batch)]
    steps = budget.cap(len(batches) + schedule.full)
    last = max(len(batches) - 1, 1)
    for done, chosen in enumerate(batches[:steps]):
        em_step(model, x[chosen], 1 + done / last * (schedule.last_step - 1), whole=len(x))
    for _ in range(steps - len(batches)):
        em_step(model, x)


def _table(*shape: int) -> nn.Parameter:
    """Return random distributions along the last axis; double precision, since messages multiply."""
    raw = 0.5 + torch.rand(*shape, dtype=torch.float64)
    return nn.Parameter(raw / raw.sum(-1, keepdim=True))
