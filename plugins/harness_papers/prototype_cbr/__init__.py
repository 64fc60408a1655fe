"""Deep Learning for Case-Based Reasoning through Prototypes: a network that explains a label by the cases it resembles.

An autoencoder gives each image a code. The label is a linear function of the code's distances to a few learned prototypes and of nothing
else, and the decoder shows what each prototype looks like. So the explanation, "near this 4 and far from that 7", is the computation itself.

`setting` holds the numbers of each experiment, `network` the networks, `images` and `deformation` the data, `training` the loss and its loop,
`judging` the qualities, and `pictures` what the paper's page shows.
"""

from __future__ import annotations

from harness import Claim, Data, Paper, PublishedSize, Scaled, Variant, Work, Workload, hookimpl

from .setting import SETTINGS

_SCRIPT = "counted from the layers of the authors' CAE_MNIST.py"
_ONE_IMAGE = {"batch": 1}


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="prototype_cbr",
        title="Deep Learning for Case-Based Reasoning through Prototypes: A Neural Network that Explains Its Predictions",
        arxiv="1710.04806",
        year=2018,
        family="interpretability",
        task="classify images, (B, 1, H, W) in [0, 1] -> (B, K) logits",
        method=(
            "Logits are a linear map of squared distances between an image's code and m learned prototypes, which a decoder turns into pictures. "
            "Beside the labels and the reconstruction, the loss asks that each prototype be near some code (R1) and each code near some prototype (R2)."
        ),
        variants=[
            Variant("prototype", "the paper's network and its whole loss", subject=True),
            Variant("cnn", "the same encoder with a linear layer on the code, trained on labels alone"),
            Variant("class_means", "that CNN with prototypes attached afterwards: the nearest mean code of a class", shares_fit="cnn"),
            Variant("no_r1", "the paper's network, trained without R1"),
            Variant("no_r2", "the paper's network, trained without R2"),
            Variant("no_reconstruction", "the paper's network, trained without reconstruction"),
        ],
        workloads=[
            Workload("infer", "images", "from images to logits; the decoder has no part in it"),
            Workload("train_step", "images", "loss, gradients and a step of Adam on images that are deformed already"),
        ],
        sweep={"batch": (64, 1), "task": ("digits", "cuboids")},
        qualities={
            "accuracy": "higher",
            "r1": "lower",
            "r2": "lower",
            "reconstruction_mse": "lower",
            "prototype_mse": "lower",
            "purity": "higher",
            "weight_agreement": "higher",
            "nearest_agreement": "higher",
        },
        cost_axes=("batch",),
        quality_points=({"task": "cuboids"},),
        sizes=_sizes(),
        claims=_claims(),
        deviations=[
            "Digits are scikit-learn's 1,797 images of 8x8 pixels, and not MNIST; at paper scale they are enlarged to 28x28.",
            "On 8x8 pixels the encoder has two convolutions, of 16 and 10 channels, and not four: the code still has 40 features.",
            "Digits train for 600 epochs of 12 batches of 100 images; MNIST trains for 1,500 epochs of 220 batches of 250.",
            "Wire-frame cuboids, seen from the same eleven angles, stand in for the photographed cars.",
            "At small scale the cuboids' encoder has 8, 16, 16 and 10 channels, and trains for 400 epochs.",
        ],
        readings=[
            "The accuracies are quoted from memory of the paper's text, which could not be read.",
            "The layers, the loss and its weights are those of the authors' script; the angles and numbers of prototypes are in their supplement.",
            "The deformation's sigma shrinks with the image and its alpha with the square of that: strokes move by 2.7% of any image's width.",
            "Cuboids are not deformed: the authors' script shows handwriting only, and edges are straight.",
            "r1 is taken over all training codes, r2 over all test codes; in the loss both are taken over a batch.",
            "A prototype stands for the class most frequent among its ten nearest training codes; purity is that class's share of the ten.",
            "A prototype argues for the class of its smallest weight, which the authors shade in their tables.",
            "weight_agreement is the share of prototypes that argue for the class they stand for.",
            "nearest_agreement is the share of test images whose nearest prototype argues for the label that the network gives.",
            "prototype_mse holds each decoded prototype against the training image most like it.",
            "The CNN takes the prototype network's optimizer, learning rate, batches and deformations unchanged.",
        ],
        findings=[
            "Both terms need training time: after 60 epochs of digits R1 and R2 are only about half of what they are without their term.",
            "It is R1 that keeps prototypes recognisable: without it they decode to noise, and without R2 still to digits, if farther from the cases.",
            "Without reconstruction accuracy, R1, R2 and purity stay as good, and the decoder shows nothing: these figures cannot see an explanation.",
            "The nearest prototype alone is a loose explanation: for about a sixth of the digits it argues for another class than the network's.",
        ],
        data="scikit-learn digits; wire-frame cuboids drawn by the plugin",
        code="https://github.com/OscarcarLi/PrototypeDL",
    )


