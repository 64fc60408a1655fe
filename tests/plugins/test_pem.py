"""PEM: what holds of prototypes and of the pixel decoder exactly, the printed sizes, and what small networks learn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.pem import training
from harness_papers.pem.attention import MaskedCrossAttention, MultiHeadAttention, PrototypeCrossAttention, outside, split_heads
from harness_papers.pem.judging import SURE, class_iou, compare, panoptic, quality_of
from harness_papers.pem.pixel_decoders import DeformableAttention, DeformableBlock, DeformableConv, SelfModulation, cell_centres
from harness_papers.pem.positions import sine_positions
from harness_papers.pem.scenes import MOST_THINGS, SEGMENTS, STUFF, scenes
from harness_papers.pem.segmenter import Segmenter, merge
from harness_papers.pem.setting import PUBLISHED, SMALL

VARIANTS = ("pem", "mask2former", "softmax_ca")
N, C, H, W, HEADS = 6, 16, 4, 8, 4


@pytest.fixture(scope="module")
def lab():
    return bench("pem")


@pytest.fixture
def attention():
    torch.manual_seed(0)
    return make_alive(PrototypeCrossAttention(C, HEADS))


@pytest.fixture
def call():
    """Queries, a map, mask logits of which each query has some inside, and positions."""
    torch.manual_seed(1)
    queries, memory = torch.randn(2, N, C, dtype=torch.double), torch.randn(2, C, H, W, dtype=torch.double)
    return queries, memory, torch.randn(2, N, H, W, dtype=torch.double), torch.randn(N, C, dtype=torch.double), sine_positions(memory)


def make_alive(module: nn.Module) -> nn.Module:
    """Give every parameter a random value of ordinary size in double precision, so that no path is hidden by a zero."""
    for parameter in module.double().parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# Prototypes


def test_a_query_with_one_position_inside_its_mask_gets_that_position(attention, call):
    Q, memory, _, Q_pos, memory_pos = call
    inside = torch.randint(H * W, (2, N))
    M = torch.full((2, N, H * W), -1.0).scatter(2, inside[..., None], 1.0).view(2, N, H, W)
    K, q = attention.keys(memory, memory_pos), attention.queries(Q, Q_pos)
    P = attention.prototypes(K, q, outside(M))
    assert torch.equal(P, K.gather(1, inside[..., None].expand(-1, -1, C)))


def test_prototypes_are_the_limit_of_a_sharp_softmax(attention, call):
    Q, memory, M, Q_pos, memory_pos = call
    K, q, blocked = attention.keys(memory, memory_pos), attention.queries(Q, Q_pos), outside(M)
    P = split_heads(attention.prototypes(K, q, blocked), HEADS)
    keys = split_heads(K, HEADS)
    S = (split_heads(q, HEADS) @ keys.mT).masked_fill(blocked[:, None], -torch.inf)
    away = [float(((S / temperature).softmax(-1) @ keys - P).detach().abs().max()) for temperature in (1, 1e-2, 1e-4, 1e-6)]
    assert away[0] > 0.1
    assert away == sorted(away, reverse=True)
    assert away[-1] < 1e-6


def test_heads_choose_for_themselves(attention, call):
    Q, memory, M, Q_pos, memory_pos = call
    K, q = attention.keys(memory, memory_pos), attention.queries(Q, Q_pos)
    P = split_heads(attention.prototypes(K, q, outside(M)), HEADS)  # (B, h, N, d)
    picked = (P[:, :, :, None] == split_heads(K, HEADS)[:, :, None]).all(-1).double().argmax(-1)  # (B, h, N)
    assert (picked != picked[:, :1]).any()
    inside = ~outside(M)
    assert inside.gather(2, picked.transpose(1, 2)).all()


def test_keys_and_queries_have_length_one(attention, call):
    Q, memory, _, Q_pos, memory_pos = call
    for vectors in (attention.keys(memory, memory_pos), attention.queries(Q, Q_pos)):
        assert torch.allclose(vectors.norm(dim=-1), torch.ones(vectors.shape[:2], dtype=torch.double))


def test_the_order_of_queries_does_not_matter(attention, call):
    Q, memory, M, Q_pos, memory_pos = call
    order = torch.randperm(N)
    moved = attention(Q[:, order], memory, M[:, order], Q_pos[order], memory_pos)
    assert torch.allclose(moved, attention(Q, memory, M, Q_pos, memory_pos)[:, order], atol=1e-12)


def test_queries_meet_in_the_norm_and_nowhere_else(attention, call):
    Q, memory, M, Q_pos, memory_pos = call
    changed = Q.clone()
    changed[:, 0] *= -2
    rest = attention(changed, memory, M, Q_pos, memory_pos)[:, 1:] - attention(Q, memory, M, Q_pos, memory_pos)[:, 1:]
    assert rest.abs().max() > 1e-6
    with torch.no_grad():
        attention.alpha.zero_()
    rest = attention(changed, memory, M, Q_pos, memory_pos)[:, 1:] - attention(Q, memory, M, Q_pos, memory_pos)[:, 1:]
    assert rest.abs().max() < 1e-12


@pytest.mark.parametrize("kind", ["prototype", "softmax"])
def test_a_query_with_an_empty_mask_sees_everything(call, kind):
    torch.manual_seed(0)
    attend = make_alive(PrototypeCrossAttention(C, HEADS) if kind == "prototype" else MaskedCrossAttention(C, HEADS, pre_norm=True))
    Q, memory, M, Q_pos, memory_pos = call
    empty, full = M.clone(), M.clone()
    empty[:, 2], full[:, 2] = -1.0, 1.0
    assert attend(Q, memory, empty, Q_pos, memory_pos).isfinite().all()
    assert torch.equal(attend(Q, memory, empty, Q_pos, memory_pos), attend(Q, memory, full, Q_pos, memory_pos))
    assert not torch.allclose(attend(Q, memory, M, Q_pos, memory_pos), attend(Q, memory, full, Q_pos, memory_pos))


@pytest.mark.parametrize("kind", ["prototype", "softmax"])
def test_what_is_outside_a_mask_is_not_seen(call, kind):
    torch.manual_seed(0)
    attend = make_alive(PrototypeCrossAttention(C, HEADS) if kind == "prototype" else MaskedCrossAttention(C, HEADS, pre_norm=False))
    Q, memory, M, Q_pos, memory_pos = call
    M = torch.ones_like(M)
    M[..., W // 2 :] = -1
    changed = memory.clone()
    changed[..., W // 2 + 1 :] += 1  # one column further on, for the keys are made of 3x3 positions
    assert torch.equal(attend(Q, changed, M, Q_pos, memory_pos), attend(Q, memory, M, Q_pos, memory_pos))


def test_gradients_reach_the_map_through_the_positions_picked(attention, call):
    Q, memory, M, Q_pos, memory_pos = call
    memory.requires_grad_()
    M = torch.full_like(M, -1.0)
    M[:, :, 0, 0] = 1.0
    attention(Q, memory, M, Q_pos, memory_pos).sum().backward()
    touched = memory.grad.abs().sum((0, 1)) > 0
    near = torch.zeros(H, W, dtype=torch.bool)
    near[:2, :2] = True  # what the 3x3 convolution of the keys reads at the corner
    assert torch.equal(touched, near)


def test_softmax_attention_is_torchs_own(call):
    torch.manual_seed(0)
    ours, theirs = MultiHeadAttention(C, HEADS).double(), nn.MultiheadAttention(C, HEADS, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
    theirs.out_proj = ours.out
    Q, memory, M, *_ = call
    tokens, blocked = memory.flatten(2).mT, outside(M)
    expected, _ = theirs(Q, tokens, tokens, attn_mask=blocked.repeat_interleave(HEADS, 0))
    assert torch.allclose(ours(Q, tokens, tokens, blocked), expected, atol=1e-12)


# The pixel decoders


def test_a_fresh_deformable_convolution_is_half_an_ordinary_one():
    torch.manual_seed(0)
    conv, x = DeformableConv(8), torch.randn(2, 8, 5, 7)
    assert torch.allclose(conv(x), 0.5 * F.conv2d(x, conv.weight, padding=1), atol=1e-5)


def test_taps_can_be_moved_by_whole_pixels():
    torch.manual_seed(0)
    conv, x = DeformableConv(8), torch.randn(2, 8, 6, 7)
    with torch.no_grad():
        conv.offset.bias[0:18:2] = 1.0  # every tap one row down
        conv.offset.bias[18:] = 20.0  # weights of nearly 1
    expected = F.conv2d(x, conv.weight, padding=1)
    assert torch.allclose(conv(x)[:, :, :-1], expected[:, :, 1:], atol=1e-4)


def test_upsampling_starts_bilinear_in_its_first_channel_alone():
    torch.manual_seed(0)
    block = DeformableBlock(4)
    up = block.up[0].weight  # (in, out, 4, 4)
    ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
    assert torch.equal(up[:, 0], torch.outer(ramp, ramp).expand(4, -1, -1))
    assert up[:, 1:].std() > 0.01
    x, doubled = block(torch.randn(2, 4, 3, 5))
    assert (x.shape, doubled.shape) == ((2, 4, 3, 5), (2, 4, 6, 10))


def test_self_modulation_weighs_channels_between_a_half_and_0_731():
    torch.manual_seed(0)
    csm, x = make_alive(SelfModulation(8)), 20 * torch.randn(4, 8, 3, 3, dtype=torch.double)
    w = csm.weights(x)
    assert w.shape == (4, 8, 1, 1)
    assert 0.5 <= w.min() < w.max() <= torch.sigmoid(torch.ones(())) + 1e-12
    assert torch.allclose(csm(x) / x, (1 + w).expand_as(x))


def test_deformable_attention_reads_where_its_offsets_point():
    torch.manual_seed(0)
    sizes = [(2, 3), (4, 6), (8, 12)]
    attend = DeformableAttention(8, 2)
    maps = [torch.randn(1, 8, *size) for size in sizes]
    x = torch.cat([m.flatten(2) for m in maps], 2).mT
    centres = torch.cat([cell_centres(m) for m in maps])
    with torch.no_grad():
        attend.offset.bias.zero_()
        attend.value.weight.copy_(torch.eye(8))
        attend.out.weight.copy_(torch.eye(8))
    found = attend(x, torch.zeros(x.shape[1:]), centres, sizes)
    at = 2 * centres[None, :, None] - 1
    expected = torch.stack([F.grid_sample(m, at, align_corners=False)[..., 0] for m in maps]).mean(0).mT  # the mean of three maps, in place
    assert torch.allclose(found, expected, atol=1e-5)
    finest = slice(6 + 24, None)
    assert torch.allclose(F.grid_sample(maps[2], at[:, finest], align_corners=False)[..., 0], maps[2].flatten(2), atol=1e-5)


# First weights: what the authors draw, and what they leave to PyTorch


def fills(weight: torch.Tensor, bound: float) -> bool:
    """Whether weights are spread evenly between -bound and bound."""
    return float(weight.abs().max()) <= bound * (1 + 1e-6) and float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.06)


def xavier_bound(weight: torch.Tensor) -> float:
    after, before = weight.shape[:2]
    return (6 / (before + after)) ** 0.5


def is_zero(*tensors: torch.Tensor) -> bool:
    return not any(t.any() for t in tensors)


@pytest.fixture
def fresh():
    def make(variant):
        torch.manual_seed(0)
        return Segmenter(variant, SMALL).requires_grad_(False)

    return make


def test_mask2formers_pixel_decoder_starts_as_its_authors_do(fresh):
    decoder = fresh("mask2former").pixel_decoder
    for conv, _ in decoder.project:
        assert fills(conv.weight, xavier_bound(conv.weight))
        assert is_zero(conv.bias)
    for layer in decoder.layers:
        enter, _, leave = layer.ffn
        for linear in (enter, leave, layer.attend.value, layer.attend.out):
            assert fills(linear.weight, xavier_bound(linear.weight))
        assert not is_zero(enter.bias)
        assert is_zero(layer.attend.value.bias, layer.attend.out.bias, layer.attend.offset.weight, *layer.attend.score.parameters())
        offsets = layer.attend.offset.bias.view(SMALL.h, 3, 4, 2)
        assert torch.allclose(offsets.abs().amax(-1), torch.arange(1.0, 5).expand(SMALL.h, 3, 4))  # points 1 to 4 cells away
        assert torch.allclose(offsets[:, 0, 0], torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]]), atol=1e-6)  # one way for each head
    for conv in (decoder.lateral[0], decoder.smooth[0], decoder.masks):
        assert fills(conv.weight, (3 / conv.weight[0].numel()) ** 0.5)
    assert is_zero(decoder.masks.bias)
    assert decoder.level.std() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("variant", VARIANTS)
def test_decoders_start_as_their_authors_do(fresh, variant):
    decoder, d = fresh(variant).decoder, SMALL.d
    softmax = [layer.among.attend for layer in decoder.layers]
    softmax += [layer.cross.attend for layer in decoder.layers if variant != "pem"]
    theirs = nn.MultiheadAttention(d, SMALL.h).in_proj_weight  # Xavier's, drawn as one matrix
    for attend in softmax:
        for linear in (attend.q, attend.k, attend.v):
            assert fills(linear.weight, xavier_bound(theirs))
        assert fills(attend.out.weight, xavier_bound(attend.out.weight))
        assert is_zero(*(linear.bias for linear in (attend.q, attend.k, attend.v, attend.out)))
    for layer in decoder.layers:
        for linear in (layer.ffn.net[0], layer.ffn.net[2]):
            assert fills(linear.weight, xavier_bound(linear.weight))
            assert not is_zero(linear.bias)
    for conv in decoder.project:
        if variant == "mask2former":
            assert isinstance(conv, nn.Identity)
        else:
            assert fills(conv.weight, (3 / SMALL.conv) ** 0.5)
            assert is_zero(conv.bias)
    for linear in (decoder.to_class, decoder.to_mask[0]):
        assert fills(linear.weight, d**-0.5)  # PyTorch's own


def test_prototype_attention_and_pems_pixel_decoder_start_as_their_authors_do(fresh):
    model = fresh("pem")
    for layer in model.decoder.layers:
        for linear in (layer.cross.key, layer.cross.query[1], layer.cross.mix, layer.cross.out):
            assert fills(linear.weight, SMALL.d**-0.5)  # PyTorch's own
        assert torch.equal(layer.cross.alpha, torch.ones(SMALL.d))
    decoder = model.pixel_decoder
    for projection in (*decoder.project, decoder.context, decoder.masks):
        weight = projection[0].weight
        assert weight.std() == pytest.approx(weight.shape[1] ** -0.5, rel=0.06)
        assert weight.abs().max() > 3 * weight.std()  # normal
    for block in decoder.deform:
        assert is_zero(*block.deform[0].offset.parameters())
        assert block.deform[0].weight.std() == pytest.approx((2 / (9 * SMALL.conv)) ** 0.5, rel=0.06)


# The network


@pytest.mark.parametrize("variant", VARIANTS)
def test_published_decoders_answer_in_published_shapes(variant):
    with torch.device("meta"):
        model = Segmenter(variant, replace(PUBLISHED["cityscapes"], backbone="tiny")).eval()
        x = torch.empty(2, 3, 64, 128)
    said = model.said(x)
    assert len(said) == {"pem": 7, "softmax_ca": 7, "mask2former": 10}[variant]
    for classes, masks in said:
        assert classes.shape == (2, 100, 20)
        assert masks.shape == (2, 100, 16, 32)
    assert model(x).shape == (2, 19, 64, 128)


def test_what_is_said_does_not_depend_on_the_rest_of_the_batch(lab):
    images = lab.data("test").inputs[0][:3]
    for variant in VARIANTS:
        model = lab.model(variant)
        assert torch.allclose(model(images)[1:2], model(images[1:2]), atol=1e-4), variant


def test_merging_sums_masks_by_the_probability_of_their_class():
    classes, masks = torch.randn(1, 5, 4), torch.randn(1, 5, 2, 3)
    expected = sum(classes[0, i].softmax(0)[:3, None, None] * masks[0, i].sigmoid() for i in range(5))
    assert torch.allclose(merge(classes, masks)[0], expected, atol=1e-6)


def test_positions_are_unlike_one_another():
    positions = sine_positions(torch.empty(1, 16, 5, 7)).flatten(1).mT
    assert positions.shape == (35, 16)
    assert torch.pdist(positions).min() > 0.1
    assert torch.allclose(sine_positions(torch.empty(1, 16, 5, 7))[:8, :, 0], sine_positions(torch.empty(1, 16, 5, 7))[:8, :, 6])


# Sizes


def published(**params):
    return replace(bench("pem", "paper", **params), device="meta")


def test_parameters_part_by_part():
    model = published(config="cityscapes").model("pem")
    assert parameters(model.backbone) == 23_508_032
    assert parameters(model.pixel_decoder) == 2_178_001
    layer = model.decoder.layers[0]
    assert [parameters(part) for part in (layer.among, layer.cross, layer.ffn)] == [263_680, 267_008, 1_051_392]
    assert parameters(layer) == 1_582_080
    assert parameters(model.decoder) == 9_846_548
    assert parameters(model) == 35_532_581
    assert parameters(published(config="ade20k").model("pem")) == 35_532_581 + 131 * 257


def test_parameters_of_mask2former():
    model = published(config="cityscapes").model("mask2former")
    assert parameters(model.pixel_decoder) == 6_035_904
    assert parameters(model.pixel_decoder.layers) == 6 * 732_192
    assert parameters(model.decoder) == 14_463_764
    assert parameters(model) == 44_007_700


def test_the_two_cross_attentions_multiply_as_often_as_their_formulas_say():
    for config, tokens in (("attention_2048", 2048), ("attention_8192", 8192)):
        lab, d, queries = bench("pem", "small", config=config), 256, 100
        found = {}
        for variant in VARIANTS:
            subject = lab.subject("infer", variant)
            counted = count(subject.work.run, subject.model)
            assert not counted.uncounted
            found[variant] = counted.macs
        assert found["pem"] == tokens * (9 * d + d * d + queries * d) + 3 * queries * d * d
        assert found["softmax_ca"] == found["mask2former"] == tokens * (2 * d * d + 2 * queries * d) + 2 * queries * d * d
    assert (9 * d + d * d + queries * d) / (2 * d * d + 2 * queries * d) == pytest.approx(0.51, abs=0.005)


def test_what_a_published_network_multiplies():
    merged = 100 * 19 * 1024 * 2048
    found = {variant: macs(variant, config="cityscapes") for variant in ("pem", "mask2former")}
    assert found["pem"] == merged + sum(network_macs(m2f=False).values())
    assert found["mask2former"] == merged + sum(network_macs(m2f=True).values())
    assert found["pem"] / found["mask2former"] == pytest.approx(240 / 523, rel=0.01)


def macs(variant: str, **params) -> int:
    return count(published(**params).subject("infer", variant).work.run).macs


def test_two_readings_of_the_printed_cost_on_ade20k_fit_and_the_input_of_its_table_does_not():
    printed = 46.9e9
    assert macs("pem", config="ade20k") == 34_415_059_968
    assert macs("pem", config="ade20k", width=704) == pytest.approx(printed, abs=0.05e9)
    assert macs("pem", config="ade20k_panoptic") == pytest.approx(printed, abs=0.15e9)


def test_the_printed_costs_of_panoptic_ade20k_are_those_of_640_pixels_without_the_merge():
    for variant, printed in (("pem", 47e9), ("mask2former", 103e9)):
        assert macs(variant, config="ade20k_panoptic") == pytest.approx(printed, abs=0.5e9), variant


def network_macs(m2f: bool) -> dict[str, int]:
    """Work the multiply-accumulates out on paper, for 19 classes and an image of 1024x2048."""
    quarter, tokens, d, N_q, K = 256 * 512, 2048 + 8192 + 32768, 256, 100, 20
    layers = 9 if m2f else 6
    read = N_q * (3 * d * d + d * K) + N_q * d * quarter
    each = N_q * (4 * d * d + 2 * N_q * d + 2 * d * 2048)
    looked = 2 * d * d + 2 * N_q * d if m2f else 9 * d + d * d + N_q * d
    shared = {
        "backbone": resnet50_macs(1024 * 2048),
        "read": (layers + 1) * read,
        "queries": layers * (each + (2 if m2f else 3) * N_q * d * d),
        "look": layers // 3 * tokens * looked,
    }
    if m2f:
        projected = d * (32768 * 512 + 8192 * 1024 + 2048 * 2048)
        return shared | {"projected": projected, "encoder": 6 * 729_088 * tokens, "fpn": quarter * (2 + 9) * d * d}
    projected = 128 * (quarter * 256 + 32768 * 512 + 8192 * 1024 + 2048 * 2048) + 128 * 2048
    deform = tokens * (128 * 9 * 27 + 9 * 128 * 128 + 16 * 128 * 128)
    return shared | {
        "projected": projected,
        "csm": 4 * 2 * 128 * 64,
        "deform": deform,
        "masks": quarter * 128 * 256,
        "in": tokens * 128 * d,
    }


def resnet50_macs(pixels: int) -> int:
    total, at = 3 * 49 * 64 * pixels // 4, pixels // 16
    before = 64
    for i, depth in enumerate((3, 4, 6, 3)):
        width = 64 * 2**i
        for j in range(depth):
            came, at = at, at // 4 if i and not j else at
            total += before * width * came + (9 * width * width + 4 * width * width) * at
            if not j:
                total += before * 4 * width * at
            before = 4 * width
    return total


# Scenes and their judgement


def test_scenes_are_what_they_are_said_to_be():
    images, segments, labels = scenes("test", 12, 64, 128)
    assert images.shape == (12, 3, 64, 128)
    assert labels.shape == (12, SEGMENTS)
    for true, names in zip(segments, labels, strict=True):
        present = true.unique()
        assert torch.equal((names >= 0).nonzero()[:, 0], present)
        things = names[len(STUFF) :]
        assert (things >= 0).sum() <= MOST_THINGS
        assert ((things == -1) | (things >= len(STUFF))).all()
        assert torch.equal(names[: len(STUFF)][names[: len(STUFF)] >= 0], present[present < len(STUFF)])


def test_a_longer_split_begins_with_the_shorter_and_splits_differ():
    short, long, test = scenes("train", 3, 64, 128)[0], scenes("train", 5, 64, 128)[0], scenes("test", 3, 64, 128)[0]
    assert torch.equal(short, long[:3])
    assert not torch.equal(short, test)


def test_a_perfect_answer_is_judged_perfect():
    _, segments, labels = scenes("test", 4, 64, 128)
    tally = torch.zeros(4, 6, dtype=torch.double)
    for true, names in zip(segments, labels, strict=True):
        masks = torch.where(true == torch.arange(SEGMENTS)[:, None, None], 9.0, -9.0)
        classes = torch.full((SEGMENTS, 7), -9.0).scatter(1, torch.where(names >= 0, names, 6)[:, None], 9.0)
        tally += compare(*panoptic(classes, masks), true, names)
    assert tally[2:].sum() == 0
    assert torch.allclose(quality_of(tally), torch.ones(6, dtype=torch.double))
    whole = labels.gather(1, segments.flatten(1)).view_as(segments)
    assert torch.equal(class_iou(whole, whole), torch.ones(6, dtype=torch.double))


def test_panoptic_quality_counts_misses_and_inventions():
    true = torch.tensor([[0, 0, 3, 3], [0, 0, 3, 3]])
    labels = torch.tensor([0, -1, -1, 4])
    found = torch.tensor([[0, 0, 0, 1], [0, 0, 2, 2]])
    tally = compare(found, torch.tensor([0, 4, 4]), true, labels)
    assert tally[:, 0].tolist() == pytest.approx([4 / 5, 1, 0, 0])
    assert tally[:, 4].tolist() == [0, 0, 2, 1]  # neither half overlaps by more than a half
    assert quality_of(tally)[4] == 0


def test_unsure_and_overruled_queries_make_no_segment():
    classes = torch.full((3, 7), -9.0)
    classes[0, 3] = classes[1, 4] = 9.0
    classes[2, 5] = -9.0 + 2.0
    assert classes[2].softmax(0).max() < SURE
    masks = torch.full((3, 2, 4), -9.0)
    masks[0, :, :3], masks[1, :, 1:3], masks[2, :, 3:] = 9.0, 5.0, 9.0
    found, names = panoptic(classes, masks)
    assert names.tolist() == [3]
    assert found.tolist() == [[0, 0, 0, -1]] * 2


# Training


def test_matching_finds_the_cheapest_pairs():
    torch.manual_seed(0)
    _, segments, labels = scenes("train", 2, 64, 128)
    truth = (segments[:, None] == torch.arange(SEGMENTS)[:, None, None]).float()
    order = torch.stack([torch.randperm(16) for _ in range(2)])  # query order[s] says segment s
    classes, masks = torch.zeros(2, 1, 16, 7), torch.full((2, 1, 16, 16, 32), -9.0)
    for b in range(2):
        for s in (labels[b] >= 0).nonzero()[:, 0].tolist():
            classes[b, 0, order[b, s], labels[b, s]] = 9.0
            masks[b, 0, order[b, s]] = 18 * F.avg_pool2d(truth[b, s][None], 4)[0] - 9
    b, layer, query, segment = training.match(classes, masks, truth, labels, 256)
    assert len(b) == (labels >= 0).sum()
    assert (layer == 0).all()
    assert torch.equal(query, order[b, segment])


def test_a_right_answer_costs_less_than_a_wrong_one():
    torch.manual_seed(0)
    _, segments, labels = scenes("train", 1, 64, 128)
    truth = (segments[:, None] == torch.arange(SEGMENTS)[:, None, None]).float()
    classes = torch.zeros(1, 1, 16, 7).scatter(3, torch.full((1, 1, 16, 1), 6), 9.0)
    classes[0, 0, :SEGMENTS] = torch.zeros(SEGMENTS, 7).scatter(1, torch.where(labels[0] >= 0, labels[0], 6)[:, None], 9.0)
    masks = torch.full((1, 1, 16, 64, 128), -9.0)
    masks[0, 0, :SEGMENTS] = 18 * truth[0] - 9
    right = training.loss((classes, masks), (segments, labels), 256)
    blurred = training.loss((classes, masks * 0.05), (segments, labels), 256)
    confused = training.loss((classes.flip(3), masks), (segments, labels), 256)
    assert blurred > right + 0.5
    assert confused > right + 0.5


def test_most_points_lie_where_a_mask_is_least_certain():
    torch.manual_seed(0)
    masks = torch.linspace(-8, 8, 32).expand(3, 16, 32)  # undecided along the middle column
    at = training.uncertain_points(masks, 400)
    assert at.shape == (3, 400, 2)
    away = (at[..., 0] - 0.5).abs()
    near = away[:, :300] < 0.17  # the nearest quarter of three times as many points, and a few in corners, where masks fade out
    assert near.double().mean() > 0.97
    assert (away[:, 300:] > 0.3).any()


def test_smoke_training_is_deterministic():
    first, again = (bench("pem").fit("pem") for _ in range(2))
    other = bench("pem", seed=1).fit("pem")
    images = bench("pem").data("test").inputs[0][:2]
    assert torch.equal(first(images), again(images))
    assert not torch.equal(first(images), other(images))


@pytest.mark.slow
def test_prototypes_segment_scenes_about_as_well_as_mask2former():
    lab = bench("pem", "small")
    miou = {variant: lab.metric(variant)["miou"].value for variant in ("pem", "mask2former")}
    assert min(miou.values()) > 75
    assert miou["pem"] > miou["mask2former"] - 2
