"""What a network has that NIR cannot hold, refused by name before anything is written."""

from __future__ import annotations

from typing import Any

from spikesim.hardware.limits import exceeded
from spikesim.hardware.nir.nodes import NirError
from spikesim.network import Network
from spikesim.neurons import IF, LIF

MOST_BYTES = 1 << 30
OWN = ("reset", "window", "grid")  # looked at below


def check(network: Network) -> None:
    """Refuse what NIR cannot hold.

    Raises:
        NirError: the first such thing, with the way out, and how many more there are.
    """
    found = [str(e) for e in exceeded(network, "nir") if e.limit not in OWN]
    if not network.sources:
        found.append("no population is a Source, and a graph needs an Input. Add one, with weights of 0")
    for name, p in network.populations.items():
        if isinstance(p, IF | LIF):
            found += _of_neurons(name, p)
            if not network.incoming(name):
                found.append(
                    f"{name}: nothing leads to it, and readers put an Input before such neurons. Give it a "
                    f"Dense projection (of zeros)"
                )
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise NirError(f"NIR cannot hold this network: {found[0]}{more}")


def _of_neurons(name: str, p: Any) -> list[str]:
    found = []
    if p.reset == "subtract":
        found.append(f"{name}: reset = 'subtract'; NIR resets to a value. Train with a reset to zero")
    if isinstance(p, LIF) and p.grid is not None and not _whole(p):
        found.append(
            f"{name}: grid = {p.grid} with u_decay = {p.u_decay}, v_decay = {p.v_decay}: what is left "
            "of a decay is cut off to the grid (Loihi), and NIR's neurons keep real numbers. Declare "
            "it with grid=None"
        )
    if isinstance(p, LIF) and p.u_decay < 1 and (p.u_decay == 0 or p.v_decay == 0):
        found.append(
            f"{name}: u_decay = {p.u_decay}, v_decay = {p.v_decay}: a CubaLIF has two finite time constants. "
            f"Take decays above 0"
        )
    return found


def _whole(p: LIF) -> bool:
    """Whether a decay keeps all or nothing, so that nothing is cut off."""
    return p.u_decay in (0.0, 1.0) and p.v_decay in (0.0, 1.0)
