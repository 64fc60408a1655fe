"""FLOPs, parameters and bytes of one call, counted as torch dispatches it.

    from harness.meters.flops.counter import count

    counted = count(lambda: model(x), model)
    counted.macs, counted.flops, counted.op_classes, counted.uncounted
    counted.by_module(), counted.by_operator()

How figures are made:

- Every operator that reaches torch's dispatcher is seen: fused kernels (attention on every backend, transformer layers, recurrent layers), complex
  and integer products, Fourier transforms, linear algebra; in the forward pass and in the backward pass; on any device, `meta` included.
- `macs` are multiply-accumulates of matrix products and convolutions in floating point. `flops` are 2 · macs and the element-wise, reduction,
  transcendental, Fourier and linear-algebra operations. Integer products, look-ups, comparisons and random draws stand in classes of their own.
- The formulas are one table, `table.py`; an operator without one is listed under `uncounted`, with its bytes, and is in no sum of operations.
- Bytes are what the operators read and write, each operand once an operator: views are free, caches are not modelled, what a fused kernel keeps
  inside is not there. The same model can therefore move fewer bytes where a fused kernel exists (CPU) than where it does not (`meta`); products agree.
- `parameters` are the elements of all distinct parameters, tied ones once, frozen ones included. Weights that a model keeps in 8-bit buffers, or
  that torch's quantized modules pack, are no parameters: the figure's message says how many there are.
- `energy_operations` is what the arithmetic would draw by a published table of operation energies: modelled, not measured.

This module imports no torch: it is what the driver loads. Everything else in the package but `classes` and `counted` belongs to workers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.meters.base import Bench, Detail, Effort, NotMeasurableError, Observation, Readings
from harness.meters.figure import Figure, Provenance
from harness.meters.flops.operation_energy import operation_energy
from harness.sources.energy.operations import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.meters.flops.counted import Counted

_METER = "flops/dispatch"
_UNITS = {"macs": "1", "flops": "1", "bytes_moved": "B", "calls": "1"}


class FlopsMeter:
    """What a call computes and moves: exact, the same on every machine."""

    name = "flops"
    paired = False
    exclusive = False
    bare = False
    swept = True

    def repetitions(self, scale: str) -> int:
        """Return 1."""
        return 1

    def enough(self, scale: str, observations: Sequence[Observation], elapsed_s: float) -> str:
        """Never stop early."""
        return ""

    def observe(self, bench: Bench, variants: Sequence[str], workload: str, effort: Effort) -> Observation:
        """Count one call, after one that is not counted has made what is made only once (optimizer states, cached masks).

        Raises:
            NotMeasurableError: when nothing of the call runs in torch, when it needs trained weights that `meta` cannot have, or when it reads values
                on `meta`.
        """
        from harness.meters.flops.counter import count
        from harness.meters.flops.weights import modules_in

        (variant,) = variants
        if bench.device == "meta" and bench.needs_fit(workload):
            raise NotMeasurableError(f"workload {workload!r} depends on trained weights, which there are none of on meta")
        formulas = bench.formulas()
        with _explained(bench.device, variant):
            subject = bench.subject(workload, variant)
            with subject.guarded():
                subject.work.run()
                if subject.work.reset:
                    subject.work.reset()
                counted = count(subject.work.run, *modules_in(subject.model), formulas=formulas)
        if not counted.entries:
            kind = type(subject.model).__name__
            raise NotMeasurableError(
                f"no operator of torch ran in workload {workload!r} of {variant!r} (a {kind}): FLOPs are counted in torch alone"
            )
        return _observation(variant, counted, subject.work.items, has_parameters=bool(modules_in(subject.model)))

    def summarize(self, observations: Sequence[Observation]) -> Readings:
        """Return the counts as exact figures, and their break-down by operator and by module."""
        (seen,) = observations
        variant, totals = seen["variant"], seen["totals"]
        figures = [
            _figure(variant, metric, value, "B" if metric == "bytes_moved" else "1", _missing(seen)) for metric, value in totals.items()
        ]
        figures += [_figure(variant, f"ops_{kind}", n, "1", _missing(seen)) for kind, n in seen["op_classes"].items()]
        figures.append(_figure(variant, "intensity", seen["intensity"], "1/B", _missing(seen)))
        figures.append(_modelled(variant, seen))
        if seen["parameters"] is not None:
            figures.insert(0, _figure(variant, "parameters", seen["parameters"], "1", _packed(seen)))
        levels = {"operator": seen["by_operator"], "module": seen["by_module"]}
        return Readings(figures, details=[d for level, rows in levels.items() for row in rows for d in _details(variant, level, row)])


@contextmanager
def _explained(device: str, variant: str) -> Iterator[None]:
    """Turn what torch says of a tensor without values into a reason why there is no figure."""
    try:
        yield
    except (NotImplementedError, RuntimeError) as error:
        if device != "meta" or "meta" not in str(error).lower():
            raise
        reason = str(error).strip().splitlines()[0]
        raise NotMeasurableError(f"{variant!r} reads values, which tensors on meta do not have: {reason}") from error


def _observation(variant: str, counted: Counted, items: float, has_parameters: bool) -> Observation:
    return {
        "variant": variant,
        "items": items,
        "parameters": counted.parameters if has_parameters else None,
        "packed_weights": counted.packed_weights,
        "totals": {"macs": counted.macs, "flops": counted.flops, "bytes_moved": counted.bytes_moved},
        "op_classes": counted.op_classes,
        "intensity": counted.intensity,
        "operation_energy": asdict(operation_energy(counted.entries)),
        "uncounted": [asdict(u) for u in counted.uncounted],
        "uncounted_share": counted.uncounted_share,
        "by_operator": [asdict(row) for row in counted.by_operator()],
        "by_module": [asdict(row) for row in counted.by_module()],
    }


def _figure(variant: str, metric: str, value: float, unit: str, message: str) -> Figure:
    exact = float(value)
    return Figure(variant, metric, exact, unit, Provenance.COUNTED, _METER, exact, exact, message=message)


def _modelled(variant: str, seen: Observation) -> Figure:
    """Joules an item by the table of operation energies, with what the table does not cover."""
    joules = seen["operation_energy"]["arithmetic_j"] / seen["items"]
    uncovered = ", ".join(f"{n:.3g} {kind}" for kind, n in seen["operation_energy"]["uncovered"].items())
    message = "; ".join(filter(None, [SOURCE, "arithmetic without memory", uncovered and f"not covered: {uncovered}", _missing(seen)]))
    return Figure(variant, "energy_operations", joules, "J", Provenance.MODELLED, "energy/operations", joules, joules, message=message)


def _missing(seen: Observation) -> str:
    """Name the operators without a formula, and what they may amount to."""
    if not seen["uncounted"]:
        return ""
    names = ", ".join(f"{u['operator']} ({u['calls']} calls)" for u in seen["uncounted"])
    return f"uncounted: {names}; {seen['uncounted_share']:.2%} of the bytes"


def _packed(seen: Observation) -> str:
    held = seen["packed_weights"]
    return f"and {held} 8-bit weights that are no parameters" if held else ""


def _details(variant: str, level: str, row: Mapping[str, Any]) -> list[Detail]:
    return [Detail(variant, level, row["name"], metric, float(row[metric]), unit) for metric, unit in _UNITS.items()]
