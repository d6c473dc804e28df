"""NIR graphs in norse, snnTorch, spikingjelly and sinabs: ours played there, and theirs made there.

    python nir_peers.py play PEER GRAPH.nir GIVEN.npz FOUND.npz [--dt DT] [--plain]
    python nir_peers.py make PEER FOLDER

A file of spikes holds `spikes`, 0/1 (B, T, ...). FOUND.npz gets the spikes of every layer of neurons, uint8
(B, T, n), by node. `make` builds networks of the peer's own, one of each of KINDS, plays FOLDER/vector.npz or
FOLDER/image.npz, and writes FOLDER/PEER-KIND.nir and .npz, where layers are "0", "1"; or PEER-KIND.txt, which
says why there is none.

`tools/setup peers` installs them, in two environments that share a torch without CUDA: .venv-peers with the
nir of today for snnTorch and spikingjelly, .venv-peers/older with nir 1.0.4 and nirtorch 2.0.2 for norse and
sinabs, which hold nir back. Then:

    old=.venv-peers/older/bin/python new=.venv-peers/bin/python
    spikesim nir-table --peer norse=$old --peer sinabs=$old --peer spikingjelly=$new --peer snntorch=$new
"""

from __future__ import annotations

import argparse
import importlib
import json
from typing import Any

import numpy as np

KINDS = ("if", "lif", "cuba", "recurrent", "conv")
ROUNDS = 64.0  # weights are multiples of 1/64, so that sums have no order


def load(name: str) -> Any:
    """A module of the peer's environment."""
    return importlib.import_module(name)


def weights(rng: np.random.Generator, module: Any, scale: float = 1.0) -> Any:
    """Give a torch layer weights (and small biases) on the grid."""
    torch = load("torch")
    for name, value in module.named_parameters():
        size = scale * ROUNDS * (0.1 if name == "bias" else 1.0)
        drawn = np.round(rng.normal(0.03 * size, 0.4 * size, tuple(value.shape))) / ROUNDS
        value.data = torch.from_numpy(drawn)
    return module


def stepped(model: Any, spikes: Any, layers: dict[str, Any], stateful: bool) -> dict[str, np.ndarray]:
    """Call a model step by step, and keep what the layers of neurons send, (B, T, n)."""
    torch = load("torch")
    kept: dict[str, list[np.ndarray]] = {name: [] for name in layers}
    hooks = [_kept(layer, kept[name]) for name, layer in layers.items()]
    state = None
    with torch.no_grad():
        for t in range(spikes.shape[1]):
            sent = model(spikes[:, t], state) if stateful else model(spikes[:, t])
            state = sent[1] if stateful and isinstance(sent, tuple) else None
    for hook in hooks:
        hook.remove()
    return {name: np.stack(steps, axis=1) for name, steps in kept.items()}


def _kept(layer: Any, found: list[np.ndarray]) -> Any:
    def hook(_: Any, __: Any, sent: Any) -> None:
        value = sent[0] if isinstance(sent, tuple) else sent
        found.append(value.detach().numpy().reshape(len(value), -1).astype(np.uint8))

    return layer.register_forward_hook(hook)


def named(model: Any, nodes: list[str]) -> dict[str, Any]:
    """The modules that stand for nodes of the graph."""
    modules = dict(model.named_modules())
    found = {node: modules[node] for node in nodes if node in modules}
    if len(found) != len(nodes):
        raise SystemExit(f"nodes {nodes} of the graph, and modules {sorted(modules)[:20]}")
    return found


def cells(graph: Any) -> list[str]:
    """The nodes of a graph that spike."""
    return [n for n, node in graph.nodes.items() if type(node).__name__ in ("IF", "LIF", "CubaLIF")]


def play_norse(path: str, spikes: Any, dt: float, plain: bool) -> dict[str, np.ndarray]:
    """As norse reads it."""
    nir, norse = load("nir"), load("norse.torch")
    graph = nir.read(path)
    model = norse.from_nir(graph, dt=dt)
    return stepped(model, spikes, named(model, cells(graph)), True)


def play_spikingjelly(path: str, spikes: Any, dt: float, plain: bool) -> dict[str, np.ndarray]:
    """As spikingjelly reads it."""
    nir, exchange = load("nir"), load("spikingjelly.activation_based.nir_exchange")
    model = exchange.import_from_nir(path, dt=dt)
    return stepped(model, spikes, named(model, cells(nir.read(path))), True)


