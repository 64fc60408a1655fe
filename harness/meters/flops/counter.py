"""Counts what one call computes and moves, operator by operator, as torch dispatches them. For workers: imports torch."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch._C import DispatchKey
from torch._ops import HigherOrderOperator, OpOverload
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass_type

from harness.meters.flops.binding import signature
from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import Cost
from harness.meters.flops.counted import Counted, Entry
from harness.meters.flops.owners import Owners
from harness.meters.flops.rules import CustomFormula, Rule, Rules
from harness.meters.flops.spec import Call, UnknownArgumentError
from harness.meters.flops.weights import packed_count, parameter_count

_Key = tuple[Any, ...]
_COMPILE = ("torch._dynamo", "torch.nn.attention.flex_attention")
"""Torch's compiler, and what calls it unasked."""


def count(run: Callable[[], Any], *roots: torch.nn.Module, formulas: Mapping[str, CustomFormula] | None = None) -> Counted:
    """Call `run` once and count every operator that torch dispatches, forward and backward, on any device, `meta` included.

    Args:
        run: The call. Functions compiled by `torch.compile` run as they were written, so that their operators can be seen.
        roots: Modules: their paths name the rows of `by_module`, their parameters are counted.
        formulas: Formulas of custom operators, `{"namespace::op": formula}`, from a `Call` to operations by class: `{"matmul": 2 * n}`.

    Returns:
        Operations and bytes. What torch does not dispatch is not in it: numpy, extensions and Triton kernels that are no registered operators, threads
        that `run` starts itself.
    """
    owners = Owners(roots)
    counter = _Counter(Rules(formulas or {}), owners)
    with _uncompiled(), owners, counter:
        run()
    return Counted(counter.entries(), parameter_count(roots), packed_count(roots))


def _uncompiled() -> AbstractContextManager[object]:
    """Return the context in which compiled functions run as written.

    Where the compiler has not been imported nothing can have been compiled, and it stays unimported: seconds in a fresh process.
    """
    return torch.compiler.set_stance("force_eager") if any(name in sys.modules for name in _COMPILE) else nullcontext()


@dataclass(frozen=True)
class _Bill:
    """What every call with one signature costs."""

    operator: str
    dtype: str
    ops: Mapping[OpClass, int]
    read: int
    written: int
    counted: bool


class _Counter(TorchDispatchMode):
    """Runs every operator and notes its cost; a formula is evaluated once for each signature, however often the operator is called."""

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spare torch the guard against compiling this class: nothing is compiled while it counts, and the guard imports the compiler."""
        return False

    def __init__(self, rules: Rules, owners: Owners) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._rules = rules
        self._owners = owners
        self._bills: dict[_Key, _Bill] = {}
        self._calls: dict[tuple[str, _Key], int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if types and any(is_traceable_wrapper_subclass_type(kind) for kind in types):
            return NotImplemented  # the subclass unwraps itself, and what it calls comes back here
        if isinstance(func, HigherOrderOperator):
            kernel = func.py_kernels.get(DispatchKey.CompositeExplicitAutograd)
            if kernel is None:
                return NotImplemented  # torch says which operator cannot run under a mode
            with self:
                return kernel(*args, **kwargs)
        rule = self._rules.of(func)
        if rule.free:
            return func(*args, **kwargs)
        if rule.opens is not None and not any(isinstance(a, torch.Tensor) and a.is_nested for a in args):
            with self:
                return rule.opens(*args, **kwargs)
        out = func(*args, **kwargs)
        self._note(func, rule, args, kwargs, out)
        return out

    def _note(self, func: OpOverload, rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        parts, opaque = signature(args, kwargs)
        key: _Key = (func, *parts)
        if opaque or rule.shapes_from_results:
            key = (*key, *signature((out,), {})[0])
        if key not in self._bills:
            self._bills[key] = _bill(rule, rule.formals.bind(args, kwargs, out))
        owned = (self._owners.current(), key)
        self._calls[owned] = self._calls.get(owned, 0) + 1

    def entries(self) -> tuple[Entry, ...]:
        """Return what was noted, one entry for each module, operator and data type."""
        groups: dict[tuple[str, str, str, bool], list[tuple[_Bill, int]]] = {}
        for (module, key), calls in self._calls.items():
            bill = self._bills[key]
            groups.setdefault((module, bill.operator, bill.dtype, bill.counted), []).append((bill, calls))
        return tuple(_entry(module, bills) for (module, *_), bills in groups.items())


def _entry(module: str, bills: list[tuple[_Bill, int]]) -> Entry:
    ops: Counter[OpClass] = Counter()
    for bill, calls in bills:
        ops.update({kind: n * calls for kind, n in bill.ops.items()})
    first = bills[0][0]
    read = sum(bill.read * calls for bill, calls in bills)
    written = sum(bill.written * calls for bill, calls in bills)
    return Entry(module, first.operator, first.dtype, sum(calls for _, calls in bills), dict(ops), read, written, first.counted)


def _bill(rule: Rule, call: Call) -> _Bill:
    nested = call.nested_count()
    costs = [_cost(rule, call.member(i)) for i in range(nested)] if nested else [_cost(rule, call)]
    ops: Counter[OpClass] = Counter()
    for cost in costs:
        ops.update(cost.ops if cost else {})
    read, written = (costs[0].read, costs[0].written) if costs[0] and not nested else (None, None)
    if read is None:
        read = sum(t.nbytes for t in call.tensors)
    if written is None:
        written = sum(t.nbytes for t in (*call.written, *call.allocated))
    return _Bill(call.operator, call.dtype_name, ops, read, written, None not in costs)


def _cost(rule: Rule, call: Call) -> Cost | None:
    """Return the cost, or None where there is no formula or the call does not say enough for it."""
    if rule.formula is None:
        return None
    try:
        return rule.formula(call)
    except UnknownArgumentError:
        return None
