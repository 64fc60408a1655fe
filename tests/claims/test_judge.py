"""Planted methods get the verdicts they deserve, from rows of a store and nothing else."""

import json

import numpy as np
import pytest

from harness import Claim, Paper, Scaled, Variant
from harness.claims.ledger import ledger
from harness.plugin.serial import card_from_dict, card_to_dict
from harness.store import Store

POINT = {"batch": 8, "n": 64}


def card(*claims):
    return Paper(
        slug="demo",
        title="Demo",
        arxiv="",
        year=2024,
        family="toys",
        task="t",
        method="m",
        variants=[Variant("mine", "m", subject=True), Variant("plain", "p")],
        sweep={"batch": (8, 64), "n": (64, 128, 256, 512)},
        qualities={"accuracy": "higher", "error": "lower"},
        claims=claims,
    )


class Planted:
    """A store with rows as a run would have left them."""

    def __init__(self, folder, *claims):
        self.store = Store(folder)
        self.store.prepare()
        self.store.begin("r", {}, [])
        text = json.dumps(card_to_dict(card(*claims)))
        self.store.write("papers", "r", "papers", [{"paper": "demo", "card": text, "status": "ok"}])

    def case(self, figures, samples=(), *, meter="latency", workload="infer", scale="small", target="cpu", dtype="native", **point):
        params = json.dumps({**POINT, **point}, sort_keys=True)
        case_id = f"{meter}-{scale}-{target}-{dtype}-{params}-{figures[0]['variant']}".replace("/", "_").replace(" ", "")
        shared = {"case_id": case_id, "paper": "demo", "workload": workload, "scale": scale, "params": params, "target": target}
        shared |= {"dtype": dtype, "mode": "eager", "baseline": "", "n": 10, "unit": "1", "provenance": "measured", "message": ""}
        tables = {
            "figures": [{**shared, **figure} for figure in figures],
            "samples": [{"case_id": case_id, "unit": "s", **sample} for sample in samples],
            "cases": [{**shared, "variant": ",".join(f["variant"] for f in figures), "meter": meter, "status": "ok"}],
        }
        self.store.write_case("r", case_id, tables)

    def latencies(self, mine_s, plain_s, *, noise=0.01, processes=10, **conditions):
        draw = np.random.default_rng(0)
        figures, samples = [], []
        for name, seconds in (("mine", mine_s), ("plain", plain_s)):
            figures.append(
                {"variant": name, "metric": "latency", "value": seconds, "low": seconds * 0.97, "high": seconds * 1.03, "unit": "s"}
            )
            for process in range(processes):
                level = seconds * (1 + noise * draw.standard_normal())
                for position in range(12):
                    value = float(level * (1 + 0.003 * draw.standard_normal()))
                    samples.append({"variant": name, "metric": "latency", "repetition": process, "position": position, "value": value})
        self.case(figures, samples, **conditions)

    def quality(self, name, **seeds):
        for variant, values in seeds.items():
            figure = {"variant": variant, "metric": name, "value": float(np.mean(values)), "low": min(values), "high": max(values)}
            samples = [
                {"variant": variant, "metric": name, "repetition": seed, "position": 0, "value": value} for seed, value in enumerate(values)
            ]
            self.case([figure], samples, meter="quality", workload="")

    def verdicts(self):
        return [(j.verdict, j.reason) for j in ledger(self.store, ["r"])]

    @property
    def only(self):
        (judgement,) = ledger(self.store, ["r"])
        return judgement


def speed(ratio, **changes):
    fields = {"id": "speed", "quantity": "latency", "subject": "mine", "baseline": "plain", "ratio": ratio, "source": "table 1"}
    return Claim(**(fields | changes))


def test_a_method_twice_as_slow_refutes_twice_as_fast_and_upholds_half(tmp_path):
    planted = Planted(tmp_path, speed(0.5, id="fast"), speed(2.1, id="slow"))
    planted.latencies(0.002, 0.001)
    assert planted.verdicts() == [("refuted", "wrong-direction"), ("upheld", "reaches-claim")]
    assert "mine is 2x" in ledger(planted.store, ["r"])[0].sentence


