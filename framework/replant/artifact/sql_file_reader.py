"""Reads an artifact that is a SQL file: checks it as a whole, then reads it by statements.

A SQL file is never handed to a server as it is. The frames in it must be those that its manifest
calls for, and between them there may be nothing but rows of literals, or of COPY; a replay then
composes its own statements around these rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

from attrs import frozen

from replant.artifact.manifest import Manifest
from replant.artifact.manifest_json import from_json, to_json
from replant.artifact.row_batches import CopiedRows, Group, Lines, StatementRows, limited
from replant.artifact.sql_file_writer import DIGEST_MARK, FIRST_WORDS, MANIFEST_MARK, comment
from replant.errors import ArtifactError
from replant.model import Layout, LoadTogether, PatchColumns, RelationName, Step
from replant.sql.closing_checks import closing
from replant.sql.copy_text import insert_lines, is_copy_row
from replant.sql.load_statements import Frame, frames, opening
from replant.sql.row_text import is_row, on_one_line_each

_CHUNK = 1 << 20
_DIGEST_LENGTH = len(DIGEST_MARK) + 64 + 1


class SqlFile:
    """A SQL file whose digest was right when it was opened.

    Attributes:
        manifest: what it says of itself.
        stored_separately: the tables of which some columns stand apart from their rows.

    """

    def __init__(self, file: BinaryIO, origin: str) -> None:
        """Compare the digest, and read the manifest.

        Raises:
            ArtifactError: it is no artifact, is truncated, or was changed.

        """
        self._file = file
        self._origin = origin
        self.manifest = _checked(file, origin)
        self.stored_separately = {
            step.table: step.columns
            for step in self.manifest.order.steps
            if isinstance(step, PatchColumns)
        }
        self._tables = self.manifest.planned
        self._places: dict[tuple[RelationName, bool], _Place] | None = None

    def statements(self) -> Iterator[StatementRows | CopiedRows]:
        """Yield the rows of every statement, in the order of the file.

        Raises:
            ArtifactError: the file is not what its manifest calls for; names the line.

        """
        together: list[Group] = []
        for part in self._walk():
            if part.frame.copied:
                yield CopiedRows(part.step, part.frame, part.batches)
                continue
            together.append(Group(part.frame, [row for lines in part.batches for row in lines]))
            if part.ends_statement:
                yield StatementRows(part.step, tuple(together))
                together = []

    def rows(self, table: RelationName) -> Iterator[Lines]:
        """Yield the rows of one table as it is loaded, as lines of an INSERT.

        The first call reads the whole file, to know where each table stands.

        Raises:
            ArtifactError: the file is not what its manifest calls for; names the line.

        """
        yield from self._found(table, patches=False)

    def patches(self, table: RelationName) -> Iterator[Lines]:
        """Yield the key and the separately stored columns of one table, as lines of an INSERT.

        Raises:
            ArtifactError: the file is not what its manifest calls for; names the line.

        """
        yield from self._found(table, patches=True)

    def copied(self, table: RelationName) -> None:
        """Return None: `statements` gives rows of COPY; `rows` turns them into lines of INSERT."""

    def _found(self, table: RelationName, *, patches: bool) -> Iterator[Lines]:
        if self._places is None:
            self._places = {}
            for part in self._walk():
                late = isinstance(part.step, PatchColumns)
                self._places.setdefault((part.frame.name, late), part.place)
        place = self._places.get((table, patches))
        if place is None:
            return
        reader = _StrictReader(self._file, self._origin, place)
        for part in self._parts(reader, place.step, begun=True):
            if part.frame.copied:
                width = len(part.frame.columns)
                for lines in part.batches:
                    yield on_one_line_each(insert_lines(lines, width))
            elif part.frame.name == table:
                yield from part.batches

    def _walk(self) -> Iterator[_Part]:
        self._file.seek(0)
        reader = _StrictReader(self._file, self._origin)
        reader.skip_comments()
        order = self.manifest.order
        reader.expect(opening(order.before, tuple(self._tables)))
        for step in order.steps:
            yield from self._parts(reader, step)
        ending = self.manifest.ending(self._tables, order.after)
        reader.expect(b"\n" + closing(ending) + b"\n" + MANIFEST_MARK)
        reader.expect(comment(to_json(self.manifest)) + DIGEST_MARK)

    def _parts(self, reader: _StrictReader, step: Step, *, begun: bool = False) -> Iterator[_Part]:
        """Yield the rows of a step; `begun` says that the blank line before it has been read."""
        names = step.tables if isinstance(step, LoadTogether) else (step.table,)
        filled = tuple(name for name in names if self._tables[name].row_count)
        if not filled:
            return
        if isinstance(step, LoadTogether):
            step = LoadTogether(filled)
        place = reader.begin(step, begun)
        own = frames(step, self._tables, self.manifest.format)
        for frame in own:
            left = self._tables[frame.name].row_count
            while left > 0:
                passed = reader.passed
                yield from _part(reader, place, frame, left, ends_statement=frame is own[-1])
                left -= reader.passed - passed
                # Only rows of one table may be spread over statements.
                reader.check(left >= 0 and (left == 0 or len(own) == 1))


def _part(
    reader: _StrictReader, place: _Place, frame: Frame, left: int, *, ends_statement: bool
) -> Iterator[_Part]:
    """Yield the rows of one INSERT or COPY, and read past those that the caller leaves."""
    reader.expect(frame.head)
    width = len(frame.columns)
    rows = reader.copied_rows(width, left) if frame.copied else reader.rows(width)
    batches = limited(rows)
    yield _Part(place, frame, batches, ends_statement)
    for _ in batches:
        pass
    # The last row's line was read with its end; the tail stands right behind the row.
    reader.expect(frame.tail)


@frozen
class _Place:
    """The position of a step's first statement in the file."""

    step: Step
    offset: int
    number: int


