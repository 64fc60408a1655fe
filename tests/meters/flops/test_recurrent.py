import pytest
import torch
from torch import nn

from harness.meters.flops.counter import count
from tests.meters.flops import by_hand

T, B, IN, H = 3, 2, 4, 5
KINDS = ("elementwise", "transcendental")


def weights(layer, work):
    return [by_hand.lift(getattr(layer, f"{name}_l0").tolist(), work) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def counted(run, *roots):
    with torch.no_grad():
        return count(run, *roots)


def test_an_lstm_costs_what_it_costs_by_hand():
    layer, x = nn.LSTM(IN, H), torch.randn(T, B, IN)
    work = by_hand.Work()
    steps, matrices = by_hand.lift(x.tolist(), work), weights(layer, work)
    out = []
    h = c = [by_hand.lift([0.0] * H, work) for _ in range(B)]
    for step in steps:
        h, c = zip(*(by_hand.lstm_step(step[b], h[b], c[b], *matrices) for b in range(B)), strict=True)
        out.append(by_hand.lower(list(h)))
    seen = counted(lambda: layer(x), layer)
    torch.testing.assert_close(torch.tensor(out), layer(x)[0], rtol=1e-4, atol=1e-5)
    assert "aten::mkldnn_rnn_layer" in {row.name for row in seen.by_operator()}
    assert seen.macs == work.macs == T * B * 4 * H * (IN + H)
    assert {kind: seen.op_classes[kind] for kind in KINDS} == {kind: work[kind] for kind in KINDS}


def test_a_gru_costs_what_it_costs_by_hand():
    layer, x = nn.GRU(IN, H), torch.randn(T, B, IN)
    work = by_hand.Work()
    steps, matrices = by_hand.lift(x.tolist(), work), weights(layer, work)
    h = [by_hand.lift([0.0] * H, work) for _ in range(B)]
    for step in steps:
        h = [by_hand.gru_step(step[b], h[b], *matrices) for b in range(B)]
    seen = counted(lambda: layer(x), layer)
    torch.testing.assert_close(torch.tensor(by_hand.lower(h)), layer(x)[1][0], rtol=1e-4, atol=1e-5)
    assert seen.macs == work.macs == T * B * 3 * H * (IN + H)
    assert {kind: seen.op_classes[kind] for kind in KINDS} == {kind: work[kind] for kind in KINDS}


def test_the_known_lstm_of_ten_steps():
    layer = nn.LSTM(64, 64)
    assert 2 * counted(lambda: layer(torch.randn(10, 1, 64))).macs == 655_360  # 10 steps · 4 gates · 64 · 128 · 2


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_every_path_of_a_recurrent_layer_costs_the_same(kind, guard, device):
    layer, x = kind(IN, H, num_layers=2, bidirectional=True).to(device), torch.empty(T, B, IN, device=device)
    gates = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}[kind]
    with guard():
        seen = count(lambda: layer(x), layer)
    assert seen.macs == T * B * 2 * gates * H * ((IN + H) + (2 * H + H))
    cells = T * B * H * 4
    assert seen.op_classes["transcendental"] == {nn.LSTM: 5, nn.GRU: 3, nn.RNN: 1}[kind] * cells
    assert seen.op_classes["elementwise"] == {nn.LSTM: 16, nn.GRU: 13, nn.RNN: 3}[kind] * cells
    assert not seen.uncounted


def test_packed_sequences_cost_their_own_lengths():
    layer = nn.LSTM(IN, H)
    packed = nn.utils.rnn.pack_padded_sequence(torch.randn(T, B, IN), torch.tensor([3, 1]))
    assert counted(lambda: layer(packed)).macs == (3 + 1) * 4 * H * (IN + H)


def test_the_backward_pass_of_an_lstm_is_two_forward_ones():
    layer, x = nn.LSTM(IN, H), torch.randn(T, B, IN, requires_grad=True)
    assert count(lambda: layer(x)[0].sum().backward(), layer).macs == 3 * T * B * 4 * H * (IN + H)


def test_cells_cost_a_step():
    assert counted(lambda: nn.LSTMCell(IN, H)(torch.randn(B, IN))).macs == B * 4 * H * (IN + H)
    assert counted(lambda: nn.GRUCell(IN, H)(torch.randn(B, IN))).macs == B * 3 * H * (IN + H)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_quantized_lstm_multiplies_in_8_bits():
    model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.LSTM(IN, H, num_layers=2)), {nn.LSTM}, dtype=torch.qint8)
    seen = counted(lambda: model(torch.randn(T, B, IN)), model)
    assert seen.op_classes["int8"] == 2 * T * B * 4 * H * ((IN + H) + (H + H))
    assert seen.macs == 0
    assert seen.op_classes["transcendental"] == 5 * T * B * H * 2
