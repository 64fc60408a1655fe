"""Gaunt tensor products: the way through Fourier series is the product, turns with its inputs, and costs what its formulas say."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from e3nn import o3

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.gaunt_tensor.judging import SPACE_TURN, relative, turned, turned_inputs
from harness_papers.gaunt_tensor.molecule import ANGLES, APART, conformations, energy_and_forces, potential
from harness_papers.gaunt_tensor.operations import couplings, many_body, operation
from harness_papers.gaunt_tensor.products import PRODUCTS, convolve, paths
from harness_papers.gaunt_tensor.sphere import degrees, from_fourier, gaunt, legendre, on_sphere, place, rotation, to_fourier

VARIANTS = ("gaunt", "cg_paths", "cg_dense", "specialised", "scalar")
EQUAL = VARIANTS[:-1]
OPS = ("feature", "convolution", "many_body")


def directions(number: int, seed: int = 0) -> np.ndarray:
    r = np.random.default_rng(seed).normal(size=(number, 3))
    return r / np.linalg.norm(r, axis=1, keepdims=True)


def features(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def randomize(model: torch.nn.Module) -> torch.nn.Module:
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.5 + torch.rand(p.shape, generator=torch.Generator().manual_seed(p.numel()), dtype=p.dtype))
    return model


def arguments(op: str, B: int, C: int, L: int) -> tuple[torch.Tensor, ...]:
    x = features(B, C, (L + 1) ** 2)
    if op == "feature":
        return x, features(B, C, (L + 1) ** 2, seed=1)
    if op == "many_body":
        return (x,)
    r = directions(B)
    return x, torch.tensor(on_sphere(L, r), dtype=torch.float32)[:, None], torch.tensor(r, dtype=torch.float32)


# Spherical harmonics and tables


def test_harmonics_are_orthonormal_and_gaunt_coefficients_symmetric():
    G = gaunt(3, 3, 3)
    assert np.allclose(G[0] * math.sqrt(4 * math.pi), np.eye(16), atol=1e-12)
    for axes in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        assert np.allclose(G, G.transpose(axes), atol=1e-12)


def test_harmonics_are_those_of_e3nn():
    r = directions(20)
    ours = on_sphere(7, r)
    theirs = o3.spherical_harmonics(list(range(8)), torch.from_numpy(r[:, [1, 2, 0]].copy()), normalize=True, normalization="integral")
    assert np.allclose(ours, theirs.numpy(), atol=1e-10)  # their polar axis is y


def test_each_block_of_gaunt_coefficients_is_a_multiple_of_clebsch_gordans():
    G = gaunt(2, 3, 4)
    for n1, n2, n3 in paths(2, 3, 4):
        ours = G[n1**2 : (n1 + 1) ** 2, n2**2 : (n2 + 1) ** 2, n3**2 : (n3 + 1) ** 2]
        theirs = o3.wigner_3j(n1, n2, n3, dtype=torch.float64).numpy()
        assert abs(abs((ours * theirs).sum()) - np.linalg.norm(ours)) < 1e-10
        assert np.linalg.norm(ours) > 0.01


def test_odd_sums_of_degrees_and_broken_triangles_never_contribute():
    n = degrees(4)
    total = n[:, None, None] + n[None, :, None] + n[None, None]
    G = gaunt(4, 4, 4)
    assert np.abs(G[total % 2 == 1]).max() == 0
    assert np.abs(G[np.abs(n[:, None, None] - n[None, :, None]) > n[None, None]]).max() == 0
    assert (np.abs(G[total % 2 == 0]) > 0.01).any()


def test_rotations_are_orthogonal_and_compose():
    A, B = SPACE_TURN, ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    AB = tuple(map(tuple, (np.array(A) @ np.array(B)).tolist()))
    D = rotation(4, A)
    assert np.allclose(D @ D.T, np.eye(25), atol=1e-9)
    assert np.allclose(D @ rotation(4, B), rotation(4, AB), atol=1e-9)


@pytest.mark.parametrize("L", [1, 4])
def test_the_series_is_the_function_on_the_whole_torus(L: int):
    """At (theta, phi) and at (2 pi - theta, phi + pi), the same place; a series from [0, pi] alone would miss the sign of sin^m."""
    source, weight = to_fourier(L)
    x = np.random.default_rng(0).normal(size=(L + 1) ** 2)
    f = np.einsum("vpn,vpnu->uvp", x[source], weight) @ np.array([1, 1j])
    frequency = np.arange(-L, L + 1)
    for theta, phi in ((0.3, 1.0), (2.5, 4.0)):
        r = np.array([[np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]])
        for t, p in ((theta, phi), (2 * np.pi - theta, phi + np.pi)):
            value = np.exp(1j * frequency * t) @ f @ np.exp(1j * frequency * p)
            assert value == pytest.approx((on_sphere(L, r) @ x)[0], abs=1e-12)


@pytest.mark.parametrize("L", [2, 4, 7])
def test_the_maps_have_no_more_entries_than_the_papers_count(L: int):
    """2 (L + 1)(2 L + 1)(2 L + 3) / 3 complex products there, twice that if u runs over all frequencies; each of ours is one real product."""
    weight = to_fourier(L)[1]
    assert 0 < np.count_nonzero(np.abs(weight) > 1e-12) <= 2 * (2 * (L + 1) * (2 * L + 1) * (2 * L + 3) // 3)
    back = from_fourier(2 * L, 2 * L)[1]
    assert np.count_nonzero(np.abs(back) > 1e-12) <= 2 * (2 * L + 1) ** 2 * (4 * L + 1)
    for m in range(-L, L + 1):
        assert np.abs(weight[L + m, :, : abs(m)]).max(initial=0) == 0


def test_going_to_fourier_and_back_changes_nothing():
    from harness_papers.gaunt_tensor.products import FromFourier, ToFourier

    x = features(3, 2, 36).double()
    assert torch.allclose(FromFourier(5, 5).double()(ToFourier(5).double()(x)), x, atol=1e-6)


def test_legendre_functions_are_normalised():
    c, w = np.polynomial.legendre.leggauss(20)
    theta = legendre(6, c, np.sqrt(1 - c * c))
    assert all(w @ (values * values) == pytest.approx(1) for values in theta.values())


def test_convolution_of_series_is_the_sum_over_shifts():
    f, g = torch.randn(3, 3).cfloat(), torch.randn(5, 5).cfloat()
    expected = torch.zeros(7, 7).cfloat()
    for i in range(3):
        for j in range(3):
            expected[i : i + 5, j : j + 5] += f[i, j] * g
    assert torch.allclose(convolve(f, g), expected, atol=1e-5)


# The product


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("L", [1, 2, 3])
def test_all_variants_compute_the_same_to_rounding(op: str, L: int):
    given = arguments(op, 3, 4, L)
    exact = operation(op, "cg_dense", 4, L).double()(*(x.double() for x in given))
    for variant in EQUAL:
        assert relative(operation(op, variant, 4, L)(*given).double(), exact) < 1e-6, variant


def test_the_way_through_fourier_is_exact_at_high_degree_too():
    x, y = arguments("feature", 1, 4, 7)
    exact = operation("feature", "cg_dense", 4, 7).double()(x.double(), y.double())
    assert relative(operation("feature", "gaunt", 4, 7)(x, y).double(), exact) < 1e-6


@pytest.mark.parametrize(("L", "correlation"), [(1, 5), (1, 7), (2, 4), (2, 2)])
def test_all_variants_compute_the_same_at_other_correlations(L: int, correlation: int):
    given = arguments("many_body", 2, 2, L)
    exact = operation("many_body", "cg_dense", 2, L, correlation).double()(*(x.double() for x in given))
    for variant in EQUAL:
        assert relative(operation("many_body", variant, 2, L, correlation)(*given).double(), exact) < 2e-6, variant


@pytest.mark.parametrize("op", OPS)
def test_gaunt_and_dense_are_one_function_with_any_weights(op: str):
    given = arguments(op, 2, 3, 2)
    ours, dense = (operation(op, variant, 3, 2) for variant in ("gaunt", "cg_dense"))
    randomize(ours)
    missing = dense.load_state_dict(dict(zip(dense.state_dict(), ours.state_dict().values(), strict=True)))
    assert not missing.missing_keys
    assert relative(ours(*given), dense(*given)) < 1e-6


def test_escn_has_the_weights_of_the_gaunt_convolution():
    given = arguments("convolution", 5, 3, 3)
    ours, escn = (randomize(operation("convolution", variant, 3, 3)) for variant in ("gaunt", "specialised"))
    assert relative(escn(*given), ours(*given)) < 1e-5


@pytest.mark.parametrize("variant", EQUAL)
def test_the_product_is_the_pointwise_product_of_functions(variant: str):
    x, y = (features(1, 2, 16, seed=s).double() for s in (0, 1))
    z = PRODUCTS[variant](2, 3, 3, 6).double()(x, y)
    r = directions(11)
    one, two, both = (v[0].detach().numpy() @ on_sphere(L, r).T for v, L in ((x, 3), (y, 3), (z, 6)))
    assert np.allclose(both, one * two, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("op", OPS)
def test_turning_the_inputs_turns_the_output(variant: str, op: str):
    given = arguments(op, 4, 3, 3)
    model = randomize(operation(op, variant, 3, 3))
    assert relative(model(*turned_inputs(given)), turned(model(*given))) < 1e-5


def test_a_product_that_forgets_the_degree_is_caught_by_the_turn():
    """The check can fail: weights for single coefficients, and not for degrees, break the symmetry."""
    x, y = arguments("feature", 4, 3, 3)
    broken = torch.linspace(0.5, 1.5, 16)
    model = operation("feature", "gaunt", 3, 3)
    assert relative(model(turned(x) * broken, turned(y)), turned(model(x * broken, y))) > 0.01


def test_reflection_flips_the_sign_of_odd_degrees():
    x, y = arguments("feature", 1, 2, 3)
    model = operation("feature", "gaunt", 2, 3)
    into, out = (torch.tensor((-1.0) ** degrees(L)).float() for L in (3, 6))
    assert relative(model(x * into, y * into), model(x, y) * out) < 1e-5


@pytest.mark.parametrize("variant", EQUAL)
def test_a_constant_function_scales(variant: str):
    x = features(1, 2, 9)
    one = torch.zeros(1, 2, 9)
    one[..., 0] = 1  # Y_00 = 1 / sqrt(4 pi)
    z = operation("feature", variant, 2, 2)(x, one)
    assert torch.allclose(z[..., :9], x / math.sqrt(4 * math.pi), atol=1e-6)
    assert z[..., 9:].abs().max() < 1e-6


def test_the_product_commutes_and_associates():
    x, y, w = (features(1, 2, 9, seed=s).double() for s in range(3))
    two, left, right = (PRODUCTS["gaunt"](2, *L).double() for L in ((2, 2, 4), (4, 2, 6), (2, 4, 6)))
    assert torch.allclose(two(x, y), two(y, x), atol=1e-7)
    assert torch.allclose(left(two(x, y), w), right(x, two(y, w)), atol=1e-6)


def test_two_vectors_have_no_cross_product():
    x, y = features(1, 1, 4), features(1, 1, 4, seed=1)
    x[..., 0] = y[..., 0] = 0
    for variant in EQUAL:
        assert operation("feature", variant, 1, 1)(x, y)[..., 1:4].abs().max() < 1e-6


def test_many_bodies_are_powers_of_a_function():
    x = features(1, 1, 9).double()
    r = directions(60)
    values = x[0, 0].numpy() @ on_sphere(2, r).T
    powers = sum(values**order for order in (1, 2, 3))
    whole = many_body("cg_dense", 1, 2, 2).double()
    z = np.linalg.lstsq(on_sphere(6, r), powers, rcond=None)[0]  # the power has degrees up to 6
    assert np.allclose(whole(x)[0, 0].detach().numpy(), z[:9], atol=1e-5)


def test_a_contraction_has_one_coupling_for_each_path():
    for degree in range(3):
        assert couplings(2, 1, 2)[degree].shape == (2 * degree + 1, 9, 1)
        assert couplings(2, 2, 2)[degree].shape[-1] == sum(n3 == degree for *_, n3 in paths(2, 2, 4))
    middle = [n3 for *_, n3 in paths(2, 2, 4)]
    assert couplings(2, 3, 0)[0].shape[-1] == sum(n == right for n in middle for right in range(3))


# Cost and size


@pytest.mark.parametrize("L", [2, 4, 7])
def test_multiplications_follow_their_formulas(L: int):
    C = 3
    x, y = arguments("feature", 1, C, L)
    dense = count(lambda: operation("feature", "cg_dense", C, L, learnable=False)(x, y))
    assert dense.macs == C * (L + 1) ** 4 * (2 * L + 1) ** 2
    ours = count(lambda: operation("feature", "gaunt", C, L, learnable=False)(x, y))
    there, back = 2 * (2 * L + 1) ** 2 * (L + 1), (4 * L + 1) ** 2 * (2 * L + 1)
    assert ours.macs == C * (2 * there + back)
    assert ours.op_classes["fft"] == pytest.approx(3 * C * 5 * (4 * L + 1) ** 2 * math.log2((4 * L + 1) ** 2), abs=3)
    assert not ours.uncounted


def test_multiplications_grow_with_the_cube_and_with_nearly_the_sixth_power():
    def slope(variant: str) -> float:
        known = []
        for L in (2, 10):
            with torch.device("meta"):
                model = operation("feature", variant, 1, L, learnable=False)
                x = torch.empty(1, 1, (L + 1) ** 2)
                known.append(count(lambda model=model, x=x: model(x, x)).macs)
        return math.log(known[1] / known[0]) / math.log(5)

    assert 2.5 < slope("gaunt") <= 3
    assert 4.27 < slope("cg_dense") < 5.64


def test_published_sizes_are_those_of_the_models():
    lab = bench("gaunt_tensor", "paper")
    for size in lab.card.sizes:
        meta = replace(lab, params=size.params, device="meta")
        model, data = meta.model(size.variant), meta.data()
        counted = count(lambda model=model, data=data: model(*data.inputs), model)
        assert getattr(counted, size.quantity) == size.value, (size.variant, size.printed, size.input)


def test_every_variant_runs_at_the_authors_dimensions_on_meta():
    for op in OPS:
        lab = replace(bench("gaunt_tensor", "paper", op=op), device="meta")
        shapes = {tuple(lab.model(variant)(*lab.data().inputs).shape) for variant in VARIANTS}
        assert len(shapes) == 1


# The force field


def test_exact_forces_are_the_slope_of_the_exact_energy():
    R = conformations(40, 0.1, 0)[0][:2]
    assert len(ANGLES) == 14 and len(APART) == 12 * 11 // 2 - 11 - 14
    step = torch.zeros_like(R)
    step[:, 3, 1] = 1e-5
    slope = (potential(R + step) - potential(R - step)) / 2e-5
    assert torch.allclose(-slope, energy_and_forces(R)[1][:, 3, 1], atol=1e-6)


def test_hotter_molecules_have_more_energy():
    assert conformations(10, 0.2, 1)[1].mean() > conformations(40, 0.1, 0)[1].mean()


@pytest.mark.parametrize("variant", VARIANTS)
def test_forces_are_the_slope_of_energies_and_turn_with_the_molecule(variant: str):
    lab = bench("gaunt_tensor")
    model = lab.model(variant).double()
    for module in model.modules():  # tables made in double precision again lose nothing
        assert not any(b.dtype == torch.float32 for b in module.buffers(recurse=False))
    R = lab.data("test").inputs[0][:2].double()
    energy, forces = model(R)
    step = torch.zeros_like(R)
    step[:, 2, 0] = 1e-5
    slope = (model(R + step)[0] - model(R - step)[0]) / 2e-5
    assert torch.allclose(-slope, forces[:, 2, 0], atol=1e-6)
    turn = torch.tensor(SPACE_TURN, dtype=torch.float64)
    turned_energy, turned_forces = model(R @ turn.T + 3.0)
    assert torch.allclose(turned_energy, energy, atol=1e-5)
    assert torch.allclose(turned_forces, forces @ turn.T, atol=1e-5)
    assert forces.sum(1).abs().max() < 1e-8


def test_atoms_of_a_kind_can_be_swapped():
    lab = bench("gaunt_tensor")
    R = lab.data("test").inputs[0][:2]
    order = torch.arange(12)
    order[[0, 1]] = order[[1, 0]]
    model = lab.model("gaunt")
    energy, forces = model(R)
    swapped, swapped_forces = model(R[:, order])
    assert torch.allclose(swapped, energy, atol=1e-4)
    assert torch.allclose(swapped_forces, forces[:, order], atol=1e-4)


def test_a_fit_repeats_with_its_seed_and_variants_start_as_one_function():
    first, again = (bench("gaunt_tensor").metric("gaunt") for _ in range(2))
    assert first == again
    assert set(first) == {"force_mae", "energy_mae", "hot_force_mae", "equivariance_error"}
    lab = bench("gaunt_tensor")
    R = lab.data("test").inputs[0]
    energies = [lab.model(variant)(R)[0] for variant in EQUAL]
    assert all(torch.allclose(energies[0], other, atol=1e-4) for other in energies)


def test_operations_are_judged_without_training():
    lab = bench("gaunt_tensor", "small")
    assert lab.data("train").recipe is None
    found = lab.metric("gaunt")
    assert found["product_error"].value < 1e-6 and found["equivariance_error"].value < 1e-5
    assert "product_error" not in lab.metric("scalar")
    for op in ("convolution", "batched_convolution"):
        found = lab.at(op=op).metric("specialised")
        assert max(found["product_error"].value, found["equivariance_error"].value) < 1e-5
    assert [lab.at(op=op).data().inputs[0].shape for op in ("convolution", "batched_convolution")] == [(1, 1, 9), (32, 16, 9)]
    assert lab.artifacts("gaunt")["product"].pixels.shape == (64, 3 * 128)
    assert len(bench("gaunt_tensor").artifacts("gaunt")["forces"].spec["data"]["values"]) <= 600
    assert place(3, -2) == 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_gaunt_products_learn_forces_as_well_as_clebsch_gordans_and_directions_matter():
    lab = bench("gaunt_tensor", "small", op="force_field")
    # Four fifths of the schedule: by then the rate has fallen to a tenth.
    fits = {variant: lab.fit(variant, Budget(steps=400)) for variant in ("gaunt", "specialised", "scalar")}
    found = {variant: lab.metric(variant, model) for variant, model in fits.items()}
    force = {variant: q["force_mae"].value for variant, q in found.items()}
    assert 0.8 < force["gaunt"] / force["specialised"] < 1.25  # one seed; the claim of 5% is judged over several
    assert force["gaunt"] < 0.5 * force["scalar"]
    assert found["gaunt"]["hot_force_mae"].value > force["gaunt"]
