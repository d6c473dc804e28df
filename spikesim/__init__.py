"""spikesim: spiking networks that learn by local rules, the same spikes on every engine.

import spikesim as ss
from spikesim.models import emstdp

config = emstdp.Emstdp(sizes=(784, 500, 10))
run = ss.train(emstdp.build(config), ss.datasets.mnist(), emstdp.encoder(config), ss.Training(epochs=5))
"""

from spikesim import datasets
from spikesim.encoders import Poisson, Regular
from spikesim.engines import engine, simulate
from spikesim.errors import SpikesimError
from spikesim.learning import CountRule
from spikesim.network import Network, Readout
from spikesim.network.file import load_network, save_network
from spikesim.neurons import IF, LIF, ErrorIF, PoissonSource, RegularSource, Source, Target
from spikesim.plotting.network_diagram import draw_network
from spikesim.recording import Recording
from spikesim.recording.file import RecordingFile
from spikesim.recording.monitor import Watch
from spikesim.recording.state import State
from spikesim.spikes import Spikes, from_events, from_raster
from spikesim.synapses import Conv2d, CurrentInput, Dense, OneToOne, PoissonInput, Sparse, Transpose
from spikesim.training.config import Training
from spikesim.training.evaluate import evaluate
from spikesim.training.run import Run
from spikesim.training.train import resume, train
from spikesim.verification.verify import verify
from spikesim.window import Window

__all__ = [
    "IF",
    "LIF",
    "Conv2d",
    "CountRule",
    "CurrentInput",
    "Dense",
    "ErrorIF",
    "Network",
    "OneToOne",
    "Poisson",
    "PoissonInput",
    "PoissonSource",
    "Readout",
    "Recording",
    "RecordingFile",
    "Regular",
    "RegularSource",
    "Run",
    "Source",
    "Sparse",
    "Spikes",
    "SpikesimError",
    "State",
    "Target",
    "Training",
    "Transpose",
    "Watch",
    "Window",
    "datasets",
    "draw_network",
    "engine",
    "evaluate",
    "from_events",
    "from_raster",
    "load_network",
    "resume",
    "save_network",
    "simulate",
    "train",
    "verify",
]
