"""Finds what becomes of the values by which rows are chosen, where transforms change them.

The target is then asked for the rows with the new value.
"""

from __future__ import annotations

from attrs import evolve

from replant.database import sql
from replant.database.connections import DatabaseConnection, translated
from replant.model import ColumnIs, Plan, PlannedColumn, PlannedTable
from replant.sql.row_text import text_expression, value_expression


def with_new_values(database: DatabaseConnection, plan: Plan) -> Plan:
    """Let the source compute the new values by which rows can be chosen in a target."""
    return evolve(plan, tables=tuple(_table(database, table) for table in plan.tables))


def _table(database: DatabaseConnection, table: PlannedTable) -> PlannedTable:
    chosen = {c.column: c.value for c in table.rows.conditions if isinstance(c, ColumnIs)}
    changed = [c for c in table.columns if c.transforms and c.keeps_apart and c.name in chosen]
    values = {c.name: _new_value(database, c, chosen[c.name]) for c in changed}
    return evolve(table, new_values=values) if values else table


def _new_value(database: DatabaseConnection, column: PlannedColumn, value: str) -> str:
    query = sql.SQL("SELECT {} FROM (SELECT CAST({} AS {}) AS {}) AS t0").format(
        text_expression(value_expression(column)),
        sql.Literal(value),
        sql.SQL(column.type),
        sql.Identifier(column.name),
    )
    with translated("source"):
        (found,) = database.execute(query).fetchone() or (value,)
    return str(found)
