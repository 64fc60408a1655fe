"""SimVQ: what holds of the reparameterised codebook exactly, what it costs, and whether its codes stay in use."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers._kit.images import photo
from harness_papers.simvq import judging, quantizers, training
from harness_papers.simvq.patches import Autoencoder, from_patches, to_patches
from harness_papers.simvq.quantizers import VQ, FactorisedVQ, FeatureVQ, SimVQ, k_means, nearest, quantizer
from harness_papers.simvq.setting import Shape, setting_of
from harness_papers.simvq.signals import examples, sounds
from harness_papers.simvq.vqgan import Decoder, Encoder

VARIANTS = ("simvq", "vq", "vq_kmeans", "vq_fc", "vq_lc")
K, D = 96, 8


@pytest.fixture(scope="module")
def lab():
    return bench("simvq")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def step(q: quantizers.Quantizer, z: torch.Tensor) -> torch.Tensor:
    """Take one step of Adam on the quantiser's loss and return the codes that it was taken with."""
    q.train()
    optimizer = torch.optim.Adam((p for p in q.parameters() if p.requires_grad), 1e-3)
    codes = q.quantize(z)
    codes.loss.backward()
    optimizer.step()
    return codes.idx


# The search


def test_the_nearest_code_is_found_by_brute_force_too():
    z, E = torch.randn(50, D), torch.randn(K, D)
    assert torch.equal(nearest(z, E), (z[:, None] - E).square().sum(-1).argmin(1))


def test_distances_in_parts_give_the_same_codes(monkeypatch: pytest.MonkeyPatch):
    z, E = torch.randn(50, D), torch.randn(K, D)
    whole = nearest(z, E)
    monkeypatch.setattr(quantizers, "DISTANCES", 7 * K)
    assert torch.equal(nearest(z, E), whole)


def test_codes_that_16_bits_cannot_tell_apart_by_distance_are_told_apart():
    E = torch.full((8, 16), 8.0, dtype=torch.bfloat16)
    E[:, 0] += torch.arange(8, dtype=torch.bfloat16) / 16  # half squared lengths of about 512, where bfloat16 has steps of 4
    assert torch.equal(nearest(E, E), torch.arange(8))
    coarse = E.square().sum(1) / 2 - E @ E.T
    assert not torch.equal(coarse.argmin(1), torch.arange(8))


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v != "vq_fc"])
def test_quantising_twice_is_quantising_once(variant: str):
    q = quantizer(variant, K, D, 12).eval()
    once = q(torch.randn(200, D))
    assert torch.equal(q(once), once)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_index_stands_for_the_projected_code(variant: str):
    q = quantizer(variant, K, D, 12).eval()
    codes = q.quantize(torch.randn(200, D))
    assert torch.equal(q.lookup(codes.idx), codes.z_q)
    assert codes.loss == 0
    if variant == "simvq":
        assert not torch.allclose(q.C[codes.idx], codes.z_q), "the frozen table is not the codebook"


# The codebook


def test_an_identity_projection_is_ordinary_vector_quantisation():
    torch.manual_seed(3)
    vq = VQ(K, D)
    torch.manual_seed(3)
    sim = SimVQ(K, D)
    with torch.no_grad():
        sim.project.weight.copy_(torch.eye(D))
        sim.project.bias.zero_()
    assert torch.equal(sim.C, vq.E), "both are drawn alike"
    z = torch.randn(300, D)
    assert torch.equal(sim.train().quantize(z).idx, vq.train().quantize(z).idx)
    assert torch.equal(sim.eval()(z), vq.eval()(z))


def test_codes_are_drawn_with_a_length_of_about_one():
    for q, d in ((VQ(4096, 32).E, 32), (SimVQ(4096, 32).C, 32), (FeatureVQ(4096, 32, 192).C, 192)):
        assert q.std().item() == pytest.approx(d**-0.5, rel=0.02)
    sim = SimVQ(8, 32)
    assert sim.project.weight.abs().max() <= 32**-0.5
    assert sim.project.bias is not None


