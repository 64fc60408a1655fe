"""Transcoders: what holds exactly of dictionaries and of circuits, what they cost, and what they are worth beside autoencoders."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.transcoders import judging, training
from harness_papers.transcoders.circuits import ablated, attribute, deembedding, through_attention, through_norm
from harness_papers.transcoders.dictionaries import Dictionary
from harness_papers.transcoders.language import MLP, LanguageModel
from harness_papers.transcoders.planted import gates_of, sample, world
from harness_papers.transcoders.setting import LAMBDA_D, LAMBDAS, Shape
from harness_papers.transcoders.study import Study

SHAPE = Shape(16, 48, 40, heads=2, context=12)
VARIANTS = ("transcoder", "transcoder_sparse", "transcoder_no_ghost", "sae", "sae_in", "mlp", "study")


@pytest.fixture(scope="module")
def lab():
    return bench("transcoders")


@pytest.fixture(scope="module")
def planted_lab():
    return bench("transcoders", source="planted")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def alive(module: nn.Module) -> nn.Module:
    """Give every weight, and every bias, an ordinary size, in double precision."""
    for name, parameter in module.double().named_parameters():
        nn.init.normal_(parameter, std=0.3)
        if "norm" in name and name.endswith("weight"):
            nn.init.normal_(parameter, 1.0, 0.2)
    return module.eval()


def dictionary(transcodes: bool = True, d: int = 16, m: int = 40) -> Dictionary:
    found = alive(Dictionary(d, m, transcodes))
    found.renormalize()
    return found


# A dictionary


@pytest.mark.parametrize("transcodes", [True, False])
def test_a_dictionary_is_its_formula(transcodes: bool):
    found, x = dictionary(transcodes), torch.randn(30, 16).double()
    z = torch.clamp((x - found.b_dec) @ found.W_enc + found.b_enc, min=0)
    bias = found.b_out if transcodes else found.b_dec
    assert torch.allclose(found.features(x), z)
    assert found.features(x).min() == 0, "none is negative, and some are off"
    assert torch.allclose(found(x), z @ found.W_dec + bias)


def test_removing_a_feature_takes_away_what_it_writes():
    found, x = dictionary(), torch.randn(30, 16).double()
    z = found.features(x)
    for i in (0, 7, 39):
        without = z.clone()
        without[:, i] = 0
        assert torch.allclose(found.decode(without) - found(x), -z[:, i, None] * found.W_dec[i], atol=1e-12)


def test_a_sparse_decoder_is_the_dense_one_where_it_keeps_all_that_is_active():
    found, x = dictionary(), torch.randn(30, 16).double()
    z = found.features(x)
    most = int((z > 0).sum(1).max())
    assert most < 40
    assert torch.allclose(found.decode_sparsely(z, most), found.decode(z), atol=1e-12)
    assert torch.allclose(found.decode_sparsely(z, 400), found.decode(z), atol=1e-12)
    assert not torch.allclose(found.decode_sparsely(z, 3), found.decode(z), atol=1e-3)


def test_an_mlp_with_relu_is_a_transcoder():
    mlp = alive(MLP(16, 40, relu=True))
    found = dictionary()
    with torch.no_grad():
        length = mlp.down.weight.norm(dim=0)  # of what each neuron writes, moved into what it reads
        found.W_enc.copy_(mlp.up.weight.T * length)
        found.b_enc.copy_(mlp.up.bias * length)
        found.W_dec.copy_(mlp.down.weight.T / length[:, None])
        found.b_dec.zero_()
        found.b_out.copy_(mlp.down.bias)
    x = torch.randn(50, 16).double()
    assert torch.allclose(found(x), mlp(x), atol=1e-10)
    assert torch.allclose(found.W_dec.norm(dim=1), torch.ones(40).double())
    gelu = alive(MLP(16, 40))
    gelu.load_state_dict(mlp.state_dict())
    assert not torch.allclose(found(x), gelu(x), atol=1e-2)


def test_a_dictionary_starts_as_the_authors_start_it():
    found = Dictionary(64, 512, True)
    assert 0.99 * (6 / 512) ** 0.5 < found.W_enc.abs().max() <= (6 / 512) ** 0.5
    assert torch.allclose(found.W_dec.norm(dim=1), torch.ones(512), atol=1e-6)
    assert not found.b_enc.any() and not found.b_dec.any() and not found.b_out.any()
    x, y = torch.randn(100, 64) + 3, torch.randn(100, 64) - 2
    found.centre(x, y)
    assert torch.equal(found.b_dec, x.mean(0)) and torch.equal(found.b_out, y.mean(0))
    assert Dictionary(8, 16, False).b_out is None


# Training


def test_the_loss_is_the_released_one():
    found = dictionary()
    x, y = torch.randn(30, 16).double(), 5 * torch.randn(30, 16).double()
    z = found.features(x)
    loss, same = training.objective(found, x, y, 0.01)
    each = [((found(x[i : i + 1]) - y[i]) ** 2 / y[i].norm()).mean() + 0.01 * z[i].sum() for i in range(30)]
    assert loss.item() == pytest.approx(torch.stack(each).mean().item())
    assert torch.equal(same, z)
    assert pytest.approx(1.4e-4) == LAMBDA_D / 768


def test_ghost_gradients_reach_dead_features_alone():
    found = dictionary()
    x, y = torch.randn(30, 16).double(), torch.randn(30, 16).double()
    dead = torch.zeros(40, dtype=torch.bool)
    dead[[3, 11]] = True
    before, out = found.before(x), found(x)
    error = training.relative(out - y, y).detach()
    lost = training.ghost(found, before, (y - out).detach(), error, dead)
    lost.backward()
    assert found.W_enc.grad[:, dead].abs().amin(0).gt(0).all() and not found.W_enc.grad[:, ~dead].any()
    assert found.W_dec.grad[dead].abs().amin(1).gt(0).all() and not found.W_dec.grad[~dead].any()
    assert lost.item() == pytest.approx(error.mean().item(), rel=1e-3), "it is brought to the size of the error"
    plain, with_ghosts = (training.objective(found, x, y, 0.01, mask)[0].item() for mask in (None, dead))
    assert with_ghosts == pytest.approx(plain + lost.item())
    assert training.objective(found, x, y, 0.01, torch.zeros(40, dtype=torch.bool))[0].item() == plain


def test_a_gradient_does_not_lengthen_rows():
    found = dictionary()
    training.objective(found, torch.randn(30, 16).double(), torch.randn(30, 16).double(), 0.01)[0].backward()
    whole = found.W_dec.grad.clone()
    training.without_lengthening(found)
    rows = found.W_dec.detach()
    assert (found.W_dec.grad * rows).sum(1).abs().max() < 1e-12 < (whole * rows).sum(1).abs().max()
    removed = whole - found.W_dec.grad
    assert torch.allclose(removed, (removed * rows).sum(1, keepdim=True) * rows, atol=1e-12), "nothing else is taken away"


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_rows_have_unit_length_after_every_step(steps: int):
    found = Dictionary(16, 40, True)
    x, y = torch.randn(200, 16), torch.randn(200, 16)
    before = found.W_dec.detach().clone()
    training.train_dictionary(found, x, y, 0.01, True, steps, 32, 0)
    assert (found.W_dec.norm(dim=1) - 1).abs().max() < 1e-5
    assert not torch.equal(found.W_dec, before)


def test_a_dictionary_learns_and_sparsity_costs_error():
    x = torch.randn(2000, 16)
    mlp = MLP(16, 48)
    y = mlp(x).detach()
    curve = []
    for weight in (0.0, 0.01, 0.1):
        torch.manual_seed(0)
        found = Dictionary(16, 40, True)
        training.train_dictionary(found, x, y, weight, True, 600, 128, 0)
        with torch.no_grad():
            curve.append((judging.l0(found.features(x)), judging.fvu(found(x), y)))
    (l0_free, fvu_free), (l0_some, fvu_some), (l0_strict, fvu_strict) = curve
    assert l0_free > l0_some > l0_strict
    assert fvu_free < fvu_some < fvu_strict
    assert fvu_free < 0.5


@pytest.mark.parametrize("kind", ["transcoder", "sae", "sae_in"])
def test_each_kind_reads_and_writes_its_own(kind: str):
    x, y = torch.zeros(1), torch.ones(1)
    assert training.pair(kind, x, y) == {"transcoder": (x, y), "sae": (y, y), "sae_in": (x, x)}[kind]


# The language model


def test_attention_patterns_are_those_of_the_model():
    model = alive(LanguageModel(SHAPE))
    attention, x = model.layers[0].attention, torch.randn(3, 12, 16).double()
    v = attention.split(x)[2]
    pattern = attention.pattern(x)
    assert torch.allclose(pattern.sum(-1), torch.ones(3, 2, 12).double())
    assert not pattern.triu(1).any()
    assert torch.allclose(attention.out((pattern @ v).transpose(1, 2).flatten(-2)), attention(x), atol=1e-10)


def test_a_replaced_mlp_is_seen_where_it_stands():
    model = alive(LanguageModel(SHAPE))
    tokens = torch.randint(256, (2, 12))
    (x0, y0), (x1, y1) = model.seen(tokens)
    assert x0.shape == y1.shape == (24, 16)
    assert torch.allclose(model.layers[0].mlp(x0), y0) and torch.allclose(model.layers[1].mlp(x1), y1)
    assert torch.equal(model(tokens, {1: model.layers[1].mlp}), model(tokens))
    without = model(tokens, {1: torch.zeros_like})
    shifted = model(tokens, {1: lambda x: model.layers[1].mlp(x) * 0})
    assert torch.equal(without, shifted) and not torch.equal(without, model(tokens))
    again = model.seen(tokens, {0: torch.zeros_like})
    assert torch.equal(again[0][0], x0) and not again[0][1].any()
    assert not torch.allclose(again[1][0], x1)


def test_the_mlp_reads_what_is_behind_its_norm():
    model = LanguageModel(SHAPE).double()
    x = model.seen(torch.randint(256, (2, 12)))[1][0]
    assert torch.allclose(x.mean(1), torch.zeros(24).double(), atol=1e-9)
    assert torch.allclose(x.var(1, unbiased=False), torch.ones(24).double(), atol=0.05)


# Circuits


@pytest.fixture
def circuit():
    return alive(LanguageModel(SHAPE)), dictionary(), dictionary(), torch.randint(256, (12,))


def test_contributions_add_up_to_what_the_feature_sees(circuit):
    model, upstream, downstream, tokens = circuit
    for feature in range(0, 40, 7):
        found = attribute(model, upstream, downstream, tokens, feature)
        x, _ = model.seen(tokens[None], {0: upstream})[1]
        assert found.value.item() == pytest.approx(downstream.before(x)[-1, feature].item())
        assert found.total.item() == pytest.approx(found.value.item(), abs=1e-9)
        for part in (found.features, found.embedding, found.attention, found.bias, found.constant):
            assert part.abs().sum() > 1e-3, "every part has a share"


def test_a_contribution_is_an_activation_times_what_does_not_depend_on_it(circuit):
    model, upstream, downstream, tokens = circuit
    found = attribute(model, upstream, downstream, tokens, 5)
    i = 3
    factor = found.direct[i] + found.heads[:, -1, i].sum()
    assert found.features[-1, i].item() == pytest.approx(float(found.activations[-1, i] * factor))
    assert found.features[2, i].item() == pytest.approx(float(found.activations[2, i] * found.heads[:, 2, i].sum()))
    norm, w = model.layers[1].norm2, downstream.W_enc[:, 5]
    e = model.embedded(tokens[None])
    first, second = model.layers
    a = first.attention(first.norm1(e))
    r = e + a + upstream(first.norm2(e + a)[0])[None]
    scale = (r + second.attention(second.norm1(r)))[0, -1].std(unbiased=False)
    plain = norm.weight * w - (norm.weight * w).mean()
    assert found.direct[i].item() == pytest.approx(float(upstream.W_dec[i] @ plain / (scale**2 + norm.eps).sqrt()))


def test_vectors_read_through_a_norm_what_is_read_behind_it():
    norm = alive(nn.LayerNorm(16))
    x, w = torch.randn(5, 16).double(), torch.randn(16).double()
    reads = through_norm(norm, w, x)
    assert torch.allclose((reads * x).sum(1) + norm.bias @ w, norm(x) @ w, atol=1e-10)


def test_vectors_read_through_attention_what_is_read_behind_it(circuit):
    layer = circuit[0].layers[1]
    r, v = torch.randn(7, 16).double(), torch.randn(16).double()
    paths, constant = through_attention(layer, r, v)
    assert paths.shape == (2, 7, 16)
    read = (paths * r).sum() + constant
    assert read.item() == pytest.approx((layer.attention(layer.norm1(r[None]))[0, -1] @ v).item())


def test_an_ablation_sets_one_feature_to_zero_at_the_last_token(circuit):
    model, upstream, downstream, tokens = circuit
    z = upstream.features(model.seen(tokens[None])[0][0])
    on, off = z[-1].nonzero()[:2, 0], (z[-1] == 0).nonzero()[:1, 0]
    found = ablated(model, upstream, downstream, tokens, 5, torch.cat([on, off]))
    value = attribute(model, upstream, downstream, tokens, 5).value
    assert found[2].item() == pytest.approx(value.item())

    def without(x: torch.Tensor) -> torch.Tensor:
        y = upstream(x)
        y[-1] -= upstream.features(x)[-1, on[0]] * upstream.W_dec[on[0]]
        return y

    x, _ = model.seen(tokens[None], {0: without})[1]
    assert found[0].item() == pytest.approx(downstream.before(x)[-1, 5].item())
    assert abs(found[0].item() - value.item()) > 1e-6


def test_without_norms_and_attention_an_ablation_is_the_contribution(circuit):
    model, upstream, downstream, tokens = circuit
    second = model.layers[1]
    with torch.no_grad():
        second.attention.out.weight.zero_()
    z = attribute(model, upstream, downstream, tokens, 5).activations[-1]
    removed = z.nonzero()[:, 0]
    found = attribute(model, upstream, downstream, tokens, 5)
    small = [
        float(found.features[-1, i] - (found.value - v))
        for i, v in zip(removed, _frozen(model, upstream, downstream, tokens, removed), strict=True)
    ]
    assert max(map(abs, small)) < 1e-9


def _frozen(model, upstream, downstream, tokens, removed):
    """Ablate with the last norm's scale and mean kept as they are: what is left of the path is linear."""
    first, second = model.layers
    e = model.embedded(tokens[None])
    x = first.norm2(e + first.attention(first.norm1(e)))[0]
    r = (e + first.attention(first.norm1(e)))[0] + upstream(x)
    middle = (r + second.attention(second.norm1(r[None]))[0])[-1]
    scale = (middle.var(unbiased=False) + second.norm2.eps).sqrt()
    z = upstream.features(x)[-1]
    for i in removed:
        changed = middle - z[i] * upstream.W_dec[i]
        normed = (changed - changed.mean()) / scale * second.norm2.weight + second.norm2.bias
        yield downstream.before(normed[None])[0, 5]


