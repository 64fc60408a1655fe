"""The three functions as tests for pytest-benchmark; collected only when named."""

from __future__ import annotations

import pytest
import torch

from benchmarks.functions import THREE, build


@pytest.mark.parametrize("name", THREE)
def test_speed(benchmark, name):  # noqa: ANN001, ANN201
    """Time one function."""
    function, inputs = build(name)
    with torch.inference_mode():
        benchmark(function, *inputs)
