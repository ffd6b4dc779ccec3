"""Tries the SQL of plugins while planning, so that a mistake in it is found before the first row.

The source plans each expression, and computes none: what only a value brings to light (a division
by zero) is found when the rows are read.
"""

from __future__ import annotations

from attrs import evolve
from psycopg import ProgrammingError
from psycopg.errors import DataError, InternalError, NotSupportedError

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.expression_errors import why_invalid
from replant.errors import PluginError
from replant.model import Plan, PlannedColumn, PlannedTable, SqlExpression, readable
from replant.plugins.manager import Host
from replant.sql import row_queries as queries
from replant.sql.row_text import value_expression

#: What a server says of an expression that it cannot plan, or cannot even fold.
_REFUSALS = (ProgrammingError, DataError, NotSupportedError, InternalError)

#: `pg_type.oid` of text, character, character varying and name, whose binary form is their text.
_TEXTS = frozenset({25, 1042, 1043, 19})


def try_plugin_sql(database: DatabaseConnection, plan: Plan, host: Host) -> None:
    """Let the source plan every expression that a plugin gave.

    Args:
        database: the source.
        plan: has the expressions.
        host: knows the plugins that gave them.

    Raises:
        PluginError: an expression is not valid, or a row format yields no text.

    """
    for table in plan.tables:
        for column in table.columns:
            _try_chain(database, table, column, host)
        if isinstance(table.row_format, SqlExpression):
            _try_row_format(database, plan, table, table.row_format, host)


def _try_chain(
    database: DatabaseConnection, table: PlannedTable, column: PlannedColumn, host: Host
) -> None:
    """Try a column's expressions one after the other, so that the wrong one is known."""
    for place, transform in enumerate(column.transforms):
        if not isinstance(transform, SqlExpression):
            return
        step = evolve(column, transforms=column.transforms[: place + 1])
        query = sql.SQL("EXPLAIN SELECT {} FROM {} AS t0").format(
            value_expression(step), sql.Identifier(table.name.schema, table.name.name)
        )
        try:
            database.execute(query)
        except _REFUSALS as error:
            reason = why_invalid(error, query.as_string(database), transform.sql)
            raise PluginError(
                f"{host.describe(column.plugins[place])} changes {table.name}."
                f"{readable(column.name)} by SQL that the source refuses: {reason}; "
                f"correct the plugin"
            ) from error


def _try_row_format(
    database: DatabaseConnection, plan: Plan, table: PlannedTable, row: SqlExpression, host: Host
) -> None:
    assert table.renderer is not None
    plugin = host.describe(table.renderer)
    limited = queries.rendered(plan.selection, table, row) + sql.SQL(" LIMIT 0")
    try:
        described = database.execute(limited).description
    except _REFUSALS as error:
        reason = why_invalid(error, limited.as_string(database), row.sql)
        raise PluginError(
            f"{plugin} renders rows of {table.name} in the format {plan.format!r} by SQL that the "
            f"source refuses: {reason}; correct the plugin"
        ) from error
    assert described is not None
    if described[0].type_code not in _TEXTS:
        raise PluginError(
            f"{plugin} renders rows of {table.name} in the format {plan.format!r} as "
            f"{described[0].type_display}, not as text; let it cast them: (…)::text"
        )
