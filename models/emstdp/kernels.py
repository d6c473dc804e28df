"""Fixed kernels of convolutions that were trained before: read from .npz files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.files.npz import read_npz
from spikesim.models.emstdp.layers import Layer

STORED = Path(__file__).parent / "pretrained"


def names() -> list[str]:
    """Names of the kernels of the package."""
    return sorted(path.stem for path in STORED.glob("*.npz"))


def stored_kernels(name: str, layers: Sequence[Layer]) -> dict[str, npt.NDArray[np.float64]]:
    """The kernels of all convolutional layers: layer -> float64 (out channels, channels, rows, columns).

    Args:
        name: of kernels of the package, or the path of an .npz file with an array for each such layer.
        layers: of the network.

    Raises:
        DeclarationError: an unknown name, a file that cannot be read, an array that is missing, of another
            shape, or not finite; or kernels that are all equal.
    """
    path = Path(os.path.expanduser(name)) if name.endswith(".npz") else STORED / f"{name}.npz"
    if not name.endswith(".npz") and name not in names():
        raise DeclarationError(
            f"Emstdp: kernels: {unknown('choice', name, ['learned', 'random', *names()])}, or the path of an "
            f".npz file"
        )
    try:
        found = {key: np.asarray(w, np.float64) for key, w in read_npz(path).items()}
    except (DataError, ValueError) as problem:
        raise DeclarationError(f"Emstdp: kernels = {name!r} cannot be read: {problem}") from problem
    needed = {layer.name: layer.kernel for layer in layers if layer.kernel}
    for key, shape in needed.items():
        if key not in found:
            raise DeclarationError(
                f"Emstdp: kernels = {name!r} has the arrays {sorted(found)}; {key} {shape} is needed, for "
                f"each entry of conv"
            )
        w = found[key]
        if w.shape != shape or not np.isfinite(w).all() or not w.std() > 0:
            raise DeclarationError(
                f"Emstdp: kernels = {name!r}: {key} has the shape {w.shape}; finite kernels of {shape} that "
                f"are not all equal are needed"
            )
    return {key: found[key] for key in needed}
