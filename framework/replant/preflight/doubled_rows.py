"""Finds tables without a unique index that hold rows already: a replay would double rows there."""

from __future__ import annotations

from collections.abc import Iterator

from replant.database.batches import select_all
from replant.model import Finding, OnConflict, RelationName, Severity, Subject
from replant.preflight import queries
from replant.preflight.row_check import CheckContext

_REMEDY = "remove these rows from the target first, or leave the table out"


def find_doubled_rows(context: CheckContext) -> Iterator[Finding]:
    """Find tables of which no index tells that a row exists, and that hold rows of the scope.

    To skip says that rows may be there already, so it has to be confirmed; else it is a note.
    """
    asked = [name for name in context.tables if _is_without_index(context, name)]
    answers = select_all(
        context.database,
        (
            queries.has_rows(
                context.tables[name],
                number,
                context.selection if name in context.by_conditions else None,
            )
            for number, name in enumerate(asked)
        ),
    )
    for name in sorted(asked[number] for number, any_row in answers if any_row):
        yield _finding(context, name)


def _is_without_index(context: CheckContext, name: RelationName) -> bool:
    live, table = context.catalog.tables[name], context.tables[name]
    doubles = table.on_conflict in {OnConflict.SKIP, OnConflict.ERROR}
    return bool(table.row_count) and doubles and not live.unique_indexes and context.sees(name)


def _finding(context: CheckContext, name: RelationName) -> Finding:
    table = context.tables[name]
    whose = " of this scope" if name in context.by_conditions and table.rows.conditions else ""
    number = table.row_count
    added = "the one row of the artifact is" if number == 1 else f"all {number:,} rows are"
    what = f"{name} has no key and holds rows{whose} already: {added} added, also if they are there"
    asks = table.on_conflict is OnConflict.SKIP
    return Finding(Subject.ROW, Severity.ASKS if asks else Severity.NOTE, str(name), what, _REMEDY)
