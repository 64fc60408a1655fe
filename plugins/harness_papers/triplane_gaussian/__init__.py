"""Triplane Gaussian: points and planes from one image through two transformers, a Gaussian at each point, drawn by splatting.

`setting` holds dimensions and the camera; `objects` the data; `image_tokens`, `transformer`, `points` and `triplane` the networks; `splatting` how
Gaussians are drawn; `reconstructors` the variants; `training` the two stages; `judging` the qualities and pictures; `parts` and `published` the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Budget, Data, Paper, Quality, Variant, Work, Workload, hookimpl

from .published import CLAIMS, SIZES
from .setting import LEARNT, shape_of


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="triplane_gaussian",
        title="Triplane Meets Gaussian Splatting: Fast and Generalizable Single-View 3D Reconstruction with Transformers",
        arxiv="2312.09147",
        year=2023,
        family="3d",
        task="from one image, its mask and cameras to views, (B, 3, S, S), (B, 2, S, S), (B, V, 3, 3) -> (B, V, 4, S', S'), colour and opacity",
        method=(
            "One transformer makes points of an image, another three planes of features that hear from the points; each point reads the planes and the "
            "pixel it is seen at, and becomes a 3-D Gaussian. All of them are drawn by splatting."
        ),
        variants=[
            Variant("tgs", "points, planes, and a Gaussian at each point", subject=True),
            Variant("triplane_nerf", "planes alone, drawn by volume rendering"),
            Variant("direct_gs", "Gaussians regressed from tokens by one linear layer, no planes"),
            Variant("points_only", "the same points as balls of one size, coloured from the image"),
            Variant("no_projection", "the method without what points take from the image"),
        ],
        workloads=[
            Workload("infer", items="views", about="from an image to one view"),
            Workload("render", items="views", about="one view of what has been made of the image"),
        ],
        sweep={"view": {"smoke": (LEARNT,), "small": (LEARNT, 48), "paper": (512,)}},
        qualities={"psnr": "higher", "psnr_input": "higher", "ssim": "higher", "chamfer": "lower", "train_loss": "lower"},
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "What is trained is small: images of 32x32 pixels, an image encoder of 2 layers of width 64 trained from nothing in place of DINOv2-base, "
                "transformers of 3 layers of width 64, 64 tokens split into 256 points, planes of 8x8 cells, colours without spherical harmonics."
            ),
            (
                "128 generated objects of 8 views are learnt from, 16 judged on, for 150 steps of 4 objects on points and 200 on views; the authors have "
                "about 45,000 objects of Objaverse-LVIS. There are no views of depth."
            ),
            "The error of views is that of colour and opacity, without SSIM and LPIPS.",
            "The points of the second stage are those of the first; they are not trained further.",
            (
                "Splatting is dense: every Gaussian at every pixel, in plain PyTorch. There are no tiles, none is left out for being faint, far away or "
                "behind the camera, and the sizes at which sorting by tiles pays are out of reach."
            ),
            (
                "A point is seen where it is the nearest of those in its own pixel. The authors' rasterizer draws points as discs of about two pixels across, and "
                "takes the features of any pixel in which a disc is seen."
            ),
            (
                "With few points in few pixels, a point hides others up to one pixel away, unless they are less than 0.1 behind it. At the published "
                "dimensions it hides those of its own pixel."
            ),
            "A Gaussian moves from its point by at most half a cell of the planes, which is the authors' bound at 32 cells, and four times it at 8.",
            "Small Gaussians start with an extent of exp(-3.5), for exp(-5) is a tenth of a pixel in 32.",
            "At `view` = 48 a larger network (1,024 points, planes of 16x16, width 128) is timed and not trained.",
            "Volume rendering draws 128 pixels of each view in a step of training, splatting all 1,024; it takes all 350 steps, having no points to place.",
            "That splatting gains the more on volume rendering the larger a view is, is not checked.",
            "Planes that hear nothing from the points, and training without points to learn from, which the authors try, are no variants.",
            "The mask token of DINOv2, which is never used, is left out.",
        ],
        readings=[
            (
                "Of the paper's text only the abstract and what others quote could be read: the networks are those of the authors' code and configuration. Training "
                "follows what is known of it: points first, by Chamfer and earth mover's distances, then planes and Gaussians, by the error of views."
            ),
            "The world of an object is turned so that the input camera is always the same, as in the released configuration; so the camera's embedding is constant.",
            (
                "`direct_gs` and `triplane_nerf` have an image encoder as deep as the subject's two together and a transformer two layers deeper, for about equal "
                "parameters. `direct_gs` has four Gaussians for each token, and its centres are trained in the first stage as points are."
            ),
            (
                "`quality_implicit` has no reduced check: volume rendering learns from an eighth of the pixels here, and a gain over it in new views would say "
                "little."
            ),
            "`points_only` has fixed extents of exp(-3.5) and opacities of 0.9.",
            "`no_projection` drops colour, features and silhouette from the point encoder and from the Gaussian decoder; the splitting of points keeps its look.",
            "`train_loss` is the error of views of the first 16 objects learnt from, at the end; all variants take equally many steps.",
            "The distance from the mask is computed with the data, exactly; the authors' is of a 3x3 chamfer metric.",
            "Weights of the terms of the loss are not in the authors' repository; here they are 1.",
            "Density of volume rendering is a softplus, and zero outside the cube.",
        ],
        findings=[
            (
                "Methods that optimise for each object are no variant, for every run would wait for their steps. Ten steps of Adam on 256 Gaussians and one "
                "image took 127 ms of one core; the network, then of four layers, 32 ms from image to view (one measurement). Five hundred steps would take "
                "about 200 times as long."
            ),
            (
                "In one seed new views have 15.0 dB, 13.6 with direct regression, 13.6 without what points take from the image, and 10.7 for the mean colour; "
                "the input view has 16.5, 13.4 and 13.6 dB. This was before colours brighter than white were judged as white."
            ),
            (
                "Volume rendering did not learn in 350 steps (10.0 dB) when it started with density 3 in the whole cube; it starts with 0.5 now, and draws 128 "
                "pixels in place of 64. It reaches 13.1 dB on four objects."
            ),
        ],
        data="generated objects of two to five spheres, boxes, cylinders and tori, sphere-traced; noise at the published dimensions",
        code="https://github.com/VAST-AI-Research/TriplaneGaussian",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any]) -> Any:
    from .parts import part
    from .reconstructors import build

    return part(params["part"]) if "part" in params else build(variant, shape_of(scale, params))


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any]) -> Data:
    import torch

    from .judging import relative
    from .objects import objects
    from .parts import part_inputs
    from .training import PLANS

    if "part" in params:
        return Data(part_inputs(params["part"]), items=1)
    shape = shape_of(scale, params)
    if scale == "paper":
        side = shape.image
        return Data((torch.rand(1, 3, side, side), torch.ones(1, 2, side, side), torch.eye(3)[None, None]), items=1)
    plan = PLANS[scale]
    if split == "profile" or params["view"] != LEARNT:
        one = objects("test", 1, 2, shape.image, plan.surface)
        return Data((one.images[:, 0], one.silhouettes[:, 0], relative(one)[:, 1:]), items=1)
    learnt = objects("train", plan.objects, plan.views, shape.image, plan.surface)
    seen = objects("test", plan.tested, plan.views, shape.image, plan.surface) if split == "test" else learnt
    inputs = (seen.images[:, 0], seen.silhouettes[:, 0], relative(seen))
    return Data(inputs, extra={"seen": seen, "learnt": type(learnt)(*(part[: plan.tested] for part in learnt))})


@hookimpl
def fit(model: Any, data: Data, scale: str, budget: Budget, seed: int) -> Any:
    from . import training

    plan = training.PLANS[scale]
    return training.fit(model, data.extra["seen"], plan, budget.cap(plan.placing + plan.drawing), seed)


@hookimpl
def metric(model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Quality]:
    from .judging import qualities

    return qualities(model, data.extra["seen"], data.extra["learnt"]) if params["view"] == LEARNT else {}


@hookimpl
def workload(name: str, model: Any, data: Data) -> Work | None:
    import torch

    if name != "render":
        return None
    image, silhouette, R = data.inputs
    with torch.no_grad():
        represented = model.represent(image, silhouette)
    return Work(lambda: model.render(represented, R, model.shape.view), R.shape[1])


@hookimpl
def artifacts(model: Any, data: Data, params: Mapping[str, Any]) -> Mapping[str, Artifact]:
    from .judging import pictures

    return pictures(model, data.extra["seen"]) if params["view"] == LEARNT else {}
