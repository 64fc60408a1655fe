"""The examples in the manuals of the packages run."""

import doctest

import pytest

import harness.sources
import harness.targets


@pytest.mark.parametrize("module", [harness.sources, harness.targets], ids=lambda m: m.__name__)
def test_examples_of_package_manuals(module):
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0
