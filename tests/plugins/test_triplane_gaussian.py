"""Triplane Gaussian: what holds of splatting, points and planes exactly, the sizes, and what small networks learn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.triplane_gaussian import objects as made
from harness_papers.triplane_gaussian import training
from harness_papers.triplane_gaussian.image_tokens import ImageTokens
from harness_papers.triplane_gaussian.judging import psnr, qualities, ssim
from harness_papers.triplane_gaussian.parts import part
from harness_papers.triplane_gaussian.points import Splitting, project, visible
from harness_papers.triplane_gaussian.reconstructors import TriplaneRadiance
from harness_papers.triplane_gaussian.setting import DISTANCE, PAPER, RADIUS, SMALL, SMOKE, focal
from harness_papers.triplane_gaussian.splatting import (
    BLUR,
    Gaussians,
    blending_weights,
    covariance,
    harmonics,
    pixel_centres,
    rotation_matrix,
    seen_from,
    splat,
    to_pixels,
)
from harness_papers.triplane_gaussian.triplane import PLANES, GaussianDecoder, Planes, cells_of, read_planes, scatter

VARIANTS = ("tgs", "triplane_nerf", "direct_gs", "points_only", "no_projection")
AHEAD = torch.eye(3, dtype=torch.double)[None]


@pytest.fixture(scope="module")
def lab():
    return bench("triplane_gaussian")


@pytest.fixture
def gaussians():
    torch.manual_seed(0)
    xyz, q = 0.3 * torch.randn(1, 40, 3, dtype=torch.double), torch.randn(1, 40, 4, dtype=torch.double)
    scale, opacity = 0.02 + 0.1 * torch.rand(1, 40, 3, dtype=torch.double), torch.rand(1, 40, 1, dtype=torch.double)
    sh = torch.randn(1, 40, 16, 3, dtype=torch.double)
    return Gaussians(xyz, scale, q / q.norm(dim=-1, keepdim=True), opacity, sh)


def turned(azimuth: float, elevation: float) -> torch.Tensor:
    return torch.from_numpy(made.camera(azimuth, elevation))[None]


def make_alive(module: nn.Module) -> nn.Module:
    """Give every parameter a random value of ordinary size, so that no path is hidden by a zero."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# Splatting


def test_rotations_are_rotations(gaussians):
    M = rotation_matrix(gaussians.rotation)
    assert torch.allclose(M @ M.mT, torch.eye(3, dtype=torch.double).expand_as(M), atol=1e-12)
    assert torch.allclose(torch.linalg.det(M), torch.ones(1, 40, dtype=torch.double))
    half = math.sqrt(0.5)
    quarter_turn = rotation_matrix(torch.tensor([half, 0, 0, half]))
    assert torch.allclose(quarter_turn @ torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0]), atol=1e-6)


def test_the_projected_covariance_is_that_of_the_projections_derivative(gaussians):
    R = turned(0.7, 0.4)
    found = covariance(gaussians, R, 64)
    M = rotation_matrix(gaussians.rotation) * gaussians.scale[..., None, :]
    for n in (0, 7, 39):
        point = gaussians.xyz[0, n]
        J = torch.autograd.functional.jacobian(lambda p: to_pixels(seen_from(p[None, None], R), 64)[0, 0], point)  # (2, 3)
        expected = J @ M[0, n] @ M[0, n].T @ J.T + BLUR * torch.eye(2, dtype=torch.double)
        assert torch.allclose(found[0, n], expected, atol=1e-8)


def test_weights_of_a_pixel_are_those_of_blending_one_by_one(gaussians):
    side, R = 16, turned(2.0, -0.5)
    pixels = pixel_centres(side, gaussians.xyz)
    weights, order, left = blending_weights(gaussians, R, side, pixels)
    assert (weights.sum(-1) <= 1 + 1e-9).all()
    depth = seen_from(gaussians.xyz, R)[0, :, 2]
    assert torch.equal(order[0], depth.argsort())
    centre, inverse = to_pixels(seen_from(gaussians.xyz, R), side)[0], covariance(gaussians, R, side)[0].inverse()
    for p in (0, 100, 136, 200):
        through = 1.0
        for place, n in enumerate(order[0].tolist()):
            away = pixels[p] - centre[n]
            alpha = min(0.99, float(gaussians.opacity[0, n, 0] * (-0.5 * away @ inverse[n] @ away).exp()))
            assert float(weights[0, p, place]) == pytest.approx(through * alpha, abs=1e-9)
            through *= 1 - alpha
        assert float(left[0, p]) == pytest.approx(through, abs=1e-9)
    assert torch.allclose(weights.sum(-1) + left, torch.ones_like(left))


