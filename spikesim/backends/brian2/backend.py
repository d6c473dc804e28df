"""The Brian2 backend: the same declaration, simulated and trained by Brian2's own groups and synapses.

Stimberg, Brette, Goodman, "Brian 2, an intuitive and efficient neural simulator", eLife 2019. Clocks and
Network are explicit, and Brian2's global state is restored after a run (see `device`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.device import Code, brian2_module, check_code, generating
from spikesim.backends.brian2.inputs import Outside, presented, unending
from spikesim.backends.brian2.learned import Learned, check_learning
from spikesim.backends.brian2.learning import Brian2Rule, translated
from spikesim.backends.brian2.monitors import Seen
from spikesim.backends.brian2.neuron_models import check_reach, models
from spikesim.backends.brian2.populations import Clockwork, begin, groups, state_of
from spikesim.backends.brian2.projections import learn_online, projections
from spikesim.backends.brian2.trial_learning import check_rules, teach
from spikesim.engines.external_inputs import (
    ExternalInputs,
    beginning,
    check_endless,
    check_state,
    check_trials,
    longest_delay,
)
from spikesim.engines.initial_weights import starting_masters
from spikesim.engines.input_checks import check_recorded, check_run, check_silent
from spikesim.engines.monitors import monitors_of
from spikesim.network import Network
from spikesim.recording import Recording, winners
from spikesim.recording.monitor import Monitor
from spikesim.recording.state import State
from spikesim.spikes import Spikes
from spikesim.window import Window

Reals = npt.NDArray[np.float64]


class Brian2:
    """Simulates in Brian2 any `Network` whose models have a translation; holds its plastic weights.

    Spikes and membranes are those of the engines `naive` and `stepped`: equal on a grid, equal up to rounding
    for populations with real numbers.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights on the master grid; learning changes
            them.
        seconds: run time of Brian2's last run; for a C++ program without compilation.
        code: Brian2's code generation target: "numpy", "cython" (needs a C++ compiler; the first run takes
            minutes), or "cpp_standalone" (a separate program, compiled for every run: for long runs and large
            batches).

    In the verifier the code is the variant: "brian2:cpp_standalone".

    Raises:
        DeclarationError: weights of another network.
        EngineError: a model without a translation, or an unknown code generation target.
        MissingExtraError: brian2 is not installed.
    """

    trains = True  # accepts networks that learn; see `spikesim.verification.registry`

    def __init__(
        self,
        network: Network,
        masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
        *,
        code: Code = "numpy",
        choice: str = "",
    ) -> None:
        check_code(choice or code)
        self._models = models(network.populations)
        brian2_module()
        self.network = network
        self.masters = starting_masters(network, masters)
        self.code = choice or code
        self.seconds = 0.0

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
        silent: Mapping[str, npt.NDArray[np.bool_]] | None = None,
        learnt: int = 0,
    ) -> Recording:
        """Simulate a batch of trials, one after another, in one run of Brian2.

        Memory: 8 bytes for each step and neuron of populations whose membranes are recorded.

        Args:
            inputs: source -> Spikes of B trials (as long as the first phase if the source replays).
            labels: int64 (B,), the classes for the targets.
            record: names of populations whose spikes and membranes are recorded.
            learn: change the weights after every `batch` trials.
            batch: number of trials whose count products are summed before the weights change.
            factor: factor of the learning rate schedule.
            silent: population -> bool (B, n), neurons that take no part in a trial: they keep their initial
                state and do not fire.
            learnt: trials that the network has learnt before, from which the time of weight decay follows.

        Raises:
            DataError: inputs or labels that do not fit the network; an unknown name in `record`.
            DeclarationError: learning without two phases, or a batch below 1.
            EngineError: a continuous network; a normalised step, or a step that could leave the exact range
                of float64; a C++ program that cannot be built.
        """
        net, recorded = self.network, tuple(record)
        check_trials(net)
        B, classes = check_run(net, inputs, labels, learn, batch, factor, learnt)
        masks = check_silent(net, silent, B)
        check_recorded(recorded, net.populations)
        if learn:
            check_rules(net, batch, factor)
        # A trial ends when no spikes are in transit any more.
        length = 1 + net.steps + max((longest_delay(net, name) for name in net.populations), default=0)
        outside = presented(net, length, inputs, classes)
        outside.silent.update(masks)
        moved = {*recorded, net.readout.population} if net.readout else {*recorded}
        with generating(brian2_module(), self.code) as simulate:
            objects = self._objects(net.window, outside, recorded, moved)
            if learn:
                due = _due(B, batch)
                teach(objects.clocks, objects.groups, objects.synapses, due, factor, outside, learnt)
            # The border after the last trial is part of the run: it records the counts and learns.
            self.seconds = simulate(objects.network(), B * length + 1)
            self._check_reach(objects)
            clipped = self._learnt(objects) if learn else dict.fromkeys(self.masters, 0)
            found = _recording(net, objects.seen, recorded, B)
        return Recording(*found, clipped)

    def advance(
        self,
        steps: int,
        inputs: Mapping[str, Any],
        signals: Mapping[str, Any],
        record: Iterable[str | Monitor] = (),
        state: State | None = None,
        learn: bool = True,
    ) -> Recording:
        """Simulate a continuous network for a number of steps, from step 0 or from a state.

        Weights learned online are in the state of the recording. They are those of the engines: bit for bit
        for SquareSTDP on a grid, within `learning.TOLERANCE` of the clip range for exponential traces.

        Memory: 8 bytes for each step and neuron of populations with drives or recorded membranes, and for
        each step and synapse of projections whose weights are recorded.

        Args:
            steps: number of steps.
            inputs: source -> Spikes of one trial of `steps` steps; CurrentInput -> float64 (steps, n) or
                (n,), in the unit of the threshold.
            signals: name -> float64 (steps,), for rules that read one.
            record: names of populations whose spikes and membranes are recorded; a Monitor of the weights of
                a projection that learns.
            state: the state to continue from; None starts at step 0.
            learn: apply the online rules. Learning starts at step 0; from a state, Brian2 simulates with
                constant weights (learn=False).

        Raises:
            DataError: inputs, signals or a state that do not fit; an unknown name in `record`.
            EngineError: a network with trials; a rule without a translation; learning from a state; a Monitor
                of something else; a membrane out of range; a C++ program that cannot be built.
        """
        net, (recorded, monitors) = self.network, monitors_of(record)
        check_endless(net)
        check_recorded(recorded, net.populations)
        rules = translated(net) if learn else {}
        check_learning(rules, state, monitors)
        start = beginning(net) if state is None else check_state(net, state)
        external = ExternalInputs(net, steps, inputs, signals, start.t)
        outside = unending(net, external, start, self._weights(start))
        fired = {name for name in net.populations if longest_delay(net, name)}
        fired |= {name for p in net.online if p.name in rules for name in (p.pre, p.post)}
        with generating(brian2_module(), self.code) as simulate:
            window = Window(external.steps)
            objects = self._objects(window, outside, {*recorded, *fired}, recorded, start, rules, monitors)
            for name, model in self._models.items():
                begin(objects.groups[name], model, start.populations[name])
            learn_online(objects.clocks, objects.synapses, rules, external)
            self.seconds = simulate(objects.network(), external.steps + 2)
            self._check_reach(objects)
            found = _recording(net, objects.seen, recorded, 1)
            learned = Learned(net, rules, objects.synapses, objects.seen, external.steps)
            after = self._state(objects, start, external.steps, learned)
            series = learned.series(monitors)
        return Recording(*found, state=after, monitors=series)

    def _weights(self, state: State | None = None) -> dict[str, Any]:
        """The acting weights of every projection, in the unit of the threshold."""
        found = {p.name: self.network.weights(p.name, self.masters) for p in self.network.projections}
        if state is not None:
            found |= {name: w.reshape(found[name].shape) for name, w in state.weights.items()}
            found |= {p.name: found[p.follows].T for p in self.network.projections if p.follows is not None}
        return found

    def _objects(
        self,
        window: Window,
        outside: Outside,
        fired: Iterable[str],
        moved: Iterable[str],
        state: State | None = None,
        rules: Mapping[str, Brian2Rule] = MappingProxyType({}),
        monitors: Iterable[Monitor] = (),
    ) -> _Objects:
        """All Brian2 objects of a run."""
        clocks = Clockwork.of(brian2_module(), self.network, window, outside.length)
        by_name = groups(clocks, self._models, outside)
        synapses = projections(clocks, by_name, self.masters, self._weights(state), rules)
        learning = {
            name: (synapses[name], rule.variables) for name, rule in rules.items() if name in synapses
        }
        watched = {monitor.name for monitor in monitors} & learning.keys()
        seen = Seen(clocks, by_name, self._models, outside, fired, moved, learning, watched)
        return _Objects(clocks, by_name, synapses, seen)

    def _check_reach(self, objects: _Objects) -> None:
        for name in self._models:
            check_reach(name, float(np.max(objects.groups[name].farthest[:])))

    def _learnt(self, objects: _Objects) -> dict[str, int]:
        """Copy the weights that Brian2 has learned; returns the numbers of clipped updates."""
        clipped = {}
        for p in self.network.plastic:
            master = np.asarray(objects.synapses[p.name].master[:])
            self.masters[p.name] = master.reshape(self.network.shape(p)).astype(np.int32)
            clipped[p.name] = int(np.sum(objects.synapses[p.name].cut[:]))
        return clipped

    def _state(self, objects: _Objects, start: State, steps: int, learned: Learned) -> State:
        """The state of a continuous simulation after its last step."""
        net, recent = self.network, {}
        for name, before in start.recent.items():
            now = objects.seen.spikes(name, 1).raster() if len(before) else before
            recent[name] = np.concatenate([before, now])[-len(before) :] if len(before) else before
        populations = {
            name: state_of(objects.groups[name], model, start.populations[name])
            for name, model in self._models.items()
        }
        weights, traces = start.weights | learned.weights(), start.traces | learned.traces()
        return State(start.t + steps, populations, recent, weights, traces, net.signature, net.parts)


class _Objects(NamedTuple):
    """The Brian2 objects of a run."""

    clocks: Clockwork
    groups: dict[str, Any]
    synapses: dict[str, Any]
    seen: Seen

    def network(self) -> Any:
        """All objects as a Brian2 network."""
        return self.clocks.b2.Network(*self.groups.values(), *self.synapses.values(), *self.seen.all())


def _recording(net: Network, seen: Seen, recorded: tuple[str, ...], B: int) -> tuple[Any, Any, Any, Any]:
    """Counts, predictions, spikes and membranes."""
    counts = {name: seen.counts(name, B) for name in net.populations}
    membranes = {name: seen.v(name, B) for name in recorded if name in seen.models}
    return (
        counts,
        _predictions(net, seen, counts, B),
        {name: seen.spikes(name, B) for name in recorded},
        membranes,
    )


def _due(B: int, batch: int) -> Reals:
    """1 at the borders at which the weights change: after every batch, and after the last trial."""
    border = np.arange(B + 1)
    return ((border > 0) & ((border % batch == 0) | (border == B))).astype(np.float64)


def _predictions(net: Network, seen: Seen, counts: Mapping[str, Any], B: int) -> npt.NDArray[np.int64]:
    if net.readout is None:
        return np.zeros(0, np.int64)
    name, (_, end) = net.readout.population, net.window.span(net.readout.span)
    h = {"first": counts[name][:, 0], "second": counts[name][:, 1], "all": counts[name].sum(axis=1)}
    v = seen.v(name, B)
    return winners(h[net.readout.span], v[:, end - 1])
