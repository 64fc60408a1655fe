"""GraphGPS: sizes to the last parameter, what each branch of a layer sees, and what the random-walk encoding can tell apart."""

import math
from dataclasses import replace
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.graphgps import graphs
from harness_papers.graphgps.graphs import CSL_NODES, CSL_SKIPS, Graph, circulant, collate, random_walks
from harness_papers.graphgps.network import CHANGES, GPS, PLANS, ZINC, Attention, GatedGCN, GPSLayer, favor, orthogonal_features
from harness_papers.graphgps.training import rate

VARIANTS = tuple(CHANGES)
PLAN = replace(ZINC, layers=2, d=32, d_pe=12)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def alive(module: torch.nn.Module) -> torch.nn.Module:
    """Give norms statistics that do something, in eval mode and double precision."""
    for m in module.modules():
        if isinstance(m, torch.nn.BatchNorm1d):
            m.running_mean.normal_(0, 0.3)
            m.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(m.bias, 0, 0.3)
    return module.double().eval()


def doubled(inputs):
    return tuple(x.double() if x.is_floating_point() else x for x in inputs)


@pytest.fixture(scope="module")
def some() -> tuple[Graph, ...]:
    return graphs.molecules(64, 32, 20)[0][:6]


def relabelled(graph: Graph, order: torch.Tensor) -> Graph:
    """Give node order[i] the number i."""
    number = torch.empty_like(order)
    number[order] = torch.arange(len(order))
    return graph._replace(atoms=graph.atoms[order], walks=graph.walks[order], edges=number[graph.edges])


# Sizes


def test_published_sizes_are_exact():
    lab = bench("graphgps", "paper")
    for size in lab.card.sizes:
        assert parameters(replace(lab, params=size.params, device="meta").model(size.variant)) == size.value, size.printed
    assert {s.value for s in lab.card.sizes} == {423_717, 6_152_001, 19_414_641, 13_807_345}


def test_the_zinc_network_breaks_up_as_published():
    net = GPS(ZINC)
    layer = net.layers[0]
    assert parameters(layer) == 41_920
    norms = (layer.norm_local, layer.norm_attention, layer.norm)
    parts = [layer.local, layer.attention, *norms, layer.mlp, net.atoms, net.norm_walks, net.walks, net.bonds, net.head]
    assert [parameters(p) for p in parts] == [8_320, 16_640, 128, 128, 128, 16_576, 1_008, 40, 588, 256, 2_625]


def test_the_layer_of_the_small_pcqm_network_breaks_up_as_published():
    with torch.device("meta"):
        net = GPS(PLANS["pcqm_small"])
    assert parameters(net.layers[0]) == 1_208_096
    assert [parameters(p) for p in (net.atoms, net.bonds, net.norm_walks, net.walks, net.head)] == [173 * 284, 13 * 304, 32, 340, 58_065]


@pytest.mark.parametrize("config", ["zinc", "pcqm_small", "layer"])
def test_every_variant_runs_at_published_dimensions_on_meta(config: str):
    lab = replace(bench("graphgps", "paper", config=config), device="meta")
    for variant in VARIANTS:
        assert lab.model(variant)(*lab.data().inputs).shape == ((256, 64) if config == "layer" else (32, 1))


