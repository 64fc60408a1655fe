import torch

from harness.meters.memory import MemoryMeter
from harness.sources.allocator import peak_of, tensor_bytes


def test_a_sum_of_a_million_floats_allocates_four_mebibytes():
    x = torch.ones(1024, 1024)
    assert peak_of(lambda: x + x, "cpu").allocated_bytes == 4_194_304


def test_naive_attention_holds_two_score_tensors():
    q = torch.ones(2, 8, 1024, 64)
    scores = 2 * 8 * 1024 * 1024 * 4

    def attention():
        s = q @ q.transpose(-1, -2)
        return s.softmax(-1) @ q

    peak = peak_of(attention, "cpu").allocated_bytes
    assert 2 * scores <= peak <= 2 * scores + 2 * q.numel() * 4


def test_a_short_peak_between_calls_is_seen():
    def spike():
        torch.ones(64, 1024, 1024)
        return torch.ones(1)

    assert peak_of(spike, "cpu").allocated_bytes >= 64 * 1024 * 1024 * 4


def test_what_is_released_in_time_does_not_add_up():
    def one_after_another():
        for _ in range(8):
            torch.ones(1024, 1024)
        return torch.ones(1)

    assert peak_of(one_after_another, "cpu").allocated_bytes == 4_194_304


def test_tied_weights_count_once():
    layer = torch.nn.Linear(8, 8, bias=False)
    assert tensor_bytes(torch.nn.Sequential(layer, layer)) == 8 * 8 * 4
    assert tensor_bytes({"a": (torch.ones(4), [torch.ones(2, dtype=torch.int8)])}) == 18
    assert tensor_bytes(object()) == 0


def test_the_meter_gives_exact_figures_and_the_resident_set():
    seen = {
        "variant": "mine",
        "weights_bytes": 10,
        "inputs_bytes": 20,
        "peak_activation_bytes": 30,
        "peak_reserved_bytes": None,
        "source": "cpu allocator events",
        "peak_rss_bytes": 40,
    }
    found = {f.metric: (f.value, f.low, f.high, f.unit) for f in MemoryMeter().summarize([seen]).figures}
    assert found == {
        "weights": (10, 10, 10, "B"),
        "inputs": (20, 20, 20, "B"),
        "peak_activation": (30, 30, 30, "B"),
        "peak_rss": (40, None, None, "B"),
    }


def test_another_librarys_memory_is_not_seen_and_not_zero():
    nothing = dict.fromkeys(("weights_bytes", "inputs_bytes", "peak_activation_bytes"), 0) | {"peak_reserved_bytes": None}
    seen = {"variant": "a", "source": "torch", "peak_rss_bytes": 40, **nothing}
    assert [f.metric for f in MemoryMeter().summarize([seen]).figures] == ["peak_rss"]
    figures = MemoryMeter().summarize([{**seen, "inputs_bytes": 8}]).figures
    assert [(f.metric, f.value) for f in figures][:3] == [("weights", 0), ("inputs", 8), ("peak_activation", 0)]
