"""Layers of norse, sinabs, snnTorch and spikingjelly, one network for each kind of neuron that they export.

Runs in a Python that has the library; `library_graphs.py` makes the networks. Weights are the library's
initial ones, times a factor, so that all layers spike; those of "64ths" are multiples of 1/64, so that
membranes can meet thresholds exactly. `options` are what the maker of a graph knows and the file does not
say: fields of `spikesim.hardware.nir.Convention`, beside those of the library.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

peers: Any = importlib.import_module("nir_peers")  # beside this script
load = peers.load
HIDDEN, OUT = 20, 6
DECAYING = ("alpha", "beta", "threshold")
Parts = tuple[list[Any], list[Any]]  # modules in order, and those whose output is kept


class Case(NamedTuple):
    """A graph of a library.

    Attributes:
        title: the neurons, as in the library.
        parts: makes the modules.
        options: fields of the convention beside the library's.
        image: the input is an image.
        quick: part of the quick check.
    """

    title: str
    parts: Callable[[], Parts]
    options: Mapping[str, Any] = {}
    image: bool = False
    quick: bool = False


def linear(ins: int, outs: int, factor: float, bias: bool = True, grid: bool = False) -> Any:
    """A layer of the library's initial weights, times a factor and shifted upwards a little."""
    torch = load("torch")
    made = torch.nn.Linear(ins, outs, bias=bias)
    made.weight.data = made.weight.data * factor + 0.3 * factor / ins**0.5
    if grid:
        for value in made.parameters():
            value.data = torch.round(value.data * 64) / 64
    return made


def dense(
    cell: Callable[[int], Any], factors: tuple[float, float] = (2.0, 4.0), **more: Any
) -> Callable[[], Parts]:
    """Two layers of cells behind linear ones; `cell` gets the number of neurons."""

    def parts() -> Parts:
        cells = [cell(HIDDEN), cell(OUT)]
        first = linear(30, HIDDEN, factors[0], **more)
        return [first, cells[0], linear(HIDDEN, OUT, factors[1], **more), cells[1]], cells

    return parts


def readout(cell: Callable[[int], Any], last: Callable[[], Any], factor: float = 2.0) -> Callable[[], Parts]:
    """A layer of cells, and one of integrators that send their membranes."""

    def parts() -> Parts:
        cells = [cell(HIDDEN), last()]
        return [linear(30, HIDDEN, factor), cells[0], linear(HIDDEN, OUT, 2.0), cells[1]], cells

    return parts


def convolved(
    cell: Callable[[Any], Any], pool: Callable[[], Any] | None, factors: tuple[float, float]
) -> Callable[[], Parts]:
    """A convolution, cells, a pool, and a linear layer with cells; without a pool a second convolution."""

    def parts() -> Parts:
        nn = load("torch").nn

        def conv(*shape: int, factor: float) -> Any:
            made = nn.Conv2d(*shape)
            made.weight.data = made.weight.data * factor + 0.05 * factor
            return made

        first = conv(2, 4, 3, 2, 1, factor=factors[0])
        if pool is None:
            cells = [cell((4, 6, 6)), cell((3, 4, 4))]
            return [first, cells[0], conv(4, 3, 3, factor=factors[1]), cells[1]], cells
        cells = [cell((4, 6, 6)), cell(OUT)]
        last = linear(4 * 9, OUT, factors[1])
        return [first, cells[0], pool(), nn.Flatten(), last, cells[1]], cells

    return parts


def drawn(n: Any, low: float, high: float) -> Any:
    """One number for each neuron, as after learning, float32."""
    return low + (high - low) * load("torch").rand(sizes(n))


def sizes(n: Any) -> tuple[int, ...]:
    """A number of neurons, or a shape, as a shape."""
    return n if isinstance(n, tuple) else (n,)


