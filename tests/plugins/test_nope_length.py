"""NoPE: what a decoder without positions can and cannot see, the schemes it is held against, the tasks, and what it gains on longer inputs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.nope_length import tasks
from harness_papers.nope_length.decoder import Attention, Block, Decoder, Stack, build, scheme_of
from harness_papers.nope_length.judging import greedy, right
from harness_papers.nope_length.positions import ALiBi, NoPE, Rotary, Sinusoid, T5Bias, buckets, rotate, slopes
from harness_papers.nope_length.setting import LETTERS, STUDIES, TASKS, VOCABULARY, Shape

SLUG = "nope_length"
SHAPE = Shape(D=32, h=4, d=16, F=64, L=3, V=20)
VARIANTS = ("nope", "ape", "t5", "alibi", "rotary")


def decoder(variant: str = "nope", shape: Shape = SHAPE) -> Decoder:
    """A decoder in double precision with weights that make attention uneven."""
    torch.manual_seed(0)
    model = build(variant, shape, "").double()
    with torch.no_grad():
        for block in model.stack.blocks:
            block.attention.q.weight.mul_(4)
        if variant == "t5":
            model.stack.scheme.table.normal_()
    return model.eval()


def tokens(B: int = 2, T: int = 14, V: int = 20) -> torch.Tensor:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))


def scores(model: Decoder, x: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Logits of attention in the first layer, the future left out."""
    stack = model.stack
    x, mask, rotation = stack._prepared(F.embedding(x, model.words), places)
    return stack.blocks[0].attention.weights(stack.blocks[0].norm1(x), mask, rotation).log().nan_to_num(neginf=0)


# What is seen


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_token_is_seen_before_its_turn(variant: str):
    model, x = decoder(variant), tokens()
    later = x.clone()
    later[:, 9] = (x[:, 9] + 1) % 20
    moved = (model(later) != model(x)).any(-1)
    assert not moved[:, :9].any() and moved[:, 9:].all()


def test_a_layer_without_positions_sees_a_set_of_earlier_tokens():
    """The first layer's output does not change with the order of what came before it, that of the second does."""
    order = torch.cat([torch.randperm(10, generator=torch.Generator().manual_seed(2)), torch.arange(10, 14)])
    x, one, two = tokens(), decoder(shape=replace(SHAPE, L=1)), decoder(shape=replace(SHAPE, L=2))
    assert torch.allclose(one(x)[:, 10:], one(x[:, order])[:, 10:], atol=1e-12)
    assert not torch.allclose(one(x)[:, :10], one(x[:, order])[:, :10], atol=1e-3)
    assert not torch.allclose(two(x)[:, 10:], two(x[:, order])[:, 10:], atol=1e-6)
    for variant in ("ape", "t5", "alibi", "rotary"):
        aware = decoder(variant, replace(SHAPE, L=1))
        assert not torch.allclose(aware(x)[:, 10:], aware(x[:, order])[:, 10:], atol=1e-6)


def test_without_the_mask_layers_are_equivariant():
    torch.manual_seed(0)
    layers = [Block(SHAPE).double() for _ in range(3)]
    x, order = torch.randn(2, 12, 32).double(), torch.randperm(12)

    def through(y):
        for layer in layers:
            y = layer(y)
        return y

    assert torch.allclose(through(x)[:, order], through(x[:, order]), atol=1e-12)
    mask = torch.full((12, 12), -torch.inf).triu(1).double()
    assert not torch.allclose(layers[0](x, mask)[:, order], layers[0](x[:, order], mask), atol=1e-3)


