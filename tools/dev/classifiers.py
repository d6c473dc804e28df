"""The classifiers of `spikesim.estimators` beside two of scikit-learn, by cross-validation.

    python -m spikesim.tools.dev.classifiers    # writes models/results/estimators/cross_validation.json
    python -m spikesim.tools.dev.classifiers --only iris --repeats 1 --out table.json

Iris and the 8x8 digits are bundled with scikit-learn. Every classifier has its default parameters but for the
digits, whose pixels have one common range: scaling="global". The defaults were chosen on other data (wine,
breast cancer, two moons). Baselines get the same scaling from a pipeline, learnt in each fold.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.multiclass import OneVsOneClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from spikesim.errors import SpikesimError
from spikesim.estimators import EMSTDPClassifier, HopfieldClassifier, LocalRuleClassifier
from spikesim.files.measured_table import Table, save_table

OUT = Path(__file__).resolve().parents[2] / "models" / "results" / "estimators" / "cross_validation.json"
FOLDS = 5
REPEATS: Mapping[str, int] = {"iris": 3, "digits": 1}
DATA: Mapping[str, Callable[..., Any]] = {"iris": load_iris, "digits": load_digits}
TITLES: Mapping[str, str] = {"iris": "Iris (%)", "digits": "8x8 digits (%)"}


def classifiers(data: str, seed: int) -> dict[str, Any]:
    """Name -> classifier for a dataset."""
    scaling = "global" if data == "digits" else "feature"
    own: dict[str, Any] = {"random_state": seed, "scaling": scaling}
    unit = FunctionTransformer(lambda x: x / 16) if data == "digits" else MinMaxScaler()
    return {
        "EMSTDPClassifier, sw": EMSTDPClassifier(feedback="sw", **own),
        "EMSTDPClassifier, dfa": EMSTDPClassifier(feedback="dfa", **own),
        "LocalRuleClassifier": LocalRuleClassifier(**own),
        "LocalRuleClassifier, one against one": OneVsOneClassifier(LocalRuleClassifier(**own)),
        "LocalRuleClassifier, backprop": LocalRuleClassifier(learning="backprop", bias_start=0.0, **own),
        "HopfieldClassifier, aSTDP": HopfieldClassifier("astdp", **own),
        "HopfieldClassifier, mSTDP": HopfieldClassifier("mstdp", **own),
        "scikit-learn MLPClassifier, (100,)": make_pipeline(unit, MLPClassifier(random_state=seed)),
        "scikit-learn LogisticRegression": make_pipeline(unit, LogisticRegression(max_iter=1000)),
    }


def measured(data: str, repeats: int, seed: int, say: Callable[[str], Any]) -> dict[str, list[float]]:
    """Name -> accuracy in % on each test fold."""
    x, y = DATA[data](return_X_y=True)
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed)
    found = {}
    for name, made in classifiers(data, seed).items():
        begun = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # MLPClassifier ends after 200 epochs
            found[name] = [round(100 * s, 4) for s in cross_val_score(made, x, y, cv=folds)]
        say(f"{data}, {name}: {spread(found[name])} % in {time.monotonic() - begun:.0f} s")
    return found


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation over folds as text."""
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def table(found: Mapping[str, Mapping[str, Sequence[float]]], config: Mapping[str, Any]) -> Table:
    """The table: a row for each classifier, a column for each dataset."""
    names = next(iter(found.values()))
    rows = tuple((name, *(spread(values[name]) for values in found.values())) for name in names)
    return Table(
        "Classifiers of spikesim.estimators by 5-fold cross-validation: test accuracy",
        ("Classifier", *(TITLES[data] for data in found)),
        rows,
        "python -m spikesim.tools.dev.classifiers",
        "Mean ± standard deviation over the test folds (Iris: 3 repeats, digits: 1; stratified). Default "
        "parameters, chosen on wine, breast cancer and two moons; digits with scaling='global'. All inputs "
        "are scaled to [0, 1].",
        dict(config),
        {data: dict(values) for data, values in found.items()},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=sorted(DATA), help="one dataset")
    parser.add_argument("--repeats", type=int, help="repeats of the cross-validation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    chosen = [given.only] if given.only else list(DATA)
    repeats = {data: given.repeats or REPEATS[data] for data in chosen}
    found: dict[str, dict[str, list[float]]] = {}
    for data in chosen:
        found[data] = measured(data, repeats[data], given.seed, print)
        made = table(found, {"seed": given.seed, "folds": FOLDS, "repeats": repeats})
        try:
            save_table(made, given.out)
        except SpikesimError as problem:
            print(problem, file=sys.stderr)
            return 1
    print(made.markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
