"""Argument type checks of training and evaluation, with hints on how to build the right object."""

from __future__ import annotations

from collections.abc import Mapping

from spikesim.datasets.dataset import Dataset, Split
from spikesim.engines import argument_checks
from spikesim.errors import DeclarationError
from spikesim.training.config import Training

HINTS: Mapping[type, str] = {
    **argument_checks.HINTS,
    Dataset: "spikesim.datasets.from_arrays(x, y) builds one from arrays",
    Split: "for example dataset.test or dataset.split('validation')",
    Training: "for example spikesim.models.emstdp.training(config, epochs=5); for a network of "
    "your own spikesim.Training(epochs=5, batch=..., schedule=...)",
}


def expect(where: str, kind: type, **given: object) -> None:
    """Check that every argument is an instance of `kind`, as in `spikesim.engines.argument_checks`."""
    argument_checks.expect(where, kind, HINTS, **given)


def expect_encoder(where: str, encoder: object) -> None:
    """Check that an argument is an encoder: an object with the method `encode`.

    Raises:
        DeclarationError: it has no such method, or is a class.
    """
    if isinstance(encoder, type) or not callable(getattr(encoder, "encode", None)):
        raise DeclarationError(
            f"{where}: encoder is {argument_checks.described(encoder)}; an encoder is needed: "
            f"spikesim.Poisson() or Regular(), Recorded() for recorded spikes, or "
            f"spikesim.models.emstdp.encoder(config)"
        )
