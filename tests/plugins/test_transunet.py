"""TransUNet: sizes to the last parameter, which maps go where, what positions and skips are for, and organs found in a phantom."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.transunet.judging import hd95, organ_dice, organ_hd95, predict
from harness_papers.transunet.network import Block, Cascade, Naive, Transformer, build
from harness_papers.transunet.phantom import slices
from harness_papers.transunet.setting import CLASSES, ORGANS, PARTS, PLANS
from harness_papers.transunet.stem import StandardConv, Stem, Unit, filled
from harness_papers.transunet.training import dice_loss, loss

VARIANTS = (*PARTS, "unet")


@pytest.fixture(scope="module")
def lab():
    return bench("transunet")


@pytest.fixture(scope="module")
def drawn():
    return slices("small", "test", 80)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def published(variant: str, size: int = 224) -> nn.Module:
    with torch.device("meta"):
        return build(variant, "paper", size).eval()


def macs(module: nn.Module, *shape: int) -> int:
    x = torch.empty(shape, device="meta")
    with torch.no_grad():
        return count(lambda: module(x)).macs


# Sizes


def test_the_parts_have_the_released_parameters():
    network = published("transunet")
    assert parameters(network.stem) == 11_894_848
    assert parameters(network.stem) + parameters(network.transformer) == 97_888_576
    assert parameters(network.decoder.head) == 1_305
    assert parameters(network.decoder) == 7_387_200 + 1_305
    assert parameters(network) == 105_277_081
    assert parameters(published("transunet", 512)) == 105_277_081 + (1024 - 196) * 768


def test_building_with_fewer_skips_leaves_the_next_network_as_it_was():
    skips = {variant: parameters(published(variant).decoder) for variant in ("skip0", "skip1", "transunet")}
    assert skips["skip1"] - skips["skip0"] == 9 * 512 * 256
    assert skips["transunet"] - skips["skip1"] == 9 * (256 * 128 + 64 * 64)


def test_what_the_transformer_costs():
    extra = parameters(published("transunet")) - parameters(published("r50_unet"))
    blocks = 12 * (4 * (768**2 + 768) + 2 * 768 * 3072 + 3072 + 768 + 4 * 768)
    assert blocks + 2 * 768 + (1024 + 1) * 768 + 196 * 768 == 85_993_728
    assert extra == 85_993_728 - 9 * (1024 - 768) * 512


def test_attention_alone_grows_with_the_square_of_the_pixels():
    found = {}
    for size in (224, 512):
        N = (size // 16) ** 2
        whole = macs(published("transunet", size), 1, 1, size, size)
        transformer = macs(published("transunet", size).transformer, 1, 1024, size // 16, size // 16)
        assert transformer == N * 1024 * 768 + 12 * (N * 12 * 768**2 + 2 * N**2 * 768)
        found[size] = whole
    assert found[512] / found[224] == pytest.approx(5.76, abs=0.005)
    products = 12 * 2 * 768 * (1024**2 - (512 / 224) ** 2 * 196**2)
    pixels = (512 / 224) ** 2
    assert (found[512] - products) / found[224] == pytest.approx(pixels, rel=0.003)


def test_published_networks_run_without_memory():
    for variant in ("r50_vit", "vit_cup", "unet"):
        with torch.no_grad():
            assert published(variant)(torch.empty(1, 1, 224, 224, device="meta")).shape == (1, CLASSES, 224, 224)


# Stem


def test_pooling_loses_a_row_that_zeros_replace_in_the_skip_alone():
    stem = Stem(8, (1, 1, 1)).eval()
    seen = []
    for module in (stem.pool, *stem.stages):
        module.register_forward_hook(lambda _, inputs, out: seen.append((inputs[0].shape[-1], out.shape[-1])))
    x, skips = stem(torch.randn(1, 3, 224, 224))
    assert seen == [(112, 55), (55, 55), (55, 28), (28, 14)]
    assert x.shape == (1, 128, 14, 14)
    assert [tuple(skip.shape[1:]) for skip in skips] == [(64, 28, 28), (32, 56, 56), (8, 112, 112)]
    assert skips[1][..., -1, :].abs().max() == 0
    assert skips[1][..., :, -1].abs().max() == 0
    assert skips[1][..., -2, :-1].abs().max() > 0


def test_zeros_are_added_below_and_on_the_right():
    x = torch.randn(1, 2, 3, 5)
    assert torch.equal(filled(x, 4, 6)[..., :3, :5], x)
    assert torch.count_nonzero(filled(x, 4, 6)) == x.numel()
    assert torch.equal(filled(x, 3, 5), x)


def test_a_filter_may_be_scaled_and_shifted():
    conv = StandardConv(4, 6, 3, padding=1, bias=False)
    nn.init.normal_(conv.weight)
    x = torch.randn(2, 4, 7, 7)
    before = conv(x)
    with torch.no_grad():
        conv.weight.mul_(torch.rand(6, 1, 1, 1) * 5 + 1).add_(torch.randn(6, 1, 1, 1))
    assert (conv(x) - before).abs().max() < 1e-4 * before.abs().max()
    assert (F.conv2d(x, conv.weight, padding=1) - before).abs().max() > 1


def test_a_unit_adds_its_shortcut_before_the_last_relu():
    unit = Unit(16, 4, 1, 2)
    nn.init.zeros_(unit.body[-1].weight)
    x = torch.randn(1, 16, 5, 5)
    assert torch.equal(unit(x), F.relu(x))
    changed = Unit(8, 4, 2, 2)
    assert changed.shortcut[1].num_groups == 16  # one group a channel
    assert changed(torch.randn(1, 8, 6, 6)).shape == (1, 16, 3, 3)


def test_the_published_stem_has_32_groups_everywhere_but_in_shortcuts():
    with torch.device("meta"):
        stem = Stem(64, (3, 4, 9))
    groups = {name: m.num_groups for name, m in stem.named_modules() if isinstance(m, nn.GroupNorm)}
    assert {g for name, g in groups.items() if "shortcut" not in name} == {32}
    assert [g for name, g in groups.items() if "shortcut" in name] == [256, 512, 1024]


# Transformer


def transformer(grid: int = 3) -> Transformer:
    return Transformer(16, 1, grid, PLANS["smoke"]).eval()


def test_without_positions_a_permutation_of_tokens_permutes_what_comes_out():
    T = transformer().double()
    z, order = torch.randn(2, 9, 32, dtype=torch.float64), torch.randperm(9)
    assert torch.allclose(T.encode(z[:, order]), T.encode(z)[:, order], atol=1e-12)
    x = torch.randn(1, 16, 3, 3, dtype=torch.float64)
    assert torch.count_nonzero(T.positions) == 0
    assert torch.allclose(T(x.flip(2)), T(x).flip(2), atol=1e-12)
    nn.init.normal_(T.positions)
    assert not torch.allclose(T(x.flip(2)), T(x).flip(2), atol=1e-3)


def test_every_token_sees_every_other():
    T = transformer().double()
    x = torch.randn(1, 16, 3, 3, dtype=torch.float64, requires_grad=True)
    T(x)[0, 5, 0, 0].backward()
    assert (x.grad.abs().amax(1) > 0).all()


def test_attention_is_a_softmax_of_scaled_products():
    block = Block(8, 2, 16)
    z = torch.randn(1, 5, 8)
    q, k, v = block.qkv(z).chunk(3, -1)
    heads = []
    for h in (slice(0, 4), slice(4, 8)):
        P = (q[..., h] @ k[..., h].transpose(1, 2) / 2).softmax(-1)  # sqrt(4) = 2
        heads.append(P @ v[..., h])
    assert torch.allclose(block.attend(z), block.out(torch.cat(heads, -1)), atol=1e-6)


def test_positions_are_interpolated_for_other_numbers_of_tokens():
    T = transformer()
    nn.init.normal_(T.positions)
    assert T.positions_at(3, 3) is T.positions
    finer = T.positions_at(5, 5).view(5, 5, 32)
    learned = T.positions.view(3, 3, 32)
    assert torch.allclose(finer[::2, ::2], learned, atol=1e-6)
    assert torch.allclose(finer[0, 1], (learned[0, 0] + learned[0, 1]) / 2, atol=1e-6)


# Decoders and whole networks


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(48, 48), (32, 64)])
def test_every_pixel_has_a_score_for_every_class(lab, variant, shape):
    assert lab.model(variant)(torch.rand(2, 1, *shape)).shape == (2, CLASSES, *shape)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_channel_is_read_as_three_equal_ones(lab, variant):
    model, x = lab.model(variant), torch.rand(1, 1, 48, 48)
    assert torch.allclose(model(x), model(x.repeat(1, 3, 1, 1)), atol=1e-6)


@pytest.mark.parametrize(("variant", "seen"), [("transunet", 3), ("skip1", 1), ("skip0", 0)])
def test_the_coarsest_skips_are_seen_first(lab, variant, seen):
    model = lab.model(variant)
    f, skips = model.stem(torch.rand(1, 3, 48, 48))
    scores = model.decoder(torch.rand(1, 32, 3, 3), [skip.detach().requires_grad_() for skip in skips])
    assert scores.shape == (1, CLASSES, 48, 48)
    given = [skip.detach().clone().requires_grad_() for skip in skips]
    model.decoder(torch.rand(1, 32, 3, 3), given).sum().backward()
    assert [skip.grad is not None for skip in given] == [i < seen for i in range(3)]
    assert f.shape == (1, 128, 3, 3)


def test_without_skips_none_need_be_given():
    decoder = Cascade(8, (8, 8, 4, 4, 4), []).eval()
    x = torch.randn(1, 8, 2, 3)
    assert torch.equal(decoder(x, []), decoder(x, [torch.randn(1, 64, 4, 6)]))
    assert decoder(x, []).shape == (1, CLASSES, 32, 48)


def test_the_naive_decoder_only_enlarges():
    decoder = Naive(8)
    x = torch.randn(1, 8, 3, 3)
    scores, out = decoder.head(x), decoder(x, [])
    assert torch.allclose(out[..., [0, 0, -1, -1], [0, -1, 0, -1]], scores[..., [0, 0, -1, -1], [0, -1, 0, -1]], atol=1e-6)
    assert out.max() <= scores.max() + 1e-6
    assert torch.allclose(decoder(x[..., :1, :1].expand(-1, -1, 3, 3), []), scores[..., :1, :1].expand(-1, -1, 48, 48), atol=1e-6)


def test_variants_have_the_parts_they_are_named_for(lab):
    def kinds(variant: str) -> tuple[bool, bool, type]:
        model = lab.model(variant)
        return model.stem is not None, model.transformer is not None, type(model.decoder)

    assert kinds("transunet") == kinds("skip0") == kinds("skip1") == (True, True, Cascade)
    assert kinds("r50_unet") == (True, False, Cascade)
    assert kinds("r50_vit") == (True, True, Naive)
    assert kinds("vit_cup") == (False, True, Cascade)


def test_a_plain_u_net_hands_every_level_across(lab):
    model, shapes = lab.model("unet"), []
    for level in model.joined:
        level.register_forward_hook(lambda _, inputs, out: shapes.append((inputs[0].shape[1], *out.shape[1:])))
    model(torch.rand(1, 1, 48, 48))
    assert shapes == [(32, 16, 6, 6), (32, 16, 12, 12), (16, 8, 24, 24), (8, 4, 48, 48)]


# Loss and qualities


def test_the_loss_of_a_perfect_answer_is_nothing():
    labels = torch.randint(0, CLASSES, (2, 12, 12))
    perfect = F.one_hot(labels, CLASSES).movedim(-1, 1).float()
    assert float(dice_loss(perfect, labels)) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(perfect.roll(1, 1), labels)) == pytest.approx(1, abs=1e-3)
    assert float(loss(50 * perfect, labels)) == pytest.approx(0, abs=1e-5)


def test_the_dice_loss_has_squares_below_the_line():
    labels = torch.zeros(1, 2, 2, dtype=torch.int64)
    p = torch.full((1, CLASSES, 2, 2), 0.0)
    p[:, 0], p[:, 1] = 0.5, 0.5
    right = 1 - 2 * 0.5 * 4 / (4 * 0.25 + 4)
    wrong, absent = 1 - 1e-5 / (1 + 1e-5), 0.0
    assert float(dice_loss(p, labels)) == pytest.approx((right + wrong + 7 * absent) / 9, abs=1e-5)


def test_dice_of_organs():
    labels = torch.zeros(2, 8, 8, dtype=torch.int64)
    found = torch.zeros_like(labels)
    labels[0, :2] = 3  # 16 pixels, in the first slice alone
    found[0, 1:3] = 3
    for k in (1, 2, 4, 5, 6, 7, 8):
        labels[:, 7, k - 1] = found[:, 7, k - 1] = k
    found[1, 4] = 3  # where there is none
    dice = organ_dice(found, labels)
    assert dice[2] == pytest.approx(50)
    assert dice[[0, 1, 3, 4, 5, 6, 7]].tolist() == [100] * 7
    assert organ_hd95(found, labels)[0] == 0
    assert organ_hd95(found, labels)[2] == 1  # one row too far at either side


def test_distances_of_outlines():
    square = np.zeros((20, 20), dtype=bool)
    square[5:12, 5:12] = True
    assert hd95(square, square) == 0
    assert hd95(np.roll(square, 3, 1), square) == 3
    assert hd95(np.zeros_like(square), square) == pytest.approx(math.hypot(20, 20))
    point, other = np.zeros((2, 20, 20), dtype=bool)
    point[4, 4] = other[7, 8] = True
    assert hd95(point, other) == pytest.approx(5)
    filled_in, ring = square.copy(), square.copy()
    ring[7:10, 7:10] = False
    assert hd95(filled_in, ring) == 1  # from the edge of the hole to what is left around it, an outline of the ring alone


def test_qualities_of_an_answer_that_is_right(lab):
    class Oracle(nn.Module):
        def __init__(self, labels):
            super().__init__()
            self.scores, self.at = F.one_hot(labels, CLASSES).movedim(-1, 1), 0

        def forward(self, x):
            self.at += len(x)
            return self.scores[self.at - len(x) : self.at]

    found = lab.metric("transunet", Oracle(lab.data("test").targets))
    assert {name: quality.value for name, quality in found.items()} == pytest.approx(
        {"dice": 100, "hd95": 0, "dice_small": 100, "small_lag": 0, "dice_kidneys": 100}
    )
    assert set(found) == set(lab.card.qualities)


# Phantom


def middle(labels: torch.Tensor, organ: str) -> torch.Tensor:
    """Return the mean column of an organ in each slice: (N,)."""
    mask = (labels == ORGANS.index(organ) + 1).double()
    return (mask.sum(1) * torch.arange(labels.shape[-1])).sum(1) / mask.sum((1, 2))


def test_slices_have_all_organs_and_the_two_smallest_are_those_that_are_judged_apart(drawn):
    _, labels = drawn
    areas = {name: (labels == k).flatten(1).sum(1).double() for k, name in enumerate(ORGANS, 1)}
    assert all((area > 0).all() for area in areas.values())
    assert set(sorted(areas, key=lambda name: float(areas[name].mean()))[:2]) == {"gallbladder", "pancreas"}
    assert labels.max() == 8


def test_the_liver_tells_the_right_kidney_from_the_left(drawn):
    _, labels = drawn
    left, right, liver, spleen = (middle(labels, name) for name in ("left kidney", "right kidney", "liver", "spleen"))
    assert ((right < left) == (liver < spleen)).all()
    mirrored = (right > left).double().mean()
    assert 0.3 < mirrored < 0.7  # so that the side of the slice does not


def test_kidneys_are_equally_bright(drawn):
    images, labels = drawn

    def brightness(organ: str) -> torch.Tensor:
        masks = labels == ORGANS.index(organ) + 1
        return torch.stack([x[mask].mean() for x, mask in zip(images[:, 0], masks, strict=True)])

    left, right, liver = (brightness(organ) for organ in ("left kidney", "right kidney", "liver"))
    assert (left - right).mean().abs() < 0.02
    assert (left - right).std() < (left - liver).std()


def test_brightness_does_not_tell_organs_apart(drawn):
    images, labels = drawn
    brightness = [images[:, 0][labels == ORGANS.index(name) + 1] for name in ("liver", "spleen")]
    for threshold in torch.linspace(0.3, 0.9, 25):
        shares = [(values > threshold).double().mean() for values in brightness]
        assert abs(shares[0] - shares[1]) < 0.5


def test_slices_are_the_same_for_every_seed_and_splits_differ(lab):
    train, test = lab.data("train"), lab.data("test")
    assert train.inputs[0].shape == (16, 1, 48, 48)
    assert test.targets.shape == (8, 48, 48)
    assert torch.equal(replace(lab, seed=7).data("train").inputs[0], train.inputs[0])
    assert not torch.equal(train.inputs[0][:8], test.inputs[0])


# Hooks


def test_a_fit_is_deterministic_in_its_seed():
    fitted, again, other = (bench("transunet", seed=seed).fit("transunet", Budget(steps=1)) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(fitted.state_dict().values(), again.state_dict().values(), strict=True))
    assert not torch.equal(fitted.decoder.head.weight, other.decoder.head.weight)


@pytest.mark.parametrize("variant", ["transunet", "vit_cup"])
def test_training_lowers_the_loss(lab, variant):
    model, data = lab.model(variant).train(), lab.data("train")
    x, y = data.inputs[0][:4], data.targets[:4]
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    errors = []
    for _ in range(8):
        optimizer.zero_grad()
        error = loss(model(x), y)
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.8 * errors[0]


def test_artifacts_show_what_is_found(lab):
    model = lab.model("transunet")
    shown = lab.artifacts("transunet", model)
    assert list(shown) == ["slices", "organs", "mistakes"]
    assert shown["slices"].pixels.shape == (2 * 3 * 48, 2 * 4 * 48, 3)
    values = shown["mistakes"].spec["data"]["values"]
    assert len(values) == 81
    assert sum(v["share"] for v in values if v["is"] == "liver") == pytest.approx(1, abs=1e-3)
    found = predict(model, lab.data("test").inputs[0])
    liver = lab.data("test").targets == 5
    share = float((found[liver] == 6).double().mean())
    assert next(v["share"] for v in values if (v["is"], v["taken for"]) == ("liver", "pancreas")) == pytest.approx(share, abs=1e-4)


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_skips_are_what_small_organs_need():
    lab = bench("transunet", "small")
    found = {variant: lab.metric(variant) for variant in ("transunet", "skip0")}
    assert found["transunet"]["dice"].value > 75
    assert found["transunet"]["dice_small"].value >= found["skip0"]["dice_small"].value + 3
