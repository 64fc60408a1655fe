"""BT^2: what two changes of basis keep, what the losses hold on to, how rankings are judged, and what an upgrade gives on glyphs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from sklearn.metrics import average_precision_score
from torch import nn
from torch.nn import functional as F

from harness.meters.flops.counter import count
from harness.plugin.values import Budget
from harness.testing import bench
from harness_papers.bt2.experiment import QUALITIES, judge, line, restore, states, upgraded
from harness_papers.bt2.glyphs import glyphs
from harness_papers.bt2.network import BT2, CNN, Deployed, Parts, Plain, ResNet50, Rotation, Widened
from harness_papers.bt2.retrieval import nearest, ranking
from harness_papers.bt2.setting import LAMBDA, TASKS, Labelled, encoder, images
from harness_papers.bt2.training import Anchors, anchors, embed, loss, rate, train

VARIANTS = ("bt2", "bct", "naive", "independent", "backfill", "old")
SMOKE = TASKS["glyphs", "smoke"]
CHAIN = TASKS["digits", "smoke"]


@pytest.fixture(scope="module")
def lab():
    return bench("bt2")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def net() -> BT2:
    """A head on random numbers, in double precision."""
    return head(d_n=10, d_o=12, t=4)


def head(d_n: int, d_o: int, t: int) -> BT2:
    return BT2(nn.Linear(20, d_n + d_o), d_n, d_o, t, classes=7, C=2.0).double().eval()


def rows(n: int = 9) -> torch.Tensor:
    return torch.randn(n, 20, dtype=torch.float64)


# The change of basis


def test_the_matrices_are_orthogonal_before_and_after_every_step():
    shown = images(SMOKE, "train")
    model = encoder("bt2", SMOKE, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    held = anchors(encoder("old", SMOKE, 0), encoder("independent", SMOKE, 1), shown, 8)
    before = model.P.matrix()
    for _ in range(3):
        for rotation in (model.P, model.Q):
            M = rotation.matrix()
            assert torch.allclose(M.T @ M, torch.eye(len(M)), atol=1e-5)
        loss(model.parts(shown.x), shown.y, held, LAMBDA).backward()
        optimizer.step()
    assert (model.P.matrix() - before).abs().max() > 1e-3


def test_a_rotation_has_as_many_degrees_of_freedom_as_pairs_of_dimensions():
    rotation = Rotation(5).double()
    jacobian = torch.autograd.functional.jacobian(
        lambda X: torch.linalg.solve(torch.eye(5) + X - X.T, torch.eye(5) - X + X.T), rotation.X.detach()
    )
    assert int(torch.linalg.matrix_rank(jacobian.reshape(25, 25))) == 5 * 4 // 2
    assert torch.allclose(torch.linalg.det(rotation.matrix()), torch.ones((), dtype=torch.float64))


def test_inner_products_are_those_of_the_two_features(net):
    x = rows()
    (u, f), g = net.features(x), net(x)
    assert torch.allclose(g @ g.T, u @ u.T + 4 * f @ f.T, atol=1e-10)
    assert torch.allclose(g.square().sum(1), torch.full((9,), 5.0, dtype=torch.float64))


def test_the_new_feature_can_be_recovered(net):
    x = rows()
    (_, f), g = net.features(x), net(x)
    v = torch.cat([g[:, :12] @ net.Q.matrix(), g[:, 12:]], 1)
    assert torch.allclose(v[:, 4:] @ net.P.matrix() / net.C, f, atol=1e-10)


def test_the_block_is_not_of_unit_norm(net):
    norms = net.parts(rows(200)).b.norm(dim=1)
    assert norms.min() >= 1 - 1e-9 and norms.max() <= 5**0.5 + 1e-9
    assert norms.std() > 0.01


def test_without_extra_dimensions_the_block_is_the_new_feature_turned():
    net, x = head(12, 12, 0), rows()
    (u, f), parts = net.features(x), net.parts(x)
    assert u.shape == (9, 0)
    assert torch.allclose(parts.b, 2 * f @ net.P.matrix().T @ net.Q.matrix().T)
    assert torch.equal(parts.g, parts.b)


def test_with_all_extra_dimensions_the_block_knows_nothing_of_the_new_feature():
    net, x = head(10, 12, 12), rows()
    u, f = net.features(x)
    other = F.normalize(torch.randn_like(f))
    assert torch.equal(net.merge(u, f)[:, :12], net.merge(u, other)[:, :12])
    assert torch.allclose(net.merge(u, f)[:, :12], u @ net.Q.matrix().T)


def test_what_c_does_to_rankings(net):
    x = rows(40)
    u, f = net.features(x)
    net.C = 1e4
    assert torch.equal(nearest(net(x), net(x[20:])), nearest(f, f[20:]))
    net.C = 0.0
    assert torch.allclose(net(x) @ net(x).T, u @ u.T, atol=1e-10)


def test_the_head_by_hand(net):
    x = rows()
    a = net.backbone(x)
    o = F.normalize(a.relu() @ net.fc3.weight.T + net.fc3.bias)
    v = torch.cat([F.normalize(o[:, :4]), 2 * F.normalize(a[:, :10]) @ net.P.matrix().T], 1)
    expected = torch.cat([v[:, :12] @ net.Q.matrix().T, v[:, 12:]], 1)
    assert torch.allclose(net(x), expected)
    assert net.width == expected.shape[1] == 14
    assert torch.allclose(net.parts(x).logits, F.normalize(a[:, :10]) @ net.fc_out.weight.T)


# Losses


def test_the_loss_by_hand(net):
    x, y = rows(), torch.arange(9) % 7
    old, new, W = F.normalize(torch.randn(9, 12).double()), F.normalize(torch.randn(9, 10).double()), torch.randn(7, 12).double()
    parts = net.parts(x)
    b = parts.b / parts.b.norm(dim=1, keepdim=True)
    alone, influence = F.cross_entropy(parts.logits, y), F.cross_entropy(b @ W.T, y)
    to_new, to_old = 1 - F.cosine_similarity(parts.f, new).mean(), 1 - F.cosine_similarity(parts.b, old).mean()
    assert torch.allclose(loss(parts, y, Anchors(old, W, new), (1, 10, 5)), alone + to_new + 10 * influence + 5 * to_old)
    assert torch.allclose(loss(parts, y, Anchors(old, W), (1, 10, 5)), alone + 10 * influence)
    assert torch.equal(loss(parts, y, None, (1, 10, 5)), alone)
    assert LAMBDA == (1, 10, 5)


def test_a_perfect_match_leaves_the_classifiers_alone():
    f = F.normalize(torch.randn(6, 4))
    parts, y = Parts(torch.zeros(6, 3), 7 * f, f, f), torch.zeros(6, dtype=torch.long)
    W = torch.zeros(3, 4)
    expected = 11 * torch.tensor(3.0).log()
    assert torch.allclose(loss(parts, y, Anchors(f, W, f), LAMBDA), expected)


def test_the_pseudo_classifier_is_the_mean_of_old_features_of_every_class():
    shown, previous = images(SMOKE, "train"), encoder("old", SMOKE, 0).eval()
    held = anchors(previous, None, shown, 8)
    old = F.normalize(embed(previous, shown.x))
    assert held.W_old.shape == (8, 8) and held.new is None
    for label in (0, 7):  # one class that the old model was trained on, and one that it never saw
        assert torch.allclose(held.W_old[label], old[shown.y == label].mean(0), atol=1e-6)


def test_the_rate_warms_up_and_falls_to_zero():
    rates = [rate(epoch, 40) for epoch in range(40)]
    assert rates[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert all(a >= b for a, b in pairwise(rates[2:])) and rates[-1] < 0.01


# Retrieval


def test_rankings_agree_with_scikit_learn():
    queries, gallery = torch.randn(2, 30, 6)
    y = torch.randint(3, (30,))
    top1, precision = ranking(queries, gallery, y)
    scores = F.normalize(queries) @ F.normalize(gallery).T
    hits, precisions = [], []
    for i in range(30):
        others = [j for j in range(30) if j != i]
        same = (y[others] == y[i]).numpy()
        precisions.append(average_precision_score(same, scores[i, others].numpy()))
        hits.append(bool(same[scores[i, others].argmax()]))
    assert top1 == pytest.approx(sum(hits) / 30)
    assert precision == pytest.approx(sum(precisions) / 30)


def test_a_query_is_never_its_own_answer():
    features, y = torch.eye(8), torch.arange(8)
    assert ranking(features, features, y)[0] == 0
    assert ranking(torch.eye(8), torch.eye(8), torch.arange(8) // 8)[0] == 1


def test_unrelated_spaces_are_at_chance():
    y = torch.randint(10, (500,))
    assert ranking(torch.randn(500, 16), torch.randn(500, 16), y)[0] == pytest.approx(0.1, abs=0.05)


def test_the_nearest_item_does_not_depend_on_the_querys_norm():
    queries, gallery = torch.randn(5, 6), F.normalize(torch.randn(20, 6))
    found = nearest(queries, gallery)
    assert torch.equal(found, nearest(3 * queries, gallery))
    assert torch.equal(found, torch.stack([F.cosine_similarity(q[None], gallery).argmax() for q in queries]))


# Data


def test_glyphs_of_a_class_are_alike_and_of_two_classes_are_not():
    x, y = glyphs(6, 30, 24, "train")
    means = torch.stack([x[y == label].mean(0).flatten() for label in range(6)])
    test_x, test_y = glyphs(6, 10, 24, "test")
    guessed = torch.cdist(test_x.flatten(1), means).argmin(1)
    assert (guessed == test_y).float().mean() > 0.5
    assert torch.bincount(y).tolist() == [30] * 6
    assert not torch.equal(x[y == 0][:10], test_x[test_y == 0])


def test_more_classes_leave_the_first_glyphs_as_they_are():
    few, many = ([glyphs(n, 200, 12, "train")] for n in (2, 3))
    of_first = [x[y == 1].mean(0) for (x, y) in (few[0], many[0])]
    assert (of_first[0] - of_first[1]).abs().max() < 0.15


def test_generations_see_more_and_more_classes():
    shown = images(CHAIN, "train")
    assert [int(shown.first(n).y.max()) + 1 for n in CHAIN.classes] == list(CHAIN.classes)
    assert len(shown.first(10).x) == len(shown.x) == 1200


def test_embeddings_grow_by_the_extra_dimensions_of_every_upgrade():
    widths = {v: [encoder(v, CHAIN, k).width for k in range(4)] for v in ("bt2", "naive", "bct", "independent")}
    assert widths["bt2"] == widths["naive"] == [8, 10, 12, 14]
    assert widths["bct"] == widths["independent"] == [8, 8, 8, 8]
    x = images(CHAIN, "test").x[:3]
    assert all(encoder(v, CHAIN, 3).eval()(x).shape == (3, widths[v][3]) for v in widths)


# The plugin


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_fitted_and_judged(lab, variant):
    found = {name: q.value for name, q in lab.metric(variant).items()}
    assert set(found) == set(QUALITIES)
    assert all(0 <= found[name] <= 1 for name in ("cross_top1", "cross_map", "top1", "map"))
    assert found["gallery_passes"] == (8 * 8 if variant == "backfill" else 0)
    assert found["trained_images"] == {"old": 0, "bt2": 2 * 3 * 128}.get(variant, 3 * 128)


def test_services_that_need_no_upgrade_are_judged_alike(lab):
    old, backfill, independent = (lab.metric(v) for v in ("old", "backfill", "independent"))
    assert old["cross_top1"] == old["top1"]
    assert backfill["cross_map"] == backfill["map"] == independent["map"]


def test_the_old_gallery_stays_as_it_was(lab):
    expected = digest(lab.fit("independent").gallery)
    x = lab.data("test").inputs[0]
    oldest = lab.fit("old").encoder
    before = digest(states([oldest]))
    for variant in VARIANTS:
        deployed = lab.fit(variant)
        judge(variant, deployed, lab.data("test"), "smoke", lab.params)
        assert digest(deployed.gallery) == expected
    assert torch.equal(embed(oldest, x), lab.fit("bt2").gallery)
    assert digest(states([oldest])) == before


def digest(values: torch.Tensor) -> str:
    return hashlib.sha256(values.detach().numpy().tobytes()).hexdigest()


def test_an_upgrade_leaves_its_predecessors_alone():
    alone = line(SMOKE)
    before = states(alone)
    upgraded("bt2", SMOKE, alone, torch.Generator().manual_seed(0))
    assert torch.equal(states(alone), before)


def test_states_come_back():
    one, two = line(SMOKE), line(SMOKE)
    assert not torch.equal(states(one), states(two))
    assert torch.equal(states(restore(two, states(one))), states(one))


def test_untrained_heads_find_the_old_gallery_at_chance():
    shown = images(TASKS["glyphs", "small"], "test")
    old = encoder("old", TASKS["glyphs", "small"], 0)
    gallery = F.normalize(torch.randn(40, 16))[shown.y]  # a space in which every class has a place of its own
    for variant in ("bt2", "bct", "naive"):
        deployed = Deployed(encoder(variant, TASKS["glyphs", "small"], 1), gallery, torch.zeros(0))
        assert ranking(embed(deployed, shown.x)[:, :16], gallery, shown.y)[0] < 0.15
    assert ranking(gallery, gallery, shown.y)[0] == 1
    assert embed(old, shown.x[:2]).shape == (2, 16)


def test_a_fit_repeats_with_its_seed():
    first, again, other = (bench("bt2", seed=s).fit("bct", Budget(steps=2)) for s in (0, 0, 1))
    assert torch.equal(states([first.encoder]), states([again.encoder]))
    assert not torch.equal(states([first.encoder]), states([other.encoder]))


def test_a_chain_of_three_upgrades_runs():
    lab = bench("bt2", task="digits")
    found = {v: lab.metric(v) for v in ("bt2", "bct", "naive")}
    assert lab.fit("bt2").encoder.width == lab.fit("naive").encoder.width == 14
    seen = sum(int((images(CHAIN, "train").y < n).sum()) for n in (7, 9, 10))
    assert found["bt2"]["trained_images"].value == 2 * found["bct"]["trained_images"].value == 2 * seen


def test_search_costs_as_much_as_embeddings_are_wide(lab):
    macs = {}
    for variant in VARIANTS:
        subject = lab.subject("search", variant)
        assert subject.work.run().shape == (4,)
        macs[variant] = count(subject.work.run, subject.model).macs
    assert macs["bct"] == macs["old"] == 4 * 256 * 8
    assert macs["bt2"] / macs["bct"] == macs["naive"] / macs["bct"] == 1.25


def test_a_query_is_embedded_and_searched(lab):
    subject = lab.subject("query", "bct")
    x = subject.data.inputs[0]
    embedding = count(lambda: subject.model(x), subject.model).macs
    assert count(subject.work.run, subject.model).macs == embedding + 4 * 256 * 8
    cnn = CNN((8, 8, 16), 8).eval()
    by_hand = 9 * (256 * 8 + 64 * 8 * 8 + 16 * 8 * 16) + 16 * 8
    assert count(lambda: cnn(torch.zeros(1, 1, 16, 16)), cnn).macs == by_hand


def test_sizes_of_the_head():
    net = BT2(nn.Identity(), 128, 128, 32, 100)
    assert net.P.X.numel() + net.Q.X.numel() == 32_768
    assert sum(p.numel() for p in net.fc3.parameters()) == 32_896
    assert net.fc_out.weight.numel() == 12_800
    assert net.width == 160
    assert count(lambda: net(torch.zeros(1, 256)), net).macs == 128 * 128 * 2 + 256 * 128 == 65_536


def test_resnet_50_ends_in_the_embedding():
    """25,557,032 parameters without the classifier of 2,049,000, and 512 * 256 + 2 * 256 in place of 512 * 2048 + 2 * 2048, plus a shortcut."""
    with torch.device("meta"):
        net = ResNet50(256)
        assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 256)
    whole = 25_557_032 - 2_049_000
    shortcut = 2048 * 256 + 2 * 256
    assert sum(p.numel() for p in net.parameters()) == whole - (512 + 2) * (2048 - 256) + shortcut


def test_published_dimensions_are_built_without_memory():
    meta = replace(bench("bt2", "paper"), device="meta")
    widths = {v: meta.model(v)(*meta.data().inputs).shape[1] for v in ("bt2", "naive", "bct")}
    assert widths == {"bt2": 160, "naive": 160, "bct": 128}


def test_encoders_return_unit_norms_where_they_should():
    x = torch.randn(5, 1, 16, 16)
    for model in (Plain(CNN((4, 4), 6), 6, 3).eval(), Widened(CNN((4, 4), 8), 6, 2, 3).eval()):
        assert torch.allclose(model(x).norm(dim=1), torch.ones(5), atol=1e-5)
        assert model.parts(x).b.shape == (5, 6)


def test_training_stops_at_its_limit():
    shown = images(SMOKE, "train")
    one, two, three = (train(seeded("independent"), shown, SMOKE, torch.Generator().manual_seed(0), limit=n) for n in (0, 1, None))
    assert torch.equal(states([one]), states([seeded("independent").eval()]))
    assert not torch.equal(states([two]), states([one]))
    assert not torch.equal(states([three]), states([two]))


def seeded(variant: str) -> nn.Module:
    torch.manual_seed(3)
    return encoder(variant, SMOKE, 1)


def test_pictures_of_the_subject(lab):
    shown = lab.artifacts("bt2")
    assert set(shown) == {"answers", "novelty"}
    assert shown["answers"].pixels.shape == (6 * 18 * 2, 6 * 18 * 2)
    assert len(shown["novelty"].spec["data"]["values"]) == 4
    assert lab.artifacts("bct") == {}


def test_labels_choose_images():
    shown = Labelled(torch.arange(4.0)[:, None, None, None], torch.tensor([2, 0, 1, 0]))
    assert shown.first(2).x.flatten().tolist() == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_upgrade_on_glyphs():
    lab = bench("bt2", "small")
    found = {variant: {name: q.value for name, q in lab.metric(variant).items()} for variant in ("old", "independent", "bt2")}
    assert found["independent"]["top1"] > 0.9
    assert found["independent"]["cross_top1"] < 3 / 40, "at most three times chance, as the claim has it"
    assert found["old"]["top1"] < found["bt2"]["cross_top1"] < found["bt2"]["top1"]
    assert found["bt2"]["top1"] > 0.97 * found["independent"]["top1"]
