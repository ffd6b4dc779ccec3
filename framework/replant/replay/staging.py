"""Rows from an artifact to temporary tables, and from there to their own in one statement.

Neither side holds the rows in memory: the client passes them on as they come, and the server
writes them to temporary files.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from replant.artifact.row_batches import Lines
from replant.artifact.sql_file_writer import write_copied
from replant.database.connections import DatabaseConnection
from replant.model import OnConflict, Progress, RelationName
from replant.replay import conflict_counts as counting
from replant.replay.load_plan import StagedRows
from replant.replay.staging_tables import copy_rows, copy_stored_separately, create, take_over


@frozen
class StagedOutcome:
    """What became of the rows of one table.

    Attributes:
        given: how many came from the artifact.
        written: how many of them the table took or changed.
        updated: how many of those were there before.

    """

    given: int
    written: int
    updated: int


def load_staged(
    database: DatabaseConnection, rows: StagedRows, progress: Progress
) -> dict[RelationName, StagedOutcome]:
    """Send the rows of a statement to temporary tables, and let the statement take them over."""
    staged = [table.staged for table in rows.tables]
    names = [one.table.name for one in staged]
    database.execute(create(staged))
    given = []
    for place, table in enumerate(rows.tables):
        told = _told(table.rows, names[place], progress)
        given.append(_send(database, copy_rows(place, table.staged), told))
        if table.staged.apart:
            _send(database, copy_stored_separately(place, table.staged), table.apart)
    updating = any(one.table.on_conflict is OnConflict.UPDATE for one in staged)
    counters = len(staged) if updating else 0
    counting.reset(database, counters)
    written = database.execute(take_over(staged, counted=updating)).fetchone() or ()
    changed = counting.updated(database, counters) or [0] * len(staged)
    return {
        name: StagedOutcome(*numbers)
        for name, *numbers in zip(names, given, written, changed, strict=True)
    }


def _send(database: DatabaseConnection, statement: bytes, batches: Iterator[Lines]) -> int:
    with database.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for lines in batches:
                write_copied(copy, lines)
        return cursor.rowcount


def _told(batches: Iterator[Lines], name: RelationName, progress: Progress) -> Iterator[Lines]:
    for lines in batches:
        yield lines
        progress(name, len(lines), sum(map(len, lines)))
