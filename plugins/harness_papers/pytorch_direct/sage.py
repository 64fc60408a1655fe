"""GraphSAGE with mean aggregation, and its training from gathered rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .graph import Graph, batches, sample
from .setting import Setting

LR = 0.01

Gather = Callable[[Tensor], Tensor]
"""From indices (R,) to rows (R, d) on the device."""


class MeanLayer(nn.Module):
    """W_self h_v + W_neigh mean of h_u + b."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.neigh = nn.Linear(inputs, outputs, bias=False)

    def forward(self, h: Tensor, around: Tensor) -> Tensor:
        """Return (N, outputs) for nodes (N, inputs) and their neighbours (N, f, inputs)."""
        return self.own(h) + self.neigh(around.mean(1))


class GraphSAGE(nn.Module):
    """Two layers on sampled neighbourhoods.

    Args:
        d: Features of a node.
        hidden: Width between the layers.
        classes: Communities.
        fan_out: (f1, f2), neighbours of a seed and of each of these.
    """

    def __init__(self, d: int, hidden: int, classes: int, fan_out: tuple[int, int]) -> None:
        super().__init__()
        self.fan_out = fan_out
        self.first = MeanLayer(d, hidden)
        self.second = MeanLayer(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) from gathered rows (B (1 + f1 + f1 f2), d): seeds, neighbours, neighbours of these."""
        f1, f2 = self.fan_out
        B = len(x) // (1 + f1 + f1 * f2)
        seeds, near, far = x.split([B, B * f1, B * f1 * f2])
        h_seeds = F.relu(self.first(seeds, near.unflatten(0, (B, f1))))  # (B, hidden)
        h_near = F.relu(self.first(near, far.unflatten(0, (B * f1, f2))))  # (B f1, hidden)
        return self.second(h_seeds, h_near.unflatten(0, (B, f1)))


def steps(model: GraphSAGE, graph: Graph, gather: Gather, setting: Setting, generator: torch.Generator) -> Iterator[Tensor]:
    """Train batch after batch, epoch after epoch without end, and yield each step's loss.

    Sampling, gathering, forward, backward and Adam are all in a step; only `gather` differs between variants.
    """
    optimizer = torch.optim.Adam(model.parameters(), LR)
    while True:
        for seeds in batches(graph.train, setting.batch, generator):
            x = gather(sample(graph, seeds, setting.fan_out, generator))
            with torch.enable_grad():
                loss = F.cross_entropy(model(x), graph.labels[seeds].to(x.device, non_blocking=True))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
            optimizer.step()
            yield loss.detach()


def predict(model: GraphSAGE, graph: Graph, nodes: Tensor, gather: Gather, setting: Setting, generator: torch.Generator) -> Tensor:
    """Return the class of nodes (N,) from one sampled neighbourhood each: (N,)."""
    parts = nodes.split(setting.batch)
    return torch.cat([model(gather(sample(graph, seeds, setting.fan_out, generator))).argmax(1).cpu() for seeds in parts])


def rows_of(seeds: int, fan_out: tuple[int, int]) -> int:
    """Return how many rows a batch gathers: B (1 + f1 + f1 f2)."""
    f1, f2 = fan_out
    return seeds * (1 + f1 + f1 * f2)
