"""The exits of a network: engines, other simulators, chips, files, commands: columns of the table of exits.

An exit plays a `Case` and says what differs from the naive engine, "" where nothing does. It raises a
SpikesimError where it refuses, and writes only into the folder that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from spikesim.engines import Naive, Stepped
from spikesim.errors import SpikesimError
from spikesim.hardware.energy import work
from spikesim.hardware.lava.file import load_lava, read_lava, save_lava
from spikesim.hardware.loihi.emulator import Loihi, OverflowOnChip
from spikesim.hardware.netx.target import OwnReader
from spikesim.hardware.netx.write import save_netx
from spikesim.hardware.nir.read import read_nir
from spikesim.hardware.nir.target import renamed
from spikesim.hardware.nir.write import write
from spikesim.hardware.quantise import quantise
from spikesim.hardware.targets import without_floors
from spikesim.network import Network
from spikesim.network.file import digest, load_network, save_network
from spikesim.network.scheduling import is_source
from spikesim.recording import Recording
from spikesim.recording.state import State, same
from spikesim.tools.cli import app
from spikesim.tools.commands.verify import NO_FLOOR
from spikesim.tools.dev.exit_cases import Case
from spikesim.verification.verify import compare, verify

NOT_HERE = "–"  # the exit has nothing to do with the feature
Found = str  # "" where all is equal, else what differs


@dataclass(frozen=True)
class Exit:
    """A column.

    Attributes:
        name: short.
        play: (case, empty folder) -> "" where equal, NOT_HERE, or what differs.
        slow: whether a cell takes more than a tenth of a second.
    """

    name: str
    play: Callable[[Case, Path], Found]
    slow: bool = False


def moving(network: Network) -> tuple[str, ...]:
    """Populations with membranes."""
    return tuple(name for name in network.order if not is_source(network.populations[name]))


def played(case: Case, running: Any = None) -> Recording:
    """A case on an engine (naive by default), everything recorded."""
    running = Naive(case.network) if running is None else running
    record = moving(case.network)
    found: Recording
    if case.steps is None:
        found = running.run(case.inputs, case.labels, record, case.learn)
    else:
        found = running.advance(case.steps, case.inputs, case.signals, record, None, case.learn)
    return found


def differs(case: Case, truth: Recording, found: Recording) -> Found:
    """What differs between two recordings, in words."""
    tolerance = {name: 1e-9 for name in moving(case.network) if case.network.populations[name].grid is None}
    difference = compare(truth, found, moving(case.network), tolerance)
    return "" if difference is None else str(difference)


def verified(name: str, case: Case, folder: Path) -> Found:
    """By the verifier, against the naive engine; learning where the backend learns."""
    network = case.network
    if name in NO_FLOOR:
        network = without_floors(network)
    learn = case.learn and name in ("stepped", "windowed", "brian2")
    verdict = verify(
        network, case.inputs, case.labels, "naive", name, learn, case.steps, case.signals or None
    )
    return "" if verdict.equal else str(verdict)


def network_file(case: Case, folder: Path) -> Found:
    """Saved and loaded: the same digest, and the same spikes."""
    save_network(case.network, folder / "a.h5")
    again = load_network(folder / "a.h5")
    if digest(again) != digest(case.network):
        return "another digest"
    return differs(case, played(case), played(replace(case, network=again)))


def state_file(case: Case, folder: Path) -> Found:
    """Half of a run, its state saved and loaded, the other half: equal to the whole, also in the state."""
    if case.steps is None:
        return NOT_HERE
    truth, half = played(case, Stepped(case.network)), case.steps // 2

    def part(first: int, last: int, state: State | None) -> Recording:
        inputs = {k: _part(v, first, last) for k, v in case.inputs.items()}
        signals = {k: v[first:last] for k, v in case.signals.items()}
        running = Stepped(case.network)
        return running.advance(last - first, inputs, signals, moving(case.network), state, case.learn)

    first = part(0, half, None)
    assert first.state is not None and truth.state is not None
    first.state.save(folder / "state.h5")
    second = part(half, case.steps, State.load(folder / "state.h5"))
    assert second.state is not None
    if not same(truth.state, second.state):
        return "another state at the end"
    for name, v in truth.v.items():
        if not np.array_equal(v, np.concatenate([first.v[name], second.v[name]], axis=1)):
            return f"membranes of {name}"
    return ""


def _part(given: Any, first: int, last: int) -> Any:
    if isinstance(given, np.ndarray):
        return given if given.ndim == 1 else given[first:last]
    from spikesim.spikes import from_raster

    return from_raster(given.raster()[first:last])


def lava_file(case: Case, folder: Path) -> Found:
    """Saved for Lava, read, and played by the emulator; Lava's processes are built of it."""
    path = folder / "a.h5"
    save_lava(case.network, path)
    network, _ = read_lava(path)
    forms = {name: network.populations[name].linear() for name in moving(network)}
    if not any(form.v_start.any() or form.u_start.any() for form in forms.values()):
        load_lava(path)
    if any(form.form != "single" for form in forms.values()):
        return differs(case, played(case), played(replace(case, network=network)))
    try:
        found = Loihi(network).run(case.inputs, record=moving(network))
    except OverflowOnChip:
        path.unlink()  # as `export` does
        raise
    return differs(case, played(case), found)


