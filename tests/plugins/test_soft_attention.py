"""SOFT: what holds of the kernel, its approximation and its gradient, the printed sizes, the baselines, and what it is good for."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.testing import bench
from harness_papers._kit.attention.mixers import DenseAttention, split_heads
from harness_papers.soft_attention.judge import kept_for_backward, nystrom_error, relative_error, soft_layer
from harness_papers.soft_attention.kernel import NewtonInverse, gaussian, newton
from harness_papers.soft_attention.mixers import (
    GaussianAttention,
    Near,
    NystromAttention,
    PerformerAttention,
    SoftAttention,
    build_mixer,
    orthogonal_features,
    reduction,
    third_order_inverse,
)
from harness_papers.soft_attention.network import PostNormBlock, SoftPyramid, build
from harness_papers.soft_attention.plans import PLANS, Plan, authors_macs, layer_macs, macs, newton_macs
from harness_papers.soft_attention.tasks import enlarged
from layers import macs as macs_of
from layers import make_alive, parameters

VARIANTS = ("soft", "soft_norm", "unrolled", "gaussian", "mha", "sra", "nystrom", "performer", "linformer")
LAYER = {"config": "layer", "resolution": 14, "batch": 1, "kernel": "plain"}


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def lab():
    return bench("soft_attention")


def tokens(H: int = 8, W: int = 8, C: int = 24, B: int = 2) -> torch.Tensor:
    return torch.randn(B, H, W, C, dtype=torch.float64)


def smooth(grid: int, d: int) -> torch.Tensor:
    """A field that is the sum of four waves, as queries (1, 1, N, d) whose kernel matrix has a decaying spectrum."""
    axis = torch.linspace(0, 1, grid, dtype=torch.float64)
    place = torch.cartesian_prod(axis, axis)  # (N, 2)
    waves = torch.sin(2 * math.pi * (place @ torch.rand(2, 4, dtype=torch.float64)) + torch.rand(4, dtype=torch.float64))
    return (waves @ torch.randn(4, d, dtype=torch.float64))[None, None] / d**0.25


def independent(grid: int, d: int) -> torch.Tensor:
    """Queries (1, 1, N, d) that know nothing of each other."""
    return torch.randn(1, 1, grid**2, d, dtype=torch.float64) / d**0.25


# The kernel and its inverse


def test_the_kernel_is_that_of_distances():
    q, k = torch.randn(2, 3, 7, 5, dtype=torch.float64), torch.randn(2, 3, 4, 5, dtype=torch.float64)
    assert torch.allclose(gaussian(q, k), torch.exp(-(torch.cdist(q, k) ** 2) / 2), atol=1e-12)


@pytest.mark.parametrize("make", [independent, smooth])
def test_the_kernel_matrix_of_tied_queries_is_symmetric_positive_and_has_ones_on_its_diagonal(make):
    q = make(8, 8)
    S = gaussian(q, q)[0, 0]
    assert torch.allclose(S, S.mT, atol=1e-12)
    assert torch.allclose(S.diagonal(), torch.ones(()).double(), atol=1e-12)
    assert (S > 0).all() and (S <= 1 + 1e-12).all()
    assert torch.linalg.eigvalsh(S).min() > -1e-5
    untied = gaussian(q, q.roll(1, -1))[0, 0]
    assert not torch.allclose(untied, untied.mT, atol=1e-3)


def test_newton_squares_its_residual_with_every_step():
    A = gaussian(landmarks := independent(4, 8), landmarks)
    one = torch.eye(16, dtype=torch.float64)
    residuals = [one - (A + 0.01 * one) @ newton(A, steps) for steps in range(12)]
    for before, after in pairwise(residuals):
        assert torch.allclose(after, before @ before, atol=1e-10)
    sizes = [r.norm().item() for r in residuals]
    below = sizes[next(i for i, size in enumerate(sizes) if size < 1) :]
    assert len(below) > 3 and all(b <= a**2 + 1e-12 for a, b in pairwise(below))


def test_newton_starts_inside_its_radius_of_convergence():
    """The largest eigenvalue of a kernel matrix is at most its largest row sum: with the ridge, 1 - 1.8 (1 + 0.01)^2 is still above -1."""
    q = smooth(8, 8)
    for A in (torch.ones(9, 9).double(), torch.eye(9).double(), gaussian(q, q)[0, 0]):
        one = torch.eye(len(A)).double()
        residual = one - (A + 0.01 * one) @ newton(A, 0)
        assert torch.linalg.eigvalsh((residual + residual.mT) / 2).abs().max() < 1


@pytest.mark.parametrize("make", [independent, smooth])
def test_with_all_tokens_as_landmarks_nothing_but_the_ridge_is_lost(make):
    q = make(8, 8)
    S = gaussian(q, q)
    assert 0 < relative_error(S @ newton(S, 20) @ S, S) < 0.05
    assert relative_error(S @ newton(S, 60) @ S, S) < 0.05


def test_the_error_falls_as_landmarks_grow():
    q = smooth(16, 8)
    S, places = gaussian(q, q), torch.arange(256).unflatten(0, (16, 16))
    errors = []
    for stride in (8, 4, 2, 1):
        some = q[:, :, places[::stride, ::stride].flatten()]
        P = gaussian(q, some)
        errors.append(relative_error(P @ newton(gaussian(some, some), 20) @ P.mT, S))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 5 * errors[-1]


def test_the_gradient_is_that_of_the_inverse():
    A = gaussian(landmarks := independent(3, 4), landmarks)[0].requires_grad_()
    assert torch.autograd.gradcheck(lambda M: NewtonInverse.apply((M + M.mT) / 2, 40), (A,))
    X = NewtonInverse.apply(A, 40)
    G = torch.randn_like(X)
    (gradient,) = torch.autograd.grad(X, A, G)
    assert torch.allclose(gradient, -X.mT @ G @ X.mT, atol=1e-6)
    exact = torch.linalg.inv(A + 0.01 * torch.eye(9, dtype=torch.float64))
    assert torch.allclose(gradient, torch.autograd.grad(exact, A, G)[0], atol=1e-6)


def test_once_newton_has_converged_its_steps_have_the_same_gradient():
    A = gaussian(landmarks := independent(3, 4), landmarks).requires_grad_()
    G = torch.randn(1, 1, 9, 9, dtype=torch.float64)
    closed, through = (torch.autograd.grad(invert(A, 40), A, G)[0] for invert in (NewtonInverse.apply, newton))
    assert (closed - through).abs().max() < 1e-4 * closed.abs().max()
    early = torch.autograd.grad(newton(A, 2), A, G)[0]
    assert (closed - early).abs().max() > 1e-2 * closed.abs().max()


def test_the_closed_gradient_keeps_one_matrix_and_not_those_of_all_steps():
    once, through = (SoftAttention(32, 4, 2, 3, unrolled=unrolled) for unrolled in (False, True))
    x = torch.randn(1, 8, 8, 32)
    matrix = 4 * 4 * 16 * 16  # bytes: four heads, sixteen landmarks
    assert kept_for_backward(through, x) - kept_for_backward(once, x) > 2 * 20 * matrix
    assert kept_for_backward(once, x) > matrix


def test_half_precision_does_not_diverge():
    layer = SoftAttention(32, 4, 2, 3).bfloat16()
    q = layer.queries(torch.randn(1, 8, 8, 32).bfloat16())
    X = layer.factors(q, q[:, :, ::4])[1]
    assert X.dtype == torch.bfloat16 and torch.isfinite(X).all() and X.abs().max() < 200


# The layer


def test_the_layer_is_three_thin_products_and_a_convolution():
    layer = make_alive(SoftAttention(24, 6, 2, 3))
    layer.proj = nn.Identity()
    x = tokens()
    q, v = (split_heads(part(x).flatten(1, 2), 6) for part in (layer.q, layer.v))
    q = q / 4**0.25  # heads are four wide
    m = layer.landmarks(q, (8, 8))
    A = gaussian(m, m)
    S = gaussian(q, m) @ newton(A, 20) @ gaussian(m, q)
    expected = S @ v + layer.near(v, (8, 8))
    assert torch.allclose(split_heads(layer(x).flatten(1, 2), 6), expected, atol=1e-8)


def test_landmarks_come_from_one_convolution_for_all_heads_and_a_norm():
    layer = make_alive(SoftAttention(24, 6, 2, 3))
    q = layer.queries(tokens())
    m = layer.landmarks(q, (8, 8))
    assert m.shape == (2, 6, 16, 4)
    cell = q.unflatten(2, (8, 8))[1, 3, 2:4, 4:6]  # (2, 2, d), the second row of cells, the third column
    reduced = torch.einsum("oiyx,yxi->o", layer.reduce.weight, cell)
    assert torch.allclose(m[1, 3, 1 * 4 + 2], nn.functional.gelu(layer.norm(reduced)), atol=1e-10)


def test_without_the_convolution_tokens_can_change_places_under_fixed_landmarks():
    layer = make_alive(SoftAttention(24, 6, 2, 3))
    q, v, fixed = torch.randn(2, 6, 64, 4).double(), torch.randn(2, 6, 64, 4).double(), torch.randn(2, 6, 16, 4).double()
    layer.landmarks = lambda *_: fixed
    order = torch.randperm(64)
    y, moved = layer.far(q, v, (8, 8)), layer.far(q[:, :, order], v[:, :, order], (8, 8))
    assert torch.allclose(moved, y[:, :, order], atol=1e-10)
    near, moved_near = layer.near(v, (8, 8)), layer.near(v[:, :, order], (8, 8))
    assert not torch.allclose(moved_near, near[:, :, order], atol=1e-2)


def test_the_convolution_of_values_has_one_filter_a_head():
    near = make_alive(Near(6, 3))
    assert near.conv.weight.shape == (6, 1, 3, 3)
    v = torch.zeros(1, 6, 64, 4).double()
    v[0, 2, 3 * 8 + 4, 1] = 1  # head 2, row 3, column 4, channel 1
    y = near(v, (8, 8)).unflatten(2, (8, 8))
    assert torch.allclose(y[0, 2, 2:5, 3:6, 1], near.conv.weight[2, 0].flip(0, 1), atol=1e-12)
    y[0, 2, 2:5, 3:6, 1] = 0
    assert (y == 0).all()


def test_without_normalization_equal_tokens_add_up_and_with_it_they_do_not():
    """Four times as many equal tokens: four times the answer, or the same."""
    for normalize, growth in ((False, 4.0), (True, 1.0)):
        layer = make_alive(SoftAttention(24, 6, 2, 3, normalize=normalize))
        token = torch.randn(1, 6, 1, 4).double()
        few, many = (layer.far(token.expand(1, 6, grid**2, 4), token.expand(1, 6, grid**2, 4), (grid, grid)) for grid in (8, 16))
        assert torch.allclose(many[:, :, 0], growth * few[:, :, 0], rtol=0.02, atol=1e-9)


def test_normalization_divides_by_roots_of_row_sums_on_both_sides():
    plain, normalized = (SoftAttention(24, 6, 2, 3, normalize=normalize) for normalize in (False, True))
    q, m = torch.randn(1, 6, 64, 4).double(), torch.randn(1, 6, 16, 4).double()
    (P, X), (same, N) = plain.factors(q, m), normalized.factors(q, m)
    D = torch.diag_embed(gaussian(m, m).sum(-1) ** -0.5)
    assert torch.equal(P, same) and torch.allclose(N, D @ X @ D, atol=1e-10)


@pytest.mark.parametrize(("C", "h", "r", "k"), [(24, 6, 2, 3), (64, 2, 8, 9), (768, 12, 4, 5)])
def test_parameters_follow_their_formula(C: int, h: int, r: int, k: int):
    d = C // h
    with torch.device("meta"):
        assert parameters(SoftAttention(C, h, r, k)) == 3 * (C**2 + C) + r**2 * d**2 + 2 * d + h * k**2
        assert parameters(GaussianAttention(C, h, k)) == 3 * (C**2 + C) + h * k**2


def test_products_of_attention_are_linear_in_tokens_and_those_of_the_whole_kernel_quadratic():
    C, h, grids = 24, 6, (14, 28, 56)
    soft, whole = [], []
    for grid in grids:
        N, m, d, r = grid**2, 49, C // h, grid // 7
        rest = 3 * N * C**2 + (r + 1) ** 2 * N * C
        with torch.device("meta"):
            x = torch.empty(1, grid, grid, C)
            soft.append(macs_of(build_mixer("soft", C, h, grid), x) - rest - N * C * d)
            whole.append(macs_of(build_mixer("gaussian", C, h, grid), x) - rest)
        assert soft[-1] == 3 * N * m * C + 2 * m**2 * C + newton_macs(h, m)
        assert whole[-1] == 2 * N**2 * C
    assert math.log(whole[-1] / whole[0], 16) == pytest.approx(2)
    growing = [count - 2 * 49**2 * C - newton_macs(h, 49) for count in soft]  # what is done once a landmark does not grow at all
    assert math.log(growing[-1] / growing[0], 16) == pytest.approx(1)


class LargestTensor(TorchDispatchMode):
    """Notes the bytes of the largest tensor that is made."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = [t.numel() * t.element_size() for t in tree_leaves(result) if isinstance(t, torch.Tensor)]
        self.largest = max([self.largest, *made])
        return result


