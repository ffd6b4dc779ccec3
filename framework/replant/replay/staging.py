"""Loads rows through temporary tables: COPY fills these, and one statement inserts from them.

The server then parses no list of rows, however many there are, and checks the foreign keys of all
tables at the end of the statement. Neither side holds the rows in memory: the client passes them
on as they come, and the server writes them to temporary files. A temporary table is dropped when
the transaction ends. The role needs TEMPORARY on the database, and no privilege to read from its
own temporary tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from replant.database.connections import DatabaseConnection
from replant.database.copy_from_stdin import send_rows
from replant.database.joined_rows import bytes_in
from replant.model import OnConflict, Progress, RelationName, Step
from replant.sql.conflict import updated_rows
from replant.sql.load_statements import copy_into
from replant.sql.row_forms import INSERT_ROWS, RowForm, Rows
from replant.sql.staging_tables import Staging, create_all, insert_all


@frozen
class StagedTable:
    """The rows of a table that come through a temporary table.

    Attributes:
        staging: the table.
        form: the form of the rows.
        rows: the rows.
        separate_values: the values of columns that are stored separately from the rows, after the
            key of their row, as rows of an INSERT.

    """

    staging: Staging
    form: RowForm
    rows: Iterator[Rows]
    separate_values: Iterator[Rows]


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
    staged = [one.staging for one in rows.tables]
    names = [one.table.name for one in staged]
    database.execute(create_all(staged))
    given = []
    for one, of_table in zip(staged, rows.tables, strict=True):
        reported = with_progress(of_table.rows, one.table.name, progress)
        statement = copy_into(one.rows, one.table.column_names, of_table.form)
        given.append(send_rows(database, statement, reported).written)
        if one.separate_columns:
            separate = copy_into(one.separate, one.separate_with_key, INSERT_ROWS)
            send_rows(database, separate, of_table.separate_values)
    updating = any(one.table.on_conflict is OnConflict.UPDATE for one in staged)
    counters = len(staged) if updating else 0
    reset_updated(database, counters)
    written = database.execute(insert_all(staged, counted=updating)).fetchone() or ()
    counted = read_updated(database, counters) or [0] * len(staged)
    taken, apart = written[: len(staged)], written[len(staged) :]
    changed = [on_the_way if n is None else n for n, on_the_way in zip(apart, counted, strict=True)]
    return {
        name: StagedOutcome(*numbers)
        for name, *numbers in zip(names, given, taken, changed, strict=True)
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


def with_progress(
    batches: Iterator[Rows], name: RelationName, progress: Progress
) -> Iterator[Rows]:
    """Pass batches on, and tell of each what is done with it."""
    for lines in batches:
        yield lines
        progress(name, len(lines), bytes_in(lines))
