"""DRSformer: sizes to the last parameter, which scores are kept, what the parts of a block do, and rain taken off photographs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.drsformer import rain
from harness_papers.drsformer.blocks import ChannelAttention, ChannelNorm, Gated, MixedScale, TopKAttention
from harness_papers.drsformer.compensator import Compensator, experts
from harness_papers.drsformer.judging import kept_shares, luma, psnr, ssim
from harness_papers.drsformer.network import build
from harness_papers.drsformer.setting import ALL, KEPT, PARTS, PLANS

VARIANTS = tuple(PARTS)


@pytest.fixture(scope="module")
def lab():
    return bench("drsformer")


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def macs(module: nn.Module, *shape: int) -> int:
    x = torch.empty(shape, device="meta")
    with torch.no_grad():
        return count(lambda: module.to("meta")(x)).macs


# Sizes


def test_the_parts_have_the_authors_parameters():
    with torch.device("meta"):
        assert parameters(Compensator(48)) == 230_816
        assert parameters(Compensator(96)) == 814_304
        sizes = {variant: parameters(build(variant, "paper")) for variant in VARIANTS}
    assert sizes["drsformer"] == 33_655_424
    assert sizes["no_mefc"] == 33_655_424 - 230_816 - 814_304
    assert sizes["restormer"] == 26_126_644
    assert sizes["dense"] == sizes["drsformer"]  # only the mask differs
    layers = 4 + 6 + 6 + 8 + 6 + 6 + 4
    assert sizes["single_k"] == sizes["drsformer"] - 3 * layers


def test_multiplications_are_those_of_the_convolutions_and_of_five_products():
    pixels = 256 * 256
    blocks = {(48, 1, pixels): 4, (96, 2, pixels // 4): 12, (192, 4, pixels // 16): 12, (384, 8, pixels // 64): 8, (96, 1, pixels): 4}
    products = sum(n * 5 * heads * (C // heads) ** 2 * places for (C, heads, places), n in blocks.items())
    assert products == 22_649_241_600
    convolutions = 0
    for (C, _, places), n in blocks.items():
        h = int(2.66 * C)
        attention = 3 * C**2 + 9 * 3 * C + C**2
        feed_forward = 2 * h * C + (9 + 25) * 2 * h + (9 + 25) * 2 * h + 2 * h * C
        convolutions += n * places * (attention + feed_forward)
    resizing = 9 * pixels * (48 * 24 + 96 * 48 // 4 + 192 * 96 // 16 + 96 * 192 // 4 + 192 * 384 // 16 + 384 * 768 // 64)
    reducing = 384 * 192 * pixels // 16 + 192 * 96 * pixels // 4
    ends = 9 * pixels * (3 * 48 + 96 * 3)
    expected = products + convolutions + resizing + reducing + ends
    assert round(expected / 1e9, 2) == 175.37
    with torch.device("meta"):
        assert macs(build("no_mefc", "paper"), 1, 3, 256, 256) == expected


@pytest.mark.parametrize("C", [48, 96])
def test_experts_multiply_at_every_pixel_and_the_gate_once(C):
    separable = sum(2 * (k**2 * C + C**2) for k in (1, 3, 5, 7))
    dilated = sum(k**2 * C + C**2 for k in (3, 5, 7))
    gate = C * 64 + 64 * 32
    assert macs(Compensator(C), 1, C, 32, 32) == 32 * 32 * (C**2 + 4 * (separable + dilated + 8 * C**2)) + gate


@pytest.mark.parametrize("variant", ["drsformer", "restormer", "dense"])
def test_attention_is_linear_in_the_pixels(variant):
    layer = bench("drsformer", part="attention").model(variant)
    small, large = (macs(layer, 1, 48, side, side) for side in (16, 32))
    assert large == 4 * small
    products = {"drsformer": 5, "restormer": 2, "dense": 2}[variant]
    assert small == 256 * (4 * 48**2 + 27 * 48 + products * 48**2)


# Attention


def test_k_is_a_share_of_the_scores_rounded_down():
    assert TopKAttention(48, 1, KEPT).k == [24, 32, 36, 38]
    assert TopKAttention(384, 8, KEPT).k == [24, 32, 36, 38]
    assert TopKAttention(8, 1, KEPT).k == [4, 5, 6, 6]
    assert TopKAttention(4, 2, KEPT).k == [1, 1, 1, 1]


def test_heads_of_one_channel_are_refused():
    with pytest.raises(ValueError, match="2 channels or more"):
        TopKAttention(8, 8, KEPT)


def test_the_branches_begin_with_a_fifth_each():
    assert torch.allclose(TopKAttention(48, 1, KEPT).w, torch.full((4,), 0.2))
    assert TopKAttention(48, 1, KEPT[:1]).w.tolist() == pytest.approx([0.8])


def twins(w: torch.Tensor) -> tuple[TopKAttention, ChannelAttention]:
    """Return an attention of four branches and Restormer's, with the same weights otherwise."""
    sparse, dense = TopKAttention(32, 2, KEPT).double(), ChannelAttention(32, 2).double()
    dense.load_state_dict({name: value for name, value in sparse.state_dict().items() if name != "w"})
    sparse.w.data = w.double()
    return sparse, dense


