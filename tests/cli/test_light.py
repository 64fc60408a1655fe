"""Listing stays instant: neither the package nor `harness list` loads torch, and `list` costs little over its libraries."""

import json
import subprocess
import sys

import pytest

HEAVY = ["torch", "numpy", "pandas", "pyarrow", "sklearn", "scipy"]


def loaded_after(code):
    script = f"import sys, json, os\n{code}\nsys.stderr.write(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "code",
    [
        "import harness",
        "from harness.plugin.discovery import discover; assert discover()",
        "from harness.cli.main import app; app(['list'], standalone_mode=False)",
        "from harness.cli.main import app; app(['show', 'hilo'], standalone_mode=False)",
    ],
)
def test_listing_loads_nothing_heavy(code):
    assert loaded_after(code) == []
