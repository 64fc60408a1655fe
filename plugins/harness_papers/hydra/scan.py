"""The state-space scan with a scalar decay for each head (SSD), in chunks, and the matrix that it is."""

from __future__ import annotations

import torch
from torch.nn import functional as F

CHUNK = 32
"""Tokens between two states. Inside a chunk the scan is a small matrix product; the authors' GPU kernel takes 256, a CPU likes fewer."""


def ssd(x: torch.Tensor, delta: torch.Tensor, A: torch.Tensor, B: torch.Tensor, C: torch.Tensor, chunk: int = CHUNK) -> torch.Tensor:
    """Return `y_t = S_t C_t` of `S_t = exp(delta_t A) S_{t-1} + delta_t x_t B_t^T`, S_{-1} = 0, for every head.

    Args:
        x: (b, L, H, P).
        delta: Step sizes, positive: (b, L, H).
        A: Decay rates, negative: (H,).
        B: What writes to the state, shared by the heads: (b, L, N).
        C: What reads from it: (b, L, N).
        chunk: Tokens in a chunk; any number gives the same result.

    Returns:
        (b, L, H, P).
    """
    length = x.shape[1]
    Q = min(chunk, length)
    # A padded step has delta = 0: it neither writes nor decays.
    x, delta, B, C = (_chunks(part, Q) for part in (x, delta, B, C))  # (b, c, Q, ...) each
    log_decay = (delta * A).cumsum(2).transpose(2, 3)  # (b, c, H, Q): from the start of the chunk to after step t
    write = delta[..., None] * x  # (b, c, Q, H, P)

    inside = torch.einsum("bcin,bcjn->bcij", C, B)[:, :, None] * _decays(log_decay).exp()  # (b, c, H, Q, Q)
    y = torch.einsum("bchij,bcjhp->bcihp", inside, write)

    last = log_decay[..., -1:]  # (b, c, H, 1)
    to_end = (last - log_decay).exp()  # (b, c, H, Q)
    states = torch.einsum("bcjhp,bcjn->bchpn", write * to_end.transpose(2, 3)[..., None], B)  # what each chunk adds
    carried = _carry(states, last.exp())  # (b, c, H, P, N): the state before each chunk
    y = y + torch.einsum("bchpn,bcin->bcihp", carried, C) * log_decay.exp().transpose(2, 3)[..., None]
    return y.flatten(1, 2)[:, :length]


def ssd_matrix(delta: torch.Tensor, A: torch.Tensor, B: torch.Tensor, C: torch.Tensor) -> torch.Tensor:
    """Return the lower-triangular M (b, H, L, L) with `ssd(x) = M x`: `M_ij = (C_i . B_j) delta_j exp(A sum_{k=j+1..i} delta_k)`."""
    log_decay = (delta * A).cumsum(1).transpose(1, 2)  # (b, H, L)
    return torch.einsum("bin,bjn->bij", C, B)[:, None] * _decays(log_decay).exp() * delta.transpose(1, 2)[:, :, None]


def delayed(y: torch.Tensor) -> torch.Tensor:
    """Return y one step later, zeros first: output t then holds strictly earlier tokens. (b, L, ...)."""
    return torch.cat((torch.zeros_like(y[:, :1]), y[:, :-1]), dim=1)


def _chunks(part: torch.Tensor, Q: int) -> torch.Tensor:
    """(b, L, ...) -> (b, c, Q, ...), zeros at the end."""
    padding = -part.shape[1] % Q
    return F.pad(part, (0, 0) * (part.dim() - 2) + (0, padding)).unflatten(1, (-1, Q))


def _decays(log_decay: torch.Tensor) -> torch.Tensor:
    """(..., Q) sums -> (..., Q, Q) differences i - j, minus infinity where j > i."""
    Q = log_decay.shape[-1]
    future = torch.ones(Q, Q, dtype=torch.bool, device=log_decay.device).triu(1)
    return (log_decay[..., :, None] - log_decay[..., None, :]).masked_fill(future, -torch.inf)


def _carry(states: torch.Tensor, decay: torch.Tensor) -> torch.Tensor:
    """Return the state before each chunk, from what each chunk adds (b, c, H, P, N) and how much of the past it keeps (b, c, H, 1)."""
    before = [torch.zeros_like(states[:, 0])]
    for c in range(states.shape[1] - 1):
        before.append(before[-1] * decay[:, c, ..., None] + states[:, c])
    return torch.stack(before, dim=1)
