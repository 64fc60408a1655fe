import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import harness.stats

MODULES = ["harness.stats", *(module.name for module in pkgutil.iter_modules(harness.stats.__path__, "harness.stats."))]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_nothing_here_imports_torch():
    program = f"import sys, {', '.join(MODULES)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
