"""What the store says, read once: runs, places, cards, the figures that count now, and their history."""

from harness.report.facts.facts import Facts, load

__all__ = ["Facts", "load"]
