"""A store in which every string that a plugin owns tries to break out of the page."""

import json
from dataclasses import replace

from harness import Claim, Paper, PublishedSize, Scaled, Variant
from tests.report.synthetic import Recipe, judgements_of, sizes_of, write_store

SCRIPT = "<script>alert(1)</script><script>window.hacked = 1</script>"
IMAGE = '"><img src=x onerror="window.hacked = 2">'
ENTITY = "&lt;img src=x onerror=window.hacked=3&gt;&quot;"
CLOSING = "</script></style></textarea><svg onload=window.hacked=4>"
ALL = SCRIPT + IMAGE + ENTITY + CLOSING

CARD = Paper(
    slug="hostile",
    title=SCRIPT,
    arxiv=IMAGE,
    year=2024,
    family=f"../../{CLOSING}",
    task=ALL,
    method=f"`{IMAGE}` {ALL}",
    variants=[Variant(f"ours {IMAGE}", ALL, subject=True), Variant(f"base {SCRIPT}", ALL), Variant("third", ALL)],
    sweep={f"axis {IMAGE}": (64, 128, 256)},
    qualities={IMAGE: "higher", SCRIPT: "lower"},
    sizes=[PublishedSize(f"ours {IMAGE}", "parameters", "27.8 M", source=ALL, input=ALL, convention=ALL)],
    claims=[
        Claim(
            f"c {IMAGE}",
            "latency",
            f"ours {IMAGE}",
            f"base {SCRIPT}",
            ratio=0.5,
            source=ALL,
            says=ALL,
            measured_on=ALL,
            scaled=Scaled(order=True, why=ALL),
        ),
        Claim("d", IMAGE, f"ours {IMAGE}", f"base {SCRIPT}", difference=0.1, source=ALL, says=ALL),
    ],
    deviations=[ALL],
    readings=[ALL],
    findings=[ALL],
    data=ALL,
    code="javascript:window.hacked=5",
)
RECIPE = Recipe(cards=(CARD,), targets=("cpu",), nights=3)
FETCHING = {
    "data": {"url": "https://example.com/secret.csv"},
    "mark": {"type": "image", "url": "https://example.com/pixel.png"},
    "encoding": {"x": {"field": "a"}, "href": {"value": "javascript:window.hacked=6"}, "tooltip": {"value": IMAGE}},
    "usermeta": {"embedOptions": {"actions": True, "loader": {"baseURL": "https://example.com"}}},
}


def write_hostile(location):
    """Write the store: hostile messages, tracebacks, facts of the machine and artifacts too."""
    store = write_store(location, RECIPE)
    run_id = store.run_ids()[-1]
    figures = store.read("figures", [run_id]).to_pylist()
    for figure in figures:
        figure["message"] = f"noisy: {ALL}"
    store.write("figures", run_id, "sealed", figures)
    cases = store.read("cases", [run_id]).to_pylist()
    for case in [c for c in cases if c["meter"] == "energy"]:
        case |= {"status": "failed", "message": ALL, "traceback": ALL}
    store.write("cases", run_id, "sealed", cases)
    store.write(
        "environments", run_id, "environment", [{"key": key, "value": ALL} for key in ("cpu_model", "os", "fitness_verdict", IMAGE)]
    )
    papers = store.read("papers", [run_id]).to_pylist()
    papers.append({"paper": IMAGE, "card": "", "origin": ALL, "status": "broken", "message": ALL, "traceback": ALL})
    store.write("papers", run_id, "papers", papers)
    artifacts = [("text", ALL.encode()), ("image", ALL.encode()), ("chart", json.dumps(FETCHING).encode()), ("chart", ALL.encode())]
    case = next(c for c in cases if c["meter"] == "quality")
    rows = [
        {"case_id": case["case_id"], "variant": case["variant"], "name": f"{i} {IMAGE}", "kind": kind, "caption": ALL, "content": content}
        for i, (kind, content) in enumerate(artifacts)
    ]
    store.write("artifacts", run_id, "sealed", rows)
    return store


def hostile_judgements():
    return [replace(j, reason=ALL, sentence=ALL, conditions={IMAGE: ALL}) for j in judgements_of(RECIPE)]


def hostile_sizes():
    return [replace(size, note=ALL, published=IMAGE) for size in sizes_of(RECIPE)]
