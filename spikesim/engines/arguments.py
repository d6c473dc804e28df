"""What a caller gives at the doors: a thing of another kind is named, with the way to the right one."""

from __future__ import annotations

from spikesim.datasets.dataset import Dataset, Split
from spikesim.errors import DataError, DeclarationError
from spikesim.network import Network
from spikesim.settings import Training
from spikesim.spikes import Spikes

WAYS: dict[type, str] = {
    Network: "spikesim.models.emstdp.build(config) makes one of a configuration",
    Dataset: "spikesim.datasets.from_arrays(x, y) makes one of arrays",
    Split: "dataset.test is one, or dataset.split('validation')",
    Training: "for example spikesim.Training(epochs=5)",
    Spikes: "spikesim.from_raster(array) makes them of 0 and 1, an encoder of intensities",
}


def expect(where: str, kind: type, **given: object) -> None:
    """Every value is of a kind.

    Args:
        where: the function that was called, for the message.
        kind: one of WAYS.
        given: the arguments by name.

    Raises:
        DataError: data of another kind. DeclarationError: anything else of another kind.
    """
    for name, value in given.items():
        if not isinstance(value, kind):
            error = DataError if kind in (Dataset, Split, Spikes) else DeclarationError
            wanted = "Spikes are" if kind is Spikes else f"a {kind.__name__} is"
            raise error(f"{where}: {name} is {_said(value)}; {wanted} needed: {WAYS[kind]}")


def expect_encoder(where: str, encoder: object) -> None:
    """An encoder is any object with the method `encode`.

    Raises:
        DeclarationError: it has none, or is a class.
    """
    if isinstance(encoder, type) or not callable(getattr(encoder, "encode", None)):
        raise DeclarationError(
            f"{where}: encoder is {_said(encoder)}; an encoder is needed: spikesim.Poisson() or Regular(), "
            f"or spikesim.models.emstdp.encoder(config)"
        )


def _said(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"of type {type(value).__name__}"
