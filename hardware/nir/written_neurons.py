"""How populations are written as NIR's neurons: the kind of node, its fields, and the gain of its input.

A network here adds w s to a membrane, and NIR's neurons add a multiple of their input x:

IF, I            r dt x                          r = 1/dt, and the weight of the file is w
LIF, LI          dt/tau r x                      gain = "weights": r = 1, and the weight is w / v_decay
                                                 gain = "r": r = tau/dt, and the weight is w
CubaLIF, CubaLI  w_in dt/tau_syn r dt/tau_mem x  w_in = tau_syn/dt, r = tau_mem/dt, the weight is w

norse does not read the r of a LIF, and sinabs takes an LI with r = 1 alone; snnTorch and spikingjelly read
both forms of a LIF, and the r of a CubaLIF as it is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from spikesim.files.untrusted_hdf5 import Tree
from spikesim.hardware.neurons import integrating, normal_form, shown
from spikesim.hardware.nir.linear_ops import Reals
from spikesim.network import Network
from spikesim.neurons import LeakyIntegrator
from spikesim.neurons.description import LinearNeuron, each

Gain = Literal["weights", "r"]


def _integrator(p: LeakyIntegrator) -> LinearNeuron:
    """A leaky integrator as a neuron that never fires."""
    zero = np.zeros(p.n)
    return LinearNeuron(
        theta=zero + np.inf,
        bias=each(p.bias, p.n),
        u_decay=each(p.u_decay, p.n),
        v_decay=each(p.v_decay, p.n),
        v_reset=zero,
        floor=zero - np.inf,
        refractory=zero.astype(np.int64),
        v_start=each(p.v_start, p.n),
        u_start=each(p.u_start, p.n),
    )


# Models without a normal form that NIR has a node for.
GRADED: Mapping[type, Callable[[Any], LinearNeuron]] = {LeakyIntegrator: _integrator}


def written_forms(network: Network) -> dict[str, LinearNeuron]:
    """What is written of each integrating population, by name; thresholds are infinite where none is written.

    Raises:
        EngineError: a neuron model that NIR has no node for.
    """
    return {
        name: GRADED[type(p)](p) if type(p) in GRADED else normal_form("NIR", name, p)
        for name, p in integrating(network).items()
    }


def graded(p: LinearNeuron) -> bool:
    """Whether a population sends its membrane."""
    return bool(np.isinf(p.theta).all())


def lasting(p: LinearNeuron) -> bool:
    """Whether some current lasts: then a bias cannot be given as input."""
    return bool((p.u_decay < 1).any())


def node_kind(p: LinearNeuron) -> str:
    """The node that has these dynamics."""
    kind = "I" if not p.leaks else "CubaLI" if lasting(p) else "LI"
    return kind if graded(p) else f"{kind}F"


def gain(p: LinearNeuron, where: Gain) -> Reals:
    """The factor by which a neuron's node multiplies its input, (n,): the weights are divided by it."""
    divided = where == "weights" and node_kind(p) in ("LI", "LIF")
    return p.v_decay if divided else np.ones_like(p.v_decay)


def fields(p: LinearNeuron, bias: Reals, dt: float, where: Gain) -> dict[str, Reals]:
    """The fields of a node but for its threshold and reset, (n,) each, with a bias as v_leak."""
    kind, du, dv = node_kind(p), p.u_decay, p.v_decay
    if not p.leaks:
        return {"r": np.full(len(bias), 1 / dt)}
    found = {"r": gain(p, where) / dv, "v_leak": bias / dv}
    if kind in ("LI", "LIF"):
        return {"tau": dt / dv, **found}
    return {"tau_syn": dt / du, "tau_mem": dt / dv, **found, "w_in": 1 / du}


def metadata(p: LinearNeuron, grid: int | None, offset: int | None) -> Tree:
    """What our reader takes from the metadata of a node; numbers that the fields hold rounded among them."""
    found: Tree = {} if graded(p) else {"theta": _short(p.theta)}
    if p.leaks:
        found |= {"u_decay": _short(p.u_decay), "v_decay": _short(p.v_decay)}
        found |= {"bias": _short(p.bias)} if p.bias.any() else {}
    found |= {key: _short(getattr(p, key)) for key in ("v_start", "u_start") if getattr(p, key).any()}
    found |= {} if grid is None else {"grid": np.array(grid)}
    return found | ({} if offset is None else {"offset": np.array(offset)})


def remarks(name: str, p: LinearNeuron, read: Reals, bias: Reals, where: Gain) -> list[str]:
    """What readers may take differently of a population, each in a sentence.

    Args:
        read: the bias as v_leak says it.
        bias: the bias that v_leak is to say.
    """
    found = []
    if p.leaks and (read != bias).any():
        found.append(f"{name}: v_leak is bias / {shown(p.v_decay)}, and rounds it in its last place")
    if (gain(p, where) != 1).any():
        found.append(
            f"{name}: r = 1, and the weights that lead to it are divided by v_decay = {shown(p.v_decay)}, "
            f"since norse does not read r"
        )
    if differing := p.differing(("theta", "u_decay", "v_decay")):
        found.append(
            f"{name}: {', '.join(differing)} differ from neuron to neuron; norse and sinabs read that, "
            f"spikingjelly 2.0 and snnTorch 1.0 need one value for all"
        )
    if graded(p):
        found.append(f"{name}: written as {node_kind(p)}; of the libraries sinabs alone reads it, as LI")
    if p.v_reset.any():
        found.append(f"{name}: v_reset = {shown(p.v_reset)}; nir 1.0.4 does not read it")
    for start in ("v_start", "u_start"):
        if getattr(p, start).any():
            found.append(
                f"{name}: {start} = {shown(getattr(p, start))} is written as metadata, which spikesim reads; "
                f"other readers start at 0, or at v_leak or v_reset"
            )
    return found


def library_settings(forms: Mapping[str, LinearNeuron]) -> list[str]:
    """The settings with which libraries play a file with dt = 1 as we do, each in a sentence; measured by
    `spikesim nir-table`.
    """
    kinds = {node_kind(p) for p in forms.values()}
    found = [
        "norse: from_nir(graph, dt=1)",
        "spikingjelly: import_from_nir(path, dt=1), with nirtorch 2.6",
        "snnTorch: its step is 1e-4; write the file with dt=1e-4",
        "sinabs: SingleSpike, MembraneReset and min_v_mem=None in its layers",
    ]
    if "IF" in kinds:
        found[2] += ", and give its IF, which leaks there, as a LIF with a leak of 1e-14 and gain='r'"
    if kinds & {"LIF", "CubaLIF", "LI", "CubaLI"}:
        found[3] += "; its leak is 1 - exp(-dt/tau), so that leaky neurons differ"
    return found


def _short(values: Reals) -> Reals:
    """One number where all are equal, else (n,)."""
    return np.array(values[0]) if (values == values[0]).all() else values
