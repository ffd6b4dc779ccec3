"""Reads an artifact that is a SQL file: checks it as a whole, then reads it by statements.

A SQL file is never handed to a server as it is. The frames in it must be those that its manifest
calls for, and between them there may be nothing but rows of literals, or of COPY; a replay then
composes its own statements around these rows.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import BinaryIO

from attrs import frozen

from replant.artifact.manifest import Manifest
from replant.artifact.manifest_json import from_json
from replant.artifact.row_batches import LONGEST_LINE, MOST_ROWS, PIECE, read_by
from replant.artifact.sql_file_writer import (
    DIGEST_MARK,
    FIRST_WORDS,
    MANIFEST_MARK,
    comment,
    with_rows,
)
from replant.errors import ArtifactError
from replant.model import Layout, PatchColumns, RelationName, Step, step_tables
from replant.sql.closing_checks import closing
from replant.sql.load_statements import Frame, StepText, filled_tables, opening, step_text
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS, Rows

_CHUNK = 1 << 20
#: How many bytes stand behind a row of an INSERT, and of COPY, on its line.
_END = {False: len(b",\n"), True: len(b"\n")}
_DIGEST_LENGTH = len(DIGEST_MARK) + 64 + 1


class SqlFile:
    """A SQL file whose digest was right when it was opened.

    Attributes:
        origin: its path.
        manifest: what it says of itself.
        stored_separately: the tables of which some columns stand apart from their rows.

    """

    def __init__(self, file: BinaryIO, origin: str) -> None:
        """Compare the digest, read the manifest, and compare what stands around the rows.

        Raises:
            ArtifactError: it is not an artifact, is truncated, or was changed.

        """
        self._file = file
        self.origin = origin
        self.manifest, end = _checked(file, origin)
        self.stored_separately = {
            step.table: step.columns
            for step in self.manifest.order.steps
            if isinstance(step, PatchColumns)
        }
        self._tables = self.manifest.planned
        self._texts: dict[int, StepText] = {}
        self._rows, self._patches = _by_table(self._places_of_steps(end))

    def rows(self, table: RelationName) -> Iterator[Rows]:
        """Read the rows of one table as it is loaded, in the form that the manifest tells of.

        Raises:
            ArtifactError: the file is not what its manifest calls for; names the line.

        """
        for place in self._rows[table]:
            yield from self._step(place, table)

    def lines(self, table: RelationName) -> Iterator[Rows]:
        """Read the same without a look at each row: lines and commas tell where the next begins.

        Raises:
            ArtifactError: the file is not what its manifest calls for; names the line.

        """
        for place in self._rows[table]:
            yield from self._step(place, table, check=False)

    def patches(self, table: RelationName) -> Iterator[Rows]:
        """Read the key and the columns that stand apart, of one table, as rows of an INSERT.

        Raises:
            ArtifactError: the file is not what its manifest calls for; names the line.

        """
        for place in self._patches[table]:
            yield from self._step(place, table)

    def _places_of_steps(self, end: int) -> list[_Place]:
        """Compare what stands before the first step and behind the last; return where steps are.

        Args:
            end: where the manifest begins.

        """
        reader = _StrictReader(self._file, self.origin)
        order = self.manifest.order
        reader.skip_comments()
        reader.expect(opening(order.before, filled_tables(self._tables)))
        given = [
            (step, offset)
            for step, offset in zip(order.steps, self.manifest.step_offsets, strict=True)
            if offset is not None
        ]
        ending = b"\n" + closing(self.manifest.ending(self._tables, order.after)) + b"\n"
        stop = end - len(ending)
        starts = [offset - len(b"\n") for _, offset in given]
        first = starts[0] if starts else stop
        reader.check(reader.tell() == first <= stop)
        last = _StrictReader(self._file, self.origin, stop)
        last.expect(ending)
        return [
            _Place(step, offset, after)
            for (step, offset), after in zip(given, [*starts, stop][1:], strict=True)
        ]

    def _step(self, place: _Place, table: RelationName, *, check: bool = True) -> Iterator[Rows]:
        """Read one step, and give the rows of one of its tables."""
        reader = _StrictReader(self._file, self.origin, place.offset, place.end)
        text = self._text_of(place)
        reader.expect(text.before)
        for frame in text.frames:
            left = self._tables[frame.name].row_count
            while left > 0:
                for rows in reader.statement(frame, left, check=check):
                    left -= len(rows)
                    if frame.name == table:
                        yield rows
                reader.check(left >= 0 and (left == 0 or text.may_split))
        reader.expect(text.after)
        reader.check(reader.tell() == place.end)

    def _text_of(self, place: _Place) -> StepText:
        """Compose what stands around the rows of a step; they are read more than once."""
        if place.offset not in self._texts:
            filled = with_rows(place.step, self._tables)
            assert filled is not None
            self._texts[place.offset] = step_text(filled, self._tables, self.manifest.format)
        return self._texts[place.offset]


@frozen
class _Place:
    """Where the rows of a step stand.

    Attributes:
        offset: of the first byte, from the start of the file.
        end: the offset of the byte behind the last.

    """

    step: Step
    offset: int
    end: int


_Places = Mapping[RelationName, Sequence[_Place]]


def _by_table(places: Sequence[_Place]) -> tuple[_Places, _Places]:
    """Return where the rows of each table stand, and where columns that come later stand."""
    rows: defaultdict[RelationName, list[_Place]] = defaultdict(list)
    patches: defaultdict[RelationName, list[_Place]] = defaultdict(list)
    for place in places:
        late = isinstance(place.step, PatchColumns)
        for table in step_tables(place.step):
            (patches if late else rows)[table].append(place)
    return rows, patches


def _checked(file: BinaryIO, origin: str) -> tuple[Manifest, int]:
    """Check the digest of a file, and return its manifest."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(FIRST_WORDS)) != FIRST_WORDS:
        raise ArtifactError(f"{origin}: is not a replant artifact; give a file that export wrote")
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
    text = file.read(body - file.tell())
    lines = text.decode("ascii", "replace").splitlines()
    raw = "\n".join(line.removeprefix("-- ") for line in lines)
    del lines
    manifest = from_json(raw, origin)
    if text != comment(raw):
        raise ArtifactError(f"{origin}: its manifest is not a comment; export it again")
    if manifest.layout is not Layout.FILE:
        raise ArtifactError(f"{origin}: has the manifest of a directory; export it again")
    return manifest, start + 1


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
    """The file's bytes from some offset on, compared with what is expected."""

    def __init__(
        self, file: BinaryIO, origin: str, offset: int = 0, end: int | None = None
    ) -> None:
        """Begin at an offset; rows that lie behind `end` are not read."""
        self._file = file
        self._origin = origin
        self._ahead = b""
        self._end = end
        file.seek(offset)

    def tell(self) -> int:
        """Return the offset of what is read next."""
        return self._file.tell() - len(self._ahead)

    def skip_comments(self) -> None:
        """Pass over the header."""
        while (text := self._file.readline()).startswith(b"--"):
            pass
        if text != b"\n":
            raise self._unexpected(self.tell() - len(text))

    def expect(self, wanted: bytes) -> None:
        """Pass over exactly these bytes."""
        start = self.tell()
        text, self._ahead = self._ahead[: len(wanted)], self._ahead[len(wanted) :]
        text += self._file.read(len(wanted) - len(text))
        if text != wanted:
            same = next(
                (n for n, b in enumerate(zip(text, wanted, strict=False)) if b[0] != b[1]), 0
            )
            raise self._unexpected(start + same)

    def check(self, fits: bool) -> None:
        """Refuse what was read last, unless it fits."""
        if not fits:
            raise self._unexpected(self.tell())

    def statement(self, frame: Frame, left: int, *, check: bool) -> Iterator[Rows]:
        """Read one INSERT or COPY of at most so many rows.

        Args:
            frame: what stands around the rows.
            left: how many rows of the table are still to come.
            check: whether each row is looked at.

        """
        self.expect(frame.head)
        start = self.tell()
        form = COPY_ROWS if frame.copied else INSERT_ROWS
        for lines in self._copied(left) if frame.copied else self._inserted():
            rows, wrong = read_by(form.read if check else form.unchecked, lines, len(frame.columns))
            if wrong is not None:
                before = sum(len(line) + _END[frame.copied] for line in lines[:wrong])
                raise self._unexpected(start + before)
            start = self.tell()
            yield rows
        # The last row was read without what stands behind it on its line.
        self.expect(frame.tail)

    def _inserted(self) -> Iterator[Rows]:
        """Read rows until one without a comma behind it; what stands behind that one is next."""
        while True:
            lines = self._lines(MOST_ROWS)
            last = next((n for n, line in enumerate(lines) if not line.endswith(b"),")), None)
            if last is None:
                yield [line[:-1] for line in lines]
                continue
            end = lines[last].rfind(b")") + 1
            behind = [lines[last][end:], *lines[last + 1 :], self._ahead]
            self._ahead = b"\n".join(behind)
            yield [*(line[:-1] for line in lines[:last]), lines[last][:end]]
            return

    def _copied(self, number: int) -> Iterator[Rows]:
        """Read so many rows of COPY, without their line ends."""
        while number > 0:
            lines = self._lines(min(number, MOST_ROWS))
            number -= len(lines)
            yield lines

    def _lines(self, most: int) -> Rows:
        """Read some lines, without their ends, but no more than so many."""
        held = [self._ahead]
        while b"\n" not in held[-1]:
            left = PIECE if self._end is None else max(self._end - self._file.tell(), 0)
            piece = self._file.read(min(PIECE, left))
            if not piece or sum(map(len, held)) > LONGEST_LINE:
                raise self._unexpected(self._file.tell() - sum(map(len, held)))
            held.append(piece)
        text = b"".join(held)
        del held  # of a large row it is as much again
        *lines, self._ahead = text.split(b"\n", most)
        return lines

    def _unexpected(self, offset: int) -> ArtifactError:
        self._file.seek(0)
        number = 1
        while offset > 0 and (chunk := self._file.read(min(_CHUNK, offset))):
            number += chunk.count(b"\n")
            offset -= len(chunk)
        return ArtifactError(
            f"{self._origin}, line {number}: is not what its manifest calls for; "
            f"it was not written by replant, or was changed: export it again"
        )
