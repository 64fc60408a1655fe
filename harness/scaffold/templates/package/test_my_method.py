"""What must be true of the method itself: shapes, invariants, limits that the paper derives. The contract is checked without a line here."""

import pytest

from harness.testing import bench


@pytest.mark.parametrize("variant", ["mine", "plain"])
def test_one_number_a_row(variant: str) -> None:
    lab = bench("my_method", batch=5)
    assert lab.model(variant)(*lab.data().inputs).shape == (5, 1)


def test_training_helps() -> None:
    lab = bench("my_method")
    assert lab.metric("mine")["mse"].value < lab.metric("mine", lab.model("mine"))["mse"].value
