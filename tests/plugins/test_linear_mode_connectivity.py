"""Linear mode connectivity: what holds of barriers and their estimate exactly, and what late spawning does to them."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import vl_convert
from torch.autograd.functional import hessian, jacobian
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from harness.plugin.values import Budget
from harness.testing import bench
from harness_papers.linear_mode_connectivity.barrier import (
    barrier,
    distance,
    estimate,
    layer_barrier,
    midpoint,
    path,
    scan,
    sharpness,
    slope_and_curvature,
    top_eigenvalue,
)
from harness_papers.linear_mode_connectivity.images import labelled
from harness_papers.linear_mode_connectivity.matching import identity, match, permute
from harness_papers.linear_mode_connectivity.network import build_network, mlp
from harness_papers.linear_mode_connectivity.study import PAIR_COLUMNS, Study
from harness_papers.linear_mode_connectivity.toy import PARTS, descend_pairs, landscape, slope
from harness_papers.linear_mode_connectivity.training import LRS, learning_rates, orders, spawn

ESTIMATED = ("spawn_late", "spawn_early", "different_init", "aligned")


@pytest.fixture(scope="module")
def lab():
    return bench("linear_mode_connectivity")


@pytest.fixture(scope="module")
def images():
    return labelled("digits", "train", "smoke")


@pytest.fixture
def double():
    """A small network in double precision with two ends near one another, and its loss on a few images."""
    generator = torch.Generator().manual_seed(0)
    network = mlp(pixels=5, width=4, classes=3)
    theta_1, d = torch.randn(2, network.size, generator=generator, dtype=torch.float64)
    x = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (20,), generator=generator)
    return network, network.loss_on(x, y), theta_1, theta_1 - 0.3 * d


@pytest.fixture
def quadratic():
    """Linear regression: L, its Hessian, and two points whose gradients do not vanish."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(30, 6, generator=generator, dtype=torch.float64)
    t = torch.randn(30, generator=generator, dtype=torch.float64)
    theta_1, theta_2 = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    return lambda theta: (X @ theta - t).square().mean(), 2 * X.T @ X / 30, theta_1, theta_2


# The path and the barrier


def test_a_pair_that_never_parted_has_no_barrier_at_all(lab, images):
    network = build_network("mlp", "digits", 16)
    theta_0 = network.init()
    one, two, _ = spawn(network, (theta_0, theta_0), 100, *images, rates=[0.1] * 20, seed=0)
    losses = path(network.loss_on(*images), one[-1], two[-1])
    assert torch.equal(one[-1], two[-1])
    assert torch.equal(losses, losses[:1].expand(25))
    assert barrier(losses) == 0
    assert estimate(network.loss_on(*images), one[-1], two[-1]) == 0


def test_a_barrier_does_not_depend_on_which_end_is_first(lab, images):
    pair = lab.fit("different_init")
    L, (theta_1, theta_2) = pair.network.loss_on(*images), pair.ends
    there, back = path(L, theta_1, theta_2), path(L, theta_2, theta_1)
    assert torch.allclose(there, back.flip(0))
    assert torch.isclose(barrier(there), barrier(back))
    assert barrier(there) > 0.5
    assert torch.allclose(estimate(L, theta_1, theta_2), estimate(L, theta_2, theta_1), rtol=1e-3)


def test_a_path_starts_and_ends_at_its_ends(double):
    _, L, theta_1, theta_2 = double
    losses = path(L, theta_1, theta_2)
    assert len(losses) == 25
    assert losses[0] == L(theta_2)
    assert losses[-1] == L(theta_1)


def test_a_barrier_is_the_rise_over_the_chord_and_never_negative():
    assert barrier(torch.tensor([1.0, 4.0, 3.0])) == 2
    assert barrier(torch.tensor([1.0, 0.0, 3.0])) == 0


def test_a_convex_loss_has_no_barrier():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 5, generator=generator, dtype=torch.float64), torch.randint(3, (40,), generator=generator)
    theta_1, theta_2 = 3 * torch.randn(2, 15, generator=generator, dtype=torch.float64)
    losses = path(lambda theta: F.cross_entropy(x @ theta.view(5, 3), y), theta_1, theta_2)
    chord = torch.lerp(losses[0], losses[-1], torch.linspace(0, 1, 25, dtype=torch.float64))
    assert (losses <= chord + 1e-12).all()
    assert losses[12] < chord[12] - 0.01
    assert barrier(losses) <= 1e-12


