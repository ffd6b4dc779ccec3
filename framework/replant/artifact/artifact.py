"""Opens an artifact for reading, whether it is a SQL file or a directory.

A path goes in; an `Artifact` comes out, whose digests are right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from replant.artifact.directory_reader import Directory
from replant.artifact.manifest import Manifest
from replant.artifact.row_batches import CopiedRows, Lines, StatementRows
from replant.artifact.sql_file_reader import SqlFile
from replant.errors import ArtifactError
from replant.model import RelationName


class Artifact(Protocol):
    """An exported artifact; its digest was right when it was opened.

    Reading rows raises `ArtifactError` if they are not what the manifest calls for.
    """

    @property
    def manifest(self) -> Manifest:
        """The artifact's description of itself."""

    @property
    def stored_separately(self) -> Mapping[RelationName, tuple[str, ...]]:
        """The columns that are stored separately from their rows, by table."""

    def statements(self) -> Iterator[StatementRows | CopiedRows] | None:
        """Return the statements in the artifact's own order; None if it has none."""

    def rows(self, table: RelationName) -> Iterator[Lines]:
        """Return the rows of one table as it is loaded, as lines of an INSERT."""

    def patches(self, table: RelationName) -> Iterator[Lines]:
        """Return the key and the separately stored columns of one table, as lines of an INSERT."""

    def copied(self, table: RelationName) -> Iterator[Lines] | None:
        """Return the rows of one table as lines of COPY; None if they are not stored as such."""


@contextmanager
def open_artifact(path: str) -> Iterator[Artifact]:
    """Open an artifact after every digest was compared.

    Raises:
        ArtifactError: it cannot be read, is no artifact, is truncated, or was changed.

    """
    try:
        if Path(path).is_dir():
            yield Directory(Path(path))
            return
        with Path(path).open("rb") as file:
            yield SqlFile(file, path)
    except OSError as error:
        place, reason = error.filename or path, error.strerror or error
        raise ArtifactError(f"{place}: cannot be read: {reason}") from error
