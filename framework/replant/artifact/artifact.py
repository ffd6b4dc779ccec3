"""Opens an artifact for reading, whether it is a SQL file or a directory.

A path goes in; an `Artifact` comes out, whose digests are right.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Protocol

from replant.artifact.compressed_streams import compression_of, decompressed
from replant.artifact.directory_reader import Directory
from replant.artifact.manifest import Manifest
from replant.artifact.row_batches import parsed
from replant.artifact.sql_file_reader import SqlFile
from replant.artifact.store_input import fetched
from replant.artifact.stores import is_url
from replant.errors import ArtifactError
from replant.model import Compression, RelationName, Text
from replant.sql.row_forms import INSERT_ROWS, Rows

STANDARD_INPUT = "-"


class Artifact(Protocol):
    """What was exported; its digest was right when it was opened.

    Reading rows raises `ArtifactError` if they are not what the manifest calls for.
    """

    @property
    def origin(self) -> str:
        """The path of the artifact, for messages."""

    @property
    def manifest(self) -> Manifest:
        """What the artifact says of itself."""

    @property
    def stored_separately(self) -> Mapping[RelationName, tuple[str, ...]]:
        """The columns that stand apart from their rows, by table."""

    def rows(self, table: RelationName) -> Iterator[Rows]:
        """Read the rows of one table, in the form that the manifest tells of."""

    def lines(self, table: RelationName) -> Iterator[Rows]:
        """Read what stands in the place of the rows, which need not be rows: to compare it."""

    def patches(self, table: RelationName) -> Iterator[Rows]:
        """Read the key and the columns that stand apart, of one table, as rows of an INSERT."""


def row_texts(artifact: Artifact, table: RelationName) -> Iterator[list[tuple[Text, ...]]]:
    """Read the rows of one table as the texts of their values."""
    exported = artifact.manifest.table(table)
    for rows in artifact.rows(table):
        yield parsed(exported.row_form, rows, len(exported.columns), table, artifact.origin)


def patch_texts(artifact: Artifact, table: RelationName) -> Iterator[list[tuple[Text, ...]]]:
    """Read the key and the columns that stand apart as the texts of their values."""
    width = len(artifact.manifest.table(table).key) + len(artifact.stored_separately.get(table, ()))
    for rows in artifact.patches(table):
        yield parsed(INSERT_ROWS, rows, width, table, artifact.origin)


@contextmanager
def open_artifact(path: str) -> Iterator[Artifact]:
    """Open an artifact after every digest was compared.

    Args:
        path: of a SQL file, which may be compressed, or of a directory, or the URL of one; `-` for
            standard input, from which a SQL file comes.

    Raises:
        ArtifactError: it cannot be read, is not an artifact, is truncated, or was changed.

    """
    if not is_url(path):
        with _open_on_disk(path, "standard input" if path == STANDARD_INPUT else path) as artifact:
            yield artifact
        return
    with fetched(path) as place:
        try:
            with _open_on_disk(str(place), path) as artifact:
                yield artifact
        except ArtifactError as error:
            raise ArtifactError(str(error).replace(str(place), path)) from error


@contextmanager
def _open_on_disk(path: str, origin: str) -> Iterator[Artifact]:
    """Open an artifact that is called `origin` in messages."""
    try:
        if path != STANDARD_INPUT and Path(path).is_dir():
            yield Directory(Path(path), origin)
            return
        with _from_any_place(path) as found, _plain(found, origin) as file:
            yield SqlFile(file, origin)
    except OSError as error:
        place, reason = error.filename or path, error.strerror or error
        raise ArtifactError(f"{place}: cannot be read: {reason}") from error


@contextmanager
def _from_any_place(path: str) -> Iterator[BinaryIO]:
    """Open a file that can be read from any place; what comes by a pipe is stored until the end."""
    with (
        nullcontext(_standard_input()) if path == STANDARD_INPUT else Path(path).open("rb") as file
    ):
        if file.seekable():
            yield file
            return
        with TemporaryFile() as stored:
            shutil.copyfileobj(file, stored)
            stored.seek(0)
            yield stored


def _standard_input() -> BinaryIO:
    if sys.stdin.isatty():
        raise ArtifactError("standard input is a terminal; let an artifact come by a pipe")
    return sys.stdin.buffer


@contextmanager
def _plain(file: BinaryIO, origin: str) -> Iterator[BinaryIO]:
    """Decompress a file that is compressed, whatever its name is, into another."""
    compression = compression_of(file)
    if compression is Compression.NONE:
        yield file
        return
    with TemporaryFile() as stored:
        with decompressed(file, compression, origin) as stream:
            shutil.copyfileobj(stream, stored)
        stored.seek(0)
        yield stored
