"""NIR as a backend of the verifier: a network is written as a graph, read back and run by other programs.

    spikesim verify RUN --against nir                   read by the package nir, run by our engine
    spikesim verify RUN --against nir:norse,nir:sinabs  read and run by other libraries

A library is imported in this Python, or in the one named by SPIKESIM_PYTHON_NORSE (and so on), since they
cannot all be installed together. `spikesim.hardware.nir.peers.nir_peers` says how to install them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spikesim.engines.inference_only import check_playing, played
from spikesim.errors import DeclarationError, EngineError, unknown
from spikesim.hardware.neurons import normal_forms
from spikesim.hardware.nir.graph_builder import GraphBuilder
from spikesim.hardware.nir.libraries import PEERS, SETTINGS, call, leaking
from spikesim.hardware.nir.target import TARGET
from spikesim.hardware.nir.write import write
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes, from_raster


class NirProgram:
    """Runs a network through its NIR file, by a reader or a library.

    Args:
        network: for inference.
        choice: "nir", "nir-spikesim" (our own reader), or a library of PEERS.

    Raises:
        DeclarationError: an unknown choice.
    """

    def __init__(self, network: Network, choice: str = "nir") -> None:
        known = (*(reader.name for reader in TARGET.readers), *PEERS)
        if choice not in known:
            raise DeclarationError(f"nir: {unknown('reader', choice, known)}")
        self.network, self.choice = network, choice

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Run a batch of trials, as the engines do. A library returns spikes only, no membranes.

        Raises:
            EngineError: learn=True; a neuron model without a normal form; a library that is missing or fails,
                or that starts its trials otherwise.
            SpikesimError: NIR cannot hold the network.
        """
        refusal = f"nir:{self.choice}: a graph does not learn; verify without learning"
        _, names = check_playing(self.network, inputs, labels, record, learn, batch, factor, refusal)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.nir"
            if self.choice in PEERS:
                return self._by_library(path, inputs, names)
            write(self.network, path)
            reader = next(reader for reader in TARGET.readers if reader.name == self.choice)
            return reader.open(path, self.network).run(inputs, labels, names)

    def _by_library(self, path: Path, inputs: Mapping[str, Spikes], record: tuple[str, ...]) -> Recording:
        setting = [s for s in SETTINGS if s.peer == self.choice][-1]  # the one with which it agrees
        network = self.network
        for name, neuron in normal_forms("NIR", network).items():
            if neuron.v_start.any() or neuron.u_start.any():
                raise EngineError(
                    f"nir:{self.choice}: trials of {name} start at other than 0 (v_start, u_start), which "
                    f"are metadata in NIR; {self.choice} does not read them. Take 0, or verify with nir"
                )
        if setting.leaky:
            fixed = [
                p.fixed(network.weights(p.name)) if p in network.plastic else p for p in network.projections
            ]
            leaky = {name: leaking(p) for name, p in network.populations.items()}
            network = replace(network, populations=leaky, projections=tuple(fixed))
        if setting.leaky:
            write(network, path, dt=setting.dt, gain="r")
        else:
            write(network, path)
        if len(inputs) != 1:
            raise EngineError(
                f"nir:{self.choice}: {len(inputs)} sources; the library is given one. Verify with nir, or "
                f"join the sources into one"
            )
        (spikes,) = inputs.values()
        given, out = path.with_name("given.npz"), path.with_name("found.npz")
        rasters = [spikes.raster(b) for b in range(len(spikes))]
        np.savez_compressed(given, spikes=np.array(rasters, np.uint8))
        python = os.environ.get(f"SPIKESIM_PYTHON_{self.choice.upper()}", sys.executable)
        more = ["--plain"] if setting.plain else []
        said = call(
            python, "play", self.choice, str(path), str(given), str(out), "--dt", str(setting.dt), *more
        )
        if said:
            raise EngineError(
                f"nir:{self.choice}: {python} could not run the graph ({said}). Install the library "
                f"there, or name a Python that has it: SPIKESIM_PYTHON_{self.choice.upper()}"
            )
        nodes = GraphBuilder(self.network, 1.0, clocks=False).names
        with np.load(out, allow_pickle=False) as found:
            kept = {name: from_raster(found[nodes[name]].astype(np.int8)) for name in record}
        return played(self.network, kept, {}, record)
