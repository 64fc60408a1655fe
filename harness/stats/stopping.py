"""When enough is enough: between processes, and inside one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.estimate import Estimate
from harness.stats.location import median_estimate
from harness.stats.samples import as_samples

SEQUENTIAL_CONFIDENCE = 0.97
"""What to ask of `hierarchical_median` where a `StoppingRule` chose the number of processes and a 95% interval is wanted.

Looking after every process and stopping at the first narrow interval favours intervals that are narrow by luck: asked for 95%, they cover
90 to 95% (simulated, spread between processes 0.5 to 5%, 3 to 20 processes); asked for 97%, they cover 93 to 97%."""

WITHIN_SHARE = 0.3
"""A process's own error below this share of the spread between processes widens the final interval by less than 5%: sqrt(1 + 0.3^2)."""

LEAST_SAMPLES = 24
"""The fewest from which a median's error is known with its correlation in time."""

WIDTH = 0.02
"""Half-width of an interval over its value that is worth having: +-2%."""

Z_95 = 1.96
"""Standard errors in the arm of a 95% interval."""


class StopReason(StrEnum):
    """Why sampling ended; stored with every figure."""

    WIDTH_REACHED = "width reached"
    """The interval over processes is as narrow as was wanted."""
    BUDGET_SPENT = "budget spent"
    """The time is used up; the interval is what it is."""
    MOST_PROCESSES = "most processes"
    """As many processes as are allowed."""


@dataclass(frozen=True)
class StoppingRule:
    """Over processes: go on until every interval is narrow enough, or the time or the processes run out.

    Attributes:
        width: Wanted half-width of the interval over its value.
        min_processes: Below this the width decides nothing: three give the first interval worth having.
        max_processes: Never more. Twenty find 2% in 99.5% of comparisons.
        budget_s: Time for the whole case.
    """

    width: float = WIDTH
    min_processes: int = 3
    max_processes: int = 20
    budget_s: float = math.inf

    def decide(self, estimates: Estimate | Sequence[Estimate], elapsed_s: float) -> StopReason | None:
        """Say why to stop now, or None to start another process.

        Args:
            estimates: The figures as they stand, one for each variant that is measured in these processes; `n` counts processes. None
                yet is an empty sequence.
            elapsed_s: Time spent on the case so far.
        """
        figures = [estimates] if isinstance(estimates, Estimate) else list(estimates)
        processes = min((figure.n for figure in figures), default=0)
        widest = max((figure.relative_half_width for figure in figures), default=math.inf)
        if processes >= self.min_processes and widest <= self.width:
            return StopReason.WIDTH_REACHED
        if processes >= self.max_processes:
            return StopReason.MOST_PROCESSES
        return StopReason.BUDGET_SPENT if elapsed_s >= self.budget_s else None


def no_narrower(samples: ArrayLike, width: float = WIDTH, least: int = LEAST_SAMPLES) -> bool:
    """Say whether more samples of one process would not narrow the interval between processes.

    Args:
        samples: Of this process so far, in order.
        width: Wanted half-width of the final interval over its value. Half of it stands in for the spread between processes, which one process
            cannot know: where they spread more, its own error matters even less.
        least: With fewer samples nothing is decided.
    """
    return np.size(samples) >= least and relative_error(samples) <= WITHIN_SHARE * width / 2


def relative_error(samples: ArrayLike) -> float:
    """Return the standard error of one process's median over that median; infinite for one sample.

    The larger of that of independent samples and that which allows for their correlation: the second alone is narrow by luck now
    and then, and a rule that looks after every sample would wait for that.
    """
    values = as_samples(samples)
    widest = max(median_estimate(values, independent=alone).relative_half_width for alone in (True, False))
    return widest / Z_95
