"""Finds values that may be too long for an index of the target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import define, field

from replant.model import Finding, RelationName, Severity, Subject, readable
from replant.preflight.row_check import CheckContext, CheckedRow

#: A third of a page, which is what a B-tree index has room for. PostgreSQL source, nbtree.h,
#: BTMaxItemSize. A value that compresses well may be longer.
_ROOM = 2704


@define
class LongValues:
    """Finds values of indexed columns that may be too long for the index.

    Attributes:
        indexed: the columns, each with an index that holds it.

    """

    table: RelationName
    indexed: Mapping[str, str]
    _longest: dict[str, int] = field(factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """The indexed columns."""
        return frozenset(self.indexed)

    def observe(self, rows: Sequence[CheckedRow]) -> None:
        """Remember the longest text of each column."""
        for column in self.indexed:
            longest = max((len(row[column] or "") for row in rows), default=0)
            self._longest[column] = max(self._longest.get(column, 0), longest)

    def findings(self) -> Iterator[Finding]:
        """Yield a note for each column that has such a value."""
        for column, length in sorted(self._longest.items()):
            if length > _ROOM:
                place = f"{self.table}.{readable(column)}"
                yield Finding(
                    Subject.UNSEEN,
                    Severity.NOTE,
                    place,
                    f"{place} has a value of {length} characters, and the index "
                    f"{readable(self.indexed[column])} has room for {_ROOM} bytes, compressed",
                    "replay with --rehearse tries it, and undoes everything",
                )


def long_values_check(context: CheckContext, name: RelationName) -> LongValues | None:
    """Make the check for a dry run, if an index of the table holds exported texts."""
    held = {*context.tables[name].column_names}
    indexed = {c: index for c, index in context.indexed.get(name, {}).items() if c in held}
    return LongValues(name, indexed) if indexed and context.limit is None else None
