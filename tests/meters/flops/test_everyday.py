import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from harness.meters.flops.counter import count
from tests.meters.flops import by_hand

F32 = 4


def counted(run, *roots):
    with torch.no_grad():
        return count(run, *roots)


def classes(run):
    return counted(run).op_classes


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 4), length=st.integers(1, 7))
def test_softmax_costs_what_it_costs_by_hand(rows, length):
    x = torch.randn(rows, length)
    work = by_hand.Work()
    result = [by_hand.softmax(row) for row in by_hand.lift(x.tolist(), work)]
    torch.testing.assert_close(torch.tensor(by_hand.lower(result)), x.softmax(-1))
    assert classes(lambda: x.softmax(-1)) == {kind: n for kind, n in work.items() if n}


def test_softmax_in_figures():
    seen = counted(lambda: torch.zeros(3, 10).softmax(-1))
    assert seen.op_classes == {"elementwise": 60, "reduction": 54, "transcendental": 30}
    assert seen.flops == 144
    assert seen.macs == 0


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 4), width=st.integers(2, 7))
def test_layer_norm_costs_what_it_costs_by_hand(rows, width):
    layer, x = nn.LayerNorm(width), torch.randn(rows, width)
    nn.init.normal_(layer.weight)
    work = by_hand.Work()
    weight, bias = by_hand.lift(layer.weight.tolist(), work), by_hand.lift(layer.bias.tolist(), work)
    result = [by_hand.layer_norm(row, weight, bias, layer.eps) for row in by_hand.lift(x.tolist(), work)]
    torch.testing.assert_close(torch.tensor(by_hand.lower(result)), layer(x), rtol=1e-3, atol=1e-4)
    assert classes(lambda: layer(x)) == dict(work)


def test_a_batch_norm_in_evaluation_is_one_product_and_one_sum_an_element():
    layer = nn.BatchNorm2d(3).eval()
    assert classes(lambda: layer(torch.ones(2, 3, 4, 4))) == {"elementwise": 2 * 96 + 5 * 3}


def test_a_batch_norm_in_training_takes_its_statistics():
    seen = classes(lambda: nn.BatchNorm2d(3)(torch.ones(2, 3, 4, 4)))
    assert seen["reduction"] == 2 * 96
    assert seen["elementwise"] == 5 * 96 + 2 * 3 + 6 * 3  # an element's five, a channel's root and running statistics


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (lambda x: x + 1, {"elementwise": 24}),
        (lambda x: torch.add(x, x, alpha=2), {"elementwise": 48}),
        (lambda x: x.relu(), {"elementwise": 24}),
        (lambda x: x.clone().relu_(), {"elementwise": 24}),
        (lambda x: x > 0, {"elementwise": 24}),
        (lambda x: (x > 0) & (x < 1), {"elementwise": 48, "integer": 24}),
        (lambda x: x.exp(), {"transcendental": 24}),
        (lambda x: x.sigmoid() * x.tanh(), {"elementwise": 24, "transcendental": 48}),
        (F.silu, {"elementwise": 24, "transcendental": 24}),
        (F.gelu, {"elementwise": 96, "transcendental": 24}),
        (lambda x: F.gelu(x, approximate="tanh"), {"elementwise": 192, "transcendental": 24}),
        (lambda x: x**2, {"elementwise": 24}),
        (lambda x: x**1.7, {"transcendental": 24}),
        (lambda x: torch.addcmul(x, x, x), {"elementwise": 48}),
        (lambda x: torch.lerp(x, x, 0.5), {"elementwise": 72}),
        (lambda x: torch.where(x > 0, x, x), {"elementwise": 24}),
        (F.hardswish, {"elementwise": 96}),
        (F.softplus, {"transcendental": 48}),
        (lambda x: x.to(torch.complex64) * 1j, {"elementwise": 6 * 24}),
        (lambda x: x.to(torch.int64) + 1, {"integer": 24}),
        (lambda x: torch.arange(24) * 2, {"integer": 24}),
        (lambda x: x.sum(), {"reduction": 23}),
        (lambda x: x.sum(0), {"reduction": 20}),
        (lambda x: x.mean(-1), {"reduction": 24}),
        (lambda x: x.amax(0), {"reduction": 20}),
        (lambda x: x.max(0).values, {"reduction": 20}),
        (lambda x: torch.maximum(x, x), {"elementwise": 24}),
        (lambda x: torch.max(x, x), {"elementwise": 24}),
        (lambda x: x.var(0), {"elementwise": 48, "reduction": 48}),
        (lambda x: x.norm(), {"elementwise": 25, "reduction": 23}),
        (lambda x: x.logsumexp(0), {"elementwise": 28, "reduction": 40, "transcendental": 28}),
        (lambda x: x.cumsum(0), {"reduction": 20}),
        (lambda x: x.argmax(0), {"reduction": 20}),
        (lambda x: F.mse_loss(x, x + 1), {"elementwise": 72, "reduction": 24}),
    ],
)
def test_the_operations_of_six_rows_of_four(run, expected):
    x = torch.rand(6, 4)
    assert classes(lambda: run(x)) == expected