@frozen
class _Part:
    """The rows of one table in one statement, to be taken before the next part is asked for.

    Attributes:
        place: where the step begins.
        ends_statement: whether nothing of another table follows in the statement.

    """

    place: _Place
    frame: Frame
    batches: Iterator[Lines]
    ends_statement: bool

    @property
    def step(self) -> Step:
        """The step, with those of its tables that have rows."""
        return self.place.step


def _checked(file: BinaryIO, origin: str) -> Manifest:
    """Check the digest of a file, and return its manifest."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(FIRST_WORDS)) != FIRST_WORDS:
        raise ArtifactError(f"{origin}: is no replant artifact; give a file that export wrote")
    file.seek(max(0, size - _DIGEST_LENGTH))
    last = file.read()
    if not last.startswith(DIGEST_MARK) or not last.endswith(b"\n"):
        raise ArtifactError(f"{origin}: is truncated: its end is missing; export it again")
    body = size - _DIGEST_LENGTH
    if _digest(file, body) != last[len(DIGEST_MARK) : -1]:
        raise ArtifactError(
            f"{origin}: was changed since it was written: its SHA-256 differs; export it again"
        )
    start = _last_place(file, b"\n" + MANIFEST_MARK, body)
    if start is None:
        raise ArtifactError(f"{origin}: has no manifest; export it again")
    file.seek(start + 1 + len(MANIFEST_MARK))
    text = file.read(body - file.tell()).decode("ascii", "replace")
    json = "\n".join(line.removeprefix("-- ") for line in text.splitlines())
    manifest = from_json(json, origin)
    if manifest.layout is not Layout.FILE:
        raise ArtifactError(f"{origin}: has the manifest of a directory; export it again")
    return manifest


def _digest(file: BinaryIO, length: int) -> bytes:
    digest = sha256()
    file.seek(0)
    while length > 0 and (chunk := file.read(min(_CHUNK, length))):
        digest.update(chunk)
        length -= len(chunk)
    return digest.hexdigest().encode()


def _last_place(file: BinaryIO, mark: bytes, end: int) -> int | None:
    """Find the last occurrence of the mark before `end`, searching backwards in chunks."""
    while end > 0:
        start = max(0, end - _CHUNK)
        file.seek(start)
        found = file.read(end - start + len(mark)).rfind(mark)
        if found >= 0:
            return start + found
        end = start
    return None


class _StrictReader:
    """Compares the file's bytes with what is expected, and counts lines for errors."""

    def __init__(self, file: BinaryIO, origin: str, place: _Place | None = None) -> None:
        self._file = file
        self._origin = origin
        self._number = 1
        self._ahead = b""
        self.passed = 0
        if place is not None:
            self._number = place.number
            file.seek(place.offset)

    def begin(self, step: Step, begun: bool) -> _Place:
        """Pass over the blank line before a step's statements, unless that is done."""
        if not begun:
            self.expect(b"\n")
        return _Place(step, self._file.tell(), self._number)

    def skip_comments(self) -> None:
        """Pass over the header."""
        while (text := self._file.readline()).startswith(b"--"):
            self._number += 1
        self._number += 1
        if text != b"\n":
            raise self._unexpected()

    def expect(self, wanted: bytes) -> None:
        """Pass over exactly these bytes."""
        text = self._ahead + self._file.read(max(0, len(wanted) - len(self._ahead)))
        self._ahead = b""
        if text != wanted:
            raise self._unexpected()
        self._number += wanted.count(b"\n")

    def check(self, fits: bool) -> None:
        """Refuse what was read last, unless it fits."""
        if not fits:
            raise self._unexpected()

    def rows(self, width: int) -> Iterator[bytes]:
        """Yield rows up to the first one without a comma after it; keep the rest of its line."""
        more = True
        while more:
            text = self._file.readline()
            more = text.endswith(b"),\n")
            end = text.rfind(b")") + 1
            row = text[:end]
            if not is_row(row, width):
                raise self._unexpected()
            if more:
                self._number += 1
            else:
                self._ahead = text[end:]
            self.passed += 1
            yield row

    def copied_rows(self, width: int, number: int) -> Iterator[bytes]:
        """Yield this number of rows of COPY, without their line ends."""
        for _ in range(number):
            text = self._file.readline()
            row = text[:-1]
            if not text.endswith(b"\n") or not is_copy_row(row, width):
                raise self._unexpected()
            self._number += 1
            self.passed += 1
            yield row

    def _unexpected(self) -> ArtifactError:
        return ArtifactError(
            f"{self._origin}, line {self._number}: is not what its manifest calls for; "
            f"it was not written by replant, or was changed: export it again"
        )
