"""An artifact read back: first checked as a whole, then statement by statement.

A SQL file is never handed to a server as it is. The frames in it must be those that its manifest
calls for, and between them there may be nothing but rows of literals; a replay then composes its
own statements around these rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from replant.artifact.manifest import Manifest, from_json
from replant.artifact.sql_file import DIGEST_MARK, FIRST_WORDS, MANIFEST_MARK
from replant.errors import ArtifactError
from replant.model import LoadTable, LoadTogether, PatchColumns, RelationName, Step
from replant.rendering.rows import is_row
from replant.rendering.statements import InsertFrame, closing, frames, opening

_CHUNK = 1 << 20
_DIGEST_LENGTH = len(DIGEST_MARK) + 64 + 1


@frozen
class Group:
    """Some rows of one table that belong to one statement.

    Attributes:
        frame: what its writer put around them.
        lines: the rows' lines, each made of literals only.

    """

    frame: InsertFrame
    lines: list[bytes]


@frozen
class StatementRows:
    """The rows of one statement: of one table, or of the several of a `LoadTogether`."""

    step: Step
    groups: tuple[Group, ...]


class Artifact:
    """A SQL file whose digest was right when it was opened."""

    def __init__(self, file: BinaryIO, origin: str, manifest: Manifest) -> None:
        """Use `open_artifact`."""
        self._file = file
        self._origin = origin
        self.manifest = manifest
        self._tables = manifest.planned
        self._places: dict[RelationName, _Place] | None = None

    def statements(self) -> Iterator[StatementRows]:
        """The rows of every statement, in the order of the file.

        Raises:
            ArtifactError: the file is not what its manifest calls for; names the line.

        """
        for _, statement in self._walk():
            yield statement

    def rows(self, table: RelationName) -> Iterator[list[bytes]]:
        """The rows' lines of one table as it is loaded (not as it is patched), in batches.

        The first call reads the whole file, to know where each table stands.

        Raises:
            ArtifactError: the file is not what its manifest calls for; names the line.

        """
        if self._places is None:
            places: dict[RelationName, _Place] = {}
            for at, statement in self._walk():
                for group in statement.groups:
                    if not isinstance(statement.step, PatchColumns):
                        places.setdefault(group.frame.name, at)
            self._places = places
        place = self._places.get(table)
        if place is None:
            return
        reader = _Lines(self._file, self._origin, place)
        for _, statement in self._step(reader, place.step, begun=True):
            for group in statement.groups:
                if group.frame.name == table:
                    yield group.lines

    def _walk(self) -> Iterator[tuple[_Place, StatementRows]]:
        self._file.seek(0)
        reader = _Lines(self._file, self._origin)
        reader.skip_comments()
        names = [table.name for table in self.manifest.tables]
        order = self.manifest.order
        reader.expect(opening(order.before, names))
        for step in order.steps:
            yield from self._step(reader, step)
        reader.expect(b"\n" + closing(order.after, names) + b"\n" + MANIFEST_MARK)

    def _step(
        self, reader: _Lines, step: Step, *, begun: bool = False
    ) -> Iterator[tuple[_Place, StatementRows]]:
        """The statements of a step; `begun` if the reader stands behind its blank line."""
        match step:
            case LoadTogether(names):
                filled = LoadTogether(tuple(n for n in names if self._tables[n].row_count))
                if filled.tables:
                    place = reader.begin(step, begun)
                    yield place, StatementRows(filled, self._groups(reader, filled))
            case LoadTable(name) | PatchColumns(name):
                left = self._tables[name].row_count
                if left:
                    place = reader.begin(step, begun)
                while left > 0:
                    groups = self._groups(reader, step)
                    left -= len(groups[0].lines)
                    yield place, StatementRows(step, groups)

    def _groups(self, reader: _Lines, step: Step) -> tuple[Group, ...]:
        found = []
        for frame in frames(step, self._tables):
            reader.expect(frame.head)
            lines = reader.rows(len(frame.columns))
            # The last row's line was read with its end; the tail stands right behind the row.
            reader.expect(frame.tail)
            found.append(Group(frame, lines))
        return tuple(found)


@frozen
class _Place:
    """Where the first statement of a step stands."""

    step: Step
    offset: int
    number: int


@contextmanager
def open_artifact(path: str) -> Iterator[Artifact]:
    """Open an artifact after its digest was compared.

    Raises:
        ArtifactError: it cannot be read, is no artifact, is truncated, or was changed.

    """
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below, by the with statement
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    with file:
        try:
            yield Artifact(file, path, _checked(file, path))
        except OSError as error:
            raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error


def _checked(file: BinaryIO, origin: str) -> Manifest:
    """The manifest of a file whose digest is right."""
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
    return from_json(json, origin)


def _digest(file: BinaryIO, length: int) -> bytes:
    digest = sha256()
    file.seek(0)
    while length > 0 and (chunk := file.read(min(_CHUNK, length))):
        digest.update(chunk)
        length -= len(chunk)
    return digest.hexdigest().encode()


def _last_place(file: BinaryIO, mark: bytes, end: int) -> int | None:
    """Where the mark stands last before `end`, searched from the end in overlapping chunks."""
    while end > 0:
        start = max(0, end - _CHUNK)
        file.seek(start)
        found = file.read(end - start + len(mark)).rfind(mark)
        if found >= 0:
            return start + found
        end = start
    return None


class _Lines:
    """The file's bytes, compared with what is expected, with the line number for errors."""

    def __init__(self, file: BinaryIO, origin: str, place: _Place | None = None) -> None:
        self._file = file
        self._origin = origin
        self._number = 1
        self._ahead = b""
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
        text = self._ahead + self._file.read(len(wanted) - len(self._ahead))
        self._ahead = b""
        if text != wanted:
            raise self._unexpected()
        self._number += wanted.count(b"\n")

    def rows(self, width: int) -> list[bytes]:
        """Rows until one without a comma behind it; what stands behind that one is next."""
        found = []
        while True:
            text = self._file.readline()
            more = text.endswith(b"),\n")
            end = text.rfind(b")") + 1
            row = text[:end]
            if not is_row(row, width):
                raise self._unexpected()
            found.append(row)
            if not more:
                self._ahead = text[end:]
                return found
            self._number += 1

    def _unexpected(self) -> ArtifactError:
        return ArtifactError(
            f"{self._origin}, line {self._number}: is not what its manifest calls for; "
            f"it was not written by replant, or was changed: export it again"
        )
