"""The blocks: channel attention with and without a selection of scores, and two feed-forward networks. Maps are x: (B, C, H, W)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .setting import Parts, Share

EXPANSION = 2.66
WEIGHTS_AT_FIRST = 0.8
"""What the branches' weights add up to before training: four of 0.2."""


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each pixel, with weight and bias, eps = 1e-5."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class ChannelAttention(nn.Module):
    """Restormer's attention: among channels, so that its cost is linear in the pixels.

    Args:
        C: Channels.
        heads: Heads; each has c = C / heads channels.
    """

    def __init__(self, C: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.tau = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(C, 3 * C, 1, bias=False)
        self.qkv_depthwise = nn.Conv2d(3 * C, 3 * C, 3, padding=1, groups=3 * C, bias=False)
        self.project_out = nn.Conv2d(C, C, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Attend: (B, C, H, W) -> (B, C, H, W)."""
        A, v = self.scores(x)
        out: Tensor = self.project_out(self.attend(A, v).reshape(x.shape))
        return out

    def scores(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return A (B, heads, c, c), cosines of the channels' maps times tau, and values v (B, heads, c, HW)."""
        qkv = self.qkv_depthwise(self.qkv(x)).flatten(2)  # (B, 3C, HW)
        q, k, v = (part.unflatten(1, (self.heads, -1)) for part in qkv.chunk(3, 1))
        A = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.tau
        return A, v

    def attend(self, A: Tensor, v: Tensor) -> Tensor:
        """Return softmax(A) v: (B, heads, c, HW)."""
        return A.softmax(-1) @ v


class TopKAttention(ChannelAttention):
    """TKSA: branches that each keep the k largest scores of a row, summed with learned weights.

    Where every branch keeps every score all branches are equal, and it is worked out once.

    Args:
        C: Channels.
        heads: Heads.
        kept: The share of scores that each branch keeps; k = c * share, rounded down.

    Raises:
        ValueError: for heads of one channel, of which a branch would keep none.
    """

    def __init__(self, C: int, heads: int, kept: tuple[Share, ...]) -> None:
        super().__init__(C, heads)
        c = C // heads
        if c < 2:
            raise ValueError(f"a head of {c} channel keeps none of its scores; give each of {heads} heads 2 channels or more")
        self.k = [c * over // under for over, under in kept]
        self.dense = min(self.k) == c
        self.w = nn.Parameter(torch.full((len(kept),), WEIGHTS_AT_FIRST / len(kept)))

    def attend(self, A: Tensor, v: Tensor) -> Tensor:
        """Return the sum over branches of w_i softmax(A kept to k_i) v: (B, heads, c, HW)."""
        if self.dense:
            return self.w.sum() * super().attend(A, v)
        outputs = [w * (kept.softmax(-1) @ v) for w, kept in zip(self.w, self.sparse(A), strict=True)]
        total: Tensor = sum(outputs[1:], outputs[0])
        return total

    def sparse(self, A: Tensor) -> list[Tensor]:
        """Return A once for each branch, with -inf in place of all but the k largest of each row."""
        best = A.topk(max(self.k), dim=-1).indices  # sorted: the k best are the first k
        nothing = torch.zeros_like(A, dtype=torch.bool)
        return [torch.where(nothing.scatter(-1, best[..., :k], True), A, float("-inf")) for k in self.k]


def attention(C: int, heads: int, parts: Parts) -> ChannelAttention:
    """Return the attention of a network that is made of `parts`."""
    return TopKAttention(C, heads, parts.kept) if parts.kept else ChannelAttention(C, heads)


class MixedScale(nn.Module):
    """MSFN: two depth-wise convolutions side by side, whose halves are exchanged and convolved in pairs.

    Args:
        C: Channels.
    """

    def __init__(self, C: int) -> None:
        super().__init__()
        h = int(EXPANSION * C)
        self.project_in = nn.Conv2d(C, 2 * h, 1, bias=False)
        self.depthwise3 = nn.Conv2d(2 * h, 2 * h, 3, padding=1, groups=2 * h, bias=False)
        self.depthwise5 = nn.Conv2d(2 * h, 2 * h, 5, padding=2, groups=2 * h, bias=False)
        self.pairs3 = nn.Conv2d(2 * h, h, 3, padding=1, groups=h, bias=False)  # two inputs a group
        self.pairs5 = nn.Conv2d(2 * h, h, 5, padding=2, groups=h, bias=False)
        self.project_out = nn.Conv2d(2 * h, C, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Feed forward: (B, C, H, W) -> (B, C, H, W)."""
        x = self.project_in(x)
        a3, b3 = F.relu(self.depthwise3(x)).chunk(2, 1)  # (B, h, H, W)
        a5, b5 = F.relu(self.depthwise5(x)).chunk(2, 1)
        y3 = F.relu(self.pairs3(torch.cat([a3, a5], 1)))  # (B, h, H, W)
        y5 = F.relu(self.pairs5(torch.cat([b3, b5], 1)))
        out: Tensor = self.project_out(torch.cat([y3, y5], 1))
        return out


class Gated(nn.Module):
    """GDFN, Restormer's: one half of a depth-wise convolution's channels gates the other.

    Args:
        C: Channels.
    """

    def __init__(self, C: int) -> None:
        super().__init__()
        h = int(EXPANSION * C)
        self.project_in = nn.Conv2d(C, 2 * h, 1, bias=False)
        self.depthwise = nn.Conv2d(2 * h, 2 * h, 3, padding=1, groups=2 * h, bias=False)
        self.project_out = nn.Conv2d(h, C, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Feed forward: (B, C, H, W) -> (B, C, H, W)."""
        gate, value = self.depthwise(self.project_in(x)).chunk(2, 1)
        out: Tensor = self.project_out(F.gelu(gate) * value)
        return out


class Block(nn.Module):
    """x += attention(norm(x)); x += feed-forward(norm(x)).

    Args:
        C: Channels.
        heads: Heads.
        parts: Which attention, and which feed-forward network.
    """

    def __init__(self, C: int, heads: int, parts: Parts) -> None:
        super().__init__()
        self.norm_attention, self.norm_forward = ChannelNorm(C), ChannelNorm(C)
        self.attention = attention(C, heads, parts)
        self.feed_forward = MixedScale(C) if parts.mixed_scale else Gated(C)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block: (B, C, H, W) -> (B, C, H, W)."""
        x = x + self.attention(self.norm_attention(x))
        fed: Tensor = self.feed_forward(self.norm_forward(x))
        return x + fed
