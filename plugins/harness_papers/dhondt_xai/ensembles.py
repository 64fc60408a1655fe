"""Tree ensembles: how they are made, and the one number a row that is explained."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import ensemble as forests


def new_ensemble(kind: str, binary: bool, trees: int, seed: int) -> Any:
    """Return an unfitted ensemble, its library's defaults but for the number of trees: `gradient_boosting`, `random_forest` or `xgboost`."""
    if kind == "xgboost":
        import xgboost

        made = xgboost.XGBClassifier if binary else xgboost.XGBRegressor
        return made(n_estimators=trees, random_state=seed, n_jobs=1)
    named = {
        "gradient_boosting": (forests.GradientBoostingRegressor, forests.GradientBoostingClassifier),
        "random_forest": (forests.RandomForestRegressor, forests.RandomForestClassifier),
    }
    return named[kind][binary](n_estimators=trees, random_state=seed)


def score(ensemble: Any, x: np.ndarray) -> np.ndarray:
    """Return what is explained of rows (N, n): log-odds of class 1, its probability where a forest votes, or the predicted number: (N,)."""
    if hasattr(ensemble, "decision_function"):
        return ensemble.decision_function(x)
    if hasattr(ensemble, "get_booster"):
        return ensemble.predict(x, output_margin=True).astype(float)
    if hasattr(ensemble, "predict_proba"):
        return ensemble.predict_proba(x)[:, 1]
    return ensemble.predict(x)
