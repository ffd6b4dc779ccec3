"""Finds NULLs of an artifact in columns that are NOT NULL in the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from attrs import define, field

from replant.model import Catalog, Finding, PlannedTable, RelationName
from replant.preflight.row_check import CheckContext, CheckedRow, shown
from replant.preflight.target_schema import not_null_finding


@define
class NullInNotNull:
    """Finds rows with NULL in columns that are NOT NULL in the target."""

    catalog: Catalog
    table: PlannedTable
    never_null: tuple[str, ...]
    _found: Counter[str] = field(factory=Counter)
    _first: dict[str, str] = field(factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """The columns, and the key to name a row by."""
        return frozenset((*self.never_null, *self.table.key))

    def observe(self, rows: Sequence[CheckedRow]) -> None:
        """Count the NULLs of each column."""
        for row in rows:
            for column in self.never_null:
                if row[column] is None:
                    self._found[column] += 1
                    self._first.setdefault(column, shown(self.table.key, row))

    def findings(self) -> Iterator[Finding]:
        """Yield a refusal for each column, unless a trigger may fill it."""
        for column, number in self._found.items():
            held = "1 row holds" if number == 1 else f"{number:,} rows hold"
            first = f", the first with {self._first[column]}" if self.table.key else ""
            what = f"is NOT NULL there, and {held} NULL{first}"
            yield not_null_finding(self.catalog, self.table.name, column, what, given=True)


def null_check(context: CheckContext, name: RelationName) -> NullInNotNull | None:
    """Make the check for a table, if it has columns that are NOT NULL beside the exported key."""
    table, live = context.tables[name], context.catalog.tables[name]
    never_null = tuple(
        c.name
        for c in live.columns
        if c.not_null and c.name in table.column_names and c.name not in table.key
    )
    return NullInNotNull(context.catalog, table, never_null) if never_null else None