def test_the_order_of_gaussians_does_not_matter(gaussians):
    order = torch.randperm(40)
    shuffled = Gaussians(*(x[:, order] for x in gaussians))
    for dtype, tolerance in ((torch.double, 1e-12), (torch.float, 1e-5)):
        R = turned(1.0, 0.2)[:, None].to(dtype)
        plain, mixed = (splat(Gaussians(*(x.to(dtype) for x in g)), R, 24) for g in (gaussians, shuffled))
        assert (plain - mixed).abs().max() < tolerance


def test_the_nearer_of_two_hides_the_farther():
    near, far = torch.tensor([0.0, 0.0, -0.3]), torch.tensor([0.0, 0.0, 0.3])
    red, blue = (torch.tensor([[[1.77, -1.77, -1.77]], [[-1.77, -1.77, 1.77]]])).unbind(0)
    for first in (0, 1):
        xyz, sh = (near, far) if first == 0 else (far, near), (red, blue) if first == 0 else (blue, red)
        g = Gaussians(
            torch.stack(xyz)[None],
            torch.full((1, 2, 3), 0.2),
            torch.eye(4)[0].expand(1, 2, 4),
            torch.full((1, 2, 1), 0.98),
            torch.stack(sh)[None],
        )
        view = splat(g, torch.eye(3)[None, None], 8)[0, 0]
        assert view[0, 4, 4] > 0.85
        assert view[2, 4, 4] < 0.15
        assert view[3, 4, 4] > 0.95


def test_a_view_depends_on_the_camera_relative_to_the_world_alone(gaussians):
    """Turning Gaussians and camera together changes nothing, if colours are the same from everywhere."""
    g = gaussians._replace(sh=gaussians.sh[:, :, :1])
    Q, R = turned(0.9, 0.3), turned(-0.4, 0.8)
    w, z = math.cos(0.45), math.sin(0.45)  # half of 0.9, round the vertical
    raised = (math.cos(0.15), math.sin(0.15))
    M = rotation_matrix(torch.tensor([w, 0, z, 0], dtype=torch.double)) @ rotation_matrix(
        torch.tensor([raised[0], raised[1], 0, 0], dtype=torch.double)
    )
    assert torch.allclose(M, Q[0], atol=1e-12)
    moved = g._replace(xyz=g.xyz @ M.T, rotation=turn(M, g.rotation))
    assert torch.allclose(splat(moved, (Q @ R)[:, None], 24), splat(g, R[:, None], 24), atol=1e-9)


