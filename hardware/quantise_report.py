"""Report of a quantisation: changes layer by layer, and the accuracy before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spikesim.datasets.dataset import Split
from spikesim.encoders import Encoder
from spikesim.errors import DeclarationError
from spikesim.files.measured_table import Cell
from spikesim.network import Network
from spikesim.training.evaluate import evaluate


@dataclass(frozen=True)
class ProjectionError:
    """The weights of a projection, before and after.

    Attributes:
        name: of the projection.
        weights: how many there are.
        step: they are now multiples of 2**-step.
        largest, rms: of the errors, in the units of the weights.
        relative: rms of the errors in units of the rms of the weights.
        clipped: number of weights beyond the range.
        zeroed: number of weights that became 0.
    """

    name: str
    weights: int
    step: int
    largest: float
    rms: float
    relative: float
    clipped: int
    zeroed: int


@dataclass(frozen=True)
class PopulationError:
    """The neurons of a population, before and after.

    Attributes:
        name: of the population.
        grid: its numbers are now multiples of 2**-grid.
        theta_before, theta: the threshold, of the neuron where it moved most.
        bias, decay: largest errors of biases and of decays, over the neurons.
        floor: the chip's saturation, where it was added as a floor; else None.
        start: largest error of initial membranes and currents, and of reset values.
    """

    name: str
    grid: int
    theta_before: float
    theta: float
    bias: float
    decay: float
    floor: float | None
    start: float = 0.0


@dataclass(frozen=True, eq=False)
class Quantised:
    """A quantised network and the report of what changed.

    Attributes:
        network: the new one.
        hardware: the target's name.
        bits: of a weight.
        projections, populations: changes of each.
        before, after: accuracies; None without data.
        samples: number of samples for the accuracies.
    """

    network: Network
    hardware: str
    bits: int
    projections: tuple[ProjectionError, ...]
    populations: tuple[PopulationError, ...]
    before: float | None = None
    after: float | None = None
    samples: int = 0

    COLUMNS = (
        "layer",
        "weights",
        "step",
        "max error",
        "rms error",
        "relative",
        "clipped",
        "zeroed",
        "theta error",
    )

    def rows(self) -> tuple[tuple[Cell, ...], ...]:
        """A line a projection, as COLUMNS says; the threshold is that of the population it goes to."""
        moved = {p.name: p.theta - p.theta_before for p in self.populations}
        posts = {p.name: p.post for p in self.network.projections}
        return tuple(
            (
                p.name,
                p.weights,
                f"2**-{p.step}",
                p.largest,
                p.rms,
                p.relative,
                p.clipped,
                p.zeroed,
                moved[posts[p.name]],
            )
            for p in self.projections
        )


def accuracies(
    before: Network,
    after: Network,
    split: Split | None = None,
    encoder: Encoder | None = None,
    seed: int = 1,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
    engine: str | None = None,
) -> tuple[float | None, float | None, int]:
    """Accuracy of two networks on the same spikes of a split; (None, None, 0) without data.

    Raises:
        DeclarationError: a split without an encoder, or the other way round.
    """
    if (split is None) != (encoder is None):
        raise DeclarationError("quantise: split and encoder belong together; give both, or neither")
    if split is None or encoder is None:
        return None, None, 0
    first, second = (
        evaluate(net, split, encoder, seed, threads=threads, progress=progress, engine=engine).accuracy
        for net in (before, after)
    )
    return first, second, len(split)
