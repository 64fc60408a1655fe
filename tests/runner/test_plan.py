"""Which cases a run has, and which claims it can test."""

import pytest

from harness import Claim, Paper, PublishedSize, Scaled, Variant, Workload
from harness.errors import HarnessError
from harness.plugin.discovery import Plugin, Source
from harness.runner.claim_plan import plan_claims
from harness.runner.plan import Request, plan, take_next
from harness.runner.select import select
from harness.targets import Target, TargetKind

CPU = Target("cpu", TargetKind.CPU, "cpu")


def plugin(slug="demo", family="toys", error="", **changes):
    fields = {
        "slug": slug, "title": "D", "arxiv": "", "year": 2024, "family": family, "task": "t", "method": "m",
        "variants": [Variant("plain", "p"), Variant("mine", "m", subject=True), Variant("gpu_only", "g", requires=("cuda",))],
        "sweep": {"n": (1, 2)}, "qualities": {"mse": "lower"},
    }  # fmt: skip
    return Plugin(Source(slug, slug, "", "test"), None if error else Paper(**(fields | changes)), None, error)


def titles(planned):
    return [p.case.title + (" SKIP" if p.skip else "") for p in planned]


def test_smoke_measures_the_default_point_and_small_the_sweep():
    one = plan([plugin()], CPU, Request("smoke", ("latency", "flops")))
    assert titles(one) == [
        "demo plain infer n=1 flops", "demo mine infer n=1 flops", "demo gpu_only infer n=1 flops SKIP",
        "demo mine/plain infer n=1 latency", "demo gpu_only infer n=1 latency SKIP",
    ]  # fmt: skip
    assert len(plan([plugin()], CPU, Request("small", ("latency",)))) == 4


def test_what_needs_the_machine_to_itself_comes_last():
    meters = [p.case.meter for p in plan([plugin()], CPU, Request("small", ("latency", "energy", "flops", "memory", "quality")))]
    timed = [m in ("latency", "energy") for m in meters]
    assert timed == sorted(timed)


def test_published_dimensions_are_never_trained():
    assert plan([plugin()], CPU, Request("paper", ("quality",))) == []


def test_quality_is_measured_where_the_card_asks_for_it():
    sweep = {"n": {"smoke": (1,), "small": (1, 2, 3), "paper": (9,)}}
    assert len(plan([plugin(sweep=sweep)], CPU, Request("small", ("quality",)))) == 3
    asked = {"sweep": sweep, "quality_points": [{"n": 3}]}
    assert {p.case.params["n"] for p in plan([plugin(**asked)], CPU, Request("small", ("quality",)))} == {1, 3}
    assert {p.case.params["n"] for p in plan([plugin(**asked)], CPU, Request("smoke", ("quality",)))} == {1}


def test_a_point_that_is_a_scales_default_is_trained_once():
    sweep = {"task": {"smoke": ("b",), "small": ("a", "b"), "paper": ("a",)}}
    asked = [plugin(sweep=sweep, quality_points=[{"task": "b"}])]
    assert [len(plan(asked, CPU, Request(scale, ("quality",)))) for scale in ("smoke", "small")] == [3, 6]


def test_cost_follows_all_axes_unless_the_card_names_some():
    sweep = {"n": (1, 2), "task": ("a", "b", "c")}
    assert len(plan([plugin(sweep=sweep)], CPU, Request("small", ("memory",)))) == 3 * 4
    assert len(plan([plugin(sweep=sweep, cost_axes=["n"])], CPU, Request("small", ("memory",)))) == 3 * 2
    assert len(plan([plugin(sweep=sweep, cost_axes=[])], CPU, Request("small", ("memory",)))) == 3


def test_a_model_with_two_printed_sizes_is_built_once():
    sizes = [PublishedSize("mine", "parameters", "28 M", "t", {"width": 2}), PublishedSize("mine", "macs", "3.7 G", "t", {"width": 2})]
    (only,) = plan([plugin(sizes=sizes)], CPU, Request("smoke", ("sizes",)))
    assert (only.case.scale, only.case.target, dict(only.case.params)) == ("paper", "meta", {"n": 1, "width": 2})