def turn(M: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return the quaternions of M times the rotations of q, one by one from the matrix's eigenvector of 1 and its trace."""
    products = M @ rotation_matrix(q)
    w = ((1 + products.diagonal(dim1=-2, dim2=-1).sum(-1)).clamp(min=1e-12) / 4).sqrt()
    x, y, z = ((products[..., i, j] - products[..., j, i]) / (4 * w) for i, j in ((2, 1), (0, 2), (1, 0)))
    return torch.stack((w, x, y, z), -1)


def test_harmonics_are_orthonormal():
    z, weight = np.polynomial.legendre.leggauss(8)
    angle = np.arange(16) * (2 * math.pi / 16)
    flat = np.sqrt(1 - z**2)
    points = np.stack((np.outer(flat, np.cos(angle)), np.outer(flat, np.sin(angle)), np.outer(z, np.ones(16))), -1)
    basis = harmonics(torch.from_numpy(points).reshape(-1, 3), 3)
    weights = torch.from_numpy(np.outer(weight, np.full(16, 2 * math.pi / 16))).flatten()
    assert torch.allclose(basis.T @ (weights[:, None] * basis), torch.eye(16, dtype=torch.double), atol=1e-10)


def test_chunks_do_not_change_a_view(gaussians, monkeypatch):
    R = turned(0.3, 0.1)[:, None]
    whole = splat(gaussians, R, 12)
    monkeypatch.setattr("harness_papers.triplane_gaussian.splatting.AT_ONCE", 40 * 5)
    assert torch.allclose(splat(gaussians, R, 12), whole, atol=1e-12)


# Points, planes and the decoder


def test_a_decoder_starts_with_gaussians_that_are_all_alike():
    torch.manual_seed(0)
    points = 0.5 * torch.randn(1, 20, 3)
    g = GaussianDecoder(PAPER, 12)(points, torch.randn(1, 20, 12))
    assert torch.equal(g.xyz, points)
    assert torch.allclose(g.opacity, torch.tensor(0.1))
    assert torch.allclose(g.scale, torch.tensor(math.exp(-5)))
    assert torch.equal(g.rotation, torch.eye(4)[0].expand(1, 20, 4))
    assert g.sh.shape == (1, 20, 16, 3)
    assert (g.sh == 0).all()


def test_whatever_the_weights_gaussians_keep_their_bounds():
    torch.manual_seed(0)
    points = 0.5 * torch.randn(1, 200, 3)
    g = make_alive(GaussianDecoder(PAPER, 12))(points, torch.randn(1, 200, 12))
    assert torch.allclose(g.rotation.norm(dim=-1), torch.ones(1, 200), atol=1e-5)
    assert 0 < g.scale.min() < g.scale.max() <= 0.2
    away = (g.xyz - points).abs().max()
    assert 0.8 * 0.6 / 32 < away <= 0.6 / 32 + 1e-6
    assert 0 <= g.opacity.min() < g.opacity.max() <= 1


def test_planes_read_at_the_middle_of_a_texel_give_that_texel():
    torch.manual_seed(0)
    S, planes = 8, torch.randn(2, 3, 5, 8, 8)
    cell = torch.randint(S, (2, 30, 3))
    points = ((cell + 0.5) / S * 2 - 1) * RADIUS
    read = read_planes(planes, points).unflatten(-1, (3, 5))
    for k, (across, down) in enumerate(PLANES):
        for b in range(2):
            expected = planes[b, k][:, cell[b, :, down], cell[b, :, across]].T
            assert torch.allclose(read[b, :, k], expected, atol=1e-5)


def test_points_are_written_into_the_cells_that_they_read():
    points = torch.tensor([[[-0.6, 0.0, 0.6], [0.59, -0.59, 0.01], [0.7, -0.7, 0.0]]])  # the last is outside and counts as on the edge
    assert cells_of(points, 4)[0].tolist() == [
        [2 * 4 + 0, 0 * 4 + 3, 0 * 4 + 3],
        [3 * 4 + 0, 2 * 4 + 3, 2 * 4 + 3],
        [3 * 4 + 2, 2 * 4 + 0, 2 * 4 + 0],
    ]
    planes = torch.zeros(1, 3, 1, 4, 4)
    planes[0, 0, 0, 0, 3] = 1.0
    assert read_planes(planes, torch.tensor([[[0.45, -0.45, 0.1]]]))[0, 0].tolist() == pytest.approx([1, 0, 0])


def test_cells_keep_the_mean_and_the_maximum_of_their_points():
    torch.manual_seed(0)
    x, cell = torch.randn(2, 50, 4), torch.randint(9, (2, 50))
    for how, reduce in (("mean", lambda rows: rows.mean(0)), ("amax", lambda rows: rows.amax(0))):
        found = scatter(x, cell, 3, how)
        for b in range(2):
            for c in range(9):
                rows = x[b][cell[b] == c]
                assert torch.allclose(found[b, c], reduce(rows) if len(rows) else torch.zeros(4), atol=1e-6)


def test_hidden_points_take_nothing_from_the_image():
    shape = replace(SMALL, footprint=0, slack=0.0)
    points = torch.tensor([[[0.0, 0.0, -0.3], [0.0, 0.0, 0.2], [0.3, 0.0, 0.1], [0.0, 2.0, 0.0]]])
    maps = torch.rand(1, 2, 32, 32) + 1
    pixel, seen = visible(points, shape)
    assert seen[0].tolist() == [True, False, True, False]  # behind the first; alone; outside the image
    assert pixel[0, 0] == 16 * 32 + 16
    taken = project(points, maps, shape)
    assert torch.equal(taken[0, 0], maps[0, :, 16, 16])
    assert (taken[0, [1, 3]] == 0).all()
    assert visible(points, replace(shape, slack=0.6))[1][0].tolist() == [True, True, True, False]


def test_a_footprint_hides_what_lies_behind_the_next_pixel():
    f = focal(32)
    next_pixel = 1.5 * (DISTANCE + 0.2) / f
    points = torch.tensor([[[0.0, 0.0, -0.3], [next_pixel, 0.0, 0.2]]])
    assert visible(points, replace(SMALL, footprint=0, slack=0.1))[1].all()
    assert visible(points, replace(SMALL, footprint=1, slack=0.1))[1][0].tolist() == [True, False]


def test_splitting_keeps_children_near_their_parent_and_does_not_mind_the_order():
    torch.manual_seed(0)
    split = make_alive(Splitting(3, 16, 4)).double()
    points, seen = torch.randn(1, 10, 3, dtype=torch.double), torch.randn(1, 10, 16, dtype=torch.double)
    children, features = split(points, seen, None)
    assert children.shape == (1, 30, 3)
    assert features.shape == (1, 30, 16)
    moves = children.unflatten(1, (10, 3)) - points[:, :, None]
    assert 0 < moves.abs().max() <= 1
    assert (moves[:, :, 0] != moves[:, :, 1]).any()
    order = torch.randperm(10)
    mixed, _ = split(points[:, order], seen[:, order], None)
    assert torch.allclose(mixed, children.unflatten(1, (10, 3))[:, order].flatten(1, 2), atol=1e-9)


def test_points_reach_the_planes_and_the_planes_the_gaussians(lab):
    torch.manual_seed(0)
    model = make_alive(lab.model("tgs"))
    image, _silhouette, _ = lab.data().inputs
    tokens, points = model.image_tokens(image), torch.rand(1, 40, 3) - 0.5
    taken = torch.randn(1, points.shape[1], SMOKE.projected, requires_grad=True)
    planes = model.planes(tokens, model.encoder(points, taken))
    assert planes.shape == (1, 3, SMOKE.channels, 2 * SMOKE.plane, 2 * SMOKE.plane)
    read_planes(planes, points).square().sum().backward()
    assert (taken.grad.abs().sum(-1) > 0).all()


def test_the_camera_modulates_nothing_at_first_and_something_later():
    torch.manual_seed(0)
    tokens, image = ImageTokens(SMOKE), torch.rand(1, 3, 32, 32)
    before = tokens(image)
    assert before.shape == (1, 65, 64)
    with torch.no_grad():
        tokens.camera[2].bias += 1
    assert torch.equal(tokens(image), before)
    make_alive(tokens.layers)
    moved = tokens(image)
    with torch.no_grad():
        tokens.camera[2].bias += 1
    assert not torch.allclose(tokens(image), moved)


# Volume rendering


def test_volume_rendering_of_a_solid_cube_is_exact():
    torch.manual_seed(0)
    model = TriplaneRadiance(replace(SMOKE, samples=400)).eval()
    with torch.no_grad():
        for p in model.radiance.parameters():
            p.zero_()
        model.radiance.net[-1].bias.copy_(torch.tensor([0.0, 2.0, 0.0, -2.0]))  # one density and one colour everywhere
    planes = torch.zeros(1, 3, SMOKE.channels, 16, 16)
    drawn = model.rays(planes, torch.eye(3)[None, None], torch.tensor([[16.0, 16.0]]), 32)[0, 0].detach()
    density = 10 * math.log(1 + math.exp(-3))
    opacity = 1 - math.exp(-density * 2 * RADIUS)
    colour = torch.tensor([2.0, 0.0, -2.0]).sigmoid()
    assert float(drawn[0, 3]) == pytest.approx(opacity, abs=0.01)
    assert torch.allclose(drawn[0, :3], opacity * colour + (1 - opacity), atol=0.01)
    with torch.no_grad():
        model.radiance.net[-1].bias[0] = -40
    empty = model.rays(planes, torch.eye(3)[None, None], torch.tensor([[16.0, 16.0]]), 32)[0, 0]
    assert torch.allclose(empty, torch.tensor([[1.0, 1, 1, 0]]), atol=1e-4)


def test_rays_by_themselves_are_those_of_the_whole_view(lab, monkeypatch):
    model = make_alive(lab.model("triplane_nerf"))
    image, silhouette, R = lab.data().inputs
    planes = model.represent(image, silhouette)
    view = model.render(planes, R, 32)
    some = torch.tensor([0, 33, 500, 1023])
    rays = model.rays(planes, R, pixel_centres(32, R)[some], 32)
    assert torch.allclose(rays.mT, view.flatten(3)[..., some], atol=1e-5)
    monkeypatch.setattr("harness_papers.triplane_gaussian.reconstructors.SAMPLES_AT_ONCE", 100 * SMOKE.samples)
    assert torch.allclose(model.render(planes, R, 32), view, atol=1e-5)


# Variants


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_answers_with_views(lab, variant):
    image, silhouette, R = lab.data("test").inputs
    views = lab.model(variant)(image, silhouette, R)
    assert views.shape == (len(image), R.shape[1], 4, 32, 32)
    assert views.isfinite().all()
    assert views.min() >= 0
    assert views[:, :, 3].max() <= 1


def test_networks_that_are_compared_are_of_equal_size():
    lab = bench("triplane_gaussian", "small")
    sizes = {variant: parameters(lab.model(variant)) for variant in ("tgs", "direct_gs", "triplane_nerf", "no_projection")}
    for variant, size in sizes.items():
        assert 0.9 < size / sizes["tgs"] < 1.1, (variant, sizes)


def test_without_projection_neither_points_nor_gaussians_look_at_their_pixel(lab):
    model, whole = lab.model("no_projection"), lab.model("tgs")
    for decoder in (model.decoder, whole.decoder):
        make_alive(decoder)
    assert model.encoder.enter.in_features == 3
    assert model.decoder.mlp[0].in_features == 3 * SMOKE.channels
    image, silhouette, R = lab.data().inputs
    assert torch.equal(model(image, silhouette, R), model(image, torch.zeros_like(silhouette), R))
    assert not torch.equal(whole(image, silhouette, R), whole(image, torch.zeros_like(silhouette), R))


# Sizes


def test_sizes_of_the_published_parts():
    with torch.device("meta"):
        stack, planes, tokens = part("transformer"), Planes(PAPER), ImageTokens(PAPER)
    assert parameters(stack) == 55_663_616
    assert {parameters(block) for block in stack.blocks} == {5_513_728}
    assert planes.learnt.numel() == 1_572_864
    assert parameters(planes.enlarge) == 163_920
    assert parameters(planes) == 55_663_616 + 1_572_864 + 163_920
    decoder = part("decoder")
    assert (parameters(decoder.mlp), parameters(decoder.heads)) == (162_816, 7_611)
    assert parameters(tokens.camera) == 610_560
    modulation = sum(parameters(norm.modulate) for layer in tokens.layers for norm in (layer.norm1, layer.norm2))
    assert parameters(tokens) - parameters(tokens.camera) - modulation == 86_580_480 - 768  # DINOv2-base without its mask token


def test_what_the_published_parts_multiply():
    found = {}
    for name in ("transformer", "upsampler", "decoder"):
        subject = replace(bench("triplane_gaussian", "paper", part=name), device="meta").subject("infer", "tgs")
        found[name] = count(subject.work.run, subject.model).macs
    assert found["upsampler"] == 3 * 32**2 * 163_840
    assert found["decoder"] == 16_384 * (1013 * 128 + 2 * 128**2 + 128 * 59)
    d, T, S = 512, 3072, 325
    block = T * (6 * d * d + 3 * d * 4 * d) + S * 2 * 768 * d + 2 * T * T * d + 2 * T * S * d
    assert found["transformer"] == 10 * block + 2 * T * d * d


def test_the_published_network_answers_without_memory():
    lab = replace(bench("triplane_gaussian", "paper"), device="meta")
    model = lab.model("tgs")
    image, silhouette, _ = lab.data().inputs
    assert [p.shape for p in model.points(image)] == [(1, 2048, 3), (1, 4096, 3), (1, 16384, 3)]
    g = model.represent(image, silhouette)
    assert g.sh.shape == (1, 16384, 16, 3)


# Objects and their judgement


def test_cameras_look_at_the_origin():
    for azimuth, elevation in ((0, 0), (1, 0.5), (4, -1)):
        R = turned(azimuth, elevation)
        assert torch.allclose(R @ R.mT, torch.eye(3, dtype=torch.double), atol=1e-12)
        assert torch.linalg.det(R) == pytest.approx(1)
        assert torch.allclose(
            to_pixels(seen_from(torch.zeros(1, 1, 3, dtype=torch.double), R), 32), torch.full((1, 1, 2), 16.0, dtype=torch.double)
        )
        assert seen_from(torch.zeros(1, 1, 3, dtype=torch.double), R)[0, 0, 2] == DISTANCE
        assert R[0, 1, 0] == 0  # no roll: the horizontal axis stays level


@pytest.mark.parametrize("kind", made.KINDS)
def test_surface_points_lie_on_the_surface_and_evenly(kind):
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(3, 3)))[0]
    solid = made.Primitive(kind, np.array([0.1, -0.1, 0.05]), axes, np.array([0.2, 0.07, 0.15]), np.ones(3))
    points = solid.surface(20_000, random)
    assert points.shape == (20_000, 3)
    assert np.abs(solid.distance(points)).max() < 1e-9
    # a shell between the surface and one a little larger has the volume area times thickness
    thickness, cube = 0.01, 0.8
    cloud = solid.middle + random.uniform(-cube / 2, cube / 2, (200_000, 3))
    shell = np.abs(solid.distance(cloud)) < thickness / 2
    assert shell.mean() * cube**3 / thickness == pytest.approx(solid.area, rel=0.1)
    own, shell_own = (points - solid.middle) @ axes, (cloud[shell] - solid.middle) @ axes
    assert np.allclose(np.abs(own).mean(0), np.abs(shell_own).mean(0), atol=0.01)


