"""Open, write and query a store."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from harness.errors import HarnessError, nearest
from harness.store.files import Files
from harness.store.schema import SCHEMA_VERSION, TABLES
from harness.version import __version__

_MARKER = "store.json"
_SEALED = "sealed.parquet"
_CASE_TABLES = ("figures", "samples", "details", "artifacts", "cases")
"""Tables with one part per case; `cases` last, since its row is what makes the others count."""

Rows = Sequence[Mapping[str, Any]]


class Store:
    """A parquet data set of runs.

    Args:
        location: A folder or a URL.

    Raises:
        HarnessError: when the store was written by a newer harness, or its marker cannot be read.
    """

    def __init__(self, location: str | Path) -> None:
        self._files = Files(location)
        self.location = self._files.location
        if self._files.exists(_MARKER):
            self._check_version()

    def _check_version(self) -> None:
        try:
            version = int(self._files.read_json(_MARKER)["schema"])
        except (ValueError, KeyError, TypeError) as error:
            raise HarnessError(f"store {self.location!r}: {_MARKER} cannot be read ({error}); is this a results folder?") from error
        if version > SCHEMA_VERSION:
            known = f"this harness {__version__} knows up to {SCHEMA_VERSION}"
            raise HarnessError(f"store {self.location!r} has schema {version}, {known}; upgrade paper-harness, or give another --store")

    def prepare(self) -> None:
        """Make the store ready to be written.

        Raises:
            HarnessError: when it cannot be written, before anything has been measured.
        """
        try:
            if not self._files.exists(_MARKER):
                self._files.write_json({"schema": SCHEMA_VERSION, "created_by": f"paper-harness {__version__}"}, _MARKER)
            else:
                self._files.write_json({}, ".writable")
                self._files.remove(".writable")
        except OSError as error:
            raise HarnessError(
                f"store {self.location!r} cannot be written: {error}; give another --store or mend its permissions"
            ) from error

    def begin(self, run_id: str, options: Mapping[str, Any], plan: Sequence[str]) -> None:
        """Record a run's options and planned cases, before its first case."""
        self._write_run(run_id, "running", options, plan)

    def finish(self, run_id: str) -> None:
        """Record that a run has ended, and seal it."""
        record = self.run(run_id)
        self._write_run(run_id, "finished", json.loads(record["options"]), json.loads(record["plan"]), record["started_at"])
        for table in sorted(TABLES, key=lambda name: name == "cases"):  # last: the parts of `cases` say which of the others count
            self._seal(table, run_id)

    def _write_run(
        self, run_id: str, state: str, options: Mapping[str, Any], plan: Sequence[str], started_at: datetime | None = None
    ) -> None:
        now = datetime.now(UTC)
        row = {
            "started_at": started_at or now,
            "ended_at": now if state == "finished" else None,
            "harness": __version__,
            "options": json.dumps(dict(options)),
            "plan": json.dumps(list(plan)),
            "state": state,
        }
        self.write("runs", run_id, "run", [row])

    def write(self, table: str, run_id: str, part: str, rows: Rows) -> None:
        """Write one part of a table; a part of the same name is replaced."""
        schema = TABLES[table]
        full = [dict.fromkeys(schema.names) | dict(row) | {"run_id": run_id} for row in rows]
        self._files.write_table(pa.Table.from_pylist(full, schema=schema), table, f"run={run_id}", f"{part}.parquet")

    def write_case(self, run_id: str, case_id: str, tables: Mapping[str, Rows]) -> None:
        """Write everything about one case; it counts once this returns, and not before."""
        for table in _CASE_TABLES:
            if rows := tables.get(table, ()):
                self.write(table, run_id, case_id, rows)

    def read(self, table: str, runs: Collection[str] | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of a table, of all runs or of some; rows of cases that did not end are left out."""
        wanted = self.run_ids() if runs is None else [self._known(run) for run in runs]
        parts = [self._read_run(table, run, columns) for run in wanted]
        schema = TABLES[table] if columns is None else pa.schema([TABLES[table].field(c) for c in columns])
        return pa.concat_tables([schema.empty_table(), *parts], promote_options="default")

    def _read_run(self, table: str, run_id: str, columns: Sequence[str] | None) -> pa.Table:
        folder = f"run={run_id}"
        names = self._files.names(table, folder)
        ended = set(self._files.names("cases", folder))
        if _SEALED in names:
            names = [_SEALED]
        elif table in _CASE_TABLES:
            names = [name for name in names if name in ended]
        chosen = None if columns is None else list(columns)
        tables = [self._files.read_table(table, folder, name, columns=chosen) for name in names]
        return pa.concat_tables(tables) if tables else TABLES[table].empty_table().select(chosen or TABLES[table].names)

    def _seal(self, table: str, run_id: str) -> None:
        folder = f"run={run_id}"
        parts = [name for name in self._files.names(table, folder) if name != _SEALED]
        if parts:
            self._files.write_table(self._read_run(table, run_id, None), table, folder, _SEALED)
        for name in parts:
            self._files.remove(table, folder, name)

    def run_ids(self) -> list[str]:
        """Return every run, oldest first."""
        return [name.removeprefix("run=") for name in self._files.names("runs") if name.startswith("run=")]

    def run(self, run_id: str) -> dict[str, Any]:
        """Return the newest row of `runs` for one run."""
        rows = self._read_run("runs", self._known(run_id), None).to_pylist()
        return max(rows, key=lambda row: row["state"] == "finished")

    def latest(self, state: str | None = None) -> str:
        """Return the newest run, or the newest in a state.

        Raises:
            HarnessError: when there is none.
        """
        for run_id in reversed(self.run_ids()):
            if state is None or self.run(run_id)["state"] == state:
                return run_id
        raise HarnessError(f"store {self.location!r} holds no {state or ''} run".replace("  ", " ") + "; run: harness run")

    def finished_cases(self, run_id: str) -> set[str]:
        """Return the ids of the cases of a run that have ended."""
        return set(self._read_run("cases", run_id, ["case_id"])["case_id"].to_pylist())

    def measured(self, content_keys: Collection[str]) -> dict[str, tuple[str, str]]:
        """Return `{content key: (run, case)}` for the keys that ended `ok` before; the newest run wins."""
        columns = ["run_id", "case_id", "content_key", "status"]
        cases = self.read("cases", columns=columns)
        chosen = cases.filter(
            pc.and_(pc.equal(cases["status"], "ok"), pc.is_in(cases["content_key"], pa.array(list(content_keys), pa.string())))
        )
        return {row["content_key"]: (row["run_id"], row["case_id"]) for row in chosen.to_pylist()}

    def case_tables(self, run_id: str, case_ids: Collection[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Return every row of some cases of a run: `{case: {table: rows}}`."""
        wanted = pa.array(list(case_ids), pa.string())
        found: dict[str, dict[str, list[dict[str, Any]]]] = {case_id: {table: [] for table in _CASE_TABLES} for case_id in case_ids}
        for table in _CASE_TABLES:
            rows = self._read_run(table, run_id, None)
            for row in rows.filter(pc.is_in(rows["case_id"], wanted)).to_pylist():
                found[row["case_id"]][table].append(row)
        return found

    def _known(self, run_id: str) -> str:
        if run_id not in self.run_ids():
            raise HarnessError(f"there is no run {run_id!r} in store {self.location!r}; {nearest(run_id, self.run_ids())}")
        return run_id
