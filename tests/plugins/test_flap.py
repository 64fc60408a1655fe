"""FLAP: what its score says exactly, what the search keeps, that cutting is replacing by means, and what it does to a small language model."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers._kit.text import text
from harness_papers.flap import pruning
from harness_papers.flap.decoder import Decoder, Linears, linears, rotate, rotations
from harness_papers.flap.judging import passes, perplexity, prunable
from harness_papers.flap.pruning import (
    Masks,
    Moments,
    adaptive,
    channel_score,
    compress,
    counts,
    cut,
    observe,
    one_after_another,
    scores,
    search,
    standardize,
    taylor_scores,
    unit_scores,
)
from harness_papers.flap.setting import METHODS, SHAPES, Method, Shape, by_weights, flap, wanda_sp

SHAPE = SHAPES["smoke"]
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
ALL = {**METHODS, "magnitude-sp": by_weights("magnitude", 0.5), "random": by_weights("random", 0.5)}


@pytest.fixture(scope="module")
def lab():
    return bench("flap")


@pytest.fixture(scope="module")
def dense(lab):
    return lab.fit("dense")


@pytest.fixture(scope="module")
def tokens(lab):
    return lab.data("train").inputs[0][:24]


@pytest.fixture(scope="module")
def seen(dense, tokens):
    return observe(dense, tokens)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def everything(shape: Shape) -> Masks:
    return Masks(torch.ones(shape.L, shape.h, dtype=torch.bool), torch.ones(shape.L, shape.f, dtype=torch.bool))


def inputs_of(linear: nn.Linear, model: Decoder, tokens: torch.Tensor) -> torch.Tensor:
    """Return everything that `linear` is given while the model reads tokens: (N n, C)."""
    caught: list[torch.Tensor] = []
    with torch.no_grad(), linear.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].flatten(0, -2))):
        model(tokens)
    return torch.cat(caught)


# The score


@pytest.mark.parametrize("parts", [(60,), (1, 59), (20, 5, 35), (1,) * 60])
def test_moments_are_those_of_the_whole_however_it_is_split(parts: tuple[int, ...]):
    X = torch.randn(60, 7).double() * torch.logspace(-3, 3, 7) + torch.linspace(-50, 50, 7)
    moments = Moments()
    for part in X.split(parts):
        moments.update(part)
    assert torch.allclose(moments.mean, X.mean(0), rtol=1e-12)
    assert torch.allclose(moments.var, X.var(0, unbiased=False), rtol=1e-9)
    assert torch.allclose(moments.norm, X.norm(dim=0), rtol=1e-12)


@pytest.mark.parametrize("part", ["o", "down"])
def test_a_score_is_the_error_that_is_left_when_a_channel_is_replaced_by_its_mean(dense, tokens, seen, part: str):
    block = dense.blocks[1]
    linear = block.attention.o if part == "o" else block.feed_forward.down
    moments = getattr(seen[1], part)
    X, W = inputs_of(linear, dense, tokens).double(), linear.weight.detach().double()
    S = channel_score("WIFV", W, moments)
    for j in range(0, W.shape[1], 3):
        without = X.clone()
        without[:, j] = 0
        b = W[:, j] * moments.mean[j]
        error = (X @ W.T - (without @ W.T + b)).square().sum(1).mean()
        assert error == pytest.approx(float(S[j]), rel=1e-5)


def test_a_constant_channel_is_worth_nothing_and_leaves_nothing_behind():
    X, W = torch.randn(50, 6).double(), torch.randn(4, 6).double()
    X[:, 2] = 7
    moments = Moments()
    moments.update(X)
    S = channel_score("WIFV", W, moments)
    assert S[2] == 0 and (S[[0, 1, 3, 4, 5]] > 0).all()
    others = [0, 1, 3, 4, 5]
    assert torch.allclose(X[:, others] @ W[:, others].T + W[:, 2] * moments.mean[2], X @ W.T)


def test_scores_are_what_their_names_say():
    X, W = torch.randn(80, 5).double() + torch.arange(5), torch.randn(3, 5).double()
    moments = Moments()
    moments.update(X)
    found = {kind: channel_score(kind, W, moments) for kind in ("WIFV", "IFV", "WIFN")}
    for j in range(5):
        assert float(found["IFV"][j]) == pytest.approx(float((X[:, j] - X[:, j].mean()).square().mean()))
        assert float(found["WIFV"][j]) == pytest.approx(float(found["IFV"][j] * (W[:, j] ** 2).sum()))
        assert float(found["WIFN"][j]) == pytest.approx(float(W[:, j].abs().mean() * (X[:, j] ** 2).sum().sqrt()))


def pruned_layer_error(X: torch.Tensor, W: torch.Tensor, kind: str, bias: bool) -> float:
    """Prune 30 of 96 channels of one layer and return ||Y' - Y|| / ||Y||."""
    moments = Moments()
    moments.update(X)
    gone = channel_score(kind, W, moments).argsort()[:30]
    Y = X @ W.T
    less = X.clone()
    less[:, gone] = 0
    found = less @ W.T + (W[:, gone] @ moments.mean[gone] if bias else 0)
    return float((found - Y).norm() / Y.norm())


