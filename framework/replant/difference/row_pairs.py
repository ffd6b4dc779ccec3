"""Finds the rows of two streams that differ, while both pass.

Rows are paired by their key. A row waits until its like comes by on the other side, so of two
streams in about the same order only those rows are held that differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from attrs import frozen

from replant.difference.result import DifferingRow, FoundRows, Presence, Values
from replant.model import Text

Row = tuple[Text, ...]


@frozen
class PairedRows:
    """What is compared of the rows of two streams.

    Attributes:
        columns: the columns that both sides have.
        key: those that identify a row; none where only its content does.

    """

    columns: tuple[str, ...]
    key: tuple[str, ...]

    def compare(
        self, left: Iterator[Sequence[Row]], right: Iterator[Sequence[Row]], found: FoundRows
    ) -> None:
        """Add the rows that differ, each with the values of the compared columns."""
        pair = self._by_key if self.key else self._by_content
        only_left, only_right = pair(zip_longest(left, right, fillvalue=()), found)
        for side, rows in enumerate((only_left, only_right)):
            for row in rows:
                found.add(self._only(side, row))

    def _by_key(
        self, batches: Iterable[tuple[Sequence[Row], ...]], found: FoundRows
    ) -> tuple[Iterable[Row], Iterable[Row]]:
        """Add the rows that are on both sides with other values; return the others."""
        places = [self.columns.index(name) for name in self.key]
        waiting: tuple[dict[Row, Row], dict[Row, Row]] = ({}, {})
        for pair in batches:
            for side, batch in enumerate(pair):
                own, other = waiting[side], waiting[1 - side]
                for row in batch:
                    key = tuple(row[place] for place in places)
                    like = other.pop(key, None)
                    if like is None and key in own:
                        # No constraint of this side makes the key unique.
                        found.add(self._only(side, row))
                    elif like is None:
                        own[key] = row
                    elif like != row:
                        found.add(self._changed(*((row, like) if side == 0 else (like, row))))
        return waiting[0].values(), waiting[1].values()

    def _by_content(
        self, batches: Iterable[tuple[Sequence[Row], ...]], _: FoundRows
    ) -> tuple[Iterable[Row], Iterable[Row]]:
        """Return the rows of which one side has more; the same content may be there repeatedly."""
        waiting: tuple[Counter[Row], Counter[Row]] = (Counter(), Counter())
        for pair in batches:
            for side, batch in enumerate(pair):
                own, other = waiting[side], waiting[1 - side]
                for row in batch:
                    if row not in other:
                        own[row] += 1
                    elif other[row] == 1:
                        del other[row]
                    else:
                        other[row] -= 1
        return waiting[0].elements(), waiting[1].elements()

    def _only(self, side: int, row: Row) -> DifferingRow:
        key, values = self._key(row), self._values(row)
        if side == 0:
            return DifferingRow(Presence.LEFT, key, values, None)
        return DifferingRow(Presence.RIGHT, key, None, values)

    def _changed(self, left: Row, right: Row) -> DifferingRow:
        pairs = zip(self.columns, left, right, strict=True)
        differing = [(name, mine, theirs) for name, mine, theirs in pairs if mine != theirs]
        return DifferingRow(
            Presence.BOTH,
            self._key(left),
            {name: mine for name, mine, _ in differing},
            {name: theirs for name, _, theirs in differing},
        )

    def _values(self, row: Row) -> Values:
        return dict(zip(self.columns, row, strict=True))

    def _key(self, row: Row) -> Values:
        return {name: row[self.columns.index(name)] for name in self.key}
