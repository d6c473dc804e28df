"""Brian2 as a reference: the same declaration, simulated and trained by Brian2's own groups and synapses.

Stimberg, Brette, Goodman, "Brian 2, an intuitive and efficient neural simulator", eLife 2019. Clocks and
Network are explicit, and nothing of Brian2's global state stays changed (see `brian2_device`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.device import Code, brian2_module, check_code, generating
from spikesim.backends.brian2.inputs import Outside, presented, unending
from spikesim.backends.brian2.monitors import Seen
from spikesim.backends.brian2.neuron_models import check_reach, models
from spikesim.backends.brian2.populations import Clockwork, begin, groups, where_it_stands
from spikesim.backends.brian2.projections import check_rules, projections, teach
from spikesim.engines.external_inputs import (
    ExternalInputs,
    beginning,
    check_endless,
    check_state,
    check_trials,
    longest_delay,
    signature,
)
from spikesim.engines.initial_weights import starting_masters
from spikesim.engines.input_checks import check_recorded, check_run
from spikesim.errors import EngineError
from spikesim.network import Network
from spikesim.recording import Recording, winners
from spikesim.recording.state import State
from spikesim.spikes import Spikes
from spikesim.window import Window

Reals = npt.NDArray[np.float64]


class Brian2:
    """Runs any `Network` of IF, LIF, ErrorIF and what only sends in Brian2; holds its plastic weights.

    Spikes and membranes are those of the engines `naive` and `stepped`: equal on a grid, equal but for
    rounding where a population has real numbers.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights on the master grid; learning changes
            them.
        seconds: what Brian2's last run took; of a C++ program without its building.
        code: what Brian2 generates: "numpy", "cython" (needs a C++ compiler; minutes for the first run), or
            "cpp_standalone" (a program of its own, compiled for every run: for long runs and large batches).

    The verifier says the code as its choice: "brian2:cpp_standalone".

    Raises:
        DeclarationError: weights of another network.
        EngineError: a model without a translation, or another kind of code.
        MissingExtraError: brian2 is not installed.
    """

    trains = True  # takes networks that teach and learn; see `spikesim.verification.registry`

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
    ) -> Recording:
        """Present a batch of spikes, one presentation after another, in one run of Brian2.

        Memory: 8 bytes for each step and neuron of populations whose membranes are recorded.

        Args:
            inputs: source -> Spikes of B presentations (of the first phase's steps where the source replays).
            labels: int64 (B,), the classes for the targets.
            record: populations of which spikes and membranes are kept.
            learn: change the weights after every `batch` presentations.
            batch: presentations whose count products are summed before the weights change.
            factor: of the step size's schedule.

        Raises:
            DataError: inputs or labels that do not fit the network; an unknown name in `record`.
            DeclarationError: learning without two phases, or a batch below 1.
            EngineError: a network that runs without end; a normalised step, or a step that could leave the
                exact range of float64; a C++ program that cannot be built.
        """
        net, keep = self.network, tuple(record)
        check_trials(net)
        B, classes = check_run(net, inputs, labels, learn, batch, factor)
        check_recorded(keep, net.populations)
        if learn:
            check_rules(net, batch, factor)
        # A presentation ends when nothing is in flight any more.
        length = 1 + net.steps + max((longest_delay(net, name) for name in net.populations), default=0)
        outside = presented(net, length, inputs, classes)
        moved = {*keep, net.readout.population} if net.readout else {*keep}
        with generating(brian2_module(), self.code) as simulate:
            made = self._make(net.window, outside, keep, moved)
            if learn:
                teach(made.clocks, made.synapses, _due(B, batch), factor, outside)
            # The border after the last presentation is part of the run: it shows the counts and learns.
            self.seconds = simulate(made.network(), B * length + 1)
            self._check_reach(made)
            clipped = self._learnt(made) if learn else dict.fromkeys(self.masters, 0)
            found = _recording(net, made.seen, keep, B)
        return Recording(*found, clipped)

    def advance(
        self,
        steps: int,
        inputs: Mapping[str, Any],
        signals: Mapping[str, Any],
        record: Iterable[str] = (),
        state: State | None = None,
        learn: bool = True,
    ) -> Recording:
        """Run a network without presentations for some steps, from its beginning or from a state.

        Memory: 8 bytes for each step and neuron of populations that are driven or recorded.

        Args:
            steps: how many.
            inputs: source -> Spikes of one presentation of `steps` steps; CurrentInput -> float64 (steps, n)
                or (n,).
            signals: name -> float64 (steps,), for rules that listen to one.
            record: populations of which spikes and membranes are kept.
            state: where to go on; None begins.
            learn: let the rules act; refused where there are any, see below.

        Raises:
            DataError: inputs, signals or a state that do not fit; an unknown name in `record`.
            EngineError: a network with presentations; rules that act in every step, which have no translation
                to Brian2 (learn=False runs with their weights as they are); a membrane out of range; a C++
                program that cannot be built.
        """
        net, keep = self.network, tuple(record)
        check_endless(net)
        check_recorded(keep, net.populations)
        for p in net.online if learn else ():
            raise EngineError(
                f"brian2: {p.name} learns in every step by {type(p.plastic).__name__}, a rule without a "
                f"translation to Brian2. Take learn=False (its weights stay), or the engine 'stepped'"
            )
        begun = beginning(net) if state is None else check_state(net, state)
        given = ExternalInputs(net, steps, inputs, signals, begun.t)
        outside = unending(net, given, begun, self._weights(begun))
        under_way = {name for name in net.populations if longest_delay(net, name)}
        with generating(brian2_module(), self.code) as simulate:
            made = self._make(Window(given.steps), outside, {*keep, *under_way}, keep, begun)
            for name, model in self._models.items():
                begin(made.groups[name], model, begun.populations[name])
            self.seconds = simulate(made.network(), given.steps + 2)
            self._check_reach(made)
            found = _recording(net, made.seen, keep, 1)
            after = self._state(made, begun, given.steps)
        return Recording(*found, state=after)

    def _weights(self, state: State | None = None) -> dict[str, Any]:
        """What every projection's spikes bring, in the units of the threshold."""
        found = {p.name: self.network.weights(p.name, self.masters) for p in self.network.projections}
        if state is not None:
            found |= {name: w.reshape(found[name].shape) for name, w in state.weights.items()}
        return found

    def _make(
        self,
        window: Window,
        outside: Outside,
        fired: Iterable[str],
        moved: Iterable[str],
        state: State | None = None,
    ) -> _Made:
        """Every object of a run."""
        clocks = Clockwork.of(brian2_module(), self.network, window, outside.length)
        made = groups(clocks, self._models, outside)
        synapses = projections(clocks, made, self.masters, self._weights(state))
        seen = Seen(clocks, made, self._models, outside, fired, moved)
        return _Made(clocks, made, synapses, seen)

    def _check_reach(self, made: _Made) -> None:
        for name in self._models:
            check_reach(name, float(np.max(made.groups[name].farthest[:])))

    def _learnt(self, made: _Made) -> dict[str, int]:
        """Take the weights that Brian2 has learnt; gives the updates that the clip range cut."""
        clipped = {}
        for p in self.network.plastic:
            master = np.asarray(made.synapses[p.name].master[:])
            self.masters[p.name] = master.reshape(self.network.shape(p)).astype(np.int32)
            clipped[p.name] = int(np.sum(made.synapses[p.name].cut[:]))
        return clipped

    def _state(self, made: _Made, begun: State, steps: int) -> State:
        """Where a run without end stands after its last step."""
        net, recent = self.network, {}
        for name, before in begun.recent.items():
            now = made.seen.spikes(name, 1).raster() if len(before) else before
            recent[name] = np.concatenate([before, now])[-len(before) :] if len(before) else before
        populations = {
            name: where_it_stands(made.groups[name], model, begun.populations[name])
            for name, model in self._models.items()
        }
        return State(begun.t + steps, populations, recent, begun.weights, begun.traces, signature(net))


class _Made(NamedTuple):
    """The Brian2 objects of a run."""

    clocks: Clockwork
    groups: dict[str, Any]
    synapses: dict[str, Any]
    seen: Seen

    def network(self) -> Any:
        """All of them as a Brian2 network."""
        return self.clocks.b2.Network(*self.groups.values(), *self.synapses.values(), *self.seen.all())


def _recording(net: Network, seen: Seen, keep: tuple[str, ...], B: int) -> tuple[Any, Any, Any, Any]:
    """Counts, predictions, spikes and membranes."""
    counts = {name: seen.counts(name, B) for name in net.populations}
    membranes = {name: seen.v(name, B) for name in keep if name in seen.models}
    return (
        counts,
        _predictions(net, seen, counts, B),
        {name: seen.spikes(name, B) for name in keep},
        membranes,
    )


def _due(B: int, batch: int) -> Reals:
    """1 at the borders at which the weights change: after every batch, and after the last presentation."""
    border = np.arange(B + 1)
    return ((border > 0) & ((border % batch == 0) | (border == B))).astype(np.float64)


def _predictions(net: Network, seen: Seen, counts: Mapping[str, Any], B: int) -> npt.NDArray[np.int64]:
    if net.readout is None:
        return np.zeros(0, np.int64)
    name, (_, end) = net.readout.population, net.window.span(net.readout.span)
    h = {"first": counts[name][:, 0], "second": counts[name][:, 1], "all": counts[name].sum(axis=1)}
    v = seen.v(name, B)
    return winners(h[net.readout.span], v[:, end - 1])
