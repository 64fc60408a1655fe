"""Made-up stores of any size, written through `Store` itself: what the tests and the benchmark of the report look at.

    store = write_store(tmp_path / "results", Recipe(papers=4, nights=5))

Figures are drawn from a seed, so a store is the same every time. They mean nothing.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image as Picture

from harness import Claim, Paper, PublishedSize, Scaled, Variant, Workload
from harness.plugin.serial import card_to_dict
from harness.store import Store

FAMILIES = (
    "attention", "time-series", "compression", "pruning", "restoration", "segmentation", "graphs", "tabular", "speech", "sampling",
    "quantization", "retrieval", "3d", "chaotic-dynamics", "interpretability", "backbones", "solvers", "video", "representation", "tuning",
)  # fmt: skip
_METHODS = ("Folded", "Sparse", "Gated", "Windowed", "Pooled", "Nested", "Hashed", "Tiled", "Lifted", "Sorted")
_THINGS = ("Attention", "Mixing", "Coding", "Pruning", "Filters", "Routing", "Memory", "Kernels", "Scans", "Tokens")
_OPERATORS = ("aten::addmm", "aten::bmm", "aten::softmax", "aten::native_layer_norm", "aten::gelu", "aten::add", "aten::mul", "aten::copy_")
FIRST_NIGHT = datetime(2026, 10, 1, 22, 0, tzinfo=UTC)
_LENGTHS = (64, 128, 256)
_MACHINES = {
    "cpu": {"cpu_model": "AMD EPYC 7B13", "cpu_logical_cores": "2", "peak_flops": "1.2e11", "peak_bandwidth": "2.1e10"},
    "cuda:0": {
        "cpu_model": "Intel Xeon Platinum 8462Y",
        "gpu_name": "NVIDIA H100 80GB HBM3",
        "peak_flops": "6.7e13",
        "peak_bandwidth": "3.35e12",
    },
    "ssh:pi4": {"cpu_model": "Raspberry Pi 4 Model B Rev 1.4", "cpu_logical_cores": "4"},
}
_SPEED = {"cpu": 1.0, "cuda:0": 0.04, "ssh:pi4": 9.0}


@dataclass(frozen=True)
class Recipe:
    """What a store holds.

    Attributes:
        papers: How many papers, spread over the families.
        families: How many families.
        targets: One run a night for each.
        nights: How many nights.
        trouble: True to add failures, a broken plugin and noise.
        samples: Blocks of each of the three processes of a latency figure.
        cards: Cards used instead of made-up ones.
        seed: Seed of every figure.
    """

    papers: int = 4
    families: int = 2
    targets: tuple[str, ...] = ("cpu",)
    nights: int = 1
    trouble: bool = True
    samples: int = 12
    cards: tuple[Paper, ...] = ()
    seed: int = 7
    qualities: dict[str, str] = field(default_factory=lambda: {"accuracy": "higher", "error_rate": "lower"})


def made_up_card(index: int, families: int, qualities: dict[str, str]) -> Paper:
    """Return a card with three variants, a sweep, sizes and four claims."""
    method, thing = _METHODS[index % len(_METHODS)], _THINGS[index // len(_METHODS) % len(_THINGS)]
    family = FAMILIES[index % families]
    slug = f"{method}_{thing}".lower() + (f"_{index}" if index >= len(_METHODS) * len(_THINGS) else "")
    names = [slug, "dense", "window"]
    return Paper(
        slug=slug,
        title=f"{method} {thing}: Doing the Same with Less in {family.title()}",
        arxiv=f"24{index % 12 + 1:02d}.{10000 + index}",
        year=2018 + index % 8,
        family=family,
        task=f"answer the {family} question of a sequence, (B, N, C) -> (B, K)",
        method=f"{method} {thing.lower()} looks at every token once and at its neighbours twice. What is left is pooled, so that the cost grows with N.",
        variants=[
            Variant(names[0], "the paper's method", subject=True),
            Variant(names[1], "what everybody uses"),
            Variant(names[2], "local windows"),
        ],
        workloads=[Workload("infer", items="sequences"), *([Workload("train_step", items="sequences")] if index % 4 == 0 else [])],
        sweep={"length": _LENGTHS},
        qualities=qualities,
        sizes=[PublishedSize(names[0], "parameters", "27.8 M", "Table 1"), PublishedSize(names[1], "macs", "4.5 G", "Table 1", convention="MACs")],
        claims=[
            Claim("faster", "latency", names[0], names[1], ratio=0.5, source="abstract", says="Twice as fast as dense.", measured_on="one A100",
                  scaled=Scaled(order=True, why="direction alone can be seen on a small input")),
            Claim("cheaper", "macs", names[0], names[1], ratio=0.7, source="Table 2", says="30% fewer multiply-accumulates."),
            Claim("as-good", next(iter(qualities)), names[0], names[1], difference=-0.01, source="Section 4", says="Loses at most one point."),
            Claim("growth", "latency", names[0], exponent=(0.9, 1.2), axis="length", source="Section 3", says="Linear in the length.", ours=True),
        ],
        deviations=["Trained for 200 steps instead of 300 epochs."],
        readings=["The pooling stride is not printed; 2 is assumed."],
        findings=["On a CPU the gather costs more than the products it saves."] if index % 3 == 0 else [],
        data="A sample of public photographs.",
        protocol=f"Sequences of the family {family} have 32 channels at every length.",
        code="https://github.com/example/example",
    )  # fmt: skip


def cards_of(recipe: Recipe) -> tuple[Paper, ...]:
    """Return a recipe's cards."""
    return recipe.cards or tuple(made_up_card(i, recipe.families, recipe.qualities) for i in range(recipe.papers))


