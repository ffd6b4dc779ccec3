"""Compares two sides table by table: fingerprints first, then blocks, then rows.

Only the rows of blocks that differ are compared, if both sides have their rows in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import evolve, frozen

from replant.artifact.row_batches import check_rows, parsed
from replant.difference.raw_rows import differing_rows
from replant.difference.result import ComparedTable, FoundRows, SideComparison
from replant.difference.row_pairs import Add, PairedRows, Row
from replant.difference.sides import Content, Part, Side, SideTable
from replant.model import RelationName
from replant.sql.fingerprints import Fingerprint
from replant.sql.row_forms import COPY_ROWS, RowForm, Rows
from replant.verification.blocks import differing_ranges

#: So many rows that differ are taken apart at a time.
_TAKEN = 1000


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
        mine, theirs = self._tables
        columns, key = self._compared
        found = FoundRows(limit)
        self.find(found.add)
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

    def find(self, add: Add) -> Fingerprint | None:
        """Find the rows that differ.

        Args:
            add: is given each.

        Returns:
            What those of the right side are together, each hashed by itself as it stands; None
            where rows were not compared as they stand.

        """
        mine, theirs = self._tables
        columns, key = self._compared
        form = self._form(mine, theirs)
        if mine is not None and theirs is not None and _are_alike(mine, theirs, form):
            return self._find_alike(mine, theirs, form, add)
        pairs = PairedRows[Row](columns, key, (_as_it_is, _as_it_is))
        sides = ((self.left, mine), (self.right, theirs))
        pairs.compare([_texts(side, table, columns, form) for side, table in sides], add)
        return None

    @property
    def _tables(self) -> tuple[SideTable | None, SideTable | None]:
        return self.left.tables.get(self.name), self.right.tables.get(self.name)

    @property
    def _compared(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The columns that are compared, and those of them by which rows are paired."""
        mine, theirs = self._tables
        both = _common(mine, theirs) if mine is not None and theirs is not None else None
        one = mine or theirs
        assert one is not None
        columns = one.columns if both is None else both
        key = one.key if mine is None or theirs is None or mine.key == theirs.key else ()
        return columns, key if set(key) <= set(columns) else ()

    def _form(self, mine: SideTable | None, theirs: SideTable | None) -> RowForm:
        """Choose a form in which the rows of both sides are known or can be read."""
        forms = [table.form for table in (mine, theirs) if table is not None and table.form]
        return forms[0] if forms else COPY_ROWS

    def _find_alike(
        self, mine: SideTable, theirs: SideTable, form: RowForm, add: Add
    ) -> Fingerprint:
        """Compare rows as they stand, and take those apart that differ."""
        sides = (self.left, self.right)
        width = len(mine.columns)
        left, right = (_parser(form, width, self.name, side.label) for side in sides)
        pairs = PairedRows[bytes](*self._compared, (left, right))
        of_right = Fingerprint()
        for parts in self._parts(mine, theirs, form):
            differing = differing_rows(
                *(s.part(self.name, form, part) for s, part in zip(sides, parts, strict=True))
            )
            of_right.add(differing[1])
            checked = [
                _checked(form, rows, width, self.name, side.label)
                for side, rows in zip(sides, differing, strict=True)
            ]
            pairs.compare(checked, add)
        return of_right

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


def _parser(form: RowForm, width: int, name: RelationName, origin: str) -> Callable[[bytes], Row]:
    """Return what takes a row of a side apart."""
    return lambda row: parsed(form, [row], width, name, origin)[0]


def _checked(
    form: RowForm, rows: Rows, width: int, name: RelationName, origin: str
) -> Iterator[Rows]:
    """Yield rows in batches, once they were found to be rows.

    Raises:
        ArtifactError: one is none.

    """
    for start in range(0, len(rows), _TAKEN):
        batch = rows[start : start + _TAKEN]
        check_rows(form, batch, width, name, origin)
        yield batch


def _as_it_is(row: Row) -> Row:
    return row


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
