"""Hashes of rows by content: of single rows, of blocks of rows, and of all rows of a table.

A hash is the first eight bytes of a SHA-256, as a big-endian unsigned integer. That of a row is
taken of the row in the form in which it passes. That of a block is taken of its rows in the order
of their key, each with a line end behind it. A row of more than `LONGEST_IN_BLOCK` bytes stands in
its block as a backspace, with which no row begins, and the digits of its own SHA-256, so that a
server can put the block together in memory.

A table's fingerprint is the sum of the hashes of its blocks modulo 2**64: one hash for a thousand
rows takes a fifth of the time of a thousand hashes. Where the rows are few, or in no order that
every database has, it is the sum of the hashes of the rows, which is the same in any order.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import field, frozen, mutable

from replant.database.joined_rows import joined, longest

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

#: A longer row counts by its own hash: no block then takes more than 32 MB of a server's memory.
LONGEST_IN_BLOCK = 8192

#: How many rows a block may have. The more blocks a table has, the fewer rows are read where some
#: differ, and the longer its manifest is. Tables with fewer rows than blocks have none.
_SMALLEST, MOST_IN_BLOCK = 256, 4096
_BLOCKS = 1024

_SIZE = sha256().digest_size
_HASH_SIZE = 8


def rows_per_block(row_count: int) -> int:
    """Choose how many rows a block of an ordered table has; 1 if its rows are hashed one by one."""
    if row_count < _BLOCKS:
        return 1
    needed = -(-row_count // _BLOCKS)
    return min(max(1 << (needed - 1).bit_length(), _SMALLEST), MOST_IN_BLOCK)


def row_hashes(rows: Sequence[bytes]) -> array[int]:
    """Hash each row; summing them as an array takes two thirds of the time of single integers."""
    words = array("Q", b"".join([sha256(row).digest() for row in rows]))
    if sys.byteorder == "little":
        words.byteswap()
    return words[:: _SIZE // _HASH_SIZE]


def row_hash(row: bytes) -> int:
    """Hash one row."""
    return row_hashes([row])[0]


@frozen
class Block:
    """A part of a table's rows, in the order of their key.

    Attributes:
        key: the texts of the key of the first row.
        row_count: how many rows.
        fingerprint: their hash.

    """

    key: tuple[str, ...]
    row_count: int
    fingerprint: int


@frozen
class FingerprintPart:
    """The fingerprint of rows, as a value.

    Attributes:
        row_count: how many rows.
        total: the sum of the hashes modulo 2**64.
        blocks: those of the rows, in order; none where each row is hashed by itself.

    """

    row_count: int
    total: int
    blocks: tuple[Block, ...] = ()


@mutable
class _OpenBlock:
    """A block to which rows are still added.

    Attributes:
        key: the texts of the key of the first row.
        is_last: whether no other block comes after it.

    """

    key: tuple[str, ...]
    is_last: bool = False
    row_count: int = field(default=0, init=False)
    _hash: HASH = field(factory=sha256, init=False)

    def add(self, rows: Sequence[bytes]) -> None:
        if longest(rows) > LONGEST_IN_BLOCK:
            rows = [row if len(row) <= LONGEST_IN_BLOCK else _shortened(row) for row in rows]
        self._hash.update(joined(rows))
        self.row_count += len(rows)

    @property
    def closed(self) -> Block:
        head = self._hash.digest()[:_HASH_SIZE]
        return Block(self.key, self.row_count, int.from_bytes(head, "big"))


def _shortened(row: bytes) -> bytes:
    return b"\b" + sha256(row).hexdigest().encode()


@mutable
class Fingerprint:
    """The count and the fingerprint of rows as they pass.

    Attributes:
        rows_per_block: how many rows a block has; 1 where each row is hashed by itself.
        key_of: gives the texts of a row's key; without it, nothing tells where a block begins.
        like: the blocks of the rows with which these are compared. The row that begins one of them
            begins a block here too, but for the first row behind missing or additional ones.

    """

    rows_per_block: int = 1
    key_of: Callable[[bytes], tuple[str, ...]] | None = None
    like: Sequence[Block] = ()
    row_count: int = field(default=0, init=False)
    _total: int = field(default=0, init=False)
    _blocks: list[Block] = field(factory=list, init=False)
    _open: _OpenBlock | None = field(default=None, init=False)
    #: How many of the next rows belong to the open block, whatever they are.
    _belonging: int = field(default=0, init=False)
    _places: dict[tuple[str, ...], int] = field(init=False)

    @_places.default
    def _places_of_like(self) -> dict[tuple[str, ...], int]:
        return {block.key: place for place, block in enumerate(self.like)}

    def add(self, rows: Sequence[bytes]) -> None:
        """Add the next rows."""
        self.row_count += len(rows)
        if self.rows_per_block == 1:
            self._total += sum(row_hashes(rows))
            return
        start = 0
        while start < len(rows):
            block = self._block_of(rows[start])
            end = min(start + self._belonging, len(rows))
            block.add(rows[start:end])
            self._belonging -= end - start
            start = end

    def _block_of(self, row: bytes) -> _OpenBlock:
        """Return the block to which the next row belongs: the open one, or one that it begins."""
        if self._open is not None and (self._belonging or self._open.is_last):
            self._belonging = self._belonging or self.rows_per_block
            return self._open
        key = () if self.key_of is None else self.key_of(row)
        place = self._places.get(key)
        self._belonging = self.rows_per_block
        if self.like:
            # Behind a row that is missing or additional, rows are looked at one by one until one
            # of them begins a block there.
            self._belonging = 1 if place is None else self.like[place].row_count
            if place is None and self._open is not None:
                return self._open
        self._close()
        self._open = _OpenBlock(key, place is not None and place == len(self.like) - 1)
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            block = self._open.closed
            self._blocks.append(block)
            self._total += block.fingerprint
            self._open = None

    def extend(self, part: FingerprintPart) -> None:
        """Add rows that come next, and were hashed elsewhere; they begin a block."""
        self._close()
        self.row_count += part.row_count
        self._total += part.total
        self._blocks += part.blocks

    @property
    def part(self) -> FingerprintPart:
        """The rows that were added, as a value by which another fingerprint is extended."""
        return FingerprintPart(self.row_count, self.total, self.blocks)

    @property
    def total(self) -> int:
        """The sum of the hashes modulo 2**64."""
        open_hash = 0 if self._open is None else self._open.closed.fingerprint
        return (self._total + open_hash) % 2**64

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of the rows that were added; none where each row is hashed by itself."""
        return tuple(self._blocks) if self._open is None else (*self._blocks, self._open.closed)
