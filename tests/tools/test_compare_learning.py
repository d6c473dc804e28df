"""Random networks that learn in every step: functions of their seed; a difference in any part is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spikesim.engines import Naive, Stepped
from spikesim.learning import STDP, RewardSTDP, SquareSTDP
from spikesim.network.file import digest
from spikesim.network.scheduling import is_source
from spikesim.recording import Recording
from spikesim.spikes import from_raster
from spikesim.tools.dev import brian2_test, compare_learning, fuzz, random_learning
from spikesim.tools.dev.compare_learning import (
    TOLERANCE,
    Seen,
    count,
    difference,
    in_two_pieces,
    limit_of,
    run,
)

pytestmark = pytest.mark.core
SEEDS = range(6)  # one of each kind


@pytest.mark.parametrize("seed", SEEDS)
def test_a_network_that_learns_is_a_function_of_its_seed(seed: int) -> None:
    one, two = random_learning.learning(seed), random_learning.learning(seed)
    assert digest(one.network) == digest(two.network) != digest(random_learning.learning(seed + 6).network)
    assert one.kind == random_learning.KINDS[seed] and len(one.network.online) > 1
    assert one.signals.keys() == two.signals.keys()
    assert all(np.array_equal(x, two.signals[name]) for name, x in one.signals.items())
    kinds = {type(p.plastic).__name__ for p in one.network.online}
    assert kinds == {one.kind.split()[0]} or one.kind == "several rules"


@pytest.mark.parametrize("seed", SEEDS)
def test_engines_agree_whole_and_in_two_pieces_on_networks_that_do_learn(seed: int) -> None:
    drawn, seen = random_learning.learning(seed), Seen()
    truth, found = (run(drawn, made) for made in (Naive, Stepped))
    assert difference(drawn, truth, found) is None
    assert difference(drawn, truth, in_two_pieces(drawn, (Stepped, Naive))) is None
    count(drawn, truth, {"stepped": found}, seen)
    for rule, by in seen.counts.items():
        assert by["changes"] > 50 and seen.moved[rule] > 0.1 and by["differing on stepped"] == 0
        assert seen.gaps[f"{rule} on stepped"] <= TOLERANCE
    assert seen.networks["spikes"] > 50 and seen.networks["networks"] == 1


def changed(truth: Recording, group: str, name: str, value: Any) -> Recording:
    assert truth.state is not None
    changes: Any = {group: {**getattr(truth.state, group), name: value}}
    return replace(truth, state=replace(truth.state, **changes))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_difference_is_seen(seed: int) -> None:
    drawn = random_learning.learning(seed)
    truth = run(drawn, Stepped)
    assert truth.state is not None
    name = next(n for n, p in drawn.network.populations.items() if not is_source(p))
    p = next(p for p in drawn.network.online if truth.state.weights[p.name].size)
    silent = from_raster(np.zeros((1, drawn.steps, truth.spikes[name].n)))
    assert (
        difference(drawn, truth, replace(truth, spikes={**truth.spikes, name: silent})) == f"spikes of {name}"
    )
    moved = replace(truth, v={**truth.v, name: truth.v[name] + 1})
    assert difference(drawn, truth, moved) == f"membranes of {name}"
    w = truth.state.weights[p.name]
    least = 2 * limit_of(p.plastic) or np.spacing(np.abs(w).max())
    other = difference(drawn, truth, changed(truth, "weights", p.name, w + least))
    assert other is not None and other.startswith(f"weights of {p.name}")
    traces = truth.state.traces[p.name]
    key = next(key for key in compare_learning.STATES if key in traces)
    wrong = {**traces, key: traces[key] + 1}
    assert difference(drawn, truth, changed(truth, "traces", p.name, wrong)) == f"trace {key} of {p.name}"


def test_limits_by_rule() -> None:
    assert limit_of(SquareSTDP(0.1, 0.1)) == 0.0
    assert (
        limit_of(STDP(0.1, 0.1, clip=(-3.0, 2.0)))
        == 3 * TOLERANCE
        == limit_of(RewardSTDP(1, 1, clip=(-3, 2)))
    )


def test_the_commands_tables_hold_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--learning", "--networks", "6"]) == 0
    said = capsys.readouterr().out
    for rule in (
        "| RewardSTDP |",
        "| STDP |",
        "| SquareSTDP |",
        "| SquareSTDP, on a grid |",
        "0 comparisons differ",
    ):
        assert rule in said


@pytest.mark.brian2
@pytest.mark.usefixtures("swift_brian2")
def test_brian2_is_compared_and_a_wrong_translation_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("brian2", reason="needs the extra brian2")
    from spikesim.backends.brian2.learning import TRANSLATIONS

    table, problems = brian2_test.online(3, 3)
    assert problems == [] and all(row[-1] == 0 for row in table.rows)
    assert {row[0] for row in table.rows} >= {"Brian2STDP", "STDP", "SquareSTDP", "SquareSTDP, on a grid"}
    right = TRANSLATIONS[SquareSTDP]
    for wrong in (
        lambda rule, bits: right(replace(rule, window=rule.window + 1), bits),  # a step too long
        lambda rule, bits: right(rule, bits)._replace(leave=None, left=("", "")),  # nothing leaves the window
    ):
        monkeypatch.setitem(TRANSLATIONS, SquareSTDP, wrong)
        _, problems = brian2_test.online(3, 1)
        assert len(problems) == 1 and problems[0].startswith("seed 3: ")
