"""The progress bar: shown in a terminal, on demand, or not at all."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from small_runs import data, network

from spikesim.encoders import Poisson
from spikesim.errors import DeclarationError
from spikesim.training.config import Training, TrainingProgress
from spikesim.training.progress_bar import showing
from spikesim.training.train import train

HALF = TrainingProgress(epoch=1, done=50, per_epoch=100, epochs=3, right=40, rate=1234.0)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def drawn(stream: Any, progress: Any = None) -> str:
    """What stands on a stream after a start and half of the second epoch."""
    with showing(progress, stream) as show:
        if show is not None:
            show(TrainingProgress(per_epoch=100, epochs=3))
            show(HALF)
    return str(stream.getvalue())


def test_in_a_terminal_there_is_a_bar_with_epoch_accuracy_and_rate() -> None:
    text = drawn(Terminal())
    assert "epoch 2/3" in text and "80.00 %" in text and "1,234/s" in text


def test_elsewhere_there_is_none_unless_it_is_asked_for() -> None:
    assert drawn(io.StringIO()) == ""
    assert drawn(Terminal(), False) == ""
    assert "epoch 2/3" in drawn(io.StringIO(), True)


def test_a_function_is_used_as_it_is() -> None:
    with showing(print) as show:
        assert show is print


def test_nothing_is_drawn_where_nothing_was_trained() -> None:
    stream = Terminal()
    with showing(None, stream) as show:
        assert show is not None
        show(TrainingProgress(per_epoch=100, epochs=3))
    assert stream.getvalue() == ""


def test_another_kind_is_refused() -> None:
    wrong: Any = "yes"
    with pytest.raises(DeclarationError, match="progress is of type str"):
        train(network(), data(), Poisson(), Training(), progress=wrong)


def test_a_training_shows_it_by_default_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for progress, shown in ((None, True), (False, False)):
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        train(network(), data(), Poisson(), Training(epochs=2), progress=progress)
        assert ("epoch 2/2" in stream.getvalue()) == shown
