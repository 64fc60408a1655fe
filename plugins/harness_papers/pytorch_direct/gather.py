"""Three ways for rows of a table in host memory to reach the device that trains on them: idx (R,) -> F[idx] (R, d)."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor

META = "meta"


def make_gather(variant: str, table: Tensor, most_rows: int, device: str) -> CpuGather | DirectGather | OnDevice:
    """Return a variant's gather for a table (n, d) and at most `most_rows` indices a call."""
    if variant == "cpu_gather":
        return CpuGather(table, most_rows, device)
    if variant == "on_device":
        return OnDevice(table, device)
    return DirectGather(table, most_rows, device, shifted=variant == "direct")


class CpuGather:
    """The baseline: the CPU packs the rows into a staging buffer, and the whole of it is copied to where training reads.

    The buffer is pinned once, not for every batch, which is the best that stock PyTorch can do.
    """

    def __init__(self, table: Tensor, most_rows: int, device: str) -> None:
        self.table = table
        self.staging = _buffer(table, most_rows, table.device, pinned=device.startswith("cuda"))
        self.out = _buffer(table, most_rows, device)
        self._copied = torch.cuda.Event() if device.startswith("cuda") else None

    def __call__(self, idx: Tensor) -> Tensor:
        """Return F[idx] on the device; it is valid until the next call."""
        if self._copied is not None:
            self._copied.synchronize()  # the last copy may still be reading what is written now
        rows = len(idx)
        torch.index_select(self.table, 0, idx, out=self.staging[:rows])
        self.out[:rows].copy_(self.staging[:rows], non_blocking=True)
        if self._copied is not None:
            self._copied.record()
        return self.out[:rows]


class DirectGather:
    """The paper: rows go from the table to where training reads in one pass, and on a GPU it is the GPU that fetches them.

    On a CPU there is no link to cross. What is left of the method is the pass over memory that the staging buffer costs.

    Args:
        table: F, (n, d), in host memory.
        most_rows: Indices a call, at most.
        device: Where training reads.
        shifted: Whether the GPU's reads begin at the boundaries of 128-byte lines. The CPU has no use for it.
    """

    def __init__(self, table: Tensor, most_rows: int, device: str, *, shifted: bool = True) -> None:
        self.shifted = shifted
        self.unified = UnifiedTensor(table, device)
        self.out = _buffer(table, most_rows, device)

    def __call__(self, idx: Tensor) -> Tensor:
        """Return F[idx] on the device; it is valid until the next call."""
        return self.unified.rows(idx, self.out[: len(idx)], self.shifted)


class OnDevice:
    """The bound that no transfer can beat: the whole table is in the device's own memory."""

    def __init__(self, table: Tensor, device: str) -> None:
        self.table = table.to(device)

    def __call__(self, idx: Tensor) -> Tensor:
        """Return F[idx]."""
        return self.table[idx.to(self.table.device, non_blocking=True)]


class UnifiedTensor:
    """A table in host memory that a GPU can read itself.

    The table's own memory is registered with the driver: nothing is copied, and what is written to the table later is seen. The table is
    kept alive as long as this object is, since the GPU reads its memory and not a copy.
    """

    def __init__(self, table: Tensor, device: str) -> None:
        self.table = table
        self.device = torch.device(device)
        if self.device.type == "cuda" and not table.is_pinned():
            runtime = torch.cuda.cudart()
            with torch.cuda.device(self.device):
                torch.cuda.check_error(runtime.cudaHostRegister(table.data_ptr(), table.nbytes, 0))
            weakref.finalize(self, _unregister, table)

    def rows(self, idx: Tensor, out: Tensor, shifted: bool = True) -> Tensor:
        """Write F[idx] to `out` (R, d) on the device and return it."""
        if self.device.type == "cuda":
            from .zero_copy import gather_rows

            return gather_rows(self.table, idx.to(self.device, non_blocking=True), out, shifted)
        return torch.index_select(self.table, 0, idx, out=out)

    def __getitem__(self, idx: Tensor) -> Tensor:
        """Return F[idx] on the device, in new memory."""
        return self.rows(idx, torch.empty(len(idx), *self.table.shape[1:], dtype=self.table.dtype, device=self.device))


def _unregister(table: Tensor) -> None:
    torch.cuda.cudart().cudaHostUnregister(table.data_ptr())


def _buffer(table: Tensor, rows: int, device: str | torch.device, pinned: bool = False) -> Tensor:
    return torch.empty(rows, table.shape[1], dtype=table.dtype, device=device, pin_memory=pinned)
