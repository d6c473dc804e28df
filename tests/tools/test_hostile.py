"""Damaged and hostile files: refused with a reason, in bounded memory, and never read elsewhere."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from spikesim.files.untrusted_hdf5 import FileRefused, Limits, tree
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import read
from spikesim.tools.dev.hostile import FAILED, attack, table
from spikesim.tools.dev.hostile_files import HOSTILE, MARK, names, spoil, write_secret
from spikesim.tools.dev.hostile_readers import READERS

# Of each kind, what is wrong in the reader's words.
SAID = {
    "soft link": "is a SoftLink",
    "external link": "is a ExternalLink",
    "external storage": "external storage",
    "virtual dataset": "virtual dataset",
    "linked twice": "linked twice",
    "giant shape": "claims|part of it is not in the file",
    "numbers that are not there": "claims",
    "compression bomb": "claims",
    "chunk that unfolds beyond itself": "does not decompress to its",
    "giant chunk": "has chunks of",
    "NaN": "holds nan",
    "infinity": "holds inf",
    "reference": "plain numbers or text",
    "attributes": "attributes",
    "deep groups": "groups deep",
    "many groups": "more than 10,000 objects",
    "long text": "limit is",
    "giant list of text": "entries, in two axes",
}


@pytest.mark.parametrize("kind", SAID)
def test_what_is_hostile_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path, secret = tmp_path / "x.nir", tmp_path / "secret"
    READERS["nir-foreign"].write(path)
    write_secret(secret)
    spoil(path, kind, np.random.default_rng(3), secret)
    with pytest.raises(FileRefused, match=SAID[kind]) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("reader", ["nir", "events"])
def test_sixty_files_in_a_process_of_their_own(reader: str) -> None:
    tally = attack(reader, 2 * len(names()), seed=1)
    assert sum(tally.counts.values()) == 2 * len(names()) >= 60
    assert tally.faults == []
    assert tally.counts["refused"] > len(names())
    assert tally.grown < 256 << 20
    made = table({reader: tally}, 2 * len(names()), 1)
    assert all(row[made.columns.index(what)] == 0 for row in made.rows for what in FAILED)


def test_the_attack_sees_what_a_careless_reader_does(tmp_path: Path) -> None:
    """h5py itself follows what spikesim refuses, so the test files are hostile indeed."""
    secret = tmp_path / "secret"
    write_secret(secret)
    seen = set()
    for kind in ("external link", "external storage", "virtual dataset"):
        path = tmp_path / kind
        READERS["nir-foreign"].write(path)
        spoil(path, kind, np.random.default_rng(4), secret)
        found: list[float] = []
        with h5py.File(path) as file:
            _all(file, found)
        seen |= {kind} if MARK in found else set()
    assert "virtual dataset" in seen and len(seen) >= 2
    assert set(SAID) <= set(HOSTILE)


def _all(group: h5py.Group, found: list[float]) -> None:
    for name in group:
        item = group[name]
        if isinstance(item, h5py.Group):
            _all(item, found)
        elif item.dtype.kind == "f":
            found.extend(np.asarray(item[()]).reshape(-1).tolist())


def test_limits_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.nir"
    READERS["nir"].write(path)
    with pytest.raises(FileRefused, match=r"has [\d,]+ bytes; the limit is 1,000"):
        tree(path, Limits(bytes=1000))
    with pytest.raises(FileRefused, match="there is no such file"):
        tree(tmp_path / "none")
    (tmp_path / "text").write_text("not HDF5")
    with pytest.raises(FileRefused, match="cannot be read as HDF5"):
        tree(tmp_path / "text")
    with h5py.File(tmp_path / "other", "w") as file:
        file["x"] = 1
    with pytest.raises(NirError, match="unknown entry of a NIR file 'x'"):
        read(tmp_path / "other")
