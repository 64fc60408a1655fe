"""Agent attention: what holds of the layer exactly, the printed sizes, the baselines, and what its parts are good for."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.testing import bench
from harness_papers._kit.attention.mixers import DenseAttention, split_heads
from harness_papers.agent_attention.judge import swap_error
from harness_papers.agent_attention.mixers import (
    AgentAttention,
    LinearAttention,
    PositionBias,
    SpatialReductionBesideClass,
    SwappedAttention,
    agents_of,
    build_mixer,
)
from harness_papers.agent_attention.network import PLANS, Flat, build
from harness_papers.agent_attention.published import ADJUST
from layers import macs, make_alive, parameters

VARIANTS = ("agent", "mha", "sra", "linear", "bare", "swapped")
LAYER = {"config": "layer", "resolution": 14, "batch": 1, "kernel": "plain"}


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def lab():
    return bench("agent_attention")


def macs_on_meta(variant: str, C: int, h: int, grid: int, **settings: int) -> int:
    with torch.device("meta"):
        return macs(build_mixer(variant, C, h, grid, **settings), torch.empty(1, grid, grid, C))


def tokens(H: int = 8, W: int = 8, C: int = 24, B: int = 2) -> torch.Tensor:
    return torch.randn(B, H, W, C, dtype=torch.float64)


def without_projection(layer: nn.Module) -> nn.Module:
    layer.proj = nn.Identity()
    return layer


# The layer


def test_agents_are_the_means_of_the_queries_of_their_cells():
    layer = make_alive(AgentAttention(24, 6, 8, 16))
    x = tokens()
    q, a, *_ = layer.project(x)
    assert a.shape == (2, 6, 16, 4)
    cell = layer.q(x[:, 2:4, 6:8]).mean((1, 2))  # the second row of cells, the last column
    assert torch.allclose(a[:, :, 1 * 4 + 3], split_heads(cell[:, None], 6)[:, :, 0], atol=1e-12)
    assert torch.allclose(a.mean(2), q.mean(2), atol=1e-12)


@pytest.mark.parametrize("leading", [0, 1])
def test_rows_of_both_maps_are_shares(leading: int):
    layer = make_alive(AgentAttention(24, 6, 8, 16, leading=leading))
    x = tokens(1, 65) if leading else tokens()
    collect, read = layer.maps(x)
    assert collect.shape == (2, 6, 16, 64 + leading) and read.shape == (2, 6, 64 + leading, 16)
    for rows in (collect, read):
        assert (rows > 0).all()
        assert torch.allclose(rows.sum(-1), torch.ones(()).double(), atol=1e-12)


def test_the_layer_applies_both_maps_one_after_the_other():
    layer = without_projection(make_alive(AgentAttention(24, 6, 8, 16)))
    nn.init.zeros_(layer.local.weight)
    nn.init.zeros_(layer.local.bias)
    x = tokens()
    collect, read = layer.maps(x)
    v = layer.project(x)[3]
    expected = (read @ collect @ v).transpose(1, 2).flatten(2).unflatten(1, (8, 8))
    assert torch.allclose(layer(x), expected, atol=1e-10)


def test_equal_values_give_an_equal_answer_everywhere_but_for_the_convolution():
    layer = make_alive(AgentAttention(24, 6, 8, 16))
    nn.init.zeros_(layer.kv.weight[24:])  # of the values: their bias is left
    x = tokens()
    bent = layer(x)
    assert (bent - bent[:, :1, :1]).abs().max() > 0.1  # the border, where the convolution reads zeros
    nn.init.zeros_(layer.local.weight)
    flat = layer(x)
    assert torch.allclose(flat, flat[:, :1, :1].expand_as(flat), atol=1e-10)


def test_what_reaches_the_queries_has_at_most_the_rank_of_the_agents():
    """One head as wide as there are tokens: its output is the composite map times invertible values."""
    x = tokens(4, 4, 16, B=1)
    layer, dense = (without_projection(make_alive(build_mixer(variant, 16, 1, 4, n=4))) for variant in ("bare", "mha"))
    ranks = [int(torch.linalg.matrix_rank(mixer(x)[0].flatten(0, 1), rtol=1e-10)) for mixer in (layer, dense)]
    assert ranks == [4, 16]
    collect, read = layer.maps(x)
    composite = (read @ collect)[0, 0]
    assert torch.allclose(composite.sum(-1), torch.ones(16).double(), atol=1e-12)


def test_an_agent_for_every_token_is_two_softmaxes_and_not_one_and_costs_twice_as_much():
    layer = without_projection(make_alive(AgentAttention(24, 6, 4, 16, parts=False)))
    x = tokens(4, 4)
    q, k, v = (split_heads(t, 6) for t in (layer.q(x.flatten(1, 2)), *layer.kv(x.flatten(1, 2)).chunk(2, -1)))
    share, among = (q @ k.mT / 2).softmax(-1), (q @ q.mT / 2).softmax(-1)  # the root of d = 4 is 2
    found = split_heads(layer(x).flatten(1, 2), 6)
    assert torch.allclose(found, among @ share @ v, atol=1e-10)
    assert not torch.allclose(found, share @ v, atol=1e-2)
    dense, agents = (macs_on_meta(variant, 24, 6, 4, n=16) - 4 * 16 * 24**2 for variant in ("mha", "bare"))
    assert agents == 2 * dense == 4 * 16**2 * 24


@pytest.mark.parametrize("parts", [False, True])
def test_without_position_tokens_of_a_cell_can_change_places(parts: bool):
    """The agents stay what they are, so that the answers only change places too."""
    layer = make_alive(AgentAttention(24, 6, 4, 4, parts=parts))
    x = tokens(4, 4)
    order = torch.arange(16)
    order[[0, 1, 4, 5]] = torch.tensor([5, 0, 1, 4])  # inside the first of four cells
    y, moved = layer(x), layer(x.flatten(1, 2)[:, order].unflatten(1, (4, 4)))
    assert torch.allclose(moved.flatten(1, 2), y.flatten(1, 2)[:, order], atol=1e-10) is not parts


def test_biases_alone_are_what_ties_scores_to_places():
    """With the convolution silent and biases zero, the whole layer is blind to places inside a cell; each of the two biases ends that."""
    order = torch.arange(16)
    order[[0, 1]] = torch.tensor([1, 0])
    x = tokens(4, 4)

    def blind(*alive: str) -> bool:
        layer = make_alive(AgentAttention(24, 6, 4, 4))
        silent = [layer.local, *(getattr(layer, name) for name in ("collect_bias", "read_bias") if name not in alive)]
        for part in silent:
            for parameter in part.parameters():
                nn.init.zeros_(parameter)
        moved = layer(x.flatten(1, 2)[:, order].unflatten(1, (4, 4))).flatten(1, 2)
        return torch.allclose(moved, layer(x).flatten(1, 2)[:, order], atol=1e-10)

    assert blind()
    assert not blind("collect_bias")
    assert not blind("read_bias")


@pytest.mark.parametrize(("C", "h", "grid", "n"), [(24, 6, 14, 49), (64, 1, 56, 9), (16, 4, 8, 16)])
@pytest.mark.parametrize("leading", [0, 1])
def test_parameters_beyond_the_projections_follow_their_formula(C: int, h: int, grid: int, n: int, leading: int):
    with torch.device("meta"):
        layer, bare = (AgentAttention(C, h, grid, n, parts, leading) for parts in (True, False))
    assert parameters(bare) == 4 * C**2 + 4 * C
    assert parameters(layer) - parameters(bare) == 10 * C + 98 * h * n + 2 * h * n * (grid + grid) + 2 * h * n * leading


def test_macs_of_the_two_products_are_linear_in_tokens_and_those_of_softmax_quadratic():
    C, h, grids = 24, 6, (14, 28, 56)
    products = {
        variant: [macs_on_meta(variant, C, h, grid, n=49) - 4 * grid**2 * C**2 for grid in grids] for variant in ("bare", "mha", "agent")
    }
    assert products["bare"] == [4 * grid**2 * 49 * C for grid in grids]
    assert products["mha"] == [2 * grid**4 * C for grid in grids]
    assert products["agent"] == [count + 9 * grid**2 * C for count, grid in zip(products["bare"], grids, strict=True)]
    slopes = [math.log(products[variant][-1] / products[variant][0], 3136 / 196) for variant in ("bare", "mha")]
    assert slopes == pytest.approx([1.0, 2.0])


def test_a_bias_is_a_resized_table_a_row_and_a_column():
    bias = make_alive(PositionBias(2, 4, 7))
    assert torch.allclose(bias()[0].unflatten(-1, (7, 7)), bias.table + bias.rows + bias.columns, atol=1e-12)
    wide = make_alive(PositionBias(2, 4, 14))
    nn.init.zeros_(wide.rows)
    nn.init.zeros_(wide.columns)
    down, across = torch.tensor([0.25, 0.75]).double(), torch.tensor([0.75, 0.25]).double()  # row 4 lies at 1.75, column 7 at 3.25
    expected = down @ wide.table[..., 1:3, 3:5] @ across
    assert torch.allclose(wide()[0].unflatten(-1, (14, 14))[..., 4, 7], expected, atol=1e-12)


def test_a_class_token_is_no_agent_and_is_not_convolved():
    layer = make_alive(AgentAttention(24, 6, 4, 4, leading=1))
    x = tokens(1, 17)
    changed = x.clone()
    changed[:, 0, 0] += 1
    assert torch.equal(layer.project(x)[1], layer.project(changed)[1])
    with_convolution = layer(x)
    nn.init.zeros_(layer.local.weight)
    nn.init.zeros_(layer.local.bias)
    difference = (layer(x) - with_convolution).abs().amax(-1)[:, 0]
    assert (difference[:, 0] == 0).all() and (difference[:, 1:] > 0).all()


def test_a_class_token_is_a_key_with_a_bias_of_its_own():
    layer = make_alive(AgentAttention(24, 6, 4, 4, leading=1))
    x = tokens(1, 17)
    before = layer.maps(x)[0]
    with torch.no_grad():
        layer.collect_bias.leading += 1
    odds = lambda rows: rows[..., 0] / (1 - rows[..., 0])  # noqa: E731
    assert torch.allclose(odds(layer.maps(x)[0]), math.e * odds(before), atol=1e-10)


# Baselines and the swap


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("leading", [0, 1])
def test_the_fused_operation_computes_the_same(variant: str, leading: int):
    plain, fused = (make_alive(build_mixer(variant, 24, 6, 14, leading=leading, fused=fused)) for fused in (False, True))
    fused.load_state_dict(plain.state_dict())
    x = tokens(1, 197) if leading else tokens(14, 14)
    assert torch.allclose(plain(x), fused(x), atol=1e-10)


def test_linear_attention_is_a_kernel_over_all_pairs_of_tokens():
    layer = without_projection(make_alive(LinearAttention(24, 6)))
    x = tokens(4, 4)
    q, k, v = split_heads(layer.qkv(x).flatten(1, 2), 18).chunk(3, dim=1)
    likeness = (nn.functional.elu(q) + 1) @ (nn.functional.elu(k) + 1).mT  # (B, h, N, N)
    expected = likeness / likeness.sum(-1, keepdim=True) @ v
    assert torch.allclose(split_heads(layer(x).flatten(1, 2), 6), expected, atol=1e-10)
    assert macs_on_meta("linear", 24, 6, 14) == 4 * 196 * 24**2 + 2 * 196 * 24 * 4 + 196 * 24


def test_spatial_reduction_beside_a_class_token_that_reduces_nothing_is_dense_attention():
    layer, dense = make_alive(SpatialReductionBesideClass(24, 6, 4, 1)), make_alive(DenseAttention(24, 6))
    with torch.no_grad():
        layer.reduce.weight.copy_(torch.eye(24)[:, :, None, None])
        layer.reduce.bias.zero_()
        dense.qkv.weight.copy_(torch.cat((layer.q.weight, layer.kv.weight)))
        dense.qkv.bias.copy_(torch.cat((layer.q.bias, layer.kv.bias)))
    layer.norm, dense.proj = nn.Identity(), layer.proj
    x = tokens(1, 17)
    assert torch.allclose(layer(x), dense(x), atol=1e-10)


def test_the_swap_keeps_weights_and_adds_a_sharper_second_softmax_and_a_little_of_the_values():
    swapped = without_projection(make_alive(SwappedAttention(24, 6, 8, 16)))
    assert set(DenseAttention(24, 6).state_dict()) == {*swapped.state_dict(), "proj.weight", "proj.bias"}
    x = tokens()
    q, k, v = split_heads(swapped.qkv(x).flatten(1, 2), 18).chunk(3, dim=1)
    a = nn.functional.avg_pool2d(q.mT.unflatten(-1, (8, 8)).flatten(0, 1), 2).flatten(-2).mT.unflatten(0, (2, 6))
    expected = (q @ a.mT * 4**-0.15).softmax(-1) @ (a @ k.mT * 4**-0.5).softmax(-1) @ v + 0.075 * v
    assert torch.allclose(split_heads(swapped(x).flatten(1, 2), 6), expected, atol=1e-10)


def test_the_swap_leaves_a_map_alone_that_has_hardly_more_tokens_than_agents():
    dense = make_alive(DenseAttention(24, 6))
    for grid, same in ((7, True), (14, False)):
        swapped = SwappedAttention(24, 6, grid, 49).double()
        swapped.load_state_dict(dense.state_dict())
        x = tokens(grid, grid)
        assert torch.equal(swapped(x), dense(x)) is same


def test_a_swapped_network_has_the_weights_of_the_trained_one(lab):
    dense, swapped = lab.fit("mha"), lab.fit("swapped")
    assert all(torch.equal(value, dense.state_dict()[name]) for name, value in swapped.state_dict().items())
    images = lab.data("test").inputs[0][:20]
    with torch.no_grad():
        before, after = dense(images), swapped(images)
        error = swap_error(swapped, images, "smoke", lab.params)
        assert swap_error(dense, images, "smoke", lab.params) == 0
    assert error == pytest.approx(((after - before) ** 2).mean().item() / ((before - before.mean(0)) ** 2).mean().item(), rel=1e-5)
    assert error > 0


# The networks


def products(variant: str, config: str) -> int:
    """Multiply-accumulates of a published network, from its dimensions alone."""
    plan = PLANS[config]
    if isinstance(plan, Flat):
        N, C, n, total = plan.grid**2, plan.C, plan.n, plan.grid**2 * 3 * 16**2 * plan.C + plan.C * 1000
        dense = 12 * (N + 1) * C**2 + 2 * (N + 1) ** 2 * C
        agents = 12 * (N + 1) * C**2 + 4 * n * (N + 1) * C + 9 * N * C
        return total + (plan.mixed * agents + (12 - plan.mixed) * dense if variant == "agent" else 12 * dense)
    total, before = 512 * 1000, 3
    for depth, C, _, grid, ratio, n, s in plan.stages():
        N, few = grid**2, (grid // s) ** 2
        block = 2 * ratio * N * C**2
        if variant == "agent":
            block += 4 * N * C**2 + 4 * n * N * C + 9 * N * C
        else:
            block += 2 * (N + few) * C**2 + 2 * N * few * C + (few * s**2 * C**2 if s > 1 else 0)
        total += N * before * (16 if before == 3 else 4) * C + depth * block
        before = C
    return total


def test_printed_sizes_are_those_of_the_models_but_for_one(lab):
    """Agent-DeiT-S has 22,647,112 parameters, which is printed as 22.7 M."""

    @functools.cache
    def weight(variant: str, config: str) -> int:
        with torch.device("meta"):
            return parameters(build(variant, "paper", {**LAYER, "config": config}))

    wrong = []
    for size in lab.card.sizes:
        count = weight if size.quantity == "parameters" else products
        ours = count(size.variant, size.params["config"]) + size.adjust
        if abs(ours - size.value) > size.half_unit:
            wrong.append((size.variant, size.quantity, size.printed, ours))
    assert wrong == [("agent", "parameters", "22.7 M", 22_647_112)]
    assert len(lab.card.sizes) == 2 * (9 + 12) - 1


@pytest.mark.parametrize(("variant", "config"), [("agent", "pvt_t"), ("sra", "pvt_t"), ("agent", "deit_t"), ("mha", "deit_t")])
def test_networks_multiply_what_their_dimensions_say(lab, variant: str, config: str):
    meta = replace(lab, scale="paper", device="meta", params={"config": config, "batch": 1})
    assert macs(meta.model(variant), *meta.data().inputs) == products(variant, config)


@pytest.mark.parametrize("config", ADJUST)
def test_what_the_authors_count_more_follows_from_the_dimensions(config: str):
    """Five for each element of a norm, four for each of a resized bias, one for each query that is pooled."""
    plan = PLANS[config]
    if isinstance(plan, Flat):
        N, C = plan.grid**2, plan.C
        more = 25 * 5 * (N + 1) * C + plan.mixed * (2 * 4 * plan.h * plan.n * N + N * C)
    else:
        more = 0
        for depth, C, h, grid, _, n, _ in plan.stages():
            N = grid**2
            more += 5 * N * C + depth * (2 * 5 * N * C + 2 * 4 * h * n * N + N * C)
    assert more == ADJUST[config]


def test_agents_stand_in_the_small_network_and_the_others_in_the_large_one():
    params = {**LAYER, "config": "pvt_s_vs_l"}
    with torch.device("meta"):
        found = {variant: parameters(build(variant, "paper", params)) for variant in ("agent", "sra", "mha")}
    assert found["agent"] == 20_635_066 and found["sra"] == 61_367_272
    strided = sum(blocks * (C**2 * s**2 + 3 * C) for blocks, C, s in ((3, 64, 8), (8, 128, 4), (27, 320, 2)))
    assert found["sra"] - found["mha"] == strided  # what PVT's convolutions and their norms weigh


def test_deit_b_has_agents_in_its_first_four_blocks():
    with torch.device("meta"):
        net = build("agent", "paper", {**LAYER, "config": "deit_b"})
    mixers = [block.attention for block in net.blocks if hasattr(block, "attention")]
    assert [type(mixer) for mixer in mixers] == [AgentAttention] * 4 + [DenseAttention] * 8
    assert mixers[0].collect_bias.rows.shape == (12, 81, 14, 1)


def test_stages_of_pvt_have_the_papers_numbers_of_agents():
    with torch.device("meta"):
        net = build("agent", "paper", {**LAYER, "config": "pvt_t"})
    mixers = [block.attention for block in net.blocks if hasattr(block, "attention")]
    assert [(m.h, m.grid, m.collect_bias.table.shape[1]) for m in mixers[::2]] == [(1, 56, 9), (2, 28, 16), (5, 14, 49), (8, 7, 49)]
    assert [agents_of(grid) for grid in (8, 14, 16, 56)] == [16, 49, 49, 49]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("config", ["layer", "pvt_t", "deit_t"])
def test_every_variant_runs_at_the_published_dimensions_on_meta(lab, variant: str, config: str):
    meta = replace(lab, scale="paper", device="meta", params={"config": config, "batch": 2})
    (x,) = meta.data().inputs
    assert meta.model(variant)(x).shape == (x.shape if config == "layer" else (2, 1000))


def test_deit_answers_from_its_class_token():
    with torch.device("meta"):
        net = build("mha", "paper", {**LAYER, "config": "deit_t"})
    net.blocks = nn.Identity()
    net = net.to_empty(device="cpu")
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    images = torch.randn(2, 3, 224, 224)
    expected = net.classify(net.norm(net.first))
    assert torch.allclose(net(images), expected.expand(2, -1), atol=1e-5)


# The plugin


def test_a_fit_repeats_with_its_seed(lab):
    first, second = (bench("agent_attention", seed=1).metric("agent") for _ in range(2))
    assert first == second
    assert set(first) == {"top1", "layout_top1", "texture_top1"}
    assert set(lab.metric("swapped")) == set(lab.card.qualities)
    assert lab.at(config="layer").metric("agent") == {}


def test_artifacts_show_the_task_and_where_agents_look(lab):
    shown = lab.artifacts("agent")
    assert set(shown) == {"task_freq_pairs", "agents_freq_pairs", "mistakes_freq_pairs"}
    looks = shown["agents_freq_pairs"].pixels
    assert looks.shape == (4 * 34, 4 * 34) and looks.min() == 0 and looks.max() == 1
    assert set(lab.artifacts("mha")) == {"mistakes_freq_pairs"}


@pytest.mark.slow
@pytest.mark.timeout(1800)  # half a minute on an idle core
def test_agents_learn_digits():
    assert bench("agent_attention", "small", config="digits").metric("agent")["top1"].value > 95


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a minute on an idle core
def test_agents_take_over_trained_attention_at_a_price():
    """Without retraining a classifier keeps most of what it knows, and not all of it."""
    lab = bench("agent_attention", "small", config="digits")
    dense, swapped = lab.metric("mha"), lab.metric("swapped")
    assert dense["top1"].value > 94
    assert 70 < swapped["top1"].value < dense["top1"].value
    assert 0 < swapped["swap_error"].value < 0.5