def write_store(location, recipe: Recipe = Recipe()) -> Store:
    """Write a store and open it."""
    store = Store(location)
    store.prepare()
    for night in range(recipe.nights):
        for target in recipe.targets:
            _write_run(store, recipe, night, target)
    return store


def run_id_of(night: int, target: str) -> str:
    """Return the name of a night's run."""
    return f"{FIRST_NIGHT + timedelta(days=night):%Y%m%d-%H%M%S}-{target.replace(':', '')}"


def _write_run(store: Store, recipe: Recipe, night: int, target: str) -> None:
    run_id, began = run_id_of(night, target), FIRST_NIGHT + timedelta(days=night)
    rng = np.random.default_rng([recipe.seed, night, len(target)])
    tables: dict[str, list[dict]] = {name: [] for name in ("figures", "cases", "samples", "details", "artifacts")}
    for index, card in enumerate(cards_of(recipe)):
        _measure(_Bench(tables, run_id, began, target, recipe, rng, card, index))
    store.write("papers", run_id, "papers", _papers(recipe))
    store.write("environments", run_id, "environment", [{"key": k, "value": v} for k, v in _environment(target, night).items()])
    options = json.dumps({"device": target, "plugins": "all"})
    run = {"started_at": began, "harness": "0.1.0", "options": options, "plan": "[]", "state": "running"}
    store.write("runs", run_id, "run", [run])
    for name, rows in tables.items():
        if rows:
            store.write(name, run_id, "sealed", rows)
    store.write("runs", run_id, "run", [run | {"ended_at": began + timedelta(hours=1), "state": "finished"}])


def _papers(recipe: Recipe) -> list[dict]:
    rows = [{"paper": c.slug, "card": json.dumps(card_to_dict(c)), "origin": "harness-papers", "status": "ok"} for c in cards_of(recipe)]
    if recipe.trouble:
        trace = 'Traceback (most recent call last):\n  File "torn.py", line 3, in <module>\n    import torch_scatter\nModuleNotFoundError: torch_scatter'
        message = "torn.py, line 3: No module named 'torch_scatter'; install it, or import it inside the hook that needs it"
        rows.append({"paper": "torn", "card": "", "origin": "torn.py", "status": "broken", "message": message, "traceback": trace})
    return rows


