"""Many comparisons at once: how a whole night is kept from crying wolf."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

FALSE_DISCOVERY_RATE = 0.05
"""Of the alarms of a night, the share that may be false."""


def benjamini_hochberg(p_values: Sequence[float], rate: float = FALSE_DISCOVERY_RATE) -> list[bool]:
    """Say which of many tests count, so that in the long run at most `rate` of those that do are false.

    Benjamini and Hochberg (1995): the k smallest p-values count, k the largest with p_(k) <= k / m * rate.

    Args:
        p_values: One for each test of the whole family: also of those that show nothing.
        rate: Wanted false-discovery rate.

    Returns:
        One answer for each p-value, in their order.

    >>> benjamini_hochberg([0.001, 0.8, 0.012, 0.04])
    [True, False, True, False]
    """
    if len(p_values) == 0:
        return []
    return [bool(adjusted <= rate) for adjusted in stats.false_discovery_control(p_values, method="bh")]
