"""Writes a comparison as SQL that makes the left side like the right one.

The statements are for people to read and to run with psql: deletions from the last table to the
first, then insertions in load order, then updates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from replant.database import sql
from replant.database.connections import EXACT_TEXT
from replant.difference.result import ComparedTable, DifferingRow, Presence, SideComparison, Values
from replant.errors import UsageError
from replant.sql.where_clauses import columns, relation


def comparison_as_sql(comparison: SideComparison) -> str:
    """Write the patch, of a comparison that holds every row.

    Raises:
        UsageError: rows without a key differ, or a side lacks a table or a column of the other.

    """
    names = comparison.left_names
    differing = [
        evolve(table, name=names.get(table.name, table.name))
        for table in comparison.tables
        if not table.equal
    ]
    _check_possible(differing)
    statements = [
        *_deletions(differing[::-1]),
        *(s for table in differing for s in _insertions(table)),
        *(s for table in differing for s in _updates(table)),
    ]
    pinned = [
        sql.SQL("SET LOCAL {} = {};").format(sql.Identifier(name), sql.Literal(value))
        for name, value in EXACT_TEXT.items()
    ]
    deferred = sql.SQL("SET CONSTRAINTS ALL DEFERRED;")
    parts = [sql.SQL("BEGIN;"), *pinned, deferred, *statements, sql.SQL("COMMIT;")]
    return "\n".join(part.as_string() for part in parts)


def _check_possible(tables: Sequence[ComparedTable]) -> None:
    for table in tables:
        if table.only_left or table.only_right or None in (table.left_rows, table.right_rows):
            raise UsageError(
                f"the two sides do not have the same columns of {table.name}, so no statements "
                f"make one like the other; compare their structure with replant drift"
            )
        if table.count and not table.key:
            raise UsageError(
                f"rows of {table.name} differ, and no key tells them apart, so no statements can "
                f"change them; see them with --format text"
            )


def _deletions(tables: Sequence[ComparedTable]) -> Iterator[sql.Composed]:
    for table in tables:
        for row in _of(table, Presence.LEFT):
            yield sql.SQL("DELETE FROM {} WHERE {};").format(relation(table.name), _is(row.key))


def _insertions(table: ComparedTable) -> Iterator[sql.Composed]:
    for row in _of(table, Presence.RIGHT):
        values = row.right or {}
        yield sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({});").format(
            relation(table.name),
            columns(values),
            sql.SQL(", ").join(map(sql.Literal, values.values())),
        )


def _updates(table: ComparedTable) -> Iterator[sql.Composed]:
    for row in _of(table, Presence.BOTH):
        changes = [_assigned(name, value) for name, value in (row.right or {}).items()]
        yield sql.SQL("UPDATE {} SET {} WHERE {};").format(
            relation(table.name), sql.SQL(", ").join(changes), _is(row.key)
        )


def _of(table: ComparedTable, presence: Presence) -> Iterator[DifferingRow]:
    return (row for row in table.rows if row.presence is presence)


def _is(key: Values) -> sql.Composed:
    return sql.SQL(" AND ").join(_assigned(name, value) for name, value in key.items())


def _assigned(name: str, value: str | None) -> sql.Composed:
    return sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
