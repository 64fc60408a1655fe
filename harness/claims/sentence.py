"""A verdict in one plain sentence: "hilo is 1.62x (1.58-1.67) faster than sra here; the paper says 1.4x: upheld"."""

from __future__ import annotations

from harness.plugin.card import Better, Paper
from harness.plugin.claim import Claim, Range
from harness.stats.estimate import Estimate

_SPEED = {"latency": ("faster", "slower"), "throughput": ("faster", "slower")}
_NAMES = {
    "macs": "multiply-accumulates",
    "flops": "FLOPs",
    "peak_activation": "peak activation memory",
    "peak_rss": "resident memory",
    "energy_operations": "energy of arithmetic",
    "bytes_moved": "bytes moved",
    "weights": "weight bytes",
    "first_call": "first call's time",
}


def sentence(claim: Claim, card: Paper, found: Estimate | None, verdict: str, missing: str, scaled: bool) -> str:
    """Say what was found, what the authors say, and the verdict."""
    scope = " (scaled-down check)" if scaled else ""
    if found is None:
        return f"{_claimed(claim, card, scaled)}: {verdict}{scope}; {missing}"
    return f"{_found(claim, card, found)} here; {_claimed(claim, card, scaled)}: {verdict}{scope}"


def _found(claim: Claim, card: Paper, found: Estimate) -> str:
    name, subject, baseline = _name(claim.quantity), claim.subject, claim.baseline
    if claim.form == "exponent":
        return f"{name} of {subject} grows with {claim.axis} to the power {_span(found)}"
    if claim.form == "value":
        return f"{name} of {subject} is {_span(found)}"
    if claim.form == "difference" or (claim.order and claim.quantity in card.qualities):
        return f"{name} of {subject} less that of {baseline} is {_span(found)}"
    if claim.quantity in _SPEED:
        return f"{subject} is {_speed(claim, card, found)} than {baseline}"
    return f"{subject} has {_span(found)}x the {name} of {baseline}"


def _speed(claim: Claim, card: Paper, found: Estimate) -> str:
    """Turn a ratio of times into "1.62x (1.58-1.67) faster", so that the number is always above one."""
    times = found if card.better(claim.quantity) == Better.LOWER else _inverse(found)
    faster, slower = _SPEED[claim.quantity]
    return f"{_span(_inverse(times), 'x')} {faster}" if times.value <= 1 else f"{_span(times, 'x')} {slower}"


def _inverse(found: Estimate) -> Estimate:
    if found.low is None or found.high is None:
        return Estimate(1 / found.value, None, None, found.n)
    return Estimate(1 / found.value, 1 / found.high, 1 / found.low, found.n)


def _claimed(claim: Claim, card: Paper, scaled: bool) -> str:
    who = "we expect" if claim.ours or scaled else "the paper says"
    if claim.claimed is None:
        return f"{who} that {_name(claim.quantity)} of {claim.subject} is better than that of {claim.baseline}"
    if claim.form == "ratio" and claim.quantity in _SPEED and not isinstance(claim.claimed, tuple):
        ratio = claim.claimed if card.better(claim.quantity) == Better.LOWER else 1 / claim.claimed
        if ratio == 1:
            return f"{who} no slower"
        return f"{who} {_number(1 / ratio)}x faster" if ratio < 1 else f"{who} at most {_number(ratio)}x slower"
    suffix = "x" if claim.form == "ratio" else ""
    return f"{who} {_bound(claim, card)}{_range(claim.claimed, suffix)}"


def _bound(claim: Claim, card: Paper) -> str:
    if isinstance(claim.claimed, tuple):
        return ""
    return "at most " if card.better(claim.quantity) == Better.LOWER or claim.form == "exponent" else "at least "


def _range(claimed: Range, suffix: str) -> str:
    return " to ".join(_number(c) + suffix for c in claimed) if isinstance(claimed, tuple) else _number(claimed) + suffix


def _span(found: Estimate, suffix: str = "") -> str:
    """Return the value with its interval; an exact figure has none to show."""
    if found.low is None or found.high is None:
        return f"{_number(found.value)}{suffix} (no interval)"
    if found.low == found.high:
        return f"{_number(found.value)}{suffix}"
    return f"{_number(found.value)}{suffix} ({_number(found.low)} to {_number(found.high)})"


def _name(quantity: str) -> str:
    return _NAMES.get(quantity, quantity.replace("_", " "))


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
