"""What the allocators tell: exact peaks of live tensor bytes over a call. Imports torch: for workers only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.autograd.profiler import profile


@dataclass(frozen=True)
class Peak:
    """The peak of one call over what was live when it began.

    Attributes:
        allocated_bytes: Live allocator bytes at the peak, less those live at the start.
        reserved_bytes: What the caching allocator held at the peak; None on the CPU, which has none.
        source: Which allocator told.
    """

    allocated_bytes: int
    reserved_bytes: int | None
    source: str


def peak_of(run: Callable[[], Any], device: str) -> Peak:
    """Run once and return the peak of live bytes on `device`; the result counts, since it is live until the call returns."""
    return _cuda_peak(run, device) if device.startswith("cuda") else _cpu_peak(run)


def _cpu_peak(run: Callable[[], Any]) -> Peak:
    """Add up the CPU allocator's events in the order of time: exact, and the same in every run.

    Autograd's own profiler: `torch.profiler` around it imports the compiler first, which costs a second in every process.
    """
    with profile(profile_memory=True) as tracer:
        result = run()
    live = peak = 0
    for size in _allocations(tracer):
        live += size
        peak = max(peak, live)
    del result
    return Peak(peak, None, "cpu allocator events")


def _allocations(tracer: profile) -> Iterator[int]:
    """Yield the signed size of every CPU allocation and release, in order."""
    assert tracer.kineto_results is not None
    # The results' typing stubs leave out what memory events carry.
    events: list[Any] = tracer.kineto_results.events()
    memory = [event for event in events if event.name() == "[memory]" and event.device_type() == DeviceType.CPU]
    for event in sorted(memory, key=lambda event: event.start_ns()):
        yield event.nbytes()


def _cuda_peak(run: Callable[[], Any], device: str) -> Peak:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    result = run()
    torch.cuda.synchronize(device)
    allocated, reserved = torch.cuda.max_memory_allocated(device) - before, torch.cuda.max_memory_reserved(device)
    del result
    return Peak(allocated, reserved, "cuda caching allocator")


def tensor_bytes(value: Any) -> int:
    """Return the bytes of all distinct tensors in a module (parameters and buffers), tensor, or container of them; 0 for anything else."""
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors_of(value)}.values())


def tensors_of(value: Any) -> Iterable[torch.Tensor]:
    """Yield the tensors of a module (parameters and buffers), a tensor, or a container of them."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, torch.nn.Module):
        yield from value.parameters()
        yield from value.buffers()
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from tensors_of(member)
    elif isinstance(value, (tuple, list)):
        for member in value:
            yield from tensors_of(member)
