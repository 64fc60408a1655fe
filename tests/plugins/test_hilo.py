"""HiLo: what holds of the layer exactly, the printed sizes, the baselines, and what each kind of head is good for."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.meters.workbench import Workbench
from harness.testing import bench
from harness_papers._kit.attention.mixers import DenseAttention, Linformer, SpatialReductionAttention
from harness_papers.hilo.judge import detail_share, halves, spectrum
from harness_papers.hilo.mixers import (
    CrossCovarianceAttention,
    HiLo,
    WindowAttention,
    build_mixer,
    from_windows,
    relative_positions,
    to_windows,
)
from harness_papers.hilo.network import PLANS, DeformableMerging, LITv2, Plan, Swin, build, resample
from harness_papers.hilo.published import ADJUST
from layers import macs, make_alive, parameters

VARIANTS = ("hilo", "even", "hifi", "lofi", "mha", "sra", "window", "swin", "xca", "linformer")
LAYER = {"config": "layer", "resolution": 14, "batch": 1, "kernel": "plain"}


@pytest.fixture(scope="module")
def lab():
    return bench("hilo")


def sizes(lab: Workbench, variant: str) -> dict[str, int]:
    model = lab.model(variant)
    return {"parameters": parameters(model), "macs": macs(model, *lab.data().inputs)}


def tokens(H: int = 8, W: int = 8, C: int = 24, B: int = 2) -> torch.Tensor:
    return torch.randn(B, H, W, C, dtype=torch.float64)


# The layer


def test_with_windows_of_one_token_hilo_is_dense_attention():
    layer, dense = make_alive(HiLo(24, 6, s=1)), make_alive(DenseAttention(24, 6))
    with torch.no_grad():
        dense.qkv.weight.copy_(torch.cat((layer.lofi.q.weight, layer.lofi.kv.weight)))
        dense.qkv.bias.copy_(torch.cat((layer.lofi.q.bias, layer.lofi.kv.bias)))
    dense.proj = layer.lofi.proj
    x = tokens()
    assert layer.hifi is None
    assert torch.allclose(layer(x), dense(x), atol=1e-10)
    assert torch.allclose(layer.float()(x.float()), dense.float()(x.float()), atol=1e-5)


@pytest.mark.parametrize(("h", "alpha", "L"), [(12, 0.9, 10), (3, 0.9, 2), (12, 0.5, 6), (12, 0.7, 8), (12, 0.0, 0), (12, 1.0, 12)])
def test_the_number_of_lofi_heads_is_cut_off_not_rounded(h: int, alpha: float, L: int):
    layer = HiLo(8 * h, h, alpha=alpha)
    assert (layer.lofi.h if layer.lofi else 0) == L
    assert (layer.hifi.h if layer.hifi else 0) == h - L


@pytest.mark.parametrize("s", [2, 4])
def test_hifi_sees_its_own_window_and_nothing_else(s: int):
    hifi = make_alive(HiLo(24, 6, s=s, alpha=0.5)).hifi
    x = tokens()
    changed = x.clone()
    changed[:, :s, s : 2 * s] += torch.randn(2, s, s, 24)
    moved = (hifi(changed) != hifi(x)).any(-1)  # (B, H, W)
    inside = torch.zeros(8, 8, dtype=torch.bool)
    inside[:s, s : 2 * s] = True
    assert torch.equal(moved, inside.expand(2, -1, -1))


def test_lofi_keys_do_not_see_the_order_inside_a_window_but_queries_do():
    lofi = make_alive(HiLo(24, 6, alpha=0.5)).lofi
    x = tokens()
    swapped = x.clone()
    swapped[:, 0, 0], swapped[:, 1, 1] = x[:, 1, 1], x[:, 0, 0]
    y, z = lofi(x), lofi(swapped)
    assert torch.allclose(z[:, 2:], y[:, 2:], atol=1e-12)
    assert torch.allclose(z[:, 0, 0], y[:, 1, 1], atol=1e-12)
    assert not torch.allclose(z[:, 0, 0], y[:, 0, 0], atol=1e-2)


def test_lofi_reaches_every_position():
    lofi = make_alive(HiLo(24, 6, alpha=0.5)).lofi
    x = tokens()
    changed = x.clone()
    changed[:, 7, 7] += 1
    assert ((lofi(changed) - lofi(x)).abs().amax(-1) > 0).all()


def test_nothing_mixes_the_two_halves():
    layer = make_alive(HiLo(24, 6, alpha=0.5))
    x = tokens()
    y = layer(x)
    assert torch.equal(y[..., :12], layer.hifi(x)) and torch.equal(y[..., 12:], layer.lofi(x))
    nn.init.zeros_(layer.lofi.proj.weight)
    assert torch.equal(layer(x)[..., :12], y[..., :12])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_sides_that_the_window_does_not_divide_are_padded_and_the_padding_is_dropped(alpha: float):
    layer = make_alive(HiLo(24, 6, alpha=alpha))
    x = tokens(7, 5)
    padded = torch.zeros(2, 8, 6, 24, dtype=torch.float64)
    padded[:, :7, :5] = x
    assert layer(x).shape == x.shape
    assert torch.equal(layer(x), layer(padded)[:, :7, :5])


@pytest.mark.parametrize("qkv_bias", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_parameters_and_macs_follow_their_formulas(alpha: float, qkv_bias: bool):
    C, h, s, N = 96, 12, 2, 14 * 14
    C_l = int(alpha * h) * (C // h)
    C_h = C - C_l
    with torch.device("meta"):
        layer = HiLo(C, h, s, alpha, qkv_bias)
        counted = macs(layer, torch.empty(1, 14, 14, C))
    biases = (3 * C_h + 3 * C_l) * qkv_bias
    assert parameters(layer) == 3 * C * C_h + C_h**2 + C_h + C * C_l + 2 * C * C_l + C_l**2 + C_l + biases
    hifi = 3 * N * C * C_h + 2 * N * s**2 * C_h + N * C_h**2
    lofi = N * C * C_l + 2 * (N // s**2) * C * C_l + 2 * N * (N // s**2) * C_l + N * C_l**2
    assert counted == hifi + lofi


def test_windows_can_be_undone():
    x = tokens(6, 9, 4)
    windows = to_windows(x, 3)
    assert windows.shape == (2, 6, 9, 4)
    assert torch.equal(windows[:, 1, 3], x[:, 1, 3])  # the second window, second row, first column
    assert torch.equal(from_windows(windows, 6, 3), x)


# The baselines


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_fused_operation_computes_the_same(variant: str):
    plain, fused = (make_alive(build_mixer(variant, 24, 6, 14, fused=fused)) for fused in (False, True))
    fused.load_state_dict(plain.state_dict())
    x = tokens(14, 14)
    assert torch.allclose(plain(x), fused(x), atol=1e-10)


def dense_with_bias(layer: WindowAttention, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Dense attention with the window layer's weights and any bias (h, N, N) on its scores."""
    q, k, v = layer.qkv(x).flatten(1, 2).unflatten(-1, (3, layer.h, -1)).permute(2, 0, 3, 1, 4)  # (B, h, N, d) each
    y = (q @ k.mT * q.shape[-1] ** -0.5 + bias).softmax(-1) @ v
    return layer.proj(y.transpose(1, 2).flatten(2)).unflatten(1, x.shape[1:3])


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_window_attention_is_dense_attention_inside_windows_with_a_bias_for_each_relative_position(shift: int):
    grid, w = 8, 4
    layer = make_alive(WindowAttention(24, 6, grid, w, shift))
    place = torch.cartesian_prod(torch.arange(grid), torch.arange(grid))  # (N, 2)
    edges = torch.arange(grid)
    room = (edges - shift).div(w, rounding_mode="floor")  # which window a row or column is in, windows cut off at the border
    same = (room[place][:, None] == room[place][None]).all(-1)  # (N, N)
    step = (place[:, None] - place[None]).clamp(1 - w, w - 1) + w - 1
    bias = layer.relative[:, step[..., 0] * (2 * w - 1) + step[..., 1]].masked_fill(~same, -torch.inf)
    x = tokens()
    assert torch.allclose(layer(x), dense_with_bias(layer, x, bias), atol=1e-8)


