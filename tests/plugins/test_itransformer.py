"""The inverted Transformer: what holds of it exactly, what its baselines may and may not see, and what the method does for quality."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.plugin.values import Budget
from harness.testing import bench
from harness_papers.itransformer.network import (
    MARKS,
    DecoderLayer,
    DLinear,
    EncoderLayer,
    ITransformer,
    PatchTST,
    Shape,
    Size,
    Transformer,
    series_scale,
)
from harness_papers.itransformer.partial import Part, TrainedOnPart, mse, seen
from harness_papers.itransformer.quality import naive
from harness_papers.itransformer.tasks import cut

VARIANTS = ("itransformer", "itransformer_20", "itransformer_fixed20", "transformer", "dlinear", "patchtst")
SHAPE = Shape(N=5, T=48, S=24)
SIZE = Size(D=32, d_ff=32, h=4, L=2)


@pytest.fixture(scope="module")
def lab():
    return bench("itransformer")


@pytest.fixture(scope="module")
def published():
    return replace(bench("itransformer", scale="paper"), device="meta")


@pytest.fixture
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def inverted(seeded):
    return ITransformer(SHAPE, SIZE).eval()


@pytest.fixture
def past(seeded):
    return 3 * torch.randn(2, SHAPE.T, SHAPE.N) + 5


@pytest.fixture
def marks(seeded):
    return torch.rand(2, SHAPE.T + SHAPE.S, MARKS) - 0.5


def parameters(model):
    return sum(p.numel() for p in model.parameters())


# What is published


def test_parameters_are_the_published_ones_to_the_last(published):
    for size in published.card.sizes:
        assert parameters(published.at(**size.params).model(size.variant)) == size.value


def test_every_part_has_its_count(published):
    model = published.model("itransformer")
    layer = model.layers[0]
    assert len(model.layers) == 3
    assert [parameters(part) for part in (model.embed, layer, model.norm, model.project)] == [49_664, 1_577_984, 1_024, 49_248]
    assert [parameters(part) for part in (layer.attention, layer.ffn, layer.norm1, layer.norm2)] == [1_050_624, 525_312, 1_024, 1_024]


@pytest.mark.parametrize(("variates", "layers"), [(21, 3), (321, 3), (862, 4)])
def test_multiplications_are_those_of_the_formula(published, variates, layers):
    lab = published.at(variates=variates)
    past, marks = (x[:1] for x in lab.data().inputs)
    with FlopCounterMode(display=False) as counter:
        lab.model("itransformer")(past, marks)
    n, T, S, D, d_ff = variates + MARKS, 96, 96, 512, 512
    assert counter.get_total_flops() == 2 * (n * T * D + layers * (4 * n * D**2 + 2 * n**2 * D + 2 * n * D * d_ff) + n * D * S)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_forecasts_the_same_shape_at_published_dimensions(published, variant):
    assert published.model(variant)(*published.data().inputs).shape == (16, 96, 321)


# What holds exactly of the method


def test_permuting_the_variates_permutes_the_forecast(inverted, past, marks):
    order = torch.randperm(SHAPE.N)
    assert torch.allclose(inverted(past[..., order], marks), inverted(past, marks)[..., order], atol=1e-5)


def test_the_same_weights_take_any_number_of_variates(inverted, marks):
    assert parameters(ITransformer(Shape(99, SHAPE.T, SHAPE.S), SIZE)) == parameters(inverted)
    for N in (1, 3, 40):
        assert inverted(torch.randn(2, SHAPE.T, N), marks).shape == (2, SHAPE.S, N)


def test_scaling_and_shifting_a_variate_does_the_same_to_its_forecast(inverted, past, marks):
    scale, shift = torch.tensor([0.5, 1.0, 2.0, 10.0, 3.0]), torch.tensor([-4.0, 0.0, 1.0, 50.0, 7.0])
    moved = inverted(scale * past + shift, marks)
    assert torch.allclose(moved, scale * inverted(past, marks) + shift, rtol=1e-4, atol=1e-3)


def test_a_constant_past_is_forecast_to_stay(inverted, marks):
    constant = torch.full((2, SHAPE.T, SHAPE.N), 7.0)
    mean, std = series_scale(constant)
    assert torch.allclose(mean, torch.tensor(7.0)) and torch.allclose(std, torch.tensor(1e-5).sqrt())
    moved = (inverted(constant, marks) - 7.0).abs()
    assert 0 < moved.max() < 0.02


def test_attention_relates_variates_and_calendar_and_its_rows_sum_to_one(inverted, past, marks):
    maps = inverted.attention_maps(past, marks)
    tokens = SHAPE.N + MARKS
    assert maps.shape == (SIZE.L, 2, SIZE.h, tokens, tokens)
    assert torch.allclose(maps.sum(-1), torch.ones(()), atol=1e-6)
    assert (maps > 0).all()


def test_variates_and_the_calendar_of_the_past_are_heard(inverted, past, marks):
    before = inverted(past, marks)
    other, clock = past.clone(), marks.clone()
    other[:, ::2, 4] += 10.0
    clock[:, : SHAPE.T : 2, 0] += 1.0
    assert (inverted(other, marks) - before)[..., 0].abs().max() > 1e-4
    assert (inverted(past, clock) - before).abs().max() > 1e-4


def test_the_layers_are_the_unmodified_transformers(seeded, past):
    """The same weights in torch's own layers give the same tokens."""
    options = {"dim_feedforward": SIZE.d_ff, "activation": "gelu", "batch_first": True}
    x, encoded = torch.randn(2, 2, 7, SIZE.D)
    ours, theirs = EncoderLayer(SIZE).eval(), torch.nn.TransformerEncoderLayer(SIZE.D, SIZE.h, **options).eval()
    theirs.load_state_dict(_as_in_torch(ours, {"attention": "self_attn"}))
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)
    ours, theirs = DecoderLayer(SIZE).eval(), torch.nn.TransformerDecoderLayer(SIZE.D, SIZE.h, **options).eval()
    theirs.load_state_dict(_as_in_torch(ours, {"attention": "self_attn", "cross": "multihead_attn"}))
    mask = torch.nn.Transformer.generate_square_subsequent_mask(7)
    assert torch.allclose(ours(x, encoded), theirs(x, encoded, tgt_mask=mask), atol=1e-6)


