"""The readers that hostile files are given to, each with a sound file of its own; and the process that reads.

    python -m spikesim.tools.dev.hostile_readers READER

reads paths from standard input, a line each, and answers each with a line of JSON. Its memory is limited; it
is another process's to stop it when it hangs.
"""

from __future__ import annotations

import json
import resource
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikesim.datasets.events import load_events, save_events
from spikesim.datasets.events.digits import digit_events
from spikesim.errors import SpikesimError
from spikesim.files import checkpoint
from spikesim.files.atomic import sha256_bytes
from spikesim.network import Network, Readout
from spikesim.network.file import digest, load_network, save_network
from spikesim.neurons import IF, LIF, Source
from spikesim.synapses import Conv2d, Dense, OneToOne
from spikesim.tools.dev.hostile_files import MARK
from spikesim.window import Window

MEMORY = 2 << 30  # bytes of address space beyond what a reader has when it begins


@dataclass(frozen=True)
class Reading:
    """A reader.

    Attributes:
        title: for the table.
        write: a sound file to a path.
        read: what a file holds, as text that is equal when all numbers are, and the arrays.
        checksummed: a changed number may not pass.
    """

    title: str
    write: Callable[[Path], object]
    read: Callable[[Path], tuple[str, list[Any]]]
    checksummed: bool


def _network() -> Network:
    rng = np.random.default_rng(1)
    populations = {
        "in": Source(2 * 5 * 5),
        "conv": IF(3 * 4 * 4, 1.0, 4),
        "hid": IF(12, 1.0, 4),
        "out": IF(4, 0.5, 4, 0.25),
    }
    projections: tuple[Any, ...] = (
        Conv2d("in", "conv", rng.integers(-8, 8, (3, 2, 2, 2)) / 16, (2, 5, 5)),
        Dense("conv", "hid", rng.integers(-8, 8, (48, 12)) / 16, delay=1),
        Dense("hid", "out", rng.integers(-8, 8, (12, 4)) / 16),
    )
    return Network(populations, projections, Window(20), Readout("out"))


def _leaky() -> Network:
    w = np.random.default_rng(2).integers(-8, 8, (6, 5)) / 16
    populations = {
        "in": Source(6),
        "hid": LIF(5, 1.0, None, 0.5, 0.25, 0.125),
        "out": LIF(5, 1.0, None, 1.0, 0.25),
    }
    up, back = Dense("in", "hid", w), Dense("hid", "hid", np.eye(5), delay=2)
    links: tuple[Any, ...] = (up, OneToOne("hid", "out", 0.5), back)
    return Network(populations, links)


def _write_nir(path: Path) -> None:
    from spikesim.hardware.nir.write import write

    write(_network(), path)


def _write_foreign(path: Path) -> None:
    """As other programs write it: folded, without a digest."""
    from spikesim.hardware.nir.write import write

    source = path.with_suffix(".source")
    write(_leaky(), source)
    with h5py.File(source) as old, h5py.File(path, "w") as new:
        for name in old:
            old.copy(name, new)
        del new["node/metadata"]
        for item in list(new["node/nodes"].values()):
            for key in list(item):
                if isinstance(item[key], h5py.Dataset) and item[key].dtype.kind == "f" and item[key].shape:
                    values = item[key][()]
                    del item[key]
                    item.create_dataset(key, data=values, compression="gzip", shuffle=True)
    source.unlink()


def _read_nir(path: Path) -> tuple[str, list[Any]]:
    from spikesim.hardware.nir.read import read

    return _seen(read(path))


def _write_netx(path: Path) -> None:
    from spikesim.hardware.netx.write import save_netx

    w = np.random.default_rng(3)
    populations = {"in": Source(20), "hid": IF(12, 64.0, 0), "out": IF(4, 32.0, 0)}
    links = [
        Dense("in", "hid", w.integers(-100, 100, (20, 12)).astype(float), delay=1),
        Dense("hid", "out", w.integers(-100, 100, (12, 4)).astype(float), delay=1),
    ]
    save_netx(Network(populations, tuple(links), Window(20), Readout("out")), path)


def _read_netx(path: Path) -> tuple[str, list[Any]]:
    from spikesim.hardware.netx.read import load_netx

    return _seen(load_netx(path))


def _write_checkpoint(path: Path) -> None:
    arrays = {"w/0": np.arange(600, dtype=np.int32).reshape(30, 20), "rates": np.linspace(0, 1, 50)}
    checkpoint.save(path, "training", arrays, {"epoch": 3, "seed": 1})


def _read_checkpoint(path: Path) -> tuple[str, list[Any]]:
    found = checkpoint.load(path, "training")
    return json.dumps([found.digest, found.meta], sort_keys=True), list(found.arrays.values())


def _seen(network: Network) -> tuple[str, list[Any]]:
    arrays = [network.weights(p.name) for p in network.projections]
    arrays += [np.asarray(getattr(p, "bias", 0.0)) for p in network.populations.values()]
    return digest(network), arrays


def _read_events(path: Path) -> tuple[str, list[Any]]:
    found = load_events(path)
    arrays: list[Any] = [found.x, found.y, found.p, found.t, found.offsets]
    assert found.labels is not None  # those of the sound file; a file without them has changed
    arrays.append(found.labels)
    return sha256_bytes(b"".join(array.tobytes() for array in arrays)), arrays


READERS: dict[str, Reading] = {
    "nir": Reading("NIR, ours", _write_nir, _read_nir, True),
    "nir-foreign": Reading("NIR of others", _write_foreign, _read_nir, False),
    "network": Reading(
        "saved network",
        lambda path: save_network(_network(), path),
        lambda path: _seen(load_network(path)),
        True,
    ),
    "checkpoint": Reading("checkpoint", _write_checkpoint, _read_checkpoint, True),
    "netx": Reading("netx", _write_netx, _read_netx, False),
    "events": Reading("event file", lambda path: save_events(path, digit_events()[1]), _read_events, True),
}


def outcome(reading: Reading, path: Path, sound: str) -> dict[str, Any]:
    """What comes of reading a file: refused, read as "same" or "changed", "foreign", or another exception."""
    try:
        found, arrays = reading.read(path)
    except SpikesimError as problem:
        return {"what": "refused", "said": str(problem)[:300]}
    except Exception as problem:  # noqa: BLE001 - any other is a fault of the reader, and reported as one
        return {"what": "traceback", "said": f"{type(problem).__name__}: {problem}"[:300]}
    if any(np.any(np.asarray(a) == MARK) for a in arrays):
        return {"what": "foreign", "said": "holds numbers of another file"}
    return {"what": "same" if found == sound else "changed", "said": ""}


def main(name: str) -> None:
    """Answer path by path until standard input ends; the first is a sound file."""
    warnings.simplefilter("ignore")
    reading = READERS[name]
    first = Path(sys.stdin.readline().rstrip("\n"))
    sound = reading.read(first)[0]
    with open("/proc/self/statm", encoding="ascii") as handle:
        held = int(handle.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"what": "ready"}), flush=True)
    for line in sys.stdin:
        found = outcome(reading, Path(line.rstrip("\n")), sound)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun
        print(json.dumps({**found, "grown": grown * 1024}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
