"""A toy molecule of twelve atoms with exact energies and forces, and its conformations at two temperatures."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from harness import Data, Recipe

SPECIES = (0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2)
"""A backbone of five atoms and one of another kind; one light atom on each."""

BONDS = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), *((i, i + 6) for i in range(6)))
LENGTHS = {(0, 0): 1.5, (0, 1): 1.4, (0, 2): 1.1, (1, 2): 1.0}
ANGLES = tuple(
    (a, j, b) for j in range(12) for a in range(12) for b in range(a) if {(min(a, j), max(a, j)), (min(b, j), max(b, j))} <= set(BONDS)
)
APART = tuple(
    (i, j) for i in range(12) for j in range(i) if (j, i) not in BONDS and not any({i, j} == {a, b} for a, _, b in ANGLES)
)  # pairs more than two bonds apart
MORSE_DEPTH, MORSE_WIDTH = 5.0, 1.8
BEND, TETRAHEDRAL = 4.0, -1 / 3  # stiffness; cosine of the angle at rest
REPULSION, RANGE = 20.0, 0.35  # keeps atoms that are not bonded apart
COLD, HOT = 0.1, 0.2  # kT; the paper's second test set is at 1200 K after training at 300 K
FRICTION_STEP, BURN_STEPS = 0.006, 250  # Langevin steps a conformation

COUNTS = {"smoke": (30, 10), "small": (200, 100)}
RECIPES = {"smoke": (2, 10), "small": (20, 8)}  # epochs, batch
LEARNING_RATE = 0.01  # MACE's
FORCE_SHARE = 10.0  # of the loss, against 1 for energies an atom


def potential(R: Tensor) -> Tensor:
    """Return the energy of positions R (B, 12, 3) as (B,): Morse bonds, harmonic cosines of angles, exponential repulsion."""

    def between(pairs: tuple[tuple[int, int], ...]) -> Tensor:
        i, j = (torch.tensor(side) for side in zip(*pairs, strict=True))
        return (R[:, i] - R[:, j]).norm(dim=-1)

    rest = R.new_tensor([LENGTHS[tuple(sorted((SPECIES[i], SPECIES[j])))] for i, j in BONDS])  # type: ignore[index]
    bonds = MORSE_DEPTH * (1 - torch.exp(-MORSE_WIDTH * (between(BONDS) - rest))) ** 2
    a, centre, b = (torch.tensor(side) for side in zip(*ANGLES, strict=True))
    cosine = torch.nn.functional.cosine_similarity(R[:, a] - R[:, centre], R[:, b] - R[:, centre], dim=-1)
    return bonds.sum(1) + BEND * ((cosine - TETRAHEDRAL) ** 2).sum(1) + REPULSION * torch.exp(-between(APART) / RANGE).sum(1)


def energy_and_forces(R: Tensor) -> tuple[Tensor, Tensor]:
    """Return the exact energy (B,) and forces (B, 12, 3)."""
    with torch.enable_grad():
        R = R.detach().requires_grad_()
        energy = potential(R)
        return energy.detach(), -torch.autograd.grad(energy.sum(), R)[0]


@lru_cache(maxsize=8)
def conformations(count: int, kT: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return positions, energies and forces of `count` independent chains of overdamped Langevin dynamics, in double precision."""
    rng = np.random.default_rng(seed)
    backbone = np.stack([1.25 * np.arange(6), 0.8 * (np.arange(6) % 2), np.zeros(6)], 1)
    light = backbone + np.stack([np.zeros(6), 0.8 * (2 * (np.arange(6) % 2) - 1), 0.7 * np.ones(6)], 1)
    R = torch.from_numpy(np.concatenate([backbone, light])).expand(count, -1, -1)
    for _ in range(BURN_STEPS):
        noise = torch.from_numpy(rng.normal(size=(count, 12, 3)))
        R = R + FRICTION_STEP * energy_and_forces(R)[1] + (2 * kT * FRICTION_STEP) ** 0.5 * noise
    return (R, *energy_and_forces(R))


def loss(output: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
    """Return the squared error of forces, and of energies an atom."""
    (energy, forces), (true_energy, true_forces) = output, targets
    per_atom = (energy - true_energy) / len(SPECIES)
    return FORCE_SHARE * torch.mean((forces - true_forces) ** 2) + torch.mean(per_atom**2)


def recipe(scale: str) -> Recipe:
    """Return how a force field trains at a scale."""
    epochs, batch = RECIPES[scale]
    return Recipe(loss, epochs, batch, LEARNING_RATE, optimizer="adam", clip=10.0)


def split(scale: str, name: str) -> Data:
    """Return conformations as (positions,) and (energies, forces); the zero of energy is the training mean. `extra` holds the hot test set."""
    train, test = COUNTS[scale]
    cold = conformations(train + test, COLD, 0)
    zero = cold[1][:train].mean()

    def sample(found: tuple[Tensor, ...], chosen: slice) -> tuple[tuple[Tensor], tuple[Tensor, Tensor]]:
        R, energy, forces = (part[chosen] for part in found)
        return (R.float(),), ((energy - zero).float(), forces.float())

    if name == "test":
        inputs, targets = sample(cold, slice(train, None))
        return Data(inputs, targets, extra={"hot": sample(conformations(test, HOT, 1), slice(None))})
    inputs, targets = sample(cold, slice(train))
    if name == "profile":
        batch = RECIPES[scale][1]
        return Data((inputs[0][:batch],), (targets[0][:batch], targets[1][:batch]), items=batch, recipe=recipe(scale))
    return Data(inputs, targets, recipe=recipe(scale))
