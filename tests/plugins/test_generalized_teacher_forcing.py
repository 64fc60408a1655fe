"""Generalized teacher forcing: exact gradients of forced orbits, what alpha bounds, the measures, and what it gains on a chaotic system."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.generalized_teacher_forcing import measures, systems
from harness_papers.generalized_teacher_forcing.baselines import LSTM, Reservoir, SINDy, lstm_width
from harness_papers.generalized_teacher_forcing.plrnn import ShallowPLRNN, estimated_alpha, safe_alpha
from harness_papers.generalized_teacher_forcing.rollout import Rollout
from harness_papers.generalized_teacher_forcing.setting import FORCINGS
from harness_papers.generalized_teacher_forcing.training import DECAY, Learner, sequences

SLUG = "generalized_teacher_forcing"
NETWORKS = tuple(FORCINGS)
OTHERS = ("lstm", "reservoir", "sindy")


def network(seed: int = 0, M: int = 3, L: int = 12, **kind) -> ShallowPLRNN:
    """A network in double precision whose weights are all of ordinary size."""
    torch.manual_seed(seed)
    model = ShallowPLRNN(kind.pop("N", M), M, L, **kind).double()
    with torch.no_grad():
        model.W1.normal_(0, 0.4)
        model.h1.normal_(0, 0.2)
    return model


def data(T: int = 12, B: int = 4, N: int = 3, seed: int = 1) -> torch.Tensor:
    return torch.randn(T + 1, B, N, dtype=torch.double, generator=torch.Generator().manual_seed(seed))


def by_hand(model: ShallowPLRNN, x: torch.Tensor, alphas) -> torch.Tensor:
    """The forced orbit as a loop of the map itself, under autograd: what is predicted, then mixed."""
    z, found = x[0], []
    for target, alpha in zip(x[1:], alphas, strict=True):
        z = model.step(z)
        found.append(z)
        z = (1 - alpha) * z + alpha * target
    return torch.stack(found)


def gradients(model, loss) -> list[torch.Tensor]:
    return torch.autograd.grad(loss, list(model.weights))


# Forcing


@pytest.mark.parametrize("clipped", [True, False])
@pytest.mark.parametrize("alphas", [(0.0,) * 12, (0.15,) * 12, (1.0,) * 12, tuple(float(t % 4 == 0) for t in range(1, 13))])
def test_a_forced_orbit_and_its_gradients_are_those_of_a_loop_under_autograd(clipped: bool, alphas):
    model, x = network(clipped=clipped), data()
    ours, theirs = model.forced(x, alphas), by_hand(model, x, alphas)
    assert torch.allclose(ours, theirs, atol=1e-12)
    for a, b in zip(gradients(model, F.mse_loss(ours, x[1:])), gradients(model, F.mse_loss(theirs, x[1:])), strict=True):
        assert torch.allclose(a, b, atol=1e-12) and b.abs().max() > 1e-6


def test_without_forcing_the_data_after_the_first_make_no_difference():
    """Alpha 0 is backpropagation through time of a free run, to the last bit."""
    model, x, other = network(), data(), data(seed=2)
    other[0] = x[0]
    free = model.forced(x, (0.0,) * 12)
    assert torch.equal(free, model.forced(other, (0.0,) * 12))
    assert not torch.equal(free, model.forced(other, (0.15,) * 12))
    for a, b in zip(gradients(model, free.sum()), gradients(model, model.forced(other, (0.0,) * 12).sum()), strict=True):
        assert torch.equal(a, b)


def test_full_forcing_is_training_for_single_steps():
    model, x = network(), data()
    predicted = model.forced(x, (1.0,) * 12)
    assert torch.allclose(predicted, model.step(x[:-1]), atol=1e-14)
    z0 = x[0].clone().requires_grad_()
    z = Rollout.apply(z0, x[1:], (1.0,) * 12, True, *model.weights)
    (of_later,) = torch.autograd.grad(z[1:].sum(), z0, retain_graph=True)
    (of_first,) = torch.autograd.grad(z[0].sum(), z0)
    assert (of_later == 0).all() and (of_first != 0).any()


def test_gradients_through_time_are_products_of_shrunk_jacobians():
    model, x, alpha = network(), data(T=9, B=1), 0.15
    z0 = x[0].clone().requires_grad_()
    z = Rollout.apply(z0, x[1:], (alpha,) * 9, True, *model.weights)
    rows = torch.stack([torch.autograd.grad(z[-1, 0, i], z0, retain_graph=True)[0][0] for i in range(3)])
    mixed = [x[0], *((1 - alpha) * z.detach()[:-1] + alpha * x[1:-1])]
    expected = torch.eye(3, dtype=torch.double)
    for t, state in enumerate(mixed):
        shrunk = model.jacobian(state[0]) * (1 - alpha if t < 8 else 1)  # the last one is not mixed any more
        expected = shrunk @ expected
    assert torch.allclose(rows, expected, atol=1e-6) and rows.abs().max() > 1e-3


@pytest.mark.parametrize("clipped", [True, False])
def test_the_jacobian_is_autograds(clipped: bool):
    model = network(clipped=clipped)
    for z in data(T=20, B=1)[:, 0]:
        assert torch.allclose(model.jacobian(z), torch.autograd.functional.jacobian(model.step, z), atol=1e-12)


def test_alpha_above_its_bound_stretches_nothing_and_one_below_does():
    model = network()
    with torch.no_grad():
        model.A.fill_(1.2)
    J = model.jacobian(data(T=60, B=1)[:, 0]).detach()
    alpha = safe_alpha(J)
    assert 0 < alpha < 1
    norms, product = [], torch.eye(3, dtype=torch.double)
    for one in J:
        product = (1 - alpha) * one @ product
        norms.append(float(torch.linalg.matrix_norm(product, 2)))
    assert max(norms) <= 1 + 1e-9
    assert float(torch.linalg.matrix_norm((1 - 0.9 * alpha) * J, 2).max()) > 1
    assert estimated_alpha(J) < alpha


def test_a_contraction_needs_no_forcing():
    assert safe_alpha(0.5 * torch.eye(3).expand(4, 3, 3)) == estimated_alpha(0.5 * torch.eye(3).expand(4, 3, 3)) == 0


def test_the_adaptive_alpha_jumps_up_and_creeps_down():
    model, x = network(), data()
    learner = Learner(model, FORCINGS["agtf"], T=12)
    estimate = estimated_alpha(model.jacobian(x[1:]))
    learner.adapt(model, x)
    assert learner.alpha == pytest.approx(DECAY + (1 - DECAY) * estimate)
    with torch.no_grad():
        model.A.fill_(3.0)
    learner.alpha = 0.0
    learner.adapt(model, x)
    assert learner.alpha == pytest.approx(estimated_alpha(model.jacobian(x[1:]))) and learner.alpha > 0.5


def test_sparse_forcing_takes_the_data_every_few_steps():
    alphas = Learner(network(), FORCINGS["sparse"], T=40).alphas()
    assert [t for t, alpha in enumerate(alphas, 1) if alpha] == [16, 32] and set(alphas) == {0.0, 1.0}


def test_the_clipped_term_is_bounded_along_every_ray():
    model = network(M=4, L=9)
    direction = torch.randn(50, 4, dtype=torch.double)
    for scale in (1.0, 1e3, 1e6):
        z = scale * direction
        assert ((model.step(z) - model.A * z - model.h1).abs() <= model.W1.abs() @ model.h2.abs() + 1e-6).all()
    plain = ShallowPLRNN(4, 4, 9, clipped=False).double()
    assert (plain.step(1e6 * direction) - plain.A * 1e6 * direction).abs().max() > 1e3


def test_a_linear_observation_is_inverted_and_gives_no_gradient_to_the_forcing():
    model = network(M=2, N=4, affine=True)
    z = torch.randn(5, 2, dtype=torch.double)
    assert torch.allclose(model.encode(model.decode(z)), z, atol=1e-9)
    x = data(N=4)
    assert model.forced(x, (1.0,) * 12).shape == x[1:].shape
    (through_states,) = torch.autograd.grad(model.forced(x, (1.0,) * 12).sum(), model.B)
    states = model.forced(x, (1.0,) * 12).detach() @ torch.linalg.pinv(model.B.detach()).T  # of rank two, so this is exact
    assert torch.allclose(through_states, states.sum((0, 1)).expand(4, 2), atol=1e-8)


# Sizes


def test_parameters_and_multiplications_follow_the_formulas():
    assert {s.value for s in bench(SLUG).card.sizes} == {356, 365, 303, 4140, 4020, 2785}
    for M, L in ((3, 50), (20, 100), (5, 7)):
        with torch.device("meta"):
            model = ShallowPLRNN(M, M, L)
            x = torch.randn(1, 4, M)
        assert sum(p.numel() for p in model.parameters()) == 2 * M * L + 2 * M + L
        assert count(lambda model=model, x=x: model(x), model).macs == 2 * M * L


@pytest.mark.parametrize(("N", "L"), [(3, 50), (5, 50), (20, 100)])
def test_the_lstm_has_about_as_many_parameters(N: int, L: int):
    wanted = 2 * N * L + 2 * N + L
    model = LSTM(N, lstm_width(N, wanted), 1)
    assert abs(sum(p.numel() for p in model.parameters()) / wanted - 1) < 0.1


@pytest.mark.parametrize("system", ["lorenz63", "lorenz96", "ecg"])
def test_every_variant_runs_at_published_dimensions_on_meta(system: str):
    lab = replace(bench(SLUG, "paper", system=system), device="meta")
    for variant in (*NETWORKS, *OTHERS):
        (context,) = lab.data().inputs
        assert lab.model(variant)(context).shape == (1, 1, context.shape[-1])


def test_all_networks_start_alike():
    lab = bench(SLUG)
    first, *rest = (lab.model(variant).state_dict() for variant in NETWORKS)
    for other in rest:
        assert all(torch.equal(first[name], other[name]) for name in first)


# Systems and measures


def test_the_orbit_is_that_of_the_lorenz_system():
    orbit = systems.lorenz63(4000, 0.01)
    slope = (orbit[2:] - orbit[:-2]) / 0.02
    field = np.array([systems.lorenz_field(*point) for point in orbit[1:-1]])
    assert np.abs(slope - field).max() < 0.01 * np.abs(field).max()
    assert orbit[:, 0].min() < -10 and orbit[:, 0].max() > 10 and orbit[:, 2].min() > 0
    point = (math.sqrt(72), math.sqrt(72), 27)
    assert systems.lorenz_field(*point) == pytest.approx((0, 0, 0), abs=1e-9)


def test_training_data_are_noisy_and_test_data_are_not():
    (train, learnt), (test, none) = (systems.observe("lorenz63", "smoke", split) for split in ("train", "test"))
    whole = systems.lorenz63(5000, 0.01)
    clean = torch.from_numpy((whole - whole[:3000].mean(0)) / whole[:3000].std(0)).float()
    assert (learnt, none) == (3000, 0)
    assert torch.equal(test, clean[3000:])
    assert float((train - clean[:3000]).std()) == pytest.approx(0.05, rel=0.05)


def test_sunspots_are_embedded_in_delays():
    series, learnt = systems.observe("sunspots", "small", "test")
    train, _ = systems.observe("sunspots", "small", "train")
    assert series.shape == (305, 5) and learnt == len(train) == 229
    assert torch.equal(series[:learnt], train)
    rows = systems.embedded(np.arange(8.0))
    assert rows.tolist() == [[4, 3, 2, 1, 0], [5, 4, 3, 2, 1], [6, 5, 4, 3, 2], [7, 6, 5, 4, 3]]


@pytest.mark.parametrize("N", [3, 5])
def test_an_orbit_is_at_no_distance_from_itself_and_at_some_from_another(N: int):
    torch.manual_seed(0)
    x = torch.randn(3000, N).cumsum(0).sin()
    y = 0.3 * x + 0.5
    assert measures.state_space_divergence(x, x) == 0
    assert measures.state_space_divergence(x, y) > 0.01
    assert measures.spectrum_distance(x, x, 5.0) == pytest.approx(0, abs=1e-6)
    assert (
        0.3
        < measures.spectrum_distance(torch.linspace(0, 300, 3000).sin()[:, None], torch.linspace(0, 3000, 3000).sin()[:, None], 5.0)
        <= 1
    )


def test_lost_orbits_are_at_the_greatest_distance():
    torch.manual_seed(0)
    x = torch.randn(2000, 3)
    lost = x.clone()
    lost[1000:] = torch.nan
    empty = measures.state_space_divergence(x, torch.full_like(x, torch.nan))
    assert math.isfinite(empty)
    assert empty == pytest.approx(measures.state_space_divergence(x, x + 100))
    assert empty > measures.state_space_divergence(x, 0.5 * x) > 0
    assert measures.spectrum_distance(x, lost, 5.0) == measures.spectrum_distance(x, torch.zeros_like(x), 5.0) == 1


def test_exponents_of_a_linear_map_are_logarithms_of_its_eigenvalues():
    J = torch.tensor([[1.2, 0.4, 0.0], [0.0, 0.9, 0.3], [0.0, 0.0, 0.5]]).double()
    found = measures.exponents(J.expand(2000, 3, 3), dt=0.1)
    assert found == pytest.approx(np.log([1.2, 0.9, 0.5]) / 0.1, abs=0.02)


def test_exponents_add_up_to_the_mean_change_of_volume():
    J = network().jacobian(data(T=300, B=1)[:, 0]).detach()
    assert measures.exponents(J, 1.0).sum() == pytest.approx(float(torch.linalg.slogdet(J)[1].mean()))


def test_fixed_points_are_where_the_map_rests():
    model = network(seed=3)
    with torch.no_grad():
        model.A.fill_(0.5)
        orbit = torch.stack(model.double().run(data(T=3, B=1).transpose(0, 1), 200))[:, 0]
        found = measures.fixed_points(model, torch.cat([orbit, data(T=400, B=1)[:, 0]]))
        assert len(found) > 0
        assert torch.allclose(model.step(found), found, atol=1e-9)


# Baselines


def test_sindy_finds_the_lorenz_field_in_clean_data():
    orbit = torch.from_numpy(systems.lorenz63(4000, 0.01))
    model = SINDy(3, 1, 0.01, 5)
    model.learn(orbit)
    x, y, z = model.coefficients.T  # of 1, x, y, z, xx, xy, xz, yy, yz, zz
    assert x[1:3].tolist() == pytest.approx([-10, 10], rel=0.02)
    assert [float(y[i]) for i in (1, 2, 6)] == pytest.approx([28, -1, -1], rel=0.1)
    assert [float(z[i]) for i in (3, 5)] == pytest.approx([-8 / 3, 1], rel=0.05)
    assert (model.coefficients != 0).sum() == 7


def test_a_reservoir_learns_by_ridge_regression_and_forgets_how_it_began():
    torch.manual_seed(0)
    model = Reservoir(3, 40, 1, ridge=1e-5).double()
    series = torch.from_numpy(systems.lorenz63(3000, 0.01) / 10)
    model.learn(series)
    r = [torch.zeros(1, 40).double(), torch.rand(1, 40).double()]
    for x in series[:300]:
        r = [model.excite(one, x[None]) for one in r]
    assert torch.allclose(*r, atol=1e-6)
    predicted = model.features(r[0]) @ model.readout
    assert (predicted - series[300]).abs().max() < 0.05
    gram, cross, rows = model.statistics(series[:, None])
    gradient = (gram @ model.readout - cross) / rows + model.ridge * model.readout
    assert gradient.abs().max() < 1e-9 and (cross / rows).abs().max() > 0.1


def test_what_an_lstm_predicts_does_not_depend_on_how_it_is_run():
    torch.manual_seed(0)
    model = LSTM(3, 7, 4).double()
    x = data(T=9).transpose(0, 1)
    first = model.forced(x.transpose(0, 1), ())[-1]
    assert torch.allclose(model(x[:, :-1])[:, 0], first)
    again = model(torch.cat([x[:, :-1], first[:, None]], 1))[:, 0]
    assert torch.allclose(model(x[:, :-1])[:, 1], again)


# The experiment


def test_sequences_are_stretches_of_the_data():
    series = torch.arange(40.0)[:, None]
    x = sequences(series, 5, 8, torch.Generator().manual_seed(0))
    assert x.shape == (6, 8, 1)
    assert (x[1:] - x[:-1] == 1).all() and float(x.max()) <= 39


def test_a_fit_repeats_with_its_seed_and_learns():
    lab = bench(SLUG)

    def judged(seed: int, steps: int):
        other = replace(lab, seed=seed)
        return other.metric("gtf", other.fit("gtf", Budget(steps=steps)))

    first = judged(0, 60)
    assert first == judged(0, 60) and first["d_stsp"] != judged(1, 60)["d_stsp"]
    assert first["pe20"].value < judged(0, 0)["pe20"].value


def test_each_variant_has_its_qualities_and_pictures():
    lab = bench(SLUG)
    common = {"d_stsp", "d_h", "pe20"}
    for variant in ("agtf", "lstm", "reservoir", "sindy"):
        model = lab.fit(variant, Budget(steps=10))
        expected = (
            common | ({"gradient_norm"} if variant in ("agtf", "lstm") else set()) | ({"lyapunov_error"} if variant == "agtf" else set())
        )
        assert set(lab.metric(variant, model)) == expected
        assert set(lab.artifacts(variant, model)) == {"orbit"}
    shown = lab.artifacts("gtf", lab.fit("gtf", Budget(steps=10)))
    assert set(shown) == {"orbit", "spectrum", "gradients", "rest"}
    assert all(len(shown[name].spec["data"]["values"]) <= 2000 for name in ("orbit", "spectrum", "gradients"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_intermediate_forcing_bounds_gradients_and_reconstructs_the_attractor():
    lab = bench(SLUG, "small")
    found = {variant: lab.metric(variant) for variant in ("gtf", "one_step", "bptt")}
    assert found["gtf"]["gradient_norm"].value <= 0.01 * found["bptt"]["gradient_norm"].value
    for end in ("one_step", "bptt"):
        assert found["gtf"]["d_stsp"].value < found[end]["d_stsp"].value
        assert found["gtf"]["d_h"].value < found[end]["d_h"].value
    assert found["gtf"]["d_stsp"].value < 1.5