def test_one_layer_without_positions_can_tell_the_place():
    """Uniform attention to a first token that alone has a one gives 1/(t + 1); the feed-forward network inverts it.

    A large constant in all tokens makes norms known, and stands in for biases.
    """
    furthest, c = 100, 1e4
    shape = Shape(D=8, h=1, d=4, F=furthest + 2, L=1, V=1)
    block = Block(shape).double()
    constant, first, mean, place = range(4)
    unit = 8**0.5 / c  # what a norm makes of 1
    u = 1 / torch.arange(furthest + 1, 0, -1).double()  # rising: the values of 1/(t + 1)
    t = 1 / u - 1
    slope = torch.cat([torch.zeros(1).double(), (t[1:] - t[:-1]) / (u[1:] - u[:-1])])
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_() if parameter.ndim > 1 else parameter.fill_(1)
        block.attention.v.weight[0, first] = 1 / unit
        block.attention.o.weight[mean, 0] = 1
        block.up.weight[: furthest + 1, mean] = 1 / unit
        block.up.weight[: furthest + 1, constant] = -u / (unit * c)
        block.up.weight[furthest + 1, constant] = 1 / (unit * c)
        block.down.weight[place, : furthest + 1] = torch.cat([slope[1:], slope[:1]]) - slope
        block.down.weight[place, furthest + 1] = t[0]
    x = torch.zeros(1, furthest + 1, 8).double()
    x[..., constant] = c
    x[0, 0, first] = 1
    found = block(x, torch.full((furthest + 1, furthest + 1), -torch.inf).triu(1).double())[0, :, place]
    assert torch.allclose(found, torch.arange(furthest + 1).double(), atol=1e-3)


# Schemes


@pytest.mark.parametrize(("variant", "shifts"), [("nope", True), ("t5", True), ("alibi", True), ("rotary", True), ("ape", False)])
def test_relative_schemes_do_not_change_when_all_places_shift(variant: str, shifts: bool):
    model, x, places = decoder(variant), tokens(), torch.arange(14)
    same = torch.allclose(scores(model, x, places), scores(model, x, places + 37), atol=1e-5)
    assert same == shifts
    assert torch.allclose(model(x, places), model(x, places + 37), atol=1e-5) == shifts


@pytest.mark.parametrize("variant", ["ape", "t5", "alibi", "rotary"])
def test_schemes_tell_apart_what_is_near_and_far(variant: str):
    model, x = decoder(variant), tokens()
    stretched = torch.arange(14) * 3
    assert not torch.allclose(model(x), model(x, stretched), atol=1e-4)
    assert torch.equal(decoder()(x), decoder()(x, stretched))


def test_schemes_with_nothing_to_say_are_no_positions():
    expected, x = decoder(), tokens()
    for scheme in (ALiBi(4), T5Bias(4, 32), Rotary(16, rotated=0)):
        model = decoder()
        model.stack.scheme = scheme
        for value in (*scheme.parameters(), *scheme.buffers()):
            value.data.zero_()
        if isinstance(scheme, Rotary):  # the parts put together again lie in memory otherwise, and products round otherwise
            assert torch.allclose(model(x), expected(x), atol=1e-12)
        else:
            assert torch.equal(model(x), expected(x))
    model = decoder()
    model.stack.scheme = Rotary(16)
    assert not torch.allclose(model(x), expected(x), atol=1e-4)


def test_rotation_leaves_lengths_and_turns_a_quarter():
    torch.manual_seed(0)
    x, scheme = torch.randn(2, 3, 20, 64), Rotary(64)
    turned = rotate(x, scheme.rotation(torch.arange(20)))
    assert scheme.rotated == 16 and torch.equal(turned[..., 16:], x[..., 16:])
    assert torch.allclose(turned[..., :16].unflatten(-1, (8, 2)).norm(dim=-1), x[..., :16].unflatten(-1, (8, 2)).norm(dim=-1), atol=1e-5)
    pair = torch.view_as_complex(x[..., :16].unflatten(-1, (8, 2)).contiguous())
    angle = torch.arange(20)[:, None] * 10_000 ** (-torch.arange(8) / 8)
    expected = torch.view_as_real(pair * torch.polar(torch.ones_like(angle), angle)).flatten(-2)
    assert torch.allclose(turned[..., :16], expected, atol=1e-4)


def test_buckets_are_exact_nearby_and_widen_to_128():
    found = buckets(torch.arange(-3, 400))
    assert (found[:3] == 0).all() and found[3:19].tolist() == list(range(16))
    assert found.diff().min() >= 0 and found.diff().max() <= 1
    assert int(found[3 + 127]) == 31 and int(found[3 + 113]) == 31 and int(found[3 + 112]) == 30 and int(found[-1]) == 31


