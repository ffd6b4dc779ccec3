"""Compares two sides table by table: fingerprints first, then blocks, then rows.

Only the rows of blocks that differ are compared, if both sides have their rows in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from replant.difference.result import ComparedTable, FoundRows, SideComparison
from replant.difference.row_pairs import PairedRows, Row
from replant.difference.sides import Content, Side, SideTable
from replant.model import RelationName
from replant.sql.fingerprints import Block
from replant.sql.row_forms import COPY_ROWS, RowForm, Rows
from replant.verification.blocks import differing_ranges

#: A part of the rows of a side: the place of the first, and of the row behind the last.
Part = tuple[int, int]


def compare_sides(left: Side, right: Side, limit: int | None) -> SideComparison:
    """Compare two sides.

    Args:
        left: one of them; its tables come first.
        right: the other.
        limit: how many differing rows of each table are kept; None for all.

    """
    names = dict.fromkeys([*left.tables, *right.tables])
    tables = (TableComparison(left, right, name).compare(limit) for name in names)
    return SideComparison(left.label, right.label, tuple(tables))


@frozen
class TableComparison:
    """The comparison of one table of two sides."""

    left: Side
    right: Side
    name: RelationName

    def compare(self, limit: int | None) -> ComparedTable:
        """Compare the table; on a side that does not have it there are no rows."""
        mine, theirs = self.left.tables.get(self.name), self.right.tables.get(self.name)
        both = _common(mine, theirs) if mine is not None and theirs is not None else None
        one = mine or theirs
        assert one is not None
        columns = one.columns if both is None else both
        key = one.key if mine is None or theirs is None or mine.key == theirs.key else ()
        key = key if set(key) <= set(columns) else ()
        found = FoundRows(limit)
        form = self._form(mine, theirs)
        parts = self._parts(mine, theirs, form)
        if parts:
            pairs = PairedRows(columns, key)
            for own, other in parts:
                pairs.compare(
                    _read(self.left, mine, columns, form, own),
                    _read(self.right, theirs, columns, form, other),
                    found,
                )
        return ComparedTable(
            name=self.name,
            key=key,
            columns=columns,
            left_rows=None if mine is None else mine.row_count,
            right_rows=None if theirs is None else theirs.row_count,
            only_left=_others(mine, columns),
            only_right=_others(theirs, columns),
            counts=dict(found.counts),
            rows=tuple(found.rows),
        )

    def _form(self, mine: SideTable | None, theirs: SideTable | None) -> RowForm:
        """Choose a form in which the rows of both sides are known or can be read."""
        forms = [table.form for table in (mine, theirs) if table is not None and table.form]
        return forms[0] if forms else COPY_ROWS

    def _parts(
        self, mine: SideTable | None, theirs: SideTable | None, form: RowForm
    ) -> list[tuple[Part, Part]]:
        """Return the parts of both sides in which rows may differ; none if all are equal."""
        if mine is None or theirs is None:
            return [(_whole(mine), _whole(theirs))]
        alike = mine.columns == theirs.columns and {mine.form, theirs.form} <= {form, None}
        if not alike:
            return [(_whole(mine), _whole(theirs))]
        own, other = self.left.content(self.name, form), self.right.content(self.name, form)
        if (own.row_count, own.total) == (other.row_count, other.total):
            return []
        if not (mine.ordered and theirs.ordered and mine.key == theirs.key):
            return [(_whole(mine), _whole(theirs))]
        return list(_differing(own, other))


def _differing(own: Content, other: Content) -> Iterator[tuple[Part, Part]]:
    """Yield the parts of both sides between blocks that begin with the same row."""
    theirs = _blocks(other)
    starts, place = {}, 0
    for block in theirs:
        starts[block.key] = place
        place += block.row_count
    for part in differing_ranges(_blocks(own), theirs):
        low = 0 if part.low is None else starts[part.low]
        high = other.row_count if part.high is None else starts[part.high]
        yield (part.start, part.stop), (low, high)


def _blocks(content: Content) -> Sequence[Block]:
    return content.blocks or (Block((), content.row_count, content.total),)


def _common(mine: SideTable, theirs: SideTable) -> tuple[str, ...]:
    return tuple(name for name in mine.columns if name in theirs.columns)


def _others(table: SideTable | None, columns: Sequence[str]) -> tuple[str, ...]:
    if table is None:
        return ()
    return tuple(name for name in table.columns if name not in columns)


def _whole(table: SideTable | None) -> Part:
    return 0, 0 if table is None else table.row_count


def _read(
    side: Side, table: SideTable | None, columns: Sequence[str], form: RowForm, part: Part
) -> Iterator[list[Row]]:
    """Yield the compared columns of a part of the rows of a side."""
    start, stop = part
    if table is None or start == stop:
        return
    width = len(table.columns)
    places = [table.columns.index(name) for name in columns]
    for batch in _sliced(side.rows(table.name, form), start, stop):
        texts = (form.texts(row, width) for row in batch)
        yield [tuple(row[place] for place in places) for row in texts]


def _sliced(batches: Iterator[Rows], start: int, stop: int) -> Iterator[Rows]:
    """Yield the rows between two places; the rest is read as well, as a COPY has one end only."""
    place = 0
    for batch in batches:
        first, last = max(0, start - place), stop - place
        if first < len(batch) and last > 0:
            yield batch[first:last]
        place += len(batch)
