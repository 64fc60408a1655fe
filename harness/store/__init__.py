"""Results as parquet: long format, append-only, one immutable part per case, partitioned by run.

    results/
      store.json                          the schema's version
      figures/run=<run>/<case>.parquet    one row per figure
      cases/run=<run>/<case>.parquet      one row per case; written last, so it is what makes a case count
      ...                                 samples, details, artifacts, papers, environments, runs

A part is written under a temporary name and moved into place. A case counts once its row in `cases` is there; whatever a killed run left
without one is ignored by readers and overwritten by `--resume`. A finished run is sealed: its parts become one file a table.
"""

from harness.store.schema import TABLES
from harness.store.store import Store

__all__ = ["TABLES", "Store"]
