"""Names the plugin when its SQL fails while rows are read, and the row when its Python does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import psycopg

from replant.errors import DatabaseError, PluginError
from replant.model import PlannedTable, PythonFunction, SqlExpression, readable

Batch = TypeVar("Batch")


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
            f"{readable(name)} = {'…' if name in changed else _shown(row[place])}"
            for name, place in places
        )

    return name_of


def _shown(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def blaming_plugins(table: PlannedTable, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield what is read of a table; if a value makes the SQL of plugins fail, name them.

    The server's own words quote the value, so only the kind of failure is told.

    Raises:
        PluginError: the server failed over a value, and a plugin's SQL is in the query.
        DatabaseError: it failed otherwise.

    """
    suspects = _with_sql(table)
    try:
        yield from batches
    except DatabaseError as error:
        cause = error.__cause__
        if not suspects or not isinstance(cause, psycopg.DataError | psycopg.ProgrammingError):
            raise
        raise PluginError(
            f"SQL of a plugin fails over a value: {type(cause).__name__} (SQLSTATE "
            f"{cause.sqlstate}), while {' and '.join(suspects)}; correct the plugin"
        ) from error


def _with_sql(table: PlannedTable) -> list[str]:
    """Describe what plugins compute by SQL in a table."""
    found = [
        f"the plugin {plugin!r} changes {table.name}.{readable(column.name)}"
        for column in table.columns
        for plugin, transform in zip(column.plugins, column.transforms, strict=False)
        if isinstance(transform, SqlExpression)
    ]
    if isinstance(table.row_format, SqlExpression):
        found.append(f"the plugin {table.renderer!r} renders rows of {table.name}")
    return found
