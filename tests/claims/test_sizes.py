import pytest

from harness import Paper, PublishedSize, Variant
from harness.claims.sizes import check_size


def checked(printed, built, **changes):
    size = PublishedSize("mine", "parameters", printed, "table 1", **changes)
    card = Paper(
        slug="demo", title="D", arxiv="", year=2024, family="f", task="t", method="m",
        variants=[Variant("mine", "m", subject=True), Variant("plain", "p")], sizes=[size],
    )  # fmt: skip
    row = {"paper": "demo", "variant": "mine", "workload": "infer", "params": "{}", "target": "meta"}
    return check_size(card, size, [{**row, "metric": "parameters", "value": built}], [{**row, "status": "ok", "message": ""}])


@pytest.mark.parametrize(
    ("printed", "built", "verdict"),
    [
        ("27,844,000", 27_844_000, "match"),
        ("27,844,000", 27_844_001, "differs"),
        ("28 M", 27_844_000, "match"),
        ("28 M", 27_499_999, "differs"),
        ("3.7 G", 3_650_000_000, "match"),
        ("3.7 G", 3_649_000_000, "differs"),
    ],
)
def test_a_size_matches_within_its_printed_digits(printed, built, verdict):
    assert checked(printed, built).verdict == verdict


def test_a_convention_explains_exactly_what_it_says_and_no_more():
    convention = {"convention": "the authors leave out the head's bias", "adjust": -410}
    assert checked("27,844,000", 27_844_410, **convention).verdict == "within convention"
    assert checked("27,844,000", 27_844_409, **convention).verdict == "differs"


def test_a_difference_says_by_how_much():
    assert "+1,000 (+1.00%) away from 100,000" in checked("100,000", 101_000).note


def test_a_model_that_was_not_built_says_why():
    size = PublishedSize("mine", "parameters", "28 M", "table 1")
    card = Paper(
        slug="demo", title="D", arxiv="", year=2024, family="f", task="t", method="m",
        variants=[Variant("mine", "m", subject=True), Variant("plain", "p")], sizes=[size],
    )  # fmt: skip
    row = {"paper": "demo", "variant": "mine", "workload": "infer", "params": "{}", "status": "failed", "message": "ValueError: no"}
    found = check_size(card, size, [], [row])
    assert (found.verdict, found.note) == ("not built", "failed: ValueError: no")