def test_a_deembedding_scores_bytes_by_weights(circuit):
    model, upstream, _, _ = circuit
    scores = deembedding(model, upstream, 4)
    assert scores.shape == (256,)
    norm, e = (
        model.layers[0].norm2,
        model.embed.weight,
    )  # what the feature sees of an embedding alone, at the size that the norm takes from it
    size = (e.var(1, unbiased=False) + norm.eps).sqrt()
    assert torch.allclose(scores, (norm(e) - norm.bias) @ upstream.W_enc[:, 4] * size, atol=1e-10)


# Planted gates


def test_gates_answer_as_they_are_defined():
    planted = world(24, 8, 12, seed=0)
    a = torch.zeros(5, 24)
    first, second = planted.pairs[2]
    a[0, first] = 1.0  # one feature alone passes no joining gate
    a[1, [first, second]] = 0.75
    a[2, [first, second]] = 0.5
    a[3, planted.singles[1]] = 0.9
    a[4, planted.singles[1]] = 0.7
    g = gates_of(planted, a)
    assert g.shape == (5, 8)
    assert g[0, :4].sum() == 0 and g[1, 2].item() == pytest.approx(0.5) and g[2, 2] == 0
    assert g[3, 4 + 1].item() == pytest.approx(0.15) and g[4, 4 + 1] == 0