@pytest.mark.parametrize("w", [[0.2, 0.3, 0.1, 0.4], [0.2, 0.2, 0.2, 0.2]])
def test_four_branches_that_keep_everything_are_dense_attention_times_their_weights(w):
    sparse, dense = twins(torch.tensor(w))
    x = torch.randn(2, 32, 6, 5, dtype=torch.float64)
    assert not torch.allclose(sparse(x), sum(w) * dense(x), rtol=1e-3)
    sparse.k = [16] * 4
    assert torch.allclose(sparse(x), sum(w) * dense(x), atol=1e-10)


def test_the_variant_that_keeps_everything_works_dense_attention_out_once():
    sparse, dense = twins(torch.tensor([0.5, 0.1, 0.3, 0.7]))
    shortcut = TopKAttention(32, 2, ALL).double()
    shortcut.load_state_dict(sparse.state_dict())
    x = torch.randn(1, 32, 4, 4, dtype=torch.float64)
    assert torch.allclose(shortcut(x), 1.6 * dense(x), atol=1e-10)


def test_each_branch_keeps_the_k_largest_scores_of_each_row():
    layer = TopKAttention(48, 2, KEPT)
    A = torch.randn(3, 2, 24, 24)
    for k, kept in zip((12, 16, 18, 19), layer.sparse(A), strict=True):
        P = kept.softmax(-1)
        assert torch.allclose(P.sum(-1), torch.ones(3, 2, 24))
        assert ((P > 0).sum(-1) == k).all()
        left_out = A.masked_fill(kept.isfinite(), float("-inf")).amax(-1)
        assert (A.masked_fill(~kept.isfinite(), float("inf")).amin(-1) > left_out).all()
        assert torch.equal(kept[kept.isfinite()], A[kept.isfinite()])


def test_rows_of_equal_scores_still_keep_k():
    kept = TopKAttention(8, 1, KEPT).sparse(torch.zeros(1, 1, 8, 8))
    assert [int(scores.isfinite().sum()) for scores in kept] == [8 * k for k in (4, 5, 6, 6)]


def test_one_product_with_the_weighted_sum_of_softmaxes_would_do():
    layer = TopKAttention(16, 1, KEPT).double()
    A, v = torch.randn(2, 1, 16, 16, dtype=torch.float64), torch.randn(2, 1, 16, 30, dtype=torch.float64)
    P = sum(w * kept.softmax(-1) for w, kept in zip(layer.w, layer.sparse(A), strict=True))
    assert torch.allclose(layer.attend(A, v), P @ v, atol=1e-12)


@pytest.mark.parametrize("kept", [KEPT, ()])
def test_attention_follows_a_permutation_of_the_pixels(kept):
    layer = TopKAttention(16, 2, kept) if kept else ChannelAttention(16, 2)
    layer.double()
    x, order = torch.randn(1, 16, 5, 6, dtype=torch.float64), torch.randperm(30)

    def shuffled(y: torch.Tensor) -> torch.Tensor:
        return y.flatten(2)[..., order].unflatten(2, (5, 6))

    assert not torch.allclose(layer(shuffled(x)), shuffled(layer(x)))  # the depth-wise convolution sees neighbours
    nn.init.dirac_(layer.qkv_depthwise.weight, groups=48)
    assert torch.allclose(layer(shuffled(x)), shuffled(layer(x)), atol=1e-12)


