"""How many answers are right from the first letter to the end, at each length, and what there is to see."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from harness import Artifact, Chart, Data, Image, Quality, Text

from .decoder import Decoder
from .setting import LETTERS, SPECIAL, TASKS
from .tasks import BEGIN, END, FIRST_LETTER, IGNORED, SEPARATOR, answer, spell

BATCH = 400
SHOWN_LETTERS = 6
"""Letters of the example whose attention is shown."""
PIXELS = 8
"""Of a cell of an attention map."""


def right(model: Decoder, data: Data) -> Tensor:
    """Return which answers a model gives in full by greedy decoding, (N) booleans.

    One pass over the true answers tells: as long as all was right, decoding has the same tokens before it, and one wrong token is enough.
    """
    rows = zip(data.inputs[0].split(BATCH), data.targets.split(BATCH), strict=True)
    return torch.cat([((model(tokens).argmax(-1) == targets) | (targets == IGNORED)).all(1) for tokens, targets in rows])


def greedy(model: Decoder, prompt: Tensor, most: int) -> Tensor:
    """Continue a prompt (T) with the likeliest tokens until the end token, or for so many."""
    tokens = prompt
    for _ in range(most):
        tokens = torch.cat([tokens, model(tokens[None])[0, -1:].argmax(-1)])
        if int(tokens[-1]) == END:
            break
    return tokens[len(prompt) :]


def qualities(model: Decoder, data: Data, longest: int) -> dict[str, Quality]:
    """Return the share of right answers: at the lengths of training, beyond them, and beyond them for each task."""
    hits, tasks, lengths = right(model, data).double(), data.extra["tasks"], data.extra["lengths"]
    beyond = lengths > longest
    found = {"in_length": hits[~beyond], "extrapolation": hits[beyond]}
    found |= {f"{task}_beyond": hits[beyond & (tasks == k)] for k, task in enumerate(TASKS)}
    return {name: Quality(float(part.mean())) for name, part in found.items()}


def pictures(variant: str, model: Decoder, data: Data, longest: int) -> Mapping[str, Artifact]:
    """Show right answers by length; for the subject also its attention and some of its answers."""
    shown: dict[str, Artifact] = {"by_length": _by_length(right(model, data), data, longest)}
    if variant == "nope":
        shown["attention"] = _attention(model)
        shown["answers"] = _answers(model, longest)
    return shown


def _by_length(hits: Tensor, data: Data, longest: int) -> Chart:
    tasks, lengths = data.extra["tasks"], data.extra["lengths"]
    rows = [
        {"task": task, "letters": n, "right": round(100 * float(hits[(tasks == k) & (lengths == n)].double().mean()), 1)}
        for k, task in enumerate(TASKS)
        for n in range(1, 2 * longest + 1)
    ]
    spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "letters", "type": "quantitative"},
            "y": {"field": "right", "type": "quantitative", "scale": {"domain": [0, 100]}, "title": "right answers, %"},
            "color": {"field": "task", "type": "nominal"},
        },
    }
    return Chart(spec, f"Right answers by the number of letters; training has at most {longest}.")


def _prompt(task: str, letters: Tensor) -> Tensor:
    """Return the tokens of a question about letters (n)."""
    return torch.cat([torch.tensor([BEGIN, SPECIAL + TASKS.index(task)]), FIRST_LETTER + letters, torch.tensor([SEPARATOR])])


def _letters(count: int) -> Tensor:
    return torch.randperm(LETTERS, generator=torch.Generator().manual_seed(0))[:count]


def _attention(model: Decoder) -> Image:
    """Every head's attention while a few letters are copied, layers downwards, queries in rows."""
    letters = _letters(SHOWN_LETTERS)
    maps = model.maps(torch.cat([_prompt("copy", letters), FIRST_LETTER + letters])[None])[:, 0]  # (L, h, T, T)
    framed = torch.nn.functional.pad(1 - maps, (1, 1, 1, 1))  # a black line round each
    picture = framed.permute(0, 2, 1, 3).flatten(2).flatten(0, 1)
    enlarged = picture.repeat_interleave(PIXELS, 0).repeat_interleave(PIXELS, 1)
    return Image(enlarged.numpy(), f"Attention of every head while {SHOWN_LETTERS} letters are copied, layers downwards; darker is more.")


def _answers(model: Decoder, longest: int) -> Text:
    lines = []
    for n in (longest, longest + longest // 2):
        for task in TASKS:
            prompt, letters = _prompt(task, _letters(n)), _letters(n)
            said = greedy(model, prompt, 2 * n)
            wanted = torch.cat([FIRST_LETTER + answer(task, letters[None])[0], torch.tensor([END])])
            lines.append(f"{spell(torch.cat([prompt, said]))}   {'right' if torch.equal(said, wanted) else 'wrong'}")
    return Text("\n".join(lines), f"Answers to the longest training length, {longest}, and to half as many letters again.")