def test_slopes_of_eight_and_twelve_heads():
    assert slopes(8) == [2**-i for i in range(1, 9)]
    assert slopes(12) == [2**-i for i in range(1, 9)] + [2 ** (-i / 2) for i in (1, 3, 5, 7)]
    bias = ALiBi(8).bias(torch.arange(5))
    assert bias.shape == (8, 5, 5) and float(bias[2, 4, 1]) == -3 / 8


def test_sinusoids_are_added_to_the_embeddings():
    x = torch.zeros(1, 6, 8)
    added = Sinusoid(8).embed(x, torch.arange(6))[0]
    assert torch.allclose(added[:, 0], torch.arange(6.0).sin()) and torch.allclose(added[:, 4], torch.arange(6.0).cos())
    assert torch.allclose(added[:, 3], (torch.arange(6) / 1000).sin(), atol=1e-6)


def test_attention_is_torchs_without_its_scale():
    torch.manual_seed(0)
    attention, x = Attention(SHAPE), torch.randn(2, 9, 32)
    mask = torch.full((9, 9), -torch.inf).triu(1)
    q, k, v = (layer(x).view(2, 9, 4, 16).transpose(1, 2) for layer in (attention.q, attention.k, attention.v))
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0).transpose(1, 2).flatten(2)
    assert torch.allclose(attention(x, mask, None), attention.o(expected), atol=1e-5)
    stack = Stack(SHAPE, NoPE())
    rows = stack.maps(x).sum(-1)
    assert rows.shape == (3, 2, 4, 9) and torch.allclose(rows, torch.ones_like(rows), atol=1e-5)


# Sizes


