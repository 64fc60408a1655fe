"""What is built and trained at each configuration and scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from harness import Data

from . import graphs
from .network import CHANGES, GPS, PLANS, Layer, Plan

MOLECULES = Plan(64, 4, 4, 20, 28, (graphs.ATOM_TYPES,), (graphs.BOND_TYPES,), attention_dropout=0.5)
"""As for ZINC, with four layers in place of ten."""

CSL = Plan(64, 4, 4, 20, 28, (1,), (1,), outputs=len(graphs.CSL_SKIPS), pooling="mean", attention_dropout=0.5)
SMOKE_LAYERS = 2


@dataclass(frozen=True)
class Training:
    """How long, and how many molecules (0: all there are of circular skip links)."""

    epochs: int
    batch: int
    train: int = 0
    test: int = 0


TRAININGS = {
    ("molecules", "smoke"): Training(1, 16, 64, 32),
    ("molecules", "small"): Training(16, 32, 1500, 400),
    ("csl", "smoke"): Training(1, 32),
    ("csl", "small"): Training(60, 16),
}
PROFILED = 32  # graphs a call
SEED = 0


def plan(config: str, scale: str) -> Plan:
    """Return the dimensions of a configuration."""
    if config in PLANS:
        return PLANS[config]
    if config == "layer":
        return PLANS["zinc"]
    chosen = MOLECULES if config == "molecules" else CSL
    return replace(chosen, layers=SMOKE_LAYERS) if scale == "smoke" else chosen


def build(variant: str, scale: str, params: Mapping[str, Any]) -> torch.nn.Module:
    """Return a variant: a network, or one layer."""
    chosen = replace(plan(params["config"], scale), **CHANGES[variant])
    return Layer(chosen) if params["config"] == "layer" else GPS(chosen)


def split(config: str, scale: str, name: str) -> tuple[graphs.Graph, ...]:
    """Return the graphs of a split."""
    training = TRAININGS[config, scale]
    train, test = graphs.skip_links(CSL.K) if config == "csl" else graphs.molecules(training.train, training.test, MOLECULES.K)
    return test if name == "test" else train


def profile(scale: str, params: Mapping[str, Any]) -> Data:
    """Return the arguments of one call: a ragged batch, or one large graph with features on its nodes and edges."""
    config = params["config"]
    if config == "layer":
        return large_graph(params["nodes"], plan(config, scale).d)
    if config in PLANS:
        return Data(molecule_inputs(PLANS[config]), items=PROFILED)
    inputs, _ = graphs.collate(split(config, scale, "train")[:PROFILED])
    return Data(inputs, items=PROFILED)


def molecule_inputs(chosen: Plan) -> tuple[torch.Tensor, ...]:
    """Return a batch of molecules with as many atom and bond features, and steps of the walk, as a published network takes."""
    made, _ = graphs.molecules(PROFILED, 1, chosen.K)
    (atoms, edges, bonds, *rest), _ = graphs.collate(made)
    atoms = torch.cat([atoms % types for types in chosen.atom_types], 1)
    bonds = torch.cat([bonds % types for types in chosen.bond_types], 1)
    return (atoms, edges, bonds, *rest)


def large_graph(nodes: int, d: int) -> Data:
    """Return Gaussian features of the nodes and edges of one graph, which needs no padding."""
    generator = torch.Generator().manual_seed(SEED)
    edges = graphs.preferential(nodes)
    x, e = (torch.randn(rows, d, generator=generator) for rows in (nodes, edges.shape[1]))
    return Data((x, e, edges, torch.arange(nodes), torch.ones(1, nodes, dtype=torch.bool)), items=nodes)
