"""PyTorch-Direct: every way of gathering delivers the same rows, and what they move to do so."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.meters.flops.counter import count
from harness.testing import bench

VARIANTS = ("direct", "cpu_gather", "unshifted", "on_device")
WIDTHS = (1, 7, 32, 100, 128, 602)
INDICES = {
    "unsorted": [5, 3, 17, 0, 29],
    "duplicates": [4, 4, 4, 0, 4, 29, 29],
    "all": list(range(30)),
    "empty": [],
}


@pytest.fixture(scope="module")
def lab():
    return bench("pytorch_direct")


def devices():
    return ["cpu", pytest.param("cuda:0", marks=pytest.mark.gpu)]


# Gathering


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("d", WIDTHS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_way_delivers_the_same_rows_bit_for_bit(variant, d, device):
    from harness_papers.pytorch_direct.gather import make_gather

    table = torch.randn(30, d, generator=torch.Generator().manual_seed(d))
    gather = make_gather(variant, table, 40, device)
    for name, chosen in INDICES.items():
        idx = torch.tensor(chosen, dtype=torch.long)
        rows = gather(idx)
        assert rows.device == torch.device(device), name
        assert rows.shape == (len(idx), d), name
        assert torch.equal(rows.cpu(), table[idx]), name


@pytest.mark.parametrize("device", devices())
def test_what_is_written_to_the_table_is_seen_by_the_next_gather(device):
    from harness_papers.pytorch_direct.gather import UnifiedTensor, make_gather

    F = torch.zeros(30, 5)
    U = UnifiedTensor(F, device)
    gather = make_gather("direct", F, 8, device)
    assert U.table.data_ptr() == F.data_ptr()
    idx = torch.tensor([3, 1])
    assert U[idx].sum() == gather(idx).sum() == 0
    F[3] = 7.0
    assert U[idx].cpu().tolist() == gather(idx).cpu().tolist() == [[7.0] * 5, [0.0] * 5]


@pytest.mark.parametrize("device", devices())
def test_a_table_that_nobody_else_holds_stays_alive(device):
    from harness_papers.pytorch_direct.gather import UnifiedTensor

    U = UnifiedTensor(torch.arange(3000.0).view(30, 100), device)
    overwritten = [torch.full((30, 100), -1.0) for _ in range(20)]
    assert U[torch.tensor([29])].cpu().tolist() == [list(range(2900, 3000))]
    assert len(overwritten) == 20


def test_a_user_changes_two_lines():
    from harness_papers.pytorch_direct.gather import UnifiedTensor

    F, idx = torch.randn(30, 100), torch.tensor([4, 2])
    before = F[idx].to("cpu")
    U = UnifiedTensor(F, "cpu")  # one
    after = U[idx]  # two
    assert torch.equal(before, after)


@pytest.mark.gpu
def test_the_memory_is_given_back_with_the_object():
    from harness_papers.pytorch_direct.gather import UnifiedTensor

    F = torch.randn(1000, 100)
    U = UnifiedTensor(F, "cuda:0")
    assert F.is_pinned()
    del U
    assert not F.is_pinned()


@pytest.mark.gpu
def test_the_kernel_copies_rows_bit_for_bit_in_tritons_interpreter():
    program = """
import torch
from harness_papers.pytorch_direct.zero_copy import gather_rows
for d in (1, 7, 32, 100, 128, 200):
    table = torch.rand(300, d)
    for moved in (table, table.flatten()[d:].view(-1, d)):  # the second does not begin at a line
        for chosen in (torch.randint(len(moved), (37,)), torch.tensor([5, 5, 0]), torch.tensor([], dtype=torch.long)):
            for shifted in (True, False):
                out = torch.full((len(chosen), d), -1.0)
                assert torch.equal(gather_rows(moved, chosen, out, shifted), moved[chosen]), (d, shifted)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# What is moved


def test_the_baseline_moves_three_times_what_was_asked_for():
    from harness_papers.pytorch_direct.traffic import delivered_bytes, host_bytes

    assert delivered_bytes(1000, 100) == 400_000
    assert host_bytes("cpu_gather", 1000, 100) == 3 * delivered_bytes(1000, 100)
    assert host_bytes("direct", 1000, 100) == delivered_bytes(1000, 100)