def test_the_codebook_is_an_affine_image_of_the_frozen_one():
    sim = SimVQ(K, D)
    E, C, W, b = sim.codebook(), sim.C, sim.project.weight, sim.project.bias
    assert torch.allclose(E[3] - E[7], (C[3] - C[7]) @ W.T, atol=1e-6)
    assert torch.allclose(E, C @ W.T + b, atol=1e-6)
    assert torch.linalg.matrix_rank(E - b) <= D < K
    wide = FeatureVQ(K, D, 40)
    assert torch.linalg.matrix_rank(wide.codebook() - wide.project.bias) <= D


def test_a_step_moves_every_code_of_simvq_and_only_chosen_ones_of_vq():
    z = torch.randn(4, D)
    sim, vq = SimVQ(K, D), VQ(K, D)
    before = sim.codebook().detach().clone()
    frozen = sim.C.clone()
    chosen = step(sim, z)
    moved = (sim.codebook() - before).norm(dim=1)
    assert len(chosen.unique()) <= 4
    assert moved.min() > 0
    assert torch.equal(sim.C, frozen)
    assert {name for name, p in sim.named_parameters() if p.grad is not None} == {"project.weight", "project.bias"}
    before = vq.E.detach().clone()
    chosen = step(vq, z)
    moved = (vq.E - before).norm(dim=1)
    assert (moved[chosen] > 0).all()
    assert torch.equal(moved > 0, torch.zeros(K, dtype=torch.bool).index_fill(0, chosen, True))


def test_all_codes_move_by_one_matrix():
    sim = SimVQ(K, D)
    E, W, b = sim.codebook().detach(), sim.project.weight.detach().clone(), sim.project.bias.detach().clone()
    step(sim, torch.randn(4, D))
    moved = sim.C @ (sim.project.weight - W).T + (sim.project.bias - b)
    assert torch.allclose(sim.codebook() - E, moved, atol=1e-6)


def test_only_what_is_given_stays_as_it_is():
    for variant in ("simvq", "vq_lc"):
        q = quantizer(variant, K, D, 12)
        before = q.C.clone()
        step(q, torch.randn(64, D))
        assert torch.equal(q.C, before), variant
        assert {name for name, _ in q.named_parameters()} == {"project.weight", "project.bias"}


def test_factorised_codes_are_compared_at_unit_length():
    q = FactorisedVQ(K, 32).eval()
    z = torch.randn(60, 32)
    low = q.into(z)
    assert low.shape == (60, quantizers.LOW)
    assert torch.allclose(low.norm(dim=1), torch.ones(60), atol=1e-6)
    assert torch.allclose(q.stored.norm(dim=1), torch.ones(K), atol=1e-6)
    assert torch.equal(q.quantize(z).idx, (low @ q.stored.T).argmax(1)), "on the sphere the nearest is the most alike"


# Loss and gradient


@pytest.mark.parametrize("variant", ["simvq", "vq"])
def test_the_gradient_goes_straight_through(variant: str):
    q = quantizer(variant, K, D, 12).train()
    z, g = torch.randn(20, D, requires_grad=True), torch.randn(20, D)
    (q.quantize(z).z_q * g).sum().backward()
    assert torch.equal(z.grad, g)
    assert all(p.grad is None or not p.grad.any() for p in q.parameters())


def test_the_loss_draws_codes_fully_and_encodings_by_a_quarter():
    q = VQ(K, D).train()
    z = torch.randn(20, D, requires_grad=True)
    codes = q.quantize(z)
    codes.loss.backward()
    apart = z.detach() - q.E.detach()[codes.idx]
    assert codes.loss.item() == pytest.approx(1.25 * apart.square().mean().item(), rel=1e-5)
    assert torch.allclose(z.grad, 0.25 * 2 * apart / apart.numel(), atol=1e-7)
    pulled = torch.zeros(K, D).index_add_(0, codes.idx, -2 * apart / apart.numel())
    assert torch.allclose(q.E.grad, pulled, atol=1e-7)


def test_the_gradient_of_w_is_that_of_all_codes_together():
    q = SimVQ(K, D).train()
    z = torch.randn(20, D)
    codes = q.quantize(z)
    codes.loss.backward()
    apart = q.codebook().detach()[codes.idx] - z
    dE = torch.zeros(K, D).index_add_(0, codes.idx, 2 * apart / apart.numel())
    assert torch.allclose(q.project.weight.grad, dE.T @ q.C, atol=1e-7)
    assert torch.allclose(q.project.bias.grad, dE.sum(0), atol=1e-7)


# The autoencoder


