"""Random networks of every kind on the grid, a function of a seed, with what they are given: for comparing
programs.

    drawn = endless(7)         a network that runs without end
    drawn = presented(7)       one that is presented with spikes, with phases, gates and a CountRule
    drawn = layered(7)         one of EMSTDP's
    drawn = example(7)         one of these

Depth, recurrence, delays of projections and of single synapses, every kind of projection, biases, floors,
resets, refractory times, integer decay, error neurons of both forms (their signed spikes go anywhere),
generators, drives.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.engines import Naive, Stepped, engine
from spikesim.errors import EngineError
from spikesim.models.emstdp import Emstdp, build, encoder
from spikesim.network import Masters, Network, Readout
from spikesim.network.scheduling import is_source
from spikesim.neurons import (
    IF,
    LIF,
    AdaptiveLIF,
    ErrorIF,
    PoissonSource,
    RegularSource,
    Source,
    Target,
    TwoCurrentLIF,
)
from spikesim.neurons.decay import DECAY_UNIT
from spikesim.recording import Recording
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import CurrentInput, PoissonInput
from spikesim.tools.dev.random_parameters import heterogeneous
from spikesim.tools.dev.random_projections import Draw, connect, on_grid, scale_of
from spikesim.window import Window

PRESENTATIONS = 4


@dataclass(frozen=True)
class Example:
    """A network and what it is given.

    Attributes:
        seed: of which it is a function.
        network: the declaration.
        inputs: source -> Spikes, CurrentInput -> float64, as `simulate` takes them.
        steps: of a network that runs without end, else None.
        labels: int64 (B,) where presentations have a target, else None.
        learn: whether its CountRules act.
        batch: presentations after which they act.
        silent: population -> bool (B, n), neurons that take no part in a presentation.
        learnt: presentations that were learnt before.
    """

    seed: int
    network: Network
    inputs: dict[str, Any] = field(repr=False)
    steps: int | None = None
    labels: npt.NDArray[np.int64] | None = None
    learn: bool = False
    batch: int = 1
    silent: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict, repr=False)
    learnt: int = 0

    @property
    def moving(self) -> tuple[str, ...]:
        """The populations that integrate: those with membranes."""
        return tuple(n for n, p in self.network.populations.items() if not is_source(p))

    def play(self, name: str) -> tuple[Recording, Masters]:
        """The network on an engine, everything recorded, and its weights at the end.

        Raises:
            EngineError: the engine does not run this network.
        """
        running, record = engine(self.network, name=name), tuple(self.network.populations)
        if self.steps is None:
            found = running.run(
                self.inputs,
                self.labels,
                record,
                self.learn,
                self.batch,
                silent=self.silent,
                learnt=self.learnt,
            )
        elif isinstance(running, Naive | Stepped):
            found = running.advance(self.steps, self.inputs, {}, record)
        else:
            raise EngineError(f"{name} runs no network without end")
        return found, running.masters


KINDS = ("endless", "presented", "endless", "layered")


def example(seed: int, largest: int = 8) -> Example:
    """The network of a seed; its kind is KINDS[seed % 4]."""
    kinds = {"endless": endless, "presented": presented, "layered": layered}
    return kinds[KINDS[seed % 4]](seed, largest)


def layered(seed: int, largest: int = 8) -> Example:
    """An EMSTDP network, which the engine `windowed` runs as well."""
    rs = np.random.default_rng([seed, 13])
    chosen = random_emstdp(rs, largest)
    x = (rs.random((PRESENTATIONS, chosen.sizes[0])) * (rs.random() < 0.9)).astype(np.float32)
    T = chosen.T // 2 if chosen.replay else chosen.T
    given = encoder(chosen).encode(x, np.arange(PRESENTATIONS), T, seed)
    labels = rs.integers(0, chosen.sizes[-1], PRESENTATIONS)
    network = build(chosen, seed=seed)
    if rs.random() < 0.5:
        network = _varied(network, rs)
    silent = {
        name: rs.random((PRESENTATIONS, p.n)) < 0.3
        for name, p in network.populations.items()
        if name.startswith("hid") and rs.random() < 0.4
    }
    learnt = int(rs.integers(0, 9))
    return Example(seed, network, {"in": given}, None, labels, True, chosen.batch, silent, learnt)


def _varied(network: Network, rs: np.random.Generator) -> Network:
    """The same with parameters that differ from neuron to neuron; what `windowed` runs."""
    populations = {
        name: p if is_source(p) else heterogeneous(p, rs, without=("refractory",))
        for name, p in network.populations.items()
    }
    return replace(network, populations=populations)


def random_emstdp(rs: np.random.Generator, largest: int) -> Emstdp:
    """A configuration of EMSTDP, every choice drawn."""

    def one_of(*choices: Any) -> Any:
        return choices[int(rs.integers(len(choices)))]

    sizes = tuple(int(n) for n in rs.integers(2, largest + 1, rs.integers(2, 5)))
    gate, batch = one_of(True, False), one_of(1, 1, 2, 3)
    return Emstdp(
        sizes=sizes,
        T=2 * int(rs.integers(2, 12)),
        beta_hidden=rs.uniform(0.1, 0.5),
        beta_out=rs.uniform(0.1, 0.5),
        beta_error=tuple(rs.uniform(0.05, 0.6, len(sizes) - 2).tolist()),
        eta_hidden=tuple(rs.uniform(0.2, 1, len(sizes) - 2).tolist()),
        feedback=one_of("symmetric", "fa", "dfa"),
        error_form=one_of("ternary", "pair"),
        forward_delay=int(rs.integers(3)),
        error_delay=int(rs.integers(1, 3)),
        gate=gate,
        gate_upper=gate and one_of(True, False),
        replay=one_of(True, False),
        reset_at_split=one_of(True, False),
        target_rate=rs.uniform(0.1, 1),
        theta_loss=float(rs.integers(1, 4)),
        h_pre=one_of("first", "second", "all"),
        batch=batch,
        floor=one_of(None, 1.0, 0.25),
        grid=int(rs.integers(5, 13)),
        eta=rs.uniform(0.05, 2),
        clip=rs.uniform(0.3, 2.0),
        coding=one_of("poisson", "shared", "regular"),
        gamma=one_of(1.0, 1.0, 0.5, 0.0),
        reset=one_of("zero", "subtract"),
        error_reset=one_of("zero", "subtract"),
        update=one_of("change", "error", "error_hidden"),
        bounded=one_of(True, False),
        decay=one_of(0.0, 0.0, 2.0**-10 / (batch * int(rs.integers(1, 4)))),
        bias=one_of(True, False),
        b_centred=one_of(True, False),
    )


def endless(seed: int, largest: int = 8, longest_delay: int = 3, steps: int = 40) -> Example:
    """A network that runs without end; populations of up to `largest` neurons."""
    d = Draw(np.random.default_rng([seed, 11]), largest, longest_delay)
    for k in range(d.count(1, 2)):
        d.populations[f"s{k}"] = sender(d)
    for k in range(d.count(1, 5)):
        _add(d, f"p{k}", Window.without_end())
    drives, currents = drives_of(d, steps)
    network = Network(d.shuffled(), tuple(d.projections), Window.without_end(), None, drives)
    inputs: dict[str, Any] = {name: spikes(d, 1, steps, d.populations[name].n) for name in network.sources}
    return Example(seed, network, inputs | currents, steps)


def presented(seed: int, largest: int = 8, longest_delay: int = 3) -> Example:
    """A network with presentations, of one phase or two; populations of up to `largest` neurons."""
    d = Draw(np.random.default_rng([seed, 12]), largest, longest_delay)
    T = d.count(4, 16)
    window = Window(T, d.count(1, T - 1) if d.chance(0.75) else None)
    d.window = window
    for k in range(d.count(1, 2)):
        replays = window.split is not None and 2 * window.split >= T and d.chance(0.5)
        d.populations[f"s{k}"] = Source(d.count(1, largest), replays, d.clock(0.2))
    if window.split is not None and d.chance(0.5):
        d.populations["target"] = Target(d.count(1, largest), d.rs.uniform(0.1, 1), d.clock(0.3))
    for k in range(d.count(1, 5)):
        _add(d, f"p{k}", window)
    network = Network(d.shuffled(), tuple(d.projections), window, _readout(d))
    inputs = {
        name: spikes(
            d, PRESENTATIONS, window.boundary if d.populations[name].replay else T, d.populations[name].n
        )
        for name in network.sources
    }
    target = d.populations.get("target")
    labels = None if target is None else d.rs.integers(0, target.n, PRESENTATIONS)
    return Example(seed, network, inputs, None, labels, window.split is not None)


def spikes(d: Draw, B: int, T: int, n: int) -> Spikes:
    """B trials of T steps for a source of n neurons."""
    return from_raster((d.rs.random((B, T, n)) < d.rs.uniform(0.05, 0.6)).astype(np.int8))


def sender(d: Draw) -> Any:
    """Given spikes, a Poisson or a regular generator."""
    n, kind = d.count(1, d.largest), d.count(0, 2)
    if kind == 0:
        return Source(n)
    if kind == 1:
        rates = d.rs.uniform(0, 0.6, n)
        return PoissonSource(n, tuple(rates.tolist()) if d.chance(0.5) else float(rates[0]), d.count(0, 99))
    period = d.count(1, 9)
    phases = d.rs.integers(0, period, n)
    return RegularSource(n, period, tuple(phases.tolist()) if d.chance(0.5) else int(phases[0]))


def _add(d: Draw, name: str, window: Window) -> None:
    """A population with the projections into it from those before; sometimes back into those or itself."""
    before = tuple(d.populations)
    shape = d.new_shape(before)
    d.populations[name] = _moving(d, int(np.prod(shape)), window)
    d.shapes[name] = shape
    back = False
    for pre in (d.one_of(*before), *(p for p in before if d.chance(0.25))):
        connect(d, pre, name, d.count(0, d.longest_delay))
    if d.chance(0.3):
        connect(d, name, name, d.count(1, d.longest_delay))
        back = True
    for earlier in before:
        if earlier in d.shapes and d.chance(0.25):
            connect(d, name, earlier, d.count(1, d.longest_delay))
            d.populations[earlier] = _with_clock(d, earlier)
    if back or sum(p.post == name for p in d.projections) > 1:
        d.populations[name] = _with_clock(d, name)


def _with_clock(d: Draw, name: str) -> Any:
    """In presentations a population that many paths reach declares its clock."""
    population = d.populations[name]
    if d.window is None or population.offset is not None:
        return population
    return replace(population, offset=d.count(0, 4))


def _moving(d: Draw, n: int, window: Window) -> Any:
    """An IF, LIF or error population of n neurons, in counts of a grid of its own or of all."""
    bits = d.bits if d.chance(0.7) else d.count(0, 12)
    step = 2.0**-bits
    theta = d.count(1, d.one_of(3, 200)) * step
    common: dict[str, Any] = {"n": n, "theta": theta, "grid": bits}
    if not window.endless:
        common |= _phases(d, n, window)
    made = d.one_of(*MODELS)(d, common)
    return heterogeneous(made, d.rs) if d.chance(0.5) else made


def _error(d: Draw, common: dict[str, Any]) -> ErrorIF:
    below = d.count(2, 5) if common.get("gate_by") is not None and d.chance(0.5) else None
    reset = d.one_of("zero", "subtract")
    return ErrorIF(**common, form=d.one_of("ternary", "pair"), reset=reset, gate_below=below)


def _levels(d: Draw, common: dict[str, Any]) -> dict[str, Any]:
    """What all models but error neurons have."""
    n, theta, bits, step = common["n"], common["theta"], common["grid"], 2.0 ** -common["grid"]
    bias = grid.rounded(d.rs.normal(0.05, 0.15, n) * theta * d.chance(0.5), bits)
    common["bias"] = tuple(bias.tolist()) if d.chance(0.5) else float(bias[0])
    common["floor"] = None if d.chance(0.5) else -d.count(0, int(2 * theta / step)) * step
    common["refractory"] = d.count(1, 3) if d.chance(0.3) else 0
    return common


def _integrate_and_fire(d: Draw, common: dict[str, Any]) -> IF:
    return IF(**_levels(d, common), reset=d.one_of("zero", "subtract"))


def _leaky(d: Draw, common: dict[str, Any]) -> LIF:
    made = LIF(
        **_levels(d, common),
        u_decay=_decay(d, 1.0),
        v_decay=_decay(d, 0.0),
        reset=d.one_of("value", "subtract", "none"),
        v_reset=_reset(d, common),
    )
    late = made.reset == "subtract" and made.refractory == 0 and d.chance(0.5)
    return replace(made, reset_delay=1) if late else made


def _adaptive(d: Draw, common: dict[str, Any]) -> AdaptiveLIF:
    jump = common["theta"] if d.chance(0.5) else 2.0 ** -common["grid"]
    return AdaptiveLIF(
        **_levels(d, common),
        u_decay=_decay(d, 1.0),
        v_decay=_decay(d, 0.0),
        a_jump=jump,
        a_decay=_decay(d, 0.0),
        c_jump=d.one_of(0.0, jump),
        c_decay=_decay(d, 1.0),
        v_reset=_reset(d, common),
    )


def _two_currents(d: Draw, common: dict[str, Any]) -> TwoCurrentLIF:
    return TwoCurrentLIF(
        **_levels(d, common),
        exc_decay=_decay(d, 1.0),
        inh_decay=_decay(d, 0.5),
        v_decay=_decay(d, 0.0),
        v_reset=_reset(d, common),
    )


def _decay(d: Draw, usual: float) -> float:
    return float(d.one_of(usual, d.count(1, DECAY_UNIT) / DECAY_UNIT))


def _reset(d: Draw, common: dict[str, Any]) -> float:
    """A value below the threshold, on the grid."""
    step = 2.0 ** -common["grid"]
    low = -int(common["theta"] / step)
    return float(d.one_of(0.0, d.count(low, -low - 1) * step))


MODELS = (_integrate_and_fire, _integrate_and_fire, _leaky, _leaky, _error, _adaptive, _two_currents)


def _phases(d: Draw, n: int, window: Window) -> dict[str, Any]:
    """When a presented population lives, is cleared, and by whom it is gated."""
    found: dict[str, Any] = {"offset": d.clock(0.2)}
    if window.split is None:
        return found
    found["reset_at"] = d.one_of(("start",), ("start", "split"))
    found["active_in"] = d.one_of(None, None, "first", "second", "second")
    equal = [name for name, p in d.populations.items() if p.n == n and name != "target"]
    if found["active_in"] == "second" and equal and d.chance(0.7):
        found["gate_by"] = d.one_of(*equal)
    return found


def _readout(d: Draw) -> Readout | None:
    """The class is read from any population with one membrane a neuron."""
    known = [n for n in d.shapes if d.populations[n].initial_state()["v"].ndim == 1]
    if not known or d.chance(0.2):
        return None
    spans = ("first", "all") if d.window is None or d.window.split is None else ("first", "second", "all")
    return Readout(d.one_of(*known), d.one_of(*spans))


def drives_of(d: Draw, steps: int) -> tuple[tuple[CurrentInput | PoissonInput, ...], dict[str, Any]]:
    """Currents and Poisson numbers into some populations, on their grids."""
    drives: list[CurrentInput | PoissonInput] = []
    currents: dict[str, Any] = {}
    for name in d.shapes:
        p = d.populations[name]
        if d.chance(0.2):
            w = float(on_grid(d.rs.normal(0.1, 0.4) * scale_of(p), p.grid))
            drives.append(PoissonInput(name, d.rs.uniform(0.05, 4), w, d.count(0, 99)))
        if d.chance(0.2):
            drives.append(CurrentInput(name))
            shape = d.one_of((p.n,), (steps, p.n))
            currents[drives[-1].name] = on_grid(d.rs.normal(0, 0.3, shape) * scale_of(p), p.grid)
    return tuple(drives), currents
