"""Random EMSTDP networks with random input, a function of a seed; for comparing engines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.models.emstdp import Emstdp, build, encoder
from spikesim.network import Network
from spikesim.neurons import IF
from spikesim.recording import Recording
from spikesim.spikes import Spikes


@dataclass(frozen=True)
class Case:
    """A network, what it is shown, and how it learns."""

    config: Emstdp
    network: Network
    spikes: Spikes
    labels: npt.NDArray[np.int64]
    threads: int


def config(rs: np.random.Generator, largest: int = 15) -> Emstdp:
    """Every choice of the configuration, drawn; one in six has layers of up to `largest` neurons."""
    top = largest if rs.random() < 1 / 6 else 15
    drawn = Emstdp(
        sizes=tuple(int(n) for n in rs.integers(2, top + 1, rs.integers(2, 5))),
        T=2 * int(rs.integers(2, 16)),
        beta_hidden=rs.uniform(0.1, 0.5),
        beta_out=rs.uniform(0.1, 0.5),
        beta_error=rs.uniform(0.05, 0.6),
        feedback=str(rs.choice(["symmetric", "fa", "dfa"])),  # type: ignore[arg-type]
        error_form=str(rs.choice(["ternary", "pair"])),  # type: ignore[arg-type]
        forward_delay=int(rs.integers(3)),
        error_delay=int(rs.integers(1, 3)),
        gate=bool(rs.integers(2)),
        replay=bool(rs.integers(2)),
        reset_at_split=bool(rs.integers(2)),
        target_rate=rs.uniform(0.1, 1),
        theta_loss=float(rs.integers(1, 4)),
        h_pre=str(rs.choice(["first", "second", "all"])),  # type: ignore[arg-type]
        batch=int(rs.choice([1, 1, 2, 3, 4])),
        floor=rs.choice([None, 1.0, 0.25]),
        grid=int(rs.integers(4, 13)),
        eta=rs.uniform(0.05, 2),
        clip=rs.uniform(0.3, 2.0),
        step=str(rs.choice(["plain", "normalised"], p=[0.8, 0.2])),  # type: ignore[arg-type]
        coding=str(rs.choice(["poisson", "shared", "regular"])),  # type: ignore[arg-type]
    )
    drawn = replace(
        drawn,
        gate_upper=drawn.gate and bool(rs.integers(2)),
        bias=bool(rs.integers(2)),
        decay=float(rs.choice([0.0, 2.0**-10 / (drawn.batch * int(rs.integers(1, 4)))])),
    )
    if rs.random() < 0.7:
        return drawn
    layers = len(drawn.sizes) - 1  # each with a grid and a range of its own
    grids, clips = rs.integers(4, 13, layers).tolist(), rs.uniform(0.3, 2.0, layers).tolist()
    return replace(drawn, grid=tuple(grids), clip=tuple(clips))


def varied(network: Network, rs: np.random.Generator) -> Network:
    """The same with biases, resets by subtraction, another readout; sometimes a layer does not learn."""
    populations = dict(network.populations)
    for name, p in populations.items():
        if isinstance(p, IF) and rs.random() < 0.5:
            bias = grid.rounded(rs.normal(0, 0.1 * p.theta, p.n), p.grid)
            populations[name] = replace(
                p,
                bias=tuple(bias.tolist()) if rs.integers(2) else float(bias[0]),
                reset=str(rs.choice(["zero", "subtract"])),
            )
    projections = list(network.projections)
    if rs.random() < 0.2:
        w = grid.rounded(network.plastic[0].matrix, network.populations[network.plastic[0].post].grid)
        projections[0] = replace(network.plastic[0], w=w, plastic=None)
    readout = replace(network.readout, span=str(rs.choice(["first", "second", "all"])))  # type: ignore[type-var]
    return replace(network, populations=populations, projections=tuple(projections), readout=readout)


def case(seed: int, presentations: int = 7, largest: int = 15) -> Case:
    """The case of a seed."""
    rs = np.random.default_rng(seed)
    chosen = config(rs, largest)
    network = build(chosen, seed=seed)
    if rs.random() < 0.5:
        network = varied(network, rs)
    shape = (presentations, chosen.sizes[0])
    x = (rs.random(shape) * (rs.random(shape) < 0.8)).astype(np.float32)
    T = chosen.T // 2 if chosen.replay else chosen.T
    spikes = encoder(chosen).encode(x, np.arange(presentations), T, seed)
    labels = rs.integers(0, chosen.sizes[-1], presentations)
    return Case(chosen, network, spikes, labels, int(rs.integers(1, 3)))


def same(a: Recording, b: Recording) -> None:
    """Everything that both recordings hold is equal, and both hold the same."""
    assert a.counts.keys() == b.counts.keys()
    for name in a.counts:
        assert np.array_equal(a.counts[name], b.counts[name]), name
    assert np.array_equal(a.predictions, b.predictions)
    assert a.clipped == b.clipped
    assert a.spikes.keys() == b.spikes.keys() and a.v.keys() == b.v.keys()
    for name in a.spikes:
        assert a.spikes[name] == b.spikes[name], name
    for name in a.v:
        assert np.array_equal(a.v[name], b.v[name]), name
