"""The one way in which files are opened: regular files only, sizes before memory."""

from __future__ import annotations

import os
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikesim.errors import CheckpointError, DataError
from spikesim.files.npz import read_npz
from spikesim.files.regular import open_regular, read_regular

pytestmark = pytest.mark.core


def test_a_regular_file_is_read_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_regular(path) == read_regular(str(path), limit=5) == b"12345"
    with pytest.raises(DataError, match=r"has 5 bytes; the limit is 4\. Cut it\."):
        read_regular(path, limit=4, error=DataError, way_out="Cut it.")
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read_regular(link) == b"12345"


@pytest.mark.timeout(20)
def test_a_fifo_a_socket_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, said in (
        (tmp_path / "fifo", "is a FIFO"),
        (Path("/dev/zero"), "is a device"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(CheckpointError, match=said):
            read_regular(path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match="symbolic links"):
        read_regular(tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="socket"), open_regular(tmp_path / "socket"):
            pass
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "missing")


def test_archives_of_arrays_are_read_and_damage_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(3))
    assert read_npz(path)["x"].tolist() == [0, 1, 2]
    np.savez_compressed(tmp_path / "zeros.npz", x=np.zeros(10_000))
    with pytest.raises(DataError, match=r"unpacks to .* the limit is"):
        read_npz(tmp_path / "zeros.npz", limit=10_000)
    np.save(tmp_path / "one.npy", np.arange(3))
    with pytest.raises(DataError, match="no archive of arrays"):
        read_npz(tmp_path / "one.npy")
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="without Python objects"):
        read_npz(tmp_path / "objects.npz")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="cannot be read"):
        read_npz(path)
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("note", "text")
    with pytest.raises(DataError, match="is no array"):
        read_npz(tmp_path / "text.npz")
    with pytest.raises(DataError, match="no such file"):
        read_npz(tmp_path / "missing.npz")
