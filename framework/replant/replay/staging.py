"""Loads rows through temporary tables: COPY fills these, and one statement inserts from them.

The server then parses no list of rows, however many there are, and checks the foreign keys of all
tables at the end of the statement. Neither side holds the rows in memory: the client passes them
on as they come, and the server writes them to temporary files. A temporary table is dropped when
the transaction ends. The role needs TEMPORARY on the database, and no privilege to read from its
own temporary tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen
from psycopg import sql

from replant.artifact.row_batches import Lines
from replant.artifact.sql_file_writer import write_copied
from replant.database.connections import DatabaseConnection
from replant.model import OnConflict, PlannedTable, Progress, RelationName, Step
from replant.sql.load_statements import conflict, updated_rows
from replant.sql.where_clauses import columns, equals, relation


@frozen
class StagedTable:
    """A table whose rows come through a temporary table.

    Attributes:
        table: as the target has it.
        rows: the rows as lines of COPY.
        separate_columns: columns that are stored separately from the rows.
        separate_values: the values of these columns, after the key of their row, as lines of COPY.

    """

    table: PlannedTable
    rows: Iterator[Lines]
    separate_columns: tuple[str, ...]
    separate_values: Iterator[Lines]

    @property
    def separate_with_key(self) -> tuple[str, ...]:
        """The key and the separately stored columns, in the order of `separate_values`."""
        return self.table.key + self.separate_columns


@frozen
class StagedRows:
    """The rows of one statement that takes them from temporary tables."""

    step: Step
    tables: tuple[StagedTable, ...]


@frozen
class StagedOutcome:
    """The number of rows of one table.

    Attributes:
        given: how many rows the artifact gave.
        written: how many of them the table took or changed.
        updated: how many of those existed before.

    """

    given: int
    written: int
    updated: int


def load_staged(
    database: DatabaseConnection, rows: StagedRows, progress: Progress
) -> dict[RelationName, StagedOutcome]:
    """Send the rows of a statement to temporary tables, and insert them from there."""
    staged = rows.tables
    names = [one.table.name for one in staged]
    database.execute(_create_all(staged))
    given = []
    for number, one in enumerate(staged):
        reported = _with_progress(one.rows, names[number], progress)
        given.append(_send(database, _copy(_rows(number), one.table.column_names), reported))
        if one.separate_columns:
            separate = _copy(_separate(number), one.separate_with_key)
            _send(database, separate, one.separate_values)
    updating = any(one.table.on_conflict is OnConflict.UPDATE for one in staged)
    counters = len(staged) if updating else 0
    reset_updated(database, counters)
    written = database.execute(_insert_all(staged, counted=updating)).fetchone() or ()
    changed = read_updated(database, counters) or [0] * len(staged)
    return {
        name: StagedOutcome(*numbers)
        for name, *numbers in zip(names, given, written, changed, strict=True)
    }


def reset_updated(database: DatabaseConnection, number: int) -> None:
    """Set the counters of updated rows to zero, for a statement with this number of INSERTs."""
    for place in range(number):
        database.execute("SELECT set_config(%s, '0', true)", [updated_rows(place)])


def read_updated(database: DatabaseConnection, number: int) -> list[int]:
    """Read how many rows ON CONFLICT DO UPDATE changed, for each INSERT of the statement."""
    counts = []
    for place in range(number):
        query = "SELECT current_setting(%s)"
        (value,) = database.execute(query, [updated_rows(place)]).fetchone() or ("0",)
        counts.append(int(value))
    return counts


def _send(database: DatabaseConnection, statement: bytes, batches: Iterator[Lines]) -> int:
    with database.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for lines in batches:
                write_copied(copy, lines)
        return cursor.rowcount


def _with_progress(
    batches: Iterator[Lines], name: RelationName, progress: Progress
) -> Iterator[Lines]:
    for lines in batches:
        yield lines
        progress(name, len(lines), sum(map(len, lines)))


def _create_all(staged: Sequence[StagedTable]) -> bytes:
    """Create the temporary tables, with the column types of the target's tables.

    CREATE TABLE AS and LIKE would need SELECT on the table.
    """
    made = [_create(_rows(n), s.table, s.table.column_names) for n, s in enumerate(staged)]
    made += [
        _create(_separate(n), s.table, s.separate_with_key)
        for n, s in enumerate(staged)
        if s.separate_columns
    ]
    return _bytes(sql.SQL("").join(made))


def _insert_all(staged: Sequence[StagedTable], *, counted: bool) -> bytes:
    """Write the one statement that inserts all staged rows, and returns a count for each table."""
    inserts = [_insert(number, one, counted=counted) for number, one in enumerate(staged)]
    counts = [
        sql.SQL("(SELECT count(*) FROM {})").format(_name(number)) for number in range(len(staged))
    ]
    return _bytes(
        sql.SQL("WITH {} SELECT {}").format(sql.SQL(", ").join(inserts), sql.SQL(", ").join(counts))
    )


def _insert(number: int, staged: StagedTable, *, counted: bool) -> sql.Composed:
    table = staged.table
    values = [
        sql.Identifier("p" if name in staged.separate_columns else "r", name)
        for name in table.column_names
    ]
    source = sql.SQL("{} AS r").format(_rows(number))
    if staged.separate_columns:
        same = sql.SQL(" AND ").join(
            sql.SQL("r.{0} {1} p.{0}").format(
                sql.Identifier(name), equals(table.rows.equality.get(name))
            )
            for name in table.key
        )
        source = sql.SQL("{} LEFT JOIN {} AS p ON {}").format(source, _separate(number), same)
    return sql.SQL("{} AS (INSERT INTO {} AS t0 ({}) {}SELECT {} FROM {} {} RETURNING 1)").format(
        _name(number),
        relation(table.name),
        columns(table.column_names),
        sql.SQL("OVERRIDING SYSTEM VALUE " if table.overriding else ""),
        sql.SQL(", ").join(values),
        source,
        sql.SQL(conflict(table, updated_rows(number) if counted else None).decode()),
    )


def _create(name: sql.Composable, table: PlannedTable, names: Sequence[str]) -> sql.Composed:
    types = {column.name: column.type for column in table.columns}
    listed = (sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(types[n])) for n in names)
    return sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP;\n").format(
        name, sql.SQL(", ").join(listed)
    )


def _copy(name: sql.Composable, names: Sequence[str]) -> bytes:
    return _bytes(sql.SQL("COPY {} ({}) FROM stdin").format(name, columns(names)))


def _name(number: int) -> sql.Composable:
    return sql.Identifier(str(number))


def _rows(number: int) -> sql.Composable:
    return sql.Identifier("pg_temp", f"replant_rows_{number}")


def _separate(number: int) -> sql.Composable:
    return sql.Identifier("pg_temp", f"replant_apart_{number}")


def _bytes(part: sql.Composable) -> bytes:
    return part.as_string().encode()