def test_published_sizes_are_those_of_the_layers():
    lab = bench(SLUG, "paper")
    for size in lab.card.sizes:
        model = replace(lab, params={**lab.params, **size.params}, device="meta").model(size.variant)
        counted = sum(p.numel() for p in model.parameters())
        assert (abs(counted - size.value) <= size.half_unit) == (not size.disputed), (size.printed, counted)
    layer = 4 * 768**2 + 2 * 768 * 3072 + 2 * 768
    assert {s.value for s in lab.card.sizes if s.half_unit == 0} == {
        layer,
        12 * layer + 768,
        12 * layer + 768 + 32 * 12,
        12 * layer + 768 + 32_100 * 768,
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_runs_at_published_dimensions_on_meta(variant: str):
    lab = replace(bench(SLUG, "paper"), device="meta")
    assert lab.model(variant)(*lab.data().inputs).shape == (1, 501, 32_100)


def test_multiplications_follow_the_formula_and_no_positions_have_the_fewest_operations():
    counted = {}
    for variant in VARIANTS:
        with torch.device("meta"):
            model, x = build(variant, SHAPE, ""), torch.zeros(2, 50, dtype=torch.long)
        counted[variant] = count(lambda model=model, x=x: model(x), model)
        inner = 4 * 16
        layer = 2 * 50 * (4 * 32 * inner + 2 * 32 * 64) + 2 * 2 * 50 * 50 * inner
        assert counted[variant].macs == 3 * layer + 2 * 50 * 32 * 20
    assert all(counted["nope"].flops < counted[other].flops for other in VARIANTS[1:])


def test_all_variants_start_alike():
    lab = bench(SLUG)
    built = {variant: lab.model(variant).state_dict() for variant in VARIANTS}
    for variant in ("ape", "rotary", "alibi"):
        assert all(torch.equal(built[variant][name], value) for name, value in built["nope"].items())
    assert sum(p.numel() for p in scheme_of("t5", SHAPE).parameters()) == 32 * 4


# Tasks


def test_examples_are_questions_with_their_answers():
    kinds, lengths = torch.tensor([0, 1, 2, 0]), torch.tensor([3, 4, 2, 1])
    x, y = tasks.examples(kinds, lengths, torch.Generator().manual_seed(0))
    assert x.shape == y.shape == (4, 11)
    for row, target, task, n in zip(x.tolist(), y.tolist(), kinds.tolist(), lengths.tolist(), strict=True):
        given = row[2 : 2 + n]
        assert row[:2] == [tasks.BEGIN, 4 + task] and row[2 + n] == tasks.SEPARATOR
        wanted = {"copy": given, "reverse": given[::-1], "sort": sorted(given)}[TASKS[task]]
        assert row[3 + n : 3 + 2 * n] == wanted and len(set(given)) == n
        assert target == [tasks.IGNORED] * (n + 2) + [*wanted, tasks.END] + [tasks.IGNORED] * (11 - 2 * n - 3)
        assert all(tasks.FIRST_LETTER <= letter < VOCABULARY for letter in given)
        assert row[2 * n + 3 :] == [tasks.END] + [tasks.PAD] * (11 - 2 * n - 4) if 2 * n + 3 < 11 else row[2 * n + 3 :] == []


def test_training_stops_at_a_length_that_tests_double():
    study = STUDIES["smoke"]
    train, test = (tasks.split(study, name, 0) for name in ("train", "test"))
    assert int(train.extra["lengths"].max()) == study.longest == int(test.extra["lengths"].max()) // 2
    assert len(train.inputs[0]) == study.steps * study.batch
    assert all(int(((test.extra["tasks"] == k) & (test.extra["lengths"] == n)).sum()) == study.tests for k in range(3) for n in range(1, 9))
    assert torch.equal(test.inputs[0], tasks.split(study, "test", 1).inputs[0])
    assert not torch.equal(train.inputs[0], tasks.split(study, "train", 1).inputs[0])
    assert 2 * STUDIES["small"].longest <= LETTERS


def test_only_answers_are_learnt_from():
    x, y = tasks.examples(torch.tensor([0, 1]), torch.tensor([3, 2]), torch.Generator().manual_seed(0))
    logits = torch.randn(2, x.shape[1], VOCABULARY, requires_grad=True)
    tasks.loss(logits, y).backward()
    assert torch.equal((logits.grad != 0).any(-1), y != tasks.IGNORED)
    assert float(tasks.loss(torch.zeros_like(logits), y)) == pytest.approx(math.log(VOCABULARY))


@pytest.mark.parametrize("variant", ["nope", "ape"])
def test_one_pass_says_what_decoding_would_say(variant: str):
    lab = bench(SLUG)
    model, data = lab.fit(variant), lab.data("test")
    with torch.no_grad():  # an output that copies its input now and then, so that some answers are right
        model.words.copy_(3 * torch.nn.functional.normalize(model.words))
        hits = right(model, data)
        for i in [*hits.nonzero()[:5, 0].tolist(), *range(0, len(hits), 16)]:
            n = int(data.extra["lengths"][i])
            said = greedy(model, data.inputs[0][i, : n + 3], n + 1).tolist()
            wanted = [t for t in data.targets[i].tolist() if t != tasks.IGNORED]
            assert (said == wanted) == bool(hits[i])


def test_a_fit_repeats_with_its_seed_and_learns():
    lab = bench(SLUG)
    test = lab.data("test")

    def loss_of(seed: int, budget: Budget) -> float:
        model = replace(lab, seed=seed).fit("nope", budget)
        with torch.no_grad():
            return float(tasks.loss(model(test.inputs[0]), test.targets))

    first, again, other, untrained = loss_of(0, Budget()), loss_of(0, Budget()), loss_of(1, Budget()), loss_of(0, Budget(steps=0))
    assert first == again != other
    assert first < untrained


def test_qualities_and_pictures():
    lab = bench(SLUG)
    model = lab.fit("nope", Budget(steps=2))
    assert set(lab.metric("nope", model)) == set(lab.card.qualities)
    shown = lab.artifacts("nope", model)
    assert set(shown) == {"by_length", "attention", "answers"} and set(lab.artifacts("ape", model)) == {"by_length"}
    assert len(shown["by_length"].spec["data"]["values"]) == 3 * 8
    assert shown["attention"].pixels.ndim == 2 and shown["attention"].pixels.min() >= 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_without_positions_longer_inputs_are_answered_better_than_with_sinusoids():
    lab = bench(SLUG, "small")
    nope, ape = (lab.metric(variant) for variant in ("nope", "ape"))
    assert nope["in_length"].value > 0.98 and ape["in_length"].value > 0.98
    assert nope["extrapolation"].value > ape["extrapolation"].value
