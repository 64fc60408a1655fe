"""Fakes stand for every GPU: what the machine that runs the tests has is no part of them."""

import pytest

from harness.sources import cuda_devices


@pytest.fixture(autouse=True)
def no_real_gpu(monkeypatch):
    monkeypatch.setattr(cuda_devices, "_torch_uuid", lambda _: "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
