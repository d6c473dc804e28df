"""Limits of each chip and file format, as data with sources, and the check of a network against them.

`exceeded(network, hardware)` lists every limit that a network exceeds; `check` raises the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from spikesim.errors import DeclarationError, SpikesimError, unknown
from spikesim.hardware.neurons import (
    WAY,
    counts,
    has_normal_form,
    integrating,
    leaks,
    normal_forms,
    shown,
)
from spikesim.learning.trial import is_trial_rule
from spikesim.network import Network
from spikesim.network.scheduling import is_input, is_source, is_target
from spikesim.neurons.description import LinearNeuron

DAVIES = (
    "Davies et al., Loihi: a neuromorphic manycore processor with on-chip learning, IEEE Micro 38(1), 2018"
)
LOIHI_2 = "Intel, Taking neuromorphic computing to the next level with Loihi 2, technology brief, 2021"
NENGO = "nengo-loihi 1.1, block.py and builder/discretize.py"
PROFILES = "nengo-loihi 1.1, nengo_loihi/hardware/validate.py"
LAVA = "lava-nc 0.10.0, lava.proc.lif.models.PyLifModelBitAcc and lava.proc.dense.models.PyDenseModelBitAcc"
BRIAN2_LOIHI = "Michaelis et al., Brian2Loihi, Frontiers in Neuroinformatics 16, 2022; brian2-loihi 0.5.2"
NETX = "lava-dl 0.6.0, lava.lib.dl.netx.hdf5"
NIR = "Pedersen et al., Neuromorphic intermediate representation, Nature Communications 15, 2024; nir 1.0.8"

OFF = "quantise declared it, for a chip's saturation; spikesim.hardware.targets.without_floors takes it off."


class LimitError(SpikesimError, ValueError):
    """A network exceeds a limit of a chip or a format: names limit, value, layer and way out."""


@dataclass(frozen=True)
class Limit:
    """A range of whole numbers, both ends included, with its source.

    Attributes:
        low, high: the ends; None for no limit.
        unit: what is counted.
        source: a paper, or a program and its file.
    """

    low: int | None
    high: int | None
    unit: str
    source: str

    def holds(self, value: int) -> bool:
        """Whether a value is in the range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        ends = [("" if end is None else str(end)) for end in (self.low, self.high)]
        return f"{' .. '.join(ends).strip()}, {self.unit}"


@dataclass(frozen=True)
class Excess:
    """A limit that a network exceeds.

    Attributes:
        limit: its name.
        value: of the network.
        where: the population or projection.
        allowed: the limit in words, with its source.
        way_out: how to change the network.
    """

    limit: str
    value: str
    where: str
    allowed: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.where}: {self.limit} = {self.value}; {self.allowed}. {self.way_out}"


@dataclass(frozen=True)
class Hardware:
    """A chip or a format.

    Attributes:
        name: as used by commands.
        title: for messages.
        limits: by name; a name that is absent has no limit.
        quantised: whether its numbers are integers (else floating point).
        resets_to_values: whether a spike may reset the membrane to a value other than zero.
        starts: whether a trial may start with a membrane or a current other than zero.
        per_layer: parameters of which it holds one number for all neurons of a population; not those by which
            a backend splits populations itself (Lava, brian2-loihi).
        notes: further remarks.
    """

    name: str
    title: str
    limits: MappingProxyType[str, Limit]
    quantised: bool = True
    resets_to_values: bool = False
    starts: bool = True
    per_layer: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def limit(self, name: str) -> Limit | None:
        """A limit by name, None where the target has none."""
        return self.limits.get(name)


def _limits(**limits: Limit) -> MappingProxyType[str, Limit]:
    return MappingProxyType(limits)


# Numbers of the neuron's arithmetic, the same in Loihi 1 and in the stock neuron of Loihi 2 and Lava.
_ARITHMETIC = {
    "weight": Limit(-256, 255, "with a sign mode; mixed signs are even (8 bits and a sign)", LAVA),
    "weight_exponent": Limit(
        -8, 7, "the power of two by which a projection's weights are shifted", BRIAN2_LOIHI
    ),
    "decay": Limit(0, 4096, "in units of 1/4096 of the current or membrane a step", f"{LAVA}; {NENGO}"),
    "bias_mantissa": Limit(-4096, 4095, "13 bits with sign", LAVA),
    "bias_exponent": Limit(0, 7, "3 bits", LAVA),
    "threshold": Limit(0, 2**17 - 1, "17 bits, shifted left by 6", f"{LAVA}; {NENGO}"),
    "current": Limit(-(2**23) + 1, 2**23, "24 bits; u wraps beyond", LAVA),
    "membrane": Limit(-(2**23) + 1, 2**23 - 1, "24 bits; v saturates beyond", LAVA),
}