def _environment(target: str, night: int) -> dict[str, str]:
    return {
        **_MACHINES.get(target, {"cpu_model": "unknown"}),
        "os": "Debian GNU/Linux 12",
        "python": "3.11.2",
        "package.torch": "2.13.0" if night < 20 else "2.13.1",
        "threads": "2",
        "target": target,
        "git_commit": f"{0x3FA1000 + night:x}",
        "fitness_score": "71",
        "fitness_verdict": "fitness 71 of 100 (worst: memory): claims of 1.8% and more can be shown here",
    }


@dataclass
class _Bench:
    """One paper in one run, on its way into the tables."""

    tables: dict[str, list[dict]]
    run_id: str
    began: datetime
    target: str
    recipe: Recipe
    rng: np.random.Generator
    card: Paper
    index: int
    case: dict = field(default_factory=dict)

    def begin(self, variants, workload, params, meter, **ended) -> None:
        identity = {
            "paper": self.card.slug, "variant": ",".join(variants), "workload": workload, "scale": "small",
            "params": json.dumps(params, sort_keys=True), "target": self.target, "dtype": "native", "mode": "eager",
        }  # fmt: skip
        case_id = "-".join((self.card.slug, "+".join(variants), workload, meter, *map(str, params.values()), self.target))
        self.case = identity | {"case_id": case_id, "started_at": self.began}
        row = {"status": "ok", "message": "", "traceback": "", "seconds": 2.0, "repetitions": 3, "meter": meter, "reused_from": ""}
        self.tables["cases"].append(self.case | row | ended)

    def figure(self, variant, metric, value, unit, provenance="measured", meter="latency/perf_counter", width=None, **more) -> None:
        low, high = (None, None) if width is None else (value * (1 - width), value * (1 + width))
        row = {"metric": metric, "value": value, "low": low, "high": high, "unit": unit, "provenance": provenance, "meter": meter}
        extra = {"n": 3, "status": "ok", "message": "", "baseline": ""} | more
        self.tables["figures"].append(self.case | {"variant": variant} | row | extra)


def _measure(bench: _Bench) -> None:
    for workload in bench.card.workloads:
        for place, point in enumerate(bench.card.cost_points("small")):
            _latency(bench, workload.name, point, place)
            for order, variant in enumerate(bench.card.variant_names):
                _static(bench, variant, workload.name, point, order, place)
                _energy(bench, variant, workload.name, point, order, place)
    if bench.card.qualities:
        for order, variant in enumerate(bench.card.variant_names):
            _quality(bench, variant, order)


def _size(bench: _Bench, order: int, place: int) -> float:
    """Return a factor that grows with the variant and, faster for baselines, with the sweep point."""
    return (1.0 + 0.35 * order + 0.07 * (bench.index % 5)) * 2.0 ** (place * (1.0 + 0.5 * (order == 1)))


def _latency(bench: _Bench, workload: str, point: dict, place: int) -> None:
    names, rng = bench.card.variant_names, bench.rng
    if bench.recipe.trouble and bench.index == 1 and place == 2:
        trace = 'Traceback (most recent call last):\n  File "model.py", line 41, in forward\n    raise RuntimeError("shapes do not fit")\nRuntimeError'
        bench.begin(names, workload, point, "latency", status="failed", message="RuntimeError: shapes do not fit", traceback=trace)
        return
    bench.begin(names, workload, point, "latency")
    noisy = "noisy: steal 4% in 1 of 3 processes" if bench.recipe.trouble and bench.index % 7 == 2 else ""
    base = 0.0011 * _SPEED.get(bench.target, 1.0) * (3.0 if workload == "train_step" else 1.0) * (1 + bench.index % 9)
    medians = {}
    for order, variant in enumerate(names):
        seconds = base * _size(bench, order, place) * float(rng.lognormal(0, 0.01))
        medians[variant] = seconds
        width = float(rng.uniform(0.005, 0.03))
        bench.figure(variant, "latency", seconds, "s", width=width, message=noisy)
        bench.figure(variant, "latency_p90", seconds * 1.08, "s", message=noisy)
        bench.figure(variant, "latency_p99", seconds * 1.31, "s", message=noisy)
        bench.figure(variant, "first_call", seconds * 1.7, "s", width=0.2)
        bench.figure(variant, "throughput", 8 / seconds, "items/s", width=width)
        _blocks(bench, variant, seconds)
    for baseline in names[1:]:
        bench.figure(names[0], "latency_ratio", medians[names[0]] / medians[baseline], "1", width=0.012, baseline=baseline, message=noisy)


