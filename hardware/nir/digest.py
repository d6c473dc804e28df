"""SHA-256 of a graph, stored in the metadata of our NIR files; other readers ignore it."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim.files.atomic import json_bytes, sha256_bytes
from spikesim.files.untrusted_hdf5 import FileRefused, Tree, walk

DIGEST = "spikesim_sha256"


def digest(node: Tree) -> str:
    """The SHA-256 (hex) over names, types, shapes and bytes of all entries of /node but itself."""
    parts = [_entry(name, value) for name, value in sorted(walk(node)) if name != f"/metadata/{DIGEST}"]
    return sha256_bytes(b"\n".join(parts))


def _entry(name: str, value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"), copy=False))
        head = [name, value.dtype.newbyteorder("<").str, list(value.shape)]
        return json_bytes(head) + b" " + sha256_bytes(little.tobytes()).encode()
    return json_bytes([name, value])


def check_digest(found: Tree, where: str) -> bool:
    """Verify a file's digest; False where it has none.

    Raises:
        FileRefused: the digest is wrong: the file was changed after it was written.
    """
    node = found.get("node")
    metadata = node.get("metadata") if isinstance(node, dict) else None
    if node is None or not isinstance(metadata, dict) or DIGEST not in metadata:
        return False
    if metadata[DIGEST] != digest(node):
        raise FileRefused(
            f"{where}: its contents are not those that its digest states: it was damaged, or changed "
            "by another program. Bring it back from where it was made; if it was changed on purpose, "
            f"remove /node/metadata/{DIGEST}"
        )
    return True
