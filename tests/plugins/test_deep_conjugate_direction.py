"""Deep conjugate directions: what holds of the method with any network, and what a trained one saves."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.sparse.linalg import cg, spsolve

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench

CLASSIC = ("cg", "icpcg", "deflated")


@pytest.fixture(scope="module")
def lab():
    return bench("deep_conjugate_direction")


@pytest.fixture(scope="module")
def system():
    """A small system: the SciPy matrix, the torch matrix, a right-hand side and the dense inverse."""
    from harness_papers.deep_conjugate_direction.poisson import as_torch, laplacian

    A = laplacian(16)
    b = torch.randn(256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return A, as_torch(A), b, torch.from_numpy(np.linalg.inv(A.toarray()))


def net(seed=0):
    from harness_papers.deep_conjugate_direction.network import DirectionNet

    torch.manual_seed(seed)
    return DirectionNet(channels=8)


# Sizes


def test_published_sizes_are_those_of_the_layers(lab):
    expected = {
        (64, 3): (448 + 14 * 6928 + 17, 64**3 * (432 + 8 * 6912 + 16) + 32**3 * 6 * 6912),
        (128, 3): (448 + 22 * 6928 + 17, 128**3 * (432 + 12 * 6912 + 16) + 64**3 * 10 * 6912),
        (64, 2): (160 + 14 * 2320 + 17, 64**2 * (144 + 8 * 2304 + 16) + 32**2 * 6 * 2304),
    }
    assert len(lab.card.sizes) == 2 * len(expected)
    for size in lab.card.sizes:
        meta = replace(bench("deep_conjugate_direction", "paper", **size.params), device="meta")
        model, (b,) = meta.model("dcdm"), meta.data().inputs
        parameters, macs = expected[size.params["N"], size.params.get("dims", 3)]
        assert sum(p.numel() for p in model.parameters()) == parameters
        if size.quantity == "parameters":
            assert size.value == parameters
        else:
            assert count(lambda model=model, b=b: model(b), model).macs == macs
            assert abs(size.value - macs) <= size.half_unit


# Systems


@pytest.mark.parametrize(("dims", "neighbours"), [(2, 4), (3, 6)])
def test_the_matrix_is_the_stencil(dims, neighbours):
    from harness_papers.deep_conjugate_direction.poisson import laplacian

    A = laplacian(6, dims)
    dense = A.toarray()
    assert (dense == dense.T).all()
    assert (A.diagonal() == neighbours).all()
    middle = np.ravel_multi_index((3,) * dims, (6,) * dims)
    assert sorted(dense[middle])[:neighbours] == [-1] * neighbours
    lowest = 4 * dims * np.sin(np.pi / 14) ** 2
    assert np.linalg.eigvalsh(dense)[0] == pytest.approx(lowest)


def test_solid_cells_are_cut_out():
    from harness_papers.deep_conjugate_direction.poisson import disc, laplacian

    solid = disc(16)
    A, box = laplacian(16, solid=solid).toarray(), laplacian(16).toarray()
    assert 10 < solid.sum() < 30
    assert not A[solid].any()
    assert not A[:, solid].any()
    assert (A[np.ix_(~solid, ~solid)] == box[np.ix_(~solid, ~solid)]).all()


def test_ritz_values_of_enough_iterations_are_eigenvalues():
    from harness_papers.deep_conjugate_direction.poisson import lanczos, laplacian

    A = laplacian(5, solid=np.arange(25) == 7)
    values, Q = lanczos(A, 14)
    assert np.allclose(Q @ Q.T, np.eye(len(Q)), atol=1e-8)
    eigenvalues = np.linalg.eigvalsh(A.toarray())
    assert values[0] == pytest.approx(eigenvalues[eigenvalues > 1e-8][0], rel=1e-4)
    assert values[-1] == pytest.approx(eigenvalues[-1], rel=1e-4)
    assert np.allclose(Q @ (A @ Q.T), np.diag(values), atol=1e-8)


def test_training_vectors_favour_small_eigenvalues(lab):
    from harness_papers.deep_conjugate_direction.poisson import mixtures

    Q = lab.data("train").inputs[0]
    b = mixtures(Q, 4000, torch.Generator().manual_seed(0))
    assert torch.allclose(b.norm(dim=1), torch.ones(4000, dtype=torch.float64))
    energy = (b @ Q.T).square().mean(0)
    cut = len(Q) // 2 + len(Q) // 20
    assert (energy[:cut].mean() / energy[cut:].mean()).item() == pytest.approx(81, rel=0.1)


def test_right_hand_sides_are_unit_and_of_their_kind():
    from harness_papers.deep_conjugate_direction.poisson import KINDS, right_hand_sides

    for kind in KINDS:
        b = right_hand_sides(kind, 16, 60, 3)
        assert b.shape == (3, 256)
        assert torch.allclose(b.norm(dim=1), torch.ones(3, dtype=torch.float64))
        assert not b[0].equal(b[1])
        assert b.equal(right_hand_sides(kind, 16, 60, 3))
    assert ((right_hand_sides("points", 16, 60, 3) != 0).sum(1) == 4).all()


def test_projection_takes_the_plumes_divergence_away():
    from harness_papers.deep_conjugate_direction.poisson import _divergence, _gradient, laplacian

    velocity = np.random.default_rng(0).standard_normal((2, 8, 8))
    p = spsolve(laplacian(8).tocsc(), _divergence(velocity).ravel()).reshape(8, 8)
    assert np.abs(_divergence(velocity + np.stack(_gradient(p)))[1:, 1:]).max() < 1e-10


# The method


def test_with_the_identity_it_is_conjugate_gradients(system):
    from harness_papers.deep_conjugate_direction.solvers import conjugate_directions

    A, matrix, b, _ = system
    for steps in range(1, 31):
        iterates = []
        cg(A, b.numpy(), rtol=0, maxiter=steps, callback=lambda x, kept=iterates: kept.append(x.copy()))
        ours = conjugate_directions(matrix, b, lambda r: r, 0.0, steps).x
        assert np.abs(ours.numpy() - iterates[-1]).max() < 1e-10


def test_with_the_inverse_it_takes_one_iteration(system):
    from harness_papers.deep_conjugate_direction.solvers import conjugate_directions

    _, matrix, b, inverse = system
    solution = conjugate_directions(matrix, b, lambda r: -3 * inverse @ r, 1e-12, 10)
    assert len(solution.history) == 2
    assert solution.history[1] < 1e-12


class Recording:
    """A matrix that remembers what it was multiplied with."""

    def __init__(self, matrix):
        self.matrix, self.seen = matrix, []

    def __matmul__(self, v):
        self.seen.append(v)
        return self.matrix @ v


def run(system, kept, limit=10):
    """Return the directions and iterates that the method makes with an untrained network."""
    from harness_papers.deep_conjugate_direction.solvers import LearnedSolver, conjugate_directions

    recording = Recording(system[1])
    conjugate_directions(recording, system[2], LearnedSolver(net().double()), 0.0, limit, kept)
    return recording.seen[::2], [torch.zeros(256, dtype=torch.float64), *recording.seen[1::2]]


@torch.no_grad()
def test_successive_directions_are_conjugate(system):
    matrix = system[1]

    def cosines(p, apart):
        pairs = zip(p, p[apart:], strict=False)
        return [abs(a @ (matrix @ b)) / ((a @ (matrix @ a)) * (b @ (matrix @ b))).sqrt() for a, b in pairs]

    p, _ = run(system, kept=2)
    assert max(cosines(p, 1) + cosines(p, 2)) < 1e-8
    assert max(cosines(p, 3)) > 1e-6  # nothing makes them conjugate to older ones
    p, _ = run(system, kept=0)
    assert max(cosines(p, 1)) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_the_energy_of_the_error_never_grows(system, kept):
    _, matrix, b, inverse = system
    _, iterates = run(system, kept)
    errors = [inverse @ b - x for x in iterates]
    energies = [(e @ (matrix @ e)).item() for e in errors]
    assert all(after <= before * (1 + 1e-12) for before, after in itertools.pairwise(energies))
    assert energies[-1] < energies[0]


@torch.no_grad()
@pytest.mark.parametrize("variant", ["dcdm", "refine", "single_pass", *CLASSIC])
def test_the_history_is_the_residual_of_the_solution(lab, system, variant):
    A, matrix, b, _ = system
    model = lab.model(variant)
    model.prepare(A)
    solution = model.solve(matrix, b, 1e-6)
    true = (b - matrix @ solution.x).norm() / b.norm()
    assert solution.history[-1] == pytest.approx(true.item(), rel=1e-6, abs=1e-12)
    assert solution.history[0] == 1
    assert (true <= 1e-6) == (variant in CLASSIC)


@torch.no_grad()
def test_solid_cells_stay_zero(lab):
    from harness_papers.deep_conjugate_direction.poisson import as_torch, disc, laplacian

    solid = disc(16)
    A = laplacian(16, solid=solid)
    b = torch.randn(256, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * torch.from_numpy(~solid)
    for variant in ("dcdm", *CLASSIC):
        model = lab.model(variant)
        model.prepare(A)
        x = model.solve(as_torch(A), b, 1e-6).x
        assert not x[torch.from_numpy(solid)].any()
        assert x.isfinite().all()
        assert ((b - as_torch(A) @ x).norm() / b.norm() <= 1e-6) or variant == "dcdm"


# Baselines


def test_conjugate_gradients_are_scipys(system):
    from harness_papers.deep_conjugate_direction.solvers import preconditioned_cg

    A, matrix, b, _ = system
    iterates = []
    cg(A, b.numpy(), rtol=0, maxiter=25, callback=lambda x: iterates.append(x.copy()))
    ours = preconditioned_cg(matrix, b, lambda r: r, 0.0, 25)
    assert np.allclose(ours.x.numpy(), iterates[24], atol=1e-10)


def test_incomplete_cholesky_agrees_with_the_matrix_on_its_pattern(system):
    from harness_papers.deep_conjugate_direction.solvers import incomplete_cholesky

    A, *_ = system
    L = incomplete_cholesky(A)
    assert sparse.tril(A).nnz == L.nnz
    product = (L @ L.T).tocsr()
    pattern = A != 0
    assert abs(product.multiply(pattern) - A).max() < 1e-12
    assert abs(product - A).max() > 0.1  # fill-in is left out
    whole = incomplete_cholesky(sparse.csr_array(np.array([[4.0, 1, 2], [1, 3, 1], [2, 1, 5]]))).toarray()
    assert np.allclose(whole, np.linalg.cholesky([[4, 1, 2], [1, 3, 1], [2, 1, 5]]))


def test_preconditioners_save_iterations(lab, system):
    A, matrix, b, _ = system
    taken = {}
    for variant in CLASSIC:
        model = lab.model(variant)
        model.prepare(A)
        taken[variant] = model.solve(matrix, b, 1e-6).iterations(1e-6)
    assert taken["icpcg"] < 0.6 * taken["cg"]
    assert taken["deflated"] < 0.8 * taken["cg"]


def test_deflation_takes_the_lowest_ritz_values_to_one(lab, system):
    A, matrix, _, _ = system
    model = lab.model("deflated")
    model.prepare(A)
    q = model.Q[0]
    assert torch.allclose(model(matrix @ q) @ q, torch.ones((), dtype=torch.float64))


# The loss and the network


def test_the_loss_does_not_see_a_factor_and_is_one_for_a_useless_direction(system):
    from harness_papers.deep_conjugate_direction.network import best_step_loss

    _, matrix, b, inverse = system
    b = (b / b.norm())[None]
    y = torch.randn(1, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert best_step_loss(y, b, matrix).item() == pytest.approx(best_step_loss(-7.5 * y, b, matrix).item())
    assert best_step_loss(b @ inverse, b, matrix).item() < 1e-20
    orthogonal = y - (y @ b.T) * b
    assert best_step_loss(orthogonal, b, matrix).item() == pytest.approx(1)


def test_the_loss_is_the_mean_over_vectors(system):
    from harness_papers.deep_conjugate_direction.network import best_step_loss

    _, matrix, _, _ = system
    y, b = torch.randn(2, 4, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    each = [best_step_loss(y[i : i + 1], b[i : i + 1], matrix) for i in range(4)]
    assert torch.allclose(best_step_loss(y, b, matrix), torch.stack(each).mean())


def test_the_first_and_last_layers_are_linear():
    f = net()
    with torch.no_grad():
        for layers in (f.before, f.coarse, f.after):
            for layer in layers:
                layer.weight.zero_()
                layer.bias.fill_(-1.0)  # a ReLU makes it zero
        assert torch.allclose(f(torch.randn(1, 1, 16, 16)), f.last.bias.view(1, 1, 1, 1).expand(1, 1, 16, 16))
        f.before[0].weight[:, :, 1, 1] = torch.eye(8)
        f.before[0].bias.fill_(0.0)
        f.before[-1].weight[:, :, 1, 1] = torch.eye(8)
        f.before[-1].bias.fill_(0.0)
        r = torch.randn(1, 1, 16, 16)
        a = f.first(r).relu()
        pooled = torch.nn.functional.avg_pool2d(a, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
        assert torch.allclose(f(r), f.last(a + pooled), atol=1e-6)


# Hooks


def test_a_fit_is_deterministic_in_its_seed(lab):
    fitted, again, other = (
        lab.fit("dcdm"),
        bench("deep_conjugate_direction").fit("dcdm"),
        bench("deep_conjugate_direction", seed=1).fit("dcdm"),
    )
    assert all(torch.equal(a, b) for a, b in zip(fitted.parameters(), again.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(fitted.parameters(), other.parameters(), strict=True))


def test_variants_share_the_trained_network(lab):
    assert lab.fit("refine").f is lab.fit("dcdm").f
    assert lab.fit("single_pass").f is lab.fit("dcdm").f


def test_a_budget_cuts_the_steps(lab):
    untrained = bench("deep_conjugate_direction").fit("dcdm", Budget(steps=0))
    assert untrained.f.first.weight.equal(lab.model("dcdm").f.first.weight)
    assert not untrained.f.first.weight.equal(lab.fit("dcdm").f.first.weight)


def test_a_solve_reaches_its_tolerance(lab):
    from harness_papers.deep_conjugate_direction.poisson import as_torch, laplacian

    A, (b,) = as_torch(laplacian(16)), lab.data().inputs
    for variant in CLASSIC:
        subject = lab.subject("solve", variant)
        with subject.guarded():
            x = subject.work.run()
        assert ((b - A @ x).norm() / b.norm()).item() <= 1e-6


def test_one_direction_is_timed_of_every_solver(lab):
    (b,) = lab.data().inputs
    for variant in lab.card.variant_names:
        subject = lab.subject("infer", variant)
        with subject.guarded():
            assert subject.work.run().shape == b.shape
        assert subject.work.items == 1


def test_a_solver_that_is_given_up_counts_as_having_taken_all_iterations(lab):
    untrained = lab.metric("dcdm", lab.model("dcdm"))
    iterations = ("iterations_1e4", "iterations_1e6", "others_ratio", "obstacle_ratio")
    assert [untrained[name].value for name in iterations] == [50] * 4
    solved = lab.metric("cg")
    assert set(solved) == {*iterations, "residual_20"}
    assert 1 < solved["iterations_1e4"].value < solved["iterations_1e6"].value < 256
    assert 0.5 < solved["others_ratio"].value < 2
    assert set(lab.metric("single_pass")) == {"residual_20", "loss"}


def test_artifacts_show_residuals_and_a_plume(lab):
    shown = lab.artifacts("dcdm")
    assert list(shown) == ["residuals", "plume"]
    rows = shown["residuals"].spec["data"]["values"]
    assert {row["solver"] for row in rows} == {"DCDM", "CG"}
    assert len(rows) < 2000
    assert shown["plume"].pixels.shape == (128, 256)
    assert 0 <= shown["plume"].pixels.min() <= shown["plume"].pixels.max() <= 1
    assert lab.artifacts("cg") == {}


# The effect


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_trained_network_saves_most_iterations_at_any_size_and_for_any_source():
    lab = bench("deep_conjugate_direction", "small")
    trained = {"dcdm": lab.fit("dcdm"), "refine": lab.fit("refine"), "single_pass": lab.fit("single_pass"), "cg": lab.fit("cg")}
    here = {v: {name: q.value for name, q in lab.metric(v, model).items()} for v, model in trained.items()}
    there = {v: {name: q.value for name, q in lab.at(N=64).metric(v, trained[v]).items()} for v in ("dcdm", "cg")}
    ours = here["dcdm"]
    assert ours["loss"] < 0.1
    assert ours["iterations_1e4"] <= 0.2 * here["cg"]["iterations_1e4"]
    assert there["dcdm"]["iterations_1e4"] <= 0.2 * there["cg"]["iterations_1e4"]
    assert there["cg"]["iterations_1e4"] > 1.8 * here["cg"]["iterations_1e4"]
    assert there["dcdm"]["iterations_1e4"] <= 1.7 * ours["iterations_1e4"]
    assert ours["residual_20"] <= 1e-6
    assert here["single_pass"]["residual_20"] > 0.02
    assert ours["others_ratio"] <= 2
    assert ours["obstacle_ratio"] <= 2
    assert ours["iterations_1e6"] < here["refine"]["iterations_1e6"]
