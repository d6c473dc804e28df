"""Writer of netx files (lava-dl's HDF5 `.net`), with h5py alone.

    layer/<i>/type        "input", "dense", "conv" or "flatten"
    layer/<i>/shape       neurons, or (channels, rows, columns)
    layer/<i>/weight      float32 of whole numbers: (n_post, n_pre), or (out, in, rows, columns)
    layer/<i>/bias        float32 of whole numbers, one for each neuron; absent where all are 0
    layer/<i>/stride, padding, dilation (rows, columns), groups        of a convolution
    layer/<i>/neuron/     type "CUBA", iDecay, vDecay, vThMant, refDelay 1, gradedSpike False
    simulation/           Ts, tSample

The reader (lava-dl 0.6, `netx.hdf5.Network`) makes a connection and a LIF of each layer, with a delay of one
step each. It shifts weights left until they fill 8 bits, and shifts the sum back, so that odd weights in
[-128, 127] are exact. Weights that its shifts would clip are refused here. A layer has one threshold and one
pair of decays.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spikesim.errors import SpikesimError
from spikesim.files.atomic import write_bytes
from spikesim.hardware.limits import LimitError, check
from spikesim.hardware.loihi.compile import compile_network
from spikesim.hardware.loihi.integer_network import SHIFT, UNITY, IntegerPopulation, IntegerProjection
from spikesim.network import Network
from spikesim.synapses import Conv2d, Dense

Ints = npt.NDArray[np.int64]
LAYERS: dict[type, str] = {Dense: "dense", Conv2d: "conv"}  # kind of projection -> type of its layer


@dataclass(frozen=True, eq=False)
class NetxLayer:
    """A layer of a netx file.

    Attributes:
        name: of its population.
        n: neurons.
        weight: whole numbers (n_post, n_pre), or a kernel (out, in, rows, columns).
        bias: whole numbers (n,).
        threshold, current_decay, voltage_decay: vThMant, iDecay, vDecay.
        convolution: the declared projection of a kernel; None for a matrix.
        unit: value of v for one count of the population's grid.
    """

    name: str
    n: int
    weight: Ints
    bias: Ints
    threshold: int
    current_decay: int
    voltage_decay: int
    convolution: Conv2d | None
    unit: float


def save_netx(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network for inference as a netx file.

    Raises:
        EngineError: a neuron model without a normal form.
        LimitError: the format, or its reader, cannot hold the network: names limit, value, layer, way out.
        SpikesimError: the file cannot be written.
    """
    found = layers(network)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v108")) as file:
        groups = file.create_group("layer")
        index = 0
        shape: tuple[int, ...] = (network.populations[network.sources[0]].n,)
        for layer in found:
            if layer.convolution is not None and index == 0:
                shape = layer.convolution.shape
                _put(groups.create_group("0"), type=np.array([b"input"]), shape=np.array(shape))
                index = 1
            if layer.convolution is None and len(shape) == 3:
                _put(groups.create_group(str(index)), type=np.array([b"flatten"]))
                index += 1
            shape = _write(groups.create_group(str(index)), layer, shape)
            index += 1
        _put(file.create_group("simulation"), Ts=np.array(1), tSample=np.array(network.window.T))
    write_bytes(path, buffer.getvalue(), what="the netx file", error=SpikesimError)


def layers(network: Network) -> tuple[NetxLayer, ...]:
    """The layers of a network for inference, a chain that begins at the input.

    Raises:
        EngineError: a neuron model without a normal form.
        LimitError: not a chain of Dense and Conv2d, or numbers that the format cannot hold.
    """
    check(network, "netx")
    chip = compile_network(network)
    into = {p.post: p for p in chip.projections}
    _check_chain(network, len(chip.projections))
    if not chip.layered:
        late = {name: at for name, at in network.offsets.items() if name not in network.sources}
        listed = ", ".join(f"{name} at {at}" for name, at in late.items())
        raise LimitError(
            f"netx: by declared offsets, windows begin at other steps than their input arrives ({listed}); "
            f"in netx a layer begins a step after the one before it. Declare no offset, and a continuous "
            f"network with Window(T)"
        )
    found = []
    for name in _chain(network):
        if name in into:
            found.append(_layer(chip.populations[name], into[name]))
    return tuple(found)


def _check_chain(network: Network, projections: int) -> None:
    if len(network.sources) != 1 or projections != len(network.populations) - 1:
        raise LimitError(
            f"netx: {len(network.sources)} sources, {projections} projections and {len(network.populations)} "
            f"populations; the format holds one input and a chain of layers behind it. Export to lava"
        )
    for p in network.projections:
        if type(p) not in LAYERS:
            raise LimitError(
                f"{p.name}: a {type(p).__name__}; netx holds dense and convolutional layers. Write it as "
                f"a Dense, or export to lava"
            )
    for name in network.populations:
        many = [p.name for p in network.projections if p.post == name]
        leaving = [p.name for p in network.projections if p.pre == name]
        if len(many) > 1 or len(leaving) > 1:
            raise LimitError(
                f"{name}: {', '.join(many)} lead there and {', '.join(leaving) or 'none'} away; in netx each "
                f"layer has one layer before it and one after it. Export to lava"
            )


