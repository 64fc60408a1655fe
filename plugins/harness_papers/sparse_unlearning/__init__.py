"""Unlearning on sparse networks: prune first, then unlearn; or fine-tune under an l1 norm, which prunes and unlearns at once.

Four networks are trained once, with the variant `retrain`: on everything and on what is retained, dense and sparse. All other variants start from the
first two and are compared with the last two. What is timed is the unlearning itself, the whole procedure on a few images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import Artifact, Budget, Data, Paper, Quality, Variant, Work, Workload, hookimpl

from .claims import CLAIMS, FINDINGS, SIZES


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="sparse_unlearning",
        title="Model Sparsity Can Simplify Machine Unlearning",
        arxiv="2304.04934",
        year=2023,
        family="unlearning",
        task="make a trained classifier, (B, C, H, W) -> (B, 10), what it would be without some of its training images, at less than the cost of retraining",
        method=(
            "A network with few weights left is easier to make forget: it is pruned first, and any unlearner then works on what remains. Or it is "
            "fine-tuned on the retained images under an l1 norm of all parameters, whose weight falls to zero, and becomes sparse as it forgets."
        ),
        variants=[
            Variant("l1_sparse", "dense network, fine-tuned under the l1 norm", subject=True, shares_fit="retrain"),
            Variant("retrain", "trained anew without the forget set: what unlearning is to match"),
            Variant("ft", "dense network, fine-tuned on what is retained", shares_fit="retrain"),
            Variant("ga", "dense network, gradient ascent on the forget set", shares_fit="retrain"),
            Variant("ff", "dense network, Fisher forgetting: noise on what the retained images do not need", shares_fit="retrain"),
            Variant("iu", "dense network, one influence step", shares_fit="retrain"),
            Variant(
                "pruned_retrain",
                "sparse network, trained anew without the forget set, with the mask of the pruned one",
                shares_fit="retrain",
            ),
            Variant("pruned_l1_sparse", "pruned, then fine-tuned under the l1 norm", shares_fit="retrain"),
            Variant("pruned_ft", "pruned, then fine-tuned", shares_fit="retrain"),
            Variant("pruned_ga", "pruned, then gradient ascent", shares_fit="retrain"),
            Variant("pruned_ff", "pruned, then Fisher forgetting", shares_fit="retrain"),
            Variant("pruned_iu", "pruned, then an influence step", shares_fit="retrain"),
        ],
        workloads=[Workload("unlearn", "images", "the whole unlearning procedure, all its epochs, on a few images", gradients=True)],
        sweep={"forget": ("class", "random")},
        qualities={
            "ua": "higher",
            "mia": "higher",
            "ra": "higher",
            "ta": "higher",
            "gap": "lower",
            "sparsity": "higher",
            "density_order": "higher",
        },
        cost_axes=(),
        quality_points=({"forget": "random"},),
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            (
                "Networks that are trained have four convolutions of 32 and 64 channels and see digits in their own 8x8 pixels, as enlarging them adds cost "
                "alone; the paper's are ResNets, VGG and a Swin transformer on CIFAR, SVHN and ImageNet. 80% of the convolutions' weights are pruned, where "
                "the paper prunes 95%."
            ),
            "Training takes 40 epochs in batches of 64, without augmentation, and retraining as many; the paper takes 182 and 160 in batches of 256.",
            (
                "The l1 norm weighs 1,590/170 times as much as in the paper: ten epochs are 170 steps here and 1,590 there, so that its pull on a weight, "
                "summed over all steps, is the paper's."
            ),
            (
                "Cleansing networks of a backdoor and transfer to other data are not measured, as each would need networks of its own beside the four that "
                "are trained for a seed. For the same reason IMP and SynFlow are built and tested, and not measured: the authors prefer OMP too."
            ),
            (
                "Gradient ascent takes rate 0.003, where the authors take 0.0001 for nine times as many steps. This rate, the noise of Fisher forgetting and the "
                "length of the influence step are those of four values each with the least gap, both densities and both forget sets together, on a seed that is "
                "not judged. No validation images are set aside, so that this gap was one over the test images; nothing of the l1 norm was chosen so."
            ),
            "Time is not measured on whole data sets: each procedure runs with all its epochs on 18 random images.",
            (
                "On a sparse network Fisher forgetting takes the gradients of all weights of a neuron, pruned ones too, where the code has none for the pruned. There "
                "they stand at the limit of the variance, and the mean over a neuron's inputs widens the noise of the weights that are left: fivefold in the second "
                "layer of the smoke network."
            ),
        ],
        readings=[
            "Method and lengths are those of the authors' code and commands; of the paper itself only the abstract could be read.",
            "The best unlearning is the nearest to retraining at the same density, not the highest score: `gap` is the mean distance of the four scores.",
            (
                "`ua` is the error on the forget set and `mia` the share of it that an attack by confidence takes for unseen images. The attack learns from as "
                "many retained as test images. Four other features are on the chart."
            ),
            "Where a class is forgotten, its images are left out of the test images too, as in the authors' code.",
            (
                "The authors' modified entropy puts log p where log(1 - p) is meant, and changes whole columns at a time. Here it is computed as it was "
                "defined for such attacks."
            ),
            (
                "The l1 norm is over all parameters, batch norms and biases included, as in the code. The commands leave its weight open: 5e-4, like the fifth of a "
                "class that plain fine-tuning forgets, is recalled of the paper and was not looked up."
            ),
            "`sparsity` counts exact zeros, of which descent under the norm makes none; how small weights become is on a chart.",
            (
                "Gradient ascent runs in train mode, as in the code, so that batch norms take on the statistics of the forget set; fine-tuning refreshes them "
                "with those of the retained images."
            ),
            "The Hessian's inverse is the recursion of the code, which carries one vector for all images, with 1,000 gradients of single images.",
            "Where a class is forgotten, Fisher forgetting replaces its row of the last layer by small noise, as in the code.",
            (
                "Pruning once and rewinding (OMP) takes weights back to epoch 2 of 40, the authors' to epoch 8 of 182. `pruner` among the params chooses "
                "`imp` or `synflow`."
            ),
            (
                "The theory's case: plain SGD with batch norms fixed, 20 steps of rate 0.1 over random images, a fresh network pruned by magnitude to 100, 50, "
                "20 and 5%. `density_order` is the rank correlation of error and density."
            ),
            "`retrain` carries the three other trained networks along, and its weights in memory count all four.",
        ],
        findings=FINDINGS,
        data="scikit-learn's handwritten digits, 1,200 to train and 597 to test; the class 3 or a random tenth is forgotten",
        code="https://github.com/OPTML-Group/Unlearn-Sparse",
    )


@hookimpl
def model(variant: str, scale: str, params: Mapping[str, Any], seed: int, fitted: Any) -> Any:
    from .experiment import build

    return build(variant, scale, params, seed, fitted)


@hookimpl
def data(scale: str, split: str, params: Mapping[str, Any], seed: int) -> Data:
    from . import setting

    return setting.split(scale, split, params, seed)


@hookimpl
def fit(model: Any, data: Data, scale: str, params: Mapping[str, Any], budget: Budget, seed: int) -> Any:
    from .experiment import train

    return train(model, data, scale, params, budget, seed)


@hookimpl
def metric(variant: str, model: Any, data: Data, scale: str, seed: int) -> Mapping[str, Quality]:
    from .judging import judge

    return judge(variant, model, data, scale, seed)


@hookimpl
def workload(variant: str, model: Any, data: Data, params: Mapping[str, Any]) -> Work:
    from .experiment import forward_only, procedure

    return forward_only(model, data) if params.get("part") == "forward" else procedure(variant, model, data)


@hookimpl
def artifacts(variant: str, model: Any, data: Data, scale: str, seed: int) -> Mapping[str, Artifact]:
    from .judging import charts

    return charts(variant, model, data, scale, seed)
