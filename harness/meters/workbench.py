"""A paper's hooks, seeded and placed: builds models, data, fits and workloads the same way for every meter and every test."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.meters import weights
from harness.meters.base import NotMeasurableError
from harness.meters.fingerprint import digest
from harness.meters.training import train, train_step
from harness.plugin.card import Scale
from harness.plugin.discovery import Plugin
from harness.plugin.home import home_of, source_hash
from harness.plugin.validate import CardError, check_known, check_type
from harness.plugin.values import Artifact, Budget, Data, Quality, Work


def seed_everything(seed: int) -> None:
    """Seed `random`, `numpy` and `torch`; the host does so before each hook, so that a plugin need not."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def place(value: Any, device: str, dtype: torch.dtype | None = None) -> Any:
    """Move every tensor and module inside tuples, lists and mappings to `device`; floating-point ones to `dtype` as well."""
    if isinstance(value, torch.Tensor):
        return value.to(device, dtype if value.is_floating_point() else None)
    if isinstance(value, torch.nn.Module):
        return value.to(device, dtype)
    if isinstance(value, Mapping):
        return {key: place(member, device, dtype) for key, member in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(place(member, device, dtype) for member in value))
    if isinstance(value, (tuple, list)):
        return type(value)(place(member, device, dtype) for member in value)
    return value


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, so that what is trained does not depend on how many cores there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def compiled(model: Any, mode: str) -> Any:
    """Return `model` for a mode: as it is for `eager`, through `torch.compile` for `compile`, with CUDA graphs for `cudagraph`."""
    if mode == "eager":
        return model
    return torch.compile(model, mode="reduce-overhead" if mode == "cudagraph" else None)


@dataclass(frozen=True)
class Subject:
    """A variant on the bench, with one call of a workload ready to run.

    Attributes:
        variant: Its name.
        model: What was built, on the device.
        data: The `profile` split, on the device.
        work: The call.
        gradients: Whether the work differentiates.
    """

    variant: str
    model: Any
    data: Data
    work: Work
    gradients: bool

    def guarded(self) -> AbstractContextManager[Any]:
        """Return the context in which the work runs: inference mode, unless it differentiates."""
        return torch.enable_grad() if self.gradients else torch.inference_mode()