def test_planted_tokens_are_what_their_concepts_say():
    planted = world(64, 16, 32, seed=1)
    found = sample(planted, 500, seed=3)
    active, gates = found.concepts[:, :64], found.concepts[:, 64:]
    assert active.sum(1).max() == 5 and active.sum(1).float().mean() > 4.5
    assert (gates[:, :8].sum(1) >= 1).float().mean() > 0.99, "every token has a pair"
    for gate, (first, second) in enumerate(planted.pairs):
        assert not (gates[:, gate] & ~(active[:, first] & active[:, second])).any()
    weights = torch.linalg.lstsq(planted.writes.T, found.y.T).solution
    assert torch.allclose(planted.writes.T @ weights, found.y.T, atol=1e-4), "outputs lie in what gates write"
    assert torch.allclose(planted.directions.norm(dim=1), torch.ones(64), atol=1e-6)
    again, other = sample(planted, 500, seed=3), sample(planted, 500, seed=4)
    assert torch.equal(again.x, found.x) and not torch.equal(other.x, found.x)


def test_a_dictionary_written_by_hand_finds_and_wires_all_gates():
    d, features = 64, 40
    planted = world(features, 16, d, seed=0)
    planted = replace(planted, directions=torch.linalg.qr(torch.randn(d, d)).Q[:features])
    found = Dictionary(d, 16, True)
    with torch.no_grad():
        found.W_dec.copy_(planted.writes)
        found.W_enc.zero_()
        for gate, pair in enumerate(planted.pairs):
            found.W_enc[:, gate] = planted.directions[pair].sum(0)
            found.b_enc[gate] = -1
        for gate, single in enumerate(planted.singles, 8):
            found.W_enc[:, gate] = planted.directions[single]
            found.b_enc[gate] = -0.75
    tokens = sample(planted, 400, seed=0)
    assert torch.allclose(found(tokens.x), tokens.y, atol=1e-5)
    matches = F.normalize(found.W_dec, dim=1) @ planted.writes.T
    assert judging.wired(found, planted, matches) == 1
    assert judging.readable(found.features(tokens.x), tokens.concepts) == 1
    with torch.no_grad():
        found.W_enc[:, 0] = planted.directions[planted.pairs[1]].sum(0)
    assert judging.wired(found, planted, matches) == pytest.approx(7 / 8)


