import pytest

from harness.sources.clock import FakeClock
from harness.sources.noise import BLOCK_S, KERNELS, MIN_BLOCKS, measure, time_kernel


def test_sides_alternate_and_a_block_is_as_long_as_the_latency_meters():
    order = []
    with FakeClock() as clock:

        def make():
            side = len(made)
            made.append(side)

            def kernel():
                order.append(side)
                clock.advance(0.001 * (1 + side))

            return kernel

        made = []
        times = time_kernel(make, seconds=0.1)
    calls = round(BLOCK_S / 0.001)
    blocks = order[6:][::calls]  # three calls of each side warm up
    assert blocks[:4] == [0, 1, 1, 0]
    assert times.a == pytest.approx([0.001] * len(times.a))
    assert times.b == pytest.approx([0.002] * len(times.b))
    assert len(times.a) == len(times.b) > MIN_BLOCKS


def test_however_slow_the_work_there_are_blocks_enough_for_a_spread():
    with FakeClock() as clock:
        times = time_kernel(lambda: lambda: clock.advance(5.0), seconds=0.1)
    assert len(times.a) == len(times.b) == MIN_BLOCKS


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_do_real_work(name):
    assert KERNELS[name]() is not KERNELS[name]()
    KERNELS[name]()()


def test_the_known_work_runs_in_fresh_processes():
    noise = measure(seconds=0.1, processes=2)
    assert noise.kernels.keys() == {"compute", "cache", "memory"}
    for seen in noise.kernels.values():
        assert len(seen) == 2
        assert all(len(one.a) == len(one.b) >= MIN_BLOCKS and min(*one.a, *one.b) > 0 for one in seen)
    assert noise.guard.seconds > 0