def test_surfaces_are_seen_where_pictures_show_them():
    seen = made.objects("test", 3, 4, 32, 400)
    for n in range(3):
        for v in range(4):
            mask = seen.silhouettes[n, v, 0]
            at = to_pixels(seen_from(seen.surface[n][None], seen.R[n, v][None]), 32)[0]
            column, row = at.floor().long().clamp(0, 31).unbind(-1)
            grown = torch.nn.functional.max_pool2d(mask[None, None], 3, 1, 1)[0, 0]
            assert grown[row, column].mean() > 0.99
            covered = torch.zeros(32, 32).index_put_((row, column), torch.tensor(1.0))
            covered = torch.nn.functional.max_pool2d(covered[None, None], 5, 1, 2)[0, 0]
            assert covered[mask > 0].mean() > 0.95
    white = seen.images.movedim(2, -1)[seen.silhouettes[:, :, 0] == 0]
    assert (white == 1).all()


def test_rays_begin_outside_of_every_object():
    for split, objects in (("train", training.PLANS["small"].objects), ("test", training.PLANS["small"].tested)):
        for i in range(objects):
            random = np.random.default_rng((split == "test", i))
            points = made.surface_points(made.make_object(random), 512, random)
            assert np.linalg.norm(points, axis=1).max() < made.REACH