def test_a_broken_plugin_has_no_case():
    assert plan([plugin(error="no")], CPU, Request("smoke", ("flops",))) == []


@pytest.mark.parametrize(
    ("wanted", "slugs"),
    [
        ("all", ["hilo", "hydra", "pem"]),
        ("h*", ["hilo", "hydra"]),
        ("pem,hilo", ["hilo", "pem"]),
        ("family:mixers", ["hydra"]),
        ("family:mixers,pem", ["hydra", "pem"]),
    ],
)
def test_a_selection_takes_slugs_globs_and_families(wanted, slugs):
    found = [plugin("hilo"), plugin("hydra", "mixers"), plugin("pem")]
    assert [p.slug for p in select(found, wanted)] == slugs


def test_a_selection_that_matches_nothing_is_refused():
    with pytest.raises(HarnessError, match="unknown plugin 'x\\*'"):
        select([plugin("hilo")], "x*")


def claim(id, **changes):
    fields = {"quantity": "latency", "subject": "mine", "baseline": "plain", "ratio": 0.5, "source": "abstract"}
    return Claim(id, **(fields | changes))


def test_claims_plan_exactly_what_they_need():
    card = [
        claim("speed", when={"device": "cpu", "n": 2}),
        claim("speed_again", when={"n": 2}),
        claim("growth", baseline="", ratio=None, exponent=2.0, axis="n"),
        claim("quality", quantity="mse", when={"scale": "small"}),
        claim("half", when={"dtype": "bfloat16"}),
    ]
    planned, untestable = plan_claims([plugin(claims=card)], CPU)
    assert untestable == []
    assert sorted(titles(planned)) == [
        "demo mine infer n=1 latency",
        "demo mine n=1 quality",
        "demo mine/plain infer n=1 latency",
        "demo mine/plain infer n=2 latency",
        "demo plain n=1 quality",
    ]
    assert {p.case.dtype for p in planned} == {"native", "bfloat16"}
    assert all(p.case.scale == "small" for p in planned)


def test_claims_that_need_something_else_are_said_and_their_reduced_checks_planned():
    card = [
        claim("gpu", when={"device": "cuda"}, scaled=Scaled(ratio=0.8, when={"device": "cpu"})),
        claim("trained", quantity="mse", when={"scale": "paper"}),
        claim("counted", quantity="macs", when={"device": "cuda", "scale": "paper"}),
    ]
    planned, untestable = plan_claims([plugin(claims=card)], CPU)
    assert [(u.claim, u.needs) for u in untestable] == [
        ("gpu", "a run on cuda"),
        ("trained", "training at the published size, which no run does"),
    ]
    assert {(p.case.meter, p.case.scale) for p in planned} == {("latency", "small"), ("flops", "paper")}


def test_a_paper_without_workloads_is_an_analysis():
    assert {p.case.meter for p in plan([plugin(workloads=())], CPU, Request("small", ("latency", "flops", "quality")))} == {"quality"}


def test_only_the_named_workloads_are_measured():
    both = plugin(workloads=[Workload("infer"), Workload("train_step")])
    assert {p.case.workload for p in plan([both], CPU, Request("smoke", ("latency",), ("train_step",)))} == {"train_step"}


def test_two_cases_of_a_paper_run_at_once_only_when_nothing_else_waits():
    waiting = plan([plugin("a"), plugin("b")], CPU, Request("smoke", ("quality",)))
    assert titles([take_next(waiting, [])]) == ["a plain n=1 quality"]
    assert titles([take_next(waiting, ["a"])]) == ["b plain n=1 quality"]
    assert titles([take_next(waiting, ["a", "b"])]) == ["a mine n=1 quality"]
    assert len(waiting) == 3
