"""The observers that extensions bring: told of every case and of the end, and never able to stop a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.plugin.events import CaseEnded, RunEnded, RunObserver
from harness.plugin.extensions import lacks, load_extensions
from harness.runner.rows import Rows


class Observers:
    """The observers of one run.

    Args:
        run_id: The run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._observers: list[tuple[str, RunObserver]] = []
        self._told: set[str] = set()
        extensions = load_extensions()
        for answer in extensions.ask("run_observers", run_id=run_id):
            for observer in answer.members:
                if missing := lacks(observer, ("case_ended", "run_ended")):
                    extensions.refuse(answer.extension, f"observer {missing}; give it")
                else:
                    self._observers.append((answer.extension, observer))

    def report_broken(self, note: Callable[[str], None]) -> None:
        """Say which extensions cannot be used, and why."""
        for name, reason in load_extensions().errors.items():
            note(f"broken: extension {name}: {reason}")

    def case_ended(self, tables: Mapping[str, Rows], note: Callable[[str], None]) -> None:
        """Tell that a case has ended, with its rows of the store."""
        (case,) = tables["cases"]
        event = CaseEnded(self._run_id, case, tables["figures"])
        self._tell(lambda observer: observer.case_ended(event), "case_ended", note)

    def run_ended(self, event: RunEnded, note: Callable[[str], None]) -> None:
        """Tell that the run has ended."""
        self._tell(lambda observer: observer.run_ended(event), "run_ended", note)

    def _tell(self, call: Callable[[RunObserver], None], method: str, note: Callable[[str], None]) -> None:
        for extension, observer in self._observers:
            try:
                call(observer)
            except (Exception, SystemExit) as error:
                said = f"extension {extension}: {type(observer).__name__}.{method} raised {type(error).__name__}: {error}"
                if said not in self._told:  # a chat that is down would say the same for each of a thousand cases
                    self._told.add(said)
                    note(f"{said}; the run goes on")