def _as_in_torch(layer, attentions):
    """Return a layer's weights under the names of torch's."""
    weights = {}
    for ours, theirs in attentions.items():
        attention = getattr(layer, ours)
        for kind in ("weight", "bias"):
            weights[f"{theirs}.in_proj_{kind}"] = torch.cat([getattr(w, kind) for w in (attention.W_q, attention.W_k, attention.W_v)])
            weights[f"{theirs}.out_proj.{kind}"] = getattr(attention.W_o, kind)
    for name, value in layer.state_dict().items():
        if name.startswith(("ffn", "norm")):
            weights[name.replace("ffn.0", "linear1").replace("ffn.3", "linear2")] = value
    return weights


def test_normalisation_is_over_the_width_of_one_token(inverted):
    assert all(norm.normalized_shape == (SIZE.D,) for layer in inverted.layers for norm in (layer.norm1, layer.norm2))


# What baselines may see


@pytest.mark.parametrize("kind", ["dlinear", "patchtst"])
def test_variates_of_channel_independent_models_never_meet(seeded, past, marks, kind):
    model = (DLinear(SHAPE) if kind == "dlinear" else PatchTST(SHAPE, SIZE)).eval()
    other = past.clone()
    other[..., 4] += torch.randn(SHAPE.T)
    change = (model(other, marks) - model(past, marks)).abs().amax((0, 1))
    assert change[4] > 1e-4
    assert (change[:4] == 0).all()


def test_dlinear_is_linear_and_forecasts_the_mean_before_training(seeded, marks):
    model = DLinear(SHAPE)
    with torch.no_grad():
        for linear in (model.trend, model.remainder):
            linear.bias.zero_()
        x, y = torch.randn(2, 2, SHAPE.T, SHAPE.N)
        assert torch.allclose(model(2 * x - 3 * y, marks), 2 * model(x, marks) - 3 * model(y, marks), atol=1e-5)
        assert torch.allclose(model(x, marks), x.mean(1, keepdim=True).expand(-1, SHAPE.S, -1), atol=1e-6)


def test_patches_cover_the_past_with_its_last_value_repeated(seeded):
    model = PatchTST(Shape(1, 96, 24), SIZE)
    assert model.position.shape == (12, SIZE.D)
    assert model.project.in_features == 12 * SIZE.D


