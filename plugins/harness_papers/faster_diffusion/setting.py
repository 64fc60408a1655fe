"""The numbers of each experiment: the network, the steps that are key steps, and how the small network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INJECTED = 0.003
"""Share of the initial noise that is added before each late step."""

INJECTED_BELOW = 0.5
"""Late: steps at times t < 0.5 * 1000."""


@dataclass(frozen=True)
class Rule:
    """Which of S sampling steps are key steps, the first and noisiest being step 0.

    Attributes:
        steps: S.
        keys: K, the steps at which the encoder runs, in order.
    """

    steps: int
    keys: tuple[int, ...]

    def is_key(self, step: int) -> bool:
        """Say whether the encoder runs at a step."""
        return step in self.keys


def every(n: int, steps: int) -> Rule:
    """Return the rule of one key step in `n`; every step, at n = 1, is an unaccelerated sampler."""
    return Rule(steps, tuple(range(0, steps, n)))


def _fifth(early: int, late: int, steps: int) -> Rule:
    """Return the rule of all steps before `early` and after `late`, and one in five between."""
    return Rule(steps, tuple(step for step in range(steps) if step > late or step < early or step % 5 == 0))


UNIFORM = 4
"""One key step in four: the authors' uniform rule."""

_HAND_PICKED = (0, 1, 2, 3, 5, 10, 15, 25, 35)

RULES: Mapping[str, Rule] = {
    "50ls": Rule(50, _HAND_PICKED),
    "100ls": _fifth(10, 85, 100),
    "75ls": _fifth(10, 65, 75),
    "50ls_if": Rule(50, (*_HAND_PICKED, 40)),
    "10ls": Rule(10, _HAND_PICKED[:5]),
    "once": every(1, 1),
}
"""The authors' hand-picked rules by their names. `10ls` is the start of the hand-picked one, for smoke; `once` is a single evaluation, for sizes."""

FEWER = 29 / 50
"""Share of the steps that plain DDIM affords in the time of 50 propagated ones, by the paper's saving of 41%."""

DPM_STEPS = 20


@dataclass(frozen=True)
class Shape:
    """A U-Net and what it is asked for.

    Attributes:
        size: Height and width of x_t.
        channels: Its channels.
        base: Width of the finest level.
        mults: Width of each level, in units of `base`; each halves the map.
        layers: Blocks of a level in the encoder; the decoder has one more.
        attention: Levels with attention.
        heads: Heads of the attention.
        groups: Groups of the group norms.
        context: Tokens and width of the condition c.
        guidance: w of classifier-free guidance; at 1 there is none, and half of the work.
    """

    size: int
    channels: int
    base: int
    mults: tuple[int, ...]
    layers: int
    attention: tuple[int, ...]
    heads: int
    groups: int
    context: tuple[int, int]
    guidance: float

    @property
    def widths(self) -> list[int]:
        """Channels of each level."""
        return [self.base * mult for mult in self.mults]


@dataclass(frozen=True)
class Study:
    """How the network is trained and judged: steps of Adam, images a step, peak rate, and samples that are drawn."""

    steps: int
    batch: int
    lr: float
    samples: int


SHAPES = {
    "smoke": Shape(8, 1, 8, (1, 2), 1, (1,), 2, 4, (1, 10), 2.0),
    "small": Shape(8, 1, 16, (1, 2), 1, (1,), 2, 8, (1, 10), 2.0),
    "paper": Shape(64, 4, 320, (1, 2, 4, 4), 2, (0, 1, 2), 8, 32, (77, 768), 7.5),  # Stable Diffusion 1.5
}
STUDIES = {"smoke": Study(10, 32, 2e-3, 20), "small": Study(1200, 64, 2e-3, 200), "paper": Study(0, 0, 0.0, 0)}


@dataclass(frozen=True)
class Plan:
    """How a variant samples.

    Attributes:
        rule: Steps and key steps.
        solver: `ddim`, or `dpm` for DPM-Solver++ of second order.
        parallel: Whether the steps from one key step to the next are decoded in one batch.
        injected: Whether noise is injected.
    """

    rule: Rule
    solver: str = "ddim"
    parallel: bool = False
    injected: bool = False

    @property
    def groups(self) -> list[list[int]]:
        """Each key step with the steps that live on its features."""
        groups: list[list[int]] = []
        for step in range(self.rule.steps):
            if self.rule.is_key(step):
                groups.append([])
            groups[-1].append(step)
        return groups


def plan_of(variant: str, params: Mapping[str, Any]) -> Plan:
    """Return how a variant samples; `params["rule"]` names the hand-picked key steps, and with them the number of DDIM steps."""
    rule = RULES[params["rule"]]
    dpm_steps = min(DPM_STEPS, rule.steps)
    plans = {
        "faster_parallel": Plan(rule, parallel=True, injected=True),
        "full": Plan(every(1, rule.steps)),
        "faster_uniform": Plan(every(UNIFORM, rule.steps), parallel=True, injected=True),
        "faster_serial": Plan(rule, injected=True),
        "no_injection": Plan(rule, parallel=True),
        "fewer_steps": Plan(every(1, max(1, round(FEWER * rule.steps)))),
        "dpm": Plan(every(1, dpm_steps), "dpm"),
        "dpm_faster": Plan(every(UNIFORM, dpm_steps), "dpm", parallel=True, injected=True),
    }
    return plans[variant]
