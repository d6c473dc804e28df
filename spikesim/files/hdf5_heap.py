"""Text of variable length, read without the HDF5 library, which may not return from a damaged heap.

Each entry of such a dataset is 16 bytes: length (4), address of a heap (8), number of an object in it (4). A
heap begins with "GCOL", version 1, 3 bytes, its size (8); objects follow, each with its number (2), its
references (2), 4 bytes, its size (8), and its bytes up to a multiple of 8; number 0 is what is free.

Source: HDF5 file format specification, version 3.0, sections III.E and IV.A.2.d.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

ENTRY = 16
MOST_HEAP = 64 << 20


class HeapError(ValueError):
    """A heap that is damaged or not at its address."""


class Heaps:
    """The heaps of an open file; each is read once.

    Args:
        handle: the file.
        size: its size in bytes.
        base: the offset of address 0 (the size of its user block).
    """

    def __init__(self, handle: BinaryIO, size: int, base: int) -> None:
        self._handle, self._size, self._base = handle, size, base
        self._found: dict[int, dict[int, bytes]] = {}

    def texts(self, offset: int, count: int, longest: int) -> list[bytes]:
        """The `count` texts of a dataset, or of a chunk of it, that begins at an offset of the file.

        Args:
            offset: of the first entry, in bytes.
            count: number of entries.
            longest: the longest text allowed, in bytes.

        Raises:
            HeapError: an invalid length, address or object number.
        """
        raw = self._bytes(offset, count * ENTRY)
        texts = []
        for k in range(count):
            length, address, number = struct.unpack_from("<IQI", raw, k * ENTRY)
            if length > longest:
                raise HeapError(f"an entry of {length:,} bytes; the limit is {longest:,}")
            held = self._heap(address).get(number) if length else b""
            if held is None or len(held) < length:
                raise HeapError(f"entry {k} is not in its heap")
            texts.append(held[:length].split(b"\0")[0])
        return texts

    def _bytes(self, offset: int, count: int) -> bytes:
        if offset < 0 or count < 0 or offset + count > self._size:
            raise HeapError(f"bytes {offset:,} to {offset + count:,} of a file of {self._size:,} are needed")
        self._handle.seek(offset)
        found = self._handle.read(count)
        if len(found) != count:
            raise HeapError("the file ends early")
        return found

    def _heap(self, address: int) -> dict[int, bytes]:
        if address in self._found:
            return self._found[address]
        if sum(len(held) for heap in self._found.values() for held in heap.values()) > MOST_HEAP:
            raise HeapError(f"more text than the limit of {MOST_HEAP:,} bytes")
        head = self._bytes(self._base + address, 16)
        mark, version, size = struct.unpack("<4sB3xQ", head)
        if mark != b"GCOL" or version != 1 or not 16 <= size <= MOST_HEAP:
            raise HeapError("a heap does not begin with the mark of a heap")
        body = self._bytes(self._base + address, size)
        found: dict[int, bytes] = {}
        place = 16
        while place + 16 <= size:
            number, _, held = struct.unpack_from("<HH4xQ", body, place)
            if number == 0:
                break
            if place + 16 + held > size or number in found:
                raise HeapError("an object extends beyond its heap, or occurs twice")
            found[number] = body[place + 16 : place + 16 + held]
            place += 16 + -(-held // 8) * 8
        self._found[address] = found
        return found