def test_multiplications_of_a_layer_follow_their_formulas():
    d, h = 64, 4
    for nodes in (256, 1024):
        lab = bench("graphgps", "small", config="layer", nodes=nodes)
        inputs = lab.data().inputs
        built = {v: lab.model(v) for v in ("gps", "gps_linear", "mpnn", "transformer")}
        counted = {v: count(lambda layer=layer, inputs=inputs: layer(*inputs)) for v, layer in built.items()}
        mlp, gine, projections = 4 * d * d * nodes, 2 * d * d * nodes, 4 * d * d * nodes
        m = int(d // h * math.log(d // h))
        favored = h * nodes * m * (2 * d // h + 2 * d // h + 1)  # features of q and k, both products, the norm
        assert counted["mpnn"].macs == mlp + gine
        assert counted["transformer"].macs == mlp + projections + 2 * nodes * nodes * d
        assert counted["gps"].macs == mlp + gine + projections + 2 * nodes * nodes * d
        assert counted["gps_linear"].macs == mlp + gine + projections + favored
        assert all(c.uncounted_share < 0.01 for c in counted.values())


# Encodings


def test_the_first_two_steps_of_the_walk():
    A = nx.to_numpy_array(nx.barabasi_albert_graph(15, 2, seed=2), dtype=np.float32)
    degree = A.sum(1)
    assert (degree > 0).all()
    p = random_walks(A[None], 2)[0]
    assert (p[:, 0] == 0).all()
    assert np.allclose(p[:, 1], (A / (degree[:, None] * degree[None])).sum(1), atol=1e-6)


def test_isolated_nodes_never_return():
    A = np.zeros((1, 3, 3), np.float32)
    A[0, 0, 1] = A[0, 1, 0] = 1
    assert np.array_equal(random_walks(A, 4)[0], [[0, 1, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]])


def test_padding_does_not_change_walks():
    A = circulant(5)
    padded = np.zeros((1, 60, 60), np.float32)
    padded[0, :41, :41] = A
    assert np.allclose(random_walks(padded, 9)[0, :41], random_walks(A[None], 9)[0], atol=1e-6)


def test_nodes_of_a_circulant_are_all_alike_and_classes_differ_from_eight_steps_on():
    walks = np.stack([random_walks(circulant(skip)[None].astype(np.float64), 20)[0] for skip in CSL_SKIPS])
    assert np.ptp(walks, axis=1).max() < 1e-12

    def nearest(K: int) -> float:
        p = walks[:, 0, :K]
        return min(np.abs(p[i] - p[j]).max() for i in range(10) for j in range(i))

    assert nearest(6) < 1e-9
    assert nearest(8) == pytest.approx(8.5e-4, rel=0.02)
    assert nearest(20) == pytest.approx(3.3e-3, rel=0.02)
    assert np.array_equal(circulant(3).sum(1), np.full(CSL_NODES, 4))


# The layer and the network


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("local", ["gine", "gatedgcn"])
def test_the_order_of_nodes_does_not_matter(variant: str, local: str, some):
    net = alive(GPS(replace(PLAN, **{"local": local, **CHANGES[variant]})))
    order = torch.randperm(len(some[0].atoms), generator=torch.Generator().manual_seed(0))
    (*inputs, _), (*changed, _) = (collate([g])[0] for g in (some[0], relabelled(some[0], order)))
    valid = torch.ones(1, len(order), dtype=torch.bool)
    inputs, changed = doubled([*inputs, valid]), doubled([*changed, valid])
    assert torch.allclose(net(*inputs), net(*changed), atol=1e-5)
    nodes, renumbered = (net.nodes(*x[:4], *x[5:]) for x in (inputs, changed))
    assert torch.allclose(nodes[order], renumbered, atol=1e-5)
    assert (nodes[order] - nodes).abs().max() > 1e-3


@pytest.mark.parametrize("variant", VARIANTS)
def test_graphs_of_a_batch_do_not_see_one_another(variant: str, some):
    net = alive(GPS(replace(PLAN, **CHANGES[variant])))
    whole = net(*doubled(collate(some)[0]))
    for i in (0, 3, 5):
        assert torch.allclose(net(*doubled(collate([some[i]])[0]))[0], whole[i], atol=1e-6)
    other = net(*doubled(collate([some[0], some[4], *some[2:]])[0]))
    assert torch.allclose(other[0], whole[0], atol=1e-6)
    assert (other[1] - whole[1]).abs().max() > 1e-4


def test_without_attention_a_layer_is_the_plain_message_layer(some):
    layer, plain = (alive(GPSLayer(replace(PLAN, **CHANGES[v]))) for v in ("gps", "mpnn"))
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if "attention" not in k})
    _, edges, bonds, *_, slot, valid = collate(some)[0]
    x, e = torch.randn(len(slot), 32).double(), torch.randn(len(bonds), 32).double()
    y = layer.norm_local(layer.local(x, e, edges)[0])
    expected = layer.norm(y + layer.mlp(y))
    assert torch.allclose(plain(x, e, edges, slot, valid)[0], expected)
    assert not torch.allclose(layer(x, e, edges, slot, valid)[0], expected)