def _chain(network: Network) -> list[str]:
    behind = {p.pre: p.post for p in network.projections}
    found = [network.sources[0]]
    while found[-1] in behind:
        found.append(behind[found[-1]])
    return found


def _layer(chip: IntegerPopulation, p: IntegerProjection) -> NetxLayer:
    weight = p.weights.astype(np.int64)
    weight = weight << p.weight_exp if p.weight_exp >= 0 else weight >> -p.weight_exp
    if (chip.bias & 63).any():
        raise LimitError(
            f"{chip.name}: a bias of {int(chip.bias[np.argmax(chip.bias & 63)])} units of v; netx holds "
            f"multiples of 64. Round it to whole weights (spikesim.hardware.quantise with 'netx')"
        )
    vth, du, dv = (int(values[0]) for values in (chip.vth, chip.du, chip.dv))  # `check` has seen one of each
    if not du or dv >= UNITY:
        raise LimitError(
            f"{chip.name}: u_decay = {du / UNITY:g}, v_decay = {dv / UNITY:g}; netx holds an "
            f"iDecay from 1 to {UNITY} and a vDecay from 0 to {UNITY - 1}, in parts of {UNITY}. Choose "
            f"another decay"
        )
    bias, unit = chip.bias >> SHIFT, float(chip.scale)
    convolution = p.declared if p.kind == "conv" else None
    if chip.scale == 64 and not chip.floored.any():
        # Without a leak, a membrane and all its addends can be divided by their common power of two; where it
        # saturates in the network, it has to do so at the same step, and is not divided.
        every = int(np.bitwise_or.reduce(np.abs(np.concatenate([weight.ravel(), bias]))))
        shift = (every & -every).bit_length() - 1 if every else 0
        weight, bias, unit = weight >> shift, bias >> shift, unit / 2**shift
        vth = -(-(vth + 1) >> shift) - 1
    if convolution is None:
        weight = np.ascontiguousarray(weight.T)
    _check_weights(p.name, weight, convolution is not None)
    return NetxLayer(chip.name, chip.n, weight, bias, vth, du, dv, convolution, unit)


def _check_weights(name: str, weight: Ints, convolution: bool) -> None:
    """Check that lava-dl's reader returns these weights unchanged."""
    low, high = int(weight.min()), int(weight.max())
    if low < -128 or high > (127 if low < 0 else 255):
        raise LimitError(
            f"{name}: weights from {low} to {high}; netx holds -128 .. 127 (0 .. 255 if none is negative). "
            f"Quantise it: spikesim.hardware.quantise.quantise(network, 'netx', bits=8)"
        )
    if convolution:
        return  # read as they are
    if low == high == 0:
        raise LimitError(
            f"{name}: all weights are 0, and lava-dl's reader divides by the largest. Leave it out"
        )
    if high <= 0 and (-low & (-low - 1)) == 0:
        raise LimitError(
            f"{name}: no weight is positive, and the least is {low}, a power of two, which lava-dl's reader "
            f"shifts to -256 and Lava clips to -255. Scale them by another factor"
        )


def _write(group: h5py.Group, layer: NetxLayer, before: tuple[int, ...]) -> tuple[int, ...]:
    """Write a layer's group, and return its shape."""
    c = layer.convolution
    shape: tuple[int, ...] = (layer.n,) if c is None else c.out_shape
    _put(group, type=np.array([b"dense" if c is None else b"conv"]), shape=np.array(shape))
    ends = ("inFeatures", "outFeatures") if c is None else ("inChannels", "outChannels")
    _put(group, **dict(zip(ends, (np.array(before[0]), np.array(shape[0])), strict=True)))
    if c is not None:
        _put(group, stride=np.array(c.stride), padding=np.array(c.padding), dilation=np.array([1, 1]))
        _put(group, kernelSize=np.array(layer.weight.shape[2:]), groups=np.array(c.groups))
    _put(group, weight=layer.weight.astype(np.float32))
    if layer.bias.any():
        # The reader expects the biases of a convolution as (columns, rows, channels).
        bias = layer.bias if c is None else layer.bias.reshape(shape).transpose(2, 1, 0)
        _put(group, bias=np.ascontiguousarray(bias.astype(np.float32)))
    _put(
        group.create_group("neuron"),
        type=np.array([b"CUBA"]),
        iDecay=np.array(layer.current_decay),
        vDecay=np.array(layer.voltage_decay),
        vThMant=np.array(layer.threshold),
        refDelay=np.array(1),
        gradedSpike=np.array(False),
    )
    return shape


def _put(group: h5py.Group, **values: npt.NDArray[Any]) -> None:
    for name, value in values.items():
        group.create_dataset(name, data=value, track_times=False)
