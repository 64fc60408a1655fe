"""Hydra: the scan and its matrix, what quasiseparable means, the classes of matrices beside it, and what training shows."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from harness.meters.flops.counter import count
from harness.testing import bench

from harness_papers.hydra.blocks import Hydra, Mamba2, Quasiseparable  # isort: skip
from harness_papers.hydra.encoder import build
from harness_papers.hydra.scan import delayed, ssd, ssd_matrix
from harness_papers.hydra.tasks import FIRST_QUERY, FIRST_VALUE, IGNORED, MASK, PAIR_VALUES, library
from harness_papers.hydra.zoo import CLASSES, MatrixMixer, QuasiseparableMixer

B, L, D, N, P = 2, 21, 12, 5, 4
RECALL = {"task": "recall", "length": 32}


@pytest.fixture(scope="module")
def lab():
    return bench("hydra")


@pytest.fixture
def block():
    """A small block in double precision, step sizes and states of ordinary size."""
    torch.manual_seed(0)
    block = Hydra(D, N=N, P=P).double()
    with torch.no_grad():
        block.mixing.dt_bias.uniform_(-1, 1)
        block.mixing.A_log.uniform_(-1, 1)
        block.in_proj.weight.mul_(3)
    return block


@pytest.fixture
def u():
    return torch.randn(B, L, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def scan_inputs(length: int = L):
    random = torch.Generator().manual_seed(2)
    x = torch.randn(B, length, 3, P, dtype=torch.float64, generator=random)
    delta = torch.rand(B, length, 3, dtype=torch.float64, generator=random)
    return x, delta, -torch.tensor([0.5, 1.0, 3.0]).double(), *torch.randn(2, B, length, N, dtype=torch.float64, generator=random)


# The scan


@pytest.mark.parametrize("chunk", [1, 2, 7, 20, 21, 64])
def test_a_scan_in_chunks_is_the_recurrence(chunk: int):
    x, delta, A, write, read = scan_inputs()
    state, expected = torch.zeros(B, 3, P, N).double(), []
    for t in range(L):
        state = state * (delta[:, t] * A).exp()[..., None, None] + torch.einsum("bh,bhp,bn->bhpn", delta[:, t], x[:, t], write[:, t])
        expected.append(torch.einsum("bhpn,bn->bhp", state, read[:, t]))
    assert torch.allclose(ssd(x, delta, A, write, read, chunk), torch.stack(expected, 1), atol=1e-12)


def test_the_scan_is_a_product_with_its_matrix():
    x, *rest = scan_inputs()
    assert torch.allclose(torch.einsum("bhij,bjhp->bihp", ssd_matrix(*rest), x), ssd(x, *rest), atol=1e-12)


def test_a_delayed_scan_starts_with_exact_zeros():
    y = delayed(ssd(*scan_inputs()))
    assert (y[:, 0] == 0).all() and (y[:, 1:] != 0).all()


# The quasiseparable block


def test_the_matrix_times_x_is_what_the_scans_give(block, u):
    _, inputs = block.project(u)
    heads = inputs[0].unflatten(-1, (-1, P))
    y = torch.einsum("bhij,bjhp->bihp", block.matrix(u), heads).flatten(2)
    assert (y - block.mixing(*inputs)).abs().max() < 1e-10


def test_every_entry_of_the_matrix_is_the_papers(block, u):
    (_, (x, dt, write, read)), H = block.project(u), block.mixing.H
    delta = F.softplus(dt.unflatten(-1, (2, H)) + block.mixing.dt_bias)  # (B, L, 2, H)
    decay = (-block.mixing.A_log.exp() * delta).exp()
    M, h, b = block.matrix(u), 1, 1
    for i, j in [(9, 3), (3, 2), (20, 0), (3, 9), (2, 3), (0, 20), (4, 4)]:
        if i == j:
            expected = block.mixing.diagonal(x)[b, i, h]
        else:
            way, step = (0, 1) if j < i else (1, -1)
            between = decay[b, min(i, j) + 1 : max(i, j), way, h].prod()
            expected = (read[b, i - step].unflatten(0, (2, N))[way] @ write[b, j].unflatten(0, (2, N))[way]) * delta[b, j, way, h] * between
        assert torch.isclose(M[b, h, i, j], expected, atol=1e-12), (i, j)


def test_what_lies_beside_the_diagonal_has_rank_of_a_state_at_most(block, u):
    M = block.matrix(u)
    for cut in (8, 11, 14):
        for part in (M[..., cut:, :cut], M[..., :cut, cut:]):
            assert (torch.linalg.matrix_rank(part, rtol=1e-9) <= N).all()
    assert (torch.linalg.matrix_rank(M, rtol=1e-9) > N).all()


def test_reversing_the_input_and_swapping_the_halves_reverses_the_output(block, u):
    swapped = Hydra(D, N=N, P=P).double()
    swapped.load_state_dict(block.state_dict())
    width, H = block.I, block.mixing.H
    order = torch.cat(
        (
            torch.arange(2 * width),
            2 * width + (torch.arange(4 * N) + 2 * N) % (4 * N),
            2 * width + 4 * N + (torch.arange(2 * H) + H) % (2 * H),
        )
    )
    with torch.no_grad():
        swapped.in_proj.weight.copy_(block.in_proj.weight[order])
        for name in ("weight", "bias"):
            getattr(swapped.conv, name).copy_(getattr(block.conv, name)[order[width : -2 * H] - width])
        swapped.conv.weight.copy_(swapped.conv.weight.flip(-1))
    assert torch.allclose(swapped(u.flip(1)), block(u).flip(1), atol=1e-12)
    assert not torch.allclose(block(u.flip(1)), block(u).flip(1), atol=1e-3)


def _reaches(block: Hydra, u: torch.Tensor) -> torch.Tensor:
    """Which token changes which output of the mixing, with the convolution a centred delta: (L, L)."""
    with torch.no_grad():
        block.conv.weight.zero_()[..., 3] = 1
    jacobian = torch.autograd.functional.jacobian(lambda v: block.mixing(*block.project(v)[1])[0].sum(-1), u[:1])[:, 0]
    return jacobian.abs().amax(-1) > 1e-14


def test_without_its_diagonal_a_token_does_not_see_itself(block, u):
    with torch.no_grad():
        block.mixing.W_D.weight.zero_()
        block.mixing.D.zero_()
    reach = _reaches(block, u)
    # The step before reads the state, so token i - 1 of C and token i + 1 of C' are seen, and i itself is not.
    assert not reach.diagonal().any()
    assert (reach | torch.eye(L, dtype=torch.bool)).all()


def test_without_states_a_token_sees_itself_alone(block, u):
    with torch.no_grad():
        block.conv.bias[block.I :] = 0
        block.in_proj.weight[2 * block.I : 2 * block.I + 4 * N] = 0
    assert torch.equal(_reaches(block, u), torch.eye(L, dtype=torch.bool))


def test_step_sizes_are_not_convolved_and_the_convolution_looks_both_ways(block, u):
    changed = u.clone()
    changed[:, 10] += 1
    (_, before), (_, after) = block.project(u), block.project(changed)
    moved = [(a != b).any(-1).any(0).nonzero().flatten().tolist() for a, b in zip(before, after, strict=True)]
    assert moved == [list(range(7, 14)), [10], list(range(7, 14)), list(range(7, 14))]


def test_the_norm_comes_before_the_gate(block, u):
    z, inputs = block.project(u)
    y = block.mixing(*inputs)
    normed = y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt() * block.norm.norm.weight
    assert torch.allclose(block(u), block.out_proj(normed * F.silu(z)), atol=1e-10)


def test_step_sizes_start_between_a_thousandth_and_a_tenth():
    mixing = Quasiseparable(4000, 1000)
    dt = F.softplus(mixing.dt_bias)
    assert 0.00099 < dt.min() < 0.0012 and 0.085 < dt.max() < 0.101
    assert dt.log().mean().item() == pytest.approx(np.log(0.01), abs=0.15)
    assert (mixing.A_log == 0).all() and (mixing.D == 1).all()


# The baselines


def test_one_direction_sees_nothing_ahead(u):
    for make, ahead in ((Mamba2, False), (Hydra, True)):
        block = make(D, N=N, P=P).double()
        changed = u.clone()
        changed[:, 12:] += 1
        assert torch.equal(block(changed)[:, :12], block(u)[:, :12]) != ahead


@pytest.mark.parametrize("variant", ["add", "mult", "concat"])
def test_ways_to_join_the_scans_hold_the_token_itself_in_both(variant: str):
    model = build(variant, "smoke", {**RECALL, "task": "block"}).double()
    with torch.no_grad():
        model.mixer.mixing.D.zero_()
    _, inputs = model.mixer.project(torch.randn(1, 9, 32).double())
    forward, backward = model.mixer.mixing.scans(*inputs)
    joined = {"add": torch.add, "mult": torch.mul, "concat": lambda a, b: torch.cat((a, b), 2)}[variant](forward, backward.flip(1)).flatten(
        2
    )
    assert torch.allclose(model.mixer.mixing(*inputs), joined)
    assert not torch.allclose(forward[:, 0], torch.zeros(()).double())


MIXERS = [(kind, sam) for kind in CLASSES for sam in (False, True) if (kind, sam) != ("dense", True)]
"""A matrix without structure has no sequence-aligned version."""


@pytest.mark.parametrize(("kind", "sam"), MIXERS)
def test_fast_products_are_products_with_the_matrix(kind: str, sam: bool):
    mixer = CLASSES[kind](3, 4, L, sam).double()
    features = torch.randn(B, L, mixer.features).double() if sam else None
    v = torch.randn(B, L, 3 * P).double()
    M = mixer.matrix(features).expand(B, 3, L, L)
    mixed = (M @ v.unflatten(-1, (3, P)).transpose(1, 2)).transpose(1, 2).flatten(2)
    assert torch.allclose(mixer(v, features), v + mixed, atol=1e-10)


@pytest.mark.parametrize("kind", ["low_rank", "cauchy", "vandermonde", "softmax"])
def test_entries_are_those_of_their_class(kind: str):
    d, h, i, j = 4, 1, 5, 9
    mixer = CLASSES[kind](3, d, L, sam=True).double()
    features = torch.randn(B, L, 2 * 3 * d).double()
    q, k = (part.unflatten(-1, (3, d)).numpy()[0, :, h] for part in features.chunk(2, dim=-1))  # (L, d) each
    silu = lambda x: x / (1 + np.exp(-x))  # noqa: E731
    expected = {
        "low_rank": silu(q[i]) @ silu(k[j]) / np.sqrt(L * d),
        "cauchy": (1 / (np.exp(q[i]) + np.exp(k[j]) + 2 * 0.5)).sum() / np.sqrt(L * d),
        "vandermonde": (np.cos(2e-3 * np.pi * q[i] * j) - np.cos(2e-3 * np.pi * k[j] * i)).sum() / np.sqrt(2 * L * d),
        "softmax": np.exp(q[i] @ k[j] / np.sqrt(d)) / np.exp(k @ q[i] / np.sqrt(d)).sum(),
    }
    assert mixer.matrix(features)[0, h, i, j].item() == pytest.approx(expected[kind], rel=1e-6)


def test_toeplitz_taps_fall_on_their_diagonals():
    mixer = CLASSES["toeplitz"](1, 0, 6, sam=True).double()
    features = torch.zeros(1, 6, 2).double()
    features[0, 2, 0], features[0, 4, 1] = 1, 1  # token 2 makes t_2, token 4 makes t_-4
    M = mixer.matrix(features)[0, 0]
    assert (M != 0).nonzero().tolist() == [[0, 4], [1, 5], [2, 0], [3, 1], [4, 2], [5, 3]]


@pytest.mark.parametrize("kind", ["low_rank", "cauchy", "vandermonde"])
def test_a_token_makes_its_own_row_and_column_of_a_sequence_aligned_matrix(kind: str):
    mixer, t = CLASSES[kind](2, 4, 16, sam=True).double(), 6
    features = torch.randn(1, 16, mixer.features).double()
    changed = features.clone()
    changed[:, t] += 1
    moved = (mixer.matrix(features) != mixer.matrix(changed))[0]
    place = torch.arange(16)
    cross = (place == t) | (place[:, None] == t)
    assert not moved[:, ~cross].any()
    assert moved[:, 1:, 1:][:, cross[1:, 1:]].all()  # at place 0 the angles of a Vandermonde matrix are zero


@pytest.mark.parametrize(("kind", "sam"), MIXERS)
def test_only_sequence_aligned_blocks_mix_tokens_otherwise_for_other_tokens(kind: str, sam: bool):
    """With the gate, the convolution and the norm out of the way a learnt matrix is a linear map of the tokens."""
    mixer = CLASSES[kind](2, 4, 16, sam).double()
    project = torch.randn(8, 2 * P + (mixer.features if sam else 0)).double()
    mixed = lambda u: mixer((u @ project)[..., : 2 * P], (u @ project)[..., 2 * P :] if sam else None)  # noqa: E731
    u = torch.randn(1, 16, 8).double()
    assert torch.allclose(mixed(2 * u), 2 * mixed(u), rtol=1e-6) != sam
    assert MatrixMixer(kind, sam, 16, 4, 16, 16).in_proj.out_features == 4 * 16 + sam * (4 if kind == "toeplitz" else 16)


# Sizes


def size(variant: str, **params: object) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in build(variant, "paper", {"length": 128, **params}).parameters())


def test_hydras_layer_has_the_authors_parameters_part_by_part():
    with torch.device("meta"):
        layer = build("hydra", "paper", {"task": "block", "length": 128})
    parts = {name: sum(p.numel() for p in module.parameters()) for name, module in layer.mixer.named_children()}
    assert parts == {"in_proj": 2_592_768, "conv": 14_336, "mixing": 36_864 + 72, "norm": 1_536, "out_proj": 1_179_648}
    assert sum(parts.values()) + 1_536 == size("hydra", task="block") == 3_826_760


def test_networks_have_the_printed_sizes():
    assert size("hydra", task="mlm") == 23 * 3_826_760 + 30_528 * 768 + 2 * 768 + 1_536 + 768 * 769 + 1_536 + 30_528
    assert size("softmax_sam", task="block") == 3_852_288
    assert size("softmax_sam", task="mlm") == pytest.approx(70.4e6, abs=5e4)
    assert size("attention", task="mlm") == pytest.approx(110e6, abs=5e5)


def test_bert_and_hydra_are_as_large_where_they_are_trained():
    for task in ("recall", "text", "digits"):
        networks = (build(variant, "small", {"task": task, "length": 32}) for variant in ("hydra", "attention"))
        hydra, bert = (sum(p.numel() for p in network.parameters()) for network in networks)
        assert hydra <= bert <= 1.04 * hydra


def test_only_what_cannot_tell_order_learns_positions():
    orderless = {"attention", "low_rank_sam", "cauchy_sam", "softmax_sam"}
    with torch.device("meta"):
        learns = {v: build(v, "smoke", RECALL).embeddings.positions is not None for v in bench("hydra").card.variant_names}
    assert {variant for variant, positions in learns.items() if positions} == orderless


def test_both_ways_cost_about_half_of_two_blocks():
    assert size("mamba", task="block") - 1_536 == pytest.approx(3.67e6, abs=5e3)
    assert size("hydra", task="block") / size("two_mamba", task="block") <= 0.55


def macs(variant: str, length: int) -> int:
    with torch.device("meta"):
        layer, x = build(variant, "paper", {"task": "block", "length": length}), torch.empty(1, length, 768)
        return count(lambda: layer(x)).macs


def test_hydras_work_is_linear_and_attentions_core_quadratic():
    assert macs("hydra", 4096) == 4 * macs("hydra", 1024)
    core = [macs("attention", length) - 12 * 768**2 * length for length in (1024, 4096)]
    assert core == [2 * 1024**2 * 768, 2 * 4096**2 * 768]
    H, inner, Q, n = 24, 1536, 32, 64
    scan = 2 * (Q * n + Q * inner + 2 * inner * n)  # two directions: C.B, its use on x, writing and reading states
    assert macs("hydra", 1024) == 1024 * (768 * 3376 + 7 * 1792 + scan + inner * H + inner * 768)


def test_published_sizes_hold(lab):
    for printed in lab.card.sizes:
        if printed.quantity == "parameters":
            assert abs(size(printed.variant, **printed.params) - printed.value) <= printed.half_unit, printed
        else:
            assert macs(printed.variant, 1) + printed.adjust == pytest.approx(printed.value, abs=printed.half_unit)


# Data


def test_every_query_of_recall_has_its_pair_on_either_side_with_equal_chance():
    data = bench("hydra", "small", task="recall").data("test")
    tokens, targets, distance = *data.inputs, data.targets, data.extra["distance"]
    rows, places = (targets != IGNORED).nonzero(as_tuple=True)
    pair = tokens[rows, places - distance[rows, places]]
    assert torch.equal(FIRST_QUERY + pair // PAIR_VALUES, tokens[rows, places])
    assert torch.equal(FIRST_VALUE + pair % PAIR_VALUES, targets[rows, places])
    assert (distance[rows, places] < 0).double().mean() == pytest.approx(0.5, abs=0.03)
    assert not ((tokens >= FIRST_VALUE) & (tokens < FIRST_VALUE + PAIR_VALUES)).any()  # answers are never shown


def test_bytes_are_masked_by_the_80_10_10_rule():
    lab = bench("hydra", "small", task="text")
    for split, share in (("train", 0.30), ("test", 0.15)):
        data = lab.data(split)
        tokens, asked = data.inputs[0], data.targets != IGNORED
        assert asked.double().mean() == pytest.approx(share, abs=0.01)
        assert (tokens[asked] == MASK).double().mean() == pytest.approx(0.8, abs=0.02)
        assert (tokens[asked] == data.targets[asked]).double().mean() == pytest.approx(0.1, abs=0.02)
        assert (tokens[~asked] < MASK).all()
    assert len(library()["train"]) + len(library()["test"]) > 10e6


def test_digits_are_the_same_pixels_in_reading_order():
    (x,) = bench("hydra", "smoke", task="digits").data("test").inputs
    assert x.shape == (128, 64, 1) and x.min() == -1 and x.max() == 1


# Hooks


def test_every_variant_builds_at_every_scale_and_answers_alike(lab):
    for task, scale, length in (("recall", "smoke", 32), ("digits", "smoke", 32), ("block", "paper", 64)):
        here = replace(bench("hydra", scale, task=task, length=length), device="meta")
        shapes = {variant: tuple(here.model(variant)(*here.data().inputs).shape) for variant in lab.card.variant_names}
        assert len(set(shapes.values())) == 1, shapes


@pytest.mark.parametrize("variant", ["hydra", "attention"])
def test_networks_of_published_size_run_on_meta(variant: str):
    meta = replace(bench("hydra", "paper", task="mlm"), device="meta")
    assert meta.model(variant)(*meta.data().inputs).shape == (1, 128, 30_528)


def test_a_fit_repeats_with_its_seed():
    first, again = (bench("hydra", seed=3).metric("hydra") for _ in range(2))
    other = bench("hydra", seed=4).metric("hydra")
    assert first == again and first != other
    assert set(first) == {"recall", "recall_back", "recall_ahead"}


def test_qualities_of_every_task_are_on_the_card(lab):
    found = {name for task in ("recall", "text", "digits") for name in lab.at(task=task).metric("attention")}
    assert found == set(lab.card.qualities)


def test_artifacts_show_matrices_and_distances(lab):
    shown = lab.artifacts("hydra")
    assert set(shown) == {"recall_by_distance", "matrices"}
    pixels = shown["matrices"].pixels
    assert pixels.shape == (2 * 34 * 3, 2 * 34 * 3) and 0 <= pixels.min() < pixels.max() <= 1
    for variant in ("attention", "add"):
        assert set(lab.artifacts(variant)) == {"recall_by_distance"}


def test_the_card_is_read_without_torch():
    code = "import sys, harness_papers.hydra as h; h.paper(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_mixers_have_one_block_around_them():
    x = torch.randn(2, 16, 32)
    for kind in CLASSES:
        assert MatrixMixer(kind, False, 32, 4, 16, 16)(x).shape == x.shape
    for sam in (False, True):
        shared = QuasiseparableMixer(sam, 32, 4, 16, 16)
        assert shared(x).shape == x.shape and shared.N == 4 * 4
        assert shared.in_proj.out_features == 2 * 64 + sam * (2 * 16 + 2 * 4)  # one B and one C, two step sizes a head


# What training shows


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_looking_both_ways_answers_what_one_direction_cannot():
    """Half of the pairs are still to come: one direction has them right by chance alone, one in four."""
    found = {variant: bench("hydra", "small", task="recall").metric(variant) for variant in ("hydra", "mamba", "attention")}
    assert found["hydra"]["recall"].value > 95
    assert found["attention"]["recall"].value > 90
    assert found["mamba"]["recall_back"].value > 95
    assert found["mamba"]["recall_ahead"].value == pytest.approx(25, abs=7)