def test_the_decoder_knows_the_future_calendar_but_is_causal(seeded, past, marks):
    model = Transformer(SHAPE, SIZE).eval()
    later = marks.clone()
    later[:, -1] += 1.0
    change = (model(past, later) - model(past, marks)).abs().amax((0, 2))
    assert (change[:-1] == 0).all()
    assert change[-1] > 1e-4


def test_the_vanilla_transformer_depends_on_the_order_of_steps(seeded, past, marks):
    model = Transformer(SHAPE, SIZE).eval()
    assert not torch.allclose(model(past.flip(1), marks), model(past, marks), atol=1e-3)


# Training on a part


def test_a_fifth_in_training_and_all_of_them_afterwards(inverted, marks):
    past = torch.randn(2, SHAPE.T, 40)
    model = TrainedOnPart(inverted, resample=True)
    part = model.train()(past, marks)
    assert isinstance(part, Part) and part.forecast.shape == (2, SHAPE.S, 8) and len(set(part.variates.tolist())) == 8
    assert torch.equal(model.eval()(past, marks), inverted.eval()(past, marks))
    assert [seen(N) for N in (1, 7, 32, 321, 862)] == [1, 1, 6, 64, 172]


def test_every_variate_has_its_turn_or_only_the_first_fifth(inverted, marks):
    past = torch.randn(2, SHAPE.T, 20)
    turns = {resample: {v for _ in range(60) for v in _chosen(inverted, resample, past, marks)} for resample in (True, False)}
    assert turns == {True: set(range(20)), False: set(range(4))}


def _chosen(inverted, resample, past, marks):
    return TrainedOnPart(inverted, resample).train()(past, marks).variates.tolist()


def test_the_loss_on_a_part_is_that_of_the_chosen_variates():
    future = torch.arange(6.0).view(1, 2, 3)
    assert mse(future + 2, future) == 4
    assert mse(Part(future[..., [2, 0]] + 3, torch.tensor([2, 0])), future) == 9
    assert mse(Part(future[..., [2, 0]], torch.tensor([0, 2])), future) > 0


def test_the_unseen_variates_do_not_touch_training(seeded, marks):
    past, future = torch.randn(2, SHAPE.T, 20), torch.randn(2, SHAPE.S, 20)
    other = past.clone()
    other[..., 4:] = 0.0
    losses = []
    for x in (past, other):
        torch.manual_seed(1)
        losses.append(mse(TrainedOnPart(ITransformer(SHAPE, SIZE), resample=False).train()(x, marks), future))
    assert losses[0] == losses[1]


# Data


def test_inputs_and_targets_follow_one_another(lab):
    for part, count in (("profile", 4), ("train", None), ("test", None)):
        data = lab.data(part)
        past, marks = data.inputs
        assert past.shape[1:] == (48, 7) and marks.shape[1:] == (72, MARKS) and data.targets.shape[1:] == (24, 7)
        assert len(past) == len(marks) == len(data.targets) == (count or len(past))
    past, future = lab.data("test").inputs[0], lab.data("test").targets
    assert torch.equal(past[24], torch.cat([past[0, 24:], future[0]]))  # 24 windows on, the future has become past


def test_the_test_part_is_the_same_length_for_every_past(lab):
    counts = {T: len(cut("small", "test", {"variates": 3, "lookback": T, "horizon": 96, "series": "lagged"}).targets) for T in (48, 384)}
    assert counts == {48: 1505, 384: 1505}


@pytest.mark.parametrize(("series", "N", "S"), [("lagged", 32, 96), ("crowded", 128, 96), ("leaders", 128, 24), ("macrodata", 12, 12)])
def test_models_fit_every_series(series, N, S):
    lab = bench("itransformer", scale="small", series=series)
    past, marks = (x.to("meta") for x in lab.data().inputs)
    for variant in VARIANTS:
        with torch.device("meta"):
            assert lab.model(variant).to("meta")(past, marks).shape == (4, S, N)


def test_repeating_a_day():
    past = torch.arange(48.0).view(1, 48, 1)
    assert naive(past, 30).flatten().tolist() == [*range(24, 48), *range(24, 30)]