def play_snntorch(path: str, spikes: Any, dt: float, plain: bool) -> dict[str, np.ndarray]:
    """As snnTorch reads it; its dt is 1e-4, and cannot be chosen."""
    nir, reader = load("nir"), load("snntorch.import_nir")
    graph = nir.read(path)
    nodes = cells(graph)
    model = reader.import_from_nir(graph)
    return stepped(model, spikes, named(model, nodes), False)


def play_sinabs(path: str, spikes: Any, dt: float, plain: bool) -> dict[str, np.ndarray]:
    """As sinabs reads it: `plain` as it comes, else one spike a step, a reset to zero, and no floor."""
    nir, reader, layers = load("nir"), load("sinabs.nir"), load("sinabs.layers")
    activation = load("sinabs.activation")
    graph = nir.read(path)
    batch, steps = spikes.shape[:2]
    model = reader.from_nir(graph, batch_size=batch)
    if not plain:
        for module in model.modules():
            if isinstance(module, layers.StatefulLayer):
                module.spike_fn, module.reset_fn = activation.SingleSpike, activation.MembraneReset()
                module.min_v_mem = None
    flat = spikes.reshape(batch * steps, *spikes.shape[2:])
    kept: dict[str, list[np.ndarray]] = {}
    for name, layer in named(model, cells(graph)).items():
        _kept(layer, kept.setdefault(name, []))
    with load("torch").no_grad():
        model(flat)
    return {name: found[0].reshape(batch, steps, -1) for name, found in kept.items()}


def named_layers(found: list[Any]) -> dict[str, Any]:
    """The layers of a network by their place in it, "0", "1", ..."""
    return {str(k): layer for k, layer in enumerate(found)}


def make_spikingjelly(kind: str, shape: tuple[int, ...], rng: Any) -> tuple[Any, list[Any]]:
    """A network of spikingjelly."""
    nn, neuron, layer = load("torch").nn, load("spikingjelly.activation_based.neuron"), load(
        "spikingjelly.activation_based.layer"
    )  # fmt: skip
    made = {
        "if": lambda: neuron.IFNode(1.0, 0.0),
        "lif": lambda: neuron.LIFNode(8.0, False, 1.0, 0.0),
        "cuba": lambda: neuron.CUBALIFNode(0.5, 0.75, 1.0, 0.0),
    }
    if kind == "recurrent":
        raise SystemExit("spikingjelly's recurrent containers are not exported")
    if kind == "conv":
        cells = [neuron.IFNode(1.0, 0.0), neuron.LIFNode(4.0, True, 0.25, 0.0)]
        conv = weights(rng, layer.Conv2d(shape[0], 4, 3, 2, 1))
        parts = [conv, cells[0], layer.AvgPool2d(2, 2), layer.Flatten()]
        return nn.Sequential(*parts, weights(rng, layer.Linear(4 * 9, 6), 2), cells[1]), cells
    cells = [made[kind](), made[kind]()]
    first = weights(rng, layer.Linear(shape[0], 20))
    return nn.Sequential(first, cells[0], weights(rng, layer.Linear(20, 6)), cells[1]), cells


def make_snntorch(kind: str, shape: tuple[int, ...], rng: Any) -> tuple[Any, list[Any]]:
    """A network of snnTorch, which resets to zero in the step of a spike."""
    torch, snn = load("torch"), load("snntorch")
    nn = torch.nn
    more = {"reset_mechanism": "zero", "reset_delay": False, "init_hidden": True}

    def full(n: Any, value: float) -> Any:  # its export infers shapes from the neurons' parameters
        return torch.full(n if isinstance(n, tuple) else (n,), value)

    def leaky(n: Any, beta: float) -> Any:
        return snn.Leaky(beta=full(n, beta), threshold=full(n, 1.0), **more)

    if kind == "if":
        raise SystemExit("snnTorch has no neuron without a leak that it exports")
    if kind == "conv":
        cells = [leaky((4, 6, 6), 0.875), leaky(6, 0.75)]
        conv = weights(rng, nn.Conv2d(shape[0], 4, 3, 2, 1))
        linear = weights(rng, nn.Linear(4 * 9, 6), 2)
        return nn.Sequential(conv, cells[0], nn.AvgPool2d(2, 2), nn.Flatten(), linear, cells[1]), cells
    if kind == "cuba":
        given = ({"alpha": full(n, 0.5), "beta": full(n, 0.75), "threshold": full(n, 1.0)} for n in (20, 6))
        cells = [snn.Synaptic(**parameters, **more) for parameters in given]
    elif kind == "recurrent":
        cells = [snn.RLeaky(beta=0.75, linear_features=20, **more), leaky(6, 0.875)]
        weights(rng, cells[0].recurrent, 0.5)
    else:
        cells = [leaky(20, 0.875), leaky(6, 0.875)]
    first, second = weights(rng, nn.Linear(shape[0], 20)), weights(rng, nn.Linear(20, 6))
    return nn.Sequential(first, cells[0], second, cells[1]), cells