def test_where_one_score_matrix_passes_a_gigabyte_soft_needs_megabytes():
    grid, found = 77, {}
    for variant in ("soft", "gaussian", "mha"):
        with torch.device("meta"), LargestTensor() as seen:
            build_mixer(variant, 768, 12, grid)(torch.empty(1, grid, grid, 768))
        found[variant] = seen.largest
    assert found["mha"] == found["gaussian"] == 4 * 12 * grid**4 > 2**30
    assert found["soft"] <= 3 * 4 * 768 * max(grid**2, 768)


def test_landmarks_are_forty_nine_where_cells_leave_as_many():
    assert [(grid, (grid // reduction(grid)) ** 2) for grid in (8, 14, 16, 28, 56)] == [(8, 16), (14, 49), (16, 16), (28, 49), (56, 49)]


# Baselines


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_fused_operation_computes_the_same(variant: str):
    plain, fused = (make_alive(build_mixer(variant, 24, 6, 14, fused=fused)) for fused in (False, True))
    fused.load_state_dict(plain.state_dict())
    x = tokens(14, 14)
    assert torch.allclose(plain(x), fused(x), atol=1e-8)


def test_the_whole_kernel_is_what_landmarks_stand_for():
    """Landmarks that are the queries themselves."""
    soft, whole = make_alive(SoftAttention(24, 6, 2, 3)), make_alive(GaussianAttention(24, 6, 3))
    whole.load_state_dict({name: value for name, value in soft.state_dict().items() if name in whole.state_dict()})
    soft.landmarks = lambda q, _sides: q
    x = tokens()
    found, exact = soft(x), whole(x)
    assert (found - exact).norm() < 0.05 * exact.norm()


def test_nystromformer_inverts_and_with_all_landmarks_is_dense_attention():
    A = (torch.eye(8) * 6 + torch.randn(2, 8, 8)).double().softmax(-1)
    Z = third_order_inverse(A)
    assert torch.allclose(A @ Z, torch.eye(8).double().expand(2, 8, 8), atol=1e-2)
    layer, dense = make_alive(NystromAttention(24, 6, 1, 3)), make_alive(DenseAttention(24, 6))
    nn.init.zeros_(layer.near.conv.weight)
    with torch.no_grad():
        layer.qkv.weight *= 4  # sharp rows, which the iteration can invert
    dense.qkv, dense.proj = layer.qkv, layer.proj
    x = tokens(4, 4)
    assert (layer(x) - dense(x)).norm() < 0.1 * dense(x).norm()


def test_performer_tends_to_dense_attention_as_features_grow():
    layer, dense = make_alive(PerformerAttention(24, 6)), make_alive(DenseAttention(24, 6))
    layer.qkv, layer.proj = dense.qkv, dense.proj
    x = tokens() / 4
    few = (layer(x) - dense(x)).norm() / dense(x).norm()
    layer.W = torch.cat([orthogonal_features(4).double() for _ in range(200)])
    many = (layer(x) - dense(x)).norm() / dense(x).norm()
    assert many < 0.05 and many < few


def test_random_features_are_orthogonal_in_blocks():
    W = orthogonal_features(8)
    assert W.shape == (64, 8) and orthogonal_features(64).shape == (266, 64)
    block = W[8:16]
    block = block / block.norm(dim=-1, keepdim=True)
    assert torch.allclose(block @ block.mT, torch.eye(8), atol=1e-5)


# The networks


def test_printed_sizes_are_those_of_the_models_but_for_three(lab):
    """SOFT-Small is printed as another network than the one whose depths were released, and SOFT-Huge with 16.3 G where 15.6 G are counted."""

    @functools.cache
    def weight(variant: str, config: str) -> int:
        with torch.device("meta"):
            return parameters(build(variant, "paper", {**LAYER, "config": config}))

    wrong = []
    for size in lab.card.sizes:
        config = size.params["config"]
        ours = weight(size.variant, config) if size.quantity == "parameters" else macs(PLANS[config])
        if abs(ours + size.adjust - size.value) > size.half_unit:
            wrong.append((config, size.quantity, size.printed))
    assert wrong == [("soft_small", "parameters", "24 M"), ("soft_small", "macs", "3.3 G"), ("soft_huge", "macs", "16.3 G")]


@pytest.mark.parametrize("plan", [Plan((1, 2, 1, 1), third=288), Plan((1, 1, 2, 2), third=352)])
def test_networks_multiply_what_their_dimensions_say(plan: Plan):
    with torch.device("meta"):
        assert macs_of(SoftPyramid(plan, functools.partial(build_mixer, "soft")), torch.empty(1, 3, 224, 224)) == macs(plan)


def test_the_authors_count_follows_from_their_order_of_products():
    """Of one layer: three products for each kernel matrix, P times the inverse first, and no Newton iteration."""
    for plan in PLANS.values():
        more = 0
        for stage in plan.stages():
            N, m, d, h = stage.grid**2, 49, 32, stage.h
            theirs = 3 * h * N * m * d + 3 * h * m * m * d + h * N * m * m + h * m * N * d + h * N * m * d
            rest = 3 * N * stage.C**2 + h * m * d**2 * stage.r**2 + N * stage.C * stage.k**2
            more += stage.depth * (theirs + rest - layer_macs(stage))
        assert authors_macs(plan) - macs(plan) == more
    assert authors_macs(PLANS["soft_huge"]) / 2**30 == pytest.approx(15.6, abs=0.05)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("config", ["layer", "soft_tiny"])
def test_every_variant_runs_at_the_published_dimensions_on_meta(lab, variant: str, config: str):
    meta = replace(lab, scale="paper", device="meta", params={"config": config, "batch": 2})
    (x,) = meta.data().inputs
    assert meta.model(variant)(x).shape == (x.shape if config == "layer" else (2, 1000))


def test_blocks_norm_after_they_add():
    block = PostNormBlock(24, nn.Identity())
    y = block(tokens().float())
    assert torch.allclose(y.mean(-1), torch.zeros(()), atol=1e-5)
    assert torch.allclose(y.var(-1, unbiased=False), torch.ones(()), atol=1e-3)


def test_stages_have_the_released_heads_landmarks_and_convolutions():
    with torch.device("meta"):
        net = build("soft", "paper", {**LAYER, "config": "soft_medium"})
    mixers = [block.attention for block in net.blocks if hasattr(block, "attention")]
    shapes = [(m.h, m.reduce.kernel_size[0], m.near.conv.kernel_size[0]) for m in mixers]
    assert shapes == [(2, 8, 9)] + 3 * [(4, 4, 5)] + 29 * [(9, 2, 3)]
    assert [block.attention.h for block in net.last.blocks] == [16] * 5


# The task and the judgement


def test_larger_images_have_more_tokens_and_landmarks(lab):
    data = enlarged("freq_pairs", "smoke")
    assert data.inputs[0].shape == (160, 1, 48, 48) and len(data.targets) == 160
    assert enlarged("digits", "small").inputs[0].shape == (597, 1, 80, 80)
    net = lab.model("soft")
    layer = soft_layer(net)
    seen = []
    layer.reduce.register_forward_hook(lambda *call: seen.append(tuple(call[2].shape[-2:])))
    with torch.no_grad():
        net(lab.data("test").inputs[0][:2])
        net(data.inputs[0][:2])
    assert seen == [(4, 4), (6, 6)]


def test_the_error_of_the_approximation_is_zero_for_itself_and_one_for_nothing():
    S = torch.rand(2, 3, 8, 8)
    assert relative_error(S, S) == 0
    assert relative_error(torch.zeros_like(S), S) == pytest.approx(1)
    layer = make_alive(SoftAttention(24, 6, 2, 3))
    layer.landmarks = lambda q, _sides: q
    assert nystrom_error(layer, tokens()) < 0.05


# The plugin


@pytest.mark.parametrize("config", ["layer", "freq_pairs"])
def test_a_training_step_runs(lab, config: str):
    for variant in ("soft", "unrolled"):
        assert torch.isfinite(lab.at(config=config).subject("train_step", variant).work.run()).all()


def test_a_fit_repeats_with_its_seed(lab):
    first, second = (bench("soft_attention", seed=1).metric("soft") for _ in range(2))
    assert first == second
    assert set(first) == set(lab.card.qualities)
    assert set(lab.metric("soft_norm")) == set(first) - {"nystrom_error"}
    assert lab.metric("unrolled")["top1"] == lab.metric("soft")["top1"]
    assert lab.at(config="layer").metric("soft") == {}


def test_artifacts_show_the_task_and_both_approximations(lab):
    shown = lab.artifacts("soft")
    assert set(shown) == {"task_freq_pairs", "nystrom_freq_pairs", "newton_freq_pairs", "mistakes_freq_pairs"}
    residuals = [row["residual"] for row in shown["newton_freq_pairs"].spec["data"]["values"]]
    assert len(residuals) == 21 and residuals[-1] < residuals[0]
    errors = [row["error"] for row in shown["nystrom_freq_pairs"].spec["data"]["values"]]
    assert len(errors) == 3 and errors[-1] < errors[0]
    assert set(lab.artifacts("mha")) == {"mistakes_freq_pairs"}


@pytest.mark.slow
@pytest.mark.timeout(1800)  # half a minute on an idle core
def test_soft_compares_places_far_apart_and_keeps_less_for_its_gradient_than_newtons_steps():
    lab = bench("soft_attention", "small", config="freq_pairs")
    soft, unrolled = lab.metric("soft"), lab.metric("unrolled")
    assert soft["top1"].value > 95 and soft["layout_top1"].value > 95
    assert soft["resized_top1"].value > 50  # of sixteen classes, on images half as large again
    assert soft["backward_mb"].value < unrolled["backward_mb"].value