def test_on_a_cpu_one_pass_moves_half_the_bytes_of_two():
    lab = bench("pytorch_direct", d=128)
    moved = {}
    for variant in ("direct", "cpu_gather"):
        subject = lab.subject("gather", variant)
        with subject.guarded():
            counted = count(subject.work.run, subject.model)
        assert not counted.uncounted
        moved[variant] = counted.bytes_moved
    delivered = 500 * 128 * 4
    assert moved["cpu_gather"] - moved["direct"] == 2 * delivered  # the buffer is written and read, or read and written
    assert 2 * delivered <= moved["direct"] < 2.1 * delivered


@pytest.mark.parametrize("d", [8, 30, 32, 100, 128, 602])
def test_lines_and_requests_are_those_of_the_addresses(d):
    from harness_papers.pytorch_direct.traffic import lines, requests

    idx = torch.arange(200)
    for i in idx.tolist():
        bytes_of_row = np.arange(i * d * 4, (i + 1) * d * 4)
        assert lines(idx, d)[i] == len(set(bytes_of_row // 128))
        warps = [bytes_of_row[first : first + 128] for first in range(0, len(bytes_of_row), 128)]
        assert requests(idx, d, shifted=False)[i] == sum(len(set(warp // 128)) for warp in warps)
    assert torch.equal(requests(idx, d, shifted=True), lines(idx, d))
    assert (requests(idx, d, shifted=False) >= lines(idx, d)).all()


def test_shifting_matters_only_where_rows_are_no_multiple_of_a_line():
    from harness_papers.pytorch_direct.traffic import requests

    idx = torch.arange(3200)
    for d, shifted, plain in (
        (128, 4, 4),
        (100, 4, 6.625),
        (32, 1, 1),
    ):  # 400 bytes: seven requests of eight times, four where it begins at a line
        assert requests(idx, d, shifted=True).double().mean() == shifted
        assert requests(idx, d, shifted=False).double().mean() == plain


def test_published_sizes_of_the_setting():
    from harness_papers.pytorch_direct.sage import rows_of
    from harness_papers.pytorch_direct.setting import SETTINGS

    assert rows_of(1024, SETTINGS["paper"].fan_out) == 267_264
    assert round(232_965 * 602 * 4 / 1e9, 3) == 0.561
    (size,) = bench("pytorch_direct").card.sizes
    meta = replace(bench("pytorch_direct", "paper", **size.params), device="meta")
    assert sum(p.numel() for p in meta.model("direct").parameters()) == size.value == 2 * 602 * 256 + 256 + 2 * 256 * 41 + 41


# Network, graph and sampling


def test_the_network_runs_without_memory_and_multiplies_what_its_layers_say():
    meta = replace(bench("pytorch_direct", "paper"), device="meta")
    model = meta.model("direct")
    B, nodes = 4, 4 * (1 + 10)
    counted = count(lambda: model(torch.empty(B * 261, 602, device="meta")), model)
    assert counted.macs == 2 * nodes * 602 * 256 + 2 * B * 256 * 41


def test_a_layer_is_the_sum_of_its_own_and_its_neighbours_mean(lab):
    model = lab.model("direct")
    x = torch.randn(2 * (1 + 3 + 9), 16)
    logits = model(x)
    for b in range(2):
        seed, near = x[b], x[2 + 3 * b : 2 + 3 * (b + 1)]
        far = [x[8 + 9 * b + 3 * k : 8 + 9 * b + 3 * (k + 1)] for k in range(3)]
        first, second = model.first, model.second
        h_seed = torch.relu(first.own(seed) + first.neigh(near.mean(0)))
        h_near = torch.stack([torch.relu(first.own(v) + first.neigh(u.mean(0))) for v, u in zip(near, far, strict=True)])
        assert torch.allclose(logits[b], second.own(h_seed) + second.neigh(h_near.mean(0)), atol=1e-5)


@pytest.mark.parametrize("scale", ["smoke", "small"])
def test_sampled_neighbours_are_neighbours_and_follow_the_seed(scale):
    from harness_papers.pytorch_direct.graph import make_graph, sample
    from harness_papers.pytorch_direct.setting import SETTINGS

    graph = make_graph(SETTINGS[scale])
    seeds = graph.train[:16]
    drawn = [sample(graph, seeds, (4, 5), torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    own, near, far = drawn[0].split([16, 64, 320])
    assert torch.equal(own, seeds)
    for nodes, around in ((seeds, near.view(16, 4)), (near, far.view(64, 5))):
        for node, neighbours in zip(nodes.tolist(), around.tolist(), strict=True):
            assert set(neighbours) <= set(graph.neighbours[graph.start[node] : graph.start[node + 1]].tolist())


def test_graphs_are_what_they_are_said_to_be():
    from harness_papers.pytorch_direct.graph import make_graph
    from harness_papers.pytorch_direct.setting import SETTINGS

    karate = make_graph(SETTINGS["smoke"])
    assert (len(karate.labels), len(karate.neighbours)) == (34, 2 * 78)
    graph = make_graph(SETTINGS["small"])
    assert len(graph.labels) == 20_000
    assert len(graph.neighbours) == 2 * 8 * 20_000
    source = torch.repeat_interleave(torch.arange(20_000), graph.start.diff())
    assert (source != graph.neighbours).all()
    edges = set(zip(source.tolist(), graph.neighbours.tolist(), strict=True))
    assert all((v, u) in edges for u, v in edges)
    assert 0.78 < (graph.labels[source] == graph.labels[graph.neighbours]).float().mean() < 0.85
    degrees = graph.start.diff().double()
    assert degrees.min() >= 8
    assert degrees.max() > 20 * degrees.median()  # a tail
    assert set(graph.train.tolist()) | set(graph.test.tolist()) == set(range(20_000))
    assert len(graph.train) + len(graph.test) == 20_000


# Hooks


@pytest.mark.parametrize("device", devices())
def test_losses_are_the_same_whichever_way_rows_come(device):
    lab = replace(bench("pytorch_direct", d=100), device=device)
    curves = {}
    for variant in VARIANTS:
        work = lab.subject("train", variant).work
        curves[variant] = torch.cat([work.run() for _ in range(10)])
    assert all(torch.equal(curves["cpu_gather"], curve) for curve in curves.values())
    assert curves["direct"][-3:].mean() < curves["direct"][:3].mean()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fit_is_deterministic_in_its_seed(lab, variant):
    fitted, again, other = lab.fit(variant), bench("pytorch_direct").fit(variant), bench("pytorch_direct", seed=1).fit(variant)
    same = [torch.equal(a, b) for a, b in zip(fitted.state_dict().values(), again.state_dict().values(), strict=True)]
    assert all(same)
    assert not torch.equal(fitted.first.own.weight, other.first.own.weight)
    assert torch.equal(fitted.first.own.weight, lab.fit("cpu_gather").first.own.weight)


def test_a_call_gathers_what_it_says_and_calls_keep_apart(lab):
    from harness_papers.pytorch_direct.graph import random_table

    idx = lab.data().inputs[0]
    table = random_table(2_000, 16)
    for variant in VARIANTS:
        work = lab.subject("gather", variant).work
        assert work.items == len(idx) == 500
        assert torch.equal(work.run(), table[idx])
        assert torch.equal(work.run(), table[idx])
    assert len(idx.unique()) < len(idx)
    assert not torch.equal(idx, idx.sort().values)


def test_both_workloads_can_be_counted_without_memory():
    meta = replace(bench("pytorch_direct"), device="meta")
    for workload in ("gather", "train"):
        for variant in VARIANTS:
            subject = meta.subject(workload, variant)
            assert subject.work.run().device.type == "meta"


def test_what_needs_a_gpu_says_so_and_qualities_are_those_of_the_card(lab):
    assert {v.name for v in lab.card.variants if v.requires} == {"unshifted", "on_device"}
    found = lab.metric("direct")
    assert set(found) == set(lab.card.qualities)
    assert found["gather_error"].value == 0
    assert lab.metric("cpu_gather") == found
    shown = lab.artifacts("direct")
    assert list(shown) == ["requests", "limits"]
    assert len(shown["requests"].spec["data"]["values"]) < 2000
    assert lab.artifacts("cpu_gather") == {}


# The effect


@pytest.mark.slow
def test_communities_are_learned_alike_from_rows_of_either_kind():
    lab = bench("pytorch_direct", "small")
    ours, theirs = lab.metric("direct"), lab.metric("cpu_gather")
    assert ours["accuracy"].value > 0.9
    assert ours["accuracy"].value == theirs["accuracy"].value
    assert ours["gather_error"].value == theirs["gather_error"].value == 0
    # A node's own features leave much open: it is the gathered neighbours that tell.
    data = lab.data("test")
    table, labels = data.extra["table"], data.targets
    means = torch.stack([table[data.extra["graph"].labels == k].mean(0) for k in range(16)])
    alone = (torch.cdist(table[data.inputs[0]], means).argmin(1) == labels).float().mean()
    assert alone < ours["accuracy"].value
