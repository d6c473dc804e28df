"""Presets of EMSTDP: the rows of table 2 as experiments, amended and literal, and variants with few bits.

Settings that the paper leaves open were chosen on a validation split of the training data, or on the online
training accuracy; the test set was not used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from spikesim.errors import DeclarationError, unknown
from spikesim.models.emstdp import Emstdp
from spikesim.models.emstdp.convolutional import CONVOLUTIONAL
from spikesim.models.emstdp.experiment import Experiment

SW = Emstdp(sizes=(784, 500, 10), eta=0.1, eta_decay=0.88)
# The network of the figures on dynamics.
SW_DEEP = replace(SW, sizes=(784, 500, 500, 10), eta=0.05, eta_hidden=0.4, beta_error=(0.04, 0.25))
# Past the paper: neurons keep what exceeds their threshold, weights change by the counts of the error
# neurons, nothing is injected, and learning rates fall to 0. Steps and error thresholds rise with the layer.
BEST = replace(
    SW,
    gate=True,
    reset="subtract",
    error_reset="subtract",
    update="error",
    gamma=0.0,
    schedule="linear",
    eta_decay=1.0,
    average=2,
    eta=0.02,
)
# Hidden and output neurons reset to zero, as NIR, netx and Lava hold them: the example that is exported.
BEST_ONE = replace(
    BEST,
    reset="zero",
    target_rate=0.6,
    eta=0.0125,
    eta_hidden=0.6,
    beta_error=0.1,
    dropout_in=0.1,
    dropout=0.3,
)
# Short runs, with less dropout, which pays in longer ones. Validation: 97.1 % after 1 epoch, 98.1 after 4.
SHORT = replace(BEST_ONE, average=0, dropout_in=0.0, dropout=0.0)
SHORT_4 = replace(BEST_ONE, average=0, dropout_in=0.05, dropout=0.1)
BEST_DEEP = replace(
    BEST,
    sizes=(784, 500, 500, 10),
    eta_hidden=(0.2, 0.8),
    beta_error=(0.02, 0.1),
    dropout_in=0.1,
    dropout=0.2,
)
# Direct feedback: an output error reaches a hidden neuron as one random weight, so that a threshold above it
# weight would leave most neurons without an error; the mean of the feedback would move all of them together.
BEST_DFA = replace(
    BEST,
    feedback="dfa",
    b_centred=True,
    bounded=True,
    target_rate=0.6,
    beta_error=0.05,
    eta_hidden=0.4,
    dropout_in=0.1,
    dropout=0.1,
)
BEST_DFA_DEEP = replace(BEST_DFA, sizes=(784, 500, 500, 10), eta_hidden=(0.3, 0.6))
BEST_FASHION = replace(
    BEST_DEEP, target_rate=0.6, eta=0.015, eta_hidden=(0.1, 0.33), dropout_in=0.05, dropout=0.1
)
BEST_DFA_FASHION = replace(BEST_DFA_DEEP, eta=0.015, eta_hidden=(0.2, 0.4), dropout_in=0.05, dropout=0.05)
# Weights limited to the range of a chip during learning: signed integers of 8, 6 and 4 bits times a power of
# two for each layer. With few bits the output layer needs a finer grid than the hidden layer: at 4 bits the
# validation accuracy is 0.9648 for grid (4, 4), 0.9686 for (4, 5) and 0.9695 for (4, 6) after 5 epochs with
# eta_decay 0.45; after 10 epochs with 0.7 it is 0.9712 for (4, 6), and 0.9757 for 12 bits. The 12-bit row is
# the reference of the comparison, with the same schedule.
BITS_12 = replace(SW, eta_decay=0.7)
BITS_8 = replace(BITS_12, grid=7, clip=127 / 128)
BITS_6 = replace(BITS_12, grid=(6, 7), clip=(31 / 64, 31 / 128))
BITS_4 = replace(BITS_12, grid=(4, 6), clip=(7 / 16, 7 / 64))
AUSLAN_SW = replace(
    SW,
    sizes=(45 * 22, 150, 150, 50),
    target_rate=0.5,
    eta=0.3,
    eta_hidden=0.1,
    beta_error=(0.08, 0.15),
    eta_decay=0.93,
)
AUSLAN_DFA = replace(AUSLAN_SW, feedback="dfa", beta_error=0.1)
# Four inputs cannot tell how strong the others are; the neuron of the bias can: 85 % without, 95 with it on
# validation (four splits).
IRIS = replace(
    BEST,
    sizes=(4, 50, 3),
    T=200,
    coding="regular",
    bias=True,
    reset="zero",
    average=0,
    target_rate=0.5,
    eta=0.1,
    beta_error=0.1,
)

# Section 4.2 and algorithm 1 as printed: new input spikes in both phases, no reset between them, h_pre over
# all of T, eq. 5 as a gate, a constant learning rate, theta_l = 1 / rate (section 3.4, w_L = 1). The target
# rate of the experiments, eta and beta are not printed; the example of section 3.4 (rate 0.2, theta_l 5)
# stays near 62 % on validation after two epochs of 4,000 samples.
LITERAL = Emstdp(
    sizes=(784, 500, 10),
    T=200,
    replay=False,
    reset_at_split=False,
    target_rate=1.0,
    theta_loss=1.0,
    gate=True,
    h_pre="all",
    eta=0.005,
    eta_decay=1.0,
)

TABLE_2 = "Shrestha 2019, table 2"
_ROWS = (
    Experiment(
        "emstdp-mnist-500", "EMSTDP-SW, MNIST", "mnist", BEST_ONE, epochs=8, paper=0.970, source=TABLE_2
    ),
    Experiment(
        "emstdp-mnist-500-pair",
        "EMSTDP-SW, MNIST, error neurons as pairs",
        "mnist",
        replace(SW, error_form="pair"),
        epochs=30,
        paper=0.970,
        source=TABLE_2,
    ),
    Experiment(
        "emstdp-mnist-500-dfa", "EMSTDP-DFA, MNIST", "mnist", BEST_DFA, epochs=8, paper=0.968, source=TABLE_2
    ),
    Experiment(
        "emstdp-mnist-500-500",
        "EMSTDP-SW, MNIST, two layers",
        "mnist",
        BEST_DEEP,
        epochs=8,
        paper=0.973,
        source=TABLE_2,
    ),
    Experiment(
        "emstdp-mnist-500-500-dfa",
        "EMSTDP-DFA, MNIST, two layers",
        "mnist",
        BEST_DFA_DEEP,
        epochs=8,
        paper=0.968,
        source=TABLE_2,
    ),
    Experiment(
        "emstdp-fashion-500-500",
        "EMSTDP-SW, Fashion-MNIST",
        "fashion_mnist",
        BEST_FASHION,
        epochs=12,
        paper=0.861,
        source=TABLE_2,
    ),
    Experiment(
        "emstdp-fashion-500-500-dfa",
        "EMSTDP-DFA, Fashion-MNIST",
        "fashion_mnist",
        BEST_DFA_FASHION,
        epochs=12,
        paper=0.853,
        source=TABLE_2,
    ),
    Experiment(
        "emstdp-auslan", "EMSTDP-SW, Auslan", "auslan", AUSLAN_SW, epochs=40, paper=0.975, source=TABLE_2
    ),
    Experiment(
        "emstdp-auslan-dfa",
        "EMSTDP-DFA, Auslan",
        "auslan",
        AUSLAN_DFA,
        epochs=40,
        paper=0.971,
        source=TABLE_2,
    ),
    Experiment(
        "emstdp-mnist-500-literal",
        "EMSTDP-SW, MNIST, as printed",
        "mnist",
        LITERAL,
        epochs=200,
        samples=10_000,
        variant="literal",
        paper=0.970,
        source=f"{TABLE_2}; section 4.2: T=200, 200 epochs of 10k random images",
    ),
    Experiment(
        "emstdp-digits",
        "EMSTDP-SW, 8x8 digits (bundled: no download)",
        "digits",
        replace(SW, sizes=(64, 100, 10), eta_decay=0.95),
        epochs=20,
    ),
    Experiment("emstdp-iris", "EMSTDP-SW, Iris", "iris", IRIS, epochs=200),
    Experiment("emstdp-mnist-500-1-epoch", "EMSTDP-SW, MNIST, one epoch", "mnist", SHORT, epochs=1),
    Experiment("emstdp-mnist-500-4-epochs", "EMSTDP-SW, MNIST, four epochs", "mnist", SHORT_4, epochs=4),
    Experiment("emstdp-mnist-500-12bit", "EMSTDP-SW, MNIST, 12-bit grid", "mnist", BITS_12, epochs=10),
    Experiment("emstdp-mnist-500-8bit", "EMSTDP-SW, MNIST, 8-bit weights", "mnist", BITS_8, epochs=10),
    Experiment("emstdp-mnist-500-6bit", "EMSTDP-SW, MNIST, 6-bit weights", "mnist", BITS_6, epochs=10),
    Experiment("emstdp-mnist-500-4bit", "EMSTDP-SW, MNIST, 4-bit weights", "mnist", BITS_4, epochs=10),
    Experiment(
        "emstdp-mnist-500-500-8bit",
        "EMSTDP-SW, MNIST, two layers, 8-bit weights",
        "mnist",
        replace(BEST_DEEP, reset="zero", grid=7, clip=127 / 128),
        epochs=8,
    ),
    Experiment(
        "emstdp-mnist-500-500-4bit",
        "EMSTDP-SW, MNIST, two layers, 4-bit weights",
        "mnist",
        replace(BEST_DEEP, reset="zero", grid=(4, 4, 6), clip=(7 / 16, 7 / 16, 7 / 64)),
        epochs=8,
    ),
)
Row = TypeVar("Row")
OTHER_SPLITS = (2, 3)  # of small data whose split is not printed: rows are measured on three


def other_splits(row: Row) -> tuple[Row, ...]:
    """An experiment on two more random splits of its data."""
    given: Any = row
    return tuple(
        replace(
            given,
            name=f"{given.name}-split{k}",
            title=f"{given.title}, split {k}",
            options={**given.options, "split_seed": k},
        )
        for k in OTHER_SPLITS
    )


# Rows with FA, for which table 2 has no figures (section 3.5): those of DFA with other settings, since the
# error neurons of the first layer hear those of the second, which are many. With one hidden layer FA is DFA.
_ALIGNED: dict[str, dict[str, Any]] = {
    "emstdp-mnist-500-500-dfa": {"beta_error": (0.02, 0.05), "eta_hidden": (0.2, 0.6)},
    "emstdp-fashion-500-500-dfa": {"beta_error": (0.02, 0.05), "eta_hidden": (0.13, 0.4)},
    "emstdp-auslan-dfa": {"beta_error": AUSLAN_SW.beta_error},
}


def _aligned(row: Experiment) -> Experiment:
    """The row with FA of a row with DFA."""
    name, title = row.name.replace("-dfa", "-fa"), row.title.replace("-DFA", "-FA")
    model = replace(row.model, feedback="fa", **_ALIGNED[row.name])
    return replace(row, name=name, title=title, model=model, paper=None, source="Shrestha 2019, section 3.5")


_FA = tuple(_aligned(row) for row in _ROWS if row.name in _ALIGNED)
_SPLITS = tuple(
    other for row in (*_ROWS, *_FA) if row.dataset in ("auslan", "iris") for other in other_splits(row)
)
PRESETS = {row.name: row for row in (*_ROWS, *_FA, *_SPLITS, *CONVOLUTIONAL)}


def preset(name: str) -> Experiment:
    """The preset of a name.

    Raises:
        DeclarationError: the name is unknown; the message lists similar names.
    """
    if name not in PRESETS:
        raise DeclarationError(unknown("preset", name, PRESETS))
    return PRESETS[name]