def test_relative_positions_are_numbered_by_row_and_column():
    index = relative_positions(3)
    assert index.unique().tolist() == list(range(25))
    assert (index.diagonal() == 12).all()
    assert index[0, 8] == 0 and index[8, 0] == 24
    assert index[0, 1] == index[4, 5]


def test_spatial_reduction_by_plain_averages_is_lofi_with_all_heads():
    sra, lofi = make_alive(SpatialReductionAttention(24, 6)), make_alive(HiLo(24, 6, alpha=1.0)).lofi
    with torch.no_grad():
        sra.reduce.weight.copy_(torch.eye(24)[:, :, None, None].expand(-1, -1, 2, 2) / 4)
        sra.reduce.bias.zero_()
    sra.norm = nn.Identity()
    sra.q, sra.kv, sra.proj = lofi.q, lofi.kv, lofi.proj
    x = tokens()
    assert torch.allclose(sra(x), lofi(x), atol=1e-10)


def test_linformer_that_projects_by_the_identity_is_dense_attention():
    linformer, dense = make_alive(Linformer(24, 6, 8, k=64)), make_alive(DenseAttention(24, 6))
    with torch.no_grad():
        linformer.E.copy_(torch.eye(64))
        linformer.F.copy_(torch.eye(64))
    linformer.qkv, linformer.proj = dense.qkv, dense.proj
    x = tokens()
    assert torch.allclose(linformer(x), dense(x), atol=1e-10)