def test_a_feature_is_readable_where_it_tells_one_concept():
    concepts = torch.rand(1000, 3) < torch.tensor([0.1, 0.3, 0.5])
    exact, mixed, silent = concepts[:, 0], concepts[:, 1] ^ concepts[:, 2], torch.zeros(1000, dtype=torch.bool)
    assert judging.readable(torch.stack([exact, mixed, silent], 1).float(), concepts) == 0.5, "one of two that live"
    assert judging.readable(silent[:, None].float(), concepts) == 0
    noisy = exact.clone()
    noisy[exact.nonzero()[: int(exact.sum() * 0.3)]] = False  # a recall of 0.7 is an F1 of 0.82
    assert judging.readable(noisy[:, None].float(), concepts) == 1


# Judging


def test_figures_are_taken_at_the_matched_sparsity():
    l0 = judging.MATCHED_L0
    curve = [{"l0": l0 * 2, "fvu": 1.0}, {"l0": l0 / 2, "fvu": 3.0}, {"l0": l0 * 8, "fvu": 0.5}]
    assert judging.matched(curve, ("fvu",)) == {"fvu_matched": pytest.approx(2.0)}
    assert judging.matched(curve[2:], ("fvu",)) == {}
    assert judging.matched([{"l0": 0.0, "fvu": 1.0}, {"l0": l0, "fvu": 0.25}], ("fvu",))["fvu_matched"] == pytest.approx(0.25)


