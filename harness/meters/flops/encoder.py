"""Costs of the fused kernels of multi-head attention and of the transformer encoder layer. For workers: imports torch."""

from __future__ import annotations

import math

from harness.meters.flops.cost import Cost, floating, product
from harness.meters.flops.normalize import normalize_ops
from harness.meters.flops.products import attention_ops
from harness.meters.flops.spec import Call, TensorSpec

_GELU_OPS, _RELU_OPS = 4, 1


def multi_head_attention(call: Call, x: str = "query", keys: str = "key") -> Cost:
    """Cost in-projection, attention of all heads, out-projection; averaging the weights over heads where they are asked for."""
    query, key = call[x], call[keys]
    heads, width = call.get("num_head", call.get("num_heads")), call["embed_dim"]
    rows, length = query.numel // width, key.shape[-2]
    projected = 2 * (query.numel + key.numel)  # q and the output of the queries, k and v of the keys
    products = product(width * projected, query)
    biases = floating(elementwise=projected)
    per_head = TensorSpec((rows * heads, width // heads), query.dtype, 0)
    attended = attention_ops(per_head, length, width // heads, masked=call.get("mask") is not None)
    averaged = rows * length if call.get("need_weights") and call.get("average_attn_weights") else 0
    return products + biases + attended + floating(reduction=averaged * heads)


def encoder_layer(call: Call) -> Cost:
    """Cost a whole layer: attention, two norms, two residual sums, two linear layers with their activation."""
    x, hidden = call["src"], call["ffn_weight_1"].shape[0]
    width = call["embed_dim"]
    rows = math.prod(x.shape[:-1])
    norms = normalize_ops(rows, width, affine=2) + normalize_ops(rows, width, affine=2)
    mixed = product(2 * rows * width * hidden, x) + floating(elementwise=rows * (hidden + width))
    gelu = call["use_gelu"]
    active = floating(elementwise=rows * hidden * (_GELU_OPS if gelu else _RELU_OPS), transcendental=rows * hidden * gelu)
    return multi_head_attention(call, "src", "src") + norms + mixed + active + floating(elementwise=2 * rows * width)
