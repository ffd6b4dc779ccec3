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

#: How many rows a block has on average. A power of two. A row whose hash is a multiple of it begins
#: a block; of a million rows there are about 244 blocks.
ROWS_PER_BLOCK = 4096

_WORDS = sha256().digest_size // array("Q").itemsize


def row_hashes(rows: Sequence[bytes]) -> array[int]:
    """Hash each row; summing them as an array takes two thirds of the time of single integers."""
    words = array("Q", b"".join([sha256(row).digest() for row in rows]))
    if sys.byteorder == "little":
        words.byteswap()
    return words[::_WORDS]


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
    _starts: list[tuple[tuple[str, ...], int, int]] = field(factory=list)

    def add(self, rows: Sequence[bytes]) -> None:
        """Add the next rows."""
        hashes = row_hashes(rows)
        if self.key_of is not None:
            first = [0] if rows and not self._starts else []
            starts = [n for n, word in enumerate(hashes) if not word & (ROWS_PER_BLOCK - 1)]
            for start in dict.fromkeys(first + starts):
                before = self.total + sum(hashes[:start])
                self._starts.append((self.key_of(rows[start]), self.row_count + start, before))
        self.row_count += len(rows)
        self.total += sum(hashes)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of the rows that were added."""
        ends = [*self._starts[1:], ((), self.row_count, self.total)]
        return tuple(
            Block(key, next_row - row, (next_sum - before) % 2**64)
            for (key, row, before), (_, next_row, next_sum) in zip(self._starts, ends, strict=False)
        )
