"""From a pre-trained network to one that is tuned for a target task."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .images import few, target
from .model import ViT
from .setting import AUTHORS, BATCH, EPOCHS, MOMENTUM, TASKS, TUNING_IMAGES, TUNINGS, WARMUP, Tuning


def adapt(variant: str, backbone: ViT) -> ViT:
    """Return a variant with the backbone's weights, a new head, and gradients for what is tuned."""
    vit = ViT(backbone.shape, variant)
    weights = {name: value for name, value in backbone.state_dict().items() if not name.startswith("head.")}
    missing = vit.load_state_dict(weights, strict=False).missing_keys
    if stray := [name for name in missing if not (name.startswith("head.") or vit.is_tuned(name))]:
        raise ValueError(f"the pre-trained network has no {', '.join(stray)}")
    return vit.freeze()


def rate(step: int, steps: int) -> float:
    """Return the factor on the learning rate: a linear warm-up over a fifth of the steps, then a cosine to zero."""
    warm = max(1, int(WARMUP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def make_optimizer(vit: nn.Module, tuning: Tuning) -> torch.optim.Optimizer:
    """Return the optimizer over what has gradients."""
    parameters = [p for p in vit.parameters() if p.requires_grad]
    if tuning.optimizer == "sgd":
        return torch.optim.SGD(parameters, tuning.lr, momentum=MOMENTUM, weight_decay=tuning.weight_decay)
    return torch.optim.AdamW(parameters, tuning.lr, weight_decay=tuning.weight_decay)


def train(vit: ViT, x: Tensor, y: Tensor, tuning: Tuning, epochs: int, batch: int, seed: int) -> ViT:
    """Tune in place on images (N, 3, H, W) and labels (N,). The backbone has no dropout: in training mode only adapters do."""
    steps, step = epochs * math.ceil(len(x) / batch), 0
    optimizer = make_optimizer(vit, tuning)
    generator = torch.Generator().manual_seed(seed)
    vit.train()
    with torch.enable_grad():
        for _ in range(epochs):
            for chosen in torch.randperm(len(x), generator=generator).split(batch):
                for group in optimizer.param_groups:
                    group["lr"] = tuning.lr * rate(step, steps)
                optimizer.zero_grad()
                F.cross_entropy(vit(x[chosen]), y[chosen]).backward()
                optimizer.step()
                step += 1
    optimizer.zero_grad()
    return vit.eval()


def tune(variant: str, backbone: ViT, scale: str, seed: int) -> ViT:
    """Tune a variant on both target tasks, apart: what is returned answers for all digits and holds the one for few of them."""
    tuned = {}
    for task in TASKS:
        x, y = few(seed) if task == "few" else target("train", seed, TUNING_IMAGES[scale])
        tuned[task] = train(adapt(variant, backbone), x, y, TUNINGS.get(variant, AUTHORS), EPOCHS[task, scale], BATCH[task], seed)
    vit = tuned["digits"]
    vit.few, vit.origin = (tuned["few"],), (backbone,)
    return vit
