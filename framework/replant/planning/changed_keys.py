"""Finds rows to which SQL transforms give the same unique key, before the target would.

The source is asked while planning. What Python changes is seen while it is written: see
`replant.export.written_keys`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from replant.database import sql
from replant.database.connections import DatabaseConnection, translated
from replant.errors import PluginError
from replant.model import Plan, PlannedColumn, PlannedTable, Table, readable
from replant.planning.plugin_faults import blaming_plugins
from replant.sql.row_text import computed_by_server, value_expression
from replant.sql.where_clauses import chosen_from, chosen_where


def changed_keys(table: Table, planned: Iterable[PlannedColumn]) -> tuple[tuple[str, ...], ...]:
    """Return the unique keys of a table that are exported, and that a transform changes."""
    changed = {column.name: bool(column.transforms) for column in planned}
    keys = [table.primary_key, *table.unique_keys]
    return tuple(
        key
        for key in dict.fromkeys(keys)
        if key and changed.keys() >= set(key) and any(changed[name] for name in key)
    )


def check_keys_in_source(database: DatabaseConnection, plan: Plan) -> None:
    """Let the source look for rows to which SQL transforms give the same key.

    Raises:
        PluginError: there are some.

    """
    for table in plan.tables:
        columns = {column.name: column for column in table.columns}
        for key in table.changed_keys:
            parts = [columns[name] for name in key]
            if all(part.keeps_apart for part in parts):
                continue
            if computed_by_server(parts) and _has_duplicates(database, plan, table, parts):
                raise PluginError(duplicate_keys(table, key))


def _has_duplicates(
    database: DatabaseConnection, plan: Plan, table: PlannedTable, parts: Sequence[PlannedColumn]
) -> bool:
    values = [value_expression(part) for part in parts]
    query = sql.SQL("SELECT FROM {} WHERE {} AND {} GROUP BY {} HAVING count(*) > 1 LIMIT 1")
    places = [sql.SQL("{}").format(value) for value in values]
    given = [sql.SQL("({}) IS NOT NULL").format(value) for value in values]
    with blaming_plugins(database, plan, table), translated("source"):
        found = database.execute(
            query.format(
                chosen_from(plan.selection, table.name),
                chosen_where(plan.selection, table.name),
                sql.SQL(" AND ").join(given),
                sql.SQL(", ").join(places),
            )
        )
        return found.fetchone() is not None


def duplicate_keys(table: PlannedTable, key: Sequence[str]) -> str:
    """Say that two rows get the same key, and which plugins change it."""
    listed = ", ".join(map(readable, key))
    return (
        f"two rows of {table.name} get the same ({listed}), which is unique: "
        f"{_changes(table, key)}; let the transform keep different values apart"
    )


def _changes(table: PlannedTable, key: Sequence[str]) -> str:
    return " and ".join(
        f"{' and '.join(f'the plugin {name!r}' for name in column.plugins)} changes "
        f"{readable(column.name)}"
        for column in table.columns
        if column.name in key and column.transforms
    )
