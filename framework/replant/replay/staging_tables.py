"""Rows by way of temporary tables: COPY puts them there, and one statement takes them over.

The server parses no list of rows then, however many there are, and checks the foreign keys of all
tables at the end of the statement. A temporary table goes when the transaction ends. The role needs
TEMPORARY on the database; to read from its own temporary tables it needs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from psycopg import sql

from replant.model import PlannedTable
from replant.sql.conditions import columns, equals, relation
from replant.sql.load_statements import conflict, updated_rows


@frozen
class Staged:
    """A table whose rows come by way of a temporary one.

    Attributes:
        table: as the target has it.
        apart: columns whose values come apart from the rows, each by the key of its row.

    """

    table: PlannedTable
    apart: tuple[str, ...] = ()

    @property
    def apart_with_key(self) -> tuple[str, ...]:
        """The columns of what comes apart from the rows, in their order."""
        return self.table.key + self.apart


def create(staged: Sequence[Staged]) -> bytes:
    """Create the temporary tables, with the column types of the target's tables.

    CREATE TABLE AS and LIKE would need SELECT on the table.
    """
    made = [_create(_rows(n), s.table, s.table.column_names) for n, s in enumerate(staged)]
    made += [_create(_apart(n), s.table, s.apart_with_key) for n, s in enumerate(staged) if s.apart]
    return _bytes(sql.SQL("").join(made))


def copy_rows(place: int, staged: Staged) -> bytes:
    """Write the COPY that fills the temporary table of this number with rows."""
    return _copy(_rows(place), staged.table.column_names)


def copy_stored_separately(place: int, staged: Staged) -> bytes:
    """Write the COPY that fills the temporary table with the separately stored columns."""
    return _copy(_apart(place), staged.apart_with_key)


def take_over(staged: Sequence[Staged], *, counted: bool) -> bytes:
    """Write the one statement that inserts all staged rows, and returns a count for each table."""
    inserts = [_insert(place, one, counted=counted) for place, one in enumerate(staged)]
    counts = [
        sql.SQL("(SELECT count(*) FROM {})").format(_name(place)) for place in range(len(staged))
    ]
    return _bytes(
        sql.SQL("WITH {} SELECT {}").format(sql.SQL(", ").join(inserts), sql.SQL(", ").join(counts))
    )


def _insert(place: int, staged: Staged, *, counted: bool) -> sql.Composed:
    table = staged.table
    values = [
        sql.Identifier("p" if name in staged.apart else "r", name) for name in table.column_names
    ]
    source = sql.SQL("{} AS r").format(_rows(place))
    if staged.apart:
        same = sql.SQL(" AND ").join(
            sql.SQL("r.{0} {1} p.{0}").format(
                sql.Identifier(name), equals(table.rows.equality.get(name))
            )
            for name in table.key
        )
        source = sql.SQL("{} LEFT JOIN {} AS p ON {}").format(source, _apart(place), same)
    return sql.SQL("{} AS (INSERT INTO {} AS t0 ({}) {}SELECT {} FROM {} {} RETURNING 1)").format(
        _name(place),
        relation(table.name),
        columns(table.column_names),
        sql.SQL("OVERRIDING SYSTEM VALUE " if table.overriding else ""),
        sql.SQL(", ").join(values),
        source,
        sql.SQL(conflict(table, updated_rows(place) if counted else None).decode()),
    )


def _create(name: sql.Composable, table: PlannedTable, names: Sequence[str]) -> sql.Composed:
    types = {column.name: column.type for column in table.columns}
    listed = (sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(types[n])) for n in names)
    return sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP;\n").format(
        name, sql.SQL(", ").join(listed)
    )


def _copy(name: sql.Composable, names: Sequence[str]) -> bytes:
    return _bytes(sql.SQL("COPY {} ({}) FROM stdin").format(name, columns(names)))


def _name(place: int) -> sql.Composable:
    return sql.Identifier(str(place))


def _rows(place: int) -> sql.Composable:
    return sql.Identifier("pg_temp", f"replant_rows_{place}")


def _apart(place: int) -> sql.Composable:
    return sql.Identifier("pg_temp", f"replant_apart_{place}")


def _bytes(part: sql.Composable) -> bytes:
    return part.as_string().encode()