def make_norse(kind: str, shape: tuple[int, ...], rng: Any) -> tuple[Any, list[Any]]:
    """A network of norse; its neurons start with dt = 0.001."""
    torch, norse = load("torch"), load("norse.torch")
    nn, value = torch.nn, lambda v: torch.tensor(v, dtype=torch.float64)
    box = load("norse.torch.module.lif_box")
    if kind == "recurrent":
        raise SystemExit("norse's recurrent cells are not exported")
    if kind in ("if", "conv"):
        iaf = load("norse.torch.module.iaf")
        cells = [iaf.IAFCell(iaf.IAFParameters(v_th=value(1.0), v_reset=value(0.0))) for _ in range(2)]
    elif kind == "lif":
        given = {
            "tau_mem_inv": value(125.0),
            "v_th": value(0.25),
            "v_leak": value(0.0),
            "v_reset": value(0.0),
        }
        cells = [box.LIFBoxCell(box.LIFBoxParameters(**given)) for _ in range(2)]
    else:
        given = {"tau_syn_inv": value(250.0), "tau_mem_inv": value(125.0), "v_th": value(0.25)}
        given |= {"v_leak": value(0.0), "v_reset": value(0.0)}
        cells = [norse.LIFCell(p=norse.LIFParameters(**given)) for _ in range(2)]
    if kind == "conv":
        convs = [weights(rng, nn.Conv2d(shape[0], 4, 3, 2, 1)), weights(rng, nn.Conv2d(4, 3, 3))]
        return norse.SequentialState(convs[0], cells[0], convs[1], cells[1]), cells
    first, second = weights(rng, nn.Linear(shape[0], 20)), weights(rng, nn.Linear(20, 6))
    return norse.SequentialState(first, cells[0], second, cells[1]), cells


def make_sinabs(kind: str, shape: tuple[int, ...], rng: Any) -> tuple[Any, list[Any]]:
    """A network of sinabs: one spike a step, a reset to zero, no floor, leaks without norm_input."""
    torch, layers, activation = load("torch"), load("sinabs.layers"), load("sinabs.activation")
    nn = torch.nn
    more = {"spike_fn": activation.SingleSpike, "reset_fn": activation.MembraneReset(), "min_v_mem": None}
    if kind == "recurrent":
        raise SystemExit("sinabs's recurrent layers are not exported")
    if kind == "cuba":
        raise SystemExit("sinabs exports no current that lasts (tau_syn)")
    if kind == "lif":
        tau = torch.tensor(8.0, dtype=torch.float64)
        cells = [layers.LIFSqueeze(tau_mem=tau, batch_size=1, norm_input=False, **more) for _ in range(2)]
    else:
        cells = [layers.IAFSqueeze(batch_size=1, **more) for _ in range(2)]
    if kind == "conv":
        conv, linear = weights(rng, nn.Conv2d(shape[0], 4, 3, 2, 1)), weights(rng, nn.Linear(4 * 9, 6))
        return nn.Sequential(conv, cells[0], layers.SumPool2d(2), nn.Flatten(), linear, cells[1]), cells
    first, second = weights(rng, nn.Linear(shape[0], 20)), weights(rng, nn.Linear(20, 6))
    return nn.Sequential(first, cells[0], second, cells[1]), cells


def export(peer: str, model: Any, sample: Any) -> Any:
    """The peer's own export of a model."""
    if peer == "spikingjelly":
        return load("spikingjelly.activation_based.nir_exchange").export_to_nir(model, sample)
    if peer == "snntorch":
        return load("snntorch.export_nir").export_to_nir(model, sample, ignore_dims=[0])
    if peer == "norse":
        return load("norse.torch").to_nir(model, sample)
    return load("sinabs.nir").to_nir(model, sample)