def test_with_a_bias_what_counts_is_fluctuation_and_without_one_it_is_size():
    W = torch.randn(64, 96).double()
    spread = torch.logspace(-1.5, 0.5, 96)[torch.randperm(96)].double()
    noise = torch.randn(2000, 96).double() * spread
    shifted = noise + 3 * torch.randn(96).double()
    error = {(kind, bias): pruned_layer_error(shifted, W, kind, bias) for kind in ("WIFV", "WIFN") for bias in (True, False)}
    assert error["WIFV", True] < error["WIFN", True] < error["WIFN", False] < error["WIFV", False]
    assert error["WIFV", True] < error["WIFV", False] / 5
    # Where no channel has a mean, the bias is nothing and size is fluctuation.
    noise -= noise.mean(0)
    alike = [pruned_layer_error(noise, W, kind, bias) for kind in ("WIFV", "WIFN") for bias in (True, False)]
    assert max(alike) < 1.1 * min(alike)


def test_standard_scores_have_mean_0_and_deviation_1_in_each_layer(dense, seen):
    channels = scores(list(dense.blocks), flap(0.3), seen)
    o = standardize(torch.stack([S for S, _ in channels]))
    _, neurons = unit_scores(channels, SHAPE.d_h, squared=True)
    for Z in (o, neurons):
        assert torch.allclose(Z.mean(1), torch.zeros(2).double(), atol=1e-10)
        assert torch.allclose(Z.std(1), torch.ones(2).double())


def test_squaring_changes_heads_and_leaves_neurons(dense, seen):
    channels = scores(list(dense.blocks), flap(0.3), seen)
    plain, squared = (unit_scores(channels, SHAPE.d_h, squared) for squared in (False, True))
    assert torch.equal(plain[1], squared[1]) and not torch.allclose(plain[0], squared[0])
    first = standardize(channels[0][0].square()).view(SHAPE.h, SHAPE.d_h).mean(1)
    assert torch.allclose(squared[0][0], first)


# The search


@pytest.mark.parametrize("p", SHARES)
def test_the_cut_does_not_see_the_scale_of_a_layer(dense, seen, p: float):
    channels = scores(list(dense.blocks), flap(p), seen)
    rescaled = [(channels[0][0] * 1000, channels[0][1] * 7), channels[1]]
    first, second = (search(*unit_scores(c, SHAPE.d_h, True), flap(p), SHAPE) for c in (channels, rescaled))
    assert torch.equal(first.heads, second.heads) and torch.equal(first.neurons, second.neurons)


