"""Probabilistic circuits as codecs: what holds of the tree, of the circuit, of its streams, and what latent variables gain."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench

CIRCUITS = ("hclt", "naive", "once")
CODECS = (*CIRCUITS, "hclt_8", "hclt_4", "clt", "factorised", "pixelcnn", "vae", "zlib", "lzma", "png", "webp")


@pytest.fixture(scope="module")
def lab():
    return bench("lossless_pc")


@pytest.fixture
def x(lab):
    return lab.data("test").inputs[0]


@pytest.fixture
def tiny():
    """A circuit over three pixels of three levels, the middle one the root."""
    from harness_papers.lossless_pc.circuit import HiddenChowLiuTree
    from harness_papers.lossless_pc.tree import rooted

    torch.manual_seed(0)
    return HiddenChowLiuTree(rooted(3, [(0, 1), (1, 2)]), V=3, M=2)


def circuit(tree, V=5, M=3):
    from harness_papers.lossless_pc.circuit import HiddenChowLiuTree

    torch.manual_seed(1)
    model = HiddenChowLiuTree(tree, V, M)
    for table in model.parameters():  # far from uniform
        table.data = table.data**20
        table.data /= table.data.sum(-1, keepdim=True)
    return model


# Sizes and work


def test_published_sizes_are_those_of_the_formula(lab):
    for size in lab.card.sizes:
        model = replace(bench("lossless_pc", "paper", **size.params), device="meta").model("hclt")
        M = size.params["states"]
        assert sum(p.numel() for p in model.parameters()) == size.value == 784 * M * 256 + 783 * M**2 + M


def test_multiplications_are_those_of_the_paths(lab):
    (x,) = lab.data().inputs
    N, D, V, M = len(x), 36, 17, 4
    edges, leaves = D - 1, D * M * V
    for variant in CIRCUITS:
        model = lab.model(variant)
        tree = model.circuit.tree
        walks = sum(len(tree.walk(node)) - 1 for node in range(D))
        products = {"hclt": walks + edges, "naive": sum(tree.depth) + D * edges, "once": D - len(tree.spine) + edges}[variant]
        of_the_model = 0 if variant == "naive" else (len(tree.spine) - 1) * M**2
        assert count(lambda model=model: model.conditionals(x), model).macs == N * (products * M**2 + leaves) + of_the_model
        assert model.passes == pytest.approx(products / edges)


@pytest.mark.parametrize("levels", [3, 6, 9])
def test_a_balanced_tree_takes_a_logarithm_of_passes_and_not_one_for_each_pixel(levels):
    from harness_papers.lossless_pc.coding import FullSession, OnceSession, PathSession, work
    from harness_papers.lossless_pc.tree import rooted

    D = 2**levels - 1
    passes = work(rooted(D, [(i, (i - 1) // 2) for i in range(1, D)], root=0))
    assert levels / 2 < passes[PathSession] < levels
    assert passes[FullSession] > D
    assert passes[OnceSession] < 2


def test_paths_are_fewer_the_more_pixels_there_are():
    from harness_papers.lossless_pc.coding import FullSession, PathSession, work
    from harness_papers.lossless_pc.tree import random_grid

    fewer = [work(random_grid(side))[FullSession] / work(random_grid(side))[PathSession] for side in (8, 16, 28)]
    assert fewer[0] >= 5
    assert fewer == sorted(fewer)


# The tree


def test_mutual_information_is_that_of_the_definition(lab):
    from harness_papers.lossless_pc.tree import mutual_information

    images = lab.data("train").inputs[0].numpy()
    found = mutual_information(images, 17)
    binned = images * 16 // 17
    for i, j in ((0, 1), (7, 20), (14, 14), (3, 35)):
        assert found[i, j] == pytest.approx(mutual_info_score(binned[:, i], binned[:, j]), abs=1e-10)


def test_the_tree_spans_with_the_most_mutual_information():
    from harness_papers.lossless_pc.tree import chow_liu, mutual_information

    random = np.random.default_rng(0)
    images = random.integers(0, 4, (200, 5)) | random.integers(0, 4, (200, 1))
    information = mutual_information(images, 4)
    tree = chow_liu(images, 4)
    learned = sum(information[a, tree.pixel[p]] for a, p in zip(tree.pixel, tree.parent, strict=True) if p >= 0)

    def spans(edges):
        joined = {edges[0][0]}
        for _ in edges:
            joined |= {end for edge in edges if joined & set(edge) for end in edge}
        return len(joined) == 5

    pairs = list(itertools.combinations(range(5), 2))
    best = max(sum(information[e] for e in edges) for edges in itertools.combinations(pairs, 4) if spans(edges))
    assert learned == pytest.approx(best)


def test_the_root_is_the_centre_and_nodes_are_in_depth_first_order():
    from harness_papers.lossless_pc.tree import random_grid, rooted

    chain = rooted(9, [(i, i + 1) for i in range(8)])
    assert chain.pixel[0] == 4
    assert max(chain.depth) == 4
    tree = random_grid(8)
    assert sorted(tree.pixel) == list(range(64))
    assert all(parent < node for node, parent in enumerate(tree.parent))
    for node in range(64):
        inside = [n for n in range(64) if node in tree.path(n)]
        assert inside == list(range(node, tree.last[node] + 1))


@pytest.mark.parametrize("seed", range(3))
def test_a_walk_starts_at_the_smallest_subtree_of_all_pixels_so_far(seed):
    from harness_papers.lossless_pc.tree import random_grid

    tree = random_grid(6, seed)
    below = {node: set(range(node, tree.last[node] + 1)) for node in range(36)}
    assert sorted(tree.order) == list(range(36))
    for done, node in enumerate(tree.order):
        coded = set(tree.order[: done + 1])
        assert below[node] <= coded, "what is below a node comes before it"
        smallest = min((n for n in below if coded <= below[n]), key=lambda n: len(below[n]))
        walk = tree.walk(node)
        assert (walk[0], walk[-1]) == (smallest, node)
        assert all(tree.parent[child] == above for above, child in itertools.pairwise(walk))
    largest = [max(siblings, key=lambda n: len(below[n])) for siblings in tree.children if siblings]
    assert [len(below[siblings[0]]) for siblings in tree.children if siblings] == [len(below[n]) for n in largest]


# The circuit


def test_probabilities_of_all_images_sum_to_one(tiny):
    images = torch.tensor(list(itertools.product(range(3), repeat=3)))
    assert tiny.log_likelihood(images).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_a_circuit_is_the_sum_over_latent_states(tiny):
    x = torch.tensor([[0, 2, 1]])
    found = 0.0
    for z in itertools.product(range(2), repeat=3):  # node 0 is the root
        p = tiny.prior[z[0]] * tiny.transition[0, z[0], z[1]] * tiny.transition[1, z[0], z[2]]
        for node in range(3):
            p = p * tiny.leaf[node, z[node], x[0, tiny.tree.pixel[node]]]
        found += p.item()
    assert tiny.log_likelihood(x).exp().item() == pytest.approx(found, rel=1e-12)


def test_nothing_observed_has_probability_one():
    from harness_papers.lossless_pc.tree import random_grid

    model = circuit(random_grid(8))
    total, _, _ = model.upward(torch.zeros(1, 64, 3, dtype=torch.float64))
    assert abs(total.item()) < 1e-12


def test_one_state_is_the_product_of_the_pixels(lab, x):
    from harness_papers.lossless_pc.circuit import HiddenChowLiuTree, em_step

    train = lab.data("train").inputs[0]
    pixels = lab.fit("factorised")
    one = HiddenChowLiuTree(pixels.tree, 17, 1)
    em_step(one, train)
    assert torch.allclose(one.log_likelihood(x), pixels.log_likelihood(x), rtol=1e-12)


def test_flows_are_expected_counts(tiny):
    from harness_papers.lossless_pc.circuit import flows

    x = torch.randint(0, 3, (50, 3))
    _, (prior, transition, leaf) = flows(tiny, x)
    assert prior.sum().item() == pytest.approx(50)
    assert torch.allclose(transition.sum((1, 2)), torch.full((2,), 50.0, dtype=torch.float64))
    for node, pixel in enumerate(tiny.tree.pixel):
        assert torch.allclose(leaf[node].sum(0), torch.bincount(x[:, pixel], minlength=3).double())


def test_em_on_all_images_never_lowers_the_likelihood(lab):
    from harness_papers.lossless_pc.circuit import em_step

    x, model = lab.data("train").inputs[0], lab.model("hclt").circuit
    found = [em_step(model, x, smoothing=1e-6) for _ in range(15)]
    assert all(b > a - 1e-6 for a, b in itertools.pairwise(found))
    assert found[-1] > found[0] + 1


def test_a_step_of_em_goes_part_of_the_way(lab):
    from harness_papers.lossless_pc.circuit import em_step

    x = lab.data("train").inputs[0]
    before, half, whole = (lab.model("hclt").circuit for _ in range(3))
    em_step(half, x, 0.5)
    em_step(whole, x)
    assert torch.allclose(half.leaf, (before.leaf + whole.leaf) / 2)
    assert torch.allclose(half.transition.sum(-1), torch.ones((), dtype=torch.float64))


# Conditionals and streams


@pytest.mark.parametrize("root", [0, 5, 11])
def test_conditionals_multiply_to_the_joint(root):
    from harness_papers.lossless_pc.coding import CircuitCodec, FullSession, OnceSession, PathSession
    from harness_papers.lossless_pc.tree import rooted

    edges = [(i, (i - 1) // 2) for i in range(1, 12)]
    model, x = circuit(rooted(12, edges, root)), torch.randint(0, 5, (7, 12))
    for scheme in (PathSession, OnceSession, FullSession):
        codec = CircuitCodec(model, scheme)
        p = codec.conditionals(x).gather(2, x[:, list(codec.order)].T[..., None])
        assert torch.allclose(p.log().sum((0, 2)), model.log_likelihood(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_conditionals_multiply_to_the_joint_in_any_order(seed):
    from harness_papers.lossless_pc.coding import FullSession
    from harness_papers.lossless_pc.tree import random_grid

    model, x = circuit(random_grid(4, seed)), torch.randint(0, 5, (7, 16))
    order = np.random.default_rng(seed).permutation(16).tolist()
    session, total = FullSession(model, 7, order), torch.zeros(7, dtype=torch.float64)
    for node in order:
        symbols = x[:, model.tree.pixel[node]]
        p = session.probabilities()
        assert torch.allclose(p.sum(1), torch.ones(7, dtype=torch.float64))
        total += p.gather(1, symbols[:, None])[:, 0].log()
        session.observe(symbols)
    assert torch.allclose(total, model.log_likelihood(x), rtol=0, atol=1e-10)


def test_the_three_schemes_give_the_same_probabilities_and_streams(lab, x):
    fast, slow, once = (lab.fit(variant) for variant in CIRCUITS)
    p = fast.conditionals(x)
    assert (p - slow.conditionals(x)).abs().max() < 1e-12
    assert (p - once.conditionals(x)).abs().max() < 1e-12
    assert fast.encode(x) == slow.encode(x) == once.encode(x)
    assert slow.decode(fast.encode(x), len(x)).equal(x)


def test_a_large_image_does_not_underflow():
    from harness_papers.lossless_pc.coding import CircuitCodec, PathSession
    from harness_papers.lossless_pc.tree import random_grid

    codec = CircuitCodec(circuit(random_grid(28), V=256), PathSession)
    x = torch.randint(0, 256, (2, 784))
    p = codec.conditionals(x).gather(2, x[:, list(codec.order)].T[..., None]).log().sum((0, 2))
    assert codec.log_likelihood(x).max() < -800  # e^-800 is no double
    assert torch.allclose(p, codec.log_likelihood(x), rtol=1e-10)


@pytest.mark.parametrize("variant", CODECS)
@pytest.mark.parametrize("kind", ["digits", "noise", "black", "one image"])
def test_every_image_comes_back(lab, x, variant, kind):
    given = {"digits": x, "noise": torch.randint(0, 17, x.shape), "black": torch.zeros_like(x), "one image": x[:1]}[kind]
    model = lab.fit(variant)
    assert model.decode(model.encode(given), len(given)).equal(given)


@pytest.mark.parametrize("variant", ["hclt", "clt", "factorised", "pixelcnn"])
def test_streams_are_as_long_as_the_models_say(variant):
    lab = bench("lossless_pc", "small")
    model, (x,) = lab.model(variant), lab.data("test").inputs
    if variant in ("clt", "factorised"):
        model.count(lab.data("train").inputs[0])
    with torch.no_grad():
        bits = -model.log_likelihood(x).sum().item() / math.log(2)
        assert bits <= 8 * len(model.encode(x)) <= 1.001 * bits + 64


def test_pixelcnn_sees_only_earlier_pixels(lab, x):
    model = lab.model("pixelcnn")
    before = model(x)
    changed = x.clone()
    changed[:, 20] = (changed[:, 20] + 5) % 17
    moved = (model(changed) - before).abs().amax((0, 2)) > 0
    assert not moved[:21].any()
    assert moved[21]


def test_pixelcnn_finds_the_same_probabilities_pixel_by_pixel(lab, x):
    model = lab.fit("pixelcnn")
    session = model.session(len(x))
    with torch.no_grad():
        for pixel, p in enumerate(model.conditionals(x)):
            assert session.probabilities().equal(p)
            session.observe(x[:, pixel])


def test_bits_back_gets_its_bits_back(lab, x):
    model = lab.fit("vae")
    with torch.no_grad():
        bits = -sum(model.log_likelihood(x).sum().item() for _ in range(20)) / 20 / math.log(2)
    coded = 8 * len(model.encode(x))
    start = 4 * model.L * 7
    assert abs(coded - bits - start) < 0.05 * bits  # without bits-back: at least 3 bits more for each of 12 latents of each image
    assert len(x) * model.L * 3 > 0.1 * bits


def test_the_observed_tree_counts_pairs(lab):
    train, model = lab.data("train").inputs[0], lab.fit("clt")
    node = 9
    child, parent = (train[:, model.tree.pixel[n]] for n in (node, model.tree.parent[node]))
    pair = ((parent == 16) & (child == 16)).sum() + 0.3
    assert model.table[node - 1, 16, 16].item() == pytest.approx((pair / ((parent == 16).sum() + 17 * 0.3)).item())


# Hooks


@pytest.mark.parametrize("variant", ["hclt", "pixelcnn", "vae"])
def test_a_fit_is_deterministic_in_its_seed(lab, variant):
    fitted, again, other = lab.fit(variant), bench("lossless_pc").fit(variant), bench("lossless_pc", seed=1).fit(variant)
    same = [torch.equal(a, b) for a, b in zip(fitted.parameters(), again.parameters(), strict=True)]
    differs = [not torch.equal(a, b) for a, b in zip(fitted.parameters(), other.parameters(), strict=True)]
    assert all(same)
    assert any(differs)


def test_a_budget_cuts_the_steps(lab):
    model = lab._fit("hclt", Budget(steps=0))
    assert model.circuit.leaf.equal(lab.model("hclt").circuit.leaf)


def test_workloads_code_the_profile_images(lab):
    (x,) = lab.data().inputs
    for variant in ("hclt", "vae", "lzma"):
        encode, decode = (lab.subject(name, variant).work for name in ("encode", "decode"))
        assert isinstance(encode.run(), bytes)
        assert decode.run().equal(x)
        assert encode.items == len(x)


def test_splits_share_no_image(lab):
    small = bench("lossless_pc", "small")
    train, test = (small.data(split).inputs[0] for split in ("train", "test"))
    assert train.shape == (1400, 64)
    assert test.shape == (397, 64)
    assert (train.min(), train.max()) == (0, 16)
    assert torch.cdist(test.double(), train.double()).min() > 0


def test_artifacts_show_the_tree_the_costs_and_the_growth(lab):
    shown = lab.artifacts("hclt")
    assert list(shown) == ["tree", "bits", "growth"]
    assert len(shown["tree"].spec["data"]["values"]) == 35
    assert shown["bits"].pixels.shape == (6 * 32, 6 * 32)
    assert shown["bits"].pixels.max() == 1
    assert lab.artifacts("naive") == {}


# The effect


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_latent_variables_on_a_tree_make_the_shortest_streams_of_the_fast_codecs():
    lab = bench("lossless_pc", "small")
    found = {v: {name: q.value for name, q in lab.metric(v).items()} for v in CODECS if v not in ("naive", "pixelcnn")}
    assert all(f["wrong_pixels"] == 0 for f in found.values())
    ladder = ["hclt", "clt", "factorised", "lzma", "zlib"]
    rates = [found[v]["coded_bpd"] for v in ladder]
    assert rates == sorted(rates)
    assert found["hclt"]["coded_bpd"] < found["vae"]["coded_bpd"]
    assert found["hclt"]["bpd"] == pytest.approx(2.06, abs=0.06)
    assert found["hclt"]["bpd"] < found["hclt_4"]["bpd"] < found["factorised"]["bpd"]
    assert abs(found["hclt"]["bpd"] - found["hclt_8"]["bpd"]) < 0.03  # more states stop paying on 1,400 images
    assert found["hclt"]["overhead_bpd"] < 0.02 * found["hclt"]["bpd"]
