"""Inference of a two-layer network of integrate-and-fire neurons in PyTorch and in libraries on top of it.

    python inference_torch.py NETWORK.npz FOUND.json

NETWORK.npz: w1 (n_in, n_hidden), w2 (n_hidden, n_out), float32; theta1, theta2; spikes uint8 (digits, T,
n_in); rounds. Neurons fire at v >= theta and go back to 0. FOUND.json: for each form whose library is here,
the milliseconds a digit in batches of 64 and alone, and the spike counts of the outputs. One thread.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

BATCH = 64
Form = Callable[[Any], Any]  # spikes (batch, T, n_in) -> counts (batch, n_out)


def product(w1: Any, w2: Any, theta1: float, theta2: float) -> Form:
    """One matrix product for all steps of a layer, then its neurons step by step."""

    def fire(currents: Any, theta: float) -> Any:
        v, spikes = torch.zeros_like(currents[:, 0]), torch.empty_like(currents)
        for t in range(currents.shape[1]):
            v += currents[:, t]
            fired = v >= theta
            v.masked_fill_(fired, 0.0)
            spikes[:, t] = fired
        return spikes

    return lambda x: fire(fire(x @ w1, theta1) @ w2, theta2).sum(dim=1)


def loop(w1: Any, w2: Any, theta1: float, theta2: float) -> Form:
    """Both layers step by step."""

    def run(x: Any) -> Any:
        v1, v2 = torch.zeros(len(x), w1.shape[1]), torch.zeros(len(x), w2.shape[1])
        counts = torch.zeros_like(v2)
        for t in range(x.shape[1]):
            v1 += x[:, t] @ w1
            hidden = v1 >= theta1
            v1.masked_fill_(hidden, 0.0)
            v2 += hidden.float() @ w2
            fired = v2 >= theta2
            v2.masked_fill_(fired, 0.0)
            counts += fired
        return counts

    return run


def snntorch(w1: Any, w2: Any, theta1: float, theta2: float) -> Form:
    """Linear layers and Leaky(beta=1), as in snnTorch's tutorials; v > threshold, hence half a unit less."""
    import snntorch as snn

    layers = [linear(torch.nn.Linear, w) for w in (w1, w2)]
    neurons = [
        snn.Leaky(beta=1.0, threshold=theta - 0.5, reset_mechanism="zero", reset_delay=False)
        for theta in (theta1, theta2)
    ]

    def run(x: Any) -> Any:
        state = [neuron.reset_mem() for neuron in neurons]
        counts = torch.zeros(len(x), w2.shape[1])
        for t in range(x.shape[1]):
            signal = x[:, t]
            for k in range(2):
                signal, state[k] = neurons[k](layers[k](signal), state[k])
            counts += signal
        return counts

    return run


def spikingjelly(w1: Any, w2: Any, theta1: float, theta2: float) -> Form:
    """Multi-step layers, which spikingjelly recommends for speed: time first."""
    from spikingjelly.activation_based import functional, layer, neuron

    net = torch.nn.Sequential(
        linear(layer.Linear, w1), neuron.IFNode(v_threshold=theta1, v_reset=0.0),
        linear(layer.Linear, w2), neuron.IFNode(v_threshold=theta2, v_reset=0.0),
    )  # fmt: skip
    functional.set_step_mode(net, "m")

    def run(x: Any) -> Any:
        functional.reset_net(net)
        return net(x.transpose(0, 1).contiguous()).sum(dim=0)

    return run


def norse(w1: Any, w2: Any, theta1: float, theta2: float) -> Form:
    """Linear layers and IAF cells; v > threshold, hence half a unit less."""
    from norse.torch.functional.iaf import IAFParameters
    from norse.torch.module.iaf import IAFCell

    layers = [linear(torch.nn.Linear, w) for w in (w1, w2)]
    cells = [
        IAFCell(p=IAFParameters(v_th=torch.tensor(theta - 0.5), v_reset=torch.tensor(0.0)))
        for theta in (theta1, theta2)
    ]

    def run(x: Any) -> Any:
        state: list[Any] = [None, None]
        counts = torch.zeros(len(x), w2.shape[1])
        for t in range(x.shape[1]):
            signal = x[:, t]
            for k in range(2):
                signal, state[k] = cells[k](layers[k](signal), state[k])
            counts += signal
        return counts

    return run


FORMS = {"PyTorch, one product": product, "PyTorch, step by step": loop}
LIBRARIES = {"snntorch": snntorch, "spikingjelly": spikingjelly, "norse": norse}


def linear(kind: Any, w: Any) -> Any:
    """A linear layer without bias that has given weights."""
    made = kind(*w.shape, bias=False)
    made.weight.data = w.T.contiguous()
    return made


def forms(given: Any) -> Iterator[tuple[str, Form]]:
    """The forms whose libraries are installed."""
    w1, w2 = torch.from_numpy(given["w1"]), torch.from_numpy(given["w2"])
    theta1, theta2 = float(given["theta1"]), float(given["theta2"])
    for name, make in FORMS.items():
        yield f"{name} ({torch.__version__})", make(w1, w2, theta1, theta2)
    for library, make in LIBRARIES.items():
        try:
            yield f"{library} ({version(library)})", make(w1, w2, theta1, theta2)
        except ImportError:
            continue


def main(path: str, out: str) -> None:
    """Time every form and write what was found."""
    torch.set_num_threads(1)
    given = np.load(path, allow_pickle=False)
    x, rounds = torch.from_numpy(given["spikes"]).float(), int(given["rounds"])
    found = {}
    with torch.no_grad():
        for name, run in forms(given):
            counts = torch.cat([run(part) for part in x.split(BATCH)])
            batches, alone = [], []
            for _ in range(rounds):
                begun = time.perf_counter()
                for part in x.split(BATCH):
                    run(part)
                batches.append((time.perf_counter() - begun) / len(x) * 1e3)
                begun = time.perf_counter()
                for k in range(BATCH // 4):
                    run(x[k : k + 1])
                alone.append((time.perf_counter() - begun) / (BATCH // 4) * 1e3)
            found[name] = {"batch": batches, "alone": alone, "counts": counts.int().tolist()}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
