"""Cache-aware streaming: the stream is the masked utterance, nothing sees ahead of its chunk, and what training with the mask is worth."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.meters.flops.counter import count
from harness.testing import bench

from harness_papers.cache_conformer.encoder import Context, Encoder, Layer, RelativeAttention, sinusoids  # isort: skip
from harness_papers.cache_conformer.judge import decode, edits, unsettled
from harness_papers.cache_conformer.recogniser import Buffered, build, chunked
from harness_papers.cache_conformer.setting import SETTINGS
from harness_papers.cache_conformer.speech import FFT, RATE, SOUNDS, SPACE, STRIDE, SYMBOLS, corpus, letter, lexicon, log_mel

MELS, D, FACTOR = 20, 16, 4
CHUNKED = [Context("chunked", 8, 3), Context("chunked", 6, 1), Context("chunked", 5, 0), Context("chunked", 16, 7)]


@pytest.fixture(scope="module")
def lab():
    return bench("cache_conformer")


def encoder(context: Context, factor: int = FACTOR, **kwargs: object) -> Encoder:
    torch.manual_seed(0)
    built = Encoder(MELS, D, 3, 2, context, factor, 6, **kwargs).eval()
    with torch.no_grad():
        for layer in built.layers:
            layer.attention.bias_u.normal_()
            layer.attention.bias_v.normal_()
    return built


def features(frames: int, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, frames, MELS, generator=torch.Generator().manual_seed(1))


# The stream is the masked utterance


@pytest.mark.parametrize("factor", [4, 8])
@pytest.mark.parametrize("frames", [160, 157, 65, 9])
@pytest.mark.parametrize("context", CHUNKED, ids=str)
def test_a_stream_of_any_length_gives_what_the_masked_utterance_gives(context: Context, frames: int, factor: int):
    model, x = encoder(context, factor), features(frames)
    assert (model.stream(x) - model(x)).abs().max() < 1e-4
    exact = model.double()
    assert (exact.stream(x.double()) - exact(x.double())).abs().max() < 1e-12


@pytest.mark.parametrize("context", CHUNKED, ids=str)
def test_audio_after_a_chunk_leaves_its_outputs_as_they_are_to_the_bit(context: Context):
    model, x = encoder(context), features(96)
    before = model.stream(x)
    for tokens in range(context.chunk, 24, max(4, context.chunk)):
        changed = x.clone()
        changed[:, FACTOR * tokens :] += 1
        after = model.stream(changed)
        assert torch.equal(after[:, :tokens], before[:, :tokens])
        assert not torch.equal(after[:, tokens:], before[:, tokens:])


def test_without_look_ahead_every_token_is_causal_and_with_all_of_it_attention_is_full():
    model, x = encoder(Context("chunked", 200, 0)), features(80)
    jacobian = torch.autograd.functional.jacobian(lambda part: model(part)[0, :, 0], x[:1])[:, 0].abs().amax(-1)  # (tokens, frames)
    token, frame = torch.arange(20)[:, None], torch.arange(80)
    assert (jacobian[frame.expand(20, -1) >= FACTOR * (token + 1)] == 0).all()
    assert (jacobian[:, : FACTOR - 1] > 0).all()
    assert torch.allclose(model(x, Context("chunked", 0, 30)), model(x, Context("full", -1, 0)), atol=1e-6)


def test_regular_look_ahead_grows_with_depth_and_a_chunks_does_not():
    x = features(160)
    assert unsettled(encoder(Context("regular", 8, 2)), x) == 2 * 3
    assert unsettled(encoder(Context("chunked", 8, 3)), x) == 0
    assert unsettled(encoder(Context("full", 8, 3)), x) == 20


def test_no_more_is_kept_or_done_later_in_a_stream():
    model, x = encoder(Context("chunked", 8, 3)), features(320)
    state, seen = model.start(2, x), []
    for chunk in x.split(16, dim=1):
        work = count(lambda chunk=chunk: model.step(chunk, state), model)
        seen.append((state.numbers, state.frames.numel(), work.macs))
    assert state.valid == 8
    assert len(set(seen[1:])) == 1  # the first chunk has no kept frames
    assert state.numbers == 2 * 3 * (8 * D + D * 8)


def test_a_new_stream_does_not_attend_to_empty_caches():
    model, x = encoder(Context("chunked", 8, 3)), features(16)
    state = model.start(2, x)
    for layer in state.layers:
        layer.attention += 100
    assert torch.equal(model.step(x, state), model.stream(x))


# The mask


@pytest.mark.parametrize("context", [*CHUNKED, Context("chunked", 70, 13)], ids=str)
def test_a_token_sees_its_chunk_and_those_before_it(context: Context):
    mask, c = context.visible(100), context.chunk
    for i in (0, 5, 31, 99):
        first = (i // c - context.left // c) * c
        assert mask[i].nonzero().flatten().tolist() == [j for j in range(100) if first <= j < (i // c + 1) * c]
    assert mask.sum(1).max() <= (context.left // c + 1) * c


@pytest.mark.parametrize("scale", SETTINGS)
@pytest.mark.parametrize("right", [0, 1, 3, 6, 7, 13])
def test_the_left_context_is_a_multiple_of_the_chunk(right: int, scale: str):
    context, most = chunked(SETTINGS[scale], right), SETTINGS[scale].left
    assert context.left % context.chunk == 0 and most - context.chunk < context.left <= most


# The layers


def test_attention_scores_depend_on_relative_places():
    attention = RelativeAttention(D, 2).double()
    nn.init.normal_(attention.bias_v)
    x = torch.randn(1, 7, D).double()
    q, k, v = (part(x).unflatten(-1, (2, -1)).transpose(1, 2) for part in (attention.q, attention.k, attention.v))
    scores = torch.empty(1, 2, 7, 7).double()
    for i in range(7):
        for j in range(7):
            p = attention.p(sinusoids(1, i - j, D, x)).unflatten(-1, (2, -1))[0]  # (h, d_h)
            for h in range(2):
                scores[0, h, i, j] = (q[0, h, i] + attention.bias_u[h, 0]) @ k[0, h, j] + (q[0, h, i] + attention.bias_v[h, 0]) @ p[h]
    expected = attention.out(((scores / 8**0.5).softmax(-1) @ v).transpose(1, 2).flatten(2))
    assert torch.allclose(attention(x, None, None), expected, atol=1e-10)
    assert torch.allclose(attention(x[:, 4:], x[:, :4], None), expected[:, 4:], atol=1e-10)


def test_there_is_no_batch_norm(lab):
    assert not [m for m in lab.model("cache").modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def test_a_layer_has_the_authors_parameters_part_by_part():
    with torch.device("meta"):
        layer = Layer(512, 8, 9)
        x = torch.empty(1, 100, 512)
        attention = layer.attention
        linears = count(
            lambda: [part(x) for part in (layer.feed1, layer.feed2, attention.q, attention.k, attention.v, attention.out)], layer
        ).macs
        convolution = count(lambda: layer.convolution(x, None), layer).macs
    size = lambda *modules: sum(p.numel() for m in modules for p in m.parameters())  # noqa: E731
    assert size(layer.feed1, layer.feed2) == 4_199_424
    assert size(layer.attention) == 1_313_792
    assert size(layer.convolution) == 794_112
    assert size(layer.norms) == 5_120
    assert size(layer) == 6_312_448
    assert (linears, convolution) == (100 * (4 * 512 * 2048 + 4 * 512**2), 100 * (3 * 512**2 + 9 * 512))


def test_published_sizes_hold(lab):
    for printed in lab.card.sizes:
        meta = replace(bench("cache_conformer", "paper"), params={"right": 13, **printed.params}, device="meta")
        model, data = meta.model(printed.variant), meta.data()
        counted = count(lambda model=model, data=data: model(*data.inputs), model)
        built = counted.macs if printed.quantity == "macs" else sum(p.numel() for p in model.parameters())
        assert abs(built + printed.adjust - printed.value) <= printed.half_unit, printed


def test_a_streams_caches_have_the_published_size():
    with torch.device("meta"):
        model = build("cache", "paper", {"right": 13}).encoder
        assert model.start(1, torch.empty(1)).numbers == 17 * (70 * 512 + 8 * 512) == 678_912


def test_a_buffer_is_the_whole_past_while_there_is_little_of_it():
    model = Buffered(encoder(Context("full", 0, 3)), chunk=4, buffer=8)
    x = features(64)
    kept = model.streamed(x)
    assert kept.shape[1] == 16
    assert torch.allclose(kept[:, :4], model(x[:, :16])[:, :4])
    assert torch.allclose(kept[:, -4:], model.window(x[:, 32:]))


# Speech


def test_features_know_nothing_of_the_future():
    waves = torch.randn(1, RATE)
    changed = waves.clone()
    changed[:, 8000:] += 1
    before, after = log_mel(waves, 40), log_mel(changed, 40)
    frames = (8000 - FFT) // STRIDE + 1
    assert torch.equal(before[:, :frames], after[:, :frames])
    assert not torch.equal(before[:, frames + 1], after[:, frames + 1])  # the 25 ms window is centred in the 32 ms that are transformed


def test_three_pairs_of_letters_part_in_their_last_third():
    import numpy as np

    for first in (1, 3, 5):
        one, other = (letter(which, 0.15, 1.0, 120, np.random.default_rng(0)) for which in (first, first + 1))
        third = len(one) // 3
        assert np.allclose(one[: 2 * third], other[: 2 * third]) and not np.allclose(one[2 * third :], other[2 * third :], atol=0.1)
    assert len(set(SOUNDS)) == 12 and len(lexicon()) == 50


def test_utterances_are_words_of_the_lexicon():
    x, texts = corpus("test", 8, 192, 40, 0)
    assert x.shape == (8, 192, 40)
    for row in texts:
        words = [tuple(map(int, w.split())) for w in " ".join(map(str, row[row > 0].tolist())).split(str(SPACE))]
        assert all(word in lexicon() for word in words if word)
    assert not torch.equal(corpus("train", 8, 192, 40, 0)[0], x)
    assert torch.equal(corpus.__wrapped__("test", 8, 192, 40, 0)[0], x)


def test_texts_are_compared_by_edits():
    assert [edits([1, 2, 3], wanted) for wanted in ([1, 2, 3], [1, 3], [2, 2, 3], [], [4, 1, 2, 3])] == [0, 1, 1, 3, 1]
    path = nn.functional.one_hot(torch.tensor([[1, 1, 0, 1, 2, 2, 0]]), 3).float()
    assert decode(path) == [[1, 1, 2]]


# Hooks


@pytest.mark.parametrize(("scale", "device", "variants"), [("smoke", "cpu", None), ("paper", "meta", ["cache", "buffered"])])
def test_every_variant_recognises_alike_and_streams(scale: str, device: str, variants: list[str] | None):
    here = replace(bench("cache_conformer", scale), device=device)
    setting, chunk = SETTINGS[scale], here.params["right"] + 1
    for variant in variants or here.card.variant_names:
        work, whole = here.subject("stream_chunk", variant).work, here.model(variant)(*here.data().inputs)
        assert whole.shape == (setting.batch, setting.frames // setting.factor, SYMBOLS)
        assert work.items == chunk * setting.factor
        assert work.run().shape == (1, chunk, SYMBOLS)


def test_the_chunks_of_a_stream_are_the_masked_utterance(lab):
    (features,) = lab.data().inputs
    for variant in ("cache", "multi", "conformer"):
        model, work = lab.model(variant), lab.subject("stream_chunk", variant).work
        with torch.no_grad():
            chunks = torch.cat([work.run() for _ in range(features.shape[1] // int(work.items))], dim=1)
            assert torch.allclose(chunks, model(features), atol=1e-5), variant


def test_a_reset_stream_starts_over(lab):
    work = lab.subject("stream_chunk", "cache").work
    first, second = work.run(), work.run()
    work.reset()
    assert torch.equal(work.run(), first) and not torch.equal(second, first)


def macs(workload: str, variant: str) -> int:
    subject = replace(bench("cache_conformer", "paper"), device="meta").subject(workload, variant)
    with subject.guarded():
        return count(subject.work.run, subject.model).macs


def test_a_chunk_costs_less_than_a_buffer_and_more_than_its_share_of_it():
    cache, regular, buffered, offline = (macs("stream_chunk", variant) for variant in ("cache", "regular", "buffered", "offline"))
    assert cache < regular < buffered < offline
    assert cache / buffered == pytest.approx(0.44, abs=0.005)


def test_conformer_costs_nearly_three_times_as_much():
    assert macs("infer", "conformer") / macs("infer", "cache") == pytest.approx(2.92, abs=0.005)


def test_models_that_share_a_fit_have_its_weights(lab):
    offline = lab.fit("offline")
    for variant in ("buffered", "mismatch"):
        assert torch.equal(lab.fit(variant).head.weight, offline.head.weight)


def test_training_with_several_look_aheads_draws_among_them():
    model = build("multi", "smoke", {"right": 7})
    x = torch.randn(1, 192, 40)
    torch.manual_seed(0)
    model.train()
    drawn = {round(model(x).sum().item(), 3) for _ in range(30)}
    assert len(drawn) == 4
    assert len({model.eval()(x).sum().item() for _ in range(3)}) == 1


def test_a_fit_repeats_with_its_seed_and_qualities_are_on_the_card(lab):
    first, again = (bench("cache_conformer", seed=2).metric("multi") for _ in range(2))
    assert first == again and set(first) == set(lab.card.qualities)


def test_artifacts_show_texts_and_masks(lab):
    assert set(lab.artifacts("cache")) == {"texts", "features", "mask", "confidence"}
    assert "mask" not in lab.artifacts("offline")


def test_the_card_is_read_without_torch():
    code = "import sys, harness_papers.cache_conformer as p; p.paper(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


# What training shows


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_model_trained_with_the_mask_streams_as_well_as_it_hears():
    lab = bench("cache_conformer", "small")
    found = {variant: lab.metric(variant) for variant in ("cache", "offline", "buffered", "mismatch")}
    wrong = {variant: qualities["letter_error"].value for variant, qualities in found.items()}
    causal = bench("cache_conformer", "small", right=0).metric("cache")["letter_error"].value
    assert wrong["offline"] < 5
    assert wrong["cache"] < wrong["offline"] + 2
    assert wrong["cache"] < causal
    assert wrong["cache"] < wrong["buffered"]
    assert wrong["cache"] < wrong["mismatch"]
    assert found["cache"]["stream_difference"].value < 1e-4
