"""A forced orbit and its exact gradient, several times as fast as a loop under autograd.

Between two steps the state is mixed with the data, `z~_t = (1 - alpha_t) z_t + alpha_t zbar_t`, so that what flows back through time is a product of
`(1 - alpha_t) J_t`. Written out, forward and backward take a handful of operators a step, and the gradients of the weights are single products over
all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def gates(u: Tensor, h2: Tensor, clipped: bool) -> Tensor:
    """Return the derivative of each hidden unit by its input u: (..., L)."""
    opened = (u > -h2).to(u.dtype)
    return opened - (u > 0).to(u.dtype) if clipped else opened


class Rollout(torch.autograd.Function):
    """z_t for t = 1..T from z_0, before they are mixed with the data.

    Called as `Rollout.apply(z0, zbar, alphas, clipped, A, W1, W2, h1, h2)` with z0 (B, M), zbar (T, B, M), T numbers alpha and the weights of
    the shallow network; returns (T, B, M). No gradient goes to zbar.
    """

    @staticmethod
    def forward(
        ctx: Any,
        z0: Tensor,
        zbar: Tensor,
        alphas: Sequence[float],
        clipped: bool,
        A: Tensor,
        W1: Tensor,
        W2: Tensor,
        h1: Tensor,
        h2: Tensor,
    ) -> Tensor:
        """Run the network, each step on the mixture that the step before left."""
        outer, shift = W1, h1
        if clipped:  # relu(u + h) - relu(u) is sign(h) times u held between 0 and -h, plus relu(h)
            low, high = (-h2).clamp(max=0), (-h2).clamp(min=0)
            outer, shift = W1 * h2.sign(), torch.addmv(h1, W1, h2.relu())
        given, reached, state = [], [], z0
        for target, alpha in zip(zbar.unbind(), alphas, strict=True):
            given.append(state)
            hidden = F.linear(state, W2).clamp(low, high) if clipped else F.linear(state, W2, h2).relu()
            z = torch.addcmul(F.linear(hidden, outer, shift), A, state)
            reached.append(z)
            state = torch.lerp(z, target, alpha)
        ctx.save_for_backward(torch.stack(given), A, W1, W2, h2)
        ctx.alphas, ctx.clipped = alphas, clipped
        return torch.stack(reached)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Carry the gradient back through `(1 - alpha_t) J_t`, then sum those of the weights over all steps."""
        given, A, W1, W2, h2 = ctx.saved_tensors
        u = given @ W2.T  # (T, B, L)
        D = gates(u, h2, ctx.clipped)
        at_state, at_unit = [], []
        carried = torch.zeros_like(given[0])
        for own, gate, alpha in zip(gradients[0].flip(0).unbind(), D.flip(0).unbind(), ctx.alphas[::-1], strict=True):
            g = torch.add(own, carried, alpha=1 - alpha)  # (B, M), of z_t
            units = (g @ W1) * gate  # (B, L), of W2 z~_(t-1)
            carried = torch.addmm(g * A, units, W2)  # (B, M), of z~_(t-1)
            at_state.append(g)
            at_unit.append(units)
        g, units = (torch.stack(rows[::-1]).flatten(0, 1) for rows in (at_state, at_unit))
        x, u = given.flatten(0, 1), u.flatten(0, 1)
        opened = (u > -h2).to(u.dtype)
        phi = (u + h2).relu() - u.relu() if ctx.clipped else (u + h2).relu()
        return carried, None, None, None, (g * x).sum(0), g.T @ phi, units.T @ x, g.sum(0), ((g @ W1) * opened).sum(0)
