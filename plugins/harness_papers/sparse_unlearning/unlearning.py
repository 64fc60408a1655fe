"""The unlearners: each takes a trained network, what stays and what goes, and changes the network in place. Zeros of the convolutions stay zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import CLASSES, convolutions
from .pruning import enforce, magnitude_masks, masks_of
from .setting import (
    ASCENT_EPOCHS,
    FISHER_BATCH,
    INFLUENCE_GRADIENTS,
    RATE,
    UNLEARN_EPOCHS,
    UNLEARN_RATE,
    Labelled,
    Plan,
    Scenario,
)
from .training import Course, descend

VARIANCE, HEAD_VARIANCE = 1e3, 1e2
"""The largest 1 / F of any weight, and of the last layer's."""
WIDER = 10
"""By which the noise's variance is multiplied in the last layer and in vectors of parameters."""
ROW_VARIANCE = 1e-3
"""Variance of the noise that takes the place of a forgotten class's row in the last layer: 0.0001, and ten times that as in the whole layer."""


def fine_tune(
    net: nn.Module, case: Scenario, plan: Plan, generator: torch.Generator, gamma: float = 0.0, epochs: int = UNLEARN_EPOCHS
) -> None:
    """FT: train on what is retained for a few epochs; with `gamma`, under an l1 norm of all parameters that falls to zero: l1-sparse unlearning."""
    descend(net, case.retain, Course(epochs, UNLEARN_RATE, plan.batch, gamma=gamma), generator, masks_of(net))


def l1_sparse(net: nn.Module, case: Scenario, plan: Plan, generator: torch.Generator) -> None:
    """Fine-tune under the l1 norm."""
    fine_tune(net, case, plan, generator, plan.gamma)


def ascend(net: nn.Module, case: Scenario, plan: Plan, generator: torch.Generator) -> None:
    """GA: climb the loss of what is to be forgotten."""
    descend(net, case.forget, Course(ASCENT_EPOCHS, plan.ascent_rate, plan.batch, ascend=True), generator, masks_of(net))


def fisher(net: nn.Module, case: Scenario, plan: Plan, generator: torch.Generator) -> None:
    """FF: add noise that is the wider the less what is retained depends on a parameter."""
    masks, found = masks_of(net), fisher_information(net, case.retain)
    with torch.no_grad():
        for parameter, information in zip(net.parameters(), found, strict=True):
            variance = noise_variance(information, plan.fisher_alpha)
            if case.forgotten_class >= 0 and parameter.shape[0] == CLASSES:
                parameter[case.forgotten_class] = 0.0
                variance[case.forgotten_class] = ROW_VARIANCE
            noise = torch.randn(parameter.shape, generator=generator).to(parameter)
            parameter.add_(variance.sqrt() * noise)
    enforce(net, masks)


def fisher_information(net: nn.Module, images: Labelled) -> list[Tensor]:
    """Return F for each parameter: squared gradients of a batch's loss for every class, weighted by the probability that the network gives to it."""
    net.eval()
    parameters = list(net.parameters())
    total = [torch.zeros_like(p) for p in parameters]
    batches = images.x.split(FISHER_BATCH)
    for x in batches:
        logits = net(x)
        share = logits.detach().softmax(1).mean(0)  # (10,)
        for label in range(CLASSES):
            loss = F.cross_entropy(logits, torch.full((len(x),), label, device=x.device))
            gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
            total = [old + share[label] * gradient.square() for old, gradient in zip(total, gradients, strict=True)]
    return [value / len(batches) for value in total]


def noise_variance(information: Tensor, alpha: float) -> Tensor:
    """Return alpha / F with its limits: averaged over a neuron's inputs, wider in the last layer and in vectors."""
    of_head = information.shape[0] == CLASSES
    variance = alpha * (1 / (information + 1e-8)).clamp(max=HEAD_VARIANCE if of_head else VARIANCE)
    if variance.dim() > 1:
        variance = variance.mean(1, keepdim=True).expand_as(information).clone()
    return WIDER * variance if of_head or variance.dim() == 1 else variance