def test_a_noisy_tie_is_inconclusive(tmp_path):
    planted = Planted(tmp_path, speed(1 / 1.4))
    planted.latencies(0.001, 0.001, noise=0.2)
    assert planted.only.verdict == "inconclusive"


def test_an_interval_that_straddles_the_claim_is_consistent_and_not_upheld(tmp_path):
    planted = Planted(tmp_path, speed(0.5))
    planted.latencies(0.0005, 0.001, noise=0.05)
    found = planted.only
    assert found.low < 0.5 < found.high
    assert found.verdict == "consistent"


def test_the_right_direction_but_short_of_the_claim(tmp_path):
    planted = Planted(tmp_path, speed(1 / 2))
    planted.latencies(0.00067, 0.001)
    found = planted.only
    assert found.verdict == "direction only"
    assert "faster than plain here; the paper says 2x faster: direction only" in found.sentence


def test_a_claim_of_no_loss_of_speed_is_said_as_one_would(tmp_path):
    planted = Planted(tmp_path, speed(1.0))
    planted.latencies(0.0005, 0.001)
    assert planted.only.verdict == "upheld"
    assert "the paper says no slower: upheld" in planted.only.sentence


def test_throughput_is_the_other_way_up(tmp_path):
    planted = Planted(tmp_path, speed(1.4, quantity="throughput"))
    planted.latencies(0.0005, 0.001)
    frame = [
        {"variant": v, "metric": "throughput", "value": r, "low": r, "high": r, "unit": "items/s"}
        for v, r in (("mine", 2000), ("plain", 1000))
    ]
    planted.store.write("figures", "r", "extra", [])
    row = planted.store.read("figures").to_pylist()[0]
    planted.store.write("figures", "r", row["case_id"], [*planted.store.read("figures").to_pylist(), *[{**row, **f} for f in frame]])
    found = planted.only
    assert found.verdict == "upheld"
    assert found.measured == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("when", "row"),
    [
        ({"batch": 64}, {}),
        ({"dtype": "float16"}, {}),
        ({}, {"dtype": "bfloat16"}),
        ({"device": "cuda"}, {}),
        ({"device": "cpu"}, {"target": "cuda:0"}),
        ({"scale": "paper"}, {}),
        ({}, {"scale": "smoke"}),
        ({"scale": "smoke"}, {"scale": "smoke"}),
        ({"n": 128}, {"n": 256}),
    ],
)
def test_a_claim_is_never_judged_by_a_row_at_other_conditions(tmp_path, when, row):
    planted = Planted(tmp_path, speed(0.5, when=when))
    planted.latencies(0.0001, 0.001, **row)
    assert planted.only.verdict == "not testable here"


@pytest.mark.parametrize(
    ("when", "row"),
    [
        ({"device": "cpu", "batch": 8}, {}),
        ({"device": "cuda"}, {"target": "cuda:1"}),
        ({"dtype": "float32"}, {"dtype": "native"}),
        ({"dtype": "bfloat16"}, {"dtype": "bfloat16"}),
        ({"scale": "paper"}, {"scale": "paper"}),
        ({"n": 256}, {"n": 256}),
    ],
)
def test_a_claim_is_judged_by_the_row_that_meets_its_conditions(tmp_path, when, row):
    planted = Planted(tmp_path, speed(0.5, when=when))
    planted.latencies(0.0001, 0.001, **row)
    assert planted.only.verdict == "upheld"


