"""The prototype network: what holds of it exactly, and what its loss does for its explanations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter, map_coordinates
from torch.utils.flop_counter import FlopCounterMode

from harness import Budget
from harness.testing import bench

VARIANTS = ("prototype", "cnn", "class_means", "no_r1", "no_r2", "no_reconstruction")
ABLATIONS = {"no_r1": "r1", "no_r2": "r2", "no_reconstruction": "reconstruction"}


@pytest.fixture(scope="module")
def lab():
    return bench("prototype_cbr")


@pytest.fixture
def net(lab):
    """The untrained network in double precision, some prototypes negative and codes of ordinary size."""
    net = lab.model("prototype").double()
    with torch.no_grad():
        net.h.p.sub_(0.3)
        for layer in net.f:
            if hasattr(layer, "weight"):
                layer.weight.mul_(30)
    return net


@pytest.fixture
def x(lab):
    return lab.data("test").inputs[0].double()


# Sizes


def test_published_sizes_are_those_of_the_network(lab):
    for size in lab.card.sizes:
        meta = replace(bench("prototype_cbr", "paper", **size.params), device="meta")
        model, inputs = meta.model(size.variant), meta.data().inputs
        assert len(inputs[0]) == 1
        if size.quantity == "parameters":
            built = sum(p.numel() for p in model.parameters())
        else:
            with FlopCounterMode(display=False) as counter:
                model(*inputs)
            built = counter.get_total_flops() // 2
        assert built + size.adjust == size.value, (size.variant, size.printed)


def test_a_code_has_40_features_at_every_size():
    from harness_papers.prototype_cbr.setting import SETTINGS

    assert {setting.features for scales in SETTINGS.values() for setting in scales.values()} == {40}
    paper = SETTINGS["digits"]["paper"]
    assert paper.sizes == [28, 14, 7, 4, 2]
    assert bench("prototype_cbr", "paper").model("prototype").f(torch.zeros(3, 1, 28, 28)).shape == (3, 40)


def test_every_variant_builds_and_runs_without_memory_at_published_size():
    for task, classes in (("digits", 10), ("cuboids", 11)):
        meta = replace(bench("prototype_cbr", "paper", task=task), device="meta")
        for variant in VARIANTS:
            assert meta.model(variant)(*meta.data().inputs).shape == (64, classes)


# Layers


def test_same_padding_adds_its_one_pixel_at_the_end_of_an_even_side():
    from harness_papers.prototype_cbr.network import SameConv

    layer = SameConv(1, 1, 8)
    even = F.conv2d(F.pad(x := torch.rand(1, 1, 8, 8), (0, 1, 0, 1)), layer.weight, stride=2)
    assert torch.equal(layer(x), even)  # the bias starts at 0
    odd = SameConv(1, 1, 7)
    assert torch.equal(odd(x[..., 1:, 1:]), F.conv2d(x[..., 1:, 1:], odd.weight, stride=2, padding=1))


@pytest.mark.parametrize("size", [28, 14, 7, 4])
def test_each_layer_of_the_decoder_is_the_transpose_of_the_encoders(size):
    from harness_papers.prototype_cbr.network import SameConv, SameTranspose

    forward, back = SameConv(3, 5, size).double(), SameTranspose(5, 3, size).double()
    with torch.no_grad():
        back.weight.copy_(forward.weight)  # both are (5, 3, 3, 3)
    x, y = torch.randn(2, 3, size, size).double(), torch.randn(2, 5, -(-size // 2), -(-size // 2)).double()
    assert torch.allclose((forward(x) * y).sum(), (x * back(y)).sum(), rtol=1e-10)


def test_codes_are_never_negative_and_pictures_are_in_range(net, x):
    z = net.f(x)
    assert z.min() == 0 < z.max()
    decoded = net.g(z)
    assert decoded.shape == x.shape
    assert 0 < decoded.min() <= decoded.max() < 1


# Distances and the explanation


def test_distances_are_squared_euclidean(net, x):
    z = net.f(x)
    D = net.h.distances(z)
    assert net.h.p.min() < 0
    assert D.shape == (597, 10)
    assert torch.allclose(D, torch.cdist(z, net.h.p) ** 2, atol=1e-4)
    assert net.float().h.distances(z.float()).min() > -1e-4


def test_a_prototype_put_on_a_code_is_that_case(net, x):
    from harness_papers.prototype_cbr.training import r2

    z = net.f(x[:20])
    with torch.no_grad():
        net.h.p[3] = z[7]
    D = net.h.distances(z)
    assert abs(D[7, 3]) < 1e-12
    assert abs(r2(D[7:8])) < 1e-12
    assert torch.equal(net.g(net.h.p[3:4]), net.g(z[7:8]))


def test_the_order_of_prototypes_does_not_matter(net, x):
    before = net(x)
    order = torch.randperm(10)
    with torch.no_grad():
        net.h.p.copy_(net.h.p[order])
        net.h.w.copy_(net.h.w[order])
    assert torch.allclose(net(x), before, atol=1e-5)


def test_a_label_depends_on_an_image_through_its_distances_alone(net, x):
    z = net.f(x[:50])
    span = (net.h.p[1:] - net.h.p[0]).T  # (q, m - 1): 9 of 40 directions
    inside = (z - net.h.p[0]) @ torch.linalg.pinv(span).T @ span.T
    mirrored = 2 * (net.h.p[0] + inside) - z  # another code, as far from every prototype
    assert (z - mirrored).abs().max() > 0.1
    assert torch.allclose(net.h.distances(z), net.h.distances(mirrored))
    assert torch.allclose(net.h(z), net.h(mirrored))
    assert torch.equal(net(x[:50]), net.h.distances(z) @ net.h.w)


def test_a_negative_weight_makes_a_near_prototype_evidence_for_its_class(net):
    from harness_papers.prototype_cbr.judging import argued_class

    with torch.no_grad():
        net.h.w.zero_()
        net.h.w[2, 6] = -1.0
    toward = torch.lerp(net.h.p[5], net.h.p[2], torch.linspace(0, 1, 5).double()[:, None])
    share = net.h(toward).softmax(1)[:, 6]
    assert (share.diff() > 0).all()
    assert argued_class(net)[2] == 6


# The loss


def test_reconstruction_sums_over_pixels_and_averages_over_images():
    from harness_papers.prototype_cbr.training import reconstruction

    decoded, x = torch.rand(5, 1, 28, 28), torch.rand(5, 1, 28, 28)
    assert torch.isclose(reconstruction(decoded, x), 784 * F.mse_loss(decoded, x))
    assert torch.isclose(reconstruction(decoded, x), reconstruction(torch.cat([decoded] * 2), torch.cat([x] * 2)))


def test_r1_looks_for_the_nearest_code_and_r2_for_the_nearest_prototype():
    from harness_papers.prototype_cbr.training import r1, r2

    D = torch.tensor([[1.0, 9.0, 4.0], [5.0, 2.0, 8.0]])  # two codes, three prototypes
    assert r1(D) == pytest.approx((1 + 2 + 4) / 3)
    assert r2(D) == pytest.approx((1 + 2) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_more_codes_lower_r1_and_more_prototypes_lower_r2(seed):
    from harness_papers.prototype_cbr.training import r1, r2

    D = torch.rand(31, 16, generator=torch.Generator().manual_seed(seed))
    for count in range(1, 31):
        assert 0 <= r1(D[: count + 1]) <= r1(D[:count])
    for count in range(1, 16):
        assert 0 <= r2(D[:, : count + 1]) <= r2(D[:, :count])


@pytest.mark.parametrize(("variant", "term"), ABLATIONS.items())
def test_an_ablation_leaves_out_one_term_and_nothing_else(net, x, variant, term):
    from harness_papers.prototype_cbr import training

    y = torch.arange(597) % 10
    z = net.f(x)
    D = net.h.distances(z)
    terms = {"reconstruction": training.reconstruction(net.g(z), x), "r1": training.r1(D), "r2": training.r2(D)}
    whole = training.prototype_loss(net, x, y, training.LAMBDAS["prototype"])
    assert torch.isclose(whole, 20 * F.cross_entropy(net(x), y) + sum(terms.values()))
    without = training.prototype_loss(net, x, y, training.LAMBDAS[variant])
    assert torch.isclose(whole - without, terms[term])
    assert terms[term] > 0.01


def test_the_decoder_learns_from_reconstruction_alone(lab):
    from harness_papers.prototype_cbr.training import make_step

    for variant in ("prototype", "no_reconstruction"):
        model, data = lab.model(variant), lab.data()
        before = [p.clone() for p in model.g.parameters()]
        make_step(variant, model)(*data.inputs, data.targets)
        moved = [not torch.equal(a, b) for a, b in zip(before, model.g.parameters(), strict=True)]
        assert any(moved) == (variant == "prototype")


# Data


@pytest.mark.parametrize(
    ("task", "scale", "shape", "tested", "classes"),
    [("digits", "small", (1, 8, 8), 597, 10), ("digits", "paper", (1, 28, 28), 597, 10), ("cuboids", "small", (1, 32, 32), 300, 11)],
)
def test_images_are_in_range_and_classes_in_proportion(task, scale, shape, tested, classes):
    lab = bench("prototype_cbr", scale, task=task)
    train, test = lab.data("train"), lab.data("test")
    assert train.inputs[0].shape[1:] == test.inputs[0].shape[1:] == shape
    assert len(test.targets) == tested
    assert 0 == train.inputs[0].min() < train.inputs[0].max() <= 1
    shares = [torch.bincount(y, minlength=classes) / len(y) for y in (train.targets, test.targets)]
    assert shares[0].min() > 0.05
    assert (shares[0] - shares[1]).abs().max() < 0.005


def test_data_do_not_depend_on_the_seed(lab):
    a, b = lab.data("train"), replace(lab, seed=1).data("train")
    assert torch.equal(a.inputs[0], b.inputs[0])


def test_no_test_image_is_among_the_training_images(lab):
    assert torch.cdist(lab.data("test").inputs[0].flatten(1), lab.data("train").inputs[0].flatten(1)).min() > 0


def test_the_deformation_is_the_authors():
    from harness_papers.prototype_cbr.deformation import ElasticDeformation

    x = bench("prototype_cbr", "paper").data("test").inputs[0][:4]
    deform = ElasticDeformation(28, torch.Generator().manual_seed(3))
    noise = 2 * torch.rand(4, 2, 28, 28, generator=torch.Generator().manual_seed(3)).numpy() - 1
    rows, columns = np.mgrid[0:28, 0:28]
    for image, field, deformed in zip(x, noise, deform(x), strict=True):
        down, across = (20 * gaussian_filter(part, 4, mode="constant") for part in field)
        expected = map_coordinates(image[0].numpy(), (rows + down, columns + across), order=1)
        # Only where the place lies inside: scipy does not blend with the black outside an edge.
        inside = (rows + down >= 0) & (rows + down <= 27) & (columns + across >= 0) & (columns + across <= 27)
        assert np.abs(deformed[0].numpy() - expected)[inside].max() < 1e-4


def test_the_deformation_moves_strokes_by_the_same_share_of_any_image():
    from harness_papers.prototype_cbr.deformation import ElasticDeformation

    generator = torch.Generator().manual_seed(0)
    shares = [float(ElasticDeformation(size, generator).fields(2000).std()) / size for size in (8, 28, 32)]
    assert shares == pytest.approx([0.027] * 3, rel=0.05)


# Hooks


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fit_is_deterministic_in_its_seed(lab, variant):
    fitted, again, other = lab.fit(variant), bench("prototype_cbr").fit(variant), bench("prototype_cbr", seed=1).fit(variant)
    same = [torch.equal(a, b) for a, b in zip(fitted.state_dict().values(), again.state_dict().values(), strict=True)]
    differs = [not torch.equal(a, b) for a, b in zip(fitted.state_dict().values(), other.state_dict().values(), strict=True)]
    assert all(same)
    assert any(differs)


def test_batches_and_deformations_follow_the_seed(lab):
    one, other = lab.model("cnn"), lab.model("cnn")
    for seed, model in enumerate((one, other)):
        lab.plugin.call(
            "fit", variant="cnn", model=model, data=lab.data("train"), scale="smoke", params=lab.params, budget=Budget(steps=3), seed=seed
        )
    assert not torch.equal(one.h.weight, other.h.weight)


@pytest.mark.parametrize("variant", VARIANTS)
def test_fifty_steps_make_better_labels_than_chance(lab, variant):
    assert lab.metric(variant)["accuracy"].value > 0.15


def test_a_training_step_lowers_the_loss(lab):
    for variant in VARIANTS:
        work = lab.subject("train_step", variant).work
        losses = [float(work.run()) for _ in range(40)]
        assert work.items == 64
        assert losses[-1] < losses[0], variant


def test_every_quality_of_the_card_is_measured_and_claims_speak_of_them(lab):
    measured = lab.metric("prototype")
    assert set(measured) == set(lab.card.qualities)
    assert set(lab.metric("cnn")) == {"accuracy"}
    assert {c.quantity for c in lab.card.claims} == {"accuracy", "r1", "r2", "macs", "latency"}


def test_attached_prototypes_are_the_nearest_class_means(lab):
    model, train = lab.fit("class_means"), lab.data("train")
    z = model.cnn.f(train.inputs[0])
    means = torch.stack([z[train.targets == k].mean(0) for k in range(10)])
    nearest = torch.cdist(z.double(), means.double()).argmin(1)
    assert (model(train.inputs[0]).argmax(1) == nearest).float().mean() > 0.999
    assert torch.equal(model.cnn(train.inputs[0]), lab.fit("cnn")(train.inputs[0]))


def test_artifacts_show_prototypes_weights_and_cases(lab):
    shown = lab.artifacts("prototype")
    assert list(shown) == ["prototypes", "weights", "cases"]
    assert shown["prototypes"].pixels.shape == (2 * 66, 5 * 66)  # ten prototypes of 64x64 with their frames
    assert shown["cases"].pixels.shape == (5 * 66, 10 * 66)
    cells = shown["weights"].spec["data"]["values"]
    assert len(cells) == 10 * 10
    assert sum(cell["smallest"] for cell in cells) == 10
    assert min(cells, key=lambda cell: cell["weight"])["smallest"]
    assert lab.artifacts("cnn") == {}


def test_a_grid_shows_each_picture_in_its_place():
    from harness_papers.prototype_cbr.pictures import GREY, grid

    images = torch.linspace(0, 1, 5)[:, None, None, None].expand(5, 1, 32, 32)
    pixels = grid(images, columns=3)
    assert pixels.shape == (2 * 66, 3 * 66)
    centres = pixels[33::66, 33::66]
    assert np.allclose(centres, [[0, 0.25, 0.5], [0.75, 1, GREY]])


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_loss_makes_prototypes_that_explain_and_costs_no_accuracy():
    lab = bench("prototype_cbr", "small")
    found = {variant: {name: q.value for name, q in lab.metric(variant).items()} for variant in VARIANTS}
    ours = found["prototype"]
    assert min(ours["accuracy"], found["cnn"]["accuracy"]) >= 0.95
    assert abs(ours["accuracy"] - found["cnn"]["accuracy"]) <= 0.015
    assert ours["r1"] <= found["no_r1"]["r1"] / 3
    assert ours["r2"] <= found["no_r2"]["r2"] / 2
    assert ours["purity"] >= 0.8
    assert ours["weight_agreement"] >= 0.8
    # Prototypes that lie near no code decode to no digit, and a decoder that never learned shows nothing at all.
    assert ours["prototype_mse"] <= found["no_r1"]["prototype_mse"] / 3
    assert ours["prototype_mse"] <= found["no_reconstruction"]["prototype_mse"] / 3
    # Prototypes attached to a finished network are not what it computes.
    assert found["class_means"]["nearest_agreement"] < 1
    assert found["class_means"]["accuracy"] < found["cnn"]["accuracy"]
