"""Training of twins on data, classes one after another, and what a learner takes and costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onchip_nets
import pytest

from spikesim import datasets
from spikesim.encoders import Regular
from spikesim.hardware.onchip.continual import STAGES, draw, incremental
from spikesim.hardware.onchip.cost import taken, update_cost
from spikesim.hardware.onchip.course import Course
from spikesim.hardware.onchip.twin import Twin
from spikesim.tools.commands.chip_learning import chip_learner


@pytest.fixture(scope="module")
def digits() -> Any:
    return datasets.digits()


@pytest.fixture(scope="module")
def one() -> Any:
    return chip_learner((64, 30, 10), "symmetric", 1)


def test_a_learner_in_fixed_point_learns_digits(digits: Any, one: Any) -> None:
    course = Course(Regular(0.5), epochs=6, halved=(3, 5))
    twin = Twin(one)
    said: list[str] = []
    before = course.accuracy(twin, digits.validation)
    online = course.train(twin, digits.fit, said.append)
    assert before < 0.3
    assert course.accuracy(twin, digits.validation) > 0.85
    assert len(online) == len(said) == 6
    assert online[-1] > online[0]
    assert twin.etas == [layer.eta - 2 for layer in one.layers]
    assert all(w.min() >= -256 and w.max() <= 255 for w in twin.weights)
    wanted = course.predictions(twin, digits.validation) == digits.validation.y
    ones = digits.validation.y == 1
    assert course.accuracy(twin, digits.validation, [1]) == wanted[ones].mean()


def test_the_smallest_exponent_stays(digits: Any, one: Any) -> None:
    low = replace(one, layers=tuple(replace(layer, eta=-7) for layer in one.layers))
    twin = Twin(low)
    Course(Regular(0.5), halved=(1,)).train(twin, digits.fit.take(20))
    assert twin.etas == [-7, -7]


def test_classes_one_after_another(digits: Any, one: Any, tmp_path: Path) -> None:
    found = incremental(one, Course(Regular(0.5)), digits, 40, 200)
    assert len(found) == 2 * 4 * len(STAGES)
    first = [row for row in found if not row.rehearsal]
    assert [row.trials for row in first][:4] == [50, 100, 150, 200]
    assert first[3].of[0] > 0.6  # 0-4 are learnt
    assert first[3].of[2] == 0  # 9 was never seen
    assert first[-1].trials == 9 * 40 + min(100, int((digits.fit.y == 9).sum()))
    assert found[-1].trials > first[-1].trials  # with rehearsal
    assert {row.last for row in first[3::4]} == {True}
    draw(found, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_what_a_learner_takes_counted_by_hand() -> None:
    one = onchip_nets.small("fixed", feedback="fa", gate=True)  # 8-10-3
    need = taken(one)
    assert need.compartments == 10 + 3 + 2 * (10 + 3) + 10
    assert need.learning == 13
    assert need.plastic == 8 * 10 + 10 * 3
    # label and output onto both signs, injection from both, feedback between pairs, closing, latches
    assert need.fixed == 4 * 3 + 2 * 13 + 4 * 3 * 10 + 2 * 13 + 8 * 10
    assert need.cores == {"loihi1": 1, "loihi2": 1}
    large = taken(chip_learner((784, 500, 10), "dfa", 1))
    assert large.cores["loihi1"] >= (784 * 500 + 5000) * 16 / 2**20
    assert large.tightest["loihi1"] == "synaptic memory"


def test_an_update_costs_what_its_operations_cost() -> None:
    one = onchip_nets.small("fixed", feedback="fa")
    spikes, labels = onchip_nets.trials(one, 20)
    twin = Twin(one)
    learnt = twin.train(spikes, labels)
    assert all(n > 0 for n in twin.error_spikes)
    errors = [n / 20 for n in twin.error_spikes]
    made = update_cost(one, learnt, errors)
    fired = learnt.counts.sum((1, 3)).mean(0)
    forward = fired[0] * 10 + fired[1] * 3 + fired[2] * 2 + 2 * one.label.sum()
    closing = (16 + 2 + 1) * 2 * 13
    assert np.isclose(made.synapses, forward + closing + errors[0] + errors[1] * (1 + 2 * 10))
    assert made.neurons == 39 * 32
    assert made.energy * 1e6 == pytest.approx(
        made.synapses * 23.6 + made.neurons * 81.0 + made.learnt * 120.0
    )
    assert made.time > 32 * 113e-6
