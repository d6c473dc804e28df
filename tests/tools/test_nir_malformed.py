"""Malformed NIR graphs: each fault does change the file, and our reader refuses it by an error of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikesim.hardware.nir import Convention, read_nir
from spikesim.tools.dev import nir_faults, nir_malformed
from spikesim.tools.dev.nir_compare import written
from spikesim.tools.dev.nir_graphs import drawn
from spikesim.tools.dev.nir_structure import flattened, kind

pytest.importorskip("nir")


def test_every_fault_is_refused() -> None:
    said: list[str] = []
    found = nir_malformed.run(3 * len(nir_faults.FAULTS), 2, said.append)
    assert len(found) > 0.8 * len(nir_faults.FAULTS)
    total = nir_malformed.table(found, 90, 2).rows[-1]
    assert total[:2] == ("all", 3 * len(nir_faults.FAULTS))
    assert sorted(name for names in nir_faults.GROUPS.values() for name in names) == sorted(nir_faults.FAULTS)
    assert [line for line in said if ": crashed: " in line] == []


def test_a_sound_graph_is_no_fault(tmp_path: Path) -> None:
    """The same file without the fault is read, and one with it says where."""
    graph, path = drawn(2), tmp_path / "graph.nir"
    written(graph, path)
    read_nir(path, Convention(dt=graph.dt))
    what, message = nir_malformed.fault_in(graph, "NaN", path)
    assert what == "refused, named"
    assert "nan" in message
    assert nir_malformed.fault_in(graph, "edge to nothing", path)[0] == "refused, named"


def test_a_fault_without_a_place_is_none(tmp_path: Path) -> None:
    kinds = {seed: {kind(node) for node in flattened(drawn(seed).graph)[0].values()} for seed in range(20)}
    plain = next(seed for seed, seen in kinds.items() if not seen & {"Conv1d", "Conv2d"})
    full = next(seed for seed, seen in kinds.items() if seen & {"Conv1d", "Conv2d"} and not drawn(seed).batch)
    assert nir_malformed.fault_in(drawn(plain), "padding unknown", tmp_path / "x.nir") == ("", "")
    assert nir_malformed.fault_in(drawn(full), "padding unknown", tmp_path / "x.nir")[0] == "refused, named"