def nir_file(case: Case, folder: Path) -> Found:
    """Written as NIR and read by our own reader."""
    network = without_floors(case.network)
    write(network, folder / "a.nir")
    again = renamed(read_nir(folder / "a.nir").network, network)
    if case.network.online or case.network.plastic:
        case = replace(case, learn=False)
    return differs(case, played(replace(case, network=network)), played(replace(case, network=again)))


def netx_file(case: Case, folder: Path) -> Found:
    """Written as netx and read by our own reader."""
    save_netx(case.network, folder / "a.net")
    found = OwnReader(folder / "a.net", case.network).run(case.inputs, record=moving(case.network))
    return differs(case, played(replace(case, network=without_floors(case.network))), found)


def quantised(case: Case, folder: Path) -> Found:
    """Quantised for Loihi, and played by the emulator."""
    network = quantise(case.network, "loihi1", T=case.steps).network
    if case.steps is not None and set(case.inputs) != set(network.sources):
        return "quantised without its drives or generators"
    truth = Naive(network).run(_as_trials(case, network), record=moving(network))
    return differs(
        replace(case, network=network),
        truth,
        Loihi(network).run(_as_trials(case, network), record=moving(network)),
    )


def _as_trials(case: Case, network: Network) -> dict[str, Any]:
    """Inputs over the whole window, where a case gives those of the first phase."""
    T = network.window.T
    from spikesim.spikes import from_raster

    found = {}
    for name, given in case.inputs.items():
        rasters = np.stack([given.raster(b) for b in range(len(given))])
        found[name] = from_raster(np.concatenate([rasters, rasters], axis=1)[:, :T])
    return found


def energy(case: Case, folder: Path) -> Found:
    """Operations counted: every spike, and every synapse that a spike passes."""
    counted = work(case.network, case.inputs, case.labels)
    truth = played(replace(case, learn=False))
    for layer in counted.layers:
        if layer.name in truth.spikes:
            spikes = len(truth.spikes[layer.name].times) / len(truth.spikes[layer.name])
            if abs(layer.spikes - spikes) > 1e-9:
                return f"{layer.name}: {layer.spikes} spikes counted, {spikes} sent"
    return ""


def command(arguments: Callable[[Path], list[str]], case: Case, folder: Path) -> Found:
    """A command of `spikesim` on the saved network; its status is 0 where all is equal."""
    net, out = folder / "net.h5", folder / "out"
    save_network(case.network, net)
    out.mkdir()
    try:
        result = CliRunner().invoke(app, arguments(folder), catch_exceptions=True)
    finally:
        net.unlink()
    if result.exit_code == 0:
        return ""
    if isinstance(result.exception, SpikesimError):
        raise result.exception
    if isinstance(result.exception, SystemExit):
        return f"exit status {result.exit_code}: {result.stdout[-300:]}"
    raise result.exception or AssertionError(result.stdout)


def verify_command(case: Case, folder: Path) -> Found:
    """`spikesim verify NETWORK`."""

    def arguments(folder: Path) -> list[str]:
        learn = ["--learn"] if case.learn else []
        return ["verify", str(folder / "net.h5"), "--samples", "2", "--steps", "30", "--rate", "0.4", *learn]

    return command(arguments, case, folder)


def export_command(to: str, case: Case, folder: Path) -> Found:
    """`spikesim export NETWORK --to ...`; a network without end gets trials."""

    def arguments(folder: Path) -> list[str]:
        steps = [] if case.steps is None else ["--T", "30"]
        given = ["export", str(folder / "net.h5"), "--to", to, "--out", str(folder / "out" / f"a.{to}")]
        return [*given, "--samples", "1", "--json", *steps]

    found = command(arguments, case, folder)
    if not found and not list((folder / "out").iterdir()):
        return "no file was written"
    return found


EXITS: tuple[Exit, ...] = (
    Exit("stepped", partial(verified, "stepped")),
    Exit("windowed", partial(verified, "windowed")),
    Exit("file", network_file),
    Exit("state", state_file),
    Exit("Brian2", partial(verified, "brian2"), slow=True),
    Exit("NIR", nir_file),
    Exit("NIR, by nir", partial(verified, "nir"), slow=True),
    Exit("Loihi", partial(verified, "loihi")),
    Exit("brian2-loihi", partial(verified, "brian2-loihi"), slow=True),
    Exit("Lava, float", partial(verified, "lava-float"), slow=True),
    Exit("Lava, fixed", partial(verified, "lava-fixed"), slow=True),
    Exit("Lava's file", lava_file),
    Exit("netx's file", netx_file),
    Exit("netx", partial(verified, "netx"), slow=True),
    Exit("quantise", quantised),
    Exit("energy", energy),
    Exit("verify", verify_command),
    Exit("export nir", partial(export_command, "nir"), slow=True),
    Exit("export lava", partial(export_command, "lava"), slow=True),
    Exit("export netx", partial(export_command, "netx"), slow=True),
)
ALL: Mapping[str, Exit] = {each.name: each for each in EXITS}