@dataclass
class Workbench:
    """One paper at one sweep point.

    Args:
        plugin: A working plugin.
        scale: `smoke`, `small` or `paper`.
        params: Over the card's default point.
        seed: Given to every hook, and set globally before each.
        device: Where models and inputs go: `cpu`, `cuda:0`, `meta`.
        dtype: What floating-point weights and inputs become; None leaves them.
        mode: How the default `infer` and `train_step` call the model: `eager`, `compile` or `cudagraph`.
        kept: Folder of the weights of earlier fits; None trains always.
        code: Hash of the plugin's source, which weights are kept by; empty: taken here.

    Attributes:
        inputs: Hash of what the last prepared work was given; empty before.
    """

    plugin: Plugin
    scale: str = Scale.SMOKE
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    dtype: torch.dtype | None = None
    mode: str = "eager"
    kept: Path | None = None
    code: str = ""

    def __post_init__(self) -> None:
        check_known("workbench", "scale", self.scale, list(Scale))
        self.card = self.plugin.card
        self.params = {**self.card.default_point(self.scale), **self.params}
        self._fits: dict[str, Any] = {}
        self.inputs = ""

    def at(self, **params: Any) -> Workbench:
        """Return the same workbench at another sweep point."""
        return replace(self, params={**self.params, **params})

    def _call(self, hook: str, **arguments: Any) -> Any:
        seed_everything(self.seed)
        return self.plugin.call(hook, scale=self.scale, params=dict(self.params), seed=self.seed, **arguments)

    def model(self, variant: str, fitted: Any = None) -> Any:
        """Build a variant, in eval mode, on the workbench's device and in its dtype."""
        check_known(f"plugin {self.plugin.slug!r}", "variant", variant, self.card.variant_names)
        with torch.device("meta" if self.device == "meta" else "cpu"):
            built = self._call("model", variant=variant, fitted=fitted)
        if built is None:
            raise CardError(f"hook 'model' of {self.plugin.slug!r} returned nothing for variant {variant!r}; return the built model")
        if isinstance(built, torch.nn.Module):
            built.eval()
        return built if self.device == "cpu" and self.dtype is None else place(built, self.device, self.dtype)

    def data(self, split: str = "profile") -> Data:
        """Return a split, inputs on the workbench's device; `train` and `test` stay on the CPU in their own dtype."""
        data: Data = self._call("data", split=split)
        check_type(f"hook 'data' of {self.plugin.slug!r}", f"what it returned for split {split!r}", data, Data)
        if split != "profile":
            return data
        return replace(data, inputs=place(data.inputs, self.device, self.dtype), targets=place(data.targets, self.device, self.dtype))

    def fit(self, variant: str, budget: Budget | None = None) -> Any:
        """Return the variant's fitted model, on the CPU. Trained once per workbench; `shares_fit` is followed."""
        if variant not in self._fits:
            self._fits[variant] = self._fit(variant, budget or Budget())
        return self._fits[variant]

    def _fit(self, variant: str, budget: Budget) -> Any:
        home = replace(self, device="cpu", dtype=None) if (self.device, self.dtype) != ("cpu", None) else self
        if donor := self.card.variant(variant).shares_fit:
            return home.model(variant, fitted=self.fit(donor, budget))
        file = self._kept_at(variant, budget)
        if file is None:
            return home._newly_trained(variant, budget)
        with weights.locked(file):
            if file.exists() and weights.load(file, model := home.model(variant)):
                return model
            model = home._newly_trained(variant, budget)
            weights.keep(file, model, home.model(variant))
        return model

    def _newly_trained(self, variant: str, budget: Budget) -> Any:
        with one_thread():
            return self._trained(variant, self.model(variant), budget)

    def _trained(self, variant: str, model: Any, budget: Budget) -> Any:
        data = self.data("train")
        if self.plugin.has("fit"):
            model = self._call("fit", variant=variant, model=model, data=data, budget=budget)
        elif data.recipe is not None:
            seed_everything(self.seed)
            train(model, data, data.recipe, budget, self.seed)
        if isinstance(model, torch.nn.Module):
            model.eval()
        return model

    def _kept_at(self, variant: str, budget: Budget) -> Path | None:
        source = home_of(self.plugin.source)
        if self.kept is None or source is None:
            return None
        setting = {
            "slug": self.plugin.slug,
            "variant": variant,
            "scale": self.scale,
            "params": dict(self.params),
            "seed": self.seed,
            "steps": budget.steps,
        }
        return weights.weights_file(self.kept, self.code or source_hash(source), setting)

    def metric(self, variant: str, model: Any = None) -> dict[str, Quality]:
        """Fit if need be and judge on `test`; names and directions are held against the card."""
        fitted = self.fit(variant) if model is None else model
        with torch.no_grad():
            found = self._call("metric", variant=variant, model=fitted, data=self.data("test")) or {}
        for name, quality in found.items():
            owner = f"hook 'metric' of {self.plugin.slug!r}"
            check_known(owner, "a result", name, self.card.qualities)
            check_type(owner, name, quality, Quality)
            if quality.better != self.card.qualities[name]:
                raise CardError(
                    f"{owner}: {name} says {quality.better!r} is better, the card says {self.card.qualities[name]!r}; make them agree"
                )
        return dict(found)

    def artifacts(self, variant: str, model: Any = None) -> dict[str, Artifact]:
        """Return the variant's artifacts from its fitted model."""
        if not self.plugin.has("artifacts"):
            return {}
        fitted = self.fit(variant) if model is None else model
        with torch.no_grad():
            return dict(self._call("artifacts", variant=variant, model=fitted, data=self.data("test")) or {})

    def subject(self, workload: str, variant: str) -> Subject:
        """Build a variant and prepare one call of a workload, on the workbench's device."""
        spec = self.card.workload(workload)
        model = place(self.fit(variant), self.device, self.dtype) if spec.needs_fit else self.model(variant)
        data = self.data("profile")
        self.inputs = digest(data.inputs)
        return Subject(variant, model, data, self._work(workload, variant, model, data), spec.gradients)

    def needs_fit(self, workload: str) -> bool:
        """Say whether a workload's cost depends on trained weights."""
        return self.card.workload(workload).needs_fit

    def formulas(self) -> Mapping[str, Callable[..., Any]] | None:
        """Return the plugin's FLOP formulas for custom operators."""
        found: Mapping[str, Callable[..., Any]] | None = self.plugin.call("flop_formulas")
        return found

    def _work(self, workload: str, variant: str, model: Any, data: Data) -> Work:
        made: Work | None = self._call("workload", name=workload, variant=variant, model=model, data=data, device=self.device)
        if made is not None:
            check_type(f"hook 'workload' of {self.plugin.slug!r}", f"what it returned for {workload!r}", made, Work)
            if self.mode != "eager":
                raise NotMeasurableError(
                    f"{self.plugin.slug} makes the call of workload {workload!r} itself, which runs as it is written: eager"
                )
            return made
        if workload == "infer":
            called = compiled(model, self.mode)
            return Work(partial(called, *data.inputs), data.count)
        if workload == "train_step" and data.recipe is not None:
            return Work(train_step(compiled(model, self.mode), data, data.recipe), data.count)
        hint = "give data.recipe on split 'profile', or handle it in the hook" if workload == "train_step" else "handle it in the hook"
        raise CardError(f"hook 'workload' of {self.plugin.slug!r} made nothing of workload {workload!r}; {hint}")