def test_the_distance_from_a_mask_is_counted_in_halves_of_the_image():
    mask = np.zeros((8, 8), bool)
    mask[2, 3] = True
    found = made.silhouette(mask)[1]
    assert found[2, 3] == 0
    assert found[2, 6] == pytest.approx(3 / 4)
    assert found[4, 5] == pytest.approx(math.sqrt(8) / 4)
    assert found[7, 7] == 1


def test_a_longer_split_begins_with_the_shorter_and_splits_differ():
    short, long, test = (made.objects(split, n, 2, 16, 32) for split, n in (("train", 2), ("train", 3), ("test", 2)))
    for a, b in zip(short, long, strict=True):
        assert torch.equal(a, b[:2])
    assert not torch.equal(short.images, test.images)


def test_a_batch_is_told_in_the_world_of_its_input_camera():
    seen = made.objects("test", 3, 4, 32, 400)
    batch = training.draw(seen, 6, torch.Generator().manual_seed(0))
    ahead = torch.eye(3).expand(6, 3, 3)
    for R, mask in ((ahead, batch.silhouette[:, 0]), (batch.R[:, 0], batch.wanted[:, 3])):
        at = to_pixels(seen_from(batch.surface, R), 32).floor().long().clamp(0, 31)
        grown = torch.nn.functional.max_pool2d(mask[:, None], 3, 1, 1)[:, 0]
        for b in range(6):
            assert grown[b, at[b, :, 1], at[b, :, 0]].mean() > 0.99