def test_attention_does_not_see_edges(some):
    layer = alive(GPSLayer(replace(PLAN, local="")))
    _, edges, bonds, *_, slot, valid = collate(some)[0]
    x, e = torch.randn(len(slot), 32).double(), torch.randn(len(bonds), 32).double()
    without = layer(x, e[:0], edges[:, :0], slot, valid)[0]
    assert torch.equal(layer(x, e, edges, slot, valid)[0], without)
    local = alive(GPSLayer(replace(PLAN, attention="")))
    assert not torch.allclose(local(x, e, edges, slot, valid)[0], local(x, e[:0], edges[:, :0], slot, valid)[0])


def test_gine_and_gatedgcn_are_their_formulas(some):
    _, edges, bonds, *_ = collate(some[:1])[0]
    N, E = len(some[0].atoms), len(bonds)
    x, e = torch.randn(N, 32).double(), torch.randn(E, 32).double()
    gine = alive(GPSLayer(PLAN)).local
    messages = torch.stack([sum((torch.relu(x[edges[0, j]] + e[j]) for j in range(E) if edges[1, j] == i), x[i]) for i in range(N)])
    assert torch.allclose(gine(x, e, edges)[0], x + gine.mlp(messages))
    gated = alive(GatedGCN(32, 0.0))
    new = torch.stack([gated.D(x[edges[1, j]]) + gated.E(x[edges[0, j]]) + gated.C(e[j]) for j in range(E)])
    gate = torch.sigmoid(new)
    mixed = []
    for i in range(N):
        into = [j for j in range(E) if edges[1, j] == i]
        total = sum(gate[j] * gated.B(x[edges[0, j]]) for j in into) / (sum(gate[j] for j in into) + 1e-6)
        mixed.append(gated.A(x[i]) + total)
    nodes, links = gated(x, e, edges)
    assert torch.allclose(nodes, x + torch.relu(gated.norm_x(torch.stack(mixed))))
    assert torch.allclose(links, e + torch.relu(gated.norm_e(new)))


def test_softmax_attention_is_torchs(some):
    ours = Attention(32, 4, "softmax", 0.0).double()
    theirs = torch.nn.MultiheadAttention(32, 4, batch_first=True).double()
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    *_, slot, valid = collate(some)[0]
    x = torch.randn(len(slot), 32).double()
    dense = torch.zeros(valid.numel(), 32).double().index_copy(0, slot, x).view(*valid.shape, 32)
    expected = theirs(dense, dense, dense, key_padding_mask=~valid, need_weights=False)[0][valid]
    assert torch.allclose(ours(x, slot, valid), expected, atol=1e-10)


def test_padding_counts_for_nothing_in_linear_attention():
    """Not even where it has the largest keys, by which all are scaled: here the bias alone, which the nodes cancel."""
    torch.manual_seed(0)
    attention = Attention(32, 4, "linear", 0.0).double().eval()
    bias = 3 * torch.randn(32).double()
    with torch.no_grad():
        attention.qkv.weight[32:64] = torch.eye(32)
        attention.qkv.bias[32:64] = bias
    x = -bias + 0.1 * torch.randn(7, 32).double()
    alone = attention(x, torch.arange(7), torch.ones(1, 7, dtype=torch.bool))
    padded = attention(x, torch.arange(7), torch.arange(30)[None] < 7)
    assert torch.allclose(padded, alone, atol=1e-12)


def test_random_features_estimate_softmax_attention():
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 2, 50, 8) * s for s in (0.4, 0.4, 1.0))
    exact = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    many = torch.cat([orthogonal_features(8) for _ in range(400)])
    assert (favor(q, k, v, many, None) - exact).abs().max() < 0.05
    assert orthogonal_features(16).shape == (44, 16)
    block = torch.nn.functional.normalize(orthogonal_features(16)[:16])
    assert torch.allclose(block @ block.T, torch.eye(16), atol=1e-5)


# Data and training


