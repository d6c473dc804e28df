"""The classifiers in the hands of scikit-learn, and against the trainings that they stand for."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import spikesim as ss
from spikesim.errors import DataError, DeclarationError
from spikesim.estimators import EMSTDPClassifier, HopfieldClassifier, LocalRuleClassifier
from spikesim.estimators.hopfield import HopfieldClassifier as SameHopfield
from spikesim.estimators.lessons import lessons
from spikesim.estimators.relaxing import ROWS, padded
from spikesim.hopfield.astdp.network import AstdpNetwork
from spikesim.hopfield.astdp.training import Trainer, answers
from spikesim.hopfield.mstdp import training as mstdp_training
from spikesim.hopfield.mstdp.tasks import label_rates
from spikesim.models import emstdp, gupta

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
LEARN, TEST, Y_LEARN, Y_TEST = train_test_split(X, Y, test_size=60, random_state=3, stratify=Y)
EMSTDP: dict[str, Any] = {"hidden_layer_sizes": (16,), "T": 20, "epochs": 8, "learning_rate": 0.4}
MADE: dict[str, Callable[..., Any]] = {
    "emstdp": lambda **more: EMSTDPClassifier(**{**EMSTDP, **more}),
    "local rule": lambda **more: LocalRuleClassifier(**{"epochs": 100, "learning_rate": 0.01, **more}),
    "astdp": lambda **more: HopfieldClassifier(
        "astdp", **{"hidden_layer_sizes": (16,), "epochs": 10, **more}
    ),
    "mstdp": lambda **more: HopfieldClassifier(
        "mstdp", **{"hidden_layer_sizes": (16,), "epochs": 10, **more}
    ),
}
each = pytest.mark.parametrize("make", MADE.values(), ids=MADE)


class Tensor:
    """What NumPy can make an array of, as it can of a tensor of PyTorch."""

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)
        self.shape = self._values.shape

    def __len__(self) -> int:
        return len(self._values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self._values, dtype)


@each
def test_it_learns_and_the_seed_decides(make: Any) -> None:
    one, same, other = (make(random_state=seed).fit(LEARN, NAMES[Y_LEARN]) for seed in (1, 1, 2))
    assert one.score(TEST, NAMES[Y_TEST]) >= 0.85
    assert one.classes_.tolist() == NAMES.tolist() and set(one.predict(TEST)) <= set(NAMES)
    proba = one.predict_proba(TEST)
    assert proba.shape == (60, 3) and np.allclose(proba.sum(axis=1), 1.0) and (proba > 0).all()
    assert (NAMES[proba.argmax(axis=1)] == one.predict(TEST)).all()
    assert proba.tolist() == same.predict_proba(TEST).tolist() != other.predict_proba(TEST).tolist()
    assert one.n_iter_ == one.epochs


@pytest.mark.parametrize(
    ("name", "atol"), [("emstdp", 0.0), ("local rule", 0.0), ("astdp", 1e-6), ("mstdp", 1e-6)]
)
def test_a_sample_gets_the_same_answer_whichever_samples_it_comes_with(name: str, atol: float) -> None:
    """Bit for bit; Hopfield networks multiply by a BLAS in float32, to its rounding."""
    made = MADE[name](random_state=1, epochs=2).fit(LEARN, Y_LEARN)
    many = np.concatenate([TEST] * 5)
    together = made.predict_proba(TEST)
    order = np.random.default_rng(1).permutation(300)
    assert np.allclose(made.predict_proba(many[order]), np.tile(together, (5, 1))[order], rtol=0, atol=atol)
    alone = np.concatenate([made.predict_proba(row[None]) for row in TEST[:9]])
    assert np.allclose(alone, together[:9], rtol=0, atol=atol)


@each
def test_cloned_copied_pickled_and_through_joblib_it_answers_and_goes_on_the_same(make: Any) -> None:
    made = make(random_state=1, epochs=2).fit(LEARN, Y_LEARN)
    assert clone(made).get_params() == made.get_params() and not hasattr(clone(made), "classes_")
    file = io.BytesIO()
    joblib.dump(made, file)
    file.seek(0)
    pickled = pickle.loads(pickle.dumps(made))  # noqa: S301 - of our own making
    twins = [copy.deepcopy(made), pickled, joblib.load(file)]
    expected = made.predict_proba(TEST).tolist()
    assert [twin.predict_proba(TEST).tolist() for twin in twins] == [expected] * 3
    later = made.partial_fit(TEST, Y_TEST).predict_proba(LEARN).tolist()
    assert later != expected
    assert [twin.partial_fit(TEST, Y_TEST).predict_proba(LEARN).tolist() for twin in twins] == [later] * 3


@each
def test_in_parts_it_learns_too(make: Any) -> None:
    made = make(random_state=1)
    rs = np.random.default_rng(1)
    passes = 80 if isinstance(made, LocalRuleClassifier) else 12
    for _ in range(passes):
        for rows in np.array_split(rs.permutation(len(LEARN)), 2):
            made.partial_fit(LEARN[rows], Y_LEARN[rows], classes=[0, 1, 2])
    assert made.n_iter_ == 2 * passes
    assert made.score(TEST, Y_TEST) >= 0.8


@each
def test_one_sample_at_a_time_and_a_class_that_is_never_seen(make: Any) -> None:
    made = make(random_state=1)
    made.partial_fit(LEARN[:20], Y_LEARN[:20], classes=[0, 1, 2, 7])
    for k in range(20, 23):
        made.partial_fit(LEARN[k : k + 1], Y_LEARN[k : k + 1])
    assert made.predict_proba(TEST).shape == (60, 4)


@each
def test_what_partial_fit_refuses(make: Any) -> None:
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        make().partial_fit(LEARN, Y_LEARN)
    with pytest.raises(ValueError, match=r"none of the classes: \[2\]"):
        make().partial_fit(LEARN, Y_LEARN, classes=[0, 1])
    with pytest.raises(ValueError, match="does not support early_stopping"):
        make(early_stopping=True).partial_fit(LEARN, Y_LEARN, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="does not support class_weight='balanced'"):
        make(class_weight="balanced").partial_fit(LEARN, Y_LEARN, classes=[0, 1, 2])
    made = make(epochs=1).fit(LEARN, Y_LEARN)
    with pytest.raises(ValueError, match="leave classes out, or call fit"):
        made.partial_fit(LEARN, Y_LEARN, classes=[0, 1])


@each
def test_class_weights_shift_the_answers(make: Any) -> None:
    """Two classes that overlap: the heavier class is answered more often, and a class of weight 0 never."""
    rs = np.random.default_rng(2)
    y = np.repeat([0, 1], 60)
    x = rs.normal(0, 1, (120, 2)) + 0.7 * y[:, None]
    shares = [
        float((make(random_state=1, class_weight=weights).fit(x, y).predict(x) == 1).mean())
        for weights in ({1: 0.1}, None, {1: 10})
    ]
    assert shares[0] < shares[1] < shares[2], shares
    none = make(random_state=1, class_weight={0: 1, 1: 0}).fit(x, y).predict(x)
    assert (none == 0).mean() > 0.9
    kept = make(random_state=1).partial_fit(x, y, classes=[0, 1])
    before = kept.predict_proba(x).tolist()
    kept.set_params(class_weight={0: 0, 1: 0}).partial_fit(x, y)  # presents nothing
    assert kept.predict_proba(x).tolist() == before and kept.n_iter_ == 2


@each
def test_early_stopping_keeps_the_weights_of_the_best_epoch(make: Any) -> None:
    noisy = np.where(np.random.default_rng(4).random(len(Y_LEARN)) < 0.3, (Y_LEARN + 1) % 3, Y_LEARN)
    settings = {"random_state": 1, "early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3}
    made = make(epochs=60, tol=0.02, **settings).fit(LEARN, noisy)
    scores = made.validation_scores_
    assert made.n_iter_ == len(scores) < 60
    assert made.best_validation_score_ == max(scores)
    share = lessons(
        made._scaling.apply(LEARN), noisy.astype(np.int64), np.ones(3), made._seed, 0.3
    )  # the samples that were held out
    assert share.held_x is not None and share.held_y is not None and len(share.held_y) == 27
    assert (made._scores(share.held_x).argmax(axis=1) == share.held_y).mean() == max(scores)
    for wrong, message in (
        ({"validation_fraction": 1.5}, "must lie between 0 and 1"),
        ({"tol": -1}, "tol = -1"),
    ):
        with pytest.raises(DeclarationError, match=message):
            make(**{**settings, **wrong}).fit(LEARN, noisy)


@each
def test_frames_and_tensors_are_taken(make: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(LEARN, columns=list("abcd"))
    made = make(random_state=1, epochs=2).fit(frame, pandas.Series(NAMES[Y_LEARN]))
    assert made.feature_names_in_.tolist() == list("abcd")
    plain = make(random_state=1, epochs=2).fit(Tensor(LEARN), NAMES[Y_LEARN])
    expected = plain.predict_proba(Tensor(TEST)).tolist()
    assert made.predict_proba(pandas.DataFrame(TEST, columns=list("abcd"))).tolist() == expected
    with pytest.raises(ValueError, match="feature names"):
        made.predict(pandas.DataFrame(TEST, columns=list("abce")))


def test_in_a_pipeline_a_search_on_two_processes_gives_what_one_gives() -> None:
    line = make_pipeline(StandardScaler(), MADE["emstdp"](random_state=1, epochs=2))
    grid = {"emstdpclassifier__T": [10, 20], "emstdpclassifier__feedback": ["sw", "dfa"]}
    scores = []
    for jobs in (1, 2):
        search = GridSearchCV(line, grid, cv=2, n_jobs=jobs).fit(LEARN, NAMES[Y_LEARN])
        scores.append(search.cv_results_["mean_test_score"].tolist())
    assert scores[0] == scores[1] and len(scores[0]) == 4


@pytest.mark.parametrize("name", ["local rule", "astdp", "mstdp"])
def test_the_others_are_cross_validated_too(name: str) -> None:
    assert cross_val_score(MADE[name](random_state=1), X, Y, cv=3).mean() >= 0.85


# against the trainings that they stand for


def test_emstdp_is_emstdp_fit_on_the_scaled_samples() -> None:
    made = EMSTDPClassifier((16, 8), feedback="dfa", T=20, epochs=3, coding="poisson", random_state=5)
    made.fit(LEARN, Y_LEARN)
    low, high = LEARN.min(axis=0), LEARN.max(axis=0)
    unit = (LEARN - low) / (high - low)
    x = np.concatenate([unit, 1 - unit], axis=1).astype(np.float32)
    assert np.allclose(made.scaled(LEARN), x, atol=1e-7)
    data = ss.datasets.from_arrays(made.scaled(LEARN), Y_LEARN, made.scaled(TEST), Y_TEST)
    run = emstdp.fit(made.config_, data, epochs=3, seed=made._seed)
    assert made.network_ == run.trained()
    assert made.accuracies_ == [record["train_accuracy"] for record in run.metrics]
    assert made.config_.sizes == (8, 16, 8, 3) and made.config_.feedback == "dfa"
    spikes = made.encoder_.encode(made.scaled(TEST), np.arange(60), 20, 1)
    counts = ss.simulate(made.network_.inference(), {"in": spikes}).counts["out"].sum(axis=1)
    assert abs((counts.argmax(axis=1) == Y_TEST).mean() - made.score(TEST, Y_TEST)) < 0.15


def test_the_local_rule_is_gupta_train() -> None:
    made = LocalRuleClassifier((8,), epochs=7, complement=False, random_state=5).fit(LEARN, Y_LEARN)
    config = gupta.Gupta(sizes=(4, 8, 3), bias_start=-2.0, rate=3e-3, batch=40, epochs=7)
    model = gupta.train(config, made._inputs(LEARN), Y_LEARN.astype(np.int64), seed=made._seed)
    for mine, theirs in zip(made.model_.net.arrays, model.net.arrays, strict=True):
        assert (mine == theirs).all()
    two = LocalRuleClassifier((8,), epochs=2, random_state=1).fit(LEARN[Y_LEARN > 0], Y_LEARN[Y_LEARN > 0])
    assert two.model_.net.sizes == (8, 8, 1) and two.predict_proba(TEST).shape == (60, 2)


def test_astdp_is_its_trainer() -> None:
    made = HopfieldClassifier("astdp", (8,), epochs=3, random_state=5).fit(LEARN, Y_LEARN)
    net = AstdpNetwork(made.config_, made._seed)
    Trainer(net, made._inputs(LEARN), Y_LEARN, 3 * (len(LEARN) // 16) * 16).run()
    assert all((net.w[key] == w).all() for key, w in made._net.net.w.items())
    assert (answers(net, made._inputs(TEST)).argmax(axis=1) == made.predict(TEST)).all()


def test_mstdp_is_its_training() -> None:
    made = HopfieldClassifier("mstdp", (8,), epochs=3, random_state=5).fit(LEARN, Y_LEARN)
    x = made._inputs(LEARN)
    by_hand = mstdp_training.begin(made.config_, x, seed=made._seed, epochs=3)
    mstdp_training.train(by_hand, x, Y_LEARN)
    for name, array in by_hand.tested().weights.arrays().items():
        assert (array == made._net.training.tested().weights.arrays()[name]).all()
    assert (label_rates(by_hand.tested(), made._inputs(TEST)).argmax(axis=1) == made.predict(TEST)).all()
    assert SameHopfield is HopfieldClassifier


def test_groups_of_one_size() -> None:
    assert padded(np.ones((ROWS + 1, 2), np.float32)).shape == (2 * ROWS, 2)
    assert padded(np.ones((ROWS, 2), np.float32)).shape == (ROWS, 2)


# refusals


def test_before_it_has_learnt_there_is_no_answer() -> None:
    for make in MADE.values():
        with pytest.raises(NotFittedError):
            make().predict(TEST)
    with pytest.raises(NotFittedError):
        EMSTDPClassifier().scaled(TEST)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (EMSTDPClassifier(feedback="sv"), "unknown feedback 'sv'. Did you mean 'sw'"),  # type: ignore[arg-type]
        (EMSTDPClassifier(epochs=0), "epochs = 0; a whole number >= 1"),
        (EMSTDPClassifier(hidden_layer_sizes=(0,)), r"hidden_layer_sizes = \(0,\); whole numbers >= 1"),
        (EMSTDPClassifier(settings={"eta": 1}), "settings has 'eta', which a parameter decides"),
        (EMSTDPClassifier(settings={"gamm": 1}), "unknown setting 'gamm'. Did you mean 'gamma'"),
        (EMSTDPClassifier(T=21), "21"),
        (LocalRuleClassifier(learning="rules"), "known: 'rule', 'backprop'"),  # type: ignore[arg-type]
        (HopfieldClassifier("stdp"), "unknown rule 'stdp'"),  # type: ignore[arg-type]
        (HopfieldClassifier("mstdp", (4, 4)), "mSTDP has one hidden layer"),
        (HopfieldClassifier("mstdp", settings={"alpa": 1}), "unknown setting 'alpa'"),
        (HopfieldClassifier(batch_size=0), "batch"),
    ],
)
def test_parameters_out_of_range_are_named(made: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        made.fit(LEARN, Y_LEARN)


def test_settings_reach_the_configuration() -> None:
    made = EMSTDPClassifier((16,), T=20, epochs=1, settings={"gate": False, "target_rate": 0.5}).fit(
        LEARN, Y_LEARN
    )
    assert made.config_ == replace(made.config_, gate=False, target_rate=0.5)
    assert (
        HopfieldClassifier("astdp", (4,), epochs=1, settings={"free": 5}).fit(LEARN, Y_LEARN).config_.free
        == 5
    )
    with pytest.raises(DataError, match="scaling='none'"):
        EMSTDPClassifier(scaling="none").fit(LEARN, Y_LEARN)
