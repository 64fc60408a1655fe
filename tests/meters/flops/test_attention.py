import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.meters.flops.counter import count
from tests.meters.flops import by_hand

B, H, L, D = 2, 3, 5, 4


def counted(run, *roots):
    with torch.no_grad():
        return count(run, *roots)


@settings(max_examples=25, deadline=None)
@given(queries=st.integers(1, 5), keys=st.integers(1, 5), width=st.integers(1, 4))
def test_attention_costs_what_it_costs_by_hand(queries, keys, width):
    q, k, v = torch.randn(queries, width), torch.randn(keys, width), torch.randn(keys, width)
    work = by_hand.Work()
    lists = [by_hand.lift(t.tolist(), work) for t in (q, k, v)]
    result = by_hand.attention(*lists, scale=by_hand.Number(width**-0.5, work))
    seen = counted(lambda: F.scaled_dot_product_attention(q[None, None], k[None, None], v[None, None]))
    torch.testing.assert_close(torch.tensor(by_hand.lower(result)), F.scaled_dot_product_attention(q[None], k[None], v[None])[0])
    assert seen.macs == work.macs
    assert {kind: seen.op_classes.get(kind, 0) for kind in ("elementwise", "reduction", "transcendental")} == {
        kind: work[kind] for kind in ("elementwise", "reduction", "transcendental")
    }


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("backend", [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH])
def test_every_backend_costs_the_same_products(backend, causal):
    q = torch.randn(B, H, L, D)
    with sdpa_kernel(backend):
        seen = counted(lambda: F.scaled_dot_product_attention(q, q, q, is_causal=causal))
    names = {row.name for row in seen.by_operator()}
    assert ("aten::_scaled_dot_product_flash_attention_for_cpu" in names) == (backend is SDPBackend.FLASH_ATTENTION)
    assert seen.macs == 2 * B * H * L * L * D  # a causal mask is not halved
    assert seen.op_classes["transcendental"] == B * H * L * L


def test_attention_on_meta_costs_the_same_products():
    q = torch.empty(B, H, L, D, device="meta")
    assert counted(lambda: F.scaled_dot_product_attention(q, q, q)).macs == 2 * B * H * L * L * D


def test_a_fused_kernel_moves_no_scores():
    q = torch.randn(1, 1, 64, 8)
    row = counted(lambda: F.scaled_dot_product_attention(q, q, q)).by_operator()[0]
    assert row.bytes_moved == 4 * (64 * 8 + 64 * 8 + 64)  # one operand, for it is thrice the same; output and log-sum-exp


def test_the_fused_backward_pass_is_five_products():
    q, k, v = (torch.randn(B, H, L, D, requires_grad=True) for _ in range(3))
    seen = count(lambda: F.scaled_dot_product_attention(q, k, v).sum().backward())
    assert seen.macs == (2 + 5) * B * H * L * L * D


def test_the_composed_backward_pass_is_four_products():
    q, k, v = (torch.randn(B, H, L, D, requires_grad=True) for _ in range(3))
    with sdpa_kernel(SDPBackend.MATH):
        seen = count(lambda: F.scaled_dot_product_attention(q, k, v).sum().backward())
    assert seen.macs == (2 + 4) * B * H * L * L * D


def macs_of_attention(rows, keys, width):
    return 4 * rows * width * width + 2 * rows * keys * width


@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_multi_head_attention_costs_the_same_on_every_path(guard):
    layer, x = nn.MultiheadAttention(16, 4, batch_first=True).eval(), torch.randn(2, 5, 16)
    with guard():
        seen = count(lambda: layer(x, x, x), layer)
    fused = any(row.name == "aten::_native_multi_head_attention" for row in seen.by_operator())
    assert fused == (guard is not torch.enable_grad)
    assert seen.macs == macs_of_attention(10, 5, 16)
    assert not seen.uncounted


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True])
def test_the_fused_encoder_layer_costs_what_its_parts_cost(activation, norm_first):
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation=activation, norm_first=norm_first, dropout=0.0).eval()
    x = torch.randn(2, 5, 16)
    fused, composed = counted(lambda: layer(x), layer), count(lambda: layer(x), layer)
    assert [row.name for row in fused.by_operator()] == ["aten::_transformer_encoder_layer_fwd"]
    assert fused.macs == composed.macs == macs_of_attention(10, 5, 16) + 2 * 10 * 16 * 32
    assert fused.op_classes == composed.op_classes


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_ragged_sequences_cost_their_own_lengths():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2).eval()
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    seen = counted(lambda: encoder(torch.randn(2, 5, 16), src_key_padding_mask=padding), encoder)
    one = [macs_of_attention(n, n, 16) + 2 * n * 16 * 32 for n in (5, 3)]
    assert seen.macs == 2 * sum(one)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_flex_attention_opens_up():
    from torch.nn.attention.flex_attention import flex_attention

    q = torch.randn(1, 2, 128, 16)
    assert counted(lambda: flex_attention(q, q, q)).macs == 2 * 2 * 128 * 128 * 16