LOIHI_1 = Hardware(
    "loihi1",
    "Loihi (2018)",
    _limits(
        **_ARITHMETIC,
        delay=Limit(1, 63, "steps from spike to arrival, the chip's own step included", BRIAN2_LOIHI),
        refractory=Limit(0, 63, "refractory steps after a spike", BRIAN2_LOIHI),
        neurons_per_core=Limit(1, 1024, "compartments a core", DAVIES),
        cores=Limit(1, 128, "cores a chip", DAVIES),
        neurons=Limit(1, 128 * 1024, "compartments a chip", DAVIES),
        axons_in=Limit(0, 4096, "input axons a core", NENGO),
        axons_out=Limit(0, 4096, "output axons a core", NENGO),
        synapse_bits=Limit(0, 2**20, "bits of synaptic memory a core", NENGO),
        compartment_profiles=Limit(1, 32, "different decays and refractory times a core", PROFILES),
        threshold_profiles=Limit(1, 16, "different thresholds a core", PROFILES),
    ),
)
LOIHI_2_CHIP = Hardware(
    "loihi2",
    "Loihi 2 (2021), stock neurons",
    _limits(
        **_ARITHMETIC,
        delay=Limit(1, 63, "steps from spike to arrival; assumed as for Loihi", BRIAN2_LOIHI),
        refractory=Limit(0, 63, "refractory steps after a spike; assumed as for Loihi", BRIAN2_LOIHI),
        neurons_per_core=Limit(1, 8192, "neurons a core", LOIHI_2),
        cores=Limit(1, 128, "cores a chip", LOIHI_2),
        neurons=Limit(1, 2**20, "neurons a chip", LOIHI_2),
        synapse_bits=Limit(0, 192 * 1024 * 8, "bits of memory a core, shared by all uses", LOIHI_2),
    ),
    notes=("microcode can implement other neurons; none is generated here",),
)
LAVA_FIXED = Hardware(
    "lava-fixed",
    "Lava, fixed point on the CPU",
    _limits(
        **{**_ARITHMETIC, "weight_exponent": Limit(None, None, "a shift of the sum of the input", LAVA)},
        delay=Limit(1, None, "steps; beyond 1 with DelayDense", "lava-nc 0.10.0, lava.proc.dense.models"),
        refractory=Limit(0, 0, "steps; LIFRefractory exists in floating point only", LAVA),
    ),
    notes=("the CPU models do not enforce the bias's 13 bits and the threshold's 17 bits; `check` does",),
)
LAVA_FLOAT = Hardware(
    "lava-float",
    "Lava, floating point on the CPU",
    _limits(
        delay=Limit(1, None, "steps; beyond 1 with DelayDense", "lava-nc 0.10.0, lava.proc.dense.models"),
        refractory=Limit(0, 0, "steps; LIFRefractory is not used here", LAVA),
    ),
    quantised=False,
)
NETX_FORMAT = Hardware(
    "netx",
    "netx (lava-dl)",
    _limits(
        **{
            **_ARITHMETIC,
            "weight": Limit(-128, 127, "the reader shifts by one, and sets weight_exp = -1", NETX),
            "weight_exponent": Limit(-1, -1, "set by the reader", NETX),
        },
        delay=Limit(1, 1, "steps a layer", NETX),
        refractory=Limit(0, 0, "steps (refDelay 1)", NETX),
    ),
    starts=False,
    per_layer=("theta", "u_decay", "v_decay"),
)
NIR_FORMAT = Hardware(
    "nir",
    "NIR",
    _limits(
        delay=Limit(0, None, "steps, as a Delay node of the time unit", NIR),
        refractory=Limit(0, 0, "steps; NIR's neurons have no refractory time", NIR),
    ),
    quantised=False,
    resets_to_values=True,
    notes=("numbers are float32: counts of a grid are exact up to 2**24",),
)
HARDWARE = MappingProxyType(
    {t.name: t for t in (LOIHI_1, LOIHI_2_CHIP, LAVA_FIXED, LAVA_FLOAT, NETX_FORMAT, NIR_FORMAT)}
)