def snntorch_cases() -> dict[str, Case]:
    """Neurons of snnTorch that it exports; given parameters of the layer's shape: its export needs that."""
    torch, snn = load("torch"), load("snntorch")
    defaults = {
        "Leaky": {"beta": 0.9, "threshold": 1.0},
        "RLeaky": {"beta": 0.9},
        "Synaptic": {"alpha": 0.6, "beta": 0.8, "threshold": 1.0},
        "RSynaptic": {"alpha": 0.6, "beta": 0.8},
    }

    def of(kind: str, **fields: Any) -> Callable[[Any], Any]:
        def made(n: Any) -> Any:
            given = {**defaults[kind], **{key: value for key, value in fields.items() if key in DECAYING}}
            more = {key: value for key, value in fields.items() if key not in DECAYING}
            more |= {"linear_features": n} if kind[0] == "R" and "all_to_all" not in more else {}
            more |= {"V": drawn(n, -0.5, 0.5)} if "all_to_all" in more else {}
            parameters = {key: parameter(n, value) for key, value in given.items()}
            return getattr(snn, kind)(**parameters, **more, init_hidden=True)

        return made

    def parameter(n: Any, value: Any) -> Any:
        return drawn(n, *value) if isinstance(value, tuple) else torch.full(sizes(n), value)

    once, none = {"reset_delay": False}, {"reset_mechanism": "none"}
    zero, one = {"reset_mechanism": "zero"}, {"all_to_all": False}
    leaks = {"beta": (0.6, 0.97), "threshold": (0.6, 1.4)}
    at_once, value = {"reset_delay": 0}, {"reset": "value", "reset_delay": 0}
    unset, late = {"reset": "none", "reset_delay": 0}, {"reset": "value", "reset_delay": 1}
    low, lower, least = (1.0, 1.5), (0.6, 0.9), (0.4, 0.4)
    pool = lambda: torch.nn.AvgPool2d(2, 2)  # noqa: E731
    return {
        "leaky-scalar": Case("Leaky(0.9), a number", dense(lambda n: snn.Leaky(beta=0.9, init_hidden=True))),
        "leaky": Case("Leaky(0.9)", dense(of("Leaky"), low), quick=True),
        "leaky-64ths": Case("Leaky(0.875), 64ths", dense(of("Leaky", beta=0.875), low, grid=True)),
        "leaky-no-bias": Case("Leaky(0.9), Linear without bias", dense(of("Leaky"), low, bias=False)),
        "leaky-half": Case("Leaky(0.5, threshold=0.7)", dense(of("Leaky", beta=0.5, threshold=0.7), low)),
        "leaky-each": Case("Leaky, neuron by neuron", dense(of("Leaky", **leaks), low), quick=True),
        "leaky-learn": Case("Leaky(learn_beta, learn_threshold), neuron by neuron",
            dense(of("Leaky", **leaks, learn_beta=True, learn_threshold=True), low)),
        "leaky-beta-1": Case("Leaky(1)", dense(of("Leaky", beta=1.0), low)),
        "leaky-zero": Case("Leaky(0.9, zero)", dense(of("Leaky", **zero)), value),
        "leaky-none": Case("Leaky(0.9, none)", dense(of("Leaky", **none), least), unset),
        "leaky-once": Case("Leaky(0.9, reset_delay=False)", dense(of("Leaky", **once), low), at_once),
        "leaky-zero-once": Case("Leaky(0.875, zero, reset_delay=False), 64ths",
            dense(of("Leaky", beta=0.875, **zero, **once), low, grid=True), value),
        "leaky-conv": Case("Leaky(0.9), convolution", convolved(of("Leaky"), pool, lower), image=True),
        "synaptic": Case("Synaptic(0.6, 0.8)", dense(of("Synaptic"), lower), quick=True),
        "synaptic-64ths": Case("Synaptic(0.5, 0.75), 64ths",
            dense(of("Synaptic", alpha=0.5, beta=0.75), lower, grid=True)),
        "synaptic-each": Case("Synaptic, neuron by neuron",
            dense(of("Synaptic", alpha=(0.3, 0.8), **leaks), lower)),
        "synaptic-zero": Case("Synaptic(zero)", dense(of("Synaptic", **zero), low), late),
        "synaptic-none": Case("Synaptic(none)", dense(of("Synaptic", **none), (0.2, 0.2)), unset),
        "synaptic-once": Case("Synaptic(zero, reset_delay=False)",
            dense(of("Synaptic", **zero, **once), low), value),
        "synaptic-conv": Case("Synaptic, convolution", convolved(of("Synaptic"), pool, least), image=True),
        "rleaky": Case("RLeaky(0.9, linear_features)", dense(of("RLeaky"), low), quick=True),
        "rleaky-one": Case("RLeaky(0.9, all_to_all=False)", dense(of("RLeaky", **one), low)),
        "rleaky-zero": Case("RLeaky(0.9, zero)", dense(of("RLeaky", **zero)), late),
        "rleaky-once": Case("RLeaky(0.9, zero, reset_delay=False)",
            dense(of("RLeaky", **zero, **once), low), value),
        "rsynaptic": Case("RSynaptic(0.6, 0.8)", dense(of("RSynaptic"), lower), quick=True),
        "rsynaptic-one": Case("RSynaptic(all_to_all=False)", dense(of("RSynaptic", **one), lower)),
        "rsynaptic-zero": Case("RSynaptic(zero)", dense(of("RSynaptic", **zero), low), late),
    }  # fmt: skip


