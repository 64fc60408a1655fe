"""Faster Diffusion: a sampler that runs the encoder of the noise predictor at a few key steps only, and the decoder at every step.

A model here is a noise predictor with a way to sample from it: called with noise x_T and conditions it returns samples. Every variant samples from
one trained network. `setting` holds shapes and key steps, `unet` the network in its two halves, `sampling` the loop and the solvers, `digits` and
`training` the small network's task, `judging` the qualities, `published` the claims, and `pictures` what the paper's page shows.
"""

from __future__ import annotations

from harness import Data, Paper, Variant, Work, Workload, hookimpl

from .published import CLAIMS, DEVIATIONS, FINDINGS, QUALITIES, READINGS, SIZES
from .setting import SHAPES, STUDIES, plan_of


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="faster_diffusion",
        title="Faster Diffusion: Rethinking the Role of UNet Encoder in Diffusion Models",
        arxiv="2312.09608",
        year=2023,
        family="generative",
        task="sample from a trained diffusion U-Net: noise (B, C, H, W), conditions (B, L, d_c) -> samples (B, C, H, W)",
        method=(
            "Encoder and middle block run at key steps only; at the steps between, the decoder runs on their features with the current time. Such "
            "steps do not depend on one another's x_t, so they are decoded in one batch. A little of the initial noise is added at late steps."
        ),
        variants=[
            Variant("faster_parallel", "propagation, decoding in batches, noise injection", subject=True, shares_fit="full"),
            Variant("full", "DDIM, the whole network at every step"),
            Variant("faster_uniform", "the subject with every fourth step a key step, in place of the hand-picked ones", shares_fit="full"),
            Variant("faster_serial", "propagation and noise injection, decoding one step at a time", shares_fit="full"),
            Variant("no_injection", "propagation and decoding in batches alone", shares_fit="full"),
            Variant("fewer_steps", "DDIM with 29 steps for 50, as many as the claimed saving affords", shares_fit="full"),
            Variant("dpm", "DPM-Solver++ with 20 steps", shares_fit="full"),
            Variant("dpm_faster", "DPM-Solver++ with 20 steps, the encoder at every fourth", shares_fit="full"),
        ],
        workloads=[Workload("sample", "samples", "one sample from noise, through all steps")],
        sweep={
            "rule": {"smoke": ("10ls",), "small": ("50ls", "100ls"), "paper": ("50ls", "100ls")},
            "control": {"smoke": ("none",), "small": ("none", "branch"), "paper": ("none", "branch")},
        },
        cost_axes=(),
        qualities=QUALITIES,
        sizes=SIZES,
        claims=CLAIMS,
        deviations=DEVIATIONS,
        readings=READINGS,
        findings=FINDINGS,
        data="scikit-learn digits in place of images and captions; random weights and inputs at published dimensions",
        code="https://github.com/hutaiHang/Faster-Diffusion",
    )


@hookimpl
def model(variant, scale, params, fitted):
    from .sampling import Sampler
    from .unet import UNet

    unet = UNet(SHAPES[scale], params["control"] == "branch") if fitted is None else fitted.unet
    return Sampler(unet, plan_of(variant, params), SHAPES[scale])


@hookimpl
def data(scale, split, params):
    import torch

    from .digits import conditions, labelled

    shape = SHAPES[scale]
    if split == "profile":
        x = torch.randn(1, shape.channels, shape.size, shape.size)
        hint = (torch.randn_like(x),) if params["control"] == "branch" else ()
        return Data((x, torch.randn(1, *shape.context), *hint))
    x, y = labelled(split, shape.size)
    return Data((x, conditions(y)), targets=y)


@hookimpl
def fit(model, data, scale, budget, seed):
    from .training import train

    train(model.unet, *data.inputs, STUDIES[scale], budget.cap, seed)
    return model


@hookimpl
def metric(variant, model, data, scale, params, seed):
    from .judging import judge

    return judge(model, variant, scale, params, data.inputs[0], seed)


@hookimpl
def workload(model, data):
    return Work(lambda: model(*data.inputs), data.count)


@hookimpl
def artifacts(variant, model, scale, params, seed):
    from .pictures import show

    return show(model, variant, scale, params, seed)
