"""Tries whether the target reads values of types that are not as they were in the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
from attrs import define, field

from replant.database.connections import DatabaseConnection, one_line
from replant.model import (
    Check,
    Finding,
    PlannedTable,
    RelationName,
    Severity,
    Subject,
    readable,
)
from replant.model.table_differences import DifferenceKind, TableDifference
from replant.preflight import queries
from replant.preflight.row_check import REMEMBERED, CheckContext, CheckedRow, is_plain
from replant.preflight.target_schema import AS_THE_SOURCE
from replant.replay.older_release import OF_AN_OLDER_RELEASE
from replant.sql.row_forms import INSERT_ROWS


@define
class TypeConversion:
    """Tries whether a column's type in the target holds the values of the source's type.

    Attributes:
        differs: how the two types differ, as a sentence.
        remedy: what would make the types equal.
        exact: whether a value that becomes another one stops the replay.
        same: whether the types have the same name, and only the releases differ; then a note that
            all values are read would say nothing.

    """

    database: DatabaseConnection
    table: PlannedTable
    column: str
    type_: str
    differs: str
    remedy: str
    exact: bool
    same: bool = False
    wrong: str = ""
    changed: str = ""
    untried: bool = False
    _known: set[str] = field(factory=set)

    @property
    def columns(self) -> frozenset[str]:
        """The one column."""
        return frozenset((self.column,))

    def observe(self, rows: Sequence[CheckedRow]) -> None:
        """Let the target read the values, until it refuses one."""
        if self.wrong or self.untried:
            return
        texts = {row[self.column] for row in rows} - self._known - {None}
        listed = sorted(text for text in texts if text is not None)
        if not listed:
            return
        try:
            with self.database.transaction():
                query = queries.misread(self.type_)
                places = self.database.execute(query, [listed]).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            self.untried = True
        except psycopg.DatabaseError as error:
            self.wrong = one_line(error)
        else:
            self.changed = self.changed or next((listed[n - 1] for (n,) in places), "")
        if len(self._known) < REMEMBERED:
            self._known |= set(listed)

    def findings(self) -> Iterator[Finding]:
        """Yield a refusal if the type does not hold a value, else a note."""
        place = f"{self.table.name}.{readable(self.column)}"
        what, severity = f"{place}: {self.differs}", Severity.REFUSES
        if self.wrong:
            what += f", and does not read a value of the artifact: {self.wrong}"
        elif self.changed:
            what += f", and would make another value of {self.changed!r}"
            severity = Severity.REFUSES if self.exact else Severity.NOTE
        elif self.same:
            return
        else:
            severity = Severity.NOTE
        remedy = self.remedy if severity is Severity.REFUSES else ""
        yield Finding(Subject.TYPE, severity, place, what, remedy)


def type_conversion_checks(context: CheckContext, name: RelationName) -> Iterator[TypeConversion]:
    """Make a check for each column whose type differs from the source's, or may do so."""
    table = context.tables[name]
    exact = context.artifact.manifest.check is Check.CONTENT and context.sees(name)
    for column in context.catalog.tables[name].columns:
        changes = [d for d in context.changes.get(name, ()) if d.subject == column.name]
        changes += [d for d in context.type_changes if d.subject in column.made_of]
        if changes and column.name in table.column_names:
            described = [_type_difference(change) for change in changes]
            differs = "; ".join(differs for differs, _ in described)
            remedy = " ".join(dict.fromkeys(remedy for _, remedy in described))
            of_column = (column.name, column.type)
            yield TypeConversion(context.database, table, *of_column, differs, remedy, exact)
        elif context.older and column.name in table.column_names and not is_plain(column):
            yield TypeConversion(
                context.database,
                table,
                column.name,
                column.type,
                context.older,
                OF_AN_OLDER_RELEASE,
                exact,
                same=True,
            )


def _type_difference(difference: TableDifference) -> tuple[str, str]:
    """Say how the types differ, and what would make them equal."""
    if difference.change is DifferenceKind.LABEL_MISSING:
        label = INSERT_ROWS.row([difference.wanted]).decode()
        remedy = f"ALTER TYPE {difference.subject} ADD VALUE {label};"
        return f"{difference.subject} has no label {label} there", remedy
    of = difference.subject if difference.table is None else "the type"
    differs = f"{of} is {difference.found} there, and was {difference.wanted} in the source"
    return differs, f"{AS_THE_SOURCE};"