def test_scores_are_cosines_times_tau():
    layer = TopKAttention(16, 2, KEPT)
    layer.tau.data = torch.tensor([1.0, 3.0])[:, None, None]
    x = torch.randn(1, 16, 4, 4)
    A, v = layer.scores(x)
    q, k, values = layer.qkv_depthwise(layer.qkv(x)).flatten(2).unflatten(1, (3, 2, 8))[0]
    expected = F.cosine_similarity(q[1, 2], k[1, 5], dim=0)
    assert A.shape == (1, 2, 8, 8)
    assert A[0, 1, 2, 5].item() == pytest.approx(3 * expected.item(), abs=1e-6)
    assert torch.equal(v[0], values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_masked_scores_leave_no_nan_behind(dtype):
    layer = TopKAttention(8, 1, KEPT).to(dtype)
    x = torch.randn(1, 8, 4, 4, dtype=dtype, requires_grad=True)
    layer(x).square().sum().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())
    assert layer.w.grad.abs().min() > 0


# Feed-forward networks, norm and experts


def test_the_halves_of_two_scales_are_exchanged_and_convolved_in_pairs():
    ffn, seen = MixedScale(8), {}
    for name in ("pairs3", "pairs5"):
        getattr(ffn, name).register_forward_hook(lambda _, inputs, out, name=name: seen.update({name: (inputs[0], out)}))
    x = torch.randn(1, 8, 6, 6)
    y = ffn(x)
    h = int(2.66 * 8)
    hidden = F.conv2d(x, ffn.project_in.weight)
    three = F.relu(F.conv2d(hidden, ffn.depthwise3.weight, padding=1, groups=2 * h))
    five = F.relu(F.conv2d(hidden, ffn.depthwise5.weight, padding=2, groups=2 * h))
    assert torch.allclose(seen["pairs3"][0], torch.cat([three[:, :h], five[:, :h]], 1), atol=1e-6)
    assert torch.allclose(seen["pairs5"][0], torch.cat([three[:, h:], five[:, h:]], 1), atol=1e-6)
    one = F.conv2d(seen["pairs5"][0][:, 6:8], ffn.pairs5.weight[3:4], padding=2)  # output 3 sees inputs 6 and 7
    assert torch.allclose(seen["pairs5"][1][:, 3:4], one, atol=1e-6)
    joined = torch.cat([F.relu(seen[name][1]) for name in ("pairs3", "pairs5")], 1)
    assert torch.allclose(y, F.conv2d(joined, ffn.project_out.weight), atol=1e-6)


def test_the_gated_network_is_gelu_of_one_half_times_the_other():
    ffn = Gated(8)
    x = torch.randn(1, 8, 5, 5)
    h = int(2.66 * 8)
    hidden = F.conv2d(F.conv2d(x, ffn.project_in.weight), ffn.depthwise.weight, padding=1, groups=2 * h)
    expected = F.conv2d(F.gelu(hidden[:, :h]) * hidden[:, h:], ffn.project_out.weight)
    assert torch.allclose(ffn(x), expected, atol=1e-6)


def test_the_norm_is_over_the_channels_of_each_pixel():
    norm = ChannelNorm(16)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(2, 16, 3, 4)
    z = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    assert torch.allclose(norm(x), z * norm.weight[:, None, None] + norm.bias[:, None, None], atol=1e-5)


def test_experts_share_out_one_at_every_step():
    mefc = Compensator(8)
    weights = mefc.weights(torch.randn(3, 8, 6, 6))
    assert weights.shape == (3, 4, 8)
    assert torch.allclose(weights.sum(-1), torch.ones(3, 4))
    assert weights.std(-1).min() > 0
    assert weights.std(1).min() > 0


def test_the_gate_sees_the_mean_of_the_image_alone():
    mefc = Compensator(8).double()
    x = torch.randn(1, 8, 4, 4, dtype=torch.float64)
    assert torch.allclose(mefc.weights(x), mefc.weights(x.flip(2)), atol=1e-12)
    assert not torch.allclose(mefc.weights(x), mefc.weights(x + 1), atol=1e-4)


def test_a_step_weighs_its_experts():
    step = Compensator(8).steps[0]
    x, chosen = torch.randn(1, 8, 6, 6), 5
    alone = torch.zeros(1, 48 + 16, 6, 6)
    alone[:, 8 * chosen : 8 * (chosen + 1)] = step.experts[chosen](x)
    assert torch.allclose(step(x, torch.eye(8)[chosen : chosen + 1]), F.relu(F.conv2d(alone, step.project_out.weight)), atol=1e-6)


