"""The tasks: copy letters, turn them round, or sort them; learnt up to a length, and asked for up to twice as many.

An example is one row of tokens, `BEGIN task letters SEPARATOR answer END`, padded on the right. Only the answer and its end are asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from harness import Data, Recipe

from .setting import LETTERS, SPECIAL, TASKS, VOCABULARY, Study

PAD, BEGIN, END, SEPARATOR = range(SPECIAL)
FIRST_LETTER = SPECIAL + len(TASKS)
IGNORED = -100
"""The target of a token that is not asked for."""
WEIGHT_DECAY, CLIP = 0.05, 1.0
TEST_SEED = 10**6


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats over the answers: logits (B, T, V), targets (B, T)."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def split(study: Study, name: str, seed: int) -> Data:
    """Return the training examples, drawn by `seed`, or the test examples, the same for every seed."""
    if name == "train":
        generator = torch.Generator().manual_seed(seed)
        count = study.steps * study.batch
        tasks = torch.randint(len(TASKS), (count,), generator=generator)
        lengths = torch.randint(1, study.longest + 1, (count,), generator=generator)
    else:
        generator = torch.Generator().manual_seed(TEST_SEED)
        grid = torch.cartesian_prod(torch.arange(len(TASKS)), torch.arange(1, 2 * study.longest + 1))
        tasks, lengths = grid.repeat_interleave(study.tests, 0).T
    tokens, targets = examples(tasks, lengths, generator)
    return Data((tokens,), targets, extra={"tasks": tasks, "lengths": lengths})


def examples(tasks: Tensor, lengths: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return inputs and targets (N, T) of examples with these tasks (N) and numbers of letters (N), no letter twice in one of them."""
    longest = int(lengths.max())
    letters = torch.rand(len(tasks), LETTERS, generator=generator).argsort(1)[:, :longest]
    rows = torch.full((len(tasks), 2 * longest + 4), PAD)
    asked = torch.zeros_like(rows, dtype=torch.bool)
    for task in range(len(TASKS)):
        for n in range(1, longest + 1):
            chosen = ((tasks == task) & (lengths == n)).nonzero()[:, 0]
            given = letters[chosen, :n]
            parts = ([BEGIN, SPECIAL + task], FIRST_LETTER + given, [SEPARATOR], FIRST_LETTER + answer(TASKS[task], given), [END])
            columns = [part if isinstance(part, Tensor) else torch.tensor(part).expand(len(chosen), -1) for part in parts]
            rows[chosen, : 2 * n + 4] = torch.cat(columns, 1)
            asked[chosen, n + 3 : 2 * n + 4] = True
    targets = torch.where(asked, rows, IGNORED)
    return rows[:, :-1].contiguous(), targets[:, 1:].contiguous()


def answer(task: str, letters: Tensor) -> Tensor:
    """Return what is to be said of letters (N, n)."""
    return {"copy": letters, "reverse": letters.flip(1), "sort": letters.sort(1).values}[task]


def profile(length: int, vocabulary: int) -> Data:
    """Return one row of random tokens, as many random targets, and the loss and the optimizer of a timed step of training."""
    tokens, targets = torch.randint(vocabulary, (2, 1, length))
    return Data((tokens,), targets, items=length, recipe=Recipe(loss, 1, 1, 1e-5, weight_decay=WEIGHT_DECAY, clip=CLIP))


def spell(tokens: Tensor) -> str:
    """Return tokens as text."""
    names = ["", "", ".", " ->", *(f"{task}:" for task in TASKS), *(chr(ord("a") + i) for i in range(VOCABULARY - FIRST_LETTER))]
    return " ".join(filter(None, (names[t] for t in tokens.tolist()))).replace("  ", " ")
