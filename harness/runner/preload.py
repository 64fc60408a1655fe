"""What the children of a fork server would each import anew, imported once.

A second and a half of torch for the first step of an optimizer and for the first operator on `meta`; half a second of codecarbon for its table of
processors.
"""

from __future__ import annotations

import importlib
from contextlib import suppress

for _name in ("torch._dynamo", "codecarbon.core.cpu"):
    with suppress(ImportError):
        importlib.import_module(_name)
