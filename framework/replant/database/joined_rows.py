"""Rows that stay joined as the server sent them, until somebody looks at single ones.

Most rows are hashed and written as one piece of bytes with its neighbours: to make an object of
each takes longer than both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import overload

from attrs import field, frozen


@frozen
class JoinedRows(Sequence[bytes]):
    """The rows of a batch, in one form; a sequence of them without line ends.

    Attributes:
        text: the rows, each with a line end behind it.
        sizes: how many bytes each has, with its line end.

    """

    text: bytes = field(repr=False)
    sizes: list[int] = field(repr=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.sizes)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the rows without their line ends."""
        text = self.text
        lines = text.split(b"\n")
        if len(lines) == len(self.sizes) + 1:
            # No row has a line break in it, and this takes a quarter of the time.
            return iter(lines[:-1])
        return iter([text[a : b - 1] for a, b in pairwise(accumulate(self.sizes, initial=0))])

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> JoinedRows: ...

    def __getitem__(self, place: int | slice) -> bytes | JoinedRows:
        """Return a row without its line end, or some neighbours."""
        if isinstance(place, int):
            number = range(len(self.sizes))[place]
            start = sum(self.sizes[:number])
            return self.text[start : start + self.sizes[number] - 1]
        start, stop, step = place.indices(len(self.sizes))
        if step != 1:
            raise ValueError("rows are neighbours")
        if stop - start == len(self.sizes):
            return self
        sizes = self.sizes[start:stop]
        begin = sum(self.sizes[:start])
        return JoinedRows(self.text[begin : begin + sum(sizes)], sizes)

    def followed_by(self, others: JoinedRows) -> JoinedRows:
        """Return these rows and others behind them."""
        if not self.sizes:
            return others
        return JoinedRows(self.text + others.text, [*self.sizes, *others.sizes])


def joined(rows: Sequence[bytes]) -> bytes:
    """Return the rows in one piece, each with a line end behind it."""
    return rows.text if isinstance(rows, JoinedRows) else b"\n".join([*rows, b""])


def pieces(rows: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the rows with a line end behind each; a single large row is not copied for it."""
    if isinstance(rows, JoinedRows) or len(rows) != 1:
        yield joined(rows)
    else:
        yield rows[0]
        yield b"\n"


def bytes_in(rows: Sequence[bytes]) -> int:
    """Count the bytes of the rows, without line ends."""
    if isinstance(rows, JoinedRows):
        return len(rows.text) - len(rows)
    return sum(map(len, rows))


def longest(rows: Sequence[bytes]) -> int:
    """Return how many bytes the longest of the rows has, without its line end; 0 without rows."""
    if isinstance(rows, JoinedRows):
        return max(rows.sizes, default=1) - 1
    return max(map(len, rows), default=0)