def test_a_perfect_forecast_has_no_error_and_yesterday_again_has_ratio_one(lab):
    class Oracle(torch.nn.Module):
        def forward(self, x, marks):
            return naive(x, 24)

    found = lab.metric("itransformer", Oracle())
    assert found["mse_over_naive"].value == pytest.approx(1.0)
    assert found["mse"].value > found["mae"].value ** 2 > 0


# Runs


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_lowers_the_error_and_is_deterministic(lab, variant):
    fresh = lab.metric(variant, lab.model(variant))["mse"].value
    fits = [bench("itransformer").fit(variant, Budget(steps=40)) for _ in range(2)]
    first, second = ({k: v.value for k, v in lab.metric(variant, fit).items()} for fit in fits)
    assert first == second
    assert first["mse"] < fresh


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_workloads_run(lab, variant):
    for workload in ("infer", "train_step"):
        subject = lab.subject(workload, variant)
        with subject.guarded():
            assert torch.isfinite(subject.work.run()).all()


def test_a_training_step_on_a_fifth_multiplies_less(published):
    counts = {}
    for variant in ("itransformer", "itransformer_20"):
        lab = published.at(variates=862)
        past, marks = (x[:1] for x in lab.data().inputs)
        with FlopCounterMode(display=False) as counter:
            lab.model(variant).train()(past, marks)
        counts[variant] = counter.get_total_flops()
    assert counts["itransformer_20"] < counts["itransformer"] / 5


def test_pictures_are_small_and_say_something(lab):
    pictures = lab.artifacts("itransformer", lab.model("itransformer"))
    assert set(pictures) == {"forecast", "error-ahead", "attention"}
    for picture in pictures.values():
        specs = picture.spec.get("hconcat", [picture.spec])
        assert 0 < sum(len(s["data"]["values"]) for s in specs) < 2000
        assert "NaN" not in json.dumps(picture.spec)
    truth = [row["value"] for row in pictures["forecast"].spec["data"]["values"] if row["of"] == "truth"]
    assert len(truth) == 3 * (48 + 24)


# The card


def test_the_card_is_read_without_torch():
    code = "import sys, harness_papers.itransformer as p; p.paper(); print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_claims_can_be_judged_where_they_say(lab):
    card = lab.card
    for claim in card.claims:
        for statement in (claim, claim.scaled) if claim.scaled else (claim,):
            scale, point = statement.when.get("scale"), {k: v for k, v in statement.when.items() if k in card.sweep}
            assert scale in ("small", "paper")
            assert all(value in card.axis(axis, scale) for axis, value in point.items())
            if scale == "small" and (statement.quantity or claim.quantity) in card.qualities:
                assert len(point) <= 1
            if statement.axis:
                assert len(card.axis(statement.axis, "small")) == 4


def test_published_ratios_are_those_of_the_figures_they_quote(lab):
    ratios = {c.id: c.ratio for c in lab.card.claims if c.form == "ratio"}
    assert ratios["boost-ecl"] == pytest.approx(1 - 0.356, abs=0.002)
    assert ratios["boost-traffic"] == pytest.approx(1 - 0.356, abs=0.002)
    assert ratios["boost-weather"] == pytest.approx(1 - 0.602, abs=0.006)
    assert ratios["fifth-is-faster"] == pytest.approx(1 / 2.9, abs=0.002)
    assert ratios["fifth-is-lighter"] == pytest.approx(1 / 5.9, abs=0.002)


# What the method does for quality


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_attention_between_variates_and_normalised_series_pay():
    """Against DLinear on lagged series, on variates never met, and against the vanilla Transformer where levels drift: the findings of the card."""
    lagged, drifting = bench("itransformer", scale="small"), bench("itransformer", scale="small", series="drifting")
    found = {variant: lagged.metric(variant) for variant in ("itransformer", "itransformer_fixed20", "dlinear")}
    assert found["itransformer"]["mse"].value < 0.9 * found["dlinear"]["mse"].value
    assert found["itransformer"]["mse_over_naive"].value < 0.9
    assert found["itransformer_fixed20"]["mse_unseen"].value < 1.3 * found["itransformer"]["mse_unseen"].value
    assert drifting.metric("itransformer")["mse"].value < 0.6 * drifting.metric("transformer")["mse"].value
