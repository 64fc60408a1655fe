import math

import pytest
import torch

from harness.meters.flops.counter import count


def counted(run):
    with torch.inference_mode():
        return count(run)


@pytest.mark.parametrize("transform", [torch.fft.fft, torch.fft.rfft, torch.fft.ifft])
def test_a_transform_of_n_points_is_5_n_log2_n(transform):
    assert counted(lambda: transform(torch.ones(3, 64))).op_classes["fft"] == 3 * 5 * 64 * 6


def test_a_real_inverse_transform_counts_the_points_that_come_out():
    assert counted(lambda: torch.fft.irfft(torch.ones(3, 33, dtype=torch.complex64), n=64)).op_classes["fft"] == 3 * 5 * 64 * 6


def test_a_transform_in_two_axes_counts_all_points():
    assert counted(lambda: torch.fft.fft2(torch.ones(2, 8, 16, dtype=torch.complex64))).op_classes == {"fft": 2 * 5 * 128 * 7}


def test_lengths_that_are_no_power_of_two_are_rounded_once():
    assert counted(lambda: torch.fft.fft(torch.ones(7, 100, dtype=torch.complex64))).op_classes["fft"] == round(
        7 * 5 * 100 * math.log2(100)
    )


def test_a_convolution_by_transforms():
    x, kernel = torch.randn(4, 128), torch.randn(128)

    def convolve():
        return torch.fft.irfft(torch.fft.rfft(x, 256) * torch.fft.rfft(kernel, 256), 256)[..., :128]

    seen = counted(convolve)
    assert seen.op_classes["fft"] == 5 * 256 * 8 * (4 + 1 + 4)
    assert seen.op_classes["elementwise"] == 6 * 4 * 129  # complex products
    assert (seen.macs, seen.uncounted) == (0, ())
    assert seen.flops == seen.op_classes["fft"] + seen.op_classes["elementwise"]


N, K, BATCH = 6, 2, 3


@pytest.mark.parametrize(
    ("run", "operations"),
    [
        (torch.linalg.solve, 2 / 3 * N**3 + 2 * N**2 * K),
        (lambda a, b: torch.linalg.solve(a, b[..., 0]), 2 / 3 * N**3 + 2 * N**2),
        (lambda a, b: torch.linalg.inv(a), 2 * N**3),
        (lambda a, b: torch.linalg.det(a), 2 / 3 * N**3),
        (lambda a, b: torch.linalg.cholesky(a), N**3 / 3),
        (lambda a, b: torch.linalg.lu_factor(a), 2 / 3 * N**3),
        (lambda a, b: torch.linalg.qr(a), 8 / 3 * N**3),
        (lambda a, b: torch.linalg.qr(a, mode="r"), 4 / 3 * N**3),
        (lambda a, b: torch.linalg.eigh(a), 9 * N**3),
        (lambda a, b: torch.linalg.eigvalsh(a), 4 / 3 * N**3),
        (lambda a, b: torch.linalg.svdvals(a), 8 / 3 * N**3),
        (lambda a, b: torch.linalg.svd(a), 22 * N**3 - N**3),  # full: 4 + 8 + 9
        (lambda a, b: torch.linalg.svd(a, full_matrices=False), 22 * N**3),
        (lambda a, b: torch.linalg.eig(a), 25 * N**3),
        (lambda a, b: torch.linalg.solve_triangular(a, b, upper=False), N**2 * K),
        (lambda a, b: torch.cholesky_solve(b, a), 2 * N**2 * K),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_linear_algebra_by_its_textbook_terms(run, operations, device):
    root = torch.randn(BATCH, N, N)
    a = (root @ root.mT + N * torch.eye(N)).to(device)
    b = torch.randn(BATCH, N, K).to(device)
    seen = counted(lambda: run(a, b))
    assert seen.op_classes["linalg"] == round(BATCH * operations)
    assert not seen.uncounted


def test_least_squares_by_its_textbook_terms():
    a, b = torch.randn(BATCH, N, N), torch.randn(BATCH, N, K)
    assert counted(lambda: torch.linalg.lstsq(a, b)).op_classes["linalg"] == BATCH * (4 / 3 * N**3 + 4 * N * N * K + N**2 * K)


def test_a_tall_matrix_counts_both_sides():
    a = torch.randn(10, 4)
    assert counted(lambda: torch.linalg.qr(a)).op_classes["linalg"] == round(2 * (2 * 16 * (10 - 4 / 3)))
    assert counted(lambda: torch.linalg.svdvals(a)).op_classes["linalg"] == round(4 * 10 * 16 - 4 / 3 * 64)
    assert counted(lambda: torch.linalg.svdvals(a.T)).op_classes["linalg"] == round(4 * 10 * 16 - 4 / 3 * 64)


def test_complex_matrices_cost_four_times_as_much():
    a = torch.eye(N, dtype=torch.complex64)
    assert counted(lambda: torch.linalg.inv(a)).op_classes["linalg"] == 4 * 2 * N**3


def test_a_pseudo_inverse_opens_up():
    seen = counted(lambda: torch.linalg.pinv(torch.ones(5, 3)))
    assert seen.op_classes["linalg"] == 14 * 5 * 9 + 8 * 27
    assert seen.macs == 5 * 3 * 3
    assert not seen.uncounted
