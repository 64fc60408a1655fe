"""MatFormer: what nesting means exactly, its sizes, speculative decoding, and what one training gives."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.matformer.judging import on_line, random_mixes, together
from harness_papers.matformer.model import GRANULARITIES, Blocks, FeedForward, MatFormer, Shape, Twins, build, extract, least_slope, prune
from harness_papers.matformer.speculation import GUESSES, greedy, speculate
from harness_papers.matformer.training import draw, loss, rate, train

SHAPE = Shape(d=32, L=3, h=4, n=24)
FORMS = ("plain", "gated", "gated_before")
VARIANTS = (
    *("mat_xl", "mat_l", "mat_m", "mat_s", "mat_mix", "joint_xl", "twin_xl", "twin_l", "twin_m", "twin_s"),
    *("twins", "twin_xl_long", "twin_s_long", "sliced_s", "pruned_s"),
)


@pytest.fixture(scope="module")
def lab():
    return bench("matformer")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(params=FORMS)
def whole(request):
    """A model of full width in double precision, every weight of ordinary size."""
    return alive(MatFormer(replace(SHAPE, form=request.param)))


def alive(model: nn.Module) -> nn.Module:
    for parameter in model.double().parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


def tokens(B: int = 2, n: int = 24) -> torch.Tensor:
    return torch.randint(256, (B, n))


def numbers(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


# Nesting


@pytest.mark.parametrize("name", GRANULARITIES)
def test_an_extracted_model_is_the_sub_model_in_place(whole, name: str):
    x, widths = tokens(), SHAPE.widths(name)
    taken = extract(whole, widths)
    whole.active = widths
    assert torch.equal(taken(x), whole(x))
    assert all(p.is_contiguous() for p in taken.parameters())
    for parameter in whole.parameters():
        nn.init.zeros_(parameter)
    assert taken(x).abs().amax() > 0, "an extracted model must own its weights"


def test_units_beyond_m_get_no_gradient(whole):
    whole.active = m = SHAPE.widths("m")
    loss(whole(tokens()), tokens()).backward()
    for block in whole.blocks:
        matrices = [block.ffn.up.weight.grad, block.ffn.down.weight.grad.T]
        matrices += [block.ffn.gate.weight.grad] if block.ffn.gate else []
        for gradient in matrices:
            assert (gradient[m[0] :] == 0).all() and (gradient[: m[0]].abs().amax(1) > 0).all()


def test_units_beyond_m_do_not_matter_and_those_before_do(whole):
    x = tokens()
    whole.active = widths = SHAPE.widths("l")
    before = whole(x)
    with torch.no_grad():
        for block in whole.blocks:
            block.ffn.up.weight[widths[0] :] = 7
            block.ffn.down.weight[:, widths[0] :] = -7
    assert torch.equal(whole(x), before)
    with torch.no_grad():
        whole.blocks[0].ffn.up.weight[widths[0] - 1] += 1
    assert not torch.equal(whole(x), before)


def test_xl_is_an_ordinary_transformer():
    model = alive(MatFormer(SHAPE))
    layers = []
    for block in model.blocks:
        layer = nn.TransformerEncoderLayer(32, 4, 128, 0.0, "gelu", batch_first=True, norm_first=True, bias=False).double()
        parts = {"self_attn.in_proj_weight": block.qkv, "self_attn.out_proj.weight": block.proj, "norm1.weight": block.norm1}
        parts |= {"norm2.weight": block.norm2, "linear1.weight": block.ffn.up, "linear2.weight": block.ffn.down}
        layer.load_state_dict({name: part.weight for name, part in parts.items()})
        layers.append(layer.train())
    x = tokens()
    y = model.embed(x) + model.position
    for layer in layers:
        y = layer(y, src_mask=nn.Transformer.generate_square_subsequent_mask(24, dtype=torch.double), is_causal=True)
    assert torch.allclose(model(x), model.head(model.norm(y)), atol=1e-9)


def test_the_two_gated_forms_differ_in_where_the_activation_stands():
    x = torch.randn(2, 3, 8)
    for form, expected in (("gated", lambda g, u: F.gelu(g) * u), ("gated_before", lambda g, u: F.gelu(g * u))):
        ffn = FeedForward(8, 16, form)
        hidden = expected(x @ ffn.gate.weight[:4].T, x @ ffn.up.weight[:4].T)
        assert torch.allclose(ffn(x, 4), hidden @ ffn.down.weight[:, :4].T, atol=1e-6)


def test_text_is_read_from_left_to_right_and_images_are_not():
    model, x = alive(MatFormer(SHAPE)), tokens()
    changed = x.clone()
    changed[:, 10] = (x[:, 10] + 1) % 256
    moved = (model(changed) != model(x)).any(-1)
    assert not moved[:, :10].any() and moved[:, 10:].all()
    encoder = alive(MatFormer(Shape(32, 2, 4, 16, classes=10, patch=8)))
    images = torch.rand(2, 1, 32, 32, dtype=torch.double)
    one = images.clone()
    one[:, :, 31, 31] += 1
    assert encoder(images).shape == (2, 10) and not torch.equal(encoder(one), encoder(images))


@pytest.mark.parametrize("form", FORMS)
def test_pruning_keeps_the_units_of_greatest_weight(form: str):
    model = alive(MatFormer(replace(SHAPE, form=form)))
    with torch.no_grad():
        for block in model.blocks:
            block.ffn.up.weight[5:123] = 0
    pruned = prune(model, 16)
    x = tokens()
    assert torch.allclose(pruned(x), model(x), atol=1e-12)
    assert not torch.allclose(extract(model, (16,) * 3)(x), model(x))


# Sizes


def test_parameters_of_a_mix_follow_the_formula():
    model = MatFormer(SHAPE)
    for widths in random_mixes(SHAPE):
        blocks = extract(model, widths).blocks
        norms = 2 * 32 * 3
        assert numbers(blocks) - norms == sum(4 * 32**2 + 2 * 32 * m for m in widths) == model.macs(widths)


def test_s_costs_five_twelfths_of_xl():
    model = MatFormer(SHAPE)
    costs = [model.macs(SHAPE.widths(name)) / (3 * 32**2) for name in GRANULARITIES]
    assert costs == [5, 6, 8, 12]


def test_mixes_never_fall_with_depth_are_distinct_and_the_same_in_every_run():
    shape = Shape(32, 4, 4, 24)
    mixes = random_mixes(shape)
    assert len(set(mixes)) == len(mixes) == 10
    assert all(list(m) == sorted(m) and len(set(m)) > 1 for m in mixes)
    assert mixes == random_mixes(shape)
    assert least_slope(shape, "m", "l") == (32, 32, 64, 64)
    assert len(random_mixes(Shape(32, 2, 2, 8))) == 6, "four sizes on two layers leave six that rise"


def test_published_sizes_are_those_of_the_model(lab):
    meta = replace(bench("matformer", "paper", task="digits", part="blocks"), device="meta")
    assert all(size.params == {"task": "digits", "part": "blocks"} for size in lab.card.sizes)
    for variant in {size.variant for size in lab.card.sizes}:
        model, data = meta.model(variant), meta.data()
        counted = count(lambda model=model, data=data: model(*data.inputs), model)
        built = {"parameters": counted.parameters, "macs": counted.macs}
        sizes = [size for size in lab.card.sizes if size.variant == variant]
        assert isinstance(model, Blocks)
        assert {size.quantity: size.value - size.adjust for size in sizes} == built, variant


def test_every_variant_builds_and_runs_without_memory_at_published_size(lab):
    for task, shape, variants in (("text", (1, 1024, 50_304), VARIANTS), ("digits", (1, 1000), ("mat_xl", "mat_mix"))):
        meta = replace(bench("matformer", "paper", task=task), device="meta")
        for variant in variants:
            assert meta.model(variant)(*meta.data().inputs).shape == shape
    assert set(VARIANTS) == set(lab.card.variant_names)


# Training


def test_initial_weights_of_a_decoder_are_those_of_the_release():
    model = MatFormer(Shape(d=128, L=4, h=4, n=64))
    for name, parameter in model.named_parameters():
        expected = 1 if "norm" in name else 0.02 / 8**0.5 if name.endswith("down.weight") else 0.02
        size = parameter.mean() if "norm" in name else parameter.std()
        assert size.item() == pytest.approx(expected, rel=0.05), name


def test_initial_weights_of_an_encoder_are_those_of_the_release():
    model = MatFormer(Shape(d=64, L=2, h=4, n=16, classes=10, patch=8))
    for block in model.blocks:
        square = [*block.qkv.weight.chunk(3), block.proj.weight]
        wide = [block.ffn.up.weight, block.ffn.down.weight]
        for weights, bound in ((square, (6 / 128) ** 0.5), (wide, (6 / 320) ** 0.5)):
            for weight in weights:
                assert 0.98 * bound < weight.abs().max() <= bound
                assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert model.embed.weight.std().item() == pytest.approx(1 / 8, rel=0.05)
    assert model.position.std().item() == pytest.approx(0.02, rel=0.1)
    assert not model.head.weight.any()


@pytest.mark.parametrize(("mode", "drawn"), [("sampled", 4), ("joint", 1), ("alone", 1)])
def test_a_step_trains_one_size_or_all(mode: str, drawn: int):
    model, generator = MatFormer(SHAPE), torch.Generator().manual_seed(0)
    steps = [tuple(draw(model, mode, generator)) for _ in range(200)]
    nested = tuple(SHAPE.widths(name) for name in GRANULARITIES)
    assert len(set(steps)) == drawn
    assert {len(step) for step in steps} == {4 if mode == "joint" else 1}
    assert set(steps) == {"sampled": {(w,) for w in nested}, "joint": {nested}, "alone": {(SHAPE.widths("xl"),)}}[mode]
    if mode == "sampled":
        assert min(steps.count(step) for step in set(steps)) > 200 / 4 / 2


def test_the_cost_of_training_is_counted():
    x = tokens(50)
    joint, alone = (train(MatFormer(SHAPE), x, x, mode, 2, 5, seed=0).spent.item() for mode in ("joint", "alone"))
    assert joint / alone == pytest.approx(31 / 12)
    assert alone == 3 * 2 * 5 * 24 * 3 * 12 * 32**2


def test_the_rate_rises_then_falls_to_a_tenth():
    rates = [rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[9] == 1
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


# Speculative decoding


@pytest.mark.parametrize("count_", [1, 4, 13])
def test_speculative_decoding_gives_the_verifiers_own_text(count_: int):
    verifier, draft = alive(MatFormer(SHAPE)), alive(MatFormer(SHAPE, SHAPE.widths("s")))
    for prompt in tokens(5, 8):
        plain, drafted = greedy(verifier, prompt, count_), speculate(draft, verifier, prompt, count_)
        assert torch.equal(drafted.tokens, plain.tokens)
        assert plain.calls == count_ >= drafted.calls
        assert drafted.accepted <= drafted.drafted


def test_a_draft_that_is_the_verifier_is_always_right():
    verifier = alive(MatFormer(SHAPE))
    decoded = speculate(verifier, verifier, tokens(1, 4)[0], 2 * (GUESSES + 1))
    assert decoded.calls == 2 and decoded.accepted == decoded.drafted == 2 * GUESSES


@torch.no_grad()
def test_a_model_agrees_with_itself():
    model = alive(MatFormer(SHAPE)).float()
    found = together(model, model, tokens(8))
    assert found["agreement"] == 1 and found["acceptance"] == 1 and abs(found["kl"]) < 1e-6
    other = together(alive(MatFormer(SHAPE)).float(), model, tokens(8))
    assert other["agreement"] < 0.5 and other["kl"] > 0.1


def test_a_line_between_points_is_straight():
    curve = [(0, 4.0), (10, 2.0), (20, 1.0)]
    assert [on_line(curve, at) for at in (0, 5, 10, 15)] == [4, 3, 2, 1.5]
    with pytest.raises(ValueError, match="outside"):
        on_line(curve, 21)


# Hooks


def test_the_card_is_read_without_torch():
    code = "import sys, harness_papers.matformer as p; p.paper(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("task", ["text", "digits"])
def test_a_fit_is_deterministic_in_its_seed(task: str):
    fits = [bench("matformer", seed=seed, task=task).fit("mat_xl") for seed in (0, 0, 1)]
    first, again, other = (fit.state_dict() for fit in fits)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["position"], other["position"])


def test_variants_of_one_training_share_its_weights(lab):
    fitted = lab.fit("mat_xl")
    for name in ("mat_l", "mat_m", "mat_s", "mat_mix"):
        model = lab.fit(name)
        for block, source in zip(model.blocks, fitted.blocks, strict=True):
            m = block.ffn.up.out_features
            assert torch.equal(block.ffn.up.weight, source.ffn.up.weight[:m]) and torch.equal(block.qkv.weight, source.qkv.weight)
        assert numbers(model) < numbers(fitted)
    twins = lab.fit("twins")
    assert isinstance(twins, Twins)
    assert torch.equal(lab.fit("sliced_s").head.weight, twins.large.head.weight)
    assert lab.fit("twin_s_long") is twins.small and lab.fit("twin_xl_long") is twins.large
    assert not torch.equal(lab.fit("twin_s").head.weight, fitted.head.weight)
    untrained = build("mat_s", SHAPE)
    assert untrained.widths == SHAPE.widths("s")


def test_qualities_are_those_that_have_a_meaning(lab):
    alone = {"bits_per_byte", "training_macs"}
    pair = {"agreement", "kl", "acceptance", "verifier_calls"}
    assert set(lab.metric("mat_xl")) == alone | pair | {"mix_gap"}
    assert set(lab.metric("twins")) == alone | pair
    assert set(lab.metric("twin_s")) == set(lab.metric("mat_mix")) == alone
    digits = bench("matformer", task="digits")
    assert set(digits.metric("mat_xl")) == set(digits.metric("twins")) == {"top1", "training_macs", "knn_cross", "knn_loss"}
    costs = ("mat_xl", "mat_s", "joint_xl", "twin_s", "twins", "twin_xl_long", "sliced_s", "pruned_s")
    cost = {variant: lab.metric(variant)["training_macs"].value for variant in costs}
    assert cost["mat_s"] == cost["mat_xl"] and cost["twins"] == cost["twin_xl_long"]
    assert cost["sliced_s"] == cost["pruned_s"] == pytest.approx(cost["twins"] * 12 / 31)
    assert cost["twin_xl_long"] == pytest.approx(4 * cost["twin_s"])
    assert cost["joint_xl"] == cost["twin_s"]
    assert cost["mat_xl"] < 0.4 * cost["twin_xl_long"]


def test_artifacts_show_all_sub_models(lab):
    shown = lab.artifacts("mat_xl")
    values = shown["submodels"].spec["data"]["values"]
    assert [v["model"] for v in values if v["kind"] == "named"] == ["s", "m", "l", "xl", "s+xl", "m+l"]
    assert "passes of XL; the same" in shown["continuation"].caption
    assert lab.artifacts("twins") == {}


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_one_training_gives_sizes_that_are_good_alone_and_work_together():
    lab = bench("matformer", "small", task="digits")
    found = {v: {n: q.value for n, q in lab.metric(v).items()} for v in ("mat_xl", "mat_s", "twin_s", "twins", "sliced_s")}
    whole, small = found["mat_xl"], found["mat_s"]
    assert min(whole["top1"], small["top1"]) >= 0.9
    # Each size is as good as one trained alone, with its share of the steps.
    assert small["top1"] >= found["twin_s"]["top1"] - 0.01
    # S finds its way in XL's index; a model that was trained apart does not.
    assert whole["knn_loss"] <= 0.02
    assert found["twins"]["knn_cross"] <= 0.5 <= whole["knn_cross"]
    # Nesting has to be trained: an ordinary model's first units are a worse model.
    assert small["top1"] > found["sliced_s"]["top1"]
    assert whole["training_macs"] < 0.3 * found["twins"]["training_macs"]
