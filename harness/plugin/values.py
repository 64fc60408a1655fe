"""What hooks take and return while a paper runs. No torch here: tensors are `Any`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.plugin.card import Better
from harness.plugin.validate import CardError, check, check_known, check_type


@dataclass(frozen=True)
class Budget:
    """How long a fit may be. Counted in optimizer steps, not in seconds, so that a fit stays deterministic in its seed."""

    steps: int | None = None
    """The most optimizer steps; None leaves the recipe's own number."""

    def cap(self, steps: int) -> int:
        """Return the smaller of `steps` and this budget."""
        return steps if self.steps is None else min(steps, self.steps)


@dataclass(frozen=True)
class Recipe:
    """How the default supervised loop trains.

    Attributes:
        loss: `loss(output, targets)`, a scalar tensor.
        epochs: Passes over the training split.
        batch_size: Examples a step.
        lr: Peak learning rate.
        optimizer: `adam`, `adamw` or `sgd`.
        weight_decay: Decoupled for `adamw`.
        momentum: For `sgd`.
        schedule: `constant` or `cosine` (to zero over the run).
        clip: Gradient-norm limit; 0 for none.
    """

    loss: Callable[[Any, Any], Any]
    epochs: int
    batch_size: int
    lr: float
    optimizer: str = "adamw"
    weight_decay: float = 0.0
    momentum: float = 0.9
    schedule: str = "cosine"
    clip: float = 0.0

    def __post_init__(self) -> None:
        check_known("recipe", "optimizer", self.optimizer, ("adam", "adamw", "sgd"))
        check_known("recipe", "schedule", self.schedule, ("constant", "cosine"))
        for name in ("epochs", "batch_size", "lr"):
            check_type("recipe", name, getattr(self, name), (int, float))
            check(getattr(self, name) > 0, f"recipe: {name} is {getattr(self, name)}; write a positive number")


@dataclass(frozen=True)
class Data:
    """Inputs of a model, and what training and quality need.

    Attributes:
        inputs: For split `profile` the positional arguments of one call. For `train` and `test` the whole split, examples along the first axis.
        targets: What the outputs are compared with, examples along the first axis.
        items: How many items one `profile` call processes; the first input's leading dimension where it is None.
        recipe: How the default loop trains; on split `profile` it gives `train_step` its loss.
        extra: Anything else that the plugin's own hooks need.
    """

    inputs: tuple[Any, ...]
    targets: Any = None
    items: float | None = None
    recipe: Recipe | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.inputs, tuple):
            raise CardError(f"data: inputs is a {type(self.inputs).__name__}; write a tuple of the positional arguments, as (x,)")

    @property
    def count(self) -> float:
        """Items that one call processes."""
        if self.items is not None:
            return self.items
        shape = getattr(self.inputs[0], "shape", None) if self.inputs else None
        return float(shape[0]) if shape else 1.0


@dataclass(frozen=True)
class Quality:
    """How good a model's answer is: a value, its unit (`1` for a pure number), which way is better."""

    value: float
    unit: str = "1"
    better: str = Better.HIGHER

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "value", float(self.value))
        except (TypeError, ValueError) as error:
            raise CardError(f"quality: value is {self.value!r}; write a number") from error
        object.__setattr__(self, "unit", self.unit or "1")
        check(math.isfinite(self.value), f"quality: value is {self.value}; a metric must be finite")
        check_known("quality", "better", self.better, list(Better))


@dataclass(frozen=True)
class Work:
    """One call of a workload, ready to be timed.

    Attributes:
        run: Does the work once and returns its result.
        items: How many items one call processes.
        reset: Brings carried state back to its start; called outside the clock, before each block of calls.
    """

    run: Callable[[], Any]
    items: float = 1.0
    reset: Callable[[], None] | None = None


@dataclass(frozen=True)
class Image:
    """A picture: (H, W) or (H, W, 3) array, uint8 or floats in [0, 1]."""

    pixels: Any
    caption: str = ""


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification with its data inline."""

    spec: Mapping[str, Any]
    caption: str = ""


@dataclass(frozen=True)
class Text:
    """A piece of text, shown as it is."""

    text: str
    caption: str = ""


Artifact = Image | Chart | Text