def spikingjelly_cases() -> dict[str, Case]:
    """Neurons of spikingjelly that it exports."""
    neuron, layer = (load(f"spikingjelly.activation_based.{name}") for name in ("neuron", "layer"))

    def of(kind: str, **fields: Any) -> Callable[[Any], Any]:
        return lambda n: getattr(neuron, kind)(**fields)

    def learnt(n: Any) -> Any:
        made = neuron.ParametricLIFNode(decay_input=False)
        made.w.data += 0.37
        return made

    pool = lambda: layer.AvgPool2d(2, 2)  # noqa: E731
    low = (1.0, 2.0)
    return {
        "if": Case("IFNode()", dense(of("IFNode")), quick=True),
        "if-64ths": Case("IFNode(), 64ths", dense(of("IFNode"), grid=True)),
        "if-reset": Case("IFNode(v_reset=-0.5)", dense(of("IFNode", v_reset=-0.5))),
        "if-subtract": Case("IFNode(v_reset=None)", dense(of("IFNode", v_reset=None))),
        "if-conv": Case("IFNode, convolution", convolved(of("IFNode"), pool, (0.6, 0.8)), image=True),
        "lif": Case("LIFNode()", dense(of("LIFNode")), quick=True),
        "lif-64ths": Case("LIFNode(), 64ths", dense(of("LIFNode"), grid=True)),
        "lif-input": Case("LIFNode(tau=5, decay_input=False)",
            dense(of("LIFNode", tau=5.0, decay_input=False), low)),
        "lif-reset": Case("LIFNode(v_reset=-0.5)", dense(of("LIFNode", v_reset=-0.5), (3.0, 6.0))),
        "lif-no-bias": Case("LIFNode(), Linear without bias", dense(of("LIFNode"), bias=False)),
        "lif-conv": Case("LIFNode, convolution", convolved(of("LIFNode"), pool, (2.0, 8.0)), image=True),
        "plif": Case("ParametricLIFNode()", dense(of("ParametricLIFNode"))),
        "plif-learnt": Case("ParametricLIFNode, learnt", dense(learnt, low), quick=True),
        "cuba": Case("CUBALIFNode()", dense(of("CUBALIFNode"), (0.4, 0.6)), quick=True),
        "cuba-reset": Case("CUBALIFNode(0.3, 0.9, v_reset=-0.2)",
            dense(of("CUBALIFNode", c_decay=0.3, v_decay=0.9, v_threshold=1.0, v_reset=-0.2), low)),
        "cuba-conv": Case("CUBALIFNode, convolution",
            convolved(of("CUBALIFNode"), pool, (0.3, 0.3)), image=True),
    }  # fmt: skip


def norse_cases() -> dict[str, Case]:
    """Cells of norse that it exports."""
    torch, norse, box = load("torch"), load("norse.torch"), load("norse.torch.module.lif_box")
    iaf, li = load("norse.torch.module.iaf"), load("norse.torch.module.leaky_integrator_box")

    def boxed(**fields: Any) -> Callable[[Any], Any]:
        return lambda n: box.LIFBoxCell(box.LIFBoxParameters(**tensors(n, fields)))

    def current(**fields: Any) -> Callable[[Any], Any]:
        return lambda n: norse.LIFCell(p=norse.LIFParameters(**tensors(n, fields)))

    def tensors(n: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: drawn(n, *value) if isinstance(value, tuple) else torch.as_tensor(value)
            for key, value in fields.items()
        }

    high, low = (10.0, 15.0), (3.0, 4.0)
    taus = {"tau_mem_inv": (50.0, 300.0), "v_th": (0.6, 1.4), "v_leak": (0.0, 0.3)}
    return {
        "box": Case("LIFBoxCell()", dense(boxed(), high), quick=True),
        "box-64ths": Case("LIFBoxCell(tau_mem_inv=125), 64ths",
            dense(boxed(tau_mem_inv=125.0), high, grid=True)),
        "box-no-bias": Case("LIFBoxCell(), Linear without bias", dense(boxed(), high, bias=False)),
        "box-leak": Case("LIFBoxCell(v_leak=0.6)", dense(boxed(v_leak=0.6), high), quick=True),
        "box-each": Case("LIFBoxCell, neuron by neuron", dense(boxed(**taus), high)),
        "box-conv": Case("LIFBoxCell, convolution", convolved(boxed(), None, (6.0, 24.0)), image=True),
        "lif": Case("LIFCell()", dense(current(), low), quick=True),
        "lif-leak": Case("LIFCell(v_leak=0.3)", dense(current(v_leak=0.3), low)),
        "lif-each": Case("LIFCell, neuron by neuron",
            dense(current(**taus, tau_syn_inv=(150.0, 400.0)), low)),
        "lif-conv": Case("LIFCell, convolution", convolved(current(), None, (1.5, 2.0)), image=True),
        "iaf": Case("IAFCell()", dense(lambda n: iaf.IAFCell()), quick=True),
        "iaf-conv": Case("IAFCell, convolution",
            convolved(lambda n: iaf.IAFCell(), None, (0.6, 0.8)), image=True),
        "readout": Case("LIFBoxCell, readout LIBoxCell()", readout(boxed(), lambda: li.LIBoxCell(), 12.0)),
        "recurrent": Case("LIFRecurrentCell", dense(lambda n: norse.LIFRecurrentCell(n, n), low)),
    }  # fmt: skip


