"""How well scenes are segmented: mean IoU of classes, panoptic quality of segments, and what there is to see."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from harness import Artifact, Chart, Image, Quality

from .scenes import CLASSES, STUFF
from .segmenter import Segmenter, merge

BATCH = 32
SURE, KEPT = 0.8, 0.8
"""A query counts from this probability on, and if this share of its mask is not taken by others; the authors' values."""
SHOWN = 3
TINTS = torch.tensor([[0.6, 0.8, 1], [0.5, 0.5, 0.5], [0.4, 0.8, 0.4], [0.9, 0.3, 0.3], [1, 0.8, 0.2], [0.5, 0.3, 0.8]])
"""A colour for each class in the pictures."""


def answers(model: Segmenter, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return class logits and mask logits of batches of images."""
    return [model.answer(part) for part in images.split(BATCH)]


def qualities(model: Segmenter, images: Tensor, segments: Tensor, labels: Tensor) -> dict[str, Quality]:
    """Return mean IoU and panoptic quality in percent, of all classes, of things and of stuff.

    Args:
        model: Fitted.
        images: (N, 3, H, W).
        segments: Of each pixel (N, H, W).
        labels: Class of each segment (N, S), -1 where there is none.
    """
    said = answers(model, images)
    iou = class_iou(torch.cat([merge(*part).argmax(1) for part in said]), labels.gather(1, segments.flatten(1)).view_as(segments))
    tally = torch.zeros(4, len(CLASSES), dtype=torch.double)
    for (classes, masks), true, names in zip(said, segments.split(BATCH), labels.split(BATCH), strict=True):
        for i in range(len(classes)):
            tally += compare(*panoptic(classes[i], masks[i]), true[i], names[i])
    pq = quality_of(tally)
    found = {"miou": iou.mean(), "pq": pq.mean(), "pq_things": pq[len(STUFF) :].mean(), "pq_stuff": pq[: len(STUFF)].mean()}
    return {name: Quality(100 * float(value), "%") for name, value in found.items()}


def class_iou(found: Tensor, true: Tensor) -> Tensor:
    """Return intersection over union of each class over all pixels of a split: (N, H, W), (N, H, W) -> (K,)."""
    K = len(CLASSES)
    counts = (K * true.flatten() + found.flatten()).bincount(minlength=K * K).view(K, K).double()
    both = counts.diag()
    return both / (counts.sum(0) + counts.sum(1) - both).clamp(min=1)


def panoptic(classes: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Turn the queries of one image into segments that do not overlap.

    Args:
        classes: Logits (N_q, K + 1).
        masks: Logits (N_q, H, W).

    Returns:
        The segment of each pixel (H, W), -1 where there is none, and the class of each segment (S,). Stuff of one class is one segment.
    """
    probability, label = classes.softmax(-1).max(-1)
    kept = (label < classes.shape[-1] - 1) & (probability > SURE)
    probability, label, masks = probability[kept], label[kept], masks[kept].sigmoid()
    out = torch.full(masks.shape[1:], -1)
    named: list[int] = []
    if len(masks):
        winner = (probability[:, None, None] * masks).argmax(0)  # (H, W)
        for query, name in enumerate(label.tolist()):
            inside = masks[query] >= 0.5
            won = winner == query
            if not (won & inside).any() or won.sum() < KEPT * inside.sum():
                continue
            if name >= len(STUFF) or name not in named:
                named.append(name)
            out[won & inside] = named.index(name) if name < len(STUFF) else len(named) - 1
    return out, torch.tensor(named, dtype=torch.long)


def compare(found: Tensor, names: Tensor, true: Tensor, labels: Tensor) -> Tensor:
    """Count, for each class: summed IoU of matched segments, matches, false positives, false negatives; (4, K).

    A found and a true segment match where they are of one class and overlap by more than half of their union: then no other can.
    """
    tally = torch.zeros(4, len(CLASSES), dtype=torch.double)
    F, T = len(names), len(labels)
    both = ((found + 1) * T + true).flatten().bincount(minlength=(F + 1) * T).view(F + 1, T).double()  # the first row: found by nobody
    union = both.sum(1, keepdim=True) + both.sum(0) - both
    iou = torch.where(names[:, None] == labels, both[1:] / union[1:].clamp(min=1), 0.0)
    hits = (iou > 0.5).nonzero()
    for row, column in hits.tolist():
        tally[0, labels[column]] += iou[row, column]
        tally[1, labels[column]] += 1
    for name in names.tolist():
        tally[2, name] += 1
    for name in labels[labels >= 0].tolist():
        tally[3, name] += 1
    tally[2:] -= tally[1]
    return tally


def quality_of(tally: Tensor) -> Tensor:
    """Return the panoptic quality of each class: summed IoU over matches and half of the mistakes. (4, K) -> (K,)."""
    iou, hits, wrong, missed = tally
    return iou / (hits + (wrong + missed) / 2).clamp(min=0.5)


def pictures(model: Segmenter, images: Tensor, segments: Tensor, labels: Tensor) -> Mapping[str, Artifact]:
    """Return the first scenes with what is found in them, and the IoU of each class."""
    said = answers(model, images)
    found = torch.cat([merge(*part).argmax(1) for part in said])
    true = labels.gather(1, segments.flatten(1)).view_as(segments)
    rows = [{"class": name, "IoU": round(float(value), 4)} for name, value in zip(CLASSES, class_iou(found, true), strict=True)]
    spec = {
        "data": {"values": rows},
        "mark": "bar",
        "encoding": {
            "x": {"field": "class", "type": "nominal", "sort": list(CLASSES)},
            "y": {"field": "IoU", "type": "quantitative", "scale": {"domain": [0, 1]}},
        },
    }
    return {
        "scenes": Image(
            _sheet(images, true, found, said[0]), "Scenes; their classes; the classes found; the segments found, black where none is."
        ),
        "iou": Chart(spec, "Intersection over union of each class, over all test scenes."),
    }


def _sheet(images: Tensor, true: Tensor, found: Tensor, said: tuple[Tensor, Tensor]) -> object:
    """Four rows of the first scenes, (4 H, SHOWN W, 3)."""
    shades = torch.rand(64, 3, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.2
    shades[-1] = 0  # nobody's
    own = torch.stack([shades[panoptic(classes, masks)[0]] for classes, masks in zip(said[0][:SHOWN], said[1][:SHOWN], strict=True)])
    seen = (images[:SHOWN] * 0.25 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)
    rows = [seen, TINTS[true[:SHOWN]], TINTS[found[:SHOWN]], own]  # (SHOWN, H, W, 3) each
    return torch.cat([row.transpose(0, 1).flatten(1, 2) for row in rows]).numpy()