def test_a_claim_that_cannot_be_tested_here_says_what_it_needs_and_its_reduced_check_is_judged_beside_it(tmp_path):
    planted = Planted(tmp_path, speed(0.5, when={"device": "cuda"}, scaled=Scaled(ratio=0.8, when={"device": "cpu"}, why="same layer")))
    planted.latencies(0.0005, 0.001)
    whole, reduced = ledger(planted.store, ["r"])
    assert (whole.verdict, whole.scaled, whole.reason) == ("not testable here", False, "device")
    assert "needs a run on cuda" in whole.sentence
    assert (reduced.verdict, reduced.scaled) == ("upheld", True)
    assert "(scaled-down check)" in reduced.sentence


@pytest.mark.parametrize(("power", "log"), [(1, 0), (1, 1), (2, 0)])
def test_growth_is_fitted_over_the_sweep(tmp_path, power, log):
    planted = Planted(tmp_path, Claim("growth", "latency", "mine", exponent=power + 0.35, axis="n", source="abstract"))
    sizes = np.array([64, 128, 256, 512])
    times = sizes.astype(float) ** power * np.log(sizes) ** log * 1e-6
    for n, seconds in zip(sizes, times, strict=True):
        planted.latencies(seconds, seconds, n=int(n))
    truth = np.polyfit(np.log(sizes), np.log(times), 1)[0]
    found = planted.only
    assert found.measured == pytest.approx(truth, abs=0.1)
    assert found.low < truth < found.high
    assert found.verdict == "upheld"


def test_counts_are_exact_and_hold_on_every_device(tmp_path):
    claim = Claim("macs", "macs", "mine", "plain", ratio=0.572, when={"device": "cuda"}, source="table 2")
    planted = Planted(tmp_path, claim)
    for variant, value in (("mine", 298_296_320.0), ("plain", 521_430_000.0)):
        planted.case(
            [{"variant": variant, "metric": "macs", "value": value, "low": value, "high": value, "provenance": "counted"}], meter="flops"
        )
    found = planted.only
    assert (found.measured, found.low) == (pytest.approx(0.572074), found.high)
    assert found.verdict == "consistent"


def test_qualities_are_paired_by_seed(tmp_path):
    claim = Claim("drop", "accuracy", "mine", "plain", difference=-0.0075, source="abstract")
    planted = Planted(tmp_path, claim)
    planted.quality("accuracy", mine=[0.900, 0.951, 0.923], plain=[0.901, 0.953, 0.924])
    found = planted.only
    assert found.measured == pytest.approx(-0.00133, abs=1e-4)
    assert found.verdict == "upheld"


def test_one_seed_is_inconclusive(tmp_path):
    planted = Planted(tmp_path, Claim("better", "accuracy", "mine", "plain", order=True, source="abstract"))
    planted.quality("accuracy", mine=[0.99], plain=[0.5])
    assert planted.verdicts() == [("inconclusive", "no-interval")]


@pytest.mark.parametrize(("errors", "verdict"), [([1e-7, 2e-7, 1e-7], "upheld"), ([0.1, 0.2, 0.1], "refuted")])
def test_an_identity_is_a_bound_on_a_measured_error(tmp_path, errors, verdict):
    planted = Planted(tmp_path, Claim("exact", "error", "mine", value=1e-5, source="theorem 1"))
    planted.quality("error", mine=errors)
    assert planted.only.verdict == verdict


def test_a_case_that_failed_is_named(tmp_path):
    planted = Planted(tmp_path, speed(0.5))
    row = {
        "case_id": "c",
        "paper": "demo",
        "variant": "mine,plain",
        "workload": "infer",
        "status": "crashed",
        "message": "SIGSEGV",
        "target": "cpu",
    }
    planted.store.write_case("r", "c", {"cases": [row]})
    found = planted.only
    assert (found.verdict, found.reason) == ("not testable here", "case")
    assert "ended as crashed: SIGSEGV" in found.sentence


def test_a_card_comes_back_from_the_store_as_it_was():
    original = card(speed(0.5, when={"batch": 8}, scaled=Scaled(value=(0.1, 0.2), when={"n": 64})), speed((1.5, 2.6), id="range"))
    assert card_from_dict(json.loads(json.dumps(card_to_dict(original)))) == original
