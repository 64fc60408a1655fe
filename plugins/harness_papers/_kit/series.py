"""Time series that forecasting papers share: a generator of many lagged series, and the real ones that statsmodels brings.

Every function is deterministic and works offline. From a series to the windows of a training split:

>>> from harness_papers._kit.series import lagged_factors, split, windows
>>> series = lagged_factors(variates=7, steps=1000)
>>> series.values.shape
(1000, 7)
>>> train = split(series, "train", lookback=96)
>>> past, future = windows(train.values, lookback=96, horizon=24)
>>> past.shape, future.shape
(torch.Size([581, 96, 7]), torch.Size([581, 24, 7]))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

FACTORS = 6
MAX_LAG = 24
"""Steps by which a variate may trail a factor, at most: one day."""
PERIODS = (24, 168)
"""The day and the week, in hours."""
FACTOR_AR = 0.95
"""Memory of a factor's random part: it fades over about 20 steps, so a leader is news to its followers for a day."""
NOISE_AR = (0.5, 0.2)
SNR = 5.0
"""Variance of what the factors give a variate, over the variance of its own noise."""
SHARES = (0.7, 0.1, 0.2)
"""Shares of train, val and test, in the order of time."""

REAL_SERIES = ("co2", "elnino", "macrodata", "sunspots")


@dataclass(frozen=True)
class Series:
    """Several variates on one time axis.

    Attributes:
        values: (steps, variates) float32.
        stamps: (steps,) datetime64[h], when each step was.
        names: One for each variate.
    """

    values: np.ndarray
    stamps: np.ndarray
    names: tuple[str, ...]


def lagged_factors(variates: int, steps: int = 8000, drift: float = 0.5, follows: int = FACTORS, seed: int = 0) -> Series:
    """Generate hourly series that share six latent factors, each variate trailing each factor by a lag of its own.

    Variate i at time t is `sum_k w_ik f_k(t - lag_ik)` with w > 0, brought to unit variance, plus AR(2) noise with a fifth of that variance, plus
    a slow change of its own. A factor is half rhythm, of the day and of the week, and half chance, an AR(1) process. The chance cannot be foreseen
    from a variate's own past, but a variate that trails by 20 steps can be read off one that leads: what attention between variates has to find.

    A variate does not depend on how many others there are: the first seven of 32 variates are those of seven.

    Args:
        variates: How many.
        steps: How many hours.
        drift: Size of the slow change over the whole series, trend and level shifts, in standard deviations of the signal. 0 makes it stationary.
        follows: How many of the six factors a variate follows: with 1 it is one leader's echo, with 6 a blend that is hard to take apart.
        seed: Of everything random.
    """
    factor_seed, *variate_seeds = np.random.SeedSequence(seed).spawn(variates + 1)
    factors = _factors(steps + MAX_LAG, np.random.default_rng(factor_seed))
    values = np.stack([_variate(factors, follows, drift, np.random.default_rng(s)) for s in variate_seeds], axis=1)
    stamps = np.datetime64("2018-01-01T00", "h") + np.arange(steps)
    return Series(values.astype(np.float32), stamps, tuple(f"variate {i}" for i in range(variates)))


def real_series(name: str) -> Series:
    """Return a real series of statsmodels: short, but nobody made it up.

    Args:
        name: `co2` (weekly on Mauna Loa, 2,284 steps, gaps filled by straight lines), `elnino` (monthly sea-surface temperature, 732 steps),
            `macrodata` (quarterly, United States, 203 steps of 12 variates) or `sunspots` (yearly, 309 steps).

    Raises:
        ValueError: when there is no such series.
    """
    from statsmodels import datasets

    if name not in REAL_SERIES:
        raise ValueError(f"no real series is called {name!r}; there are {', '.join(REAL_SERIES)}")
    table = getattr(datasets, name).load_pandas().data
    if name == "co2":
        table, stamps = table.interpolate(), table.index.to_numpy()
    elif name == "elnino":
        stamps = np.datetime64(str(int(table.YEAR.iloc[0])), "M") + np.arange(12 * len(table))
        table = table.drop(columns="YEAR").stack().to_frame("temperature")
    elif name == "macrodata":
        stamps = np.datetime64(str(int(table.year.iloc[0])), "M") + 3 * np.arange(len(table))
        table = table.drop(columns=["year", "quarter"])
    else:
        stamps = (table.YEAR.to_numpy(int) - 1970).astype("datetime64[Y]")
        table = table[["SUNACTIVITY"]]
    return Series(table.to_numpy(np.float32), stamps.astype("datetime64[h]"), tuple(table.columns))


