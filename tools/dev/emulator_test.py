"""Random quantised networks: the same spikes and membranes on engine, emulator, Lava and brian2-loihi.

    python -m spikesim.tools.dev.emulator_test --networks 120 --save models/results/hardware/emulator.json

A network of a seed has one to three layers of integrate-and-fire or leaky neurons, with dense, sparse (delays
synapse by synapse), convolutional and one-to-one projections of real-valued weights, of mixed or of one sign,
recurrent ones, biases; in about half of the populations thresholds, biases, decays, refractory times and
starts differ from neuron to neuron. It is quantised to 8, 6 or 4 bits and presented with random spikes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.engines import Naive
from spikesim.errors import DeclarationError, SpikesimError, unknown
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.grid import rounded
from spikesim.hardware.loihi.emulator import Loihi
from spikesim.hardware.neurons import PARAMETERS
from spikesim.hardware.quantise import quantise
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, Source
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse
from spikesim.tools.dev.random_parameters import heterogeneous
from spikesim.verification.verify import compare
from spikesim.window import Window

GRID = 14  # of the real-valued networks


@dataclass(frozen=True)
class Case:
    """A quantised network and what it is shown."""

    seed: int
    bits: int
    network: Network
    inputs: dict[str, Spikes]

    @property
    def moving(self) -> tuple[str, ...]:
        """Populations with membranes."""
        return tuple(name for name in self.network.order if name != "in")

    @property
    def biased(self) -> bool:
        """Whether a neuron has a bias, which brian2-loihi has not."""
        return any(np.any(np.asarray(self.network.populations[name].bias)) for name in self.moving)

    @property
    def differing(self) -> tuple[str, ...]:
        """Parameters that differ from neuron to neuron in some population."""
        forms = [self.network.populations[name].linear() for name in self.moving]
        return tuple(name for name in PARAMETERS if any(form.differing([name]) for form in forms))


# Parameters that do not differ from neuron to neuron, or are not there, in networks for a program.
WITHOUT: dict[str, tuple[str, ...]] = {
    "engine": ("floor", "v_reset"),
    "lava-fixed": ("floor", "v_reset", "refractory"),
    "brian2-loihi": ("floor", "v_reset", "bias", "v_start", "u_start"),
}


def case(seed: int, program: str = "engine", presentations: int = 3) -> Case:
    """The case of a seed, of what a program holds."""
    biased = "bias" not in WITHOUT[program]
    rs = np.random.default_rng([seed, int(biased)])
    T, shape = int(rs.integers(8, 30)), (int(rs.integers(1, 3)), *(int(k) for k in rs.integers(3, 6, 2)))
    populations: dict[str, Any] = {"in": Source(int(np.prod(shape)))}
    projections: list[Any] = []
    for k in range(int(rs.integers(1, 4))):
        pre, post = "in" if k == 0 else f"p{k - 1}", f"p{k}"
        kinds = ["dense", "sparse", "one_to_one", *(["conv"] if k == 0 else [])]
        link, n = _link(rs, str(rs.choice(kinds)), pre, post, populations[pre].n, shape)
        matrix = sum(
            piece for _, piece in link.pieces(np.full(n, link.w) if np.ndim(link.w) == 0 else link.w)
        )
        reach = max(float(np.abs(matrix).sum(axis=0).mean()), 2.0**-6)
        projections.append(link)
        recurrent = rs.random() < 0.25
        if recurrent:
            w = _weights(rs, reach / (2 * n), n, n)
            projections.append(Dense(post, post, w, int(rs.integers(1, 4))))
        populations[post] = _neurons(rs, n, reach, biased, offset=k + 1 if recurrent else None)
    declared = Network(populations, tuple(projections), Window(T), Readout(post))
    bits = int(rs.choice([8, 8, 6, 4]))
    spikes = from_raster(rs.random((presentations, T, populations["in"].n)) < rs.uniform(0.05, 0.4))
    varied = _varied(declared, np.random.default_rng([seed, 2]), WITHOUT[program], coarse=program != "engine")
    chip = "lava" if program == "lava-fixed" else "loihi1"
    return Case(seed, bits, quantise(varied, chip, bits).network, {"in": spikes})


def _varied(network: Network, rs: np.random.Generator, without: Sequence[str], coarse: bool) -> Network:
    """The same with parameters that differ from neuron to neuron, in about half of the populations.

    Args:
        network: of real numbers.
        rs: where every choice comes from.
        without: parameters that stay.
        coarse: thresholds, decays and refractory times take three values at the most, each of which is a
            process of its own in Lava.
    """
    populations = dict(network.populations)
    for name, p in network.populations.items():
        if name == "in" or rs.random() < 0.5:
            continue
        made = heterogeneous(p, rs, without)
        kept = {} if not coarse else _coarse(made, rs.integers(0, 3, p.n))
        populations[name] = _usable(replace(made, **kept))
    return replace(network, populations=populations)


SPLITTING = ("theta", "u_decay", "v_decay", "refractory")


def _coarse(p: Any, group: Any) -> dict[str, Any]:
    """Parameters that neurons of a group share."""
    first = np.array([np.flatnonzero(group == g)[0] for g in group])
    known = [q.name for q in p.description.parameters]
    values = {name: getattr(p, name) for name in known if name in SPLITTING}
    return {name: np.asarray(v)[first] for name, v in values.items() if np.ndim(v)}


def _usable(p: Any) -> Any:
    """Without the decays that 12 bits of Lava do not hold: of no current, of the whole membrane."""
    if p.description.parameter("u_decay") is None:
        return p
    u_decay = np.maximum(np.asarray(p.u_decay), 2 / 4096)
    return replace(p, u_decay=u_decay, v_decay=np.minimum(np.asarray(p.v_decay), 4094 / 4096))


def _weights(rs: np.random.Generator, scale: float, *size: int) -> Any:
    """Real weights of mixed or of one sign, on a fine grid."""
    w = rs.normal(0.15, 1, size) * scale
    signs: dict[str, Callable[[Any], Any]] = {
        "mixed": np.array,
        "positive": np.abs,
        "negative": lambda x: -np.abs(x),
    }
    return rounded(signs[str(rs.choice([*signs], p=[0.7, 0.25, 0.05]))](w), GRID)


def _link(
    rs: np.random.Generator, kind: str, pre: str, post: str, n_pre: int, shape: tuple[int, ...]
) -> tuple[Any, int]:
    """A projection of a kind, and the size of its post population."""
    scale, n = 2.0 ** rs.uniform(-4, 1), int(rs.integers(2, 12))
    if kind == "one_to_one":
        return OneToOne(pre, post, float(np.abs(_weights(rs, 1.0))) + 2.0**-6, 1), n_pre
    if kind == "conv":
        kernel = _weights(
            rs, scale, int(rs.integers(1, 3)), shape[0], *(int(k) for k in rs.integers(1, 4, 2))
        )
        conv = Conv2d(pre, post, kernel, shape, int(rs.integers(1, 3)), int(rs.integers(0, 2)), delay=1)  # type: ignore[arg-type]
        return conv, int(np.prod(conv.out_shape))
    if kind == "dense":
        return Dense(pre, post, _weights(rs, scale, n_pre, n), 1), n
    each = int(rs.integers(1, n + 1))
    indices = np.concatenate([rs.choice(n, each, replace=False) for _ in range(n_pre)]).astype(np.int32)
    w = _weights(rs, scale, len(indices))
    late = rs.integers(0, 3, len(indices)).astype(np.uint16) if rs.random() < 0.5 else None
    return Sparse(pre, post, np.arange(n_pre + 1) * each, indices, w, 1, late), n


def _neurons(rs: np.random.Generator, n: int, reach: float, biased: bool, offset: int | None) -> Any:
    """Integrate-and-fire neurons, or leaky ones in real numbers, with a threshold that the input reaches."""
    theta = float(rounded(reach * rs.uniform(0.1, 0.6), GRID)) + 2.0**-GRID
    each = rounded(rs.normal(0.02, 0.05, n) * theta, GRID)
    bias = 0.0
    if biased and rs.random() < 0.6:
        bias = tuple(each.tolist()) if rs.random() < 0.5 else float(each[0])  # type: ignore[assignment]
    if rs.random() < 0.5:
        return IF(n, theta, GRID, bias=bias, offset=offset)
    du = 1.0 if rs.random() < 0.3 else float(rs.uniform(0.05, 0.9))
    return LIF(n, theta, u_decay=du, v_decay=float(rs.uniform(0.01, 0.5)), bias=bias, offset=offset)


PROGRAMS = ("engine", "lava-fixed", "brian2-loihi")


def _program(name: str, network: Network) -> Any:
    if name == "brian2-loihi":
        from spikesim.hardware.loihi.brian2_loihi import Brian2Loihi

        return Brian2Loihi(network)
    from spikesim.hardware.lava.backend import lava_fixed

    return lava_fixed(network)


@dataclass(frozen=True)
class Played:
    """What the comparison of a case came to: spikes compared, and the first difference of each pair."""

    seed: int
    spikes: int
    differences: tuple[str, ...]


def played(case: Case, programs: Sequence[str]) -> Played:
    """A case on the naive engine, the emulator in strict mode, and the named programs."""
    truth = Naive(case.network).run(case.inputs, record=case.moving)
    spikes, found = sum(len(s.times) for s in truth.spikes.values()), []
    emulated = Loihi(case.network).run(case.inputs, record=case.moving)
    for name in dict.fromkeys(("engine", *programs)):
        other = (
            truth if name == "engine" else _program(name, case.network).run(case.inputs, record=case.moving)
        )
        difference = compare(emulated, other, case.moving)
        if difference is not None:
            found.append(f"seed {case.seed}, {name}: {difference}")
    return Played(case.seed, spikes, tuple(found))


def measured(
    networks: int, programs: Sequence[str], known: Mapping[str, Any], say: Callable[[str], None]
) -> Iterator[Table]:
    """The table after every ten networks: networks, presentations, spikes and differences by program.

    Args:
        networks: seeds 1, 2, ...
        programs: to compare with.
        known: program -> its figures of an earlier run, for those that are not named.
        say: told how far it is.
    """
    data = {name: figures for name, figures in known.items() if name not in programs}
    for name in programs:
        data[name] = {"networks": 0, "presentations": 0, "spikes": 0, "differences": []}
        for seed in range(1, networks + 1):
            one = case(seed, name)
            found = played(one, (name,))
            data[name]["networks"] += 1
            data[name]["presentations"] += len(one.inputs["in"])
            data[name]["spikes"] += found.spikes
            data[name]["differences"] += found.differences
            if seed % 10 == 0 or seed == networks or found.differences:
                say(f"{name}: {seed} of {networks} networks {' '.join(found.differences)}")
                yield _table(data)


def _table(data: Mapping[str, Any]) -> Table:
    rows = [
        (f"emulator and {name}", f["networks"], f["presentations"], f["spikes"], len(f["differences"]))
        for name, f in data.items()
    ]
    most = max(f["networks"] for f in data.values())
    return Table(
        "Random quantised networks: every spike and membrane of the Loihi emulator, and of other programs",
        ("programs", "networks", "presentations", "spikes", "networks that differ"),
        tuple(rows),
        f"python -m spikesim.tools.dev.emulator_test --networks {most}",
        "Every network is compared with the naive engine as well. Dense, sparse, convolutional, one-to-one "
        "and recurrent projections, IF and LIF, 8, 6 and 4 bits. In about half of the populations "
        "thresholds, biases, decays, refractory times and starts differ from neuron to neuron, as far as a "
        "program has them: Lava has no refractory times, brian2-loihi neither biases nor starts. Of what "
        "splits a population Lava and brian2-loihi get up to three values.",
        data=dict(data),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 where nothing differs, 1 where something does, 2 on an error."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.emulator_test", description=__doc__)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--programs", default=",".join(PROGRAMS), help="separated by commas")
    parser.add_argument("--save", type=Path, help="keep the table in this JSON file, program by program")
    options = parser.parse_args(arguments)
    try:
        programs = options.programs.split(",")
        for name in programs:
            if name not in PROGRAMS:
                raise DeclarationError(unknown("program", name, PROGRAMS))
        known = dict(load_table(options.save).data) if options.save and options.save.exists() else {}
        for table in measured(options.networks, programs, known, lambda line: print(line, flush=True)):
            if options.save is not None:
                save_table(table, options.save)
    except SpikesimError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    print(table.markdown())
    return 1 if any(row[-1] for row in table.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