def test_molecules_are_connected_and_typed_by_degree():
    train, test = graphs.molecules(64, 32, 20)
    for g in (*train, *test):
        made = nx.Graph(g.edges.T.tolist())
        degree = torch.bincount(g.edges[0], minlength=len(g.atoms))
        assert graphs.SMALLEST <= len(g.atoms) <= graphs.LARGEST
        assert nx.is_connected(made) and len(made) == len(g.atoms)
        assert degree.min() >= 1 and degree.max() <= 3
        low, high = torch.tensor(graphs.DEGREE_TYPES)[degree - 1].T
        assert ((low <= g.atoms[:, 0]) & (g.atoms[:, 0] < high)).all()
        assert all(len(cycle) in (5, 6) for cycle in nx.minimum_cycle_basis(made))
        assert int(g.bonds.max()) < graphs.BOND_TYPES
    assert torch.stack([g.target for g in train]).std() == pytest.approx(1, abs=0.02)


def test_pairs_are_at_their_distance():
    A = nx.to_numpy_array(nx.path_graph(12), dtype=np.float32)
    far = graphs.at_distance(A[None], 8)[0]
    assert far.sum() == 2 * 4 and far[0, 8] and far[11, 3] and not far[0, 9]


def test_large_rings_are_counted():
    rng = np.random.default_rng(3)
    for _ in range(20):
        made = graphs.grow(rng)
        cycles = nx.minimum_cycle_basis(nx.Graph([(a, b) for a, b, _ in made.bonds]))
        assert made.large_rings == sum(len(c) == 6 for c in cycles)


def test_a_batch_is_ragged_and_complete(some):
    atoms, edges, bonds, walks, graph, slot, valid = collate(some)[0]
    sizes = [len(g.atoms) for g in some]
    assert len(atoms) == len(walks) == len(graph) == sum(sizes)
    assert valid.sum(1).tolist() == sizes
    assert torch.equal(valid.flatten().nonzero()[:, 0], slot)
    assert (graph[edges[0]] == graph[edges[1]]).all()
    assert len(bonds) == edges.shape[1]


def test_large_graphs_have_three_links_a_node_and_no_padding():
    lab = bench("graphgps", "small", config="layer", nodes=1024)
    _, e, edges, slot, valid = lab.data().inputs
    assert edges.shape[1] == len(e) == 2 * 3 * (1024 - 3)
    assert valid.shape == (1, 1024) and torch.equal(slot, torch.arange(1024))


def test_the_rate_warms_up_and_falls():
    rates = [rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[9] == 1
    assert all(a >= b for a, b in pairwise(rates[9:])) and rates[-1] < 0.01


def test_a_fit_repeats_with_its_seed():
    first, again, other = (bench("graphgps", seed=s).metric("gps")["mae"].value for s in (0, 0, 1))
    assert first == again != other


def test_qualities_and_artifacts_of_each_configuration():
    assert set(bench("graphgps", config="csl").metric("mpnn")) == {"accuracy"}
    assert bench("graphgps", config="layer").metric("gps") == {}
    assert len(bench("graphgps").artifacts("gps")["scores"].spec["data"]["values"]) == 32
    assert len(bench("graphgps", config="csl").artifacts("gps")["walks"].spec["data"]["values"]) == 200


def test_messages_alone_give_all_circular_graphs_the_same_answer():
    """Nodes and edges that are all alike stay so, trained or not; attention does not help."""
    _, test = graphs.skip_links(20)
    inputs = doubled(collate(test)[0])
    for variant in ("mpnn", "gps_no_encoding"):
        output = alive(bench("graphgps", config="csl").model(variant))(*inputs)
        assert torch.allclose(output, output[:1].expand_as(output), atol=1e-9)
    output = alive(bench("graphgps", config="csl").model("gps"))(*inputs)
    assert not torch.allclose(output, output[:1].expand_as(output), atol=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_encoding_tells_circular_graphs_apart_and_lowers_errors_on_molecules():
    csl = bench("graphgps", "small", config="csl")
    assert csl.metric("gps")["accuracy"].value > 0.95
    assert csl.metric("mpnn", csl.fit("mpnn", Budget(steps=10)))["accuracy"].value == 0.1  # nothing to learn from: no step can help
    molecules = bench("graphgps", "small", config="molecules")
    mae = {variant: molecules.metric(variant)["mae"].value for variant in ("gps", "mpnn_rwse", "mpnn")}
    assert mae["mpnn_rwse"] < mae["mpnn"]
    assert mae["gps"] < mae["mpnn"]
    assert mae["gps"] < 1.05 * mae["mpnn_rwse"]  # what attention adds is no larger than the spread of seeds