def hardware_limits(name: str | Hardware) -> Hardware:
    """The limits of a chip or a format by name ("lava" is "lava-fixed").

    Raises:
        DeclarationError: an unknown name; suggests similar ones.
    """
    if isinstance(name, Hardware):
        return name
    known = {"lava": LAVA_FIXED, **HARDWARE}
    if name not in known:
        raise DeclarationError(unknown("hardware target", name, known))
    return known[name]


def check(network: Network, hardware: str | Hardware) -> None:
    """Refuse a network that the target cannot hold as declared.

    Raises:
        EngineError: a neuron model without a normal form.
        LimitError: the first limit that the network exceeds, and how many more there are.
        DeclarationError: an unknown target.
    """
    chip = hardware_limits(hardware)
    normal_forms(chip.title, network)
    found = exceeded(network, chip)
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise LimitError(f"{chip.title} cannot hold this network: {found[0]}{more}")


def exceeded(network: Network, hardware: str | Hardware) -> tuple[Excess, ...]:
    """The limits that a network exceeds by its declaration: models, resets, floors, sizes, delays, ...

    What its numbers need is checked where they become integers: weights, exponents and biases by
    `spikesim.hardware.loihi.compile_network`, currents and membranes by `spikesim.hardware.loihi.reach`, and
    cores by `spikesim.hardware.energy`.
    """
    chip = hardware_limits(hardware)
    found = [e for name in network.populations for e in _of_population(name, network.populations[name], chip)]
    found += [e for p in network.projections for e in _of_projection(p, chip)]
    for drive in network.drives:
        way = "Give its input as spikes of a Source, or as a bias."
        found.append(Excess("drive", type(drive).__name__, drive.name, "all input is spikes there", way))
    if network.window.endless:
        way = "Declare Window(T), or take network.inference(T): trials that equal its first T steps."
        found.append(Excess("window", "without end", "the network", "it runs trials of T steps", way))
    found += _of_network(network, chip)
    return tuple(found)


def _of_network(network: Network, chip: Hardware) -> Iterator[Excess]:
    """Neurons of the whole network, and cores that their different parameters need."""
    moving = integrating(network)
    if (limit := chip.limit("neurons")) is not None:
        n = sum(p.n for p in moving.values())
        yield from _beyond("neurons", n, "the network", limit, "Take smaller layers, or several chips.")
    if (cores := chip.limit("cores")) is not None:
        needed = profile_cores([_in_counts(p) for p in moving.values() if has_normal_form(p)], chip)
        way = "Let more neurons share their thresholds, decays and refractory times."
        yield from _beyond("cores for different parameters", needed, "the network", cores, way)


def _in_counts(p: Any) -> LinearNeuron:
    """The normal form of a population with thresholds in counts of its grid, as the chip holds them."""
    neuron: LinearNeuron = p.linear()
    return neuron if p.grid is None else neuron._replace(theta=neuron.theta * 2.0**p.grid)


