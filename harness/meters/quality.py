"""Quality: fit a variant, judge it, keep what is worth looking at. One process a seed."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.meters.base import Effort, NotMeasurableError, Observation, Readings, Sample, StoredArtifact
from harness.meters.figure import Figure, Provenance
from harness.plugin.card import Scale
from harness.plugin.values import Artifact, Chart, Image, Text
from harness.stats.location import mean_estimate

if TYPE_CHECKING:
    from harness.meters.workbench import Workbench

SEEDS = {Scale.SMOKE: 1, Scale.SMALL: 3}
"""Three seeds are the fewest that give an interval worth drawing; a smoke run only shows that it works."""


class QualityMeter:
    """The plugin's own metric on the test split, over seeds."""

    name = "quality"
    paired = False
    exclusive = False
    bare = False
    swept = False

    def repetitions(self, scale: str) -> int:
        """Return the number of seeds."""
        return SEEDS[Scale(scale)]

    def enough(self, scale: str, observations: Sequence[Observation], elapsed_s: float) -> str:
        """Never stop early."""
        return ""

    def observe(self, bench: Workbench, variants: Sequence[str], workload: str, effort: Effort) -> Observation:
        """Fit and judge one variant with one seed."""
        import torch

        # One thread, so that a figure does not depend on how many cores the machine has.
        torch.set_num_threads(1)
        bench.seed = effort.repetition
        (variant,) = variants
        found = bench.metric(variant)
        if not found:
            raise NotMeasurableError(f"metric gives nothing for variant {variant!r}")
        shown = bench.artifacts(variant) if effort.repetition == 0 else {}
        return {
            "variant": variant,
            "qualities": {name: {"value": q.value, "unit": q.unit} for name, q in found.items()},
            "artifacts": [pack(name, artifact) for name, artifact in shown.items()],
        }

    def summarize(self, observations: Sequence[Observation]) -> Readings:
        """Return each quality's mean over seeds with its t interval, the samples, and the first seed's artifacts."""
        figures, samples = [], []
        variant = observations[0]["variant"]
        for name, first in observations[0]["qualities"].items():
            values = [o["qualities"][name]["value"] for o in observations]
            mean = mean_estimate(values)
            figures.append(
                Figure(variant, name, mean.value, first["unit"], Provenance.MEASURED, "quality/metric", mean.low, mean.high, len(values))
            )
            samples += [Sample(variant, name, seed, 0, value, first["unit"]) for seed, value in enumerate(values)]
        shown = [unpack(variant, packed) for packed in observations[0]["artifacts"]]
        return Readings(figures, samples, artifacts=shown)


def pack(name: str, artifact: Artifact) -> dict[str, str]:
    """Return an artifact as JSON data."""
    kind, content = _encode(artifact)
    return {"name": name, "kind": kind, "caption": artifact.caption, "content": base64.b64encode(content).decode()}


def unpack(variant: str, packed: dict[str, str]) -> StoredArtifact:
    """Return the artifact that `pack` wrote."""
    return StoredArtifact(variant, packed["name"], packed["kind"], packed["caption"], base64.b64decode(packed["content"]))


def _encode(artifact: Artifact) -> tuple[str, bytes]:
    match artifact:
        case Image():
            return "image", _png(artifact.pixels)
        case Chart():
            return "chart", json.dumps(artifact.spec).encode()
        case Text():
            return "text", artifact.text.encode()


def _png(pixels: Any) -> bytes:
    """Encode an (H, W) or (H, W, 3) array, uint8 or floats in [0, 1], as PNG."""
    import numpy as np
    import PIL.Image

    array = np.asarray(pixels)
    if array.dtype != np.uint8:
        array = (np.clip(array, 0.0, 1.0) * 255).round().astype(np.uint8)
    stream = io.BytesIO()
    PIL.Image.fromarray(array).save(stream, format="PNG", optimize=True)
    return stream.getvalue()