def _blocks(bench: _Bench, variant: str, seconds: float) -> None:
    for process in range(3):
        level = seconds * float(bench.rng.lognormal(0, 0.02))
        for position, value in enumerate(level * bench.rng.lognormal(0, 0.03, bench.recipe.samples)):
            row = {"variant": variant, "metric": "latency", "repetition": process, "position": position, "value": float(value), "unit": "s"}
            bench.tables["samples"].append({"case_id": bench.case["case_id"]} | row)


def _static(bench: _Bench, variant: str, workload: str, point: dict, order: int, place: int) -> None:
    bench.begin([variant], workload, point, "flops")
    macs = float(int(4.5e7 * _size(bench, order, place) * (1 + bench.index % 9)))
    counted = {"parameters": float(27_844_000 + 1_000_000 * order), "macs": macs, "flops": 2.1 * macs, "bytes_moved": macs / 12}
    for metric, value in (counted | {"ops_float": 2.1 * macs, "ops_lookup": 1e4, "ops_transcendental": macs / 900}).items():
        unit = "B" if metric == "bytes_moved" else "1"
        bench.figure(variant, metric, float(int(value)), unit, "counted", "flops/dispatch", width=0.0, n=1)
    shares = bench.rng.dirichlet(np.ones(len(_OPERATORS)))
    for name, share in zip(_OPERATORS, shares, strict=True):
        for metric, total, unit in (("flops", counted["flops"], "1"), ("bytes_moved", counted["bytes_moved"], "B"), ("calls", 40.0, "1")):
            row = {"variant": variant, "level": "operator", "name": name, "metric": metric, "value": float(total * share), "unit": unit}
            bench.tables["details"].append({"case_id": bench.case["case_id"]} | row)
    bench.begin([variant], workload, point, "memory")
    for metric, value in (("weights", 1.1e8), ("inputs", 6e5), ("peak_activation", 3.1e7 * _size(bench, order, place)), ("peak_rss", 6e8)):
        bench.figure(variant, metric, float(int(value)), "B", meter="memory/allocator", width=None if metric == "peak_rss" else 0.0, n=1)


def _energy(bench: _Bench, variant: str, workload: str, point: dict, order: int, place: int) -> None:
    if place:
        return
    if bench.target.startswith("ssh"):
        bench.begin([variant], workload, point, "energy", status="skipped", message="no energy source on ssh:pi4; see: harness devices")
        return
    if bench.recipe.trouble and bench.index == 2 and order == 1:
        bench.begin([variant], workload, point, "energy", status="timeout", message="stopped after 600 s, the limit")
        return
    bench.begin([variant], workload, point, "energy")
    provenance, meter = ("measured", "energy/nvml") if bench.target.startswith("cuda") else ("estimated", "energy/codecarbon")
    for metric, factor in (("energy", 1.0), ("energy_gross", 1.2), ("energy_net", 1.0)):
        joules = 0.03 * factor * _size(bench, order, place) * float(bench.rng.lognormal(0, 0.02))
        bench.figure(variant, metric, joules, "J", provenance, meter, width=0.04, n=5)


