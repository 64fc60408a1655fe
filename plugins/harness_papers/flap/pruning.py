"""FLAP: which heads and neurons a language model can do without, found with forward passes alone, and a bias for what they gave on average.

A unit is a head (d_h channels of the input of `o`, with their rows of q, k and v) or a neuron (one channel of the input of `down`, with its rows of
gate and up). What differs between FLAP and its baselines is a `Method`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .decoder import Block, Decoder
from .setting import Method, Shape

BATCH = 16
"""Calibration sequences of one pass."""
BY_HAND = 0.75
"""Heads that `UL-MM` and `AL-MM` remove, over the share p of all: 384 of 1,024 at p = 0.5 in the authors' script."""
TINY = torch.finfo(torch.float64).tiny


class Moments:
    """Mean and variance of the channels of an input, gathered batch by batch in double precision."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor = torch.zeros(())  # (C,) from the first batch on
        self.squares: Tensor = torch.zeros(())  # (C,): summed squared distance from the mean

    def update(self, X: Tensor) -> None:
        """Take in X (..., C)."""
        X = X.flatten(0, -2).double()
        mean = X.mean(0)
        squares = (X - mean).square().sum(0)
        if self.count:
            total, step = self.count + len(X), mean - self.mean
            squares = self.squares + squares + step.square() * (self.count * len(X) / total)
            mean = self.mean + step * (len(X) / total)
        self.count, self.mean, self.squares = self.count + len(X), mean, squares

    @property
    def var(self) -> Tensor:
        """Population variance (C,)."""
        return self.squares / self.count

    @property
    def norm(self) -> Tensor:
        """||X_j||_2 over all tokens (C,)."""
        return (self.squares + self.count * self.mean.square()).sqrt()


class Seen(NamedTuple):
    """What a block's two output matrices were given.

    Attributes:
        o: Moments of the channels of all heads (h d_h,).
        down: Moments of the neurons (f,).
    """

    o: Moments
    down: Moments


class Masks(NamedTuple):
    """What is kept.

    Attributes:
        heads: (L, h) bool.
        neurons: (L, f) bool.
    """

    heads: Tensor
    neurons: Tensor


# Observing


@contextmanager
def watched(blocks: Sequence[Block]) -> Iterator[list[Seen]]:
    """Gather what goes into `o` and `down` of each block while the context is open."""
    with ExitStack() as hooks:
        seen = [Seen(Moments(), Moments()) for _ in blocks]
        for block, (o, down) in zip(blocks, seen, strict=True):
            for linear, moments in ((block.attention.o, o), (block.feed_forward.down, down)):
                hooks.enter_context(linear.register_forward_pre_hook(lambda _, inputs, m=moments: m.update(inputs[0])))
        yield seen


@torch.no_grad()
def observe(dense: Decoder, tokens: Tensor) -> list[Seen]:
    """Run the unpruned model over calibration tokens (N, n) and return the moments of every block."""
    with watched(list(dense.blocks)) as seen:
        for part in tokens.split(BATCH):
            dense(part)
    return seen


# Scoring


def channel_score(kind: str, W: Tensor, X: Moments) -> Tensor:
    """Return what each input channel of W (o, C) is worth, given its inputs: (C,)."""
    W = W.detach().double()
    match kind:
        case "WIFV":  # the error that is left when channel j is replaced by its mean
            return X.var * W.square().sum(0)
        case "IFV":
            return X.var
        case "WIFN":
            return W.abs().mean(0) * X.norm
    raise ValueError(f"no score of inputs is called {kind!r}")


def weight_score(kind: str, W: Tensor) -> Tensor:
    """Return what each input channel of W (o, C) is worth without any input: (C,)."""
    W = W.detach().double()
    return W.norm(dim=0) if kind == "magnitude" else torch.rand_like(W[0])


def taylor_scores(dense: Decoder, tokens: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return |weight * gradient| summed over all weights of a channel, for the channels of `o` and of `down` in each block: one backward pass a batch."""
    weights = [m.weight for b in dense.blocks for m in _matrices(b)]
    gradients = [torch.zeros_like(W) for W in weights]
    with torch.inference_mode(False), torch.enable_grad():
        for part in tokens.split(BATCH):
            loss = F.cross_entropy(dense(part)[:, :-1].flatten(0, 1), part[:, 1:].flatten())
            found = torch.autograd.grad(loss * (len(part) / len(tokens)), weights)
            gradients = [total + new for total, new in zip(gradients, found, strict=True)]
    saliency = [(W * g).detach().abs().double() for W, g in zip(weights, gradients, strict=True)]
    return [_by_channel(saliency[i : i + 7]) for i in range(0, len(saliency), 7)]


