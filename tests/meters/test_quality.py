import io

import numpy as np
import PIL.Image
import pytest

from harness.meters.quality import QualityMeter, pack, unpack
from harness.plugin.values import Chart, Image, Text


def seen(value, **more):
    return {"variant": "mine", "qualities": {"accuracy": {"value": value, "unit": "1"}}, "artifacts": [], **more}


def test_quality_is_a_mean_over_seeds_with_its_interval():
    (figure,) = QualityMeter().summarize([seen(0.90), seen(0.92), seen(0.94)]).figures
    assert (figure.value, figure.n) == (pytest.approx(0.92), 3)
    assert figure.low == pytest.approx(0.92 - 4.303 * 0.02 / 3**0.5, abs=1e-4)


def test_one_seed_has_no_interval():
    (figure,) = QualityMeter().summarize([seen(0.9)]).figures
    assert (figure.low, figure.high) == (None, None)


def test_artifacts_come_through_as_they_were():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    image = unpack("mine", pack("frame", Image(pixels, "a frame")))
    assert (image.kind, image.caption) == ("image", "a frame")
    assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(image.content))), pixels)
    assert unpack("mine", pack("curve", Chart({"mark": "line"}))).content == b'{"mark": "line"}'
    assert unpack("mine", pack("note", Text("ü"))).content.decode() == "ü"


def test_floats_are_taken_as_zero_to_one():
    image = unpack("mine", pack("frame", Image(np.array([[0.0, 0.5, 1.0, 7.0]]))))
    assert np.asarray(PIL.Image.open(io.BytesIO(image.content))).tolist() == [[0, 128, 255, 255]]