def _quality(bench: _Bench, variant: str, order: int) -> None:
    bench.begin([variant], "", bench.card.default_point("small"), "quality")
    for place, (name, way) in enumerate(bench.card.qualities.items()):
        level = 0.9 - 0.02 * order - 0.003 * (bench.index % 6) if way == "higher" else 0.1 + 0.02 * order
        values = level + bench.rng.normal(0, 0.004, 3)
        bench.figure(variant, name, float(values.mean()), "points" if place else "", meter="quality/metric", width=0.006)
        for seed, value in enumerate(values):
            row = {"variant": variant, "metric": name, "repetition": seed, "position": 0, "value": float(value), "unit": ""}
            bench.tables["samples"].append({"case_id": bench.case["case_id"]} | row)
    if order == 0 and bench.recipe.trouble:
        artifacts = [
            ("attention map", "image", "What the method looks at.", _png(bench.rng)),
            ("log", "text", "First lines.", b"step 0 loss 2.3\n<b>"),
        ]
        chart = {"data": {"values": [{"step": s, "loss": 2.3 / (1 + s)} for s in range(30)]}, "mark": "line"}
        chart["encoding"] = {"x": {"field": "step", "type": "quantitative"}, "y": {"field": "loss", "type": "quantitative"}}
        artifacts.append(("loss", "chart", "Training loss.", json.dumps(chart).encode()))
        for name, kind, caption, content in artifacts:
            row = {"variant": variant, "name": name, "kind": kind, "caption": caption, "content": content}
            bench.tables["artifacts"].append({"case_id": bench.case["case_id"]} | row)


def _png(rng: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    Picture.fromarray((rng.random((24, 24, 3)) * 255).astype(np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


@dataclass(frozen=True)
class MadeUpJudgement:
    """A judgement as the report takes it."""

    paper: str
    claim: str
    says: str
    source: str
    quantity: str
    subject: str
    baseline: str
    form: str
    claimed: float | tuple[float, float] | None
    measured: float | None
    low: float | None
    high: float | None
    verdict: str
    reason: str
    sentence: str
    scaled: bool
    run_id: str
    conditions: dict
    ours: bool


@dataclass(frozen=True)
class MadeUpSize:
    """A published size as the report takes it."""

    paper: str
    variant: str
    quantity: str
    published: str
    built: float | None
    verdict: str
    note: str


def judgements_of(recipe: Recipe) -> list[MadeUpJudgement]:
    """Return a judgement of every claim on every target, in every verdict there is."""
    rng = np.random.default_rng(recipe.seed)
    found = []
    for target in recipe.targets:
        for card in cards_of(recipe):
            found += [_judged(card, claim, run_id_of(recipe.nights - 1, target), rng) for claim in card.claims]
            scaled = [replace(j, scaled=True) for j in found[-len(card.claims) :] if j.verdict == "not testable here"]
            found += [replace(j, verdict="inconclusive", measured=0.98, low=0.9, high=1.06, form="order", claimed=None) for j in scaled]
    return found


def _judged(card: Paper, claim: Claim, run_id: str, rng: np.random.Generator) -> MadeUpJudgement:
    verdicts = ("upheld", "consistent", "direction only", "inconclusive", "refuted", "not testable here")
    verdict = verdicts[int(rng.integers(len(verdicts)))]
    aim = claim.claimed if isinstance(claim.claimed, (int, float)) else 1.05
    value = float(aim * rng.uniform(0.6, 1.6)) if verdict != "not testable here" else None
    low, high = (value - abs(value) * 0.04, value + abs(value) * 0.04) if value is not None else (None, None)
    reason = {"not testable here": "needs-device", "inconclusive": "includes-no-effect"}.get(verdict, "interval")
    sentence = f"{claim.subject} against {claim.baseline or 'its own growth'}: {claim.says} Here: {verdict}."
    return MadeUpJudgement(
        card.slug, claim.id, claim.says, claim.source, claim.quantity, claim.subject, claim.baseline, claim.form, claim.claimed,
        value, low, high, verdict, reason, sentence, False, run_id, {"device": "cuda"} if value is None else {}, claim.ours,
    )  # fmt: skip


def sizes_of(recipe: Recipe) -> list[MadeUpSize]:
    """Return a verdict on every published size."""
    cases = (
        ("match", 27_844_000.0, ""),
        ("within convention", 4.49e9, "the authors count no softmax"),
        ("differs", 4.9e9, "9% more"),
        ("not built", None, "needs 7 GB"),
    )
    sizes = []
    for index, card in enumerate(cards_of(recipe)):
        for place, size in enumerate(card.sizes):
            verdict, built, note = cases[(index + place) % len(cases)]
            sizes.append(MadeUpSize(card.slug, size.variant, size.quantity, size.printed, built, verdict, note))
    return sizes
