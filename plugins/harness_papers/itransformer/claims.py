"""What the authors claim, in the figures that they print, and how each claim is checked on a machine without their data or their GPU."""

from __future__ import annotations

from harness import Claim, Scaled

FOUR_HORIZONS = "mean over horizons 96, 192, 336 and 720 from a lookback of 96"


def _boost(name: str, variates: int, inverted: float, vanilla: float, check: Scaled) -> Claim:
    """State one column of the table that sets the inverted Transformer against the vanilla one."""
    return Claim(
        id=f"boost-{name.lower()}",
        quantity="mse",
        subject="itransformer",
        baseline="transformer",
        ratio=inverted / vanilla,
        when={"scale": "paper", "variates": variates},
        source="table of performance promotion",
        says=f"Inverting the Transformer brings the mean squared error on {name} from {vanilla:.3f} down to {inverted:.3f}.",
        measured_on=f"{name}, {variates} variates, {FOUR_HORIZONS}",
        scaled=check,
    )


def _step_cost(id_: str, quantity: str, subject: str, baseline: str, variates: int, figures: tuple[float, float], check: Scaled) -> Claim:
    """State two bubbles of the efficiency figure: what one training step takes in milliseconds, or holds in gigabytes."""
    verb, unit, meaning = {"latency": ("takes", "ms", ""), "peak_activation": ("holds", "GB", "; memory of everything on the GPU")}[
        quantity
    ]
    return Claim(
        id=id_,
        quantity=quantity,
        subject=subject,
        baseline=baseline,
        ratio=figures[0] / figures[1],
        when={"device": "cuda", "scale": "paper", "variates": variates},
        workload="train_step",
        source="figure of model efficiency",
        says=f"At {variates} variates a training step of {subject} {verb} {figures[0]:g} {unit}, one of {baseline} {figures[1]:g} {unit}.",
        measured_on=f"one P100 of 16 GB, batch 16{meaning}",
        scaled=check,
    )


def _small_step(variates: int, why: str, ratio: float | None = None) -> Scaled:
    """Ask the same of a small model on a CPU: a ratio, or else only which is the lower."""
    why = f"the same step with tokens 64 wide and 4 windows: {why}"
    return Scaled(ratio=ratio, order=ratio is None, when={"device": "cpu", "scale": "small", "variates": variates}, why=why)


def _small_task(series: str, why: str, ratio: float | None = None) -> Scaled:
    """Ask the same of a small model on a generated series: a ratio, or else only which is the lower."""
    return Scaled(ratio=ratio, order=ratio is None, when={"scale": "small", "series": series}, why=why)


AGAINST_TRANSFORMER = [
    _boost("ECL", 321, 0.178, 0.277, _small_task("lagged", "32 variates that follow common factors, each at lags of its own", 0.8)),
    _boost("Traffic", 862, 0.428, 0.665, _small_task("crowded", "the same task with four times as many variates", 0.8)),
    _boost("Weather", 21, 0.258, 0.657, _small_task("drifting", "the same task with levels that leave those of the training part", 0.6)),
]

AGAINST_SEPARATE_VARIATES = [
    Claim(
        id="best-on-traffic",
        quantity="mse",
        subject="itransformer",
        baseline="patchtst",
        ratio=0.428 / 0.481,
        when={"scale": "paper", "variates": 862},
        source="table of main results",
        says="On Traffic the mean squared error is 0.428, where PatchTST has 0.481.",
        measured_on=f"Traffic, 862 variates, {FOUR_HORIZONS}",
        scaled=_small_task("leaders", "variates foretell one another, and PatchTST keeps them apart"),
    ),
    Claim(
        id="best-on-pems",
        quantity="mse",
        subject="itransformer",
        baseline="dlinear",
        ratio=0.119 / 0.320,
        when={"scale": "paper"},
        source="table of main results",
        says="On PEMS the mean squared error is 0.119, where DLinear has 0.320.",
        measured_on="PEMS, mean over four sets of 170 to 883 sensors and horizons 12, 24, 48 and 96",
        scaled=_small_task("leaders", "128 sensors, each the echo of one leader, and a short horizon", 0.8),
    ),
]