def _sizes() -> list[PublishedSize]:
    def part(name: str, parameters: str, macs: str, given: str) -> list[PublishedSize]:
        params = {**_ONE_IMAGE, "part": name}
        return [PublishedSize("prototype", q, n, _SCRIPT, params, input=given) for q, n in (("parameters", parameters), ("macs", macs))]

    decoder = "the authors' whole graph, in which the decoder's 667,008 are counted though a label does not need them"
    return [
        PublishedSize("prototype", "parameters", "44,153", _SCRIPT, _ONE_IMAGE, input="28x28"),
        PublishedSize("prototype", "macs", "667,758", _SCRIPT, _ONE_IMAGE, input="28x28"),
        PublishedSize("prototype", "macs", "1,334,766", _SCRIPT, _ONE_IMAGE, input="28x28", convention=decoder, adjust=667_008),
        *part("f", "21,706", "667,008", "encoder, 28x28"),
        *part("g", "21,697", "667,008", "decoder, 40 features"),
        *part("h", "750", "750", "prototypes and head, 40 features"),
        PublishedSize("cnn", "parameters", "22,116", "the same encoder and 410 parameters of a linear layer", _ONE_IMAGE, input="28x28"),
        PublishedSize("cnn", "macs", "667,408", "the same encoder and 400 products of a linear layer", _ONE_IMAGE, input="28x28"),
    ]


def _claims() -> list[Claim]:
    published = {"scale": "paper", "task": "digits"}
    reduced = {"scale": "small", "task": "digits"}
    return [
        Claim(
            "acc_mnist",
            quantity="accuracy",
            subject="prototype",
            baseline="cnn",
            difference=-0.0002,
            when=published,
            source="section 3.1",
            says="Explaining itself costs the network next to nothing: 99.22% of test digits right, against 99.24% for the same CNN.",
            measured_on="MNIST, 15 prototypes, 1,500 epochs",
            scaled=Scaled(
                difference=(-0.015, 0.015),
                when=reduced,
                why="one of 597 test digits is 0.17 points, so a hundredth of a point cannot be seen; 1.5 points are nine digits",
            ),
        ),
        Claim(
            "acc_fashion",
            quantity="accuracy",
            subject="prototype",
            value=0.8995,
            when=published,
            source="section 3.3",
            says="On Fashion-MNIST it gets 89.95% of the labels right, on a par with CNNs of its size.",
            measured_on="Fashion-MNIST, 15 prototypes; not available offline",
        ),
        Claim(
            "r1_needed",
            quantity="r1",
            subject="prototype",
            baseline="no_r1",
            order=True,
            when=published,
            source="section 3.4",
            says="Without R1 prototypes lie away from all codes, and no longer look like digits.",
            measured_on="MNIST, judged by eye",
            scaled=Scaled(
                ratio=1 / 3, when=reduced, why="the term is there to make this distance small: a third is the least that could matter"
            ),
        ),
        Claim(
            "r2_needed",
            quantity="r2",
            subject="prototype",
            baseline="no_r2",
            order=True,
            when=published,
            source="section 3.4",
            says="Without R2 codes lie away from all prototypes, which then do not cover the cases.",
            measured_on="MNIST, judged by eye",
            scaled=Scaled(
                ratio=1 / 2, when=reduced, why="the term is there to make this distance small: a half is the least that could matter"
            ),
        ),
        Claim(
            "infer_cost",
            quantity="macs",
            subject="prototype",
            baseline="cnn",
            ratio=1.001,
            when=published,
            source="the architecture",
            says="A label costs the same multiplications as the CNN's to 0.1%.",
            measured_on="any machine",
            ours=True,
        ),
        Claim(
            "infer_latency",
            quantity="latency",
            subject="prototype",
            baseline="cnn",
            ratio=1.15,
            when={**published, "device": "cpu", "batch": 64},
            source="the architecture",
            says="A label takes at most 15% longer than the CNN's.",
            measured_on="any CPU",
            ours=True,
        ),
        Claim(
            "train_cost",
            quantity="latency",
            subject="prototype",
            baseline="cnn",
            ratio=(1.5, 2.6),
            when={**published, "batch": 64},
            workload="train_step",
            source="the architecture",
            says="Training takes about twice as long, since the decoder doubles the multiplications.",
            measured_on="any machine",
            ours=True,
        ),
    ]


@hookimpl
def model(variant, scale, params, fitted):
    from .images import labelled
    from .network import ClassMeans, build

    setting = SETTINGS[params["task"]][scale]
    if variant == "class_means" and fitted is not None:
        return ClassMeans(fitted).attach(*labelled(params["task"], "train", setting.size))
    built = build(variant, setting)
    return getattr(built, params["part"]) if "part" in params else built


@hookimpl
def data(scale, split, params):
    import torch

    from .images import labelled

    setting = SETTINGS[params["task"]][scale]
    train = labelled(params["task"], "train", setting.size)
    if split == "profile":
        x, y = (tensor[: params["batch"]] for tensor in train)
        takes_codes = params.get("part") in ("g", "h")
        return Data((torch.rand(len(x), setting.features) if takes_codes else x,), targets=y)
    x, y = labelled(params["task"], split, setting.size)
    return Data((x,), targets=y, extra={"train": train})


@hookimpl
def fit(variant, model, data, scale, params, budget, seed):
    from .training import train

    setting = SETTINGS[params["task"]][scale]
    return train(variant, model, data.inputs[0], data.targets, setting, budget.cap(setting.steps), seed)


@hookimpl
def metric(model, data):
    from .judging import judge

    return judge(model, (*data.inputs, data.targets), data.extra["train"])


@hookimpl
def workload(name, variant, model, data):
    from .training import make_step

    if name != "train_step":
        return None
    step = make_step(variant, model)
    return Work(lambda: step(*data.inputs, data.targets), data.count)


@hookimpl
def artifacts(model, data, scale, params):
    from .network import PrototypeNet
    from .pictures import explain

    if not isinstance(model, PrototypeNet):
        return {}
    return explain(model, *data.inputs, data.targets, SETTINGS[params["task"]][scale].labels)