def test_distances_of_point_sets():
    points = torch.tensor([[[0.0, 0, 0], [1, 0, 0]]])
    surface = torch.tensor([[[1.0, 0, 0], [0, 0, 0.5], [0, 0, 0.5]]])
    assert training.chamfer(points, surface) == pytest.approx(0.25 + 1 / 3)
    assert training.earth_mover(points, surface) == pytest.approx(0.25)
    both_near_one = torch.tensor([[[0.0, 0, 0], [0.1, 0, 0]]])
    assert training.earth_mover(both_near_one, surface) > training.chamfer(both_near_one, surface[:, 1:]) / 2


def test_qualities_of_equal_and_of_unlike_views():
    torch.manual_seed(0)
    views = torch.rand(2, 3, 3, 32, 32)
    assert (psnr(views, views) > 80).all()
    assert torch.allclose(psnr(views + 0.1, views), torch.tensor(20.0), atol=1e-3)
    assert ssim(views.flatten(0, 1), views.flatten(0, 1)) == pytest.approx(1, abs=1e-6)
    assert ssim(views.flatten(0, 1), torch.rand(6, 3, 32, 32)) < 0.1


def test_what_is_brighter_than_white_is_judged_as_white(lab):
    seen = lab.data("test").extra["seen"]

    class Glaring(nn.Module):
        def forward(self, image, silhouette, R):
            return torch.full((len(image), R.shape[1], 4, 32, 32), 3.0)

        def placed(self, image):
            return [torch.zeros(len(image), 4, 3)]

    found = qualities(Glaring(), seen, seen)
    white = torch.ones_like(seen.images)
    assert found["psnr"].value == pytest.approx(float(psnr(white, seen.images)[:, 1:].mean()), abs=1e-4)
    assert found["psnr_input"].value == pytest.approx(float(psnr(white, seen.images)[:, 0].mean()), abs=1e-4)
    assert found["ssim"].value == pytest.approx(ssim(white[:, 1:].flatten(0, 1), seen.images[:, 1:].flatten(0, 1)), abs=1e-5)


