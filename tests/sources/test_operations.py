import pytest

from harness.sources.energy.operations import ARITHMETIC, modelled_energy


def test_the_table_is_the_papers():
    """Horowitz, ISSCC 2014: picojoules at 45 nm."""
    assert (ARITHMETIC["int8"].add_pj, ARITHMETIC["int8"].mul_pj) == (0.03, 0.2)
    assert (ARITHMETIC["fp16"].add_pj, ARITHMETIC["fp16"].mul_pj) == (0.4, 1.1)
    assert (ARITHMETIC["fp32"].add_pj, ARITHMETIC["fp32"].mul_pj) == (0.9, 3.7)


def test_resnet_18_in_fp32_and_int8():
    """1,814,073,344 MACs: 4.6 pJ each in fp32, 0.23 pJ in int8, twenty times less."""
    macs = 1_814_073_344
    fp32, int8 = modelled_energy({"fp32": macs}), modelled_energy({"int8": macs})
    assert fp32.total_j == pytest.approx(8.3447e-3, rel=1e-4)
    assert fp32.total_j / int8.total_j == pytest.approx(20.0)


def test_additions_multiplications_and_bytes_are_added():
    found = modelled_energy({}, adds={"fp32": 2e12}, muls={"int8": 5e12}, moved={"dram": 8e9, "sram_8k": 8e9})
    assert found.arithmetic_j == pytest.approx(2 * 0.9 + 5 * 0.2)
    assert found.memory_j == pytest.approx(1.3 + 0.01)
    assert found.total_j == found.arithmetic_j + found.memory_j


def test_what_the_table_does_not_have_is_listed_and_not_zero_in_silence():
    found = modelled_energy({"fp32": 1, "fp8": 7}, adds={"fp8": 3}, moved={"tape": 5})
    assert found.uncovered == {"fp8": 10, "tape": 5}