# The estimate


def test_the_estimate_of_a_quadratic_loss_is_exact_because_the_slopes_count(quadratic):
    L, H, theta_1, theta_2 = quadratic
    d = theta_1 - theta_2
    rise = L((theta_1 + theta_2) / 2) - (L(theta_1) + L(theta_2)) / 2
    assert torch.allclose(rise, -(d @ H @ d) / 8)
    assert torch.allclose(estimate(L, theta_1, theta_2), rise)
    assert scan(L, theta_1, theta_2) == 0
    without_slopes = (d @ H @ d) / 8
    assert without_slopes > 0 > rise


def test_slope_and_curvature_are_those_of_the_full_hessian(double):
    _, L, theta, _ = double
    v = torch.linspace(-1, 1, len(theta), dtype=torch.float64)
    found_slope, found_curvature = slope_and_curvature(L, theta, v)
    assert torch.allclose(found_slope, jacobian(L, theta) @ v)
    assert torch.allclose(found_curvature, v @ hessian(L, theta) @ v)


def test_the_estimate_closes_in_on_the_midpoint_faster_than_the_midpoint_rises(double):
    _, L, theta_1, theta_2 = double
    gaps = []
    for size in (1e-2, 1e-3):
        near = torch.lerp(theta_1, theta_2, size)
        gaps.append(abs(estimate(L, theta_1, near) / midpoint(L, theta_1, near) - 1))
    assert gaps[0] < 0.02
    assert gaps[1] < gaps[0] / 5


def test_the_top_eigenvalue_is_the_hessians(double):
    _, L, theta, _ = double
    spectrum = torch.linalg.eigvalsh(hessian(L, theta))
    assert math.isclose(top_eigenvalue(L, theta, steps=300), max(spectrum, key=abs), rel_tol=1e-3)
    assert math.isclose(top_eigenvalue(L, theta), max(spectrum, key=abs), rel_tol=0.1)


def test_answers_leave_no_graph_behind_and_do_not_need_gradients_switched_on(double):
    _, L, theta_1, theta_2 = double
    for answer in (estimate, scan, midpoint, distance, sharpness):
        with torch.no_grad():
            quiet = answer(L, theta_1, theta_2)
        assert torch.equal(quiet, answer(L, theta_1, theta_2))
        assert not quiet.requires_grad


# Layers


def test_all_layers_together_are_the_whole_path(double):
    network, L, theta_1, theta_2 = double
    everything = slice(0, network.size)
    assert torch.allclose(layer_barrier(L, theta_1, theta_2, everything), midpoint(L, theta_1, theta_2))
    assert torch.allclose(estimate(L, theta_1, theta_2, everything), estimate(L, theta_1, theta_2))


def test_layers_tile_the_parameters():
    for kind in ("mlp", "cnn"):
        network = build_network(kind, "digits", 8)
        assert network.blocks[0].start == 0
        assert network.blocks[-1].stop == network.size
        assert all(one.stop == two.start for one, two in pairwise(network.blocks))


def test_a_layer_barrier_moves_one_layer_only(double):
    network, L, theta_1, theta_2 = double
    block = network.blocks[1]
    half_1, half_2 = theta_1.clone(), theta_2.clone()
    half_1[block] = half_2[block] = (theta_1[block] + theta_2[block]) / 2
    expected = (L(half_1) + L(half_2) - L(theta_1) - L(theta_2)) / 2
    assert torch.allclose(layer_barrier(L, theta_1, theta_2, block), expected)


# Permutations


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_matching_undoes_a_permutation_of_the_hidden_units(kind, images):
    network = build_network(kind, "digits", 8)
    generator = torch.Generator().manual_seed(0)
    theta_0 = network.init()
    (*_, theta_1), (*_, theta_2), _ = spawn(network, (theta_0, theta_0), 50, *images, rates=[0.05] * 40, seed=0)
    shuffled = permute(network, theta_2, [torch.randperm(len(p), generator=generator) for p in identity(network)])
    x, L = images[0], network.loss_on(*images)

    assert torch.allclose(network.logits(shuffled, x), network.logits(theta_2, x), atol=1e-4)
    assert scan(L, theta_1, shuffled) > scan(L, theta_1, theta_2) + 0.05

    restored = permute(network, shuffled, match(network, theta_1, shuffled))
    assert torch.equal(restored, theta_2)
    assert abs(scan(L, theta_1, restored) - scan(L, theta_1, theta_2)) <= 1e-6


