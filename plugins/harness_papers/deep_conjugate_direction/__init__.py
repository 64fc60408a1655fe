"""A Deep Conjugate Direction Method: conjugate gradients whose search directions come from a network.

`network` is the network and its loss, `poisson` the linear systems, `solvers` the method and those it is held against, `training` the loop,
`building` the sizes of each experiment, `judging` the qualities and pictures, and `claims` what the authors say.
"""

from __future__ import annotations

from harness import Paper, Variant, Work, Workload, hookimpl

from .claims import CLAIMS, SIZES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="deep_conjugate_direction",
        title="A Deep Conjugate Direction Method for Iteratively Solving Linear Systems",
        arxiv="2205.10763",
        year=2023,
        family="operator-pde",
        task="solve A x = b for sparse symmetric positive definite A (Poisson's equation on a grid) to a given residual, (n,) -> (n,)",
        method=(
            "Each search direction is what a small convolutional network makes of the normalised residual, made A-orthogonal to the last two. The network "
            "learns A^-1 up to a factor from random vectors rich in A's small eigenvalues, and is used again for other right-hand sides and domains."
        ),
        variants=[
            Variant("dcdm", "the paper's method, two directions remembered", subject=True),
            Variant("cg", "conjugate gradients"),
            Variant("icpcg", "conjugate gradients with incomplete Cholesky"),
            Variant("deflated", "conjugate gradients deflated by 16 Ritz vectors"),
            Variant("refine", "the same network with none remembered", shares_fit="dcdm"),
            Variant("single_pass", "the same network used once", shares_fit="dcdm"),
        ],
        workloads=[
            Workload(
                "solve",
                "systems",
                "a plume's pressure to a relative residual of 1e-6, with the preconditioner made already",
                needs_fit=True,
            ),
            Workload("infer", "directions", "one direction from one residual: the network, or the preconditioner"),
        ],
        sweep={"N": {"smoke": (16,), "small": (32, 48, 64), "paper": (64, 128, 256)}},
        qualities={
            "iterations_1e4": "lower",
            "iterations_1e6": "lower",
            "residual_20": "lower",
            "others_ratio": "lower",
            "obstacle_ratio": "lower",
            "loss": "lower",
        },
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            "Systems are two-dimensional, 32 to 64 cells a side, where the authors solve three-dimensional ones of 64 to 256 a side.",
            "Lanczos runs 200 iterations with full re-orthogonalisation instead of 10,000.",
            "One network is trained, on 32 cells a side, and used on all grids; the authors train on 64 and 128 a side, and use each on larger ones.",
            "Training takes 600 steps on mixtures drawn anew, at ten times the authors' rate, instead of many epochs over 20,000 stored vectors.",
            "Obstacles are one disc, and plumes are simulated by the plugin on a coarse grid.",
            "Jacobi and Gauss-Seidel iterations are not built.",
        ],
        readings=[
            "The network, the loss, the mixtures and the order of steps follow the authors' code; their paper could not be read beyond the abstract.",
            "Solid cells are walls at which the solution is zero: their rows and columns are zero, and directions are zero there.",
            "The outer loop is in double precision, and the network in single.",
            (
                "The deflated solver takes the 16 lowest of 200 Ritz values to one, by a preconditioner that is in the authors' code. Their test script "
                "deflates by projection, with the 16 Ritz vectors of 16 Lanczos iterations begun at the right-hand side."
            ),
            (
                "A learned solver is given up after 200 iterations, 50 at smoke scale, and counts as having taken as many. Where it is given up on "
                "mixtures, both ratios are that number, the worst there can be. A single pass has no number of iterations and no ratios."
            ),
            "`residual_20` is the relative residual after 20 iterations, or earlier at 1e-6; a single pass ends after one.",
            "`others_ratio` is the worst of noise, point sources and plumes, and `obstacle_ratio` that of plumes round a disc, over iterations on mixtures.",
            "Qualities are means over three right-hand sides of a kind, one at smoke scale, the same for every seed; `loss` is that of the mixtures.",
            "Triangular solves of incomplete Cholesky are torch's, which run on any device; on a CPU SuperLU's are two to three times as fast.",
            "At paper scale nothing is trained, so no system is solved there; one direction is timed, with 200 Ritz vectors to deflate by.",
        ],
        findings=[
            (
                "The number of iterations does depend on the size here, if less than that of conjugate gradients: from 32 to 64 cells a side 9.3 become "
                "13.6 to a residual of 1e-4, and 68 become 135, with one network trained on 32. So 20 iterations are enough for 1e-6 on 32 a side, and "
                "not always on 64."
            ),
            (
                "Trained on 16, 32 and 64 a side in turn, with 80 steps on the last, the network was worse on all of them than after 400 steps on 32 alone, and two "
                "of the systems of 64 a side were not solved in 500 iterations; so the network is trained on 32. Nothing guarantees convergence."
            ),
            (
                "Remembering two directions saves a third to two thirds of the iterations to 1e-6. The smaller network of smoke scale still has the loss "
                "of a useless direction, one, after 200 steps: there, with 10, the method solves nothing."
            ),
            "Round the disc plumes take 1.3 to 2.0 times the iterations of mixtures in the empty box (three seeds), at worst close to the bound of the check.",
            (
                "In the authors' test script incomplete Cholesky is applied by SciPy's spsolve_triangular, which was a loop over rows in Python: what they "
                "gain in time over it is partly that loop's."
            ),
        ],
        data="the 5-point Laplacian; right-hand sides generated by the plugin",
        code="https://github.com/ayano721/2023_DCDM",
    )


@hookimpl
def model(variant, scale, params, fitted):
    from .building import build

    return build(variant, scale, params, fitted)


@hookimpl
def data(scale, split, params):
    from .building import profile, tests, training_vectors

    if split == "profile":
        return profile(scale, params)
    if scale == "paper":
        from harness.meters.base import NotMeasurableError

        raise NotMeasurableError("at paper scale the network is not trained, and what a solve costs depends on its training")
    return training_vectors(scale) if split == "train" else tests(scale, params)


@hookimpl
def fit(variant, model, data, scale, budget, seed):
    from .building import SETTINGS
    from .training import train

    if variant == "dcdm":
        train(model, data.inputs[0], data.extra["A"], SETTINGS[scale].steps, budget, seed)
    return model


@hookimpl
def metric(model, data, params):
    from .judging import judge

    return judge(model, data.inputs[0], params["N"])


@hookimpl
def workload(name, model, data, params, device):
    import math

    from .building import TOL
    from .poisson import as_torch, laplacian
    from .solvers import LearnedSolver

    if name == "infer" and isinstance(model, LearnedSolver):
        return None
    (b,) = data.inputs
    A = laplacian(params["N"], dims=round(math.log(len(b), params["N"])))
    model.prepare(A, device)
    if name == "infer":
        return None
    matrix = as_torch(A, device)
    return Work(lambda: model.solve(matrix, b.double(), TOL).x)


@hookimpl
def artifacts(variant, model, data, params):
    from .judging import show

    return show(model, data.inputs[0], params["N"]) if variant == "dcdm" else {}
