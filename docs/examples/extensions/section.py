"""A report section: how many figures were had in which way, on the overview and on every paper's page."""

from collections import Counter

from harness import hookimpl
from harness.plugin import Section


@hookimpl
def report_sections(paper, figures):
    counts = Counter(figure["provenance"] for figure in figures)
    rows = [(how, str(count)) for how, count in sorted(counts.items())]
    whose = f"of `{paper}`" if paper else "of all papers"
    return [Section("Where the figures come from", f"The figures {whose}, by how they were had.", ("Had by", "Figures"), rows)]