def test_alignment_brings_two_initialisations_nearer(lab):
    apart, aligned = lab.fit("different_init"), lab.fit("aligned")
    x, _ = labelled("digits", "test", "smoke")
    assert torch.equal(aligned.theta_1, apart.theta_1)
    assert torch.allclose(aligned.network.logits(aligned.theta_2, x), apart.network.logits(apart.theta_2, x), atol=1e-4)
    assert (aligned.theta_1 - aligned.theta_2).norm() < (apart.theta_1 - apart.theta_2).norm()


# Spawning


def test_two_copies_share_their_batches_up_to_the_spawn_point_and_never_after():
    one, two = orders(count=100, steps=12, spawn=5, seed=0)
    assert len(one) == len(two) == 12
    assert all(torch.equal(a, b) for a, b in zip(one[:5], two[:5], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one[5:], two[5:], strict=True))
    assert sorted(torch.cat(one[:4]).tolist()) == list(range(100))


def test_copies_are_one_network_until_they_part(images):
    network = build_network("mlp", "digits", 16)
    theta_0 = network.init()
    one, two, stops = spawn(network, (theta_0, theta_0), 50, *images, rates=[0.1] * 20, seed=0, moments=5)
    assert stops == [10, 12, 14, 16, 18, 20]
    assert torch.equal(one[0], two[0])
    assert all((a != b).any() for a, b in zip(one[1:], two[1:], strict=True))


def test_the_trunk_is_plain_momentum_descent(images):
    network = build_network("mlp", "digits", 16)
    theta_0 = network.init()
    (_, found), _, _ = spawn(network, (theta_0, theta_0), 0, *images, rates=[0.1] * 6, seed=3)
    theta = theta_0.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=0.1, momentum=0.9)
    for batch in orders(len(images[0]), 6, 0, 3)[0]:
        optimizer.zero_grad()
        network.loss(theta, images[0][batch], images[1][batch]).backward()
        optimizer.step()
    assert torch.allclose(found, theta.detach(), atol=1e-6)


def test_learning_rates_fall_to_zero_or_stay():
    falling = learning_rates(0.1, 10, "cosine")
    assert falling[0] == pytest.approx(0.1)
    assert falling[5] == pytest.approx(0.05)
    assert 0 < falling[-1] < 0.01
    assert learning_rates(0.1, 3, "constant") == [0.1, 0.1, 0.1]


def test_variants_start_where_their_names_say(lab):
    late, apart = lab.model("spawn_late"), lab.model("different_init")
    assert torch.equal(late.theta_1, late.theta_2)
    assert not torch.equal(apart.theta_1, apart.theta_2)
    assert torch.equal(late.theta_1, apart.theta_1)


def test_a_fit_is_deterministic_in_its_seed_and_keeps_to_its_budget():
    fits = [bench("linear_mode_connectivity", seed=seed).fit("spawn_early") for seed in (0, 0, 1)]
    assert torch.equal(fits[0].theta_1, fits[1].theta_1)
    assert torch.equal(fits[0].theta_2, fits[1].theta_2)
    assert torch.equal(fits[0].history, fits[1].history)
    assert not torch.equal(fits[0].theta_1, fits[2].theta_1)
    assert bench("linear_mode_connectivity").fit("spawn_early", Budget(3)).history[-1, 0] == 3


def test_judges_share_the_late_pair_and_its_study(lab):
    late = lab.fit("spawn_late")
    for variant in ("scan", "midpoint", "distance", "sharpness"):
        judge = lab.fit(variant)
        assert torch.equal(judge.theta_1, late.theta_1)
        assert torch.equal(judge.theta_2, late.theta_2)
        if variant != "scan":
            assert torch.equal(judge.study.pairs, late.study.pairs)


# The study


def a_study():
    """Three spawn points at two widths; barriers fall with k, one predictor follows them, another runs against them."""
    study = Study(pairs=6, layers=2)
    for index, (percent, width, height) in enumerate([(0, 8, 9), (10, 8, 3), (100, 8, 0), (0, 16, 5), (10, 16, 1), (100, 16, 0)]):
        row = {"percent": percent, "lr": 0.1, "width": width, "barrier": height, "estimate": height**2, "distance": 10 - height}
        row |= {"midpoint": 1.0, "sharpness": 0.0} | ({"distance": 0.0} if percent == 100 else {})
        study.pairs[index] = torch.tensor([row[name] for name in PAIR_COLUMNS])
        study.layers[index] = torch.tensor([[height, 2 * height, -height], [height / 2, height, height]])
    return study


