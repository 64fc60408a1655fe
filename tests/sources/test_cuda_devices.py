from types import SimpleNamespace

import pytest

from harness.errors import HarnessError
from harness.sources import cuda_devices
from harness.sources.clock import FakeClock
from harness.sources.cuda_devices import find, visible
from harness.sources.nvml import Nvml
from sources.fakes import FakeGpu, FakeNvml

ASK_TORCH = cuda_devices._torch_uuid
UUIDS = ("GPU-aaaa1111-0", "GPU-aaaa2222-1", "GPU-bbbb3333-2")


def devices(names=("H100", "H100", "H100"), migs=((), (), ())):
    with FakeClock() as clock:
        boards = [FakeGpu(clock, name=n, uuid=u, migs=m) for n, u, m in zip(names, UUIDS, migs, strict=True)]
    return Nvml(FakeNvml(*boards)).devices()


def shown(setting, **board_settings):
    environ = {} if setting is None else {"CUDA_VISIBLE_DEVICES": setting}
    return [(d.physical.index, d.mig_uuid) for d in visible(devices(**board_settings), environ)]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("2,0", [2, 0]),
        (" 1 , 2 ", [1, 2]),
        ("1,-1,2", [1]),
        ("1,7,2", [1]),
        ("GPU-bbbb3333-2,GPU-aaaa1111-0", [2, 0]),
        ("GPU-bbbb,1", [2, 1]),
        ("GPU-aaaa,1", []),  # two boards begin so: CUDA stops here
        ("nonsense,1", []),
        ("NoDevFiles", []),
    ],
)
def test_cuda_numbers_the_boards_as_the_environment_says(setting, expected):
    assert shown(setting) == [(index, "") for index in expected]


def test_ordinals_count_what_is_shown_not_what_is_there():
    first, second = visible(devices(), {"CUDA_VISIBLE_DEVICES": "2,0"})
    assert (first.ordinal, first.physical.uuid) == (0, UUIDS[2])
    assert (second.ordinal, second.physical.uuid) == (1, UUIDS[0])


MIGS = ((), ("MIG-c0ffee-1", "MIG-c0ffee-2"), ())


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("MIG-c0ffee-2", [(1, "MIG-c0ffee-2")]),
        ("MIG-c0ffee", []),  # names both
        ("MIG-GPU-aaaa2222-1/3/0", [(1, "MIG-GPU-aaaa2222-1/3/0")]),
        ("MIG-GPU-none/3/0", []),
        ("1", [(1, "MIG-c0ffee-1")]),  # a partitioned board shows its first instance
    ],
)
def test_mig_instances_point_at_their_board(setting, expected):
    assert shown(setting, migs=MIGS) == expected


def test_naming_a_board_twice_is_refused():
    with pytest.raises(HarnessError, match="names 'GPU-aaaa1111' twice"):
        shown("0,GPU-aaaa1111")


def test_numbers_of_unlike_boards_are_refused_unless_ordered_by_bus():
    unlike = devices(names=("H100", "A2", "H100"))
    with pytest.raises(HarnessError, match="CUDA_DEVICE_ORDER=PCI_BUS_ID"):
        visible(unlike, {"CUDA_VISIBLE_DEVICES": "0"})
    with pytest.raises(HarnessError, match="by speed"):
        visible(unlike, {})
    by_bus = visible(unlike, {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    by_name = visible(unlike, {"CUDA_VISIBLE_DEVICES": "GPU-aaaa2222"})
    assert [d.physical.name for d in (*by_bus, *by_name)] == ["A2", "A2"]


def test_an_ordinal_that_is_not_shown_is_none():
    assert find(1, devices(), {"CUDA_VISIBLE_DEVICES": "2"}) is None
    assert find(0, devices(), {"CUDA_VISIBLE_DEVICES": "2"}).physical.index == 2


def test_in_a_worker_torch_says_which_board_it_is(monkeypatch):
    fastest_first = [UUIDS[2], UUIDS[0]]
    cuda = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 2,
        get_device_properties=lambda i: SimpleNamespace(uuid=fastest_first[i].removeprefix("GPU-")),
    )
    monkeypatch.setattr(cuda_devices, "_torch_uuid", ASK_TORCH)
    monkeypatch.setitem(cuda_devices.sys.modules, "torch", SimpleNamespace(cuda=cuda))
    unlike = devices(names=("H100", "A2", "B200"))
    assert [find(i, unlike, {}).physical.index for i in (0, 1)] == [2, 0]


def test_a_mig_instance_is_found_by_the_uuid_that_torch_gives():
    found = cuda_devices.by_uuid("c0ffee-2", 0, devices(migs=MIGS))
    assert (found.physical.index, found.mig_uuid) == (1, "MIG-c0ffee-2")
    assert cuda_devices.by_uuid("unheard-of", 0, devices()) is None