@pytest.mark.parametrize(
    "change",
    [lambda x: x.T, lambda x: x[::2], lambda x: x.view(24), lambda x: x.expand(3, 6, 4), lambda x: x.split(2), lambda x: x.detach()],
)
def test_views_are_free(change):
    x = torch.rand(6, 4)
    seen = counted(lambda: change(x))
    assert (seen.flops, seen.bytes_moved, seen.entries) == (0, 0, ())


@pytest.mark.parametrize(
    ("run", "read", "written"),
    [
        (lambda x: x.clone(), 24, 24),
        (lambda x: x.T.contiguous(), 24, 24),
        (lambda x: torch.cat([x, x]), 24, 48),
        (lambda x: x + x.new_zeros(24).view(6, 4), 48, 48),
        (lambda x: x * x, 24, 24),  # one operand, taken twice
        (lambda x: x[:1].expand(6, 4) + 1, 4, 24),  # an expanded row is read once
        (lambda x: torch.zeros(5), 0, 5),
        (lambda x: torch.empty(5), 0, 0),
        (lambda x: torch.empty_like(x).copy_(x), 24, 24),
        (lambda x: x.clone().add_(1), 48, 48),
        (lambda x: x.sum(), 24, 1),
        (lambda x: torch.rand(7), 0, 7),
    ],
)
def test_bytes_are_the_operands_and_the_results(run, read, written):
    x = torch.rand(6, 4)
    seen = counted(lambda: run(x))
    assert (seen.bytes_read, seen.bytes_written) == (F32 * read, F32 * written)


def test_an_embedding_reads_its_rows_and_not_its_table():
    layer = nn.Embedding(1000, 8)
    seen = counted(lambda: layer(torch.zeros(3, 5, dtype=torch.long)), layer)
    assert seen.op_classes == {"lookup": 15}
    row = next(r for r in seen.by_operator() if r.name == "aten::embedding")
    assert row.bytes_moved == 15 * 8 + 2 * 15 * 8 * F32


@pytest.mark.parametrize(
    ("run", "lookups", "moved"),
    [
        (lambda x, i: x[i], 3, 3 * 8 + 2 * 12 * F32),
        (lambda x, i: x[i, i], 3, 3 * 8 + 2 * 3 * F32),  # the one index, taken twice, is read once
        (lambda x, i: x.index_select(0, i), 3, 3 * 8 + 2 * 12 * F32),
        (lambda x, i: x.gather(0, i[:, None]), 3, 3 * 8 + 2 * 3 * F32),
    ],
)
def test_gathering_reads_what_it_gathers(run, lookups, moved):
    x, i = torch.rand(6, 4), torch.arange(3)
    seen = counted(lambda: run(x, i))
    assert seen.op_classes == {"lookup": lookups}
    assert seen.bytes_moved == moved


def test_a_mask_picks_as_many_as_it_picks():
    x = torch.arange(12.0).view(6, 2)
    mask = torch.tensor([True, False, True, False, False, True])
    seen = counted(lambda: x[mask])
    assert seen.op_classes == {"lookup": 3}
    assert seen.by_operator()[0].bytes_moved == 6 + 2 * 6 * F32


def test_scattering_in_place_touches_what_it_scatters():
    x, i, rows = torch.zeros(100, 4), torch.arange(3), torch.ones(3, 4)
    copied = counted(lambda: x.index_copy_(0, i, rows))
    assert copied.op_classes == {"lookup": 3}
    assert copied.bytes_moved == 3 * 8 + 2 * 12 * F32
    added = counted(lambda: x.index_add_(0, i, rows))
    assert added.op_classes == {"lookup": 3, "reduction": 12}
    assert added.bytes_moved == 3 * 8 + 3 * 12 * F32
    assert counted(lambda: x.index_put_((i,), rows, accumulate=True)).op_classes == {"lookup": 3, "reduction": 12}
    element = counted(lambda: x.scatter_add_(0, i[:, None], rows))
    assert element.op_classes == {"lookup": 3, "reduction": 3}


