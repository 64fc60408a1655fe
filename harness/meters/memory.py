"""Peak memory of one call: exact allocator bytes on the CPU and on CUDA, and the process's resident set."""

from __future__ import annotations

from collections.abc import Sequence

from harness.meters.base import Bench, Effort, NotMeasurableError, Observation, Readings
from harness.meters.figure import Figure, Provenance

_ALLOCATOR = {
    "weights": "weights_bytes",
    "inputs": "inputs_bytes",
    "peak_activation": "peak_activation_bytes",
    "peak_reserved": "peak_reserved_bytes",
}


class MemoryMeter:
    """What a call allocates beyond weights and inputs, at its peak."""

    name = "memory"
    paired = False
    exclusive = False
    bare = True
    swept = True

    def repetitions(self, scale: str) -> int:
        """Return 1."""
        return 1

    def enough(self, scale: str, observations: Sequence[Observation], elapsed_s: float) -> str:
        """Never stop early."""
        return ""

    def observe(self, bench: Bench, variants: Sequence[str], workload: str, effort: Effort) -> Observation:
        """Trace the allocator over one call, after one untraced call has filled the caches."""
        from harness.sources.allocator import peak_of, tensor_bytes

        (variant,) = variants
        if bench.device == "meta":
            raise NotMeasurableError("memory is measured on a real device, not on meta")
        subject = bench.subject(workload, variant)
        with subject.guarded():
            subject.work.run()
            if subject.work.reset:
                subject.work.reset()
            peak = peak_of(subject.work.run, bench.device)
        return {
            "variant": variant,
            "weights_bytes": tensor_bytes(subject.model),
            "inputs_bytes": tensor_bytes(subject.data.inputs),
            "peak_activation_bytes": peak.allocated_bytes,
            "peak_reserved_bytes": peak.reserved_bytes,
            "source": peak.source,
        }

    def summarize(self, observations: Sequence[Observation]) -> Readings:
        """Return the peaks as exact figures; the resident set is the whole process's, interpreter and libraries included.

        Where torch holds nothing at all, before, in and after the call, the work is another library's: its memory is not zero but not seen.
        """
        (seen,) = observations
        variant, figures = seen["variant"], []
        by_torch = any(seen[key] for key in _ALLOCATOR.values())
        for metric, key in _ALLOCATOR.items():
            if by_torch and seen[key] is not None:
                value = float(seen[key])
                figures.append(Figure(variant, metric, value, "B", Provenance.MEASURED, f"memory/{seen['source']}", value, value))
        figures.append(Figure(variant, "peak_rss", float(seen["peak_rss_bytes"]), "B", Provenance.MEASURED, "memory/rusage"))
        return Readings(figures)
