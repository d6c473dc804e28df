"""Quick reproduction of mSTDP on the bundled 8x8 digits: the meaning of each number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesim.datasets import Dataset, digits, from_arrays
from spikesim.models.mstdp import quick
from spikesim.models.mstdp.config import AMENDED
from spikesim.models.mstdp.runs import Outcome, run

SMALL = replace(AMENDED, n_in=64, n_hidden=32, batch=20)


@pytest.fixture(scope="module")
def learnt() -> tuple[Dataset, Outcome]:
    """A short training on the digits."""
    data = digits()
    return data, run(SMALL, data.fit, data.validation, seed=1, samples=600)


def test_the_overshoot_is_larger_with_momentum(learnt: tuple[Dataset, Outcome]) -> None:
    claim = quick._dynamics(*learnt)
    without = float(claim.note.split("without momentum ")[1].split(";")[0])
    assert claim.amended is not None and claim.amended >= without >= 0
    assert (claim.paper, claim.literal, claim.unit) == (None, None, "rate")
    assert learnt[1].net.config == SMALL, "the trained network stays as it is"


def test_every_claim_of_the_paper_is_there(
    learnt: tuple[Dataset, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    digits_, outcome = learnt
    many = np.tile(digits_.train.x, (10, 1)), np.tile(digits_.train.y, 10)
    data = from_arrays(*many, name="many digits")
    monkeypatch.setattr(quick, "mnist", lambda: data)
    monkeypatch.setattr(quick, "sized", lambda _config, hidden: replace(SMALL, n_hidden=hidden // 8))
    shorter = lambda *given, **options: run(*given, **{**options, "samples": 600})  # noqa: E731
    monkeypatch.setattr(quick, "run", shorter)
    literal = replace(outcome, test=11.0, train=12.0, presented=960)
    monkeypatch.setattr(quick, "_literal", lambda _data, _seed: literal)
    drawn = quick.Claim("p", "digits generated", "%", None, None, 50.0)
    monkeypatch.setattr(quick, "_generation", lambda *_given: drawn)
    claims = quick.quick(seed=1)
    test, train, generated, response = claims
    assert (test.literal, train.literal) == (11.0, 12.0) and "literal: 64, 960" in test.note
    assert test.amended is not None and test.amended > 50 and generated is drawn
    assert (test.paper, train.paper) == (quick.PAPER_TEST, quick.PAPER_TRAIN)
    assert "overshoot" in response.what and np.isfinite(response.amended or 0.0)
