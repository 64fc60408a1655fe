"""A meter: the bytes that one call returns, counted. `harness run --metrics output_bytes` knows it once this is installed."""

from harness import hookimpl
from harness.meters.base import Readings
from harness.meters.figure import Figure, Provenance


class OutputBytes:
    """Runs each variant once and counts what comes out."""

    name = "output_bytes"
    paired = False  # one case a variant
    exclusive = False  # nothing is timed, so cases may run side by side
    bare = False  # the process itself is not what is measured
    swept = True  # at every point of the sweep

    def repetitions(self, scale):
        return 1

    def enough(self, scale, observations, elapsed_s):
        return ""

    def observe(self, bench, variants, workload, effort):
        """In a fresh process: build the variant, call it, return plain data."""
        (variant,) = variants
        subject = bench.subject(workload, variant)
        with subject.guarded():
            result = subject.work.run()
        return {"variant": variant, "bytes": result.numel() * result.element_size()}

    def summarize(self, observations):
        """In the driver, without torch: from what was seen to figures."""
        (seen,) = observations
        count = seen["bytes"]
        return Readings([Figure(seen["variant"], self.name, count, "B", Provenance.COUNTED, "output_bytes/tensor", count, count)])


@hookimpl
def meters():
    return [OutputBytes()]
