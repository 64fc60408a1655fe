"""The kinds of operation that are told apart. Imports no torch."""

from __future__ import annotations

from enum import StrEnum


class OpClass(StrEnum):
    """A kind of operation. Every class counts operations: a multiply-accumulate is two."""

    MATMUL = "matmul"
    """Floating-point products of matrices, attention and recurrent layers included; a complex product is four real ones."""
    CONV = "conv"
    """Floating-point convolutions; padding is not discounted."""
    ELEMENTWISE = "elementwise"
    """Additions, products, divisions, roots, comparisons of floating-point elements."""
    REDUCTION = "reduction"
    """Floating-point sums, maxima, means, running sums, pooling: n - 1 operations for n elements."""
    TRANSCENDENTAL = "transcendental"
    """Evaluations of exp, log, sin, tanh, sigmoid, erf, ...: one each, however many instructions they take."""
    FFT = "fft"
    """Fourier transforms: 5 n log2 n for a transform of n points."""
    LINALG = "linalg"
    """Factorisations and solves, by the leading terms of the textbooks."""
    INT8 = "int8"
    """Products of 8-bit integers with their accumulation."""
    INT4 = "int4"
    """Products of 4-bit integers."""
    BINARY = "binary"
    """Products of binary values (xor and bit count). No operator of torch does any: custom formulas may."""
    INTEGER = "integer"
    """Everything else on integers and booleans: index arithmetic, masks."""
    LOOKUP = "lookup"
    """Indices resolved: rows of an embedding, elements gathered or scattered."""
    COMPARISON = "comparison"
    """Comparisons of sorting, top-k, searching."""
    RANDOM = "random"
    """Random numbers drawn."""


MAC_CLASSES = frozenset({OpClass.MATMUL, OpClass.CONV})
"""Two operations of these are one multiply-accumulate."""

FLOP_CLASSES = MAC_CLASSES | {OpClass.ELEMENTWISE, OpClass.REDUCTION, OpClass.TRANSCENDENTAL, OpClass.FFT, OpClass.LINALG}
"""What `flops` adds up; all other classes stand beside it."""
