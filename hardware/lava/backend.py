"""Lava as a backend, with the interface of an engine; networks run on stock processes."""

from __future__ import annotations

import numpy as np

from spikesim.engines import Runner
from spikesim.hardware.lava.graph import ONE_A_PROCESS, Arithmetic
from spikesim.hardware.lava.install import require, require_hardware
from spikesim.hardware.lava.network import BUILDERS, LavaNetwork
from spikesim.hardware.lava.player import Part, Player, Stage
from spikesim.hardware.loihi.emulator import Mode
from spikesim.hardware.split import Joined, split
from spikesim.network import Network


def lava_float(network: Network, hardware: bool = False) -> Runner:
    """Lava in floating point, which does not saturate; arguments and errors as `lava_player`."""
    return lava_player(network, "float", hardware)


def lava_fixed(network: Network, hardware: bool = False, mode: Mode = "strict") -> Runner:
    """Lava in fixed point, in Loihi's integers; arguments and errors as `lava_player`."""
    return lava_player(network, "fixed", hardware, mode)


def lava_player(
    network: Network, arithmetic: Arithmetic, hardware: bool = False, mode: Mode = "strict"
) -> Runner:
    """A backend that runs a network for inference in Lava.

    A batch of trials is one run, in which neurons are cleared between trials. Networks in which a spike can
    arrive after its trial (cycles, several delays) get a run for each trial. Populations of several
    thresholds or decays are split (see `spikesim.hardware.split`), and their recordings joined.

    Args:
        network: for inference, as `network.inference()` returns it.
        arithmetic: "float" or "fixed".
        hardware: run on Loihi 2, where there is one.
        mode: "strict" stops where a recorded membrane saturates that declares no floor (`quantise` declares
            it), as in the emulator; "chip" goes on, with a warning.

    Raises:
        EngineError: Lava's stock processes cannot run it, or hardware is not available.
        LimitError: numbers beyond Loihi's (fixed point).
        MissingExtraError: Lava is not installed.
    """
    graph = BUILDERS[arithmetic](network)  # refuses what cannot run before Lava is imported
    require_hardware() if hardware else require()
    whole, (network, parts) = network, split("Lava", network, ONE_A_PROCESS)
    player = Player(
        network, lambda: stage(LavaNetwork(network, arithmetic, resets=False)), graph.drained, hardware, mode
    )
    return Joined(whole, parts, player) if parts else player


def stage(lava: LavaNetwork) -> Stage:
    """The processes of a network, for one run."""
    graph = lava.graph
    parts = {}
    for population, listed in graph.parts.items():
        parts[population] = tuple(_part(lava, name, sign) for name, sign in listed)
    units = {name: graph.cells[listed[0][0]].unit for name, listed in graph.parts.items()}
    return Stage(lava.root, lava.connect, parts, graph.starts, units, graph.arithmetic == "fixed")


def _part(lava: LavaNetwork, name: str, sign: int) -> Part:
    """A process, with the Vars that the player sets where a trial begins."""
    process, cells = lava.neurons[name], lava.graph.cells[name]
    if cells.starts_elsewhere:
        starts = ((process.v, cells.v_start), (process.u, cells.u_start))
        return Part(process.s_out, process.v, sign, starts, from_rest=cells.start == 1)
    return Part(process.s_out, process.v, sign, ((process.v, np.zeros(cells.n)),) if cells.ternary else ())
