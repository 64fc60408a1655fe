"""Descent with a mask, and the networks that unlearning starts from and is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import pack, unpack
from .pruning import Masks, enforce, magnitude_masks, masks_of, synflow_masks
from .setting import DECAY, MOMENTUM, RATE, Labelled, Plan, Scenario, build_network

IMP_SHARE = 0.2
"""What each round of iterative pruning takes away of what is left."""


@dataclass(frozen=True)
class Course:
    """How a descent goes.

    Attributes:
        epochs: Passes over the images.
        lr: Learning rate, divided by ten at each milestone.
        batch: Images a step.
        milestones: Epochs.
        first: Epoch that it starts at: where a rewound network takes the schedule up again.
        gamma: Weight of the l1 norm of all parameters in the first epoch.
        quiet: Last epochs without that norm, T0.
        ascend: Climbs the loss.
    """

    epochs: int
    lr: float
    batch: int
    milestones: tuple[int, ...] = ()
    first: int = 0
    gamma: float = 0.0
    quiet: int = 0
    ascend: bool = False

    def lr_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch."""
        return self.lr * 0.1 ** sum(epoch >= milestone for milestone in self.milestones)

    def gamma_at(self, epoch: int) -> float:
        """Return gamma_t = gamma (1 - t / (T - T0)), and 0 in the last T0 epochs."""
        falling = self.epochs - self.quiet
        return self.gamma * (1 - epoch / falling) if epoch < falling else 0.0


def objective(net: nn.Module, x: Tensor, y: Tensor, course: Course, epoch: int) -> Tensor:
    """Return what a step lowers: the cross-entropy, with the l1 norm of all parameters where the course has one, or its negative."""
    loss = F.cross_entropy(net(x), y)
    if gamma := course.gamma_at(epoch):
        loss = loss + gamma * torch.stack([p.abs().sum() for p in net.parameters()]).sum()
    return -loss if course.ascend else loss


def descend(
    net: nn.Module,
    images: Labelled,
    course: Course,
    generator: torch.Generator,
    masks: Masks = (),
    limit: int | None = None,
    after_epoch: Callable[[int], None] | None = None,
) -> nn.Module:
    """Descend by SGD with momentum and weight decay, in place; what is masked stays zero.

    Args:
        net: The network; in train mode meanwhile, so that its statistics become those of the images.
        images: What it is trained on.
        course: Length, rates and norm.
        generator: Of the batches.
        masks: Of the convolutions; none for a dense network.
        limit: The most steps.
        after_epoch: Told the number of epochs that have ended.
    """
    parameters: list[Tensor] = list(net.parameters())
    velocity = [torch.zeros_like(parameter) for parameter in parameters]
    steps = 0
    net.train()
    for epoch in range(course.first, course.epochs):
        for chosen in torch.randperm(len(images.x), generator=generator).split(course.batch):
            if limit is not None and steps >= limit:
                return net.eval()
            gradients = torch.autograd.grad(objective(net, images.x[chosen], images.y[chosen], course, epoch), parameters)
            _step(parameters, velocity, gradients, course.lr_at(epoch))
            if masks:
                enforce(net, masks)  # momentum and weight decay move what has no gradient
            steps += 1
        if after_epoch is not None:
            after_epoch(epoch + 1)
    return net.eval()


def _step(parameters: Sequence[Tensor], velocity: Sequence[Tensor], gradients: Sequence[Tensor], lr: float) -> None:
    """Take one step of SGD by hand: the first optimizer of a process imports torch's compiler, which takes longer than a timed call."""
    with torch.no_grad():
        for theta, v, g in zip(parameters, velocity, gradients, strict=True):
            v.mul_(MOMENTUM).add_(g).add_(theta, alpha=DECAY)
            theta.sub_(v, alpha=lr)


@dataclass(frozen=True)
class Origin:
    """States (S,) of the network trained on everything: dense, and sparse."""

    dense: Tensor
    sparse: Tensor


def originals(
    net: nn.Module, images: Labelled, plan: Plan, generator: torch.Generator, pruner: str = "omp", limit: int | None = None
) -> Origin:
    """Train a network on all images, and its sparse counterpart; `net` ends as the sparse one.

    Args:
        net: Freshly initialised.
        images: The training images, those that are to be forgotten among them.
        plan: Of the scale.
        generator: Of the batches.
        pruner: `omp` prunes the trained network once, by magnitude, and trains on from the weights of an early epoch; `imp` does so in rounds of
            a fifth; `synflow` prunes the network before training.
        limit: The most steps of each training.
    """
    start, early = pack(net), [pack(net)]

    def keep(epoch: int) -> None:
        if epoch == plan.rewind:
            early[:] = [pack(net)]

    course = Course(plan.epochs, RATE, plan.batch, plan.milestones)
    dense = pack(descend(net, images, course, generator, limit=limit, after_epoch=keep))
    if pruner == "synflow":
        masks = synflow_masks(unpack(net, start), plan.rate, images.x)
        enforce(net, masks)
        return Origin(dense, pack(descend(net, images, course, generator, masks, limit)))
    rewound = Course(plan.epochs, RATE, plan.batch, plan.milestones, first=plan.rewind)
    for rate in rates(pruner, plan.rate):
        masks = magnitude_masks(net, rate)
        enforce(unpack(net, early[0]), masks)
        descend(net, images, rewound, generator, masks, limit)
    return Origin(dense, pack(net))


def rates(pruner: str, rate: float) -> list[float]:
    """Return the shares that are pruned, one a round: what is zero already is smallest, so that it stays pruned."""
    if pruner == "omp":
        return [rate]
    rounds = math.ceil(math.log(1 - rate) / math.log(1 - IMP_SHARE) - 1e-9)
    return [min(1 - (1 - IMP_SHARE) ** (index + 1), rate) for index in range(rounds)]


def retrained(
    scale: str, sparse: Tensor | None, case: Scenario, plan: Plan, generator: torch.Generator, limit: int | None = None
) -> nn.Module:
    """Train a fresh network on what is retained, with the mask of a sparse network where its state is given."""
    net = build_network(scale)
    masks = () if sparse is None else masks_of(unpack(build_network(scale), sparse))
    if masks:
        enforce(net, masks)
    course = Course(plan.retrain_epochs, RATE, plan.batch, plan.milestones)
    return descend(net, case.retain, course, generator, masks, limit)