@pytest.mark.parametrize("p", SHARES)
def test_what_is_kept_is_within_a_head_of_what_is_asked(dense, tokens, seen, p: float):
    model, masks = compress(dense, flap(p), tokens, seen)
    total = SHAPE.L * SHAPE.block_cost
    kept = int(masks.heads.sum()) * SHAPE.head_cost + int(masks.neurons.sum()) * SHAPE.neuron_cost
    assert prunable(model) == kept
    assert abs(kept - (1 - p) * total) <= SHAPE.head_cost


def test_less_is_kept_when_more_is_to_go_and_nothing_comes_back(dense, tokens, seen):
    found = [compress(dense, flap(p), tokens, seen) for p in (0.0, *SHARES)]
    sizes = [prunable(model) for model, _ in found]
    assert sizes[0] == prunable(dense) and sizes == sorted(sizes, reverse=True) and len(set(sizes)) == len(sizes)
    for (_, more), (_, less) in pairwise(found):
        assert (more.heads | ~less.heads).all() and (more.neurons | ~less.neurons).all()


def test_the_walk_weighs_a_head_as_its_weights():
    heads, neurons = torch.tensor([[3.0, -1.0]]), torch.tensor([[2.0, 1.0, 0.0, -2.0]])
    kept = {p: adaptive(heads, neurons, p, 2.0) for p in (0.0, 0.25, 0.5, 0.75)}
    # In order: head (2), neuron, neuron, neuron, head (2), neuron: 2, 3, 4, 5, 7, 8.
    assert kept[0.0].heads.all() and kept[0.0].neurons.all()
    assert kept[0.5].heads.tolist() == [[True, False]] and kept[0.5].neurons.tolist() == [[True, True, False, False]]
    assert kept[0.75].heads.tolist() == [[True, False]] and not kept[0.75].neurons.any()
    assert int(kept[0.25].heads.sum()) * 2 + int(kept[0.25].neurons.sum()) in (5, 7)


def test_a_head_of_llama_weighs_170_neurons_and_two_thirds():
    shape = SHAPES["paper"]
    assert shape.head_cost / shape.neuron_cost == pytest.approx(512 / 3)
    assert SHAPES["small"].head_cost / SHAPES["small"].neuron_cost == pytest.approx(64 / 3)


@pytest.mark.parametrize("structure", ["AL-AM", "AL-MM", "UL-MM", "UL-UM"])
def test_every_structure_removes_about_the_same(structure: str):
    shape = SHAPES["small"]
    heads, neurons = torch.randn(shape.L, shape.h).double(), torch.randn(shape.L, shape.f).double()
    masks = search(heads, neurons, Method("WIFV", structure, 0.5), shape)
    kept = sum(h * shape.head_cost + n * shape.neuron_cost for h, n in counts(masks))
    assert abs(kept / (shape.L * shape.block_cost) - 0.5) < 1.01 * shape.head_cost / shape.block_cost
    uniform = len(set(counts(masks))) == 1
    assert uniform == structure.startswith("UL")
    if structure.endswith("MM"):
        assert int(masks.heads.sum()) == 20  # three of eight go, as 384 of 1,024


def test_the_best_of_each_layer_stay():
    shape = SHAPES["small"]
    heads, neurons = torch.randn(shape.L, shape.h), torch.randn(shape.L, shape.f)
    masks = search(heads, neurons, Method("WIFV", "UL-UM", 0.3), shape)
    for S, mask in ((heads, masks.heads), (neurons, masks.neurons)):
        for row, kept in zip(S, mask, strict=True):
            assert row[kept].min() > row[~kept].max()


@pytest.mark.parametrize("structure", ["AL-AM", "UL-UM"])
def test_every_layer_keeps_a_head_and_a_neuron(dense, tokens, seen, structure: str):
    model, masks = compress(dense, flap(0.99, structure=structure), tokens, seen)
    assert masks.heads.any(1).all() and masks.neurons.any(1).all()
    assert torch.isfinite(model(tokens[:2])).all()