def test_unexplained_variance_is_0_for_the_truth_and_1_for_the_mean():
    y = torch.randn(100, 5) + 3
    assert judging.fvu(y, y) == 0
    assert judging.fvu(y.mean(0).expand_as(y), y) == pytest.approx(1)


def test_the_cross_entropy_is_that_of_all_texts_together(lab, monkeypatch: pytest.MonkeyPatch):
    model = lab.model("study").language
    (tokens,), following = lab.data("test").inputs, lab.data("test").targets
    monkeypatch.setattr(judging, "PART", 5)
    with torch.no_grad():
        expected = F.cross_entropy(model(tokens).flatten(0, 1), following.flatten()).item()
        assert judging.cross_entropy(model, tokens, following) == pytest.approx(expected, rel=1e-5)
        same = judging.cross_entropy(model, tokens, following, model.layers[1].mlp)
        assert same == pytest.approx(expected, rel=1e-5)
        assert judging.cross_entropy(model, tokens, following, torch.zeros_like) != pytest.approx(expected, rel=1e-5)


# Variants


def test_parts_of_one_study_are_its_own(lab):
    study = lab.fit("study")
    x = torch.randn(20, 32)
    with torch.no_grad():
        assert torch.equal(lab.fit("transcoder")(x), study.chosen("transcoder")(x))
        assert torch.equal(lab.fit("transcoder_no_ghost")(x), study.chosen("no_ghost")(x))
        assert torch.equal(lab.fit("sae")(x), study.chosen("sae")(study.mlp(x)))
        assert torch.equal(lab.fit("sae_in")(x), study.mlp(study.chosen("sae_in")(x)))
        assert torch.equal(lab.fit("mlp")(x), study(x))
        assert torch.allclose(lab.fit("transcoder_sparse")(x), study.chosen("transcoder")(x), atol=1e-5), "64 features, and 64 kept"


