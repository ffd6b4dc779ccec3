"""Reads and hashes one slice of a table, in whatever process it is called."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen
from psycopg import DataError, ProgrammingError, sql
from psycopg.errors import LockNotAvailable

from replant.database.copy_stream import copied_rows
from replant.database.shared_snapshot import SharedSnapshot, joined
from replant.errors import DatabaseError
from replant.sql.fingerprints import Fingerprint, FingerprintPart
from replant.sql.row_forms import FORMS, Rows


@frozen
class SliceTask:
    """What is read: plain values, which can be pickled.

    Attributes:
        query: the text of the query that gives the rows.
        form: the name of the form in which the rows are read and hashed.
        columns: the names of the query's columns.
        key: those by which the rows are ordered; empty where they are in no order.
        file: where the rows are left; None if only their hashes are wanted.

    """

    snapshot: SharedSnapshot
    query: str
    form: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    file: Path | None


@frozen
class ReadSlice:
    """What was read.

    Attributes:
        part: the count and the hashes.
        size: how many bytes.

    """

    part: FingerprintPart
    size: int


def read_slice(task: SliceTask) -> ReadSlice | None:
    """Read a slice.

    Returns:
        None if another session waits for the table, and this one would wait behind it; or if the
        query fails over a value, which the first connection can tell more of.

    Raises:
        DatabaseError: the server failed.

    """
    form = FORMS[task.form]
    found = Fingerprint(form.key_of(task.columns, task.key) if task.key else None)
    size = 0
    try:
        with joined(task.snapshot) as database, _left_in(task.file) as leave:
            query, options = sql.SQL(task.query), form.copy_out_options
            for rows in copied_rows(database, query, options, side=task.snapshot.side):
                found.add(rows)
                size += sum(map(len, rows))
                leave(rows)
    except DatabaseError as error:
        if isinstance(error.__cause__, LockNotAvailable | DataError | ProgrammingError):
            return None
        raise
    return ReadSlice(found.part, size)


def rows_left_in(file: Path) -> Iterator[Rows]:
    """Yield the rows that a task left in a file, in batches, and delete the file."""
    with file.open("rb") as opened:
        file.unlink()
        while True:
            try:
                rows: Rows = marshal.load(opened)  # noqa: S302 - our own, in a folder of our own
            except EOFError:
                return
            yield rows


@contextmanager
def _left_in(file: Path | None) -> Iterator[Callable[[Rows], None]]:
    """Leave batches of rows in a file; nowhere if there is none."""
    if file is None:
        yield lambda _: None
        return
    with file.open("xb") as opened:
        yield lambda rows: marshal.dump(rows, opened)
