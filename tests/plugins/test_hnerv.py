"""HNeRV: what holds of stored videos exactly, the printed sizes, and what stored embeddings are worth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness import Budget
from harness.meters.flops.counter import count
from harness.testing import bench
from harness_papers.hnerv import training
from harness_papers.hnerv.clip import frames, holes
from harness_papers.hnerv.compression import _between, compress, entropy_bits, quantize
from harness_papers.hnerv.judging import between_stored, epochs_to
from harness_papers.hnerv.model import Block, ChannelNorm, Encoder, HNeRV, positional_encoding
from harness_papers.hnerv.setting import BUNNY, HNERV_BLOCKS, NERV_BLOCKS, clip_of, shape_of

VARIANTS = ("hnerv", "plain_blocks", "nerv")


@pytest.fixture(scope="module")
def lab():
    return bench("hnerv")


@pytest.fixture(scope="module")
def clip(lab):
    data = lab.data("test")
    return data.inputs[0], data.targets


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# Sizes


@pytest.mark.parametrize(
    ("params", "widths", "decoder", "head"),
    [
        ({"size": 0.35}, [32, 27, 22, 18, 15, 12], 312_503, 327),
        ({"size": 0.75}, [48, 40, 33, 28, 23, 19], 718_740, 516),
        ({"size": 1.5}, [68, 57, 48, 40, 33, 28], 1_487_517, 759),
        ({"size": 3.0}, [97, 81, 68, 57, 48, 40], 3_011_603, 1083),
        ({"size": 3.0, "video": "uvg"}, [91, 76, 63, 52, 43, 36], 2_836_490, 975),
    ],
)
def test_the_sizing_rule_gives_the_authors_decoders(params, widths, decoder, head):
    shape = shape_of("hnerv", "paper", params)
    assert shape.widths == widths
    with torch.device("meta"):
        video = HNeRV(shape)
    assert sum(video.decoder.stage_sizes()) == decoder
    assert parameters(video.decoder.head) == head
    assert parameters(video) == decoder + head + 128 * shape.clip.frames


def test_nerv_of_the_authors_has_its_first_layer_counted():
    meta = replace(bench("hnerv", "paper"), device="meta")
    video = meta.model("nerv")
    assert video.shape.widths == [54, 27, 14, 12, 12]
    assert parameters(video.decoder.stem) == 160 * 54 * 128 + 54 * 128
    assert sum(video.decoder.stage_sizes()) == 1_507_541
    assert parameters(video) == 1_507_541 + 327


def test_a_published_decoder_multiplies_as_often_as_its_convolutions_say():
    meta = replace(bench("hnerv", "paper"), device="meta")
    for variant, printed in (("hnerv", 28_838_415_904), ("nerv", 1_854_040_320)):
        subject = meta.subject("decode", variant)
        shape, (h, w) = subject.model.shape, subject.model.shape.first_map
        d = 16 if shape.embedded else 160
        macs = d * shape.channels * h * w
        for i, (before, after) in enumerate(zip(shape.widths, shape.widths[1:], strict=False)):
            macs += before * after * shape.strides[i] ** 2 * shape.blocks.kernel(i) ** 2 * h * w
            h, w = h * shape.strides[i], w * shape.strides[i]
        macs += shape.widths[-1] * 3 * 9 * h * w
        assert (h, w) == (640, 1280)
        assert macs == printed
        counted = count(subject.work.run, subject.model)
        assert counted.macs == macs
        assert not counted.uncounted


def test_every_variant_decodes_a_published_frame_without_memory():
    meta = replace(bench("hnerv", "paper"), device="meta")
    for variant in VARIANTS:
        assert meta.subject("decode", variant).work.run().shape == (1, 3, 640, 1280)


def test_reduced_variants_are_of_equal_size():
    lab = bench("hnerv", "small")
    sizes = {variant: parameters(lab.model(variant)) for variant in VARIANTS}
    assert sizes == {"hnerv": 200_810, "plain_blocks": 201_602, "nerv": 199_531}
    assert min(sizes.values()) / max(sizes.values()) > 0.98


def test_growing_kernels_move_parameters_to_the_output():
    for scale in ("small", "paper"):
        lab = replace(bench("hnerv", scale), device="meta")
        share = {variant: lab.model(variant).decoder.late_share() for variant in ("hnerv", "plain_blocks")}
        assert share["hnerv"] > share["plain_blocks"], scale


def test_a_frame_is_stored_by_16_hw_over_s2_numbers():
    for scale, params, numbers in (("paper", {}, 128), ("paper", {"video": "uvg", "size": 3.0}, 128), ("small", {}, 32), ("smoke", {}, 32)):
        shape = shape_of("hnerv", scale, params)
        product = 1
        for stride in shape.strides:
            product *= stride
        assert 16 * shape.clip.height * shape.clip.width // product**2 == numbers
        with torch.device("meta"):
            assert HNeRV(shape).embeddings[0].numel() == numbers


# Networks


def test_kernels_follow_the_stage():
    assert [HNERV_BLOCKS.kernel(i) for i in range(5)] == [1, 3, 5, 5, 5]
    assert [NERV_BLOCKS.kernel(i) for i in range(4)] == [3, 3, 3, 3]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_stage_enlarges_the_map_by_its_stride(lab, clip, variant):
    video = lab.model(variant)
    h, w = video.shape.first_map
    x = torch.randn(2, video.shape.channels, h, w)
    for stage, stride in zip(video.decoder.stages, video.shape.strides, strict=True):
        x = stage(x)
        h, w = h * stride, w * stride
        assert x.shape[2:] == (h, w)
    assert (h, w) == tuple(clip[1].shape[2:])
    assert video(clip[0][:3]).shape == (3, 3, h, w)


@pytest.mark.parametrize("variant", VARIANTS)
def test_frames_are_in_range_whatever_the_weights(lab, clip, variant):
    video = lab.model(variant)
    with torch.no_grad():
        for p in video.parameters():
            p.mul_(20)
    decoded = video(clip[0])
    assert 0 <= decoded.min() < 0.01
    assert 0.99 < decoded.max() <= 1


def test_the_decoder_is_gelu_after_all_layers_but_the_head(lab):
    video = lab.model("hnerv")
    e = torch.randn(2, 16, 1, 2)
    x = F.gelu(video.decoder.stem(e))
    for stage, stride in zip(video.decoder.stages, video.shape.strides, strict=True):
        x = F.gelu(F.pixel_shuffle(stage.conv(x), stride))
    assert torch.allclose(video.decoder(e), torch.sigmoid(2 * video.decoder.head(x)), atol=1e-6)  # (tanh a + 1) / 2


def test_the_first_layer_of_nerv_makes_a_map_of_one_time(lab):
    decoder = lab.model("nerv").decoder
    seen = []
    decoder.stages[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    code = torch.randn(2, 160, 1, 1)
    decoder(code)
    channel, y, x = 3, 2, 5
    row = (channel * 4 + y) * 8 + x  # of the authors' view as (channels, height, width)
    expected = F.gelu(F.linear(code.flatten(1), decoder.stem.weight.flatten(1), decoder.stem.bias))[:, row]
    assert torch.allclose(seen[0][:, channel, y, x], expected, atol=1e-6)


def test_time_is_encoded_by_80_sines_and_cosines():
    codes = positional_encoding(8)
    t = torch.tensor(3 / 8, dtype=torch.float64)
    assert codes.shape == (8, 160)
    for level in (0, 7, 79):
        assert codes[3, level] == pytest.approx(float(torch.sin(1.25**level * torch.pi * t)), abs=1e-6)
        assert codes[3, 80 + level] == pytest.approx(float(torch.cos(1.25**level * torch.pi * t)), abs=1e-6)


def test_a_convnext_block_starts_as_the_identity():
    x = torch.randn(2, 16, 6, 8)
    block = Block(16)
    assert 0 < (block(x) - x).abs().max() < 1e-4
    normed = ChannelNorm(16, eps=1e-6)(x)
    assert torch.allclose(normed.mean(1), torch.zeros(2, 6, 8), atol=1e-5)
    assert torch.allclose(normed.var(1, unbiased=False), torch.ones(2, 6, 8), atol=1e-3)


def test_the_encoder_divides_by_the_product_of_the_strides():
    encoder = Encoder((5, 4, 2))
    assert encoder(torch.rand(2, 3, 80, 160)).shape == (2, 16, 2, 4)
    assert [m.stride[0] for m in encoder.layers if isinstance(m, nn.Conv2d)] == [5, 4, 2]
    assert all(m.bias.abs().max() == 0 for m in encoder.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))


# What a frame depends on


def test_nerv_sees_time_alone_and_hnerv_content_alone(lab, clip):
    i, x = clip
    nerv = training.Trainer(lab.model("nerv"))
    assert torch.equal(nerv.reconstruct(i[:1], x[:1]), nerv.reconstruct(i[:1], x[5:6]))
    assert not torch.equal(nerv.reconstruct(i[:1], x[:1]), nerv.reconstruct(i[1:2], x[:1]))
    hnerv = training.Trainer(lab.model("hnerv"))
    assert torch.equal(hnerv.reconstruct(i[:1], x[:1]), hnerv.reconstruct(i[1:2], x[:1]))
    assert not torch.equal(hnerv.reconstruct(i[:1], x[:1]), hnerv.reconstruct(i[:1], x[5:6]))


def test_stored_embeddings_give_the_frames_of_the_whole_network_bit_for_bit(lab, clip):
    i, x = clip
    video = lab.model("hnerv")
    trainer = training.Trainer(video)
    whole = torch.cat([trainer.reconstruct(i[k : k + 2], x[k : k + 2]) for k in range(0, 8, 2)]).detach()
    trainer.store(x)
    assert torch.equal(torch.cat([video(i[k : k + 2]) for k in range(0, 8, 2)]), whole)
    assert trainer.encoder is None
    assert parameters(video) == parameters(video.decoder) + 8 * 32


def test_a_frame_between_two_stored_ones_has_the_mean_of_their_embeddings():
    video = HNeRV(shape_of("hnerv", "smoke", {}), step=2)
    e = video.embeddings
    assert e.shape == (4, 16, 1, 2)
    found = video.inputs(torch.tensor([0, 2, 3, 7]))
    assert torch.equal(found[0], e[0])
    assert torch.equal(found[1], e[1])
    assert torch.equal(found[2], (e[1] + e[2]) / 2)
    assert torch.equal(found[3], e[3])  # the last has one neighbour
    assert list(range(8))[between_stored(8)] == [1, 3, 5]
    assert list(range(9))[between_stored(9)] == [1, 3, 5, 7]


# Training


def test_the_rate_rises_over_a_tenth_and_falls_to_zero():
    assert training.rate(0) == pytest.approx(0.1)
    assert training.rate(0.05) == pytest.approx(0.55)
    assert training.rate(0.1) == pytest.approx(1)
    assert training.rate(0.55) == pytest.approx(0.5)
    assert training.rate(1) == pytest.approx(0)


def test_a_step_moves_encoder_and_decoder_on_the_mean_squared_error(lab, clip):
    i, x = clip
    video = lab.model("hnerv")
    trainer = training.Trainer(video)
    loss = F.mse_loss(trainer.reconstruct(i[:2], x[:2]), x[:2])
    expected = torch.autograd.grad(loss, [video.decoder.head.weight, trainer.encoder.layers[0].weight])
    kept = video.decoder.head.weight.detach().clone()
    trainer.step(i[:2], x[:2], lr=1e-3)
    for found, gradient in zip((video.decoder.head.weight.grad, trainer.encoder.layers[0].weight.grad), expected, strict=True):
        assert torch.allclose(found, gradient)
    first = -1e-3 * expected[0] / (expected[0].abs() + 1e-8)  # of Adam
    assert torch.allclose(video.decoder.head.weight.detach() - kept, first, atol=1e-7)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fit_is_deterministic_in_its_seed(variant):
    fitted, again, other = (bench("hnerv", seed=seed).fit(variant, Budget(steps=4)) for seed in (0, 0, 1))  # a pass over the frames
    assert all(torch.equal(a, b) for a, b in zip(fitted.state_dict().values(), again.state_dict().values(), strict=True))
    assert not torch.equal(fitted.decoder.head.weight, other.decoder.head.weight)
    assert fitted.curve == again.curve != other.curve


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fit_learns(lab, variant):
    fitted = lab.fit(variant)
    assert len(fitted.curve) == 3
    assert fitted.curve[-1] > fitted.curve[0]
    assert lab.metric(variant)["psnr"].value > 10


def test_a_budget_cuts_the_steps_and_not_the_schedule(lab):
    video = lab.model("hnerv")
    data = lab.data("train")
    lab.plugin.call("fit", variant="hnerv", model=video, data=data, scale="smoke", params=lab.params, budget=Budget(steps=5), seed=0)
    assert len(video.curve) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_training_step_lowers_the_error(lab, variant):
    work = lab.subject("train_step", variant).work
    target = lab.data().targets
    errors = [float(F.mse_loss(work.run(), target)) for _ in range(20)]
    assert work.items == 2
    assert errors[-1] < 0.8 * errors[0]


def test_what_lies_in_a_hole_is_neither_seen_nor_learnt(clip):
    lab = bench("hnerv", task="inpainting")
    data = lab.data("train")
    mask = data.extra["mask"]
    filled = data.targets * mask + (1 - mask) * 0.7
    assert not torch.equal(filled, data.targets)
    states = []
    for x in (data.targets, filled):
        video = lab.model("hnerv")  # seeds, so that the encoder that the fit makes is the same
        states.append(training.fit(video, *data.inputs, x, mask, 1, lambda steps: steps, 0).state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


# Compression


@pytest.mark.parametrize("bits", [6, 8])
def test_a_quantized_number_is_off_by_half_a_step_at_most(bits):
    for tensor in (torch.randn(40, 12, 5, 5), torch.randn(400), torch.randn(200, 3) * torch.tensor([0.01, 1, 100])):
        packed = quantize(tensor, bits)
        low, scale = packed.low.float(), packed.scale.float()
        # Half precision keeps 11 bits of a minimum and of a step, and a step counts up to 2^bits times.
        rounding = 2**-10 * (low.abs() + 2**bits * scale) if packed.low.dtype == torch.float16 else 1e-5 * (low.abs() + scale)
        assert ((packed.restored() - tensor).abs() <= scale / 2 + rounding).all()
        assert packed.integers.max() <= 2**bits - 1


def test_a_constant_tensor_survives_without_error():
    for value in (0.0, 0.1, -3.7):
        assert torch.equal(quantize(torch.full((300,), value), 8).restored(), torch.full((300,), value))


def test_an_axis_is_taken_where_it_errs_less_and_costs_little():
    tensor = torch.randn(3, 1000) * torch.tensor([[0.01], [1], [100]])
    packed = quantize(tensor, 8)
    assert packed.low.shape == (3, 1)
    assert packed.low.dtype == torch.float16
    whole = _between(tensor, tensor.min(), tensor.max(), 8)
    assert (packed.restored() - tensor).abs().mean() < 0.9 * (whole.restored() - tensor).abs().mean()
    assert quantize(tensor[:, :40], 8).low.shape == ()  # an axis' minima would be 2.5% and more of so few numbers


def test_entropy_counts_bits():
    assert entropy_bits(torch.arange(256)) == pytest.approx(256 * 8)
    assert entropy_bits(torch.zeros(50, dtype=torch.uint8)) == 0
    assert entropy_bits(torch.tensor([0, 0, 0, 1])) == pytest.approx(4 * 0.811278, rel=1e-5)


def test_a_compressed_video_is_every_tensor_quantized(lab):
    video = lab.fit("hnerv")
    small, bpp = compress(video)
    for (name, before), after in zip(video.named_parameters(), small.parameters(), strict=True):
        assert torch.equal(after, quantize(before.detach(), 6 if name == "embeddings" else 8).restored()), name
    assert small.embeddings.unique().numel() <= 64  # so few numbers are quantized as a whole
    assert 4 < bpp * video.shape.clip.pixels / parameters(video) < 9  # bits a number


# Data


def test_the_clip_is_the_middle_of_the_film_averaged_down():
    small, smoke = frames(clip_of("small", {}), 2), frames(clip_of("smoke", {}), 2)
    assert small.shape == (2, 3, 160, 320)
    assert 0 <= small.min() < 0.1
    assert 0.5 < small.max() <= 1
    assert torch.allclose(F.avg_pool2d(small, 2), smoke, atol=1e-6)
    full = frames(BUNNY, 1)
    assert full.shape == (1, 3, 640, 1280)
    assert torch.allclose(F.avg_pool2d(full, 4), small[:1], atol=1e-6)
    assert (small[0] - small[1]).abs().max() > 0


def test_splits_hold_what_their_task_may_see():
    regression, interpolation = bench("hnerv"), bench("hnerv", task="interpolation")
    assert regression.data("train").inputs[0].tolist() == list(range(8))
    assert interpolation.data("train").inputs[0].tolist() == [0, 2, 4, 6]
    assert torch.equal(interpolation.data("train").targets, regression.data("train").targets[::2])
    assert interpolation.data("test").inputs[0].tolist() == list(range(8))
    assert torch.equal(replace(regression, seed=3).data("train").targets, regression.data("train").targets)


def test_five_square_holes_are_where_the_authors_have_them():
    mask = holes(BUNNY)
    assert int((1 - mask).sum()) == 5 * 50**2
    for y, x in ((320, 640), (160, 320), (160, 960), (480, 320), (480, 960)):
        assert mask[y - 25 : y + 25, x - 25 : x + 25].sum() == 0
        assert mask[y - 26, x] == mask[y + 25, x] == mask[y, x - 26] == mask[y, x + 25] == 1
    assert int((1 - holes(clip_of("small", {}))).sum()) == 5 * 12**2


# Hooks


def test_psnr_is_the_error_in_decibels():
    x = torch.rand(2, 3, 8, 8)
    assert training.psnr(x + 0.1, x) == pytest.approx([20, 20], abs=1e-3)
    mask = torch.zeros(8, 8)
    mask[:2] = 1
    assert training.psnr(x + 0.01 + mask * 0.09, x, mask) == pytest.approx([20, 20], abs=1e-3)


def test_epochs_are_read_off_the_curve():
    assert epochs_to(17, [10.0, 16.0, 18.0, 19.0]) == pytest.approx(2.5)
    assert epochs_to(17, [10.0, 16.0]) is None


def test_qualities_follow_the_task(lab):
    regression = lab.metric("hnerv")
    assert set(regression) == {"psnr", "psnr_quantized", "quantization_drop", "bpp", "late_share", "stored_per_frame"}
    assert regression["stored_per_frame"].value == 32
    assert lab.metric("nerv")["stored_per_frame"].value == 0
    for task, own in (("interpolation", "psnr_unseen"), ("inpainting", "psnr_holes")):
        other = bench("hnerv", task=task)
        for variant in ("hnerv", "nerv"):
            assert set(other.metric(variant, other.fit(variant, Budget(steps=1)))) == {"psnr", own}


def test_artifacts_show_frames_and_charts(lab):
    shown = lab.artifacts("hnerv")
    assert list(shown) == ["frames", "frame_psnr", "fit", "parameters"]
    assert shown["frames"].pixels.shape == (2 * 80, 3 * 160, 3)
    assert (shown["frames"].pixels[:80, :160] == lab.data("test").targets[0].permute(1, 2, 0).numpy()).all()
    assert len(shown["frame_psnr"].spec["data"]["values"]) == 8
    inpainting = bench("hnerv", task="inpainting")
    holes_shown = inpainting.artifacts("nerv", inpainting.model("nerv"))["frames"].pixels
    assert (holes_shown[37:43, 77:83] == 0).all()


# The effect


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_embeddings_of_content_store_more_than_embeddings_of_time():
    lab = bench("hnerv", "small")
    found = {variant: lab.metric(variant) for variant in ("hnerv", "nerv")}
    assert found["hnerv"]["psnr"].value >= found["nerv"]["psnr"].value + 2
    assert found["hnerv"]["quantization_drop"].value < 0.5
    assert found["hnerv"]["epochs_to_17db"].value <= found["nerv"]["epochs_to_17db"].value / 2