# Training


def test_the_second_stage_leaves_points_where_they_are():
    lab = bench("triplane_gaussian")
    image = lab.data("test").inputs[0]
    placed, drawn = lab.fit("tgs", Budget(2)), bench("triplane_gaussian").fit("tgs")
    untrained = bench("triplane_gaussian").model("tgs")
    assert torch.equal(placed.points(image)[-1], drawn.points(image)[-1])
    assert not torch.equal(untrained.points(image)[-1], drawn.points(image)[-1])
    assert not torch.equal(placed.decoder.heads["opacity"].bias, drawn.decoder.heads["opacity"].bias)


@pytest.mark.parametrize("variant", ["tgs", "direct_gs", "triplane_nerf"])
def test_smoke_training_is_deterministic(variant):
    first, again, other = (bench("triplane_gaussian", seed=seed).fit(variant) for seed in (0, 0, 1))
    inputs = bench("triplane_gaussian").data().inputs
    assert torch.equal(first(*inputs), again(*inputs))
    assert not torch.equal(first(*inputs), other(*inputs))


@pytest.mark.slow
def test_views_of_new_objects_are_better_from_planes_than_from_direct_regression():
    lab = bench("triplane_gaussian", "small")
    found = {variant: lab.metric(variant)["psnr"].value for variant in ("tgs", "direct_gs")}
    images = lab.data("test").extra["seen"].images[:, 1:]
    mean = images.mean((0, 1, 3, 4), keepdim=True)
    assert found["tgs"] > float(psnr(mean.expand_as(images), images).mean()) + 2
    assert found["tgs"] > found["direct_gs"] + 0.5
