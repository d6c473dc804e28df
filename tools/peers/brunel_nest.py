"""Brunel's network in NEST (one thread).

    python brunel_nest.py NETWORK.npz FOUND.npz

The files are those of brunel_brian2.py. Needs nest (`pip install nest-simulator`).
"""

from __future__ import annotations

import sys
import time

import nest
import numpy as np


def main(given: str, out: str) -> None:
    """Run the network and write its spikes and times."""
    net = np.load(given, allow_pickle=False)
    begun = time.perf_counter()
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.SetKernelStatus(
        {"resolution": float(net["dt"]), "local_num_threads": 1, "rng_seed": int(net["seed"])}
    )
    cell = {
        "C_m": 1.0,
        "tau_m": float(net["tau"]),
        "t_ref": float(net["refractory"]),
        "E_L": 0.0,
        "V_m": 0.0,
        "V_reset": float(net["reset"]),
        "V_th": float(net["theta"]),
    }
    cells = nest.Create("iaf_psc_delta", int(net["n_exc"] + net["n_inh"]), params=cell)
    first = cells[0].global_id
    for kind, weight in (("exc", float(net["J"])), ("inh", -float(net["g"] * net["J"]))):
        nest.Connect(
            net[f"i_{kind}"].astype(np.int64) + first,
            net[f"j_{kind}"].astype(np.int64) + first,
            "one_to_one",
            {
                "synapse_model": "static_synapse",
                "weight": np.full(len(net[f"i_{kind}"]), weight),
                "delay": np.full(len(net[f"i_{kind}"]), float(net["delay"])),
            },
        )
    rate = float(net["drive"]) / (float(net["dt"]) * 1e-3)
    drive = nest.Create("poisson_generator", params={"rate": rate})
    nest.Connect(drive, cells, syn_spec={"weight": float(net["J"]), "delay": float(net["dt"])})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Prepare()
    started = time.perf_counter()
    nest.Run(float(net["ms"]))
    seconds = time.perf_counter() - started
    nest.Cleanup()
    events = recorder.get("events")
    np.savez(
        out,
        times=np.asarray(events["times"]),
        neurons=np.asarray(events["senders"]) - first,
        seconds=seconds,
        whole=time.perf_counter() - begun,
        version=nest.__version__,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