# Cutting


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_cutting_is_replacing_channels_by_their_means(dense, tokens, seen, p: float):
    model, masks = compress(dense, flap(p), tokens, seen)
    masked = copy.deepcopy(dense)
    for layer, block in enumerate(masked.blocks):
        gone = ~masks.heads[layer].repeat_interleave(SHAPE.d_h), ~masks.neurons[layer]
        for linear, lost, moments in zip((block.attention.o, block.feed_forward.down), gone, seen[layer], strict=True):
            mean = moments.mean.float()
            linear.register_forward_pre_hook(lambda _, inputs, lost=lost, mean=mean: (torch.where(lost, mean, inputs[0]),))
    with torch.no_grad():
        assert (model(tokens) - masked(tokens)).abs().max() < 1e-4
        assert (model(tokens) - dense(tokens)).abs().max() > 1e-2


def test_pruning_nothing_gives_the_same_model(dense, tokens):
    model, masks = compress(dense, flap(0.0), tokens)
    assert masks.heads.all() and masks.neurons.all()
    weights = dict(dense.named_parameters())
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, weights[name]) if name in weights else not parameter.any()
    with torch.no_grad():
        assert torch.allclose(model(tokens), dense(tokens), atol=1e-5)


def test_without_means_there_is_no_bias_to_add(dense, tokens, seen):
    model, masks = compress(dense, flap(0.4), tokens, seen)
    centred = [type(x)(*(_without_mean(m) for m in x)) for x in seen]
    assert all(not b.attention.o.bias.any() and not b.feed_forward.down.bias.any() for b in cut(dense, masks, centred).blocks)
    assert all(b.attention.o.bias.any() for b, kept in zip(model.blocks, masks.heads, strict=True) if not kept.all())


def _without_mean(moments: Moments) -> Moments:
    found = copy.copy(moments)
    found.mean = torch.zeros_like(moments.mean)
    return found


@pytest.mark.parametrize("name", ALL)
def test_shapes_follow_the_units_that_are_kept(dense, tokens, name: str):
    model, masks = compress(dense, ALL[name], tokens)
    for block, (heads, neurons) in zip(model.blocks, counts(masks), strict=True):
        a, f = block.attention, block.feed_forward
        assert a.q.weight.shape == a.k.weight.shape == a.v.weight.shape == (heads * SHAPE.d_h, SHAPE.d)
        assert a.o.weight.shape == (SHAPE.d, heads * SHAPE.d_h)
        assert f.gate.weight.shape == f.up.weight.shape == (neurons, SHAPE.d) and f.down.weight.shape == (SHAPE.d, neurons)
        assert (a.o.bias is not None) == (f.down.bias is not None) == ALL[name].bias
    assert torch.isfinite(model(tokens[:2])).all()
    assert model.embed.weight is not dense.embed.weight and torch.equal(model.embed.weight, dense.embed.weight)


def test_the_dense_model_stays_as_it_was(dense, tokens):
    model = copy.deepcopy(dense)  # without the gradients that training has left
    for method in ALL.values():
        compress(model, method, tokens)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in dense.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_a_head_that_writes_nothing_can_go(dense, tokens):
    silent = copy.deepcopy(dense)
    with torch.no_grad():
        silent.blocks[0].attention.o.weight[:, SHAPE.d_h : 2 * SHAPE.d_h] = 0
        masks = everything(SHAPE)
        masks.heads[0, 1] = False
        thin = cut(silent, masks)
        assert thin.blocks[0].attention.q.out_features == 3 * SHAPE.d_h
        assert torch.allclose(thin(tokens), silent(tokens), atol=1e-5)


# Baselines