def test_a_replacement_does_not_carry_the_weights_of_its_study(lab):
    sizes = {v: sum(p.numel() for p in lab.fit(v).parameters()) for v in VARIANTS}
    transcoder, mlp = 2 * 32 * 64 + 64 + 2 * 32, 2 * 32 * 64 + 64 + 32
    assert sizes["transcoder"] == sizes["transcoder_sparse"] == sizes["transcoder_no_ghost"] == transcoder
    assert sizes["sae"] == sizes["sae_in"] == transcoder - 32 + mlp
    assert sizes["mlp"] == mlp < sizes["study"]


@pytest.mark.parametrize("source", ["text", "planted"])
def test_a_fit_is_deterministic_in_its_seed(source: str):
    fits = [bench("transcoders", seed=seed, source=source).fit("study", Budget(steps=3)).state_dict() for seed in (0, 0, 1)]
    first, again, other = fits
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["kinds.transcoder.0.W_enc"], other["kinds.transcoder.0.W_enc"])
    if source == "text":
        assert not torch.equal(first["kinds.upstream.0.b_dec"], first["kinds.transcoder.0.b_dec"]), "another layer's input"


def test_a_study_has_every_kind_where_it_has_a_place():
    assert set(Study(SHAPE, True).kinds) == set(LAMBDAS)
    assert set(Study(replace(SHAPE, context=0), True).kinds) == set(LAMBDAS) - {"upstream"}
    assert not Study(replace(SHAPE, context=0), False).kinds


def test_the_fit_learns(lab, planted_lab):
    data = lab.data("test")
    studies = [(bed.model("study"), bed.fit("study")) for bed in (lab, planted_lab)]
    with torch.no_grad():
        before, after = (judging.cross_entropy(m.language, *data.inputs, data.targets) for m in studies[0])
    assert after < before - 0.5 and before == pytest.approx(math.log(256), abs=0.5)
    x, y = planted_lab.data("test").inputs[0], planted_lab.data("test").targets
    with torch.no_grad():
        before, after = (judging.fvu(study.chosen("transcoder")(x), y) for study in studies[1])
    assert after < before / 4


def test_qualities_are_those_that_have_a_meaning(lab, planted_lab):
    text = {variant: set(lab.metric(variant)) for variant in VARIANTS}
    usual = {"l0", "dead", "fvu", "ce_added", "ce_recovered"}
    assert text["study"] == {"ce"} and text["mlp"] == {"l0", "ce_added"} and text["transcoder_sparse"] == {"sparse_error"}
    assert usual | {"attribution_rank", "attribution_error"} <= text["transcoder"]
    assert usual <= text["sae"] and usual <= text["sae_in"]
    assert text["transcoder_no_ghost"] == usual, "one weight of sparsity makes no curve"
    assert lab.metric("mlp")["ce_added"].value == 0
    assert lab.metric("transcoder")["attribution_error"].value < 1e-4
    assert lab.metric("transcoder_sparse")["sparse_error"].value < 1e-5
    planted = {variant: set(planted_lab.metric(variant)) for variant in VARIANTS}
    usual = {"l0", "dead", "fvu", "readable"}
    assert usual | {"gates_found", "gates_wired"} <= planted["transcoder"]
    assert usual | {"gates_found"} <= planted["sae"] and "gates_wired" not in planted["sae"]
    assert usual <= planted["sae_in"] and planted["mlp"] == {"l0", "readable"} and planted["study"] == {"fvu"}