def test_the_averaging_expert_does_not_count_padding():
    average = experts(4)[-1]
    assert torch.allclose(average(torch.full((1, 4, 5, 5), 3.0)), torch.full((1, 4, 5, 5), 3.0))


def test_experts_see_as_far_as_their_kernels():
    x = torch.zeros(1, 2, 31, 31)
    x[..., 15, 15] = 1
    reach = []
    for expert in experts(2)[:-1]:
        for p in expert.parameters():
            nn.init.constant_(p, 1.0)
        touched = expert(x)[0, 0].nonzero()
        reach.append(int(touched.max() - 15))
    assert reach == [0, 2, 4, 6, 2, 4, 6]  # separable: twice half a kernel; dilated: once, in steps of two


# Network


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_network_whose_last_layer_is_zero_returns_its_input(lab, variant):
    network = lab.model(variant)
    nn.init.zeros_(network.output.weight)
    x = torch.rand(1, 3, 19, 24)
    assert torch.equal(network(x), x)


@pytest.mark.parametrize("variant", ["drsformer", "restormer"])
def test_odd_sides_are_padded_by_reflection(lab, variant):
    network = lab.model(variant)
    x = torch.rand(1, 3, 21, 16)
    with torch.no_grad():
        padded = network(torch.cat([x, x[:, :, [19, 18, 17]]], 2))
        assert torch.allclose(network(x), padded[:, :, :21], atol=1e-6)


def test_levels_halve_the_map_and_double_the_channels(lab):
    network, shapes = lab.model("drsformer"), []
    for level in (*network.encoder, network.latent, *network.decoder):
        level.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    network(torch.rand(1, 3, 32, 32))
    assert shapes == [(8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4), (32, 8, 8), (16, 16, 16), (16, 32, 32)]


def test_variants_differ_in_the_part_they_are_named_for(lab):
    def kinds(variant: str) -> set[type]:
        return {type(m) for m in lab.model(variant).modules()} & {TopKAttention, ChannelAttention, MixedScale, Gated, Compensator}

    assert kinds("drsformer") == kinds("dense") == kinds("single_k") == {TopKAttention, MixedScale, Compensator}
    assert kinds("gdfn") == {TopKAttention, Gated, Compensator}
    assert kinds("no_mefc") == {TopKAttention, MixedScale}
    assert kinds("restormer") == {ChannelAttention, Gated}
    assert len(lab.model("restormer").refine) == PLANS["smoke"].blocks[0]


# Data


def test_rain_is_denser_in_two_directions_and_only_brightens():
    random = np.random.default_rng(3)
    dark = torch.zeros(3, 64, 64)
    wet = {make: torch.stack([make(dark, random).mean() for _ in range(30)]).mean() for make in (rain.heavy, rain.light)}
    assert wet[rain.heavy] > 2.5 * wet[rain.light]
    picture = torch.rand(3, 64, 64)
    assert (rain.light(picture, random) >= picture).all()
    assert float(rain.heavy(torch.ones(3, 64, 64), random).max()) <= 1


def test_a_streak_is_as_wide_as_it_is_drawn_and_lies_along_its_direction():
    across = torch.arange(-8, 8) + 0.3
    for width in (1.0, 1.7):
        profile = rain._blurred(across, torch.tensor(width))
        assert float(profile.sum()) == pytest.approx(width, rel=1e-3)
    field = rain.streaks(64, 1.0, np.random.default_rng(0))
    assert field.shape == (64, 64)
    assert field.min() >= 0
    down, over = ((field.roll(1, axis) - field).abs().mean() for axis in (0, 1))
    assert down < over  # nearer to the vertical than to the horizontal


def test_the_number_of_streaks_is_that_of_the_area(monkeypatch):
    drawn = []
    monkeypatch.setattr(rain, "_blurred", lambda distance, width: drawn.append(len(width)) or torch.zeros_like(distance))
    random = np.random.default_rng(0)
    for _ in range(40):
        rain.streaks(103, 1.0, random)  # with the margin of 12.5 on each side 128 across
    assert min(drawn) >= 60
    assert max(drawn) <= 200
    assert np.mean(drawn) == pytest.approx(130, abs=20)