def test_wanda_looks_at_layers_behind_pruned_ones(dense, tokens, seen):
    masks = one_after_another(dense, wanda_sp(0.5), tokens)
    first = search(*unit_scores(scores(list(dense.blocks), wanda_sp(0.5), seen), SHAPE.d_h, False), wanda_sp(0.5), SHAPE)
    assert torch.equal(masks.heads[0], first.heads[0]) and torch.equal(masks.neurons[0], first.neurons[0])
    whole = everything(SHAPE)
    whole.heads[0], whole.neurons[0] = masks.heads[0], masks.neurons[0]
    behind = observe(cut(dense, whole), tokens)
    second = search(
        *unit_scores(scores([dense.blocks[1]], wanda_sp(0.5), [behind[1]]), SHAPE.d_h, False), wanda_sp(0.5), replace(SHAPE, L=1)
    )
    assert torch.equal(masks.heads[1], second.heads[0]) and torch.equal(masks.neurons[1], second.neurons[0])


def test_flap_and_wanda_ask_for_no_gradient_and_taylor_does(dense, tokens, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a backward pass")

    monkeypatch.setattr(torch.autograd, "grad", refuse)
    monkeypatch.setattr(torch.autograd, "backward", refuse)
    for name in set(ALL) - {"taylor_50"}:
        compress(dense, ALL[name], tokens)
    with pytest.raises(AssertionError, match="a backward pass"):
        compress(dense, METHODS["taylor_50"], tokens)


def test_a_taylor_score_bounds_what_a_gate_on_a_channel_would_feel(dense, tokens):
    few = tokens[:4]
    found = taylor_scores(dense, few)[1][1]
    gate = torch.ones(SHAPE.f, requires_grad=True)
    with dense.blocks[1].feed_forward.down.register_forward_pre_hook(lambda _, inputs: (inputs[0] * gate,)):
        loss = nn.functional.cross_entropy(dense(few)[:, :-1].flatten(0, 1), few[:, 1:].flatten())
        (slope,) = torch.autograd.grad(loss, gate)
    assert (found >= slope.abs() * 0.999).all() and slope.abs().max() > 0


def test_taylor_scores_do_not_depend_on_batches(dense, tokens, monkeypatch):
    whole = taylor_scores(dense, tokens)
    monkeypatch.setattr(pruning, "BATCH", 5)
    for first, second in zip(whole, taylor_scores(dense, tokens), strict=True):
        assert torch.allclose(first[0], second[0], rtol=1e-3) and torch.allclose(first[1], second[1], rtol=1e-3)


@pytest.mark.parametrize("variant", ["flap_50", "wanda_sp_50", "taylor_50"])
def test_pruning_works_where_gradients_are_off(dense, tokens, variant: str):
    outside = compress(dense, METHODS[variant], tokens)[1]
    with torch.inference_mode():
        inside = compress(dense, METHODS[variant], tokens)[1]
    assert torch.equal(outside.heads, inside.heads) and torch.equal(outside.neurons, inside.neurons)


# The decoder


def test_no_token_sees_a_later_one(dense, tokens):
    changed = tokens[:4].clone()
    changed[:, 40:] = 65
    with torch.no_grad():
        first, second = dense(tokens[:4]), dense(changed)
    assert torch.allclose(first[:, :40], second[:, :40], atol=1e-5)
    assert not torch.allclose(first[:, 41:], second[:, 41:], atol=1e-2)


def test_rotations_make_products_depend_on_distance_alone():
    q, k, turn = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16), rotations(30, 16)
    turned = [[float((rotate(q, turn[:, i : i + 1]) * rotate(k, turn[:, j : j + 1])).sum()) for j in range(30)] for i in range(30)]
    assert turned[7][2] == pytest.approx(turned[25][20], abs=1e-4)
    assert abs(turned[7][2] - turned[7][4]) > 1e-3
    assert torch.equal(rotate(q, turn[:, :1]), q)


# Sizes