def sinabs_cases() -> dict[str, Case]:
    """Layers of sinabs that it exports; batches and steps share an axis ("Squeeze")."""
    layers, activation = load("sinabs.layers"), load("sinabs.activation")

    def of(kind: str, **fields: Any) -> Callable[[Any], Any]:
        return lambda n: getattr(layers, kind)(batch_size=1, **fields)

    def lif(low: float, high: float, **fields: Any) -> Callable[[Any], Any]:
        return lambda n: layers.LIFSqueeze(
            batch_size=1, tau_mem=drawn(n, low, high), spike_threshold=drawn(n, 0.6, 1.4), **fields
        )

    single, zero = activation.SingleSpike, activation.MembraneReset()
    pool = lambda: layers.SumPool2d(2)  # noqa: E731
    few, one = (0.5, 0.8), {"overshoot": "keep"}
    twenty = {"tau_mem": 20.0}
    high = (6.0, 12.0)
    return {
        "iaf": Case("IAFSqueeze()", dense(of("IAFSqueeze"), few), quick=True),
        "iaf-64ths": Case("IAFSqueeze(), 64ths", dense(of("IAFSqueeze"), few, grid=True)),
        "iaf-no-bias": Case("IAFSqueeze(), Linear without bias", dense(of("IAFSqueeze"), few, bias=False)),
        "iaf-many": Case("IAFSqueeze(), several spikes a step", dense(of("IAFSqueeze"), (6.0, 6.0))),
        "iaf-single": Case("IAFSqueeze(SingleSpike)", dense(of("IAFSqueeze", spike_fn=single)), one),
        "iaf-reset": Case(
            "IAFSqueeze(SingleSpike, MembraneReset)",
            dense(of("IAFSqueeze", spike_fn=single, reset_fn=zero)),
            {"reset": "value"},
        ),
        "iaf-conv": Case("IAFSqueeze, convolution",
            convolved(of("IAFSqueeze"), pool, (0.3, 0.3)), image=True),
        "lif": Case("LIFSqueeze(tau_mem=20)", dense(of("LIFSqueeze", **twenty), high), quick=True),
        "lif-64ths": Case("LIFSqueeze(tau_mem=20), 64ths",
            dense(of("LIFSqueeze", **twenty), high, grid=True)),
        "lif-each": Case("LIFSqueeze, neuron by neuron", dense(lif(5.0, 40.0), high)),
        "lif-input": Case(
            "LIFSqueeze(norm_input=False)",
            dense(of("LIFSqueeze", norm_input=False, **twenty), few),
            {"gain": "impulse"},
        ),
        "lif-reset": Case(
            "LIFSqueeze(SingleSpike, MembraneReset)",
            dense(of("LIFSqueeze", spike_fn=single, reset_fn=zero, **twenty), high),
            {"reset": "value"},
        ),
        "lif-conv": Case(
            "LIFSqueeze, convolution", convolved(lif(19.0, 21.0), pool, (6.0, 24.0)), image=True
        ),
        "readout": Case("LIFSqueeze, readout ExpLeakSqueeze", readout(
            of("LIFSqueeze", **twenty), lambda: layers.ExpLeakSqueeze(batch_size=1, tau_mem=10.0), 6.0)),
    }  # fmt: skip


CASES = {
    "norse": norse_cases,
    "sinabs": sinabs_cases,
    "snntorch": snntorch_cases,
    "spikingjelly": spikingjelly_cases,
}