def influence(net: nn.Module, case: Scenario, plan: Plan, generator: torch.Generator) -> None:
    """IU: theta + alpha H^-1 (g_f - g_r), which is where leaving out what is forgotten would have moved the optimum, to first order."""
    masks = masks_of(net)
    net.eval()
    N, n = len(case.retain.x) + len(case.forget.x), len(case.forget.x)
    g_f = summed_gradient(net, case.forget) / N
    g_r = summed_gradient(net, case.retain) * (n / (N * len(case.retain.x)))
    few = Labelled(*(part[:INFLUENCE_GRADIENTS] for part in case.retain))
    step = plan.influence_alpha * wood_fisher(g_f - g_r, single_gradients(net, few), len(few.x))
    sizes = [p.numel() for p in net.parameters()]
    with torch.no_grad():
        for parameter, change in zip(net.parameters(), step.split(sizes), strict=True):
            parameter.add_(change.view_as(parameter))
    enforce(net, masks)


def gradient(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return the gradient (P,) of the loss, summed over images; zero for no images. Pruned weights have none."""
    parameters: list[Tensor] = list(net.parameters())
    loss = F.cross_entropy(net(x), y, reduction="sum")
    found = dict(zip(parameters, torch.autograd.grad(loss, parameters), strict=True))
    for weight, mask in zip(convolutions(net), masks_of(net), strict=True):
        found[weight] = found[weight] * mask
    return torch.cat([found[p].flatten() for p in parameters])


def summed_gradient(net: nn.Module, images: Labelled, batch: int = 256) -> Tensor:
    """Return the gradient of the loss summed over all images, (P,)."""
    parts = zip(images.x.split(batch), images.y.split(batch), strict=True)
    return torch.stack([gradient(net, x, y) for x, y in parts]).sum(0)


def single_gradients(net: nn.Module, images: Labelled) -> Iterator[Tensor]:
    """Yield the gradient (P,) of each image."""
    for index in range(len(images.x)):
        yield gradient(net, images.x[index : index + 1], images.y[index : index + 1])


def wood_fisher(v: Tensor, gradients: Iterator[Tensor], N: int) -> Tensor:
    """Return an estimate of H^-1 v (P,) by the recursion of the authors' code, which carries one vector o beside the result k.

    With the first gradient o = g; with every other k <- k - (k.g) / (N + o.g) o, then o <- o - (o.g) / (N + o.g) o.
    """
    k, o = v, next(gradients)
    for g in gradients:
        along = o @ g
        k = k - (k @ g) / (N + along) * o
        o = o - along / (N + along) * o
    return k


def retrain_in_brief(net: nn.Module, case: Scenario, plan: Plan, generator: torch.Generator) -> None:
    """Train the network as it is on what is retained, for as many epochs as retraining takes: what is timed of it."""
    descend(net, case.retain, Course(plan.retrain_epochs, RATE, plan.batch, plan.milestones), generator, masks_of(net))


Unlearner = Callable[[nn.Module, Scenario, Plan, torch.Generator], None]

UNLEARNERS: dict[str, Unlearner] = {
    "retrain": retrain_in_brief,
    "ft": fine_tune,
    "l1_sparse": l1_sparse,
    "ga": ascend,
    "ff": fisher,
    "iu": influence,
}
PRUNED = "pruned_"
"""Begins the name of a variant that starts from the sparse network."""


def method_of(variant: str) -> tuple[str, bool]:
    """Return a variant's unlearner, and whether it starts from the sparse network."""
    return variant.removeprefix(PRUNED), variant.startswith(PRUNED)


def prune_untrained(net: nn.Module, rate: float) -> nn.Module:
    """Prune a network by magnitude, as it is; in place."""
    enforce(net, magnitude_masks(net, rate))
    return net
