"""Reader of netx files (lava-dl's HDF5 `.net`); sizes are checked before memory is allocated.

A layer becomes IF neurons without a leak, else LIF neurons in Loihi's integers (a grid of 6 bits, whole
weights). What lava-dl's reader would drop, truncate or warn about is refused by name.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError, unknown
from spikesim.files.untrusted_hdf5 import FileRefused, Limits, Tree, tree
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, Source
from spikesim.synapses import Conv2d, Dense
from spikesim.window import Window

LAYERS: dict[str, frozenset[str]] = {
    "input": frozenset({"type", "shape"}),
    "flatten": frozenset({"type", "shape"}),
    "dense": frozenset({"type", "shape", "inFeatures", "outFeatures", "weight", "bias", "neuron"}),
    "conv": frozenset(
        {
            "type",
            "shape",
            "inChannels",
            "outChannels",
            "kernelSize",
            "stride",
            "padding",
            "dilation",
            "groups",
        }
        | {"weight", "bias", "neuron"}
    ),
}
SKIPPED = frozenset({"neuron", "weight", "bias"})  # of an input layer, with skip_input
NEURON = frozenset({"type", "iDecay", "vDecay", "vThMant", "refDelay", "gradedSpike"})
NEURONS = 2**20  # of a layer, and of its input: what a whole Loihi 2 holds
LEAK_GRID = 6  # Loihi's: a whole weight is 64 units of u and v
UNITY = 4096


def load_netx(
    path: str | os.PathLike[str],
    T: int | None = None,
    limits: Limits | None = None,
    skip_input: bool = False,
) -> Network:
    """Read a netx file as a network: "in", then "layer1", "layer2", ... with a delay of one step each.

    Args:
        path: the file.
        T: steps of a trial; None for the file's tSample.
        limits: on the contents of the file, in bytes and objects.
        skip_input: leave out an input layer's neurons, which turn intensities into spikes; "in" sends their
            spikes.

    Raises:
        FileRefused: the file is missing, damaged or hostile, or has unknown contents; says where.
        DeclarationError: neither T nor tSample is given, or the numbers make no valid network.
    """
    found = tree(path, limits)
    return _NetxReader(Path(path), skip_input).network(found, T)


@dataclass(frozen=True)
class _NetxReader:
    path: Path
    skip_input: bool

    def network(self, found: Tree, T: int | None) -> Network:
        """The network of all layers."""
        layers = found.get("layer")
        if not isinstance(layers, dict) or not layers or set(layers) != {str(k) for k in range(len(layers))}:
            raise self.refuse("layer", "is no group of layers 0, 1, 2, ...")
        for key in found.keys() - {"layer", "simulation"}:
            raise self.refuse(key, "is unknown to netx")
        populations: dict[str, Any] = {}
        projections: list[Any] = []
        shape: tuple[int, ...] | None = None
        for k in range(len(layers)):
            where, layer = f"layer/{k}", layers[str(k)]
            kind = self.kind(layer, where)
            if kind == "input":
                if k:
                    raise self.refuse(where, "is an input behind the first layer")
                shape = self.bounded(self.whole(layer, where, "shape", 1), where)
            elif kind == "flatten":
                shape = None if shape is None else (int(np.prod(shape)),)
            else:
                weight = self.weight(layer, where, kind)
                shape = self.before(layer, where, kind, shape, weight)
                pre = list(populations)[-1] if populations else "in"
                populations.setdefault("in", Source(int(np.prod(shape))))
                post = f"layer{len(projections) + 1}"
                projections.append(self.projection(layer, where, kind, shape, weight, (pre, post)))
                made = projections[-1].out_shape if kind == "conv" else (weight.shape[0],)
                shape = self.after(layer, where, made)
                populations[post] = self.neurons(layer, where, shape)
        if not projections:
            raise self.refuse("layer", "holds no dense and no convolutional layer")
        return Network(
            populations, tuple(projections), Window(self.steps(found, T)), Readout(projections[-1].post)
        )

    def refuse(self, where: str, reason: str) -> FileRefused:
        """The error for an entry of the file."""
        return FileRefused(f"{self.path}: {where} {reason}; spikesim does not read it as a network")

    def kind(self, layer: Any, where: str) -> str:
        """The type of a layer, after a check that all its entries are known."""
        if not isinstance(layer, dict) or "type" not in layer:
            raise self.refuse(where, "has no type")
        kind = layer["type"][0] if isinstance(layer["type"], list) and layer["type"] else layer["type"]
        if not isinstance(kind, str) or kind not in LAYERS:
            raise self.refuse(where, f"is of an {unknown('type', kind, LAYERS)}")
        if kind == "input" and "neuron" in layer and not self.skip_input:
            raise self.refuse(
                where, "turns intensities into spikes by neurons of its own (skip_input=True: give spikes)"
            )
        for key in layer.keys() - LAYERS[kind] - (SKIPPED if kind == "input" else frozenset()):
            raise self.refuse(f"{where}/{key}", f"is not understood in a layer of the type {kind}")
        return kind

    def whole(self, group: Tree, where: str, key: str, low: int, most: int = 2**31) -> tuple[int, ...]:
        """Whole numbers in a range, as a tuple."""
        value = group.get(key)
        if not isinstance(value, np.ndarray) or value.size == 0 or value.ndim > 1 or value.size > 8:
            raise self.refuse(f"{where}/{key}", "is missing, or not one number or a short list")
        flat = value.astype(np.float64).ravel()
        if (flat != np.floor(flat)).any() or (flat < low).any() or (flat > most).any():
            raise self.refuse(
                f"{where}/{key}", f"is {flat.tolist()}; whole numbers from {low} to {most} are needed"
            )
        return tuple(int(v) for v in flat)

    def integers(self, layer: Tree, where: str, key: str) -> npt.NDArray[np.float64]:
        """An array of whole numbers; lava-dl's reader would truncate others."""
        value = layer.get(key)
        if not isinstance(value, np.ndarray) or value.size == 0:
            raise self.refuse(f"{where}/{key}", "is missing, or holds no numbers")
        numbers = value.astype(np.float64)
        if (numbers != np.floor(numbers)).any() or (np.abs(numbers) > 2**20).any():
            off = numbers[(numbers != np.floor(numbers)) | (np.abs(numbers) > 2**20)].flat[0]
            raise self.refuse(f"{where}/{key}", f"holds {off}; netx keeps whole numbers of a few bits")
        return numbers

    def weight(self, layer: Tree, where: str, kind: str) -> npt.NDArray[np.float64]:
        """(n_post, n_pre), or (out, in, rows, columns)."""
        weight = self.integers(layer, where, "weight")
        if kind == "dense" and weight.ndim == 1:
            n = int(np.prod(self.whole(layer, where, "shape", 1)))
            if weight.size % n:
                raise self.refuse(f"{where}/weight", f"has {weight.size} numbers for {n} neurons")
            weight = weight.reshape(n, -1)
        if kind == "conv" and weight.ndim == 5 and weight.shape[4] == 1:
            weight = weight[..., 0]
        if weight.ndim != (2 if kind == "dense" else 4):
            raise self.refuse(f"{where}/weight", f"has the shape {weight.shape}")
        return weight

    def before(self, layer: Tree, where: str, kind: str, shape: Any, weight: Any) -> tuple[int, ...]:
        """The shape of a layer's input."""
        if kind == "conv":
            if shape is None or len(shape) != 3:
                raise self.refuse(where, "is a convolution of what has no (channels, rows, columns)")
            return tuple(shape)
        if shape is not None and (len(shape) > 1 or shape[0] != weight.shape[1]):
            raise self.refuse(
                where, f"has weights for {weight.shape[1]} inputs behind a layer of the shape {shape}"
            )
        return self.bounded((weight.shape[1],), where)

    def bounded(self, shape: tuple[int, ...], where: str) -> tuple[int, ...]:
        """A shape, after a check of its number of neurons."""
        if math.prod(shape) > NEURONS:
            raise self.refuse(where, f"has {shape} neurons; up to {NEURONS:,} are read")
        return shape

    def projection(
        self, layer: Tree, where: str, kind: str, shape: Any, weight: Any, ends: tuple[str, str]
    ) -> Dense | Conv2d:
        """The projection of a layer."""
        pre, post = ends
        if kind == "dense":
            return Dense(pre, post, weight.T, delay=1)
        stride, padding, dilation = (
            self.pair(layer, where, key) for key in ("stride", "padding", "dilation")
        )
        if dilation != (1, 1):
            raise self.refuse(f"{where}/dilation", f"is {dilation}; only 1 is known here")
        groups = self.single(layer, where, "groups", 1)
        sizes = (weight.shape[1] * groups,), weight.shape[:1], weight.shape[2:]
        for key, made in zip(("inChannels", "outChannels", "kernelSize"), sizes, strict=True):
            if key in layer and self.whole(layer, where, key, 1) != made:
                raise self.refuse(f"{where}/{key}", f"is not that of the weights, {made}")
        try:
            return Conv2d(pre, post, weight, shape, stride, padding, groups, delay=1)
        except DeclarationError as problem:
            raise self.refuse(where, f"is no convolution ({problem})") from problem

    def single(self, layer: Tree, where: str, key: str, low: int, high: int = 2**31) -> int:
        """One whole number."""
        values = self.whole(layer, where, key, low, high)
        if len(values) != 1:
            raise self.refuse(f"{where}/{key}", f"is {values}; one number is needed")
        return values[0]

    def pair(self, layer: Tree, where: str, key: str) -> tuple[int, int]:
        """(rows, columns), or one number for both."""
        value = self.whole(layer, where, key, 0, 10_000)
        if len(value) > 2:
            raise self.refuse(f"{where}/{key}", f"is {value}; one number or two are needed")
        return (value[0], value[-1])

    def after(self, layer: Tree, where: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a layer's neurons, after a check that it is the stated one."""
        made = self.bounded(shape, where)
        said = self.whole(layer, where, "shape", 1)
        if int(np.prod(said)) != int(np.prod(made)) or (len(made) == 3 and said != made):
            raise self.refuse(f"{where}/shape", f"is {said}, and the weights make {made}")
        return made

    def neurons(self, layer: Tree, where: str, shape: tuple[int, ...]) -> IF | LIF:
        """The neurons of a layer."""
        neuron, where = layer.get("neuron"), f"{where}/neuron"
        if not isinstance(neuron, dict):
            raise self.refuse(where, "is missing")
        for key in neuron.keys() - NEURON:
            raise self.refuse(f"{where}/{key}", "is not understood")
        kind = neuron.get("type")
        if (kind[0] if isinstance(kind, list) and kind else kind) not in ("CUBA", "LOIHI"):
            raise self.refuse(f"{where}/type", f"is {kind}; CUBA and LOIHI are known here")
        for key, plain in (("refDelay", 1), ("gradedSpike", 0)):
            if key in neuron and self.whole(neuron, where, key, 0) != (plain,):
                raise self.refuse(
                    f"{where}/{key}", f"is not {plain}: refractory times and graded spikes are not read"
                )
        vth = self.single(neuron, where, "vThMant", 0, 2**17 - 1)
        du = self.single(neuron, where, "iDecay", 1, UNITY)
        dv = self.single(neuron, where, "vDecay", 0, UNITY - 1)
        n, bias = int(np.prod(shape)), self.bias(layer, where, shape)
        if (du, dv) == (UNITY, 0):
            return IF(n, float(vth + 1), 0, bias=bias)
        theta = vth + 2.0**-LEAK_GRID  # v > vth << 6, in units of which 64 are a whole weight
        return LIF(n, theta, LEAK_GRID, du / UNITY, dv / UNITY, bias)

    def bias(self, layer: Tree, where: str, shape: tuple[int, ...]) -> float | tuple[float, ...]:
        """The bias of each neuron; of a convolution (columns, rows, channels), or one for each channel."""
        if "bias" not in layer:
            return 0.0
        bias = self.integers(layer, where.removesuffix("/neuron"), "bias")
        if len(shape) == 3 and bias.shape == shape[::-1]:
            bias = bias.transpose(2, 1, 0)
        elif len(shape) == 3 and bias.shape == shape[:1]:
            bias = np.broadcast_to(bias[:, None, None], shape)
        elif bias.size == 1:
            return float(bias.flat[0])
        if bias.size != int(np.prod(shape)):
            raise self.refuse(f"{where}/bias", f"has the shape {bias.shape} for neurons of the shape {shape}")
        return tuple(float(v) for v in bias.ravel())

    def steps(self, found: Tree, T: int | None) -> int:
        """Steps of a trial: the argument, or the file's tSample."""
        if T is not None:
            return T
        simulation = found.get("simulation")
        if not isinstance(simulation, dict) or "tSample" not in simulation:
            raise DeclarationError(f"{self.path} says no tSample; give T, the steps of a trial")
        return self.single(simulation, "simulation", "tSample", 1, 10**9)
