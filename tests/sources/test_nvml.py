import pytest

from harness.sources import nvml
from harness.sources.clock import FakeClock
from harness.sources.nvml import ClocksEvent, Nvml, NvmlAbsentError, NvmlError, NvmlUnsupportedError
from sources.fakes import FakeGpu, FakeNvml


def board(**settings):
    with FakeClock() as clock:
        return FakeGpu(clock, **settings)


def only(fake):
    return Nvml(fake).devices()[0]


def test_a_board_is_described_whatever_the_library_answers_in():
    (device,) = Nvml(FakeNvml(board())).devices()
    assert (device.index, device.uuid, device.pci_bus_id, device.name) == (0, board().uuid, "00000000:01:00.0", "FAKE H100")
    assert device.mig_uuids == ()
    assert Nvml(FakeNvml()).driver_version() == "580.1"


def test_mig_instances_are_listed_and_empty_slots_are_not():
    assert only(FakeNvml(board(migs=("MIG-1", "MIG-2")))).mig_uuids == ("MIG-1", "MIG-2")


def test_no_driver_says_what_to_install():
    with pytest.raises(NvmlAbsentError, match="no NVIDIA driver answers") as caught:
        Nvml(FakeNvml(driver=False))
    assert not caught.value.availability
    assert "--gpus all" in caught.value.availability.remedy


def test_no_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    with pytest.raises(NvmlAbsentError, match="pip install nvidia-ml-py"):
        nvml.load()


def test_instant_power_is_asked_first_and_the_average_where_there_is_none():
    assert only(FakeNvml(board(idle_w=71.5))).power_w() == 71.5
    assert only(FakeNvml(board(idle_w=71.5), instant_power=False)).power_w() == 71.5


def test_a_question_the_board_does_not_know_is_unsupported_and_a_lost_board_is_an_error():
    with pytest.raises(NvmlUnsupportedError):
        only(FakeNvml(board(has_energy=False))).energy_mj()
    lost = board()
    device = only(FakeNvml(lost))
    lost.lost = True
    with pytest.raises(NvmlError, match="GPU is lost"):
        device.energy_mj()


def test_an_older_library_without_a_function_is_unsupported():
    library = Nvml(FakeNvml(board()))
    with pytest.raises(NvmlUnsupportedError, match="nvmlBrandNew"):
        library.ask("nvmlBrandNew")
    with pytest.raises(NvmlUnsupportedError, match="NVML_NEW"):
        library.constant("NVML_NEW")


def test_event_reasons_are_named_and_unknown_bits_ignored():
    device = only(FakeNvml(board(reasons=0x4 | 0x40 | 1 << 40)))
    assert device.clocks_events() == ClocksEvent.SW_POWER_CAP | ClocksEvent.HW_THERMAL_SLOWDOWN


def test_processes_are_those_of_every_kind_that_the_board_tells():
    assert only(FakeNvml(board(pids=(7, 9)))).process_ids() == {7, 9}
