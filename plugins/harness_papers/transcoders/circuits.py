"""Circuits read off weights: what features of one layer's transcoder contribute to a feature of the next layer's.

The norms' scales and the attention pattern are taken as they are for the text at hand. What is left is linear, so that contributions add up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .dictionaries import Dictionary
from .language import LanguageModel, Layer


@dataclass(frozen=True)
class Attribution:
    """What makes up the pre-activation of one feature at the last token of a text.

    Attributes:
        activations: z (n, m), of the layer before, by token: the input-dependent factor.
        direct: (m,) input-invariant factor of each feature at the last token itself, W_dec . W_enc' through the norm's scale.
        heads: (h, n, m) the same through each attention head, by the token that is attended to.
        embedding: (n,) contribution of each token's embedding.
        attention: (n,) contribution of what the first layer's attention wrote at each token.
        bias: (n,) contribution of the transcoder's output bias at each token.
        constant: What does not depend on the text: biases of norms, attention and encoder.
        value: The pre-activation itself.
    """

    activations: Tensor
    direct: Tensor
    heads: Tensor
    embedding: Tensor
    attention: Tensor
    bias: Tensor
    constant: Tensor
    value: Tensor

    @property
    def features(self) -> Tensor:
        """Contribution of each feature at each token, over all paths: (n, m)."""
        factor = self.heads.sum(0)
        factor[-1] += self.direct
        return self.activations * factor

    @property
    def total(self) -> Tensor:
        """The sum of all contributions."""
        return self.features.sum() + self.embedding.sum() + self.attention.sum() + self.bias.sum() + self.constant


@torch.no_grad()
def attribute(model: LanguageModel, upstream: Dictionary, downstream: Dictionary, tokens: Tensor, feature: int) -> Attribution:
    """Take apart the pre-activation of a feature of `downstream` at the last of tokens (n,), where `upstream` stands for the first MLP."""
    first, second = model.stack
    e = model.embedded(tokens[None])
    a = first.attention(first.norm1(e))
    x = first.norm2(e + a)[0]  # (n, d)
    z = upstream.features(x)
    r = (e + a)[0] + upstream.decode(z)  # (n, d) between the layers
    middle = r + second.attention(second.norm1(r[None]))[0]

    w = downstream.W_enc[:, feature]
    v = through_norm(second.norm2, w, middle[-1:])[0]  # (d,) what reads the stream behind the second attention
    paths, attention_constant = through_attention(second, r, v)  # (h, n, d): what reads the stream between the layers, by head
    reads = paths.sum(0)
    reads[-1] += v
    constant = second.norm2.bias @ w + downstream.b_enc[feature] - downstream.b_dec @ w + attention_constant
    return Attribution(
        activations=z,
        direct=upstream.W_dec @ v,
        heads=paths @ upstream.W_dec.T,
        embedding=(e[0] * reads).sum(1),
        attention=(a[0] * reads).sum(1),
        bias=reads @ upstream.output_bias,
        constant=constant,
        value=downstream.before(second.norm2(middle[-1:]))[0, feature],
    )


def through_norm(norm: nn.LayerNorm, w: Tensor, x: Tensor) -> Tensor:
    """Return the vectors (n, d) that read from inputs x (n, d) what w (..., d) reads behind the norm, its scales frozen, its bias aside."""
    scaled = norm.weight * w
    return (scaled - scaled.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()


def through_attention(layer: Layer, r: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return what reads, from the streams r (n, d) before a layer, what v (d,) reads of what its attention writes at the last token.

    Returns:
        (h, n, d), a vector for each head and for each token that is attended to, and the part that comes of biases.
    """
    attention, norm = layer.attention, layer.norm1
    heads, d = attention.heads, len(v)
    pattern = attention.pattern(norm(r[None]))[0, :, -1]  # (h, n)
    W_V = attention.qkv.weight[2 * d :].unflatten(0, (heads, -1))  # (h, d / h, d)
    b_V = attention.qkv.bias[2 * d :].unflatten(0, (heads, -1))
    W_O = attention.out.weight.unflatten(1, (heads, -1))  # (d, h, d / h)
    values = torch.einsum("d,dhk->hk", v, W_O)  # what reads the values of a head
    u = torch.einsum("hk,hkd->hd", values, W_V)  # W_OV^h v
    paths = torch.stack([through_norm(norm, u[h], r) * pattern[h, :, None] for h in range(heads)])
    return paths, attention.out.bias @ v + (values * b_V).sum() + (u @ norm.bias).sum()


@torch.no_grad()
def ablated(model: LanguageModel, upstream: Dictionary, downstream: Dictionary, tokens: Tensor, feature: int, removed: Tensor) -> Tensor:
    """Return the pre-activation of `feature` at the last of tokens (n,) when each of the upstream features `removed` (k,) is 0 there: (k,).

    Everything behind is computed anew, the norms' scales and the attention pattern with it.
    """
    n, k = len(tokens), len(removed)
    last = torch.arange(k) * n + n - 1

    def without(x: Tensor) -> Tensor:
        z = upstream.features(x)
        z[last, removed] = 0
        return upstream.decode(z)

    x, _ = model.seen(tokens.expand(k, n), {0: without})[1]
    return downstream.before(x[last])[:, feature]


def deembedding(model: LanguageModel, dictionary: Dictionary, feature: int) -> Tensor:
    """Return how much each byte's embedding excites a feature of the first layer: W_E W_enc (256,), through the gain and centring of the norm between."""
    read = model.stack[0].norm2.weight * dictionary.W_enc[:, feature]
    return model.embed.weight @ (read - read.mean())
