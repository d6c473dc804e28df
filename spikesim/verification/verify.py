"""`verify`: run one network on two backends, and report the first spike that differs, and why.

On a grid, all values must be equal. With real numbers, rounding is told apart from other differences: if the
membrane is within a given distance of the threshold where the spikes first differ, rounding may have decided,
and later differences are only its consequences.

A continuous simulation is compared with a backend that runs trials only as one trial of as many steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.errors import EngineError
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.neurons.description import each
from spikesim.recording import Recording
from spikesim.verification.compare import Difference, compare, compare_weights
from spikesim.verification.membrane_before_reset import membrane_before
from spikesim.verification.one_trial import one_trial
from spikesim.verification.registry import continuous, names, program

ROUNDING = 1e-9  # relative to the threshold: the distance within which rounding may decide

__all__ = ["Difference", "Verdict", "compare", "compare_weights", "names", "verify"]


@dataclass(frozen=True)
class Verdict:
    """The result of a comparison.

    Attributes:
        a, b: names of the backends.
        presentations: number of trials (1 for a continuous simulation).
        spikes: number of compared spikes, with or without signs.
        difference: the first difference; None if all values are equal.
        learning: "compared" where both learned and the weights were compared; "off" where the network has
            rules that did not act: both ran with the declared weights; "none" for a network without rules.
        weights: number of compared weights.
    """

    a: str
    b: str
    presentations: int
    spikes: int
    difference: Difference | None
    learning: Literal["compared", "off", "none"] = "none"
    weights: int = 0

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.difference is None

    def describe(self) -> dict[str, Any]:
        """The verdict as JSON."""
        gap = None if self.difference is None else self.difference.gap
        return asdict(self) | {"equal": self.equal, "gap": gap}

    def __str__(self) -> str:
        said = " (learning off: weights as declared)" if self.learning == "off" else ""
        if self.difference is None:
            compared = f"{self.spikes:,} spikes in {self.presentations} trials"
            learned = f" and {self.weights:,} learned weights" if self.learning == "compared" else ""
            return f"{self.a} and {self.b}: {compared}{learned}, 0 differ{said}"
        return f"{self.a} and {self.b} differ first in {self.difference}{said}"


def verify(
    network: Network,
    inputs: Mapping[str, Any],
    labels: npt.NDArray[np.int64] | None = None,
    a: str = "windowed",
    b: str = "naive",
    learn: bool = False,
    steps: int | None = None,
    signals: Mapping[str, Any] | None = None,
    rounding: float = ROUNDING,
) -> Verdict:
    """Run the same simulation on two backends and compare every spike and membrane.

    Args:
        network: the network.
        inputs: as for `simulate`.
        labels: int64 (B,), the classes for targets.
        a, b: two of `spikesim.verification.registry.names()`: "windowed", "stepped", "naive", "brian2", ...
        learn: learn on both (after every trial, or by online rules), and compare the weights; without it the
            weights stay as declared.
        steps, signals: for a continuous simulation, as for `simulate`.
        rounding: tolerance for populations without a grid, relative to their threshold: membranes that differ
            by up to it count as equal, and a spike whose membrane is that close to the threshold is reported
            as rounding.

    Raises:
        DeclarationError: an unknown backend.
        EngineError: a backend that does not run this network, or does not learn it.
        MissingExtraError: a dependency of a backend is not installed.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"exc": ss.LIF(3, theta=1.0, v_decay=0.1, bias=0.2)}, [])
        >>> verdict = ss.verify(network, {}, a="stepped", b="naive", steps=50)
        >>> verdict.equal
        True
        >>> print(verdict)
        stepped and naive: 21 spikes in 1 trials, 0 differ
    """
    if not network.window.endless and not network.sources:
        raise EngineError(
            "verify: the network has trials and no Source; trials are given by their input. Add a Source, "
            "which no projection need leave, or declare it with Window.without_end()"
        )
    rules = {p.name for p in (*network.plastic, *network.online)}
    constructors = [program(name) for name in (a, b)]
    if network.window.endless:
        if steps is None:
            raise EngineError("verify: this network is continuous (without trials): give steps=...")
        named = zip((a, b), constructors, strict=True)
        if trials_only := [name for name, constructor in named if not continuous(constructor)]:
            if learn:
                raise EngineError(
                    f"{', '.join(trials_only)}: runs trials, in which no online rule acts; leave learn out, "
                    f"which compares with constant weights"
                )
            network, inputs = one_trial(network, steps, inputs)
            steps, signals = None, None
    moving = tuple(name for name in network.order if not is_source(network.populations[name]))
    runners = [construct(network) for construct in constructors]
    if network.window.endless:
        found = [_advanced(runner, steps, inputs, signals, moving, learn) for runner in runners]
        ends = [recording.state.weights if recording.state else {} for recording in found]
    else:
        found = [runner.run(inputs, labels, record=moving, learn=learn) for runner in runners]
        ends = [getattr(runner, "masters", {}) for runner in runners]
    real = [name for name in moving if network.populations[name].grid is None]
    tolerance = {name: rounding * _scale(network.populations[name]) for name in real}
    difference = compare(found[0], found[1], moving, tolerance)
    if learn:
        _check_learned(rules, (a, b), ends)
    if difference is None and learn:
        difference = compare_weights(ends[0], ends[1], rounding if real else 0.0)
    if difference is not None and difference.what == "spike":
        difference = _explained(network, difference, inputs, labels, steps, signals, learn, tolerance)
    spikes = sum(len(s.times) for s in found[0].spikes.values())
    played = 1 if network.window.endless else len(next(iter(inputs.values())))
    weights = sum(ends[0][name].size for name in rules) if learn else 0
    learning: Any = ("compared" if learn else "off") if rules else "none"
    return Verdict(a, b, played, spikes, difference, learning, weights)


def _check_learned(rules: Iterable[str], backends: Iterable[str], ends: Iterable[Mapping[str, Any]]) -> None:
    """Check that both backends return the weights of every rule."""
    for name, found in zip(backends, ends, strict=True):
        if missing := sorted(set(rules) - found.keys()):
            raise EngineError(
                f"{name}: returns no learned weights of {', '.join(missing)}, so that learning cannot be "
                f"compared; verify without learn"
            )


def _scale(population: Any) -> float:
    """The unit of a membrane's tolerance: the smallest threshold of the population that is not 0, or 1."""
    if population.description.parameter("theta") is None:
        return 1.0
    theta = np.abs(each(population.theta, population.n))
    return float(theta[theta > 0].min(initial=np.inf)) if theta.any() else 1.0


def _advanced(
    runner: Any,
    steps: int | None,
    inputs: Mapping[str, Any],
    signals: Any,
    record: tuple[str, ...],
    learn: bool,
) -> Recording:
    found: Recording = runner.advance(steps, inputs, signals or {}, record, None, learn)
    return found


def _explained(
    network: Network,
    difference: Difference,
    inputs: Mapping[str, Any],
    labels: Any,
    steps: int | None,
    signals: Any,
    learn: bool,
    tolerance: Mapping[str, float],
) -> Difference:
    """The difference, completed with the membrane before the reset (recomputed) and its threshold."""
    name, neuron = difference.population, difference.neuron[0]
    if learn and not network.window.endless and difference.presentation > 0:
        return difference  # the weights of earlier trials are gone; only membranes after the step remain
    recomputed = membrane_before(
        network, name, neuron, difference.presentation, difference.step, inputs, labels, steps, signals, learn
    )
    if recomputed is None:
        return difference
    signed = network.populations[name].description.spikes == "signed"
    found = replace(difference, before=recomputed[0], threshold=recomputed[1], signed=signed)
    assert found.gap is not None
    return replace(found, rounding=name in tolerance and abs(found.gap) <= tolerance[name])
