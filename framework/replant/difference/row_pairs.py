"""Finds the rows of two streams that differ, while both pass.

Rows are paired by their key. A row waits until its like comes by on the other side, so of two
streams in about the same order only those rows are held that differ, as they came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Generic, TypeVar

from attrs import frozen

from replant.difference.result import DifferingRow, Presence, Values
from replant.model import Text

Row = tuple[Text, ...]

#: A row as it comes and waits: its texts, or the one piece that they are in some form.
Held = TypeVar("Held", bound=Hashable)

#: Takes a row that differs.
Add = Callable[[DifferingRow], None]

#: Batches of both sides; None in the place of a side that has no more.
_Batches = Iterable[tuple[Sequence[Held] | None, Sequence[Held] | None]]


@frozen
class PairedRows(Generic[Held]):
    """What is compared of the rows of two streams.

    Attributes:
        columns: the columns that both sides have.
        key: those that identify a row; none where only its content does.
        texts_of: takes a row of the left side apart, and one of the right side.

    """

    columns: tuple[str, ...]
    key: tuple[str, ...]
    texts_of: tuple[Callable[[Held], Row], Callable[[Held], Row]]

    def compare(self, sides: Iterable[Iterator[Sequence[Held]]], add: Add) -> None:
        """Find the rows that differ.

        Args:
            sides: the rows of the left side in batches, and those of the right side.
            add: is given each, with the values of the compared columns.

        """
        left, right = sides
        pair = self._by_key if self.key else self._by_content
        only_left, only_right = pair(zip_longest(left, right), add)
        for side, rows in enumerate((only_left, only_right)):
            for row in rows:
                add(self._only(side, self.texts_of[side](row)))

    def _by_key(self, batches: _Batches[Held], add: Add) -> tuple[Iterable[Held], Iterable[Held]]:
        """Add the rows that are on both sides with other values; return the others."""
        places = [self.columns.index(name) for name in self.key]
        waiting: tuple[dict[Row, Held], dict[Row, Held]] = ({}, {})
        for pair in batches:
            for side, batch in enumerate(pair):
                own, other = waiting[side], waiting[1 - side]
                for row in batch or ():
                    texts = self.texts_of[side](row)
                    key = tuple(texts[place] for place in places)
                    if key in other:
                        like = other.pop(key)
                        if like != row:
                            others = self.texts_of[1 - side](like)
                            left, right = (others, texts) if side else (texts, others)
                            add(self._changed(left, right))
                    elif pair[1 - side] is None or key in own:
                        # The other side has no more rows, or no constraint of this one makes the
                        # key unique.
                        add(self._only(side, texts))
                    else:
                        own[key] = row
        return waiting[0].values(), waiting[1].values()

    def _by_content(self, batches: _Batches[Held], _: Add) -> tuple[Iterable[Held], Iterable[Held]]:
        """Return the rows of which one side has more; the same content may be there repeatedly."""
        waiting: tuple[Counter[Held], Counter[Held]] = (Counter(), Counter())
        for pair in batches:
            for side, batch in enumerate(pair):
                own, other = waiting[side], waiting[1 - side]
                for row in batch or ():
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