@pytest.mark.parametrize(("patch", "grid"), [((3, 8, 8), (4, 4)), ((2, 4, 6), (3, 5)), ((1, 320), (25,))])
def test_patches_are_put_together_as_they_were_cut(patch: tuple[int, ...], grid: tuple[int, ...]):
    x = torch.randn(2, *Shape(patch, grid, 8, 8).extent)
    cut = to_patches(x, patch)
    assert torch.equal(from_patches(cut, patch, grid), x)
    first = tuple(slice(size) for size in patch[1:])
    assert torch.equal(cut[1, 0], x[(1, slice(None), *first)].flatten())
    assert torch.equal(cut[1, 1], x[(1, slice(None), *first[:-1], slice(patch[-1], 2 * patch[-1]))].flatten())


def test_a_patch_is_given_back_from_its_own_code(lab):
    model, x = lab.model("simvq"), lab.data("test").inputs[0][:2]
    changed = x.clone()
    changed[0, 0, :4, 4:] *= -1
    unquantised = (model.decode(model.encodings(images)) for images in (changed, x))
    away = to_patches(torch.ne(*unquantised), (1, 4, 4)).any(-1)
    assert away.tolist() == [[False, True, False, False], [False] * 4]
    codes = model.encode(x)
    assert codes.z_q.shape == (8, 8)
    assert torch.equal(model.decode(codes.z_q), model(x))


def test_all_variants_begin_with_the_same_encoder_and_decoder(lab):
    first = lab.model("simvq")
    for variant in VARIANTS[1:]:
        other = lab.model(variant)
        for part in ("encoder", "decoder"):
            pairs = zip(getattr(first, part).parameters(), getattr(other, part).parameters(), strict=True)
            assert all(torch.equal(a, b) for a, b in pairs), variant
    assert torch.equal(first.quantizer.C, lab.model("vq").quantizer.E)


def test_the_published_network_divides_images_by_eight():
    with torch.device("meta"):
        encoder, decoder = Encoder(128), Decoder(128)
        z = encoder(torch.empty(1, 3, 128, 128))
        assert z.shape == (1, 128, 16, 16)
        assert decoder(z).shape == (1, 3, 128, 128)
    blocks = [name for name, _ in encoder.named_modules() if name.endswith("conv2")]
    assert len(blocks) == len([n for n, _ in decoder.named_modules() if n.endswith("conv2")]) == 2 * (4 + 1)


# Training and judging


def test_a_training_keeps_the_frozen_codebook_and_stores_the_projected_one(lab):
    fitted, drawn = lab.fit("simvq"), lab.model("simvq")
    assert torch.equal(fitted.quantizer.C, drawn.quantizer.C)
    assert not torch.equal(fitted.quantizer.project.weight, drawn.quantizer.project.weight)
    table = VQ(64, 8)
    table.start(fitted.quantizer.C @ fitted.quantizer.project.weight.T + fitted.quantizer.project.bias)
    z = fitted.encodings(lab.data("test").inputs[0])
    assert torch.allclose(fitted.quantizer.stored, table.stored, atol=1e-6)
    assert torch.equal(fitted.quantizer.quantize(z).idx, table.eval().quantize(z).idx)


def test_a_table_is_made_when_training_ends_and_not_before():
    q = SimVQ(K, D)
    z = torch.randn(100, D)
    step(q, z)
    assert not torch.allclose(q.stored, q.codebook())
    in_training = q.quantize(z)
    q.eval()
    assert torch.equal(q.stored, q.codebook())
    assert torch.equal(q.quantize(z).idx, in_training.idx)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fit_learns(lab, variant: str):
    x = lab.data("test").inputs[0]
    before, after = (judging.judge(model, x)["mse"].value for model in (lab.model(variant), lab.fit(variant)))
    assert after < 0.8 * before