def profile_cores(neurons: Sequence[LinearNeuron], chip: Hardware) -> int:
    """The least number of cores that can hold the different parameters of these populations.

    On Loihi the neurons of a core share profiles: a threshold profile holds one threshold, a compartment
    profile one pair of decays and one refractory time. Biases are held neuron by neuron.
    """
    columns = {
        "threshold_profiles": ("theta",),
        "compartment_profiles": ("u_decay", "v_decay", "refractory"),
    }
    needed = 0
    for profile, names in columns.items():
        limit = chip.limit(profile)
        if limit is not None and limit.high is not None and neurons:
            rows = np.stack([np.concatenate([getattr(p, name) for p in neurons]) for name in names], axis=1)
            needed = max(needed, -(-len(np.unique(rows, axis=0)) // limit.high))
    return max(needed, 1)


def _of_population(name: str, p: Any, chip: Hardware) -> Iterator[Excess]:
    kind, classifies = type(p).__name__, "network.inference() leaves it out."
    if is_source(p):
        if not is_input(p):
            held = f"{chip.title} takes spikes from outside"
            way = classifies if is_target(p) else "Declare a Source, and give its spikes."
            yield Excess("neuron model", kind, name, held, way)
        elif p.replay:
            way = "network.inference() has no replay."
            yield Excess("replay", "True", name, "a source sends given spikes only", way)
        return
    if not has_normal_form(p):
        yield Excess("neuron model", kind, name, f"{chip.title} has integrate-and-fire neurons", f"{WAY}.")
        return
    neuron = p.linear()
    if neuron.form != "single":
        held = f"{chip.title} has neurons with one membrane and spikes of 0 and 1 (IF, LIF)"
        yield Excess("neuron model", kind, name, held, classifies)
        return
    if p.gate_by is not None or p.active_in is not None or "split" in p.reset_at:
        phases = "gate_by, active_in or reset_at='split'"
        yield Excess("phases", phases, name, "a trial has one phase", classifies)
    yield from _of_neuron(name, p, neuron, chip)


def _of_neuron(name: str, p: Any, neuron: LinearNeuron, chip: Hardware) -> Iterator[Excess]:
    other = neuron.subtract or not neuron.resets
    if other or (neuron.v_reset.any() and not chip.resets_to_values):
        said = f"{chip.title} resets to zero"
        yield Excess("reset", neuron.reset_shown, name, said, "Train with a reset to zero.")
    floor = neuron.floor[np.isfinite(neuron.floor)]
    if len(floor) and not (chip.quantised and p.grid is not None and (floor == saturation(p)).all()):
        said = f"{chip.title} has no floor for the membrane"
        said += " but its own saturation (spikesim.hardware.limits.saturation)" if chip.quantised else ""
        a_chips = p.grid is not None and (floor == saturation(p)).all()
        way = OFF if a_chips else "Train with floor=None; spikesim.hardware.quantise."
        yield Excess("floor", shown(floor), name, said, way)
    if (limit := chip.limit("refractory")) is not None:
        way = "Take a shorter refractory time."
        yield from _beyond("refractory", int(neuron.refractory.max()), name, limit, way)
    for start in ("v_start", "u_start"):
        if getattr(neuron, start).any() and not chip.starts:
            said = f"a trial begins with 0 in {chip.title}"
            yield Excess(start, shown(getattr(neuron, start)), name, said, f"Take {start}=0.")
    if (differing := neuron.differing(chip.per_layer)) and differing:
        said = f"{chip.title} holds one number a layer"
        way = "Split the population, one for each value (spikesim.hardware.split), or take one value."
        for field_ in differing:
            yield Excess(field_, f"{shown(getattr(neuron, field_))}, neuron by neuron", name, said, way)
    if not chip.quantised:
        return
    if p.grid is None:
        way = "Put it on the chip's grid: spikesim.hardware.quantise."
        yield Excess("grid", "None", name, f"{chip.title} counts in integers", way)
    elif (limit := chip.limit("threshold")) is not None:
        held = (counts(neuron.theta, p.grid) - 1) // (64 if neuron.leaks else 1)
        theta = int(held.min() if held.min() < 0 else held.max())
        way = "Quantise it (spikesim.hardware.quantise): the threshold shrinks with the grid."
        yield from _beyond("threshold", theta, name, limit, way)


def _of_projection(p: Any, chip: Hardware) -> Iterator[Excess]:
    if (limit := chip.limit("delay")) is not None:
        # Layers that follow each other within a step (delay 0) take a step each there, on their own clocks.
        longest = max(p.longest_delay, limit.low or 0)
        yield from _beyond("delay", longest, p.name, limit, "Take a shorter delay.")
    if p.plastic is not None and not is_trial_rule(p.plastic):
        way = "Fix what has been learnt: the same projection with plastic=None."
        yield Excess("rule", type(p.plastic).__name__, p.name, "weights are constant there", way)


def saturation(population: Any) -> float:
    """The lowest membrane of the chip's 24 bits, -2**23 + 1 units of v, in the unit of weights.

    Without a leak a count of the grid is 64 units, and a saturated membrane lies between two counts: -2**17
    counts, and a 64th of a count above (the emulator detects where that matters).
    """
    lowest = 1 - 2**23 if leaks(population) else -(2**17)
    return float(lowest * 2.0**-population.grid)


def _beyond(name: str, value: int, where: str, limit: Limit, way_out: str) -> list[Excess]:
    if limit.holds(int(value)):
        return []
    return [Excess(name, str(int(value)), where, f"the range is {limit} ({limit.source})", way_out)]
