"""Finds the tables whose rows come in the order of their key although nobody asked for one."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.model import Plan, PlannedTable, RelationName
from replant.sql.row_text import ordered_alike

#: From so many rows on, it pays to ask.
_MANY_ROWS = 5_000

#: How much the key follows the order on disk, from -1 to 1: an index then leads through the table
#: from its first page to its last.
_LIES_IN_ORDER = 0.99

_CORRELATIONS = sql.SQL(
    "SELECT schemaname, tablename, attname FROM pg_catalog.pg_stats"
    " WHERE NOT inherited AND correlation >= {}"
    " AND (schemaname, tablename, attname) IN (VALUES {})"
)


def with_orders_on_disk(database: DatabaseConnection, plan: Plan) -> Plan:
    """Let the rows of a table without a wanted order come by their key, where they lie in it.

    To read them so takes no longer, and blocks of rows are hashed in a fifth of the time that
    single rows take. `verify` then finds by blocks which of them differ.
    """
    asked = [table for table in plan.tables if not table.ordered and _may_be_read_so(table)]
    found = _lying_in_order(database, asked) if asked else frozenset()
    if not found:
        return plan
    tables = (evolve(t, ordered=t.ordered or t.name in found) for t in plan.tables)
    return evolve(plan, tables=tuple(tables))


def _may_be_read_so(table: PlannedTable) -> bool:
    changed = {column.name for column in table.columns if column.transforms}
    simple = len(table.key) == 1 and not changed.intersection(table.key) and not table.collatable
    return simple and table.row_count >= _MANY_ROWS and ordered_alike(table)


def _lying_in_order(
    database: DatabaseConnection, tables: Iterable[PlannedTable]
) -> frozenset[RelationName]:
    """Return the tables whose key follows the order on disk, as far as the statistics tell."""
    keys = sql.SQL(", ").join(
        sql.SQL("({})").format(sql.SQL(", ").join((t.name.schema, t.name.name, *t.key)))
        for t in tables
    )
    query = _CORRELATIONS.format(sql.Literal(_LIES_IN_ORDER), keys)
    return frozenset(RelationName(schema, name) for schema, name, _ in database.execute(query))
