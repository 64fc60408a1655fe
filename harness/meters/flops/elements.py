"""Costs of element-wise operators: how many operations each takes an element. For workers: imports torch."""

from __future__ import annotations

from collections.abc import Iterable

from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import Cost, Formula, arithmetic, floating
from harness.meters.flops.spec import Call, TensorSpec, tensors_in

_SCALED = {"add": "alpha", "sub": "alpha", "rsub": "alpha", "addcmul": "value", "addcdiv": "value"}
"""Operators with a scalar factor, which costs a product an element where it is not 1."""

_COMPLEX: dict[str, tuple[float, float]] = {
    "mul": (6, 0),  # four products, two sums
    "div": (11, 0),  # six products, three sums, two divisions
    "reciprocal": (6, 0),  # two products, a sum, two divisions, a sign
    "abs": (4, 0),  # two products, a sum, a root
    "angle": (0, 1),
    "exp": (2, 3),  # exp, sin, cos, two products
    "log": (4, 2),  # abs, then log; atan2
    "polar": (2, 2),
    "square": (6, 0),
    "conj_physical": (1, 0),
    "addcmul": (8, 0),  # a product and a sum
}
"""Complex operators, in real operations (arithmetic, transcendental); any other costs twice what its real one does."""

_EXACT_POWERS = {0: 0, 1: 0, 2: 1, 3: 2, -1: 1, -2: 2, 0.5: 1, -0.5: 2}
"""Exponents that torch replaces by products, divisions and roots, and how many of them."""


def per_element(ops: float, transcendental: float = 0) -> Formula:
    """Return the formula of an operator that takes so many operations for each element of its result."""

    def formula(call: Call) -> Cost:
        return elementwise(call, ops, transcendental)

    return formula


def elementwise(call: Call, ops: float, transcendental: float = 0) -> Cost:
    """Cost an element-wise operator, over all tensors of a list where it takes lists."""
    name = base_name(call.operator)
    scale = call.get(_SCALED.get(name, ""), 1)
    ops += 0 if scale in (1, None) or not isinstance(scale, (int, float)) else 1
    n = sum(t.numel for t in _outputs(call))
    if call.is_complex and name in _COMPLEX:
        ops, transcendental = _COMPLEX[name]
        return floating(elementwise=ops * n, transcendental=transcendental * n)
    return arithmetic(ops * n, call, transcendental * n)


def _outputs(call: Call) -> list[TensorSpec]:
    """Return what is computed: the first result; for an operator on lists, all tensors of the list."""
    listed = call.get("self") if isinstance(call.get("self"), tuple) else None
    return list(tensors_in(listed)) if listed is not None else [call.result]


def power(call: Call) -> Cost:
    """Cost a power: products and roots for the exponents that torch knows, else one transcendental operation."""
    exponent = call.get("exponent")
    if isinstance(exponent, (int, float)) and exponent in _EXACT_POWERS:
        return elementwise(call, _EXACT_POWERS[exponent])
    return elementwise(call, 0, 1)


def gelu(call: Call) -> Cost:
    """Cost GELU: `0.5 x (1 + erf(x / √2))`, or `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`."""
    return elementwise(call, 8 if call.get("approximate") == "tanh" else 4, 1)


def gelu_backward(call: Call) -> Cost:
    """Cost GELU's derivative: `Φ(x) + x φ(x)` times g, or the derivative of the tanh form."""
    return elementwise(call, 16, 1) if call.get("approximate") == "tanh" else elementwise(call, 9, 2)


def optimizer(ops: float) -> Formula:
    """Return the formula of a fused optimizer step that takes so many operations a parameter."""

    def formula(call: Call) -> Cost:
        return floating(elementwise=ops * sum(t.numel for t in tensors_in([call["self"]])))

    return formula


def on_integers(call: Call) -> Cost:
    """Cost an element-wise operator on 8-bit tensors: integer operations."""
    return Cost({OpClass.INTEGER: call.result.numel})


def base_name(operator: str) -> str:
    """Return an operator's name without namespace, overload, in-place mark and the mark of the versions on lists.

    >>> base_name("aten::add_.Tensor"), base_name("aten::_foreach_mul_"), base_name("aten::__xor__")
    ('add', 'mul', '__xor__')
    """
    name = operator.rsplit("::", maxsplit=1)[-1].split(".", maxsplit=1)[0].removeprefix("_foreach_")
    return name if name.endswith("__") else name.rstrip("_")


def named(formula: Formula, names: str | Iterable[str]) -> dict[str, Formula]:
    """Give one formula to several operators, named in one string."""
    return dict.fromkeys(names.split() if isinstance(names, str) else names, formula)
