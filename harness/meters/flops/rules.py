"""Which formula an operator has, and how it must be run so that nothing inside it goes unseen. For workers: imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch._C import DispatchKey, _dispatch_has_kernel_for_dispatch_key

from harness.errors import HarnessError, unknown
from harness.meters.flops import elements, movement, reduce
from harness.meters.flops.binding import Formals
from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import Cost, Formula
from harness.meters.flops.elements import base_name
from harness.meters.flops.spec import Call
from harness.meters.flops.table import TABLE

_BOOKKEEPING = frozenset({"prim", "prims", "profiler", "debugprims"})
"""Namespaces that ask or record, and compute nothing; `prims` never reaches an eager call."""
_TORCHS_OWN = frozenset({"aten", "quantized", "_quantized", "torch_nn"})
"""Namespaces whose kernels call nothing but operators. A stranger's kernel may work in numpy or Triton: to count what it calls would miss the rest."""
_KEPT_WHOLE = frozenset({"aten::linalg_svdvals", "aten::linalg_eigvalsh"})
"""Operators made of others that ask for more than they need as soon as anybody listens: vectors beside the values."""


@dataclass(frozen=True)
class Rule:
    """How an operator is treated.

    Attributes:
        formals: Its schema.
        formula: Its cost; None where no formula is known.
        free: True for a view or a question: it is run and not recorded.
        opens: The kernel that calls further operators in its place, which are counted instead of it; None to run the operator as it is. Nested
            tensors have kernels of their own: for them the formula stands.
        shapes_from_results: True where the size of the result depends on values, so that the arguments alone do not tell the cost.
    """

    formals: Formals
    formula: Formula | None = None
    free: bool = False
    opens: Any = None
    shapes_from_results: bool = False


CustomFormula = Callable[[Call], Mapping[str, int]]
"""A stranger's formula: operations by the name of their class, so that a plugin needs to import nothing of ours."""


class Rules:
    """The rules of all operators, each made when it is first met.

    Args:
        formulas: Formulas of custom operators, `{"namespace::op": formula}`; they win over the table.
    """

    def __init__(self, formulas: Mapping[str, CustomFormula]) -> None:
        self._custom = {name: _checked(name, formula) for name, formula in formulas.items()}
        self._known: dict[torch._ops.OpOverload, Rule] = {}

    def of(self, func: torch._ops.OpOverload) -> Rule:
        """Return the rule of an operator."""
        rule = self._known.get(func)
        if rule is None:
            name = func._schema.name
            custom = self._custom.get(f"{name}.{func._overloadname}") or self._custom.get(name)
            rule = _built_in(func) if custom is None else Rule(Formals(func._schema), custom, shapes_from_results=True)
            self._known[func] = rule
        return rule


@cache
def _built_in(func: torch._ops.OpOverload) -> Rule:
    formals = Formals(func._schema)
    formula = _from_table(func)
    if formula is movement.free or func.namespace in _BOOKKEEPING:
        return Rule(formals, free=True)
    if func._schema.name not in _KEPT_WHOLE and (kernel := _composite(func)):
        return Rule(formals, formula, opens=kernel)
    if formula is None and func.is_view:
        return Rule(formals, free=True)
    found = formula or _from_tags(func)
    if found is None and func.namespace in _TORCHS_OWN and (kernel := _composite_below_autograd(func)):
        return Rule(formals, opens=kernel)
    return Rule(formals, found, shapes_from_results=_is_dynamic(func))


def _checked(name: str, formula: CustomFormula) -> Formula:
    """Return a custom formula that names what is wrong with what it returns."""

    def checked(call: Call) -> Cost:
        ops: object = formula(call)
        if not isinstance(ops, Mapping):
            msg = f"the FLOP formula of {name!r} returned a {type(ops).__name__}; return operations by class, as {{'matmul': 2 * macs}}"
            raise HarnessError(msg)
        for kind in ops:
            if kind not in set(OpClass):
                raise unknown("operation class", str(kind), [k.value for k in OpClass])
        return Cost({OpClass(kind): int(n) for kind, n in ops.items()})

    return checked


def _is_dynamic(func: torch._ops.OpOverload) -> bool:
    return torch.Tag.dynamic_output_shape in func.tags or func.namespace != "aten"


def _from_table(func: torch._ops.OpOverload) -> Formula | None:
    namespace, _, name = func._schema.name.partition("::")
    prefix = "" if namespace == "aten" else f"{namespace}::"
    stem = name if name.endswith("__") else name.rstrip("_")
    candidates = (f"{prefix}{name}.{func._overloadname}", f"{prefix}{stem}.{func._overloadname}", f"{prefix}{name}", f"{prefix}{stem}")
    return next((TABLE[c] for c in candidates if c in TABLE), None)


def _from_tags(func: torch._ops.OpOverload) -> Formula | None:
    """Return the formula that torch's own tags imply, those of the functional version included."""
    name = func._schema.name.partition("::")[2]
    if name.endswith("_copy"):
        return movement.moves
    tags = _tags_of(func._schema.name) | _tags_of("aten::" + base_name(name))
    if torch.Tag.pointwise in tags:
        return TABLE.get(base_name(name), elements.per_element(1))
    return reduce.fold if torch.Tag.reduction in tags else None


@cache
def _tags_of(name: str) -> frozenset[torch.Tag]:
    namespace, _, stem = name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), stem, None)
    return (
        frozenset(tag for overload in packet.overloads() for tag in getattr(packet, overload).tags) if packet is not None else frozenset()
    )


def _composite(func: torch._ops.OpOverload) -> Any:
    """Return the kernel of an operator that is made of others; inference mode hands such operators over whole."""
    key = DispatchKey.CompositeImplicitAutograd
    return partial(func._op_dk, key) if _dispatch_has_kernel_for_dispatch_key(func.name(), key) else None


def _composite_below_autograd(func: torch._ops.OpOverload) -> Any:
    """Return the kernel of an operator that has its own derivative but is computed by others, and has no kernel of its own on CPU or CUDA."""
    has = partial(_dispatch_has_kernel_for_dispatch_key, func.name())
    if has(DispatchKey.CPU) or has(DispatchKey.CUDA):
        return None
    for key in (DispatchKey.CompositeExplicitAutograd, DispatchKey.CompositeExplicitAutogradNonFunctional):
        if has(key):
            return partial(func._op_dk, key)
    return None
