"""What the children of a fork server would each load anew, loaded once.

A second and a half of torch for the first step of an optimizer and for the first operator on `meta`; half a second for codecarbon's table of
processors, with pandas, which reads it; and as much for scikit-learn, from which many plugins have their data, where it is installed. Nothing of a
plugin.
"""

from __future__ import annotations

import importlib
from contextlib import suppress

from harness.sources.energy import codecarbon

importlib.import_module("torch._dynamo")
with suppress(ImportError):
    importlib.import_module("sklearn.datasets")
with suppress(Exception):  # whatever is wrong with codecarbon, the case that needs it will say; all others do without
    codecarbon.source()
