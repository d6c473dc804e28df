"""Generates the golden files of version 0.1.0: networks, a state, runs, checkpoints, a recording.

Run with spikesim 0.1.0 (commit d416790): `python generate.py FOLDER`. The module names are those of that
version. The tests do not run the script; it is kept as the provenance of the files.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

import spikesim as ss
from spikesim.datasets import from_arrays
from spikesim.learning import STDP, SquareSTDP
from spikesim.models import emstdp
from spikesim.neurons.brian2_lif import Brian2LIF, SpikeList
from spikesim.synapses import connect

rs = np.random.default_rng(5)


def sha(*arrays) -> str:
    """The SHA-256 of arrays, with their shapes and types."""
    found = hashlib.sha256()
    for a in arrays:
        a = np.ascontiguousarray(a)
        found.update(f"{a.dtype.str}{a.shape}".encode())
        found.update(a.tobytes())
    return found.hexdigest()


def spikes_sha(recording, names) -> str:
    """The SHA-256 of the spikes of some populations."""
    return sha(*(x for n in names for s in [recording.spikes[n]] for x in (s.times, s.neurons, s.offsets)))


def grid_weights(shape, bits=6, scale=1.0):
    """Random weights on the grid of 2**-bits."""
    return np.round(rs.normal(0, scale, shape) * 2**bits) / 2**bits


endless = ss.Network(
    populations={
        "noise": ss.PoissonSource(20, rate=tuple(np.linspace(0.05, 0.3, 20)), seed=3),
        "beat": ss.RegularSource(4, 5, (0, 1, 2, 3)),
        "a": ss.IF(8, theta=1.5, grid=6, bias=tuple(np.arange(8) / 64), floor=-2.0, refractory=2),
        "b": ss.LIF(6, theta=1.0, grid=6, u_decay=0.25, v_decay=0.125, v_reset=-0.5, refractory=3),
        "c": ss.LIF(5, theta=0.8, u_decay=0.3, v_decay=0.07, reset="subtract"),
        "e": ss.ErrorIF(4, theta=2.0, grid=6, form="pair"),
    },
    projections=(
        ss.Dense("noise", "a", grid_weights((20, 8)), delay=1),
        connect.fixed_probability("noise", "b", 20, 6, 0.5, w=0.75, delay=2, seed=4),
        connect.all_to_all("a", "b", 8, 6, w=-0.25, delay=1),
        ss.OneToOne("beat", "e", 0.75, delay=1, name="beats"),
        ss.Dense(
            "a", "c", rs.normal(0.2, 0.3, (8, 5)), delay=1, plastic=STDP(0.01, -0.012, 8.0, 9.0, (-2.0, 2.0))
        ),
        ss.Dense(
            "b", "a", grid_weights((6, 8)), delay=3, plastic=SquareSTDP(1 / 64, -1 / 64, 4, (-4.0, 4.0))
        ),
    ),
    drives=(ss.PoissonInput("a", 0.4, 0.25, seed=8), ss.CurrentInput("c")),
)
layered = ss.Network(
    populations={
        "in": ss.Source(32),
        "conv": ss.IF(2 * 3 * 2, 1.0, 6),
        "out": ss.IF(3, 1.0, 6, reset="subtract"),
    },
    projections=(
        ss.Conv2d("in", "conv", grid_weights((2, 2, 2, 2)), shape=(2, 4, 4), stride=(1, 2)),
        ss.Dense("conv", "out", grid_weights((12, 3)), delay=1),
    ),
    window=ss.Window(20),
    readout=ss.Readout("out"),
)
taken = ss.Network(
    populations={
        "s": SpikeList(3, (1, 2, 5, 9), (0, 1, 0, 0), period=12),
        "n": Brian2LIF(
            4, 1.0, (0.9, 0.8, 0.95, 1.0), bias=0.05, v_start=(0.0, 0.5, 0.9, 0.2), refractory=3, held=True
        ),
    },
    projections=(ss.Dense("s", "n", rs.normal(0.5, 0.2, (3, 4)), delay=1),),
)


def main(folder: Path) -> None:
    """Write all files, and what they have to give in expected.json."""
    expected = {"spikesim": "0.1.0", "commit": "d416790"}
    current = rs.normal(0.1, 0.2, (60, 5))
    np.savez(folder / "inputs.npz", current=current, raster=rs.random((4, 20, 32)) < 0.2)
    arrays = np.load(folder / "inputs.npz")
    expected["endless_digest"] = ss.save_network(endless, folder / "endless.h5")
    names = ["a", "b", "c", "e", "noise", "beat"]
    first = ss.simulate(endless, {"->c": current[:30]}, record=names, steps=30)
    first.state.save(folder / "state.h5")
    second = ss.simulate(endless, {"->c": current[30:]}, record=names, steps=30, state=first.state)
    expected["endless_spikes"] = [spikes_sha(first, names), spikes_sha(second, names)]
    expected["endless_v"] = sha(*(second.v[n] for n in ("a", "b", "c", "e")))
    ss.simulate(endless, {"->c": current[:30]}, record=names, steps=30, to=folder / "recording.h5")
    expected["recording_counts"] = {n: int(first.spikes[n].times.size) for n in names}
    expected["layered_digest"] = ss.save_network(layered, folder / "layered.h5")
    got = ss.simulate(layered, {"in": ss.from_raster(arrays["raster"])}, record=["conv", "out"])
    expected["layered_spikes"] = spikes_sha(got, ["conv", "out"])
    expected["layered_predictions"] = got.predictions.tolist()
    ss.save_network(taken, folder / "taken.h5")
    got = ss.simulate(taken, record=["n"], steps=40)
    expected["taken_spikes"] = spikes_sha(got, ["n"])
    y = np.arange(90) % 3
    patterns = np.repeat(np.eye(3), 4, axis=1)
    x = np.clip(patterns[y] * 0.8 + rs.normal(0.1, 0.15, (90, 12)), 0, 1)
    np.savez(folder / "data.npz", x=x, y=y)
    data = from_arrays(x, y, name="golden")
    for form, feedback in (("ternary", "symmetric"), ("pair", "dfa")):
        config = emstdp.Emstdp(
            sizes=(12, 8, 6, 3),
            T=20,
            eta=0.5,
            beta_hidden=0.25,
            beta_out=0.2,
            error_form=form,
            feedback=feedback,
        )
        training = emstdp.training(config, epochs=2, seed=1)
        run = ss.train(
            emstdp.build(config, 1), data, emstdp.encoder(config), training, out=folder / f"run-{form}"
        )
        expected[f"run_{form}"] = {"sha256": run.weights_sha256, "accuracy": run.evaluate(data).accuracy}
        ss.save_network(run.network, folder / f"emstdp-{form}.h5")
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