LOOKBACK = [
    Claim(
        id="longer-lookback-helps",
        quantity="mse",
        subject="itransformer",
        exponent=-0.11,
        axis="lookback",
        when={"scale": "paper", "variates": 321},
        source="abstract; figure of increasing lookback, read off: 0.188 at 48 steps, 0.138 at 720",
        says="The longer the past, the lower the error of the inverted Transformer.",
        measured_on="ECL, horizon 96, lookback 48 to 720",
        ours=True,
        scaled=Scaled(exponent=0.014, axis="lookback", when={"scale": "small"}, why="at most 3 % higher after a past eight times as long"),
    ),
    Claim(
        id="longer-lookback-does-not-help-transformer",
        quantity="mse",
        subject="transformer",
        exponent=(0.0, 1.0),
        axis="lookback",
        when={"scale": "paper", "variates": 321},
        source="abstract; figure of increasing lookback, read off: 0.287 at 48 steps, 0.370 at 720",
        says="A longer past does not lower the error of the vanilla Transformer.",
        measured_on="ECL, horizon 96, lookback 48 to 720",
        ours=True,
        scaled=Scaled(
            exponent=(-0.014, 1.0), axis="lookback", when={"scale": "small"}, why="at most 3 % lower after a past eight times as long"
        ),
    ),
]

OTHERS = [
    Claim(
        id="unseen-variates",
        quantity="mse",
        subject="itransformer_fixed20",
        baseline="itransformer",
        difference=0.048,
        when={"scale": "paper", "variates": 321},
        source="figure of generalisation to unseen variates",
        says="Trained on a fifth of the variates, the model forecasts all of them with a mean squared error only 0.048 higher.",
        measured_on="ECL, 64 of 321 variates in training, all of them in the test",
        scaled=Scaled(
            ratio=1.3,
            quantity="mse_unseen",
            when={"scale": "small"},
            why="on the 26 of 32 variates outside the fifth alone, where a rise must show most",
        ),
    ),
    Claim(
        id="beats-yesterday",
        quantity="mse_over_naive",
        subject="itransformer",
        value=0.9,
        when={"scale": "small"},
        source="our own floor for a forecaster of hourly series",
        says="The mean squared error is at least a tenth below that of repeating the last day.",
        ours=True,
    ),
]

COST = [
    _step_cost(
        "fifth-is-faster",
        "latency",
        "itransformer_20",
        "itransformer",
        862,
        (91, 265),
        _small_step(862, "a fifth of the tokens, a twenty-fifth of their pairs", 1 / 2.5),
    ),
    _step_cost(
        "fifth-is-lighter",
        "peak_activation",
        "itransformer_20",
        "itransformer",
        862,
        (1.28, 7.50),
        _small_step(862, "a fifth of the tokens, a twenty-fifth of their pairs", 1 / 4),
    ),
    _step_cost(
        "faster-than-patchtst",
        "latency",
        "itransformer",
        "patchtst",
        862,
        (265, 635),
        _small_step(862, "one token a variate against twelve"),
    ),
    _step_cost(
        "lighter-than-patchtst",
        "peak_activation",
        "itransformer",
        "patchtst",
        862,
        (7.50, 8.58),
        _small_step(862, "one token a variate against twelve"),
    ),
    _step_cost("few-variates-faster", "latency", "itransformer", "transformer", 21, (30, 85), _small_step(21, "25 tokens against 240")),
    _step_cost(
        "few-variates-lighter", "peak_activation", "itransformer", "transformer", 21, (0.88, 1.09), _small_step(21, "25 tokens against 240")
    ),
    _step_cost(
        "many-variates-slower",
        "latency",
        "transformer",
        "itransformer",
        862,
        (145, 265),
        _small_step(862, "866 tokens against 240: here the method has to lose"),
    ),
    _step_cost(
        "many-variates-heavier",
        "peak_activation",
        "transformer",
        "itransformer",
        862,
        (1.16, 7.50),
        _small_step(862, "866 tokens against 240: here the method has to lose"),
    ),
]

CLAIMS = [*AGAINST_TRANSFORMER, *AGAINST_SEPARATE_VARIATES, *LOOKBACK, *OTHERS, *COST]
