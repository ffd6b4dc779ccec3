"""Lists of rows on their way from an artifact, which never grow large."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from replant.errors import ArtifactError
from replant.model import RelationName, Text
from replant.sql.row_forms import RowForm, Rows

#: As many as an export hands on at a time; see `database.copy_stream`.
MOST_ROWS = 1024
_BYTES = 1 << 20

#: A file is read in pieces of so many bytes.
PIECE = 1 << 18

#: PostgreSQL's limit for one text value and for one line of COPY: 1 GB.
LONGEST_LINE = 1 << 30


def limited(rows: Iterable[bytes]) -> Iterator[Rows]:
    """Divide rows into lists of so many rows or bytes that a list costs little memory."""
    pending: list[bytes] = []
    held = 0
    for row in rows:
        pending.append(row)
        held += len(row)
        if len(pending) == MOST_ROWS or held > _BYTES:
            yield pending
            pending, held = [], 0
    if pending:
        yield pending


def lines_in(file: BinaryIO) -> Iterator[tuple[Rows, bool]]:
    """Yield the lines of a file without their ends, in lists that cost little memory.

    With each list comes whether its lines have ends. What is behind the last end comes by itself,
    and so does the beginning of a line that is longer than any row.
    """
    held: list[bytes] = []
    while piece := file.read(PIECE):
        first, *lines = piece.split(b"\n")
        held.append(first)
        if lines:
            lines[:0], held = [b"".join(held)], [lines.pop()]
            for start in range(0, len(lines), MOST_ROWS):
                yield lines[start : start + MOST_ROWS], True
        elif sum(map(len, held)) > LONGEST_LINE:
            break
    if any(held):
        yield [b"".join(held)], False


def read_by(read: Callable[[Rows, int], Rows], lines: Rows, width: int) -> tuple[Rows, int | None]:
    """Make rows of lines by a method of their form; or tell which line is none, by its place."""
    try:
        return read(lines, width), None
    except ValueError:
        pass
    for place, line in enumerate(lines):
        try:
            read([line], width)
        except ValueError:
            return [], place
    return [], 0


def parsed(
    form: RowForm, rows: Rows, width: int, table: RelationName, origin: str
) -> list[tuple[Text, ...]]:
    """Take rows apart into the texts of their values.

    Raises:
        ArtifactError: a row has another number of values.

    """
    try:
        return [form.texts(row, width) for row in rows]
    except ValueError as error:
        raise ArtifactError(
            f"{origin}: a row of {table} is not what its manifest calls for: {error}; "
            f"export it again"
        ) from error


def check_rows(form: RowForm, rows: Rows, width: int, table: RelationName, origin: str) -> None:
    """Check rows that nobody has checked yet.

    Raises:
        ArtifactError: one is none.

    """
    _, wrong = read_by(form.read, form.written(rows), width)
    if wrong is not None:
        raise ArtifactError(
            f"{origin}: holds a row of {table} that is not as replant writes it; export it again"
        )
