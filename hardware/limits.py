"""What each chip or format can hold, as data, each value with its source; and the check of a network.

`exceeded(network, target)` lists every limit that a network breaks, `check` raises the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from spikesim import grid as grids
from spikesim.errors import DeclarationError, SpikesimError, unknown
from spikesim.learning import CountRule
from spikesim.network import Network
from spikesim.neurons import ErrorIF, Source, Target

DAVIES = (
    "Davies et al., Loihi: a neuromorphic manycore processor with on-chip learning, IEEE Micro 38(1), 2018"
)
LOIHI_2 = "Intel, Taking neuromorphic computing to the next level with Loihi 2, technology brief, 2021"
NENGO = "nengo-loihi 1.1, block.py and builder/discretize.py"
LAVA = "lava-nc 0.10.0, lava.proc.lif.models.PyLifModelBitAcc and lava.proc.dense.models.PyDenseModelBitAcc"
BRIAN2_LOIHI = "Michaelis et al., Brian2Loihi, Frontiers in Neuroinformatics 16, 2022; brian2-loihi 0.5.2"
NETX = "lava-dl 0.6.0, lava.lib.dl.netx.hdf5"
NIR = "Pedersen et al., Neuromorphic intermediate representation, Nature Communications 15, 2024; nir 1.0.8"


class LimitError(SpikesimError, ValueError):
    """A network that a chip or a format cannot hold: names limit, value, layer and way out."""


@dataclass(frozen=True)
class Limit:
    """A range of whole numbers, both ends included, and who says so.

    Attributes:
        low, high: the ends; None where the target sets none.
        unit: what is counted.
        source: a paper, or a program and its file.
    """

    low: int | None
    high: int | None
    unit: str
    source: str

    def holds(self, value: int) -> bool:
        """Whether a value lies in the range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        ends = [("" if end is None else str(end)) for end in (self.low, self.high)]
        return f"{' .. '.join(ends).strip()}, {self.unit}"


