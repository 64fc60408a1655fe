"""Training: the language model first, then dictionaries on its activations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .dictionaries import Dictionary
from .language import LanguageModel
from .setting import LAMBDA_D, LAMBDAS, Setting
from .study import Study

LANGUAGE_LR, CLIP = 3e-3, 1.0
"""Of the language model, along a cosine to zero."""
LR, WARM_UP = 2e-3, 0.1
"""Of dictionaries: a linear rise, then constant, as the authors have it; their rate is 4e-4, for eighteen times as many steps of sixteen times as many tokens."""
DEAD_AFTER = 5000 / 14_648
"""Share of the training after which a feature that never fired is taken for dead: the authors' 5,000 steps of 60 million tokens in batches of 4,096."""
GHOST_EPS = 1e-6
CACHE_BATCH = 64


def train(study: Study, data: tuple[Tensor, Tensor], setting: Setting, cap: Callable[[int], int], seed: int) -> Study:
    """Train a study in place on texts and next bytes (N, n), or on inputs and outputs (N, d) of planted gates."""
    if study.language is not None:
        train_language(study.language, *data, cap(setting.model_steps), setting.model_batch, seed)
        seen = activations(study.language, data[0][: setting.cached // study.shape.context])
    else:
        train_mlp(study.mlp, *data, cap(setting.model_steps), setting.model_batch, seed)
        seen = [data]
    for kind in study.kinds:
        x, y = seen[0 if kind == "upstream" else -1]
        source, target = pair(kind, x, y)
        for factor, dictionary in zip(LAMBDAS[kind], study.members(kind), strict=True):
            sparsity = factor * LAMBDA_D / study.shape.d
            train_dictionary(dictionary, source, target, sparsity, kind != "no_ghost", cap(setting.steps), setting.batch, seed)
    return study.eval()


def pair(kind: str, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a kind of dictionary reads and what it should write, given input and output of an MLP."""
    return {"sae": (y, y), "sae_in": (x, x)}.get(kind, (x, y))


def train_language(model: LanguageModel, tokens: Tensor, following: Tensor, steps: int, batch: int, seed: int) -> None:
    """Train on the cross-entropy of next bytes."""
    optimizer = torch.optim.AdamW(model.parameters(), LANGUAGE_LR, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for chosen in batches(len(tokens), steps, batch, seed):
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(tokens[chosen]).flatten(0, 1), following[chosen].flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
    model.eval()


def train_mlp(model: nn.Module, x: Tensor, y: Tensor, steps: int, batch: int, seed: int) -> None:
    """Train on the squared error of outputs (N, d)."""
    optimizer = torch.optim.Adam(model.parameters(), LANGUAGE_LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for chosen in batches(len(x), steps, batch, seed):
        optimizer.zero_grad(set_to_none=True)
        F.mse_loss(model(x[chosen]), y[chosen]).backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def activations(model: LanguageModel, tokens: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return input and output of the MLP of every layer, (N n, d) each, for texts (N, n)."""
    parts = [model.seen(part) for part in tokens.split(CACHE_BATCH)]
    return [(torch.cat([x for x, _ in layer]), torch.cat([y for _, y in layer])) for layer in zip(*parts, strict=True)]


def train_dictionary(
    dictionary: Dictionary, x: Tensor, y: Tensor, sparsity: float, ghosts: bool, steps: int, batch: int, seed: int
) -> None:
    """Train a dictionary from x to y, (N, d) each.

    Args:
        dictionary: In place.
        x: What it reads.
        y: What it should write.
        sparsity: Weight of the sum of activations.
        ghosts: Whether features that have not fired for long get ghost gradients.
        steps: Optimizer steps.
        batch: Tokens of each.
        seed: Of the batches.
    """
    dictionary.centre(x, y)
    optimizer = torch.optim.Adam(dictionary.parameters(), LR)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / (WARM_UP * steps)))
    silent = torch.zeros(len(dictionary.b_enc))  # steps since a feature fired
    for chosen in batches(len(x), steps, batch, seed):
        optimizer.zero_grad(set_to_none=True)
        dead = silent > DEAD_AFTER * steps
        loss, z = objective(dictionary, x[chosen], y[chosen], sparsity, dead if ghosts else None)
        loss.backward()
        without_lengthening(dictionary)
        optimizer.step()
        dictionary.renormalize()
        schedule.step()
        silent = torch.where((z > 0).any(0), 0, silent + 1)


def objective(dictionary: Dictionary, x: Tensor, y: Tensor, sparsity: float, dead: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the loss of a batch and the activations z (N, m).

    The squared error of each number is divided by the length of its token's target and averaged; to it are added `sparsity` times the mean sum of
    activations and, where there are `dead` features (m,), their ghost loss.
    """
    before = dictionary.before(x)
    z = F.relu(before)
    out = dictionary.decode(z)
    error = relative(out - y, y)
    loss = error.mean() + sparsity * z.sum(1).mean()
    if dead is not None and dead.any():
        loss = loss + ghost(dictionary, before, (y - out).detach(), error.detach(), dead)
    return loss, z


def relative(difference: Tensor, target: Tensor) -> Tensor:
    """Return squares over the length of the target of each token: (N, d)."""
    return difference.square() / target.norm(dim=1, keepdim=True)


def ghost(dictionary: Dictionary, before: Tensor, residual: Tensor, error: Tensor, dead: Tensor) -> Tensor:
    """Return the ghost loss: dead features, through exp in place of ReLU, are to write what is missing.

    What they write is brought to half the length of the residual (N, d), and each squared difference to the size of `error`, without gradient.
    """
    written = before[:, dead].exp() @ dictionary.W_dec[dead]  # (N, d)
    scale = residual.norm(dim=1) / (2 * written.norm(dim=1) + GHOST_EPS)
    missed = relative(written * scale.detach()[:, None] - residual, residual)
    return (missed * (error / (missed + GHOST_EPS)).detach()).mean()


@torch.no_grad()
def without_lengthening(dictionary: Dictionary) -> None:
    """Take from the gradient of W_dec what would change the length of its rows."""
    W, gradient = dictionary.W_dec, dictionary.W_dec.grad
    assert gradient is not None
    gradient.sub_((gradient * W).sum(1, keepdim=True) * W)


def batches(count: int, steps: int, batch: int, seed: int) -> Iterator[Tensor]:
    """Yield `batch` random indices of `count` for each step."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        yield torch.randint(count, (batch,), generator=generator)