def test_cross_covariance_does_not_see_the_order_of_tokens_or_the_length_of_queries():
    layer = make_alive(CrossCovarianceAttention(24, 6))
    x = tokens()
    order = torch.randperm(64)
    shuffled = x.flatten(1, 2)[:, order].unflatten(1, (8, 8))
    y = layer(x)
    assert torch.allclose(layer(shuffled).flatten(1, 2), y.flatten(1, 2)[:, order], atol=1e-10)
    with torch.no_grad():
        layer.qkv.weight[:24] *= 7
        layer.qkv.bias[:24] *= 7
    assert torch.allclose(layer(x), y, atol=1e-10)


# The networks


def test_printed_sizes_are_those_of_the_models_but_for_one(lab):
    """LITv2-S with alpha = 1 is printed with 3.70 G, where the authors' own way of counting gives 3.75 G."""
    built = functools.cache(lambda variant, **params: sizes(replace(lab, scale="paper", device="meta", params=params), variant))
    wrong = []
    for size in lab.card.sizes:
        ours = built(size.variant, **size.params)[size.quantity] + size.adjust
        if abs(ours - size.value) > size.half_unit:
            wrong.append((size.variant, size.quantity, size.printed, size.input, ours))
    assert wrong == [("hilo", "macs", "3.70 G", "224x224, alpha 1", 3_745_992_252)]


