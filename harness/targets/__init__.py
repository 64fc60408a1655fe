"""Where cases run: the processor and the GPUs of this machine.

>>> from harness.targets import find_target
>>> find_target("cpu").torch_device
'cpu'

A name that is no target's is a mistake (`HarnessError`, with the nearest names); a right name for a device that is not there is
`NothingToMeasureError`, exit code 4. A GPU is looked for through NVML, so that the driver needs no torch; a worker holds that against torch
with `check_in_worker`.
"""

from harness.targets.target import Target, TargetKind, check_in_worker, find_target, list_targets, why_no_cuda

__all__ = ["Target", "TargetKind", "check_in_worker", "find_target", "list_targets", "why_no_cuda"]
