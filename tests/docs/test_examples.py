"""Every public name has an example in its docstring, and every example does what it says."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest

import spikesim as ss

EXACT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def example_of(name: str, thing: Any) -> doctest.DocTest:
    """The examples in a docstring."""
    return doctest.DocTestParser().get_doctest(thing.__doc__ or "", {}, name, None, None)


@pytest.mark.parametrize("name", ss.__all__)
def test_a_public_name_has_an_example_that_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    test = example_of(name, getattr(ss, name))
    assert len(test.examples) > 1, f"spikesim.{name} has no example in its docstring"
    assert test.examples[0].source == "import spikesim as ss\n" or "numpy" in test.examples[0].source
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=EXACT)
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def test_a_wrong_example_is_seen() -> None:
    runner = doctest.DocTestRunner(optionflags=EXACT)
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    runner.run(test, out=lambda _text: None)
    assert runner.failures == 1
