"""The tables that are explained: scikit-learn's, and two drawn from a formula whose importances are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

Formula = Callable[[np.ndarray], np.ndarray]

SPLIT_SEED, TEST_SHARE = 42, 0.3
"""The split of the authors' example."""

DRAWN_ROWS, NOISE = 1000, 0.1
WEIGHTS = (5.0, 3.0, 2.0, 1.0, 0.0, 0.0)
"""a_f of the additive table."""


@dataclass(frozen=True)
class Table:
    """A data set.

    Attributes:
        names: Of the n features.
        x: Features, (N, n).
        y: 0 or 1, or a number, (N,).
        alliances: Features that belong together.
        formula: What the labels were drawn from, (N, n) -> (N,), where that is known.
        truth: The importance of each feature in that formula, (n,); None where no single number says it.
    """

    names: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    alliances: tuple[tuple[str, ...], ...] = ()
    formula: Formula | None = None
    truth: np.ndarray | None = None

    @property
    def binary(self) -> bool:
        """Whether labels are classes."""
        return self.y.dtype.kind == "i"

    def split(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Return training and test rows, as (x, y) each."""
        x, x_test, y, y_test = train_test_split(self.x, self.y, test_size=TEST_SHARE, random_state=SPLIT_SEED)
        return (x, y), (x_test, y_test)


def load(name: str) -> Table:
    """Return a table by name."""
    return _TABLES[name]()


def _breast_cancer() -> Table:
    raw = datasets.load_breast_cancer()
    names = tuple(str(name) for name in raw.feature_names)
    # Each of ten quantities was measured in every cell; the table has its mean, standard error and worst value.
    alliances = tuple((f"mean {part}", f"{part} error", f"worst {part}") for part in (name.removeprefix("mean ") for name in names[:10]))
    return Table(names, raw.data, raw.target.astype(np.int64), alliances)


def _diabetes() -> Table:
    raw = datasets.load_diabetes()
    return Table(tuple(raw.feature_names), raw.data, raw.target)


def _wine() -> Table:
    raw = datasets.load_wine()
    return Table(tuple(raw.feature_names), raw.data, (raw.target == 1).astype(np.int64))


def _additive() -> Table:
    a = np.array(WEIGHTS)
    return _drawn(len(a), lambda x: x @ a, truth=a)


def _product() -> Table:
    return _drawn(3, lambda x: x[:, 0] * x[:, 1] + x[:, 2], alliances=(("x1", "x2"),))


def _drawn(n: int, formula: Formula, alliances: tuple[tuple[str, ...], ...] = (), truth: np.ndarray | None = None) -> Table:
    rng = np.random.default_rng(SPLIT_SEED)
    x = rng.normal(size=(DRAWN_ROWS, n))
    y = formula(x) + NOISE * rng.normal(size=DRAWN_ROWS)
    return Table(tuple(f"x{f + 1}" for f in range(n)), x, y, alliances, formula, truth)


_TABLES = {"breast_cancer": _breast_cancer, "diabetes": _diabetes, "wine": _wine, "additive": _additive, "product": _product}
