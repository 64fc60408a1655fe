"""Set prediction as in Mask2Former: each segment is matched with one query, after every layer, and masks are compared at points.

The points at which a mask is compared are those where it is least certain, three quarters of them, and others at random.
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from harness import Recipe

CLASS_WEIGHT, MASK_WEIGHT, DICE_WEIGHT, NO_OBJECT = 2.0, 5.0, 5.0, 0.1
POINTS = {"smoke": 128, "small": 256}
"""Points of each mask; 12,544 of a half of a million pixels in the paper."""
OVERSAMPLED, IMPORTANT = 3, 0.75
EPOCHS = {"smoke": 1, "small": 4}
BATCH = 8
LR, WEIGHT_DECAY, CLIP = 1e-3, 0.05, 0.01

Output = tuple[Tensor, Tensor]
"""What a network says in training, see `Segmenter.forward`."""
Targets = tuple[Tensor, Tensor]
"""The segment of each pixel (B, H, W) and the class of each segment (B, S), -1 where there is none."""


def recipe(scale: str) -> Recipe:
    """AdamW with the authors' weight decay and limit of the gradient, which is small enough to make every step equally long."""
    points = POINTS[scale]
    return Recipe(
        lambda output, targets: loss(output, targets, points), EPOCHS[scale], BATCH, LR, "adamw", weight_decay=WEIGHT_DECAY, clip=CLIP
    )


def loss(output: Output, targets: Targets, points: int) -> Tensor:
    """Return the loss, summed over all that is supervised: the queries before the first layer and after each."""
    classes, masks = output
    segments, labels = targets
    truth = (segments[:, None] == torch.arange(labels.shape[1], device=labels.device)[:, None, None]).to(masks.dtype)  # (B, S, H, W)
    matched = match(classes.detach(), masks.detach(), truth, labels, points)
    wanted = torch.full(classes.shape[:3], classes.shape[-1] - 1, device=labels.device)  # (B, L, N_q)
    b, layer, query, segment = matched
    wanted[b, layer, query] = labels[b, segment]
    bce, dice = mask_losses(masks[b, layer, query], truth[b, segment], points)
    return CLASS_WEIGHT * class_loss(classes, wanted) + (MASK_WEIGHT * bce + DICE_WEIGHT * dice) / (labels >= 0).sum().clamp(min=1)


def class_loss(classes: Tensor, wanted: Tensor) -> Tensor:
    """Return the cross-entropy, a weighted mean over images and queries, summed over layers: (B, L, N_q, K + 1), (B, L, N_q) -> ()."""
    weight = torch.where(wanted == classes.shape[-1] - 1, NO_OBJECT, 1.0)
    each = F.cross_entropy(classes.flatten(0, 2), wanted.flatten(), reduction="none").view_as(wanted)
    return ((weight * each).sum((0, 2)) / weight.sum((0, 2))).sum()


def match(classes: Tensor, masks: Tensor, truth: Tensor, labels: Tensor, points: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the cheapest pairs of queries and segments: indices of image, layer, query and segment, one of each a pair."""
    B, L, N, _ = classes.shape
    at = torch.rand(B, points, 2, device=masks.device)
    x = sample(masks.flatten(1, 2), at).view(B, L, N, points)
    t = sample(truth, at)[:, None].mT  # (B, 1, P, S)
    named = labels.clamp(min=0)[:, None, None].expand(B, L, N, -1)
    cost = -CLASS_WEIGHT * classes.softmax(-1).gather(3, named)
    cost += MASK_WEIGHT / points * (F.softplus(-x) @ t + F.softplus(x) @ (1 - t))
    inside = x.sigmoid()
    cost -= DICE_WEIGHT * (2 * inside @ t + 1) / (inside.sum(-1, keepdim=True) + t.sum(2, keepdim=True) + 1)
    pairs = []
    for b, table in enumerate(cost.cpu().numpy()):
        present = (labels[b] >= 0).nonzero()[:, 0].cpu()
        for layer in range(L):
            query, column = (torch.from_numpy(i) for i in linear_sum_assignment(table[layer][:, present.numpy()]))
            pairs.append(torch.stack((torch.full_like(query, b), torch.full_like(query, layer), query, present[column])))
    b, layer, query, segment = torch.cat(pairs, 1).to(masks.device)
    return b, layer, query, segment


def mask_losses(masks: Tensor, truth: Tensor, points: int) -> Output:
    """Return cross-entropy and dice loss of matched masks, (R, h, w) against (R, H, W), each summed over the masks."""
    with torch.no_grad():
        at = uncertain_points(masks, points)
        t = sample(truth[:, None], at)[:, 0]  # (R, P)
    x = sample(masks[:, None], at)[:, 0]
    inside = x.sigmoid()
    dice = 1 - (2 * (inside * t).sum(1) + 1) / (inside.sum(1) + t.sum(1) + 1)
    return F.binary_cross_entropy_with_logits(x, t, reduction="none").mean(1).sum(), dice.sum()


def uncertain_points(masks: Tensor, points: int) -> Tensor:
    """Draw the points at which masks (R, h, w) are compared, across and down, 0 to 1: (R, P, 2)."""
    important = int(IMPORTANT * points)
    drawn = torch.rand(len(masks), OVERSAMPLED * points, 2, device=masks.device)
    unsure = -sample(masks[:, None], drawn)[:, 0].abs()
    chosen = drawn.gather(1, unsure.topk(important, 1).indices[..., None].expand(-1, -1, 2))
    return torch.cat((chosen, torch.rand(len(masks), points - important, 2, device=masks.device)), 1)


def sample(planes: Tensor, at: Tensor) -> Tensor:
    """Read planes (B, C, H, W) at points (B, P, 2), bilinearly: (B, C, P)."""
    return F.grid_sample(planes, 2 * at[:, None] - 1, align_corners=False)[:, :, 0]