def test_train_and_test_share_no_text_and_planted_worlds_are_one(lab, planted_lab):
    train, test = lab.data("train").inputs[0], lab.data("test").inputs[0]
    stretches = {bytes(row.tolist()) for row in train}
    assert not any(bytes(row.tolist()) in stretches for row in test)
    first, second = (planted_lab.data(split) for split in ("train", "test"))
    assert torch.equal(first.extra["world"].directions, second.extra["world"].directions)
    assert not torch.equal(first.inputs[0][:100], second.inputs[0][:100])


def test_artifacts_show_curves_and_a_circuit(lab, planted_lab):
    shown = lab.artifacts("transcoder")
    assert list(shown) == ["curves", "circuit", "reads"]
    assert len(shown["curves"].spec["data"]["values"]) == sum(len(LAMBDAS[kind]) for kind in ("transcoder", "sae", "sae_in"))
    sizes = [abs(v["contribution"]) for v in shown["circuit"].spec["data"]["values"]]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == 16
    assert shown["reads"].text.count("feature") == 12
    assert list(planted_lab.artifacts("transcoder")) == ["curves"]
    assert lab.artifacts("sae") == {}


def test_the_card_is_read_without_torch():
    code = "import sys, harness_papers.transcoders as p; p.paper(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Sizes


def test_published_sizes_follow_from_the_formulas():
    d, m, h = 768, 32 * 768, 3072
    expected = {
        "transcoder": (2 * d * m + m + 2 * d, 2 * d * m),
        "transcoder_no_ghost": (2 * d * m + m + 2 * d, 2 * d * m),
        "transcoder_sparse": (2 * d * m + m + 2 * d, d * m + 64 * d),
        "sae": (2 * d * m + m + d + 2 * d * h + h + d, 2 * d * m + 2 * d * h),
        "mlp": (2 * d * h + h + d, 2 * d * h),
        "study": (2 * d * h + h + d, 2 * d * h),
    }
    assert expected["transcoder"][0] == 37_774_848
    assert expected["sae"][0] - expected["mlp"][0] == 37_774_080
    assert expected["mlp"][0] == 4_722_432
    assert expected["transcoder"][1] == 8 * expected["mlp"][1]
    lab = replace(bench("transcoders", "paper", tokens=1), device="meta")
    for variant, (parameters, macs) in expected.items():
        subject = lab.subject("infer", variant)
        counted = count(subject.work.run, subject.model)
        assert (counted.parameters, counted.macs) == (parameters, macs), variant
        assert counted.uncounted_share < 0.01, variant


def test_every_variant_answers_at_published_size_without_memory():
    lab = replace(bench("transcoders", "paper"), device="meta")
    for variant in VARIANTS:
        assert lab.subject("infer", variant).work.run().shape == (256, 768)


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_transcoder_finds_planted_gates_and_shows_how_they_are_wired():
    lab = bench("transcoders", "small", source="planted")
    found = {v: {n: q.value for n, q in lab.metric(v).items()} for v in ("transcoder", "transcoder_sparse", "sae", "mlp")}
    transcoder = found["transcoder"]
    assert transcoder["fvu"] < 0.3
    assert transcoder["l0"] < 10 < found["mlp"]["l0"], "few features where the MLP has many neurons"
    assert transcoder["readable"] >= found["sae"]["readable"] - 0.05
    # Gates that join two features are found, and their two inputs can be read off weights; those that test one are written by no feature of their own.
    assert transcoder["gates_wired"] >= 0.5
    assert 0.25 <= transcoder["gates_found"] <= 0.6
    assert found["transcoder_sparse"]["sparse_error"] < 1e-3