def split(series: Series, part: str, lookback: int, shares: Sequence[float] = SHARES) -> Series:
    """Return the `train`, `val` or `test` part of a series, z-scored with the mean and deviation of the train part.

    `val` and `test` begin `lookback` steps early, so that every one of their own steps can be forecast and their number does not depend on `lookback`.
    """
    steps = len(series.values)
    first_val, first_test = round(shares[0] * steps), round((shares[0] + shares[1]) * steps)
    start, stop = {"train": (0, first_val), "val": (first_val - lookback, first_test), "test": (first_test - lookback, steps)}[part]
    mean, std = series.values[:first_val].mean(0), series.values[:first_val].std(0)
    chosen = slice(max(start, 0), stop)
    return Series((series.values[chosen] - mean) / std, series.stamps[chosen], series.names)


def windows(values: np.ndarray, lookback: int, horizon: int, every: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut (steps, columns) into pairs of a past (count, lookback, columns) and the future (count, horizon, columns) after it.

    Both are views of one copy of `values`: a thousand windows cost the memory of one.

    Args:
        values: (steps, columns).
        lookback: Steps of past.
        horizon: Steps of future.
        every: Steps from one window to the next.
    """
    whole = torch.tensor(values).unfold(0, lookback + horizon, every).transpose(1, 2)
    return whole[:, :lookback], whole[:, lookback:]


def calendar(stamps: np.ndarray) -> np.ndarray:
    """Return what the clock says at (steps,) stamps: hour of day, day of week, day of month and day of year, each in [-0.5, 0.5]. (steps, 4) float32."""
    days, months, years = (stamps.astype(f"datetime64[{unit}]") for unit in "DMY")
    hour = (stamps - days.astype(stamps.dtype)).astype(int)
    weekday = (days.astype(int) + 3) % 7  # day 0 of the epoch, 1 January 1970, was a Thursday
    month_day = (days - months.astype(days.dtype)).astype(int)
    year_day = (days - years.astype(days.dtype)).astype(int)
    return (np.stack([hour / 23, weekday / 6, month_day / 30, year_day / 365], axis=1) - 0.5).astype(np.float32)


def _factors(steps: int, rng: np.random.Generator) -> np.ndarray:
    """Return (FACTORS, steps): half rhythm, half chance, unit variance."""
    time = np.arange(steps)
    rhythm = _standard(sum(_standard(_rhythm(time, period, rng)) for period in PERIODS))
    chance = _standard(_autoregressive((FACTOR_AR,), rng.standard_normal((FACTORS, steps))))
    return _standard(rhythm + chance)


def _rhythm(time: np.ndarray, period: int, rng: np.random.Generator) -> np.ndarray:
    """Return (FACTORS, steps): a wave and its first overtone at half the size, in random phases."""
    phase = rng.uniform(0, 2 * np.pi, (2, FACTORS, 1))
    angle = 2 * np.pi * time / period
    return np.cos(angle + phase[0]) + 0.5 * np.cos(2 * angle + phase[1])


def _variate(factors: np.ndarray, follows: int, drift: float, rng: np.random.Generator) -> np.ndarray:
    """Return (steps,): one variate's mixture of lagged factors, with its noise and its slow change."""
    steps = factors.shape[1] - MAX_LAG
    followed = rng.permutation(FACTORS)[:follows]
    weights, starts = np.abs(rng.standard_normal(follows)), MAX_LAG - rng.integers(0, MAX_LAG + 1, follows)
    signal = _standard(sum(w * factors[k, start : start + steps] for k, w, start in zip(followed, weights, starts, strict=True)))
    noise = _standard(_autoregressive(NOISE_AR, rng.standard_normal(steps)))
    return signal + noise / np.sqrt(SNR) + drift * _slow_change(steps, rng)


def _slow_change(steps: int, rng: np.random.Generator) -> np.ndarray:
    """Return (steps,): a straight trend and two shifts of level at random times, each of about one unit."""
    trend = rng.standard_normal() * np.linspace(-0.5, 0.5, steps)
    shifts = sum(rng.standard_normal() * (np.arange(steps) >= when) for when in rng.integers(0, steps, 2))
    return trend + shifts


def _autoregressive(coefficients: Sequence[float], shocks: np.ndarray) -> np.ndarray:
    """Return x with `x_t = sum_j coefficients[j] x_(t-1-j) + shocks_t` along the last axis."""
    from scipy.signal import lfilter

    return lfilter([1.0], [1.0, *(-c for c in coefficients)], shocks, axis=-1)


def _standard(x: np.ndarray) -> np.ndarray:
    """Bring the last axis to mean 0 and variance 1."""
    return (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
