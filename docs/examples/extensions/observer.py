"""An observer of runs: one line of JSON for each case and for the end, in the file that HARNESS_EVENTS names.

A tracker or a chat takes the place of the file: send where this example writes.
"""

import json
import os
from pathlib import Path

from harness import hookimpl


class EventLog:
    """Appends what happens to a file."""

    def __init__(self, path):
        self.path = Path(path)

    def case_ended(self, event):
        figures = {f"{row['variant']}/{row['metric']}": row["value"] for row in event.figures}
        self.write(
            {"run": event.run_id, "paper": event.case["paper"], "meter": event.case["meter"], "status": event.case["status"], **figures}
        )

    def run_ended(self, event):
        self.write({"run": event.run_id, "ended": dict(event.cases), "reused": event.reused, "broken": event.broken})

    def write(self, line):
        with self.path.open("a") as log:
            log.write(json.dumps(line) + "\n")


@hookimpl
def run_observers(run_id):
    """Watch only where somebody wants to know."""
    path = os.environ.get("HARNESS_EVENTS", "")
    return [EventLog(path)] if path else []