def test_splits_are_pairs_of_the_same_crops_in_both_kinds_of_rain(lab):
    train, test = lab.data("train"), lab.data("test")
    assert train.inputs[0].shape == train.targets.shape == (16, 3, 24, 24)
    clean = test.targets
    assert torch.equal(clean[:4], clean[4:])
    assert not torch.equal(test.inputs[0][:4], test.inputs[0][4:])
    assert torch.equal(replace(lab, seed=5).data("test").inputs[0], test.inputs[0])
    assert test.inputs[0].min() >= 0
    assert test.inputs[0].max() <= 1


def test_half_of_the_patches_are_in_heavy_rain():
    rainy, clean = rain.pairs("small", "train")
    added = (rainy - clean).abs().mean((1, 2, 3))
    heavy, light = added.chunk(2)
    assert heavy.mean() > 2 * light.mean()
    assert (light > 0).double().mean() > 0.95  # on white no rain can be seen


# Hooks


def test_luma_and_its_psnr():
    assert luma(torch.ones(1, 3, 2, 2))[0, 0, 0] == pytest.approx(235 / 255, abs=1e-6)
    assert luma(torch.zeros(1, 3, 2, 2))[0, 0, 0] == pytest.approx(16 / 255, abs=1e-6)
    x = torch.rand(2, 3, 16, 16) / 2
    error = 0.1 * (65.481 + 128.553 + 24.966) / 255
    assert psnr(x + 0.1, x).tolist() == pytest.approx([-20 * np.log10(error)] * 2, abs=1e-3)


def test_structural_similarity_falls_with_noise():
    x = torch.rand(1, 3, 32, 32)
    assert float(ssim(x, x)) == pytest.approx(1)
    assert float(ssim(x + 0.3 * torch.randn_like(x), x)) < float(ssim(x + 0.05 * torch.randn_like(x), x)) < 1


def test_kept_shares_are_counted_in_the_layers(lab):
    x = torch.rand(1, 3, 32, 32)
    shares = kept_shares(lab.model("drsformer"), x)
    heads = {8: 1 + 2 * 2 + 4 * 2 + 8, 16: 1}  # heads of each number of channels, over all levels
    scores = sum(n * c**2 for c, n in heads.items())
    expected = [sum(n * c * (c * over // under) for c, n in heads.items()) / scores for over, under in KEPT]
    assert shares == pytest.approx(expected)
    assert kept_shares(lab.model("dense"), x) == [1.0] * 4
    assert kept_shares(lab.model("single_k"), x) == [0.5]
    assert kept_shares(lab.model("restormer"), x) == []


def test_qualities_and_artifacts(lab):
    model = lab.model("drsformer")
    nn.init.zeros_(model.output.weight)
    found = lab.metric("drsformer", model)
    assert set(found) == set(lab.card.qualities)
    assert found["gain_heavy"].value == pytest.approx(0, abs=1e-6)  # it returns its input
    assert found["psnr_heavy"].value < found["psnr_light"].value
    shown = lab.artifacts("drsformer", model)
    assert list(shown) == ["crops", "psnr", "branches"]
    assert shown["crops"].pixels.shape == (2 * 3 * 32, 2 * 4 * 32, 3)
    assert len(shown["branches"].spec["data"]["values"]) == 4 * 7
    assert list(lab.artifacts("restormer", lab.model("restormer"))) == ["crops", "psnr"]


def test_a_fit_is_deterministic_in_its_seed():
    fitted, again, other = (bench("drsformer", seed=seed).fit("drsformer", Budget(steps=1)) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(fitted.state_dict().values(), again.state_dict().values(), strict=True))
    assert not torch.equal(fitted.output.weight, other.output.weight)


def test_training_takes_rain_off(lab):
    network, data = lab.model("drsformer").train(), lab.data("train")
    x, y = data.inputs[0][:4], data.targets[:4]
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    errors = []
    for _ in range(8):
        optimizer.zero_grad()
        error = F.l1_loss(network(x), y)
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.8 * errors[0]


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_rain_is_taken_off_pictures_that_were_not_trained_on():
    lab = bench("drsformer", "small")
    found = {variant: lab.metric(variant) for variant in ("drsformer", "restormer")}
    for qualities in found.values():
        assert qualities["gain_heavy"].value > 3
        assert qualities["gain_light"].value > 3
