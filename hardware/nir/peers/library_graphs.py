"""Graphs of norse, sinabs, snnTorch and spikingjelly, made, exported and run by the libraries as they come.

    python library_graphs.py PEER FOLDER [--quick]

Runs in a Python that has the library (see `nir_peers.py`). Reads FOLDER/vector.npz (B, T, 30) and
FOLDER/image.npz (B, T, 2, 12, 12), and writes for every network of `library_cases.py`
FOLDER/PEER-NUMBER-NAME.nir, as the library's own export makes it, and a .npz of the same name: the library's
own spikes, or the membranes of a readout, by layer, "0", "1", float32 (B, T, n), and `about`, JSON. A network
that the library does not export has no .nir; `about` says why ("not_exported").
"""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

peers: Any = importlib.import_module("nir_peers")  # beside this script
cases: Any = importlib.import_module("library_cases")
load = peers.load


def run(peer: str, model: Any, layers: Mapping[str, Any], given: Any) -> dict[str, np.ndarray]:
    """What the layers send, float32 (B, T, n)."""
    torch = load("torch")
    kept: dict[str, list[np.ndarray]] = {name: [] for name in layers}

    def hook(found: list[np.ndarray]) -> Any:
        def keep(_: Any, __: Any, sent: Any) -> None:
            value = sent[0] if isinstance(sent, tuple) else sent
            found.append(value.detach().numpy().reshape(len(value), -1).astype(np.float32))

        return keep

    held = [layer.register_forward_hook(hook(kept[name])) for name, layer in layers.items()]
    batch, steps = given.shape[:2]
    with torch.no_grad():
        if peer == "sinabs":  # all steps at once
            for layer in layers.values():
                layer.batch_size = batch
            model(given.reshape(-1, *given.shape[2:]))
        else:
            state = None
            for t in range(steps):
                sent = model(given[:, t], state) if peer == "norse" else model(given[:, t])
                state = sent[1] if peer == "norse" else None
    for handle in held:
        handle.remove()
    if peer == "sinabs":
        return {name: found[0].reshape(batch, steps, -1) for name, found in kept.items()}
    return {name: np.stack(found, axis=1) for name, found in kept.items()}


def make(peer: str, case: Any, path: str, given: Any) -> dict[str, np.ndarray]:
    """Build a graph, run it, and write what the library exports."""
    torch, nir = load("torch"), load("nir")
    parts, cells = case.parts()
    model = load("norse.torch").SequentialState(*parts) if peer == "norse" else torch.nn.Sequential(*parts)
    found = run(peer, model, peers.named_layers(cells), given)
    if peer == "spikingjelly":
        load("spikingjelly.activation_based.functional").reset_net(model)
    sample = given.reshape(-1, *given.shape[2:]) if peer == "sinabs" else given[:1, 0]
    graph = peers.export(peer, model, sample)
    kinds = {type(node).__name__ for node in graph.nodes.values()}
    if not kinds & {"IF", "LIF", "CubaLIF", "NIRGraph"}:
        raise SystemExit(f"the export leaves the neurons out: {', '.join(sorted(kinds))}")
    if peer == "norse":
        peers.shaped(graph, model, sample)
    if any(value is None for node in graph.nodes.values() for value in vars(node).values()):
        graph.infer_types()  # shapes that the library has left open, and nir does not write
    nir.write(path, peers.plain(graph))
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=tuple(cases.CASES))
    parser.add_argument("folder")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch = load("torch")
    torch.set_num_threads(1)
    given = {}
    for name in ("vector", "image"):
        with np.load(f"{options.folder}/{name}.npz", allow_pickle=False) as archive:
            given[name] = torch.from_numpy(archive["spikes"].astype(np.float32))
    for k, (name, case) in enumerate(cases.CASES[options.peer]().items()):
        if options.quick and not case.quick:
            continue
        place, which = f"{options.folder}/{options.peer}-{k:02d}-{name}", "image" if case.image else "vector"
        about: dict[str, Any] = {"title": case.title, "options": dict(case.options), "input": which}
        about["versions"] = json.loads(str(peers.versions(options.peer)))
        torch.manual_seed(100 + k)
        found: dict[str, np.ndarray] = {}
        try:
            found = make(options.peer, case, f"{place}.nir", given[which])
        except (SystemExit, Exception) as problem:  # noqa: BLE001 - whatever a library raises is its answer
            about["not_exported"] = f"{type(problem).__name__}: {problem}".removeprefix("SystemExit: ")[:300]
        np.savez_compressed(f"{place}.npz", about=np.array(json.dumps(about)), **found)


if __name__ == "__main__":
    main()
