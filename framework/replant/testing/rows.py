"""Inserts and reads rows as texts, with none of the code that is to be tested.

A row is a dict from column to the text of its value, or None for NULL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection

from replant.database import sql
from replant.model import Catalog, RelationName, Text

Row = dict[str, Text]

#: The rows of each table; the rows of one table all name the same columns.
Rows = Mapping[RelationName, Sequence[Row]]

#: The rows of each table as they were read: a tuple of `column = literal` for each row.
Contents = Mapping[RelationName, Sequence[tuple[str, ...]]]


def insert_rows(connection: Connection[Any], rows: Rows) -> None:
    """Insert all rows of all tables in one statement, so that they may reference each other.

    PostgreSQL checks a foreign key at the end of the statement (manual, CREATE TABLE, "NOT
    DEFERRABLE"). Each value is read by the input function of its column's type.

    Raises:
        psycopg.Error: the database refuses a row.

    """
    if any(rows.values()):
        connection.execute(insert_statement(rows))


def insert_statement(rows: Rows) -> sql.Composed:
    """Write the one statement by which `insert_rows` inserts rows; there is at least one row."""
    *others, last = [_insert(name, of_table) for name, of_table in rows.items() if of_table]
    named = [
        sql.SQL("{} AS ({})").format(sql.Identifier(str(number)), insert)
        for number, insert in enumerate(others)
    ]
    first = sql.SQL("WITH {} ").format(sql.SQL(", ").join(named)) if named else sql.SQL("")
    return first + last


def remove_rows(connection: Connection[Any], tables: Iterable[RelationName]) -> None:
    """Delete every row of the tables, whatever references it.

    It needs a role that may set `session_replication_role`, and leaves the parameter as it was.
    For a few rows it is quicker than TRUNCATE, which makes new files for each table and index.
    """
    parts: list[sql.Composable] = [sql.SQL("SET session_replication_role = replica")]
    parts += [
        sql.SQL("DELETE FROM {}").format(sql.Identifier(name.schema, name.name)) for name in tables
    ]
    parts.append(sql.SQL("RESET session_replication_role"))
    connection.execute(sql.SQL("; ").join(parts))


def contents(
    connection: Connection[Any],
    catalog: Catalog,
    tables: Iterable[RelationName],
    *,
    without: Mapping[RelationName, Sequence[str]] | None = None,
    where: Mapping[RelationName, sql.Composable] | None = None,
) -> Contents:
    """Read every row of the tables, each value as an SQL literal by the server, sorted.

    Args:
        connection: where the tables are.
        catalog: says which columns the tables have.
        tables: the tables to read.
        without: columns that are not read, by table.
        where: a condition on the rows, by table; all rows where there is none.

    Raises:
        KeyError: the catalog has no such table.

    """
    found: dict[RelationName, list[tuple[str, ...]]] = {}
    for name in tables:
        left_out = (without or {}).get(name, ())
        names = [c.name for c in catalog.tables[name].columns if c.name not in left_out]
        query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(", ").join(
                sql.SQL("pg_catalog.format('%s = %L', {}, {})").format(
                    sql.Literal(column), sql.Identifier(column)
                )
                for column in names
            ),
            sql.Identifier(name.schema, name.name),
            (where or {}).get(name, sql.SQL("true")),
        )
        found[name] = sorted(connection.execute(query).fetchall())
    return found


def first_difference(expected: Contents, found: Contents) -> str | None:
    """Return the first table that differs, with row, columns and values; None if all is equal."""
    for name in sorted({*expected, *found}):
        wanted, had = Counter(expected.get(name, ())), Counter(found.get(name, ()))
        missing, additional = list((wanted - had).elements()), list((had - wanted).elements())
        if not missing and not additional:
            continue
        if not missing or not additional:
            what = "is missing" if missing else "was not expected"
            return f"{name}: the row ({', '.join((missing or additional)[0])}) {what}"
        row = missing[0]
        nearest = max(additional, key=lambda other: len(set(row) & set(other)))
        pairs = [f"expected {a}, found {b}" for a, b in zip(row, nearest, strict=False) if a != b]
        return f"{name}: {'; '.join(pairs)}, in the row ({', '.join(row)})"
    return None


def _insert(name: RelationName, rows: Sequence[Row]) -> sql.Composed:
    columns = list(rows[0])
    lines = [
        sql.SQL("({})").format(sql.SQL(", ").join(sql.Literal(row[c]) for c in columns))
        for row in rows
    ]
    return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES {}").format(
        sql.Identifier(name.schema, name.name),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(lines),
    )
