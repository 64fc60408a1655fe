"""The image data sets that papers share: deterministic, offline, what their docstrings say."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from harness_papers._kit.images import TEST_PHOTOS, TRAIN_PHOTOS, digits, freq_pairs, photo, photo_crops


def test_digits_are_split_once_and_for_all():
    (x_train, _), (x_test, y_test) = digits("train"), digits("test")
    assert x_train.shape == (1200, 1, 8, 8) and x_test.shape == (597, 1, 8, 8)
    assert x_train.min() == 0 and x_train.max() == 1
    assert torch.bincount(y_test).min() >= 55
    known = {tuple(x.flatten().tolist()) for x in x_train}
    assert not [x for x in x_test if tuple(x.flatten().tolist()) in known]


def test_digits_grow_bilinearly_and_may_be_changed_by_their_user():
    images, _ = digits("test", size=56)
    assert images.shape == (597, 1, 56, 56)
    assert torch.allclose(images[..., 3::7, 3::7], digits("test")[0], atol=1e-6)
    digits("test")[0].zero_()
    assert digits("test")[0].sum() > 0


@pytest.mark.parametrize("name", [*TRAIN_PHOTOS, *TEST_PHOTOS])
def test_photographs_come_with_the_installed_packages(name: str):
    picture = photo(name)
    assert picture.shape[0] == 3 and min(picture.shape[1:]) >= 300
    assert 0 <= picture.min() < 0.2 and 0.8 < picture.max() <= 1


def test_crops_repeat_with_their_seed_and_come_from_the_photographs_of_their_split():
    crops = photo_crops(4, 48, "test", seed=3)
    assert crops.shape == (4, 3, 48, 48)
    assert torch.equal(crops, photo_crops(4, 48, "test", seed=3))
    assert not torch.equal(crops, photo_crops(4, 48, "test", seed=4))
    windows = photo(TEST_PHOTOS[0]).unfold(1, 48, 1).unfold(2, 48, 1)[:, :, :, 0, 0]  # the first pixel of every possible crop
    assert (windows == crops[0, :, 0, 0, None, None]).all(0).any()


def test_shrinking_averages_before_it_crops():
    small = F.avg_pool2d(photo(TEST_PHOTOS[0]), 3)
    crop = photo_crops(1, 64, "test", shrink=3)[0]
    places = small.unfold(1, 64, 1).unfold(2, 64, 1)  # (3, places down, places across, 64, 64)
    assert (places == crop[:, None, None]).flatten(3).all(3).all(0).sum() == 1


def test_freq_pairs_are_balanced_repeat_and_differ_between_splits():
    images, labels = freq_pairs("train", 320)
    assert images.shape == (320, 1, 64, 64) and images.dtype == torch.float32
    assert torch.bincount(labels).tolist() == [20] * 16
    assert torch.equal(images, freq_pairs("train", 320)[0])
    assert not torch.equal(images, freq_pairs("train", 320, seed=1)[0])
    assert not torch.equal(images[:160], freq_pairs("test", 160)[0])
    assert len(freq_pairs("train")[0]) == 4000 and len(freq_pairs("test")[0]) == 1000


def test_layouts_are_coarse_and_textures_fine():
    """Averaged over 4 pixels, the grating is gone and the blobs are not."""
    images, labels = freq_pairs("train", 320, noise=0.0)
    coarse = F.avg_pool2d(images, 4)
    fine = images - F.interpolate(coarse, scale_factor=4.0)
    spectrum = torch.fft.rfft2(fine[:, 0]).abs()
    peak = spectrum.flatten(1).argmax(1)
    down, across = peak // 33, peak % 33
    angle = torch.atan2(torch.where(down > 32, down - 64, down).double(), across.double()).rad2deg() % 180
    assert torch.equal((angle / 45).round().long() % 4, labels % 4)
    assert F.avg_pool2d(fine, 4).abs().max() < 1e-5
    height = coarse.flatten(1).abs().max(1).values
    assert height.min() > 0.6


def test_no_blob_tells_by_itself_whether_the_two_are_alike():
    images, labels = freq_pairs("train", 1600, noise=0.0)
    coarse = F.avg_pool2d(images, 8).flatten(1)
    bright = coarse.max(1).values > 0.3
    dark = coarse.min(1).values < -0.3
    alike = labels // 4 < 2
    assert torch.equal(bright & dark, ~alike)
    assert 0.4 < (bright & alike).sum() / alike.sum() < 0.6
