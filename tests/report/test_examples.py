import doctest
import importlib

import pytest

NAMES = ("notation.numbers", "notation.points", "notation.units", "prose")


@pytest.mark.parametrize("name", NAMES)
def test_every_example_gives_what_it_says(name):
    done = doctest.testmod(importlib.import_module(f"harness.report.{name}"))
    assert done.attempted > 0 and done.failed == 0
