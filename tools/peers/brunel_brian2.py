"""Brunel's network in Brian2 (cpp_standalone, one thread).

    python brunel_brian2.py NETWORK.npz FOUND.npz

NETWORK.npz (parameters and synapses) is written by `spikesim brunel`. FOUND.npz receives the spikes and the
simulation time in seconds, without compiling and connecting. Needs brian2 and a C++ compiler.
"""

from __future__ import annotations

import sys
import tempfile
import time

import brian2 as b2
import numpy as np


def main(given: str, out: str) -> None:
    """Run the network and write its spikes and times."""
    net = np.load(given, allow_pickle=False)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        b2.set_device("cpp_standalone", directory=folder, build_on_run=True)
        b2.prefs.devices.cpp_standalone.openmp_threads = 0
        b2.defaultclock.dt = float(net["dt"]) * b2.ms
        b2.seed(int(net["seed"]))
        values = {"tau": float(net["tau"]) * b2.ms, "theta": float(net["theta"]), "v_r": float(net["reset"])}
        cells = b2.NeuronGroup(
            int(net["n_exc"] + net["n_inh"]),
            "dv/dt = -v / tau : 1 (unless refractory)",
            threshold="v >= theta",
            reset="v = v_r",
            refractory=float(net["refractory"]) * b2.ms,
            method="exact",
            namespace=values,
        )
        synapses = []
        for kind, weight in (("exc", float(net["J"])), ("inh", -float(net["g"] * net["J"]))):
            s = b2.Synapses(
                cells,
                cells,
                on_pre=f"v_post += {weight!r}",
                delay=float(net["delay"]) * b2.ms,
                name=f"from_{kind}",
            )
            s.connect(i=net[f"i_{kind}"], j=net[f"j_{kind}"])
            synapses.append(s)
        sources = 1000  # PoissonInput draws binomial counts; 1000 sources approximate a Poisson process
        rate = float(net["drive"]) / (float(net["dt"]) * 1e-3) / sources * b2.Hz
        drive = b2.PoissonInput(cells, "v", sources, rate, float(net["J"]))
        spikes = b2.SpikeMonitor(cells)
        network = b2.Network(cells, *synapses, drive, spikes)
        network.run(float(net["ms"]) * b2.ms)
        np.savez(
            out,
            times=np.asarray(spikes.t / b2.ms),
            neurons=np.asarray(spikes.i),
            seconds=float(b2.device._last_run_time),
            whole=time.perf_counter() - begun,
            version=b2.__version__,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
