"""Names plugin and row when SQL or Python of a plugin fails while rows are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg

from replant.database.connections import DatabaseConnection
from replant.errors import DatabaseError, PluginError
from replant.model import Plan, PlannedTable, PythonFunction, SqlExpression, readable
from replant.planning.failing_row import find_failing_row, key_named, shown


def row_namer(table: PlannedTable) -> Callable[[Sequence[str | bytes | None]], str]:
    """Return what names a row of a table by its key; values that Python changes are not shown."""
    changed = {
        column.name
        for column in table.columns
        if any(isinstance(transform, PythonFunction) for transform in column.transforms)
    }
    places = [(name, table.column_names.index(name)) for name in table.key]

    def name_of(row: Sequence[str | bytes | None]) -> str:
        if not places:
            return f"of {table.name}, which has no key"
        return ", ".join(
            f"{readable(name)} = {'…' if name in changed else shown(row[place])}"
            for name, place in places
        )

    return name_of


@contextmanager
def blaming_plugins(
    database: DatabaseConnection, plan: Plan, table: PlannedTable
) -> Iterator[None]:
    """If a value makes the SQL of plugins fail while a table is read, name them and the row.

    The server's own words quote the value, so only the kind of failure is told.

    Raises:
        PluginError: the server failed over a value, and a plugin's SQL is in the query.
        DatabaseError: it failed otherwise.

    """
    suspects = _with_sql(plan, table)
    if not suspects:
        yield
        return
    try:
        with database.transaction():  # a savepoint, from which the row can be looked for
            yield
    except DatabaseError as error:
        cause = error.__cause__
        if not isinstance(cause, psycopg.DataError | psycopg.ProgrammingError):
            raise
        row = find_failing_row(database, plan.selection, table)
        raise PluginError(
            f"SQL of a plugin fails over a value: {type(cause).__name__} (SQLSTATE "
            f"{cause.sqlstate}), while {' and '.join(suspects)}"
            f"{f', for the row {row}' if row else ''}; correct the plugin"
        ) from error


def null_line(plan: Plan, table: PlannedTable, key: Sequence[bytes | None]) -> PluginError:
    """Make the error for a row of which a row format in SQL makes NULL."""
    return PluginError(
        f"{_renders(plan, table)} as NULL, for the row {key_named(table, key)}; correct the plugin"
    )


def _with_sql(plan: Plan, table: PlannedTable) -> list[str]:
    """Describe what plugins compute by SQL in a table."""
    columns: dict[str, list[str]] = {}
    for column in table.columns:
        for plugin, transform in zip(column.plugins, column.transforms, strict=False):
            if isinstance(transform, SqlExpression) and plugin in plan.plugins:
                columns.setdefault(plugin, []).append(f"{table.name}.{readable(column.name)}")
    found = [
        f"{described(plan, plugin)} changes {', '.join(names)}" for plugin, names in columns.items()
    ]
    if isinstance(table.row_format, SqlExpression):
        found.append(_renders(plan, table))
    return found


def _renders(plan: Plan, table: PlannedTable) -> str:
    assert table.renderer is not None
    return f"{described(plan, table.renderer)} renders rows of {table.name}"


def described(plan: Plan, plugin: str) -> str:
    """Write a plugin as an error names it, with its distribution."""
    return f"the plugin {plugin!r} (distribution {plan.plugins[plugin]})"