@pytest.mark.parametrize(
    ("run", "comparisons"),
    [
        (lambda x: x.sort(-1), 2 * 100 * 7),
        (lambda x: x.argsort(-1), 2 * 100 * 7),
        (lambda x: x.topk(8), 2 * 100 * 3),
        (lambda x: x.topk(1), 2 * 100),
        (lambda x: x.median(-1), 200),
        (lambda x: torch.searchsorted(torch.arange(15.0), x), 200 * 4),
    ],
)
def test_sorting_and_searching_compare(run, comparisons):
    assert classes(lambda: run(torch.rand(2, 100)))["comparison"] == comparisons


@pytest.mark.parametrize(
    ("mode", "scale", "each"),
    [("bilinear", 2, 7), ("bicubic", 2, 31)],
)
def test_interpolation_blends_its_neighbours(mode, scale, each):
    assert classes(lambda: F.interpolate(torch.rand(2, 3, 4, 4), scale_factor=scale, mode=mode)) == {
        "elementwise": each * 2 * 3 * 64,
        "random": 96,
    }


def test_nearest_neighbours_are_looked_up():
    assert classes(lambda: F.interpolate(torch.ones(1, 2, 4, 4), scale_factor=2)) == {"lookup": 128}


@pytest.mark.parametrize(("mode", "neighbours", "arithmetic"), [("bilinear", 4, 10 * (12 + 4) + 7 * 30), ("nearest", 1, 10 * 12)])
def test_sampling_on_a_grid(mode, neighbours, arithmetic):
    x, grid = torch.ones(1, 3, 8, 8), torch.zeros(1, 5, 2, 2)
    seen = counted(lambda: F.grid_sample(x, grid, mode=mode, align_corners=False))
    assert seen.op_classes == {"elementwise": arithmetic, "lookup": neighbours * 30}


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.MaxPool2d(2), 8 * 3),
        (nn.AvgPool2d(2), 8 * 4),
        (nn.AdaptiveAvgPool2d(1), 32),
        (nn.AdaptiveAvgPool2d(3), 2 * 6 * 6),  # windows of two, overlapping
        (nn.AdaptiveMaxPool2d(2), 8 * 3),
    ],
)
def test_pooling_takes_each_number_of_each_window_once(layer, expected):
    assert classes(lambda: layer(torch.ones(1, 2, 4, 4))) == {"reduction": expected}


def test_dropout_draws_only_in_training():
    x = torch.ones(10)
    drawn = count(lambda: F.dropout(x.requires_grad_(), 0.5)).op_classes
    assert drawn["random"] == 10
    assert classes(lambda: F.dropout(x, 0.5, training=False)) == {}


def test_random_numbers_are_drawn_one_an_element():
    assert classes(lambda: torch.randn(3, 4)) == {"random": 12}
    assert classes(lambda: torch.randperm(9)) == {"random": 9}


def test_cross_entropy():
    logits, target = torch.rand(5, 10), torch.zeros(5, dtype=torch.long)
    seen = classes(lambda: F.cross_entropy(logits, target))
    assert seen == {"elementwise": 2 * 50 + 5, "reduction": 2 * 45 + 5, "transcendental": 50 + 5, "lookup": 5}


def test_an_optimizer_step_works_on_every_parameter():
    layer = nn.Linear(10, 10, bias=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 10)).sum().backward()
    assert counted(optimizer.step).op_classes == {"elementwise": 200}


@pytest.mark.parametrize("foreach", [True, False])
def test_optimizers_on_lists_cost_what_optimizers_cost(foreach):
    layer = nn.Linear(10, 10)
    optimizer = torch.optim.AdamW(layer.parameters(), foreach=foreach)
    layer(torch.ones(1, 10)).sum().backward()
    optimizer.step()
    seen = counted(optimizer.step)
    assert not seen.uncounted
    assert 10 * 110 <= seen.flops <= 16 * 110


def test_ctc_counts_the_lengths_it_is_given():
    scores = torch.zeros(5, 2, 4).log_softmax(2)
    seen = classes(lambda: F.ctc_loss(scores, torch.ones(2, 3, dtype=torch.long), [5, 4], [3, 2], reduction="none"))
    cells = 5 * 7 + 4 * 5
    assert seen == {"elementwise": 8 * cells, "transcendental": 4 * cells}


def test_mel_frames_read_the_signal_and_not_its_copies():
    seen = counted(lambda: torch.stft(torch.ones(1, 400), 64, hop_length=16, center=False, window=torch.ones(64), return_complex=True))
    frames = (400 - 64) // 16 + 1
    assert seen.op_classes == {"elementwise": 64 * frames, "fft": frames * 5 * 64 * int(math.log2(64))}
    product = next(r for r in seen.by_operator() if r.name == "aten::mul")
    assert product.bytes_moved == F32 * (400 + 64 + 64 * frames)