@pytest.mark.parametrize("config", ADJUST)
def test_what_the_authors_count_more_follows_from_the_dimensions(config: str):
    """One for each element of a norm and each output of a convolution with bias, and four offset channels that are not there."""
    plan = PLANS[config]
    more = 0
    for C, _, s, grid, rates in plan.stages():
        N = grid**2
        more += len(rates) * N * (4 * C + C + (C if s else 0))  # depthwise bias, norm before the MLP, norm before attention
        if C > plan.C:
            more += N * (4 * 4 * C // 2 + 12 + C + C)  # four more offsets of 2x2xC/2, their 12 biases, merging's bias, its norm
        else:
            more += N * C  # the norm of the patch embedding; they count no bias there
    more += plan.width * (plan.size // plan.patch) ** 2 // 16  # the last norm
    assert more == ADJUST[config]


@pytest.mark.parametrize(
    ("config", "size", "counted"), [("litv2_s", 28_288_354, 4_490_566_656), ("litv2_m", 49_606_258, None), ("litv2_b", 87_768_224, None)]
)
def test_swin_of_the_same_dimensions_is_the_published_swin(config: str, size: int, counted: int | None):
    with torch.device("meta"):
        swin = build("swin", "paper", {**LAYER, "config": config})
        assert parameters(swin) == size
        assert counted is None or macs(swin, torch.empty(1, 3, 224, 224)) == counted


def test_the_early_stages_of_litv2_have_no_attention():
    with torch.device("meta"):
        net = build("hilo", "paper", {**LAYER, "config": "litv2_s"})
    attention = [(type(block.attention).__name__, getattr(block.attention, "s", None)) for block in net.blocks if hasattr(block, "mlp")]
    assert attention == [("NoneType", None)] * 4 + [("HiLo", 2)] * 6 + [("HiLo", 1)] * 2


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("config", ["layer", "litv2_s"])
def test_every_variant_runs_at_the_published_dimensions_on_meta(lab, variant: str, config: str):
    meta = replace(lab, scale="paper", device="meta", params={"config": config, "batch": 2})
    (x,) = meta.data().inputs
    assert meta.model(variant)(x).shape == (x.shape if config == "layer" else (2, 1000))


def test_merging_without_offsets_is_a_strided_convolution():
    merging = make_alive(DeformableMerging(6))
    nn.init.zeros_(merging.offset.weight)
    nn.init.zeros_(merging.offset.bias)
    x = tokens(6, 8, 6).float()
    merging.float()
    plain = nn.functional.gelu(merging.norm(merging.merge(x.movedim(-1, 1)))).movedim(1, -1)
    assert torch.allclose(merging(x), plain, atol=1e-5)


def test_merging_starts_without_offsets_and_learns_them():
    merging = DeformableMerging(6)
    x = torch.randn(2, 6, 8, 6)
    assert (merging.offset(x.movedim(-1, 1)) == 0).all()
    merging(x).square().sum().backward()
    assert merging.offset.weight.grad.abs().sum() > 0


def test_resampling_reads_bilinearly_and_zero_outside():
    x = torch.randn(1, 3, 5, 7)
    right = torch.zeros(1, 2, 5, 7)
    right[:, 0] = 1
    assert torch.allclose(resample(x, right)[..., :-1], x[..., 1:], atol=1e-5)
    assert resample(x, right)[..., -1].abs().max() < 1e-5
    assert torch.allclose(resample(x, right / 4)[..., :-1], 0.75 * x[..., :-1] + 0.25 * x[..., 1:], atol=1e-5)


def test_stochastic_depth_drops_branches_in_training_only():
    plan = Plan(16, 1, 4, 8, (4,), (2,), (2,), 3, drop_path=0.5)
    assert [round(rate, 3) for *_, rates in plan.stages() for rate in rates] == [0, 0.167, 0.333, 0.5]
    net = LITv2(plan, lambda C, h, grid: HiLo(C, h))
    images = torch.randn(64, 1, 16, 16)
    assert torch.equal(net.eval()(images), net(images))
    block = net.train().blocks[-1]
    assert block.drop_path == 0.5
    x = torch.randn(400, 2, 2, 8)
    dropped = (block(x) == x).flatten(1).all(1).double().mean()
    assert 0.15 < dropped < 0.35  # both branches


def test_swin_shifts_every_second_block_where_there_is_room():
    with torch.device("meta"):
        net = Swin(PLANS["litv2_s"])
    shifts = [(block.attention.w, block.attention.shift) for block in net.blocks if hasattr(block, "mlp")]
    assert shifts == [(7, 0), (7, 3)] * 5 + [(7, 0), (7, 0)]


# The task and the judgement


def test_without_lofi_heads_the_small_network_cannot_compare_places_far_apart(lab):
    """A token of the trained network sees 16 pixels through windows and a depthwise convolution; the blobs are 46 apart."""
    for variant, everywhere in (("hifi", False), ("hilo", True), ("mha", True)):
        net = build(variant, "small", {**LAYER, "config": "freq_pairs"}).double().eval()
        images = torch.randn(1, 1, 64, 64, dtype=torch.float64, requires_grad=True)
        net.blocks(images)[0, 8, 8].sum().backward()
        seen = (images.grad[0, 0] != 0).nonzero()
        extent = (seen.max(0).values - seen.min(0).values + 1).tolist()
        assert extent == ([64, 64] if everywhere else [16, 16])


def test_detail_share_tells_a_ripple_from_a_swell():
    axis = torch.arange(16)
    swell = torch.cos(2 * torch.pi * axis / 16)[None, :, None, None].expand(1, 16, 16, 1)
    ripple = torch.cos(torch.pi * axis)[None, :, None, None].expand(1, 16, 16, 1)
    assert detail_share(swell) == pytest.approx(0)
    assert detail_share(ripple) == pytest.approx(1)
    assert detail_share(ripple + 3) == pytest.approx(0.1)
    frequency, energy = spectrum(ripple)
    assert frequency.flatten()[energy.flatten().argmax()] == 1


def test_what_the_heads_put_out_is_read_from_the_layer(lab):
    net = lab.model("even")
    images = lab.data("test").inputs[0][:3]
    outputs = halves(net, images)
    assert {name: tuple(y.shape) for name, y in outputs.items()} == {"Hi-Fi": (3, 8, 8, 8), "Lo-Fi": (3, 8, 8, 8)}
    layer = net.blocks[1].attention
    assert torch.equal(outputs["Lo-Fi"], layer.lofi(net.blocks[1].norm_attention(net.blocks[0](images))))
    assert not layer._forward_pre_hooks
    assert list(halves(lab.model("hifi"), images)) == ["Hi-Fi"] and halves(lab.model("mha"), images) == {}


# The plugin


@pytest.mark.parametrize("workload", ["infer", "train_step"])
@pytest.mark.parametrize("config", ["layer", "freq_pairs"])
def test_workloads_run(lab, workload: str, config: str):
    assert torch.isfinite(lab.at(config=config).subject(workload, "hilo").work.run()).all()


def test_a_fit_repeats_with_its_seed(lab):
    first, second = (bench("hilo", seed=1).metric("hilo") for _ in range(2))
    assert first == second
    assert set(first) == set(lab.card.qualities)
    assert lab.at(config="layer").metric("hilo") == {}


def test_artifacts_show_the_task_and_the_spectra(lab):
    shown = lab.artifacts("hilo")
    assert set(shown) == {"task_freq_pairs", "spectrum_freq_pairs", "mistakes_freq_pairs"}
    sheet = shown["task_freq_pairs"].pixels
    assert sheet.shape == (4 * 32, 4 * 32) and sheet.min() == 0 and sheet.max() == 1
    assert len(shown["spectrum_freq_pairs"].spec["data"]["values"]) == 18
    shares = [row["share"] for row in shown["mistakes_freq_pairs"].spec["data"]["values"]]
    assert len(shares) == 256 and sum(shares) == pytest.approx(16, abs=0.02)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a minute each on an idle core
def test_windows_alone_miss_the_layout_and_see_the_texture():
    """Without Lo-Fi heads the mean over tokens is a sum over blobs, which cannot tell a pair of one kind from one of each: 75% at the most."""
    lab = bench("hilo", "small", config="freq_pairs")
    hilo, hifi = lab.metric("hilo"), lab.metric("hifi")
    assert hilo["texture_top1"].value > 99 and hifi["texture_top1"].value > 99
    assert hilo["layout_top1"].value > 95
    assert hifi["layout_top1"].value < 75
    assert hilo["detail_ratio"].value > 1
