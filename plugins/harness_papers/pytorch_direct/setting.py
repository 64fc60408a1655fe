"""The numbers of each scale."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """How large graph, table and network are.

    Attributes:
        nodes: Of the graph that is trained on; the karate club has its own 34.
        classes: Communities.
        hidden: Width of the network.
        fan_out: Neighbours drawn of a seed, and of each of these.
        batch: Seeds a step.
        epochs: Of a fit.
        timed_batches: Training steps in one timed call.
        table_rows: Rows of the table of the microbenchmark.
        gathered: Rows that one call of the microbenchmark gathers.
    """

    nodes: int
    classes: int
    hidden: int
    fan_out: tuple[int, int]
    batch: int
    epochs: int
    timed_batches: int
    table_rows: int
    gathered: int


FAN_OUT = (10, 25)

SETTINGS = {
    # Nothing here is larger than a cache: a smoke run shows that it works, and no time.
    "smoke": Setting(34, 2, 16, (3, 3), 8, 10, 2, 2_000, 500),
    # 200,000 rows of 128 floats are 102 MB, more than most caches; 65,536 of them are gathered.
    "small": Setting(20_000, 16, 64, FAN_OUT, 512, 3, 4, 200_000, 65_536),
    "paper": Setting(500_000, 41, 256, FAN_OUT, 1024, 3, 8, 2_000_000, 65_536),
}
