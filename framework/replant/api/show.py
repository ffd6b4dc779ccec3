"""Describes an artifact, and checks it, without a database."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from replant.artifact.artifact import Artifact, open_artifact
from replant.artifact.artifact_size import artifact_size
from replant.artifact.manifest import ExportedTable, Manifest
from replant.database.joined_rows import bytes_in
from replant.errors import ArtifactError
from replant.model import Progress
from replant.model.progress import silent
from replant.sql.fingerprints import Fingerprint


@frozen
class ShownArtifact:
    """An artifact whose digests are right.

    Attributes:
        origin: its path.
        manifest: what it says of itself.
        size: how many bytes it takes where it lies; None for standard input.
        checked: whether every row was read, and compared with the fingerprints.

    """

    origin: str
    manifest: Manifest
    size: int | None
    checked: bool


def show(
    artifact: str,
    *,
    check: bool = False,
    opened: Callable[[Manifest], None] = lambda _: None,
    progress: Progress = silent,
) -> ShownArtifact:
    """Describe an artifact. Its digests are compared in any case.

    Args:
        artifact: its path; `-` for standard input.
        check: whether every row is read, too, and compared with the fingerprints.
        opened: told of the manifest, once the digests were found right.
        progress: told of the rows as they are read.

    Raises:
        ArtifactError: it is not what was exported.

    """
    with open_artifact(artifact) as source:
        opened(source.manifest)
        for table in source.manifest.tables if check else ():
            _check_rows(source, table, progress)
        return ShownArtifact(source.origin, source.manifest, artifact_size(artifact), check)


def _check_rows(artifact: Artifact, table: ExportedTable, progress: Progress) -> None:
    """Read the rows of a table; with columns that stand apart they are counted only."""
    found = Fingerprint(table.rows_per_block)
    for rows in artifact.rows(table.name):
        found.add(rows)
        progress(table.name, len(rows), bytes_in(rows))
    for _ in artifact.patches(table.name):
        pass
    whole = table.name not in artifact.stored_separately
    same = table.has_content(found.row_count, found.total)
    if found.row_count != table.row_count or (whole and not same):
        raise ArtifactError(
            f"{artifact.origin}: the rows of {table.name} are not those that its fingerprint is "
            f"of; export it again"
        )