@pytest.mark.parametrize("variant", ["simvq", "vq_kmeans", "vq_lc"])
def test_a_fit_is_deterministic_in_its_seed(lab, variant: str):
    first, again, other = (replace(lab, seed=seed).fit(variant, Budget(steps=5)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["encoder.layers.0.weight"], other["encoder.layers.0.weight"])


def test_a_codebook_from_the_data_starts_among_them(lab):
    x = lab.data("train").inputs[0]
    generator = torch.Generator().manual_seed(0)
    for variant in ("vq_kmeans", "vq_lc"):
        model = lab.model(variant)
        q = model.quantizer
        points = model.encodings(x) if variant == "vq_kmeans" else to_patches(x, (1, 4, 4)).flatten(0, 1)
        centres = q.E if variant == "vq_kmeans" else q.C
        before = (points - centres[nearest(points, centres)]).square().sum(1).mean()
        training.start(model, x, generator)
        after = (points - centres[nearest(points, centres)]).square().sum(1).mean()
        assert after < 0.5 * before, variant
    ordinary = lab.model("vq")
    kept = ordinary.quantizer.E.detach().clone()
    training.start(ordinary, x, generator)
    assert torch.equal(ordinary.quantizer.E, kept)


def test_k_means_finds_clusters_and_leaves_lonely_centres():
    generator = torch.Generator().manual_seed(0)
    middles = 10 * torch.eye(4)
    points = middles.repeat(50, 1) + 0.01 * torch.randn(200, 4)
    centres = k_means(points, 40, 5, generator)
    assert (centres[:, None] - middles).norm(dim=-1).amin(1).max() < 0.1
    twice = torch.cat([torch.zeros(10, 2), torch.ones(1, 2)])
    assert torch.isfinite(k_means(twice, 11, 3, generator)).all()


def test_use_is_counted_over_all_test_signals(lab):
    found = {v: lab.metric(v) for v in ("simvq", "vq")}
    tokens = len(lab.data("test").inputs[0]) * 4
    for quality in found.values():
        used = quality["utilisation"].value * 64
        assert used == pytest.approx(round(used)) and 1 <= used <= min(64, tokens)
        assert 1 <= quality["perplexity"].value <= used + 1e-6
        assert quality["psnr"].value == pytest.approx(10 * np.log10(4 / quality["mse"].value))


def test_perplexity_and_utilisation_of_known_uses():
    alike, one = torch.full((16,), 5), torch.tensor([9, 0, 0, 0])
    assert judging.perplexity(alike) == pytest.approx(16) and judging.utilisation(alike) == 1
    assert judging.perplexity(one) == pytest.approx(1) and judging.utilisation(one) == 0.25
    few = judging.utilisation(torch.randint(100, (10,)).bincount(minlength=100))
    assert few <= 10 / 100, "no more codes than patches can be used"


def test_the_error_is_that_of_all_signals_together(lab, monkeypatch: pytest.MonkeyPatch):
    model, x = lab.model("vq"), lab.data("test").inputs[0][:50]
    monkeypatch.setattr(judging, "PART", 7)
    assert judging.judge(model, x)["mse"].value == pytest.approx(F.mse_loss(model(x), x).item(), rel=1e-5)


# Sizes and costs


@pytest.mark.parametrize("codes", [65536, 1024])
def test_a_projection_costs_d_over_n_of_the_search(codes: int):
    search, counted = 256 * codes * 128, {}
    for stored in (False, True):
        lab = replace(bench("simvq", "paper", signal="tokens", codes=codes, stored=stored), device="meta")
        for variant in ("simvq", "vq"):
            subject = lab.subject("infer", variant)
            counted[variant, stored] = count(subject.work.run, subject.model)
    assert counted["vq", False].macs == counted["vq", True].macs == counted["simvq", True].macs == search
    assert counted["simvq", False].macs == search + codes * 128**2 == (1 + 128 / 256) * search
    assert counted["simvq", False].parameters == 128 * 128 + 128 == 16_512
    assert counted["vq", False].parameters == codes * 128
    assert all(c.uncounted_share < 0.01 for c in counted.values())


@pytest.mark.parametrize("signal", ["photos", "audio"])
def test_every_variant_builds_and_runs_without_memory_at_published_size(signal: str):
    lab = replace(bench("simvq", "paper", signal=signal), device="meta")
    shape = {"photos": (1, 3, 128, 128), "audio": (1, 1, 24_000)}[signal]
    macs = set()
    for variant in ("simvq", "vq", "vq_kmeans", "vq_lc"):
        subject = lab.subject("infer", variant)
        assert subject.work.run().shape == shape
        macs.add(count(subject.work.run, subject.model).macs)
    assert len(macs) == 1, "in use the codebook is a table, whatever made it"
    assert lab.subject("infer", "vq_fc").work.run().shape == shape


def test_a_quantiser_of_262144_codes_is_searched_in_parts():
    lab = replace(bench("simvq", "paper", signal="tokens", codes=262_144, stored=True), device="meta")
    subject = lab.subject("infer", "simvq")
    assert count(subject.work.run, subject.model).macs == 256 * 262_144 * 128
    assert quantizers.DISTANCES // 262_144 < 256


# Data and hooks


def test_photographs_are_held_out_and_seeds_draw_other_crops():
    extent = setting_of("small", {"signal": "photos", "codes": 64}).shape.extent
    train, other, test = (examples("photos", split, 40, extent, seed) for split, seed in (("train", 0), ("train", 1), ("test", 0)))
    assert train.shape == (40, 3, 32, 32)
    assert train.min() >= -1 and train.max() <= 1
    assert not torch.equal(train, other)
    held_out = photo("chelsea") * 2 - 1
    patch = test[0, :, :8, :8]
    places = F.conv2d(held_out[None], patch[None]) - 0.5 * F.conv2d(held_out[None].square(), torch.ones(1, 3, 8, 8))
    assert places.max().item() == pytest.approx(0.5 * patch.square().sum().item(), rel=1e-4), "found where it was cut"


def test_sounds_have_the_pitches_that_they_are_made_of():
    found = sounds(20, 8000, np.random.default_rng(0))
    assert found.shape == (20, 8000) and found.dtype == np.float32
    assert np.abs(found).max(axis=1) == pytest.approx(np.ones(20))
    power = np.abs(np.fft.rfft(found)) ** 2
    assert (power[:, 80:3200].sum(1) / power.sum(1) > 0.9).all(), "between the lowest chirp and the highest resonance"
    again, other = sounds(20, 8000, np.random.default_rng(0)), sounds(20, 8000, np.random.default_rng(1))
    assert np.array_equal(again, found) and not np.array_equal(other, found)


def test_the_card_is_read_without_torch():
    code = "import sys, harness_papers.simvq as p; p.paper(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_quantiser_alone_is_not_trained_and_not_judged():
    lab = bench("simvq", "small", signal="tokens")
    z = lab.data().inputs[0]
    assert z.shape == (4096, 32)
    fitted = lab.fit("simvq")
    assert torch.equal(fitted.project.weight, lab.model("simvq").project.weight)
    assert lab.metric("simvq", fitted) == {} == lab.artifacts("simvq", fitted)
    subject = lab.subject("infer", "simvq")
    assert subject.work.items == 4096
    assert subject.model.training, "the codebook is made anew, as in training"


def test_artifacts_show_signals_use_and_codes(lab):
    shown = lab.artifacts("simvq")
    assert list(shown) == ["pictures", "usage", "plane"]
    assert shown["pictures"].pixels.shape == (2 * 8, 8 * 8)
    shares = [v["share"] for v in shown["usage"].spec["data"]["values"]]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1, abs=1e-4)
    kinds = [v["kind"] for v in shown["plane"].spec["data"]["values"]]
    assert kinds.count("code in use") + kinds.count("code never used") == 64
    assert isinstance(lab.fit("simvq"), Autoencoder)


def test_artifacts_of_sound_draw_a_wave_and_its_copy():
    lab = bench("simvq", "small", signal="audio")
    model = lab.model("vq")
    from harness_papers.simvq.pictures import show

    waves = show(model, examples("audio", "test", 8, (1, 1000), 0))["sound"].spec["data"]["values"]
    assert len(waves) == 2 * 640 and {v["wave"] for v in waves} == {"sound", "from its codes"}


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_codes_of_simvq_stay_in_use_where_an_ordinary_codebook_collapses():
    lab = bench("simvq", "small")
    found = {v: {n: q.value for n, q in lab.metric(v).items()} for v in ("simvq", "vq")}
    assert found["vq"]["utilisation"] <= 0.05
    assert found["simvq"]["utilisation"] >= 0.6
    assert found["simvq"]["mse"] <= 0.9 * found["vq"]["mse"]
    assert found["simvq"]["psnr"] >= found["vq"]["psnr"] + 0.5
    # Two photographs held out do not need all codes; the eight of the training do.
    assert judging.judge(lab.fit("simvq"), lab.data("train").inputs[0])["utilisation"].value >= 0.9
