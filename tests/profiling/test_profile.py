"""`harness.profile` and `harness.compare` on callables, in real processes."""

from dataclasses import replace

import pytest
import torch

import harness
from harness.errors import HarnessError
from harness.profiling import ProfileError
from harness.profiling.comparing import Comparison

X = torch.ones(32, 64)


@pytest.fixture(scope="module")
def linear():
    return harness.profile(torch.nn.Linear(64, 128), X, budget=3, threads=1)


def test_a_module_gets_every_figure(linear):
    assert (linear.params, linear.macs, linear.flops) == (64 * 128 + 128, 32 * 64 * 128, 2 * 32 * 64 * 128 + 32 * 128)
    assert linear.bytes_moved == 4 * (32 * 64 + 64 * 128 + 128 + 32 * 128)
    assert linear.memory.weights == 4 * (64 * 128 + 128)
    assert linear.memory.inputs == 4 * 32 * 64
    assert linear.memory.activations == 4 * 32 * 128
    assert linear.memory.reserved is None
    assert linear.memory.rss > linear.memory.weights
    assert 0 < linear.latency.low <= linear.latency.p50 <= linear.latency.high
    assert linear.latency.p50 <= linear.latency.p90 <= linear.latency.p99
    assert linear.latency.n >= 6
    assert linear.latency.stop_reason
    assert linear.energy.per_item > 0
    assert linear.energy.provenance in ("measured", "estimated")
    assert linear.uncounted == {}
    assert linear.missing == {}


def test_a_profile_reads_well_and_is_a_frame(linear):
    assert "Linear on cpu" in repr(linear)
    assert "262,144" in repr(linear)
    assert "<table>" in linear._repr_html_()
    frame = linear.to_frame().set_index("metric")
    assert frame.loc["macs", "value"] == 262_144
    assert frame.loc["latency", "unit"] == "s"
    assert linear.by_operator().loc[:, "macs"].sum() == 262_144
    assert linear.by_module().loc["(whole call)", "macs"] == 262_144


def test_a_name_with_markup_does_nothing_in_a_notebook():
    def plain(x):
        return x + 1

    plain.__qualname__ = "<script>alert(1)</script>"
    assert "<script>" not in harness.profile(plain, X, metrics=["flops"])._repr_html_()


def histogram(x):
    return torch.histogramdd(x[:, :2], bins=[4, 4])[0]


def test_an_operator_without_a_formula_is_named_with_its_bytes():
    found = harness.profile(histogram, X, metrics=["flops"])
    assert found.uncounted
    assert all(name.startswith("aten::_histogramdd") for name in found.uncounted)
    assert sum(found.uncounted.values()) >= 32 * 2 * 4  # what is read at least
    assert all(name in repr(found) for name in found.uncounted)


def test_what_disturbed_a_measurement_stands_beside_its_figures(linear):
    disturbed = "noisy: steal 4% in 2 of 6 processes"
    assert f"; {disturbed}" in repr(replace(linear, latency=replace(linear.latency, marks=disturbed)))
    quiet = Comparison({}, [], "")
    assert repr(replace(quiet, marks=disturbed)) == disturbed
    assert repr(quiet) == ""


def test_only_what_was_asked_for_is_measured():
    found = harness.profile(torch.nn.ReLU(), X, metrics=["flops"])
    assert (found.macs, found.flops) == (0, 32 * 64)
    assert found.latency is found.memory is found.energy is None


def returns_nothing(x):
    x + 1


def raises_on_the_third_call():
    calls = []

    def third(x):
        calls.append(1)
        if len(calls) == 3:
            raise ZeroDivisionError("the third")
        return x

    return third


def changes_its_input(x):
    return x.add_(1)


def needs_a_gradient(x):
    leaf = x.clone().requires_grad_()
    (grad,) = torch.autograd.grad(leaf.square().sum(), leaf)
    return grad


def allocates(x):
    return [torch.ones(2**26) for _ in range(64)]


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (returns_nothing, "'returns_nothing' returned nothing"),
        (raises_on_the_third_call(), "raised in call 3: ZeroDivisionError: the third"),
        (changes_its_input, "'changes_its_input' changes its inputs (tensor 0)"),
        (needs_a_gradient, "it differentiates: give gradients=True"),
        (allocates, "'allocates' could not be profiled (flops, out_of_memory)"),
    ],
)
def test_what_cannot_be_measured_is_named_and_nothing_partial_comes_back(function, complaint):
    with pytest.raises(ProfileError) as refused:
        harness.profile(function, X, memory_limit=1)
    assert complaint in str(refused.value)


def test_a_call_that_differentiates_may_say_so():
    assert harness.profile(needs_a_gradient, X, metrics=["flops"], gradients=True).flops > 0


def test_what_cannot_be_sent_to_another_process_is_named():
    with pytest.raises(HarnessError, match="'argument 0' cannot be sent to a fresh process"):
        harness.profile(torch.nn.ReLU(), (number for number in range(3)))


def test_an_unknown_metric_is_refused_with_the_nearest():
    with pytest.raises(HarnessError, match="did you mean 'latency'"):
        harness.profile(torch.nn.ReLU(), X, metrics=["latncy"])


def test_twice_the_work_is_slower_and_the_same_work_is_never_called_so():
    big = torch.ones(256, 256)
    found = harness.compare({"once": lambda x: x @ x, "twice": lambda x: (x @ x) @ x, "again": lambda x: x @ x}, big, threads=1)
    twice, again = found.pairs
    assert (twice.outcome, twice.reference) == ("slower", "once")
    assert twice.ratio.value == pytest.approx(2, rel=0.3)
    assert "twice is slower than once" in twice.verdict
    assert again.outcome in ("same", "cannot tell")


def test_one_callable_has_nothing_to_be_compared_with():
    with pytest.raises(HarnessError, match="give at least two"):
        harness.compare({"one": torch.relu}, X)
