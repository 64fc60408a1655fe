import pytest
import torch

from harness.meters.flops.counter import count
from harness.meters.flops.operation_energy import operation_energy


def energy_of(run):
    return operation_energy(count(run).entries)


def test_a_product_costs_a_multiplication_and_an_addition_each():
    x = torch.ones(10, 20)
    found = energy_of(lambda: x @ x.T)
    assert found.arithmetic_j == pytest.approx(10 * 20 * 10 * (0.9 + 3.7) * 1e-12)
    assert not found.uncovered


def test_half_precision_and_8_bit_products_cost_less():
    half, byte = torch.ones(10, 20, dtype=torch.float16), torch.ones(32, 32, dtype=torch.int8)
    assert energy_of(lambda: half @ half.T).arithmetic_j == pytest.approx(2000 * (0.4 + 1.1) * 1e-12)
    assert energy_of(lambda: torch._int_mm(byte, byte)).arithmetic_j == pytest.approx(32**3 * (0.03 + 0.2) * 1e-12)


def test_element_wise_work_is_charged_as_additions():
    x = torch.ones(100)
    assert energy_of(lambda: x + x).arithmetic_j == pytest.approx(100 * 0.9e-12)


def test_what_the_table_has_no_cost_for_is_named_and_in_no_sum():
    x = torch.ones(100)
    found = energy_of(x.exp)
    assert (found.arithmetic_j, dict(found.uncovered)) == (0.0, {"transcendental": 100})
    wide = torch.ones(4, 4, dtype=torch.float64)
    assert energy_of(lambda: wide @ wide).uncovered == {"float64": 64}
