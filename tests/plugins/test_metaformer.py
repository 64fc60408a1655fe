"""MetaFormer: the sizes of the whole family, what holds exactly of its parts, and what its token mixers do for the reduced experiment."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench

VARIANTS = (
    "caformer",
    "convformer",
    "poolformerv2",
    "randformer",
    "identityformer",
    "caformer_gelu",
    "caformer_relu",
    "convnext",
    "vit",
    "linear",
)
FAMILY = VARIANTS[:5]


def on_meta(**params):
    return replace(bench("metaformer", "paper", **params), device="meta")


def counted(model, *inputs):
    with torch.inference_mode():
        found = count(lambda: model(*inputs), model)
    assert not found.uncounted
    return found


@pytest.fixture
def x():
    return torch.randn(2, 5, 6, 32, generator=torch.Generator().manual_seed(0))  # (B, H, W, C)


def kind(variant):
    from harness_papers.metaformer.model import KINDS

    return KINDS[variant]


# Sizes


def test_every_released_model_has_its_published_parameters():
    from harness_papers.metaformer.family import FROZEN, RELEASED

    lab = on_meta()
    for released in RELEASED:
        variant, size = released.config.rsplit("_", 1)
        model = lab.at(config=released.config).model(variant)
        assert sum(p.numel() for p in model.parameters()) == released.parameters, released.config
        frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
        assert frozen == (FROZEN[size] if variant == "randformer" else 0), released.config
    assert FROZEN["s12"] == 6 * 196**2 + 2 * 49**2


def test_the_card_has_every_size_of_the_family():
    from harness_papers.metaformer.family import CONFIGS, RELEASED

    assert {r.config for r in RELEASED} == set(CONFIGS)
    sizes = bench("metaformer").card.sizes
    for r in RELEASED:
        mine = [s for s in sizes if s.params.get("config") == r.config]
        assert {s.quantity for s in mine} == {"parameters", "macs"}
        assert f"{r.parameters:,}" in {s.printed for s in mine}
    assert sum(s.params.get("size") == 384 for s in sizes) == 8


@pytest.mark.parametrize(("config", "size", "printed"), [("randformer_s12", 224, 1.888e9), ("caformer_s18", 384, 13.4e9)])
def test_multiplications_are_the_published_ones(config, size, printed):
    lab = on_meta(config=config, size=size)
    found = counted(lab.model(config.split("_")[0]), *lab.data().inputs).macs
    assert abs(found - printed) < 0.5 * (1e6 if size == 224 else 1e8)


def test_multiplications_follow_from_the_dimensions():
    def macs(mixers):
        dims, depths, grids = (64, 128, 320, 512), (3, 3, 9, 3), (56, 28, 14, 7)
        total = 49 * 3 * 64 * 56**2 + 4 * 512 * 512 + 4 * 512 * 1000  # stem and MLP head
        for i in range(4):
            C, N = dims[i], grids[i] ** 2
            total += depths[i] * (8 * N * C**2 + (4 * N * C**2 + (2 * N**2 * C if mixers[i] == "attention" else 98 * N * C)))
            total += 9 * dims[i - 1] * C * N if i else 0
        return total

    lab = on_meta()
    for variant, mixers in (("caformer", ("conv", "conv", "attention", "attention")), ("convformer", ("conv",) * 4)):
        assert counted(lab.model(variant), *lab.data().inputs).macs == macs(mixers)


def test_attention_costs_more_than_convolution_where_there_are_many_tokens():
    dims, grids = (64, 128, 320, 512), (56, 28, 14, 7)
    for i, (C, n) in enumerate(zip(dims, grids, strict=True)):
        lab = on_meta(part=f"mixer{i + 1}")
        shape = lab.data().inputs[0].shape
        assert shape[1:] == (n, n, C)
        N = shape[0] * n * n
        conv, attention = (counted(lab.model(v), *lab.data().inputs).macs for v in ("convformer", "vit"))
        assert conv == N * (4 * C**2 + 98 * C)
        assert attention == N * (4 * C**2 + 2 * n * n * C)
        assert (attention > conv) == (n * n > 49)
        ca = counted(lab.model("caformer"), *lab.data().inputs).macs
        assert ca == (conv if i < 2 else attention)


def test_convnext_is_the_one_published_and_at_small_scale_costs_what_convformer_does():
    assert sum(p.numel() for p in on_meta().model("convnext").parameters()) == 28_589_128
    lab = replace(bench("metaformer", "small"), device="meta")
    ours, theirs = (counted(lab.model(v), *lab.data().inputs).macs for v in ("convformer", "convnext"))
    assert theirs == pytest.approx(ours, rel=0.02)


def test_variants_run_without_memory_at_published_size_and_at_each_part():
    for variant in ("identityformer", "poolformerv2", "caformer_relu", "vit", "linear"):
        assert on_meta().model(variant)(*on_meta().data().inputs).shape == (1, 1000)
    for part in ("activation", "mixer1", "mixer2", "mixer3", "mixer4"):
        lab = on_meta(part=part)
        (u,) = lab.data().inputs
        for variant in VARIANTS:
            assert lab.model(variant)(u).shape == u.shape


# StarReLU


def test_starrelu_of_a_standard_normal_has_mean_0_and_variance_1():
    from harness_papers.metaformer.activation import StarReLU

    u = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0))
    output = StarReLU()(u)
    assert abs(output.mean()) < 0.005
    assert abs(output.var() - 1) < 0.015
    assert sum(p.numel() for p in StarReLU().parameters()) == 2
    assert torch.equal(output, 0.8944 * F.relu(u) ** 2 - 0.4472)


def test_operations_are_those_of_the_paper():
    from harness_papers.metaformer.activation import StarReLU, flops_per_element, gelu

    assert [flops_per_element(a) for a in (StarReLU(), nn.GELU(), nn.ReLU())] == [4, 14, 1]
    u = torch.linspace(-4, 4, 99)
    assert torch.allclose(gelu(u), F.gelu(u, approximate="tanh"), atol=1e-6)


def test_the_activation_is_all_that_the_activation_baselines_change():
    lab = bench("metaformer")
    star, plain = (dict(lab.model(v).named_parameters()) for v in ("caformer", "caformer_gelu"))
    assert {n: p.shape for n, p in star.items() if not n.endswith((".s", ".b"))} == {n: p.shape for n, p in plain.items()}
    assert sum(p.numel() for n, p in star.items() if n.endswith((".s", ".b"))) == 2 * (5 + 2)  # five MLPs, two SepConvs


# Mixers


def test_random_mixing_averages_and_is_never_trained(x):
    from harness_papers.metaformer.mixers import RandomMixing

    mixing = RandomMixing(30)
    assert torch.allclose(mixing.R.sum(-1), torch.ones(30))
    assert mixing.R.min() > 0
    constant = torch.ones(1, 5, 6, 4) * torch.arange(4.0)
    assert torch.allclose(mixing(constant), constant, atol=1e-5)
    assert torch.allclose(mixing(x)[1, 2, 3], torch.einsum("n,nc->c", mixing.R[2 * 6 + 3], x[1].flatten(0, 1)), atol=1e-5)
    mixing(x.requires_grad_()).sum().backward()
    assert mixing.R.grad is None
    again = RandomMixing(30)
    assert not torch.equal(again.R, mixing.R)
    again.load_state_dict(mixing.state_dict())
    assert torch.equal(again.R, mixing.R)


def test_training_leaves_the_random_matrices_as_they_were():
    lab = bench("metaformer")
    before, after = lab.model("randformer").state_dict(), lab.fit("randformer", Budget(1)).state_dict()
    matrices = [name for name in before if name.endswith(".R")]
    assert len(matrices) == 3  # two blocks in stage 3, one in stage 4
    assert all(torch.equal(before[name], after[name]) for name in matrices)
    assert not torch.equal(before["head.weight"], after["head.weight"])


def test_pooling_of_a_constant_map_is_zero_at_the_edge_too(x):
    from harness_papers.metaformer.mixers import Pooling

    assert Pooling()(torch.full((1, 4, 4, 3), 7.0)).abs().max() < 1e-5
    corner = x[:, :2, :2].mean((1, 2)) - x[:, 0, 0]
    assert torch.allclose(Pooling()(x)[:, 0, 0], corner, atol=1e-6)


def test_attention_is_softmax_over_all_tokens(x):
    from harness_papers.metaformer.mixers import Attention

    wide = torch.cat([x, -x], -1)  # C = 64: two heads
    mixer = Attention(64)
    q, k, v = mixer.qkv(wide).flatten(1, 2).chunk(3, -1)
    heads = []
    for h in range(2):
        a, b, c = (t[..., 32 * h : 32 * h + 32] for t in (q, k, v))
        heads.append((a @ b.mT / math.sqrt(32)).softmax(-1) @ c)
    assert torch.allclose(mixer(wide).flatten(1, 2), mixer.proj(torch.cat(heads, -1)), atol=1e-5)


# Blocks


def test_modified_norm_is_a_group_norm_of_one_group(x):
    from harness_papers.metaformer.model import EPS, ModifiedLayerNorm

    norm = ModifiedLayerNorm(32)
    with torch.no_grad():
        norm.weight.copy_(torch.rand(32))
    expected = F.group_norm(x.movedim(-1, 1), 1, norm.weight, eps=EPS).movedim(1, -1)
    assert torch.allclose(norm(x), expected, atol=1e-5)


def test_without_a_mixer_a_token_knows_of_others_through_the_norm_alone(x):
    from harness_papers.metaformer.model import Block

    ours = kind("identityformer")
    per_token = replace(ours, norm=kind("caformer").norm)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    other = x.clone()
    other[:, 0, 0] *= 5
    for made, apart in ((ours, False), (per_token, True)):
        block = Block(32, nn.Identity(), made, residual_scale=True, drop_path=0.0)
        permuted = block(x.flatten(1, 2)[:, order].unflatten(1, (5, 6)))
        assert torch.allclose(permuted.flatten(1, 2), block(x).flatten(1, 2)[:, order], atol=1e-5)
        assert torch.allclose(block(other)[:, 1:], block(x)[:, 1:], atol=1e-6) == apart


def test_the_residual_scale_is_on_the_path_around_the_branch(x):
    from harness_papers.metaformer.model import Block

    block = Block(32, nn.Identity(), kind("convformer"), residual_scale=True, drop_path=0.0)
    with torch.no_grad():
        block.rs1.fill_(3.0)
        block.rs2.fill_(0.5)
        y = 3 * x + block.norm1(x)
        assert torch.allclose(block(x), 0.5 * y + block.mlp(block.norm2(y)), atol=1e-5)


@pytest.mark.parametrize("variant", FAMILY)
def test_biases_are_in_downsampling_the_last_norm_and_the_head_alone(variant):
    model = on_meta().model(variant)
    biased = {n for n, p in model.named_parameters() if n.endswith("bias")}
    heads = {"head.0.bias", "head.2.bias", "head.3.bias"} if variant in ("caformer", "convformer") else {"head.bias"}
    convs = {f"layers.{i}.conv.bias" for i in (0, 4, 8, 18)}
    assert biased == heads | convs | {"norm.bias"}
    scales = [n for n, _ in model.named_parameters() if n.endswith((".rs1", ".rs2"))]
    assert len(scales) == 2 * (9 + 3)
    assert all(int(n.split(".")[1]) > 8 for n in scales)  # in stages 3 and 4


def test_drop_path_drops_whole_images_and_keeps_the_mean(x):
    from harness_papers.metaformer.model import DropPath

    torch.manual_seed(0)
    drop = DropPath(0.25)
    ones = torch.ones(4000, 1, 1, 2)
    kept = drop(ones)
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(kept[..., 0], kept[..., 1])
    assert kept.mean() == pytest.approx(1, abs=0.05)
    assert drop.eval()(x) is x


def test_drop_path_grows_from_block_to_block():
    rates = [m.drop.rate for m in bench("metaformer").model("caformer").modules() if hasattr(m, "drop")]
    assert rates == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])


# Data and training


def test_shapes_are_balanced_the_same_every_time_and_new_in_the_test():
    lab = bench("metaformer", "small")
    train, test = lab.data("train"), lab.data("test")
    assert train.inputs[0].shape == (8000, 1, 32, 32)
    assert test.inputs[0].shape == (1000, 1, 32, 32)
    assert test.targets.bincount().tolist() == [100] * 10
    assert torch.equal(replace(lab, seed=1).data("train").inputs[0], train.inputs[0])
    assert torch.cdist(test.inputs[0].flatten(1), train.inputs[0].flatten(1)).min() > 1


def test_outlines_have_as_many_corners_as_their_names_say():
    import numpy as np

    from harness_papers.metaformer.data import CLASSES, outline

    angle = np.linspace(0, 2 * np.pi, 3600, endpoint=False) + 0.0004
    corners = {}
    for k, name in enumerate(CLASSES):
        r = outline(k, angle)
        assert r.min() > 0
        assert r.max() <= 1 + 1e-9
        corners[name] = int(((r > np.roll(r, 1)) & (r > np.roll(r, -1))).sum())
    assert corners["triangle"] == corners["3-flower"] == 3
    assert corners["square"] == corners["4-star"] == 4
    assert corners["pentagon"] == corners["5-star"] == corners["5-flower"] == 5
    assert corners["hexagon"] == 6
    assert corners["ellipse"] == 2


def test_shuffling_moves_patches_and_changes_nothing_in_them():
    from harness_papers.metaformer.data import shuffled

    x = torch.arange(2 * 1024.0).reshape(2, 1, 32, 32)
    moved = shuffled(x)
    assert torch.equal(moved, shuffled(x))
    assert not torch.equal(moved, x)
    patches, before = (F.unfold(t, 8, stride=8).mT for t in (moved, x))  # (2, 16, 64)
    for image, original in zip(patches, before, strict=True):
        assert torch.equal(image[image[:, 0].argsort()], original)


def test_the_rate_rises_in_a_line_and_falls_to_nothing():
    from harness_papers.metaformer.training import rate

    rates = [rate(step, 200) for step in range(200)]
    assert rates[0] < 0.1
    assert max(rates) == rates[20] == 1
    assert all(a < b for a, b in pairwise(rates[:21]))
    assert all(a > b for a, b in pairwise(rates[20:]))
    assert rates[-1] < 1e-3


@pytest.mark.parametrize("variant", ["caformer", "randformer"])
def test_a_fit_is_deterministic_in_its_seed(variant):
    fits = [bench("metaformer", seed=seed).fit(variant, Budget(1)).state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(a, b) for a, b in zip(fits[0].values(), fits[1].values(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(fits[0].values(), fits[2].values(), strict=True))


def test_every_quality_of_the_card_is_measured_and_every_claim_speaks_of_what_there_is():
    lab = bench("metaformer")
    found = {v: lab.metric(v, lab.model(v)) for v in ("caformer", "caformer_gelu", "linear")}
    assert set(found["caformer"]) == set(lab.card.qualities)
    assert set(found["linear"]) == {"top1", "shuffled_top1"}
    ratio = found["caformer"]["activation_flops"].value / found["caformer_gelu"]["activation_flops"].value
    assert ratio == pytest.approx(1 - 0.71, abs=0.005)
    assert {c.quantity for c in lab.card.claims} == {"top1", "activation_flops", "latency", "macs"}
    assert {c.subject for c in lab.card.claims} | {c.baseline for c in lab.card.claims if c.baseline} <= set(VARIANTS)


def test_artifacts_show_fields_shapes_and_activations():
    lab = bench("metaformer")
    shown = lab.artifacts("caformer", lab.model("caformer"))
    assert set(shown) == {"receptive_field", "images", "activations"}
    assert shown["receptive_field"].pixels.shape == (192, 192)
    assert shown["receptive_field"].pixels.max() == 1
    values = shown["activations"].spec["data"]["values"]
    assert len({v["curve"] for v in values}) == 2 + 7
    assert set(lab.artifacts("convnext", lab.model("convnext"))) == {"receptive_field"}
    assert lab.artifacts("linear", lab.model("linear")) == {}
