"""Hashes of rows by content: of single rows, of all rows of a table, and of blocks of rows.

A row's hash is the first eight bytes of the SHA-256 of the row, in the form in which it passes, as
a big-endian unsigned integer. A table's fingerprint is the sum of its rows' hashes modulo 2**64,
which is the same in any order.

A block is a part of the rows in the order of their key. Where a block begins is decided by its
first row alone, whose hash is a multiple of `ROWS_PER_BLOCK`: however the rows are divided among
batches or processes, and whatever other rows are there, the same row begins a block.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from hashlib import sha256

from attrs import field, frozen, mutable

#: How many rows a block has on average: a power of two, of 256 or more. A row whose hash is a
#: multiple of it begins a block; of a million rows there are about 244 blocks.
ROWS_PER_BLOCK = 4096

_SIZE = sha256().digest_size
_HASH_SIZE = 8


def _digests(rows: Sequence[bytes]) -> bytes:
    return b"".join([sha256(row).digest() for row in rows])


def _hashes(digests: bytes) -> array[int]:
    """Take the hashes; summing them as an array takes two thirds of the time of single integers."""
    words = array("Q", digests)
    if sys.byteorder == "little":
        words.byteswap()
    return words[:: _SIZE // _HASH_SIZE]


def _starts(digests: bytes) -> list[int]:
    """Find the rows that begin a block; one byte in 256 is looked at in Python."""
    last_bytes = digests[_HASH_SIZE - 1 :: _SIZE]
    found = []
    place = last_bytes.find(0)
    while place >= 0:
        end = place * _SIZE + _HASH_SIZE
        if int.from_bytes(digests[end - _HASH_SIZE : end], "big") % ROWS_PER_BLOCK == 0:
            found.append(place)
        place = last_bytes.find(0, place + 1)
    return found


def row_hashes(rows: Sequence[bytes]) -> array[int]:
    """Hash each row."""
    return _hashes(_digests(rows))


def row_hash(row: bytes) -> int:
    """Hash one row."""
    return row_hashes([row])[0]


@frozen
class Block:
    """A part of a table's rows, in the order of their key.

    Attributes:
        key: the texts of the key of the first row; of the first block of a table as well.
        row_count: how many rows.
        fingerprint: the sum of their hashes modulo 2**64.

    """

    key: tuple[str, ...]
    row_count: int
    fingerprint: int


@frozen
class FingerprintPart:
    """The fingerprint of rows that follow each other in the order of the key.

    Attributes:
        row_count: how many rows.
        total: the sum of their hashes.
        starts: of the first row, and of each that begins a block: the key's texts, how many rows
            are before it, and the sum of their hashes. Empty where the rows are in no order.
        begins_block: whether the first row begins a block whatever comes before it.

    """

    row_count: int
    total: int
    starts: tuple[tuple[tuple[str, ...], int, int], ...]
    begins_block: bool


@mutable
class Fingerprint:
    """The count and the sum of rows as they pass, in the order of their key.

    Attributes:
        key_of: gives the texts of a row's key; None where the rows are in no such order, and
            have no blocks.

    """

    key_of: Callable[[bytes], tuple[str, ...]] | None = None
    row_count: int = 0
    total: int = 0
    _begins_block: bool = True
    _starts: list[tuple[tuple[str, ...], int, int]] = field(factory=list)

    def add(self, rows: Sequence[bytes]) -> None:
        """Add the next rows."""
        digests = _digests(rows)
        hashes = _hashes(digests)
        if self.key_of is not None:
            starts = _starts(digests)
            first = [0] if rows and not self._starts else []
            if first:
                self._begins_block = starts[:1] == first
            for start in dict.fromkeys(first + starts):
                before = self.total + sum(hashes[:start])
                self._starts.append((self.key_of(rows[start]), self.row_count + start, before))
        self.row_count += len(rows)
        self.total += sum(hashes)

    def extend(self, part: FingerprintPart) -> None:
        """Add the rows that come next in the order of the key, which were hashed elsewhere."""
        starts = part.starts if part.begins_block or not self.row_count else part.starts[1:]
        self._starts += [
            (key, self.row_count + row, self.total + before) for key, row, before in starts
        ]
        self.row_count += part.row_count
        self.total += part.total

    @property
    def part(self) -> FingerprintPart:
        """The rows that were added, as a value that another fingerprint is extended by."""
        return FingerprintPart(
            self.row_count, self.total, tuple(self._starts), begins_block=self._begins_block
        )

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of the rows that were added."""
        ends = [*self._starts[1:], ((), self.row_count, self.total)]
        return tuple(
            Block(key, next_row - row, (next_sum - before) % 2**64)
            for (key, row, before), (_, next_row, next_sum) in zip(self._starts, ends, strict=False)
        )