def _matrices(block: Block) -> list[nn.Linear]:
    a, f = block.attention, block.feed_forward
    return [a.q, a.k, a.v, a.o, f.gate, f.up, f.down]


def _by_channel(saliency: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    q, k, v, o, gate, up, down = saliency
    return q.sum(1) + k.sum(1) + v.sum(1) + o.sum(0), gate.sum(1) + up.sum(1) + down.sum(0)


def standardize(S: Tensor) -> Tensor:
    """Return z-scores over the last axis, with the deviation of n - 1 as in the authors' code."""
    return (S - S.mean(-1, keepdim=True)) / S.std(-1, keepdim=True).clamp_min(TINY)


def unit_scores(channels: Sequence[tuple[Tensor, Tensor]], d_h: int, squared: bool) -> tuple[Tensor, Tensor]:
    """Turn channel scores of each block, (h d_h,) and (f,), into z-scores of heads (L, h) and neurons (L, f)."""
    o = torch.stack([S.square() if squared else S for S, _ in channels])
    neurons = torch.stack([S for _, S in channels])
    return standardize(o).unflatten(-1, (-1, d_h)).mean(-1), standardize(neurons)


def scores(blocks: Sequence[Block], method: Method, seen: Sequence[Seen]) -> list[tuple[Tensor, Tensor]]:
    """Return channel scores of each block by inputs, or by weights alone where the method looks at no input."""
    pairs = [(b.attention.o.weight, b.feed_forward.down.weight) for b in blocks]
    if method.score in ("magnitude", "random"):
        return [(weight_score(method.score, o), weight_score(method.score, down)) for o, down in pairs]
    return [
        (channel_score(method.score, o, x.o), channel_score(method.score, down, x.down)) for (o, down), x in zip(pairs, seen, strict=True)
    ]


# Searching


def search(heads: Tensor, neurons: Tensor, method: Method, shape: Shape) -> Masks:
    """Decide what is kept, by scores of heads (L, h) and neurons (L, f); at least one of each in every layer."""
    p, (L, h) = method.p, heads.shape
    match method.structure:
        case "AL-AM":
            found = adaptive(heads, neurons, p, shape.head_cost / shape.neuron_cost)
        case "AL-MM":
            gone = int(BY_HAND * p * L * h)
            flat = keep_best(heads.view(1, -1), gone), keep_best(neurons.view(1, -1), _neurons_for(gone, p * L, shape))
            found = Masks(flat[0].view_as(heads), flat[1].view_as(neurons))
        case "UL-MM":
            gone = int(BY_HAND * p * h)
            found = Masks(keep_best(heads, gone), keep_best(neurons, _neurons_for(gone, p, shape)))
        case _:
            found = Masks(keep_best(heads, int(p * h)), keep_best(neurons, int(p * shape.f)))
    return Masks(_at_least_one(found.heads, heads), _at_least_one(found.neurons, neurons))


def adaptive(heads: Tensor, neurons: Tensor, p: float, head_weight: float) -> Masks:
    """Walk down one list of all units of all layers, a head weighing `head_weight` neurons, and cut where 1 - p of the weight has gone by."""
    S = torch.cat((heads.flatten(), neurons.flatten()))
    weight = torch.ones_like(S)
    weight[: heads.numel()] = head_weight
    order = S.argsort(descending=True, stable=True)
    passed = weight[order].cumsum(0)
    kept = order[: int((passed - (1 - p) * weight.sum()).abs().argmin()) + 1]
    mask = torch.zeros_like(S, dtype=torch.bool)
    mask[kept] = True
    return Masks(mask[: heads.numel()].view_as(heads), mask[heads.numel() :].view_as(neurons))


def keep_best(S: Tensor, gone: int) -> Tensor:
    """Keep all but the `gone` lowest of each row: (rows, n) -> (rows, n) bool."""
    lowest = S.argsort(dim=1, stable=True)[:, : max(0, gone)]
    return torch.ones_like(S, dtype=torch.bool).scatter(1, lowest, False)


def _neurons_for(heads: int, blocks: float, shape: Shape) -> int:
    """Return how many neurons must go, beside `heads` heads, so that the weights of `blocks` blocks are gone."""
    return int((blocks * shape.block_cost - heads * shape.head_cost) / shape.neuron_cost)


def _at_least_one(mask: Tensor, S: Tensor) -> Tensor:
    best = torch.zeros_like(mask).scatter(1, S.argmax(1, keepdim=True), True)
    return torch.where(mask.any(1, keepdim=True), mask, best)


def assumed_units(method: Method, shape: Shape) -> list[tuple[int, int]]:
    """Return how many heads and neurons each block keeps where there is nothing to observe: every layer is given the same evenly spaced scores."""
    heads, neurons = (((torch.arange(n, device="cpu") + 0.5) / n).double().expand(shape.L, n).contiguous() for n in (shape.h, shape.f))
    return counts(search(heads, neurons, method, shape))


def counts(masks: Masks) -> list[tuple[int, int]]:
    """Return how many heads and neurons each block keeps."""
    return list(zip(masks.heads.sum(1).tolist(), masks.neurons.sum(1).tolist(), strict=True))


# Cutting


@torch.inference_mode(mode=False)  # a smaller model is an ordinary model, wherever it was made
@torch.no_grad()
def cut_block(block: Block, heads: Tensor, neurons: Tensor, means: tuple[Tensor, Tensor] | None, shape: Shape) -> Block:
    """Return a smaller block with the units of the masks (h,) and (f,); with the mean inputs, also the bias that they leave behind."""
    new = Block(shape, int(heads.sum()), int(neurons.sum()), bias=means is not None).to(block.norm1.weight)
    new.norm1.load_state_dict(block.norm1.state_dict())
    new.norm2.load_state_dict(block.norm2.state_dict())
    kept = (heads.repeat_interleave(shape.d_h), neurons)
    for part, names, last, rows in ((0, "qkv", "o", kept[0]), (1, ("gate", "up"), "down", kept[1])):
        old_part, new_part = ((b.attention, b.feed_forward)[part] for b in (block, new))
        for name in names:
            getattr(new_part, name).weight.copy_(getattr(old_part, name).weight[rows])
        W = getattr(old_part, last).weight  # (d, C)
        getattr(new_part, last).weight.copy_(W[:, rows])
        if means is not None:
            getattr(new_part, last).bias.copy_(W[:, ~rows].double() @ means[part][~rows])
    return new


@torch.inference_mode(mode=False)
def cut(dense: Decoder, masks: Masks, seen: Sequence[Seen] | None = None) -> Decoder:
    """Return a smaller model; with what was observed, one whose biases make up for the means of what is gone."""
    means = [None] * len(masks.heads) if seen is None else [(x.o.mean, x.down.mean) for x in seen]
    blocks = [cut_block(b, heads, neurons, m, dense.shape) for b, heads, neurons, m in zip(dense.blocks, *masks, means, strict=True)]
    # Everything is copied but the blocks, in whose place stand the new ones.
    return copy.deepcopy(dense, {id(dense.blocks): nn.ModuleList(blocks)})


@torch.no_grad()
def one_after_another(dense: Decoder, method: Method, tokens: Tensor) -> Masks:
    """Decide layer by layer, each observed behind those that have been cut."""
    rotation = dense.rotation[:, : tokens.shape[1]]
    hidden, found = [dense.embed(part) for part in tokens.split(BATCH)], []
    for block in dense.blocks:
        with watched([block]) as seen:
            for x in hidden:
                block(x, rotation)
        units = unit_scores(scores([block], method, seen), dense.shape.d_h, method.squared)
        masks = search(*units, method, dense.shape)
        thin = cut_block(block, masks.heads[0], masks.neurons[0], None, dense.shape)
        hidden = [thin(x, rotation) for x in hidden]
        found.append(masks)
    return Masks(*(torch.cat(rows) for rows in zip(*found, strict=True)))


def compress(dense: Decoder, method: Method, tokens: Tensor, seen: Sequence[Seen] | None = None) -> tuple[Decoder, Masks]:
    """Prune a model by calibration tokens (N, n); `dense` stays as it is.

    Args:
        dense: The model.
        method: How.
        tokens: What statistics or gradients are taken on.
        seen: What `observe` gave for the same model and tokens, where it is at hand.
    """
    if method.sequential:
        masks = one_after_another(dense, method, tokens)
        return cut(dense, masks), masks
    if seen is None and method.score in ("WIFV", "IFV", "WIFN"):
        seen = observe(dense, tokens)
    channels = taylor_scores(dense, tokens) if method.score == "taylor" else scores(list(dense.blocks), method, seen or [])
    masks = search(*unit_scores(channels, dense.shape.d_h, method.squared), method, dense.shape)
    return cut(dense, masks, seen if method.bias else None), masks
