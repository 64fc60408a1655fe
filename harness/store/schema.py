"""Arrow schemas of all tables. Every unit is in a column's name or in the column `unit` beside the value."""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 1
"""Raised when a column changes its meaning or goes away; an older store is read, a newer one refused."""

_TEXT, _REAL, _WHOLE, _TIME = pa.string(), pa.float64(), pa.int64(), pa.timestamp("us", tz="UTC")

_CASE = [
    ("run_id", _TEXT),
    ("case_id", _TEXT),
    ("paper", _TEXT),
    ("variant", _TEXT),
    ("workload", _TEXT),
    ("scale", _TEXT),
    ("params", _TEXT),
    ("target", _TEXT),
    ("dtype", _TEXT),
    ("mode", _TEXT),
]

FIGURES = pa.schema(
    [
        *_CASE,
        ("metric", _TEXT),
        ("baseline", _TEXT),
        ("value", _REAL),
        ("low", _REAL),
        ("high", _REAL),
        ("n", _WHOLE),
        ("unit", _TEXT),
        ("provenance", _TEXT),
        ("meter", _TEXT),
        ("status", _TEXT),
        ("message", _TEXT),
        ("started_at", _TIME),
    ]
)
"""One row per figure. `low`/`high` are the 95% interval; `baseline` is the denominator's variant where the metric is a ratio."""

CASES = pa.schema(
    [
        *_CASE,
        ("meter", _TEXT),
        ("content_key", _TEXT),
        ("status", _TEXT),
        ("message", _TEXT),
        ("traceback", _TEXT),
        ("seconds", _REAL),
        ("repetitions", _WHOLE),
        ("threads", _WHOLE),
        ("inputs", _TEXT),
        ("started_at", _TIME),
        ("reused_from", _TEXT),
    ]
)
"""One row per case that has ended, however it ended. `variant` lists the variants of a paired case, comma-separated; `threads` is what torch said it
used, and `inputs` a hash of what the work was given, both from inside the process."""

SAMPLES = pa.schema(
    [
        ("run_id", _TEXT),
        ("case_id", _TEXT),
        ("variant", _TEXT),
        ("metric", _TEXT),
        ("repetition", _WHOLE),
        ("position", _WHOLE),
        ("value", _REAL),
        ("unit", _TEXT),
    ]
)
"""Raw samples: `repetition` is the process or the seed, `position` the order within it."""

DETAILS = pa.schema(
    [
        ("run_id", _TEXT),
        ("case_id", _TEXT),
        ("variant", _TEXT),
        ("level", _TEXT),
        ("name", _TEXT),
        ("metric", _TEXT),
        ("value", _REAL),
        ("unit", _TEXT),
    ]
)
"""Break-downs: `level` is `operator` or `module`, `name` the operator or the module's path."""

ARTIFACTS = pa.schema(
    [
        ("run_id", _TEXT),
        ("case_id", _TEXT),
        ("variant", _TEXT),
        ("name", _TEXT),
        ("kind", _TEXT),
        ("caption", _TEXT),
        ("content", pa.binary()),
    ]
)
"""What `artifacts` returned: `kind` is `image` (PNG), `chart` (Vega-Lite JSON) or `text` (UTF-8)."""

PAPERS = pa.schema(
    [
        ("run_id", _TEXT),
        ("paper", _TEXT),
        ("card", _TEXT),
        ("origin", _TEXT),
        ("status", _TEXT),
        ("message", _TEXT),
        ("traceback", _TEXT),
    ]
)
"""The card, as JSON, of every plugin that a run selected, broken ones included; so a report needs nothing but the store."""

ENVIRONMENTS = pa.schema([("run_id", _TEXT), ("key", _TEXT), ("value", _TEXT)])
"""The machine and software of a run, one row per fact. No user name, host name or path."""

RUNS = pa.schema(
    [
        ("run_id", _TEXT),
        ("started_at", _TIME),
        ("ended_at", _TIME),
        ("harness", _TEXT),
        ("options", _TEXT),
        ("plan", _TEXT),
        ("state", _TEXT),
    ]
)
"""A run's options and plan (JSON), `state` being `running` or `finished`; the newest row counts."""

TABLES: dict[str, pa.Schema] = {
    "figures": FIGURES,
    "cases": CASES,
    "samples": SAMPLES,
    "details": DETAILS,
    "artifacts": ARTIFACTS,
    "papers": PAPERS,
    "environments": ENVIRONMENTS,
    "runs": RUNS,
}