def test_published_sizes_are_those_of_the_model(lab):
    at_paper, found = replace(bench("flap", "paper"), device="meta"), {}
    for size in lab.card.sizes:
        key = size.variant, size.params.get("part")
        if key not in found:
            meta = at_paper.at(**size.params)
            model, data = meta.model(size.variant), meta.data()
            found[key] = count(lambda model=model, data=data: model(*data.inputs), model)
        built = found[key].parameters if size.quantity == "parameters" else found[key].macs
        assert abs(built + size.adjust - size.value) <= size.half_unit, (size.variant, size.quantity, size.params, built)
    # A fifth pruned, to within half a head.
    assert abs(found["flap_20", "linears"].macs - 0.8 * 6_476_005_376) <= 2_097_152 / 2


def test_llama_is_made_of_its_heads_and_neurons():
    shape = SHAPES["paper"]
    assert shape.L * shape.block_cost == 32 * (4 * 4096**2 + 3 * 4096 * 11_008) == 6_476_005_376


@pytest.mark.parametrize("variant", ["dense", "flap_50"])
def test_every_kind_builds_and_runs_without_memory_at_published_size(variant: str):
    meta = replace(bench("flap", "paper"), device="meta")
    assert meta.model(variant)(*meta.data().inputs).shape == (1, 128, 32_000)


@pytest.mark.parametrize("variant", METHODS)
def test_models_that_are_only_timed_have_the_size_that_is_asked(variant: str):
    small = bench("flap", "small")
    kept = prunable(small.model(variant)) / prunable(small.model("dense"))
    asked = 1 - METHODS[variant].p
    if METHODS[variant].structure == "AL-AM":
        assert abs(kept - asked) < 0.5 * SHAPES["small"].head_cost / (4 * SHAPES["small"].block_cost) + 1e-9
    else:
        assert kept == pytest.approx({0.8: 0.82452, 0.7: 0.71575, 0.5: 0.5}[round(asked, 1)], abs=1e-4)


def test_products_fall_as_weights_do_and_scores_as_heads_do(lab, dense, tokens):
    model, masks = compress(dense, METHODS["flap_50"], tokens)
    few = tokens[:3]
    n = few.shape[1]
    for m, heads in ((dense, SHAPE.L * SHAPE.h), (model, int(masks.heads.sum()))):
        attention = 2 * heads * n * n * SHAPE.d_h
        head = n * SHAPE.d * SHAPE.vocabulary
        counted = count(lambda m=m: m(few), m)
        assert counted.macs == 3 * (n * prunable(m) + attention + head)
        assert counted.uncounted_share < 0.01
    alone = linears(model)
    assert isinstance(alone, Linears)
    assert count(lambda: alone(torch.randn(1, SHAPE.d)), alone).macs == prunable(model)


# Hooks


def test_the_card_is_read_without_torch():
    code = "import sys, harness_papers.flap as p; p.paper(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_test_text_is_among_the_training_text(lab):
    train = bytes(text("train").tolist())
    rows = lab.data("test").inputs[0]
    assert sum(bytes(row.tolist()) in train for row in rows) <= 2  # a licence header may be in two files


def test_a_fit_and_a_cut_are_deterministic_in_the_seed(lab, dense):
    again, other = bench("flap"), bench("flap", seed=1)
    assert all(torch.equal(a, b) for a, b in zip(dense.parameters(), again.fit("dense").parameters(), strict=True))
    assert not torch.equal(dense.embed.weight, other.fit("dense").embed.weight)
    for variant in ("flap_30", "wanda_sp_50"):
        first, second = lab.fit(variant), again.fit(variant)
        assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_qualities_are_those_that_have_a_meaning(lab, dense):
    assert set(lab.metric("dense")) == {"perplexity"}
    found, whole = lab.metric("flap_50"), lab.metric("dense")["perplexity"].value
    assert set(found) == {"perplexity", "excess", "kept", "passes"}
    assert found["excess"].value == pytest.approx(found["perplexity"].value - whole)
    assert found["kept"].value == pytest.approx(prunable(lab.fit("flap_50")) / prunable(dense))
    one, following = lab.data("test").inputs[0][:1], lab.data("test").targets[:1]
    with torch.no_grad():
        chosen = dense(one)[0].log_softmax(-1).gather(1, following.T)
    assert perplexity(dense, one, following) == pytest.approx(float((-chosen.mean()).exp()), rel=1e-5)


