"""Where pages lie, from the root of the site."""

from __future__ import annotations

from urllib.parse import quote

from harness.report.notation.points import file_slug

INDEX, LEDGER, MACHINES, FAILURES, READING = "index.html", "claims.html", "machines.html", "failures.html", "reading.html"


def paper_path(slug: str) -> str:
    """Return the page of a paper."""
    return f"paper/{file_slug(slug)}.html"


def family_path(family: str) -> str:
    """Return the page of a family."""
    return f"family/{file_slug(family)}.html"


def outside(address: str) -> str:
    """Return an address that may be linked to: the web's alone; empty for anything else a card may hold."""
    return address if address.startswith(("https://", "http://")) else ""


def arxiv_address(arxiv: str) -> str:
    """Return the address of a paper on arXiv; empty where there is none."""
    return f"https://arxiv.org/abs/{quote(arxiv)}" if arxiv else ""