def make(peer: str, kind: str, path: str, spikes: Any) -> dict[str, np.ndarray]:
    """Build a network, write its graph, and run it."""
    torch, nir = load("torch"), load("nir")
    # snnTorch's and sinabs's spikes are float32, whatever comes in.
    exact = torch.float64 if peer in ("norse", "spikingjelly") else torch.float32
    torch.set_default_dtype(exact)
    spikes = spikes.to(exact)
    model, found = globals()[f"make_{peer}"](kind, tuple(spikes.shape[2:]), np.random.default_rng(5))
    model = model.to(exact)
    layers = named_layers(found)
    if peer == "sinabs":
        kept = _whole(model, spikes, layers)
    else:
        kept = stepped(model, spikes, layers, peer == "norse")
    if peer == "spikingjelly":
        load("spikingjelly.activation_based.functional").reset_net(model)
    sample = spikes[:1, 0]
    if peer == "sinabs":
        sample = spikes.reshape(-1, *spikes.shape[2:])
    graph = export(peer, model, sample)
    if peer == "norse":
        shaped(graph, model, sample)
    if any(value is None for node in graph.nodes.values() for value in vars(node).values()):
        graph.infer_types()  # shapes that the peer has left open, and nir does not write
    nir.write(path, plain(graph))
    return kept


def shaped(graph: Any, model: Any, sample: Any) -> None:
    """Say what comes into each convolution: norse leaves it open, and nir cannot infer it from neurons that
    have one threshold for all.
    """
    modules, hooks = dict(model.named_modules()), []
    for name, node in graph.nodes.items():
        if type(node).__name__ == "Conv2d":

            def hook(_: Any, given: Any, __: Any, node: Any = node) -> None:
                node.input_shape = tuple(given[0].shape[-2:])

            hooks.append(modules[name].register_forward_hook(hook))
    with load("torch").no_grad():
        model(sample)
    for held in hooks:
        held.remove()


def _whole(model: Any, spikes: Any, layers: dict[str, Any]) -> dict[str, np.ndarray]:
    """sinabs takes all steps at once, in the batch's axis."""
    kept: dict[str, list[np.ndarray]] = {name: [] for name in layers}
    for layer in layers.values():
        layer.batch_size = spikes.shape[0]
    hooks = [_kept(layer, kept[name]) for name, layer in layers.items()]
    with load("torch").no_grad():
        model(spikes.reshape(-1, *spikes.shape[2:]))
    for hook in hooks:
        hook.remove()
    return {name: found[0].reshape(*spikes.shape[:2], -1) for name, found in kept.items()}


def make_all(peer: str, folder: str) -> None:
    """Every kind of network of a peer; a kind that it does not have says why."""
    torch = load("torch")
    for kind in KINDS:
        place = f"{folder}/{peer}-{kind}"
        with np.load(
            f"{folder}/{'image' if kind == 'conv' else 'vector'}.npz", allow_pickle=False
        ) as archive:
            spikes = torch.from_numpy(archive["spikes"].astype(np.float32))
        try:
            found = make(peer, kind, f"{place}.nir", spikes)
        except (SystemExit, Exception) as problem:  # noqa: BLE001 - whatever a peer raises is its answer
            with open(f"{place}.txt", "w", encoding="utf-8") as handle:
                handle.write(
                    f"{type(problem).__name__}: {problem}"
                    if not isinstance(problem, SystemExit)
                    else str(problem)
                )
            continue
        np.savez_compressed(f"{place}.npz", versions=versions(peer), **found)


def versions(peer: str) -> np.ndarray:
    """JSON: the peer's version, and those of what reads and writes its graphs."""
    metadata = load("importlib.metadata")
    return np.array(json.dumps({name: metadata.version(name) for name in (peer, "nir", "nirtorch", "torch")}))


def plain(graph: Any) -> Any:
    """The graph with NumPy's arrays where a peer has left tensors; scalars as arrays of one number, which
    nir's folding writer takes.
    """
    torch = load("torch")
    for node in graph.nodes.values():
        if type(node).__name__ == "NIRGraph":
            plain(node)
            continue
        for key, value in vars(node).items():
            if isinstance(value, torch.Tensor):
                setattr(node, key, np.atleast_1d(value.detach().numpy()))
    return graph


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("play", "make"))
    parser.add_argument("peer", choices=("norse", "snntorch", "spikingjelly", "sinabs"))
    parser.add_argument("rest", nargs="+")
    parser.add_argument("--dt", type=float, default=1.0)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    torch = load("torch")
    torch.set_num_threads(1)
    if options.action == "make":
        make_all(options.peer, options.rest[0])
        return
    graph, given, out = options.rest
    with np.load(given, allow_pickle=False) as archive:
        spikes = torch.from_numpy(archive["spikes"].astype(np.float32))
    found = globals()[f"play_{options.peer}"](graph, spikes, options.dt, options.plain)
    np.savez_compressed(out, versions=versions(options.peer), **found)


if __name__ == "__main__":
    main()