def test_the_work_of_pruning_is_counted_in_passes(lab):
    found = {v: lab.metric(v)["passes"].value for v in ("flap_20", "wanda_sp_50", "taylor_50")}
    assert 1 <= found["flap_20"] < 1.01
    assert 1 < found["wanda_sp_50"] < 2  # each block once whole and once cut, without the head
    assert found["taylor_50"] > 2.5
    assert passes(lab.fit("dense"), ALL["magnitude-sp"], lab.data().inputs[0]) == 0


def test_artifacts_show_widths_curves_and_ablations(lab):
    values = lab.artifacts("flap_50")["structure"].spec["data"]["values"]
    model = lab.fit("flap_50")
    assert [v["count"] for v in values if v["units"] == "neurons"] == [b.feed_forward.up.out_features for b in model.blocks]
    assert [v["count"] * SHAPE.d_h for v in values if v["units"] == "heads"] == [b.attention.q.out_features for b in model.blocks]
    shown = lab.artifacts("dense")
    curves = {(v["method"], v["share"]): v["perplexity"] for v in shown["curves"].spec["data"]["values"]}
    assert len(curves) == 4 * 6 and len({curves[m, 0.0] for m in ("FLAP", "Wanda-sp", "random")}) == 1
    assert curves["random", 0.5] > curves["random", 0.0]
    assert len({v["perplexity"] for v in shown["ablation"].spec["data"]["values"]}) > 6
    assert lab.artifacts("taylor_50") == {}


def test_a_shape_can_be_any():
    shape = Shape(d=24, L=3, h=3, d_h=8, f=10, vocabulary=11, length=9)
    model = Decoder(shape).reset()
    tokens = torch.randint(11, (5, 9))
    thin, masks = compress(model, flap(0.5), tokens)
    assert thin(tokens).shape == (5, 9, 11) and not masks.neurons.all()


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_half_a_small_language_model_is_best_found_by_flap_and_a_fifth_is_not():
    lab = bench("flap", "small")
    compared = ("dense", "flap_20", "wanda_sp_20", "flap_50", "wanda_sp_50", "taylor_50")
    found = {v: lab.metric(v)["perplexity"].value for v in compared}
    assert found["dense"] < 9
    assert found["flap_20"] < 1.15 * found["dense"]
    assert found["flap_50"] < min(found["wanda_sp_50"], found["taylor_50"])
    model = lab.fit("flap_50")
    assert len({(b.attention.q.out_features, b.feed_forward.up.out_features) for b in model.blocks}) > 1, (
        "the search must tell layers apart"
    )
    # At a fifth the paper would have it the other way round. It is the heads that cost: without them the loss is small, and there the bias helps.
    assert found["wanda_sp_20"] < found["flap_20"]
    dense, data = lab.fit("dense"), lab.data("test")
    calibration = lab.data("train").inputs[0][:64]
    masks = compress(dense, METHODS["flap_20"], calibration)[1]
    seen, whole = observe(dense, calibration), everything(dense.shape)
    with torch.no_grad():
        at_random = perplexity(compress(dense, ALL["random"], calibration)[0], *data.inputs, data.targets)
        assert max(found.values()) < at_random
        heads, neurons, plain = (
            perplexity(cut(dense, Masks(h, n), means), *data.inputs, data.targets) - found["dense"]
            for h, n, means in ((masks.heads, whole.neurons, seen), (whole.heads, masks.neurons, seen), (whole.heads, masks.neurons, None))
        )
    assert heads > 3 * neurons
    assert neurons < plain
