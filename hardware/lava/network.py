"""A network as Lava processes, to inspect, build on, and run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from spikesim.errors import DeclarationError, EngineError, unknown
from spikesim.hardware.lava import processes
from spikesim.hardware.lava.fixed import fixed
from spikesim.hardware.lava.floating import floating
from spikesim.hardware.lava.graph import Arithmetic, LavaGraph
from spikesim.hardware.lava.install import require
from spikesim.network import Network

BUILDERS = {"float": floating, "fixed": fixed}


class LavaNetwork:
    """Connected stock processes of Lava; sources stay open until a port is connected to them.

        net = LavaNetwork(network, "fixed")
        net.connect("in", my_process.s_out)               # what a source sends
        net.spikes("out")[0][0].connect(my_sink.a_in)     # the spikes of a population, going on

    Attributes:
        declared: the network.
        graph: its numbers. A population whose thresholds or decays differ from neuron to neuron is there in
            parts, NAME[0], NAME[1], ... (see `spikesim.hardware.split`).
        neurons: process name -> LIFReset or TernaryLIF; a pair of error neurons is NAME+ and NAME-.
        connections: process name -> Dense, Sparse, Conv, DelayDense or DelaySparse.
        resets: process name -> the Reset processes of a TernaryLIF.

    Args:
        network: for inference.
        arithmetic: "float" or "fixed".
        resets: let a TernaryLIF, which cannot clear itself, be cleared at the end of every trial by Reset
            processes. They act in the phase of a step in which Vars are read; a player that reads the last
            membrane leaves them out, and clears it.

    Raises:
        DeclarationError: an unknown arithmetic.
        EngineError: what Lava's stock processes do not do; with resets, trials that start at other than 0.
        LimitError: numbers beyond Loihi's ("fixed").
        MissingExtraError: Lava is not installed.
    """

    def __init__(self, network: Network, arithmetic: Arithmetic = "fixed", resets: bool = True) -> None:
        if arithmetic not in BUILDERS:
            raise DeclarationError(unknown("arithmetic of Lava", arithmetic, BUILDERS))
        self.declared = network
        self.graph: LavaGraph = BUILDERS[arithmetic](network)
        for name, cells in self.graph.cells.items():
            if resets and cells.starts_elsewhere:
                raise EngineError(
                    f"Lava: the trials of {name} start at other than 0 (v_start, u_start), and LIFReset "
                    f"starts at 0. Take 0, or play the network by lava_fixed or lava_float, which set the "
                    f"start of every trial"
                )
        require()
        neurons, cleared, connections = {}, {}, {}
        for name, cells in self.graph.cells.items():
            neurons[name] = processes.neurons(self.graph, cells, network.window.T)
            if cells.ternary and resets:
                cleared[name] = processes.resets(neurons[name], cells, network.window.T)
        for link in self.graph.links:
            made = processes.connection(self.graph, link)
            connections[link.name] = made
            if link.pre in neurons:
                processes.feed(neurons[link.pre].s_out, made, link.convolution)
            processes.drive(made, neurons[link.post].a_in, link.convolution)
        self.neurons: Mapping[str, Any] = MappingProxyType(neurons)
        self.resets: Mapping[str, tuple[Any, ...]] = MappingProxyType(cleared)
        self.connections: Mapping[str, Any] = MappingProxyType(connections)

    def connect(self, source: str, port: Any) -> None:
        """Connect an OutPort of shape (n,) as a source.

        Raises:
            DeclarationError: an unknown source, or a port of another shape.
        """
        if source not in self.graph.sources:
            raise DeclarationError(unknown("source", source, self.graph.sources))
        if tuple(port.shape) != (self.graph.sources[source],):
            raise DeclarationError(
                f"{source}: the port has the shape {port.shape}; ({self.graph.sources[source]},) is needed"
            )
        for link in self.graph.links:
            if link.pre == source:
                processes.feed(port, self.connections[link.name], link.convolution)

    def spikes(self, population: str) -> tuple[tuple[Any, int], ...]:
        """The OutPorts of a population's spikes, with their signs: one, or two for a pair of error neurons.

        Raises:
            DeclarationError: an unknown population, or a source.
        """
        if population not in self.graph.parts:
            raise DeclarationError(unknown("population", population, self.graph.parts))
        return tuple((self.neurons[name].s_out, sign) for name, sign in self.graph.parts[population])

    @property
    def root(self) -> Any:
        """Any process of the graph; Lava runs all processes connected to it.

        Raises:
            EngineError: the network has no neurons.
        """
        if not self.neurons:
            raise EngineError("Lava: a network without neurons has nothing to run")
        return next(iter(self.neurons.values()))