def test_agreement_counts_the_pairs_that_parted_only():
    study = a_study()
    assert study.parted.tolist() == [True, True, False, True, True, False]
    assert study.rank_agreement("estimate") == pytest.approx(1)
    assert study.rank_agreement("distance") == pytest.approx(-1)
    assert study.rank_agreement("midpoint") == 0
    assert study.layer_agreement("estimate") == pytest.approx(1)
    assert study.layer_agreement("distance") < 0.5


def test_the_trend_is_judged_within_a_setting():
    study = a_study()
    assert study.trend() == pytest.approx(-1)
    study.pairs[3:, PAIR_COLUMNS.index("barrier")] = torch.tensor([0.0, 1.0, 2.0])
    assert study.trend() == pytest.approx(0)


def test_every_pair_of_the_study_is_what_its_row_says(lab):
    study = lab.fit("spawn_late").study
    assert {tuple(row) for row in study.pairs[:, :3].tolist()} == {
        (percent, np.float32(lr), 16) for percent in (0, 10, 100) for lr in LRS["mlp", "digits"]
    }
    together = study.column("percent") == 100
    assert torch.equal(study.parted, ~together)
    assert (study.column("barrier")[together] == 0).all()
    assert (study.column("barrier") >= 0).all()
    assert study.pairs.isfinite().all()
    assert study.layers.isfinite().all()


# The toy landscape


