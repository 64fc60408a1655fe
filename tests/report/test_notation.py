import re

from hypothesis import given
from hypothesis import strategies as st

from harness.plugin.card import QUANTITIES
from harness.report.notation.links import outside, paper_path
from harness.report.notation.marks import VERDICTS, mark_of
from harness.report.notation.points import away_from, file_slug, point_label
from harness.report.notation.quantities import Group, Tier, ordered, quantity


@given(st.text())
def test_a_file_name_is_harmless_whatever_the_name(name):
    assert re.fullmatch(r"[a-z0-9_-]{1,80}", file_slug(name))


@given(st.text(), st.text())
def test_different_names_get_different_files(a, b):
    assert a == b or file_slug(a) != file_slug(b)


def test_a_page_never_leaves_its_folder():
    assert re.fullmatch(r"paper/[a-z0-9_-]+\.html", paper_path("../../etc/passwd"))


def test_a_point_is_written_by_what_sets_it_apart():
    default = '{"batch": 2, "resolution": 14}'
    assert point_label(default) == "batch 2, resolution 14"
    assert away_from('{"batch": 2, "resolution": 28}', default) == "resolution 28"
    assert away_from(default, default) == ""
    assert point_label("not json") == " not json"


def test_only_the_web_can_be_linked_to():
    assert outside("https://github.com/a/b") == "https://github.com/a/b"
    assert outside("javascript:alert(1)") == ""
    assert outside("file:///etc/passwd") == ""


def test_the_hosts_quantities_improve_as_the_contract_says():
    for name, better in QUANTITIES.items():
        assert quantity(name, "1", {}, ()).better == better


def test_a_quality_takes_its_direction_from_the_card_and_the_first_is_shown_at_once():
    first, second = (quantity(name, "", {"psnr": "higher", "loss": "lower"}, {"psnr"}) for name in ("psnr", "loss"))
    assert (first.better, first.group, first.tier) == ("higher", Group.QUALITY, Tier.HEADLINE)
    assert (second.better, second.tier) == ("lower", Tier.TABLE)


def test_a_metric_that_nobody_described_goes_where_its_unit_belongs():
    assert quantity("edp", "J", {}, ()).group is Group.ENERGY
    assert quantity("edp", "J", {}, ()).better is None
    assert quantity("ops_lookup", "1", {}, ()).label == "lookup ops"


def test_columns_stand_by_group():
    found = ordered(quantity(name, "1", {"psnr": "higher"}, ()) for name in ("macs", "energy", "latency", "psnr", "peak_activation"))
    assert [q.metric for q in found] == ["psnr", "latency", "peak_activation", "energy", "macs"]


def test_every_verdict_has_a_sign_of_its_own():
    assert len({mark.sign for mark in VERDICTS.values()}) == len(VERDICTS) == 6
    assert mark_of(VERDICTS, "invented").sign == "?"
