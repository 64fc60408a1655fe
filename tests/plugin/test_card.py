import pytest

from harness import Claim, Paper, PublishedSize, Quality, Scaled, Variant
from harness.plugin.validate import CardError


def card(**changes):
    fields = {
        "slug": "demo",
        "title": "Demo",
        "arxiv": "",
        "year": 2024,
        "family": "attention",
        "task": "mix tokens",
        "method": "It mixes.",
        "variants": [Variant("mine", "the method", subject=True), Variant("plain", "the baseline")],
        "sweep": {"resolution": (14, 28)},
        "qualities": {"accuracy": "higher"},
    }
    return Paper(**(fields | changes))


def claim(**changes):
    fields = {"id": "fast", "quantity": "latency", "subject": "mine", "baseline": "plain", "ratio": 0.5, "source": "abstract"}
    return Claim(**(fields | changes))


def test_a_good_card_answers():
    paper = card(claims=[claim(when={"device": "cpu", "resolution": 14})])
    assert paper.subject.name == "mine"
    assert list(paper.cost_points("smoke")) == [{"resolution": 14}]
    assert list(paper.cost_points("small")) == [{"resolution": 14}, {"resolution": 28}]
    assert paper.better("latency") == "lower"
    assert paper.better("accuracy") == "higher"


def test_a_sweep_moves_one_axis_at_a_time_and_may_differ_by_scale():
    paper = card(sweep={"n": {"smoke": (7,), "small": (32, 64), "paper": (321,)}, "t": (96, 192)})
    assert list(paper.cost_points("small")) == [{"n": 32, "t": 96}, {"n": 64, "t": 96}, {"n": 32, "t": 192}]
    assert paper.default_point("paper") == {"n": 321, "t": 96}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"slug": "My Method"}, "slug is 'My Method'; write lower-case"),
        ({"year": "2024"}, "year is '2024', a str; write a int"),
        ({"title": " "}, "title is empty"),
        ({"variants": [Variant("a", "x"), Variant("b", "y")]}, "0 variants have subject=True"),
        ({"variants": [Variant("a", "x", subject=True)]}, "there is no baseline"),
        ({"variants": [Variant("a", "x", subject=True), Variant("a", "y")]}, "two of its variants are named 'a'"),
        ({"variants": [Variant("a", "x", subject=True, shares_fit="c"), Variant("b", "y")]}, "names 'c', which does not exist"),
        ({"sweep": {"n": ()}}, "sweep axis 'n' is ()"),
        ({"cost_axes": ["resolutoin"]}, "cost_axes names 'resolutoin', which does not exist; did you mean 'resolution'"),
        ({"cost_axes": "resolution"}, "cost_axes is 'resolution'; write a list of str"),
        ({"quality_points": [{"resolution": 15}]}, "resolution is 15, not a point of the sweep; its points are 14, 28"),
        ({"quality_points": [{"resolutoin": 14}]}, "did you mean 'resolution'"),
        ({"sweep": {"n": {"smoke": (1,)}}}, "no values for scale small, paper"),
        ({"qualities": {"accuracy": "up"}}, "known: higher, lower"),
        ({"qualities": {"latency": "lower"}}, "has the name of a quantity that the host measures"),
        ({"claims": [claim(subject="mne")]}, "subject names 'mne', which does not exist; did you mean 'mine'? known: mine, plain"),
        ({"claims": [claim(quantity="latencey")]}, "did you mean 'latency'"),
        ({"claims": [claim(when={"resolution": 15})]}, "resolution is 15, not a point of the sweep; its points are 14, 28"),
        ({"claims": [claim(when={"devise": "cpu"})]}, "did you mean 'device'"),
        ({"claims": [claim(workload="decode")]}, "workload names 'decode'"),
        ({"claims": [claim(scaled=Scaled(ratio=0.8, quantity="acuracy"))]}, "scaled-down check of claim 'fast': quantity names 'acuracy'"),
        ({"claims": [claim(), claim()]}, "two of its claims are named 'fast'"),
        ({"sizes": [PublishedSize("mini", "parameters", "28 M", "table 1")]}, "names 'mini'"),
        ({"deviations": "none"}, "deviations is 'none'; write a list of str"),
    ],
)
def test_a_wrong_card_is_refused_with_what_to_write(changes, complaint):
    with pytest.raises(CardError) as refused:
        card(**changes)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ratio": None}, "no form given; give exactly one of"),
        ({"difference": 0.1}, "ratio and difference given"),
        ({"ratio": -1.0}, "a ratio is positive"),
        ({"ratio": (2.0, 1.0)}, "a range is (low, high)"),
        ({"ratio": float("nan")}, "write a finite number"),
        ({"baseline": ""}, "needs a baseline"),
        ({"source": ""}, "source is empty"),
        ({"ratio": None, "exponent": 2.0, "baseline": ""}, "exponent and axis go together"),
    ],
)
def test_a_claim_has_exactly_one_form(changes, complaint):
    with pytest.raises(CardError) as refused:
        claim(**changes)
    assert complaint in str(refused.value)


def test_a_claim_of_exactly_zero_is_a_claim():
    exact = claim(ratio=None, baseline="", value=0.0)
    assert (exact.form, exact.claimed) == ("value", 0.0)


@pytest.mark.parametrize(
    ("printed", "value", "half_unit"),
    [("27,844,000", 27_844_000, 0.0), ("28 M", 28e6, 0.5e6), ("3.7 G", 3.7e9, 0.05e9), ("298.3M", 298.3e6, 0.05e6), ("44153", 44153, 0.0)],
)
def test_a_printed_size_is_a_value_and_its_precision(printed, value, half_unit):
    size = PublishedSize("mine", "parameters", printed, "table 1")
    assert size.value == pytest.approx(value)
    assert size.half_unit == pytest.approx(half_unit)


def test_a_printed_size_must_be_digits():
    with pytest.raises(CardError, match="write digits and a prefix"):
        PublishedSize("mine", "parameters", "about 28 million", "table 1")


def test_an_adjustment_needs_its_convention():
    with pytest.raises(CardError, match="say which convention"):
        PublishedSize("mine", "parameters", "28 M", "table 1", adjust=-410)


@pytest.mark.parametrize("value", ["high", float("nan"), float("inf")])
def test_a_quality_is_a_finite_number(value):
    with pytest.raises(CardError):
        Quality(value)


def test_a_card_cannot_be_changed():
    paper = card()
    with pytest.raises(AttributeError):
        paper.title = "other"
    with pytest.raises(TypeError):
        paper.sweep["resolution"] = (1,)
