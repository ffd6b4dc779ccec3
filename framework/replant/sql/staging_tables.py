"""The statements that load rows through temporary tables.

Rows are put into a temporary table first, and one statement inserts them from there. The server
then parses no list of rows, however many there are, and checks the foreign keys of all tables at
the end of the statement; and the keys are at hand when the loaded rows are compared. A temporary
table is dropped when the transaction ends. The role needs TEMPORARY on the database, and no
privilege to read from its own temporary tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from psycopg import sql

from replant.model import PlannedTable
from replant.sql.conflict import on_conflict, updated_rows
from replant.sql.where_clauses import columns, equals, relation


@frozen
class Staging:
    """A table whose rows come through a temporary table.

    Attributes:
        table: as the target has it.
        number: tells the temporary tables of a transaction apart.
        separate_columns: columns whose values come apart from the rows, each with the row's key.

    """

    table: PlannedTable
    number: int
    separate_columns: tuple[str, ...] = ()

    @property
    def rows(self) -> sql.Composable:
        """The temporary table for the rows."""
        return sql.Identifier("pg_temp", f"replant_rows_{self.number}")

    @property
    def separate(self) -> sql.Composable:
        """The temporary table for the separate columns."""
        return sql.Identifier("pg_temp", f"replant_separate_{self.number}")

    @property
    def separate_with_key(self) -> tuple[str, ...]:
        """The columns of the temporary table for the separate columns."""
        return self.table.key + self.separate_columns


def create_all(staged: Sequence[Staging]) -> bytes:
    """Compose CREATE for the temporary tables, with the column types of the tables.

    CREATE TABLE AS and LIKE would need SELECT on the table.
    """
    made = [_create(one.rows, one.table, one.table.column_names) for one in staged]
    made += [
        _create(one.separate, one.table, one.separate_with_key)
        for one in staged
        if one.separate_columns
    ]
    return _bytes(sql.SQL("").join(made))


def insert_all(staged: Sequence[Staging], *, counted: bool) -> bytes:
    """Compose the one statement that inserts all rows, and returns a count for each table."""
    inserts = [
        _in_cte(place, _insert_from(place, one, counted=counted))
        for place, one in enumerate(staged)
    ]
    counts = [
        sql.SQL("(SELECT count(*) FROM {})").format(_name(place)) for place in range(len(staged))
    ]
    return _bytes(
        sql.SQL("WITH {} SELECT {};\n").format(
            sql.SQL(", ").join(inserts), sql.SQL(", ").join(counts)
        )
    )


def insert_all_quietly(staged: Sequence[Staging]) -> bytes:
    """Compose the same for a SQL file: nothing is returned, since psql would print it."""
    *others, last = (_insert_from(place, one, counted=False) for place, one in enumerate(staged))
    ctes = [_in_cte(place, insert) for place, insert in enumerate(others)]
    lead = sql.SQL("WITH {} ").format(sql.SQL(", ").join(ctes)) if ctes else sql.SQL("")
    return _bytes(sql.SQL("{}{};\n").format(lead, last))


def _in_cte(place: int, insert: sql.Composable) -> sql.Composed:
    return sql.SQL("{} AS ({} RETURNING 1)").format(_name(place), insert)


def same_key(table: PlannedTable, left: str, right: str) -> sql.Composed:
    """Compose a condition: the rows under two aliases have the same key."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} {} {}").format(
            sql.Identifier(left, name),
            equals(table.rows.equality.get(name)),
            sql.Identifier(right, name),
        )
        for name in table.key
    )


def _insert_from(place: int, staged: Staging, *, counted: bool) -> sql.Composed:
    table = staged.table
    values = [
        sql.Identifier("p" if name in staged.separate_columns else "r", name)
        for name in table.column_names
    ]
    source = sql.SQL("{} AS r").format(staged.rows)
    if staged.separate_columns:
        source = sql.SQL("{} LEFT JOIN {} AS p ON {}").format(
            source, staged.separate, same_key(table, "r", "p")
        )
    return sql.SQL("INSERT INTO {} AS t0 ({}) {}SELECT {} FROM {} {}").format(
        relation(table.name),
        columns(table.column_names),
        sql.SQL("OVERRIDING SYSTEM VALUE " if table.overriding else ""),
        sql.SQL(", ").join(values),
        source,
        sql.SQL(on_conflict(table, updated_rows(place) if counted else None).decode()),
    )


def _create(name: sql.Composable, table: PlannedTable, names: Sequence[str]) -> sql.Composed:
    types = {column.name: column.type for column in table.columns}
    listed = (sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(types[n])) for n in names)
    return sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP;\n").format(
        name, sql.SQL(", ").join(listed)
    )


def _name(place: int) -> sql.Composable:
    return sql.Identifier(str(place))


def _bytes(part: sql.Composable) -> bytes:
    return part.as_string().encode()
