"""Event cameras: address events, time bins, files, recordings through tonic."""

from spikesim.datasets.events.as_dataset import event_dataset, from_event_file
from spikesim.datasets.events.binning import BinnedEvents, bin_events, count_events
from spikesim.datasets.events.file import EventFile, load_events, save_events
from spikesim.datasets.events.from_tonic import events_from_tonic, from_tonic
from spikesim.datasets.events.known import dvs_gestures, nmnist
from spikesim.datasets.events.nmnist_file import read_nmnist
from spikesim.datasets.events.pixel_model import camera_events
from spikesim.datasets.events.stream import Events, events_from_array, join_events

__all__ = [
    "BinnedEvents",
    "EventFile",
    "Events",
    "bin_events",
    "camera_events",
    "count_events",
    "dvs_gestures",
    "event_dataset",
    "events_from_array",
    "events_from_tonic",
    "from_event_file",
    "from_tonic",
    "join_events",
    "load_events",
    "nmnist",
    "read_nmnist",
    "save_events",
]
