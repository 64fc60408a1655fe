"""Small makers of facts for tests of one thing."""

from harness.report.facts.figures import Fig, FigureKey, RowKey


def fig(value, low=None, high=None, provenance="measured", unit="s", n=3, message="", meter="latency/perf_counter"):
    return Fig(value, low, high, n, unit, provenance, meter, message, "run", "case", None)


def about(value, share=0.01, **more):
    """A figure with an interval of so large a share to either side."""
    return fig(value, value * (1 - share), value * (1 + share), **more)


def exact(value, **more):
    return fig(value, value, value, **{"provenance": "counted", "unit": "1", **more})


def row(variant="ours", paper="toy", workload="infer", scale="small", params="{}", dtype="native", mode="eager"):
    return RowKey(paper, variant, workload, scale, params, dtype, mode)


def key(metric="latency", place="cpu", baseline=""):
    return FigureKey(place, metric, baseline)
