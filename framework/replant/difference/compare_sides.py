"""Compares two sides table by table: fingerprints first, then blocks, then rows.

Only the rows of blocks that differ are compared, if both sides have their rows in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve, frozen

from replant.artifact.row_batches import taken_apart
from replant.difference.raw_rows import differing_rows
from replant.difference.result import ComparedTable, FoundRows, SideComparison
from replant.difference.row_pairs import PairedRows, Row
from replant.difference.sides import Content, Part, Side, SideTable
from replant.model import RelationName
from replant.sql.row_forms import COPY_ROWS, RowForm, Rows
from replant.verification.blocks import differing_ranges


def compare_sides(
    left: Side, right: Side, limit: int | None, *, by_blocks: bool = True
) -> SideComparison:
    """Compare two sides.

    Args:
        left: one of them; its tables come first.
        right: the other.
        limit: how many differing rows of each table are kept; None for all.
        by_blocks: as for `TableComparison`.

    """
    names = dict.fromkeys([*left.tables, *right.tables])
    tables = (TableComparison(left, right, name, by_blocks).compare(limit) for name in names)
    return SideComparison(left.label, right.label, tuple(tables))


@frozen
class TableComparison:
    """The comparison of one table of two sides.

    Attributes:
        by_blocks: whether fingerprints are compared first, and then the rows only of blocks that
            differ; otherwise the rows of both sides at once.

    """

    left: Side
    right: Side
    name: RelationName
    by_blocks: bool = True

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
        pairs = PairedRows(columns, key)
        lines: Rows | None = None
        if mine is not None and theirs is not None and _are_alike(mine, theirs, form):
            lines = self._compare_alike(mine, theirs, form, pairs, found)
        else:
            pairs.compare(
                _texts(self.left, mine, columns, form),
                _texts(self.right, theirs, columns, form),
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
            lines=None if lines is None else tuple(lines),
        )

    def _form(self, mine: SideTable | None, theirs: SideTable | None) -> RowForm:
        """Choose a form in which the rows of both sides are known or can be read."""
        forms = [table.form for table in (mine, theirs) if table is not None and table.form]
        return forms[0] if forms else COPY_ROWS

    def _compare_alike(
        self,
        mine: SideTable,
        theirs: SideTable,
        form: RowForm,
        pairs: PairedRows,
        found: FoundRows,
    ) -> Rows:
        """Compare rows as they stand, take those apart that differ, and return the right ones."""
        lines: list[bytes] = []
        width = len(mine.columns)
        for own, other in self._parts(mine, theirs, form):
            differing = differing_rows(
                self.left.part(self.name, form, own), self.right.part(self.name, form, other)
            )
            left, right = (
                taken_apart(form, rows, width, self.name, side.label)
                for side, rows in zip((self.left, self.right), differing, strict=True)
            )
            pairs.compare(iter([left]), iter([right]), found)
            lines += differing[1]
        return lines

    def _parts(
        self, mine: SideTable, theirs: SideTable, form: RowForm
    ) -> Iterable[tuple[Part, Part]]:
        """Return the parts of both sides in which rows may differ; none if all are equal."""
        whole = (_whole(mine), _whole(theirs))
        if not self.by_blocks:
            return [whole]
        in_order = mine.ordered and theirs.ordered and mine.key == theirs.key
        own, other = self._contents(mine, form, in_order=in_order)
        if (own.row_count, own.total) == (other.row_count, other.total):
            return []
        return _differing(own, other) if in_order and own.blocks and other.blocks else [whole]

    def _contents(
        self, mine: SideTable, form: RowForm, *, in_order: bool
    ) -> tuple[Content, Content]:
        """Return the content of both sides; an artifact's is known, so it comes first.

        The rows of the other side are divided as those of the first, if they come in their order.
        """
        sides = (self.right, self.left) if mine.form is None else (self.left, self.right)
        first = sides[0].content(self.name, form)
        like = first if in_order else evolve(first, blocks=())
        second = sides[1].content(self.name, form, like)
        return (second, first) if mine.form is None else (first, second)


def _are_alike(mine: SideTable, theirs: SideTable, form: RowForm) -> bool:
    """Tell whether equal rows of both sides have equal bytes."""
    return mine.columns == theirs.columns and {mine.form, theirs.form} <= {form, None}


def _differing(own: Content, other: Content) -> Iterator[tuple[Part, Part]]:
    """Yield the parts of both sides between blocks that begin with the same row."""
    starts, place = {}, 0
    for block in other.blocks:
        starts[block.key] = place
        place += block.row_count
    for part in differing_ranges(own.blocks, other.blocks):
        low = 0 if part.low is None else starts[part.low]
        high = other.row_count if part.high is None else starts[part.high]
        yield (
            Part(part.start, part.stop, part.low, part.high),
            Part(low, high, part.low, part.high),
        )


def _common(mine: SideTable, theirs: SideTable) -> tuple[str, ...]:
    return tuple(name for name in mine.columns if name in theirs.columns)


def _others(table: SideTable | None, columns: Sequence[str]) -> tuple[str, ...]:
    if table is None:
        return ()
    return tuple(name for name in table.columns if name not in columns)


def _whole(table: SideTable) -> Part:
    return Part(0, table.row_count)


def _texts(
    side: Side, table: SideTable | None, columns: Sequence[str], form: RowForm
) -> Iterator[list[Row]]:
    """Yield the compared columns of all rows of a side."""
    if table is None:
        return
    width = len(table.columns)
    places = [table.columns.index(name) for name in columns]
    for batch in side.rows(table.name, form):
        texts = (form.texts(row, width) for row in batch)
        yield [tuple(row[place] for place in places) for row in texts]