@dataclass(frozen=True)
class Excess:
    """A limit that a network breaks.

    Attributes:
        limit: its name.
        value: what the network has.
        where: the population or projection.
        allowed: the limit in words, with its source.
        way_out: what to do.
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
        name: how commands call it.
        title: for people.
        limits: by name; a name that is absent is not limited.
        models: neuron models that it has; they reset to zero, and have no floor.
        resets_to_values: whether a spike may leave the membrane at another value than zero.
        quantised: whether numbers are integers there (else floating point).
        notes: what else is to be known.
    """

    name: str
    title: str
    limits: MappingProxyType[str, Limit]
    models: tuple[str, ...] = ("Source", "IF", "LIF")
    quantised: bool = True
    resets_to_values: bool = False
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
        refractory=Limit(0, 63, "steps of rest after a spike", BRIAN2_LOIHI),
        neurons_per_core=Limit(1, 1024, "compartments a core", DAVIES),
        cores=Limit(1, 128, "cores a chip", DAVIES),
        neurons=Limit(1, 128 * 1024, "compartments a chip", DAVIES),
        axons_in=Limit(0, 4096, "input axons a core", NENGO),
        axons_out=Limit(0, 4096, "output axons a core", NENGO),
        synapse_bits=Limit(0, 2**20, "bits of synaptic memory a core", NENGO),
    ),
)
LOIHI_2_CHIP = Hardware(
    "loihi2",
    "Loihi 2 (2021), stock neurons",
    _limits(
        **_ARITHMETIC,
        delay=Limit(1, 63, "steps from spike to arrival; taken over from Loihi", BRIAN2_LOIHI),
        refractory=Limit(0, 63, "steps of rest after a spike; taken over from Loihi", BRIAN2_LOIHI),
        neurons_per_core=Limit(1, 8192, "neurons a core", LOIHI_2),
        cores=Limit(1, 128, "cores a chip", LOIHI_2),
        neurons=Limit(1, 2**20, "neurons a chip", LOIHI_2),
        synapse_bits=Limit(0, 192 * 1024 * 8, "bits of memory a core, shared by all uses", LOIHI_2),
    ),
    notes=("microcode can go beyond the stock neuron; nothing here writes any",),
)
LAVA_FIXED = Hardware(
    "lava-fixed",
    "Lava, fixed point on the CPU",
    _limits(
        **{**_ARITHMETIC, "weight_exponent": Limit(None, None, "a shift of the sum of the input", LAVA)},
        delay=Limit(1, None, "steps; beyond 1 with DelayDense", "lava-nc 0.10.0, lava.proc.dense.models"),
        refractory=Limit(0, 0, "steps; LIFRefractory exists in floating point alone", LAVA),
    ),
    notes=("the CPU models enforce neither the bias's 13 bits nor the threshold's 17: `check` does",),
)
LAVA_FLOAT = Hardware(
    "lava-float",
    "Lava, floating point on the CPU",
    _limits(
        delay=Limit(1, None, "steps; beyond 1 with DelayDense", "lava-nc 0.10.0, lava.proc.dense.models"),
        refractory=Limit(0, 0, "steps; LIFRefractory is not built here", LAVA),
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
)
NIR_FORMAT = Hardware(
    "nir",
    "NIR",
    _limits(
        delay=Limit(0, None, "steps, as a Delay node of the time unit", NIR),
        refractory=Limit(0, 0, "steps; NIR's neurons do not rest", NIR),
    ),
    quantised=False,
    resets_to_values=True,
    notes=("numbers are float32: counts of a grid are exact up to 2**24",),
)
HARDWARE = MappingProxyType(
    {t.name: t for t in (LOIHI_1, LOIHI_2_CHIP, LAVA_FIXED, LAVA_FLOAT, NETX_FORMAT, NIR_FORMAT)}
)


def hardware_limits(name: str | Hardware) -> Hardware:
    """A target by name ("lava" is "lava-fixed").

    Raises:
        DeclarationError: unknown; names the near ones.
    """
    if isinstance(name, Hardware):
        return name
    known = {"lava": LAVA_FIXED, **HARDWARE}
    if name not in known:
        raise DeclarationError(unknown("hardware target", name, known))
    return known[name]


def check(network: Network, hardware: str | Hardware) -> None:
    """Refuse a network that the target cannot hold as it is.

    Raises:
        LimitError: the first limit that it breaks, and how many more there are.
        DeclarationError: an unknown target.
    """
    found = exceeded(network, hardware)
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise LimitError(f"{hardware_limits(hardware).title} cannot hold this network: {found[0]}{more}")


def exceeded(network: Network, hardware: str | Hardware) -> tuple[Excess, ...]:
    """The limits that a network breaks by its declaration: models, resets, floors, sizes, delays, thresholds.

    What its numbers need is said where they are made integers: weights, exponents and biases by
    `spikesim.hardware.loihi.compile_network`, currents and membranes by `spikesim.hardware.loihi.reach`, and
    cores by `spikesim.hardware.energy`.
    """
    chip = hardware_limits(hardware)
    found = [e for name in network.populations for e in _of_population(name, network.populations[name], chip)]
    found += [e for p in network.projections for e in _of_projection(p, chip)]
    for drive in network.drives:
        way = "Give what it brings as spikes of a Source, or as a bias."
        found.append(Excess("drive", type(drive).__name__, drive.name, "input comes as spikes there", way))
    if network.window.endless:
        way = "Declare Window(T)."
        found.append(
            Excess("window", "without end", "the network", "presentations of T steps are played", way)
        )
    if (limit := chip.limit("neurons")) is not None:
        n = sum(p.n for p in network.populations.values() if not isinstance(p, Source))
        found += _beyond("neurons", n, "the network", limit, "Take smaller layers, or several chips.")
    return tuple(found)


def _of_population(name: str, p: Any, chip: Hardware) -> Iterator[Excess]:
    kind, classifies = type(p).__name__, "What classifies has none of it: network.inference()."
    if kind not in chip.models:
        way = classifies if isinstance(p, Target | ErrorIF) else "Declare it as one of these."
        yield Excess("neuron model", kind, name, f"{chip.title} has {', '.join(chip.models)}", way)
    elif isinstance(p, Source):
        if p.replay:
            yield Excess("replay", "True", name, "spikes are given once", classifies)
    else:
        if p.gate_by is not None or p.active_in is not None or "split" in p.reset_at:
            phases = "gate_by, active_in or reset_at='split'"
            yield Excess("phases", phases, name, "one phase is run", classifies)
        yield from _of_neuron(name, p, chip)


def _of_neuron(name: str, p: Any, chip: Hardware) -> Iterator[Excess]:
    if p.reset == "subtract" or (getattr(p, "v_reset", 0.0) != 0 and not chip.resets_to_values):
        value = "'subtract'" if p.reset == "subtract" else f"to {p.v_reset}"
        yield Excess("reset", value, name, f"{chip.title} resets to zero", "Train with a reset to zero.")
    if p.floor is not None and not (chip.quantised and p.grid is not None and p.floor == saturation(p)):
        said = f"{chip.title} has no floor for the membrane"
        said += " but its own saturation (spikesim.hardware.limits.saturation)" if chip.quantised else ""
        yield Excess("floor", f"{p.floor}", name, said, "Train with floor=None; spikesim.hardware.quantise.")
    if (limit := chip.limit("refractory")) is not None:
        way = "Take a shorter refractory time."
        yield from _beyond("refractory", getattr(p, "refractory", 0), name, limit, way)
    if not chip.quantised:
        return
    if p.grid is None:
        way = "Put it on the chip's grid: spikesim.hardware.quantise."
        yield Excess("grid", "None", name, f"{chip.title} counts in integers", way)
    elif (limit := chip.limit("threshold")) is not None:
        theta = (int(grids.snap(p.theta, p.grid)) - 1) // (64 if leaks(p) else 1)
        way = "Quantise it (spikesim.hardware.quantise): the threshold shrinks with the grid."
        yield from _beyond("threshold", theta, name, limit, way)


def _of_projection(p: Any, chip: Hardware) -> Iterator[Excess]:
    if (limit := chip.limit("delay")) is not None:
        # Layers that follow each other within a step (delay 0) take a step each there, on their own clocks.
        yield from _beyond("delay", max(p.delay, limit.low or 0), p.name, limit, "Take a shorter delay.")
    rule = getattr(p, "plastic", None)
    if not isinstance(rule, CountRule | None):
        way = "Fix what has been learnt: the same projection with plastic=None."
        yield Excess("rule", type(rule).__name__, p.name, "weights do not change on their own there", way)


def saturation(population: Any) -> float:
    """The floor that 24 bits are by themselves, -2**23 + 1 units of v; in the units of the threshold.

    Without a leak a count is 64 units, and the membrane stays between two counts once it has saturated: then
    -2**17 counts are what the chip does, but for a 64th of a count (which the emulator watches for).
    """
    counts = 1 - 2**23 if leaks(population) else -(2**17)
    return float(counts * 2.0**-population.grid)


def leaks(population: Any) -> bool:
    """Whether a neuron's membrane leaks, or its current lasts; else what arrives acts once, and stays."""
    du, dv = getattr(population, "u_decay", 1.0), getattr(population, "v_decay", 0.0)
    return bool(du != 1.0 or dv != 0.0)


def _beyond(name: str, value: int, where: str, limit: Limit, way_out: str) -> list[Excess]:
    if limit.holds(int(value)):
        return []
    return [Excess(name, str(int(value)), where, f"the range is {limit} ({limit.source})", way_out)]
