"""Sentences of cards: plain text in which `backticks` mark code."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")


def prose(text: str) -> Markup:
    """Return escaped text with what stands in backticks as code.

    >>> str(prose("at `small` scale, a < b"))
    'at <code>small</code> scale, a &lt; b'
    """
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))
