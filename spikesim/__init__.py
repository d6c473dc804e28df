"""spikesim: spiking networks that learn by local rules, the same spikes on every engine.

import spikesim as ss
from spikesim.models import emstdp

config = emstdp.Emstdp(sizes=(784, 500, 10))
run = emstdp.fit(config, ss.datasets.mnist(), epochs=5)
"""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import Any as _Any

from spikesim import _interrupt, _renamed, datasets  # noqa: F401 - _interrupt first: Ctrl-C in the imports
from spikesim.encoders import Poisson, Recorded, Regular
from spikesim.engines import engine, simulate
from spikesim.errors import SpikesimError
from spikesim.learning import STDP, CountRule, RewardSTDP, SquareSTDP
from spikesim.network import Network, Readout
from spikesim.network.file import load_network, save_network
from spikesim.neurons import (
    IF,
    LIF,
    AdaptiveLIF,
    ErrorIF,
    LeakyIntegrator,
    PoissonSource,
    RegularSource,
    Source,
    Target,
    TwoCurrentLIF,
)
from spikesim.neurons.external_inputs import CurrentInput, PoissonInput
from spikesim.neurons.timed_input import TimedInput
from spikesim.plotting.network_diagram import draw_network
from spikesim.recording import Recording
from spikesim.recording.file import RecordingFile
from spikesim.recording.monitor import Monitor
from spikesim.recording.state import State
from spikesim.spikes import Spikes, from_events, from_raster
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse, Transpose, connect
from spikesim.training.config import Training
from spikesim.training.evaluate import evaluate
from spikesim.training.run import Run
from spikesim.training.train import resume, train
from spikesim.verification.verify import verify
from spikesim.window import Window

_renamed.install()


_HARDWARE = {"export": "spikesim.hardware.export", "quantise": "spikesim.hardware.quantise"}


def __getattr__(name: str) -> _Any:
    """Functions of `spikesim.hardware`, imported when they are used, and names of version 0.1.0."""
    if name in _HARDWARE:
        return getattr(_import_module(_HARDWARE[name]), name)
    if name == "__version__":
        return _version("spikesim")
    new = _renamed.renamed_name(name)
    if new is None:
        raise AttributeError(f"module 'spikesim' has no attribute {name!r}")
    return globals()[new]


__all__ = [
    "IF",
    "LIF",
    "STDP",
    "AdaptiveLIF",
    "Conv2d",
    "CountRule",
    "CurrentInput",
    "Dense",
    "ErrorIF",
    "LeakyIntegrator",
    "Monitor",
    "Network",
    "OneToOne",
    "Poisson",
    "PoissonInput",
    "PoissonSource",
    "Readout",
    "Recorded",
    "Recording",
    "RecordingFile",
    "Regular",
    "RegularSource",
    "RewardSTDP",
    "Run",
    "Source",
    "Sparse",
    "Spikes",
    "SpikesimError",
    "SquareSTDP",
    "State",
    "Target",
    "TimedInput",
    "Training",
    "Transpose",
    "TwoCurrentLIF",
    "Window",
    "connect",
    "datasets",
    "draw_network",
    "engine",
    "evaluate",
    "export",
    "from_events",
    "from_raster",
    "load_network",
    "quantise",
    "resume",
    "save_network",
    "simulate",
    "train",
    "verify",
]