def test_the_toys_slope_is_its_derivative():
    point = torch.tensor([[0.4, -1.0], [-1.2, 0.5]], dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(landscape(point).sum(), point)
    assert torch.allclose(slope(point.detach()), expected)


@pytest.mark.parametrize("seed", range(3))
def test_a_ridge_stands_between_copies_that_part_on_the_mountainside_and_no_others(seed):
    early, late = descend_pairs("early", seed), descend_pairs("late", seed)
    ends = early.tracks[-1]  # (pairs, 2 copies, 2)
    either_side = ends[:, 0, 0] * ends[:, 1, 0] < 0
    assert (early.parting_points[:, 1] < 0).all()
    assert either_side.any()
    assert (early.barriers[either_side] > 0.9).all()
    assert (early.barriers[~either_side] == 0).all()
    assert (late.parting_points[:, 1] > 0).all()
    assert (late.barriers == 0).all()


def test_toy_copies_share_their_track_until_they_part():
    for parting, part in PARTS.items():
        tracks = descend_pairs(parting, seed=0).tracks
        assert torch.equal(tracks[: part + 1, :, 0], tracks[: part + 1, :, 1])
        assert (tracks[part + 1, :, 0] != tracks[part + 1, :, 1]).all()


# Data


@pytest.mark.parametrize(("name", "shape", "classes"), [("digits", (1, 8, 8), 10), ("photos", (3, 16, 16), 8)])
def test_images_are_labelled_balanced_and_standardised(name, shape, classes):
    x, y = labelled(name, "train", "small")
    x_test, y_test = labelled(name, "test", "small")
    assert x.shape == (1200, *shape)
    assert y.unique().tolist() == y_test.unique().tolist() == list(range(classes))
    assert y.bincount().min() > 0.9 * len(y) / classes
    assert abs(x.mean()) < 1e-4
    assert abs(x.std() - 1) < 1e-4
    # The black corners of the retina are all alike; nothing else is seen twice.
    assert not any((x == image).flatten(1).all(1).any() for image in x_test if image.std() > 0.02)


def test_label_noise_touches_a_tenth_of_the_training_labels_and_no_test_label():
    clean, noisy = labelled("digits", "train", "small")[1], labelled("digits", "train", "small", label_noise=0.1)[1]
    assert 0.07 < (clean != noisy).double().mean() < 0.11
    lab = bench("linear_mode_connectivity", label_noise=0.1)
    assert torch.equal(lab.data("test").inputs[1], bench("linear_mode_connectivity").data("test").inputs[1])


# Sizes


def test_parameters_are_the_exact_counts():
    assert build_network("mlp", "digits", 128).size == 64 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10 == 26_122
    assert build_network("cnn", "digits", 16).size == 4_970
    lab = bench("linear_mode_connectivity", "paper")
    for params, one in (({}, 26_122), ({"network": "cnn"}, 4_970)):
        for variant in lab.card.variant_names:
            assert sum(p.numel() for p in lab.at(**params).model(variant).parameters()) == 2 * one


def test_published_sizes_are_what_is_built():
    lab = bench("linear_mode_connectivity", "paper")
    lab.device = "meta"
    for size in lab.card.sizes:
        at = lab.at(**size.params)
        built = macs(at, size.variant) if size.quantity == "macs" else sum(p.numel() for p in at.model(size.variant).parameters())
        assert built + size.adjust == size.value


def macs(lab, variant):
    subject = lab.subject("infer", variant)
    with FlopCounterMode(display=False) as counter, subject.guarded():
        subject.work.run()
    return counter.get_total_flops() // 2


def test_the_estimate_costs_two_products_with_the_hessian_and_the_scan_25_forward_passes():
    lab = bench("linear_mode_connectivity", "paper")
    lab.device = "meta"
    first, others = 64 * 128, 128 * 128 + 128 * 10
    assert macs(lab, "scan") == 25 * 1200 * (first + others)
    assert macs(lab, "midpoint") == 3 * 1200 * (first + others)
    # Forward, gradient, and the gradient of the slope back through both: the first layer's inputs need no gradient.
    for variant in ESTIMATED:
        assert macs(lab, variant) == 2 * 1200 * (4 * first + 9 * others)


@pytest.mark.parametrize("params", [{}, {"network": "cnn"}, {"images": "photos"}, {"network": "cnn", "images": "photos"}])
def test_every_variant_answers_on_meta_at_paper_scale(params):
    lab = bench("linear_mode_connectivity", "paper", **params)
    lab.device = "meta"
    for variant in lab.card.variant_names:
        subject = lab.subject("infer", variant)
        with subject.guarded():
            answer = subject.work.run()
        assert answer.shape == ()
        assert answer.device.type == "meta"
        assert subject.work.items == 1200


# The card


def test_claims_speak_of_qualities_that_their_variants_have(lab):
    found = {variant: lab.metric(variant) for variant in lab.card.variant_names}
    assert set().union(*found.values()) == set(lab.card.qualities)
    for claim in lab.card.claims:
        assert claim.says
        if claim.quantity in lab.card.qualities:
            assert claim.quantity in found[claim.subject]
            assert not claim.baseline or claim.quantity in found[claim.baseline]


def test_a_smoke_run_works_with_either_network_and_images():
    for params in ({"network": "cnn"}, {"images": "photos"}):
        found = bench("linear_mode_connectivity", **params).metric("spawn_early")
        assert 0 <= found["accuracy"].value <= 1
        assert found["barrier"].value >= 0


def test_figures_can_be_drawn(lab):
    for variant in ("spawn_late", "aligned"):
        for name, shown in lab.artifacts(variant).items():
            assert shown.caption
            if name == "toy":
                assert shown.pixels.shape[2] == 3
                assert 0 <= shown.pixels.min() < shown.pixels.max() <= 1
                continue
            assert 0 < len(points_of(shown.spec)) < 2000
            assert "<svg" in vl_convert.vegalite_to_svg(json.loads(json.dumps(shown.spec)))


def points_of(spec):
    """All rows of inline data, wherever they lie in a specification."""
    here = list(spec.get("data", {}).get("values", []))
    return here + [row for layer in spec.get("layer", []) for row in points_of(layer)]


# What the paper says


@pytest.mark.slow
def test_late_spawning_removes_the_barrier_and_the_ends_foretell_how_high_it_is():
    lab = bench("linear_mode_connectivity", "small")
    late, early, apart = (lab.metric(v) for v in ("spawn_late", "spawn_early", "different_init"))
    assert late["barrier"].value <= 0.3 * early["barrier"].value
    assert early["barrier"].value <= apart["barrier"].value
    assert min(q["accuracy"].value for q in (late, early, apart)) >= 0.95
    assert late["trend"].value <= -0.7
    assert late["rank_agreement"].value >= 0.8
    assert late["layer_agreement"].value >= 0.7
    assert lab.metric("sharpness")["rank_agreement"].value < late["rank_agreement"].value
    # A finding, not the paper's claim: the distance alone ranks the barriers about as well, and three losses better.
    assert abs(lab.metric("distance")["rank_agreement"].value - late["rank_agreement"].value) < 0.1
    assert lab.metric("midpoint")["rank_agreement"].value > late["rank_agreement"].value
