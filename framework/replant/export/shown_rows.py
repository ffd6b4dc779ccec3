"""Reads a few rows as they are and as they would be exported, to be looked at by a person."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_fields
from replant.database.session_settings import exact_names
from replant.model import Plan, PlannedTable, RelationName, Text
from replant.planning.plugin_faults import blaming_plugins, row_namer
from replant.plugins.guarded import each_row
from replant.sql import row_queries as queries


@frozen(repr=False)
class ShownRow:
    """A row whose values change on their way.

    Attributes:
        key: the texts of its key as they are; empty for a table without one.
        values: for each column that changes its name, and its text before and after.

    """

    key: tuple[tuple[str, Text], ...]
    values: tuple[tuple[str, Text, Text], ...]


def read_shown_rows(
    database: DatabaseConnection, plan: Plan, count: int
) -> dict[RelationName, tuple[ShownRow, ...]]:
    """Read the first rows of each table of which a value changes.

    Args:
        database: the source, in the transaction in which the plan was made.
        plan: says which columns change, and how.
        count: how many rows of each table.

    Raises:
        PluginError: a transform fails over a value.

    """
    return {
        table.name: tuple(_rows(database, plan, table, count))
        for table in plan.tables
        if table.row_count and any(column.transforms for column in table.columns)
    }


def _rows(
    database: DatabaseConnection, plan: Plan, table: PlannedTable, count: int
) -> Iterator[ShownRow]:
    changed = [column for column in table.columns if column.transforms]
    plain = [evolve(column, transforms=(), plugins=()) for column in changed]
    held = {column.name: column for column in table.columns}
    key = [evolve(held[name], transforms=(), plugins=()) for name in table.key]
    # Both come by one query, so that they are those of one row also where there is no key.
    wide = table.with_columns((*key, *plain, *changed))
    query = queries.texts(plan.selection, wide) + sql.SQL(" LIMIT {}").format(sql.Literal(count))
    with exact_names(database, wide), blaming_plugins(database, plan, table):
        found = [row for batch in copied_fields(database, query) for row in batch]
    width = len(changed)

    def shown(texts: tuple[bytes | None, ...]) -> ShownRow:
        row = tuple(None if text is None else text.decode() for text in texts)
        before, after = row[len(key) : len(key) + width], row[len(key) + width :]
        ends = zip(changed, before, after, strict=True)
        return ShownRow(
            tuple(zip(table.key, row, strict=False)),
            tuple((c.name, old, c.in_python(new)) for c, old, new in ends),
        )

    yield from each_row(shown, found, row_namer(wide))
