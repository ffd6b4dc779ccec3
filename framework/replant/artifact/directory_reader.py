"""Reads an artifact that is a directory.

Every file is compared with the manifest before the first row is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

from replant.artifact.compressed_streams import decompressed
from replant.artifact.directory_writer import DATA, MANIFEST, file_name
from replant.artifact.manifest import DataFile, ExportedTable, Manifest
from replant.artifact.manifest_json import unsealed
from replant.artifact.row_batches import lines_in, read_by
from replant.errors import ArtifactError
from replant.model import Compression, Layout, RelationName
from replant.sql.row_forms import COPY_ROWS, Rows


class Directory:
    """A directory in which every digest was right when it was opened.

    Attributes:
        manifest: the directory's description of itself.
        stored_separately: always empty; a data file holds whole rows.

    """

    stored_separately: Mapping[RelationName, tuple[str, ...]] = {}

    def __init__(self, folder: Path, origin: str) -> None:
        """Compare every file with the manifest; messages call the directory `origin`.

        Raises:
            ArtifactError: a file is missing, additional or changed; names it.

        """
        self._folder = folder
        self.origin = origin
        self.manifest = _manifest(folder)
        self._tables = {table.name: table for table in self.manifest.tables}
        files = [_file(folder, self.manifest, table) for table in self.manifest.tables]
        _check_listing(folder, files)
        for file in files:
            _check_file(folder / file.name, file)
        for table in self.manifest.tables:
            if not table.row_count:
                # Nobody asks for the rows of a table that has none.
                for _ in self._rows(table):
                    pass

    def rows(self, table: RelationName) -> Iterator[Rows]:
        """Read the rows of one table as COPY wrote them.

        Raises:
            ArtifactError: the file does not hold the rows that the manifest tells of.

        """
        return self._rows(self._tables[table])

    def lines(self, table: RelationName) -> Iterator[Rows]:
        """Read what stands in the place of the rows: to check each would take longer than that.

        Raises:
            ArtifactError: there are not as many as the manifest tells of.

        """
        return self._rows(self._tables[table], check=False)

    def patches(self, table: RelationName) -> Iterator[Rows]:
        """Read nothing: rows are whole."""
        del table
        return iter(())

    def _rows(self, table: ExportedTable, *, check: bool = True) -> Iterator[Rows]:
        path = self._folder / _file(self._folder, self.manifest, table).name
        width, wanted, count = len(table.columns), table.row_count, 0
        read = COPY_ROWS.read if check else COPY_ROWS.unchecked
        with _opened(path, self.manifest.compression) as file:
            for lines, ended in lines_in(file):
                rows, wrong = read_by(read, lines, width) if ended else (lines, 0)
                if wrong is not None:
                    raise ArtifactError(
                        f"{path}, line {count + wrong + 1}: is not a row of {table.name} as "
                        f"replant writes it; export it again"
                    )
                count += len(rows)
                if count > wanted:
                    raise ArtifactError(
                        f"{path}, line {wanted + 1}: is one row more than the manifest tells of; "
                        f"export it again"
                    )
                yield rows
        if count < wanted:
            raise ArtifactError(
                f"{path}: holds {count:,} rows, and the manifest tells of {wanted:,}; export it "
                f"again"
            )


def lines_of(path: Path, compression: Compression) -> Iterator[Rows]:
    """Read the lines of a data file that is known to be whole, in batches, without their ends."""
    with _opened(path, compression) as file:
        for rows, _ in lines_in(file):
            yield rows


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if path.is_symlink() or not path.is_file():
        raise ArtifactError(
            f"{folder}: is not a replant artifact: there is no file {MANIFEST} in it; give a "
            f"directory that export wrote"
        )
    manifest = unsealed(path.read_bytes(), str(path))
    if manifest.layout is not Layout.DIRECTORY:
        raise ArtifactError(f"{path}: is not the manifest of a directory; export it again")
    return manifest


def _file(folder: Path, manifest: Manifest, table: ExportedTable) -> DataFile:
    """Return the data file of a table, and refuse any name but the one the table gives it."""
    if table.file is None or table.file.name != file_name(table.name, manifest.compression):
        raise ArtifactError(
            f"{folder / MANIFEST}: the file of {table.name} is not its own; export it again"
        )
    return table.file


def _check_file(path: Path, wanted: DataFile) -> None:
    if path.is_symlink() or not path.is_file():
        raise ArtifactError(f"{path}: is missing; the artifact is not whole: export it again")
    size = path.stat().st_size
    if size < wanted.size:
        raise ArtifactError(
            f"{path}: is truncated: {size} of {wanted.size} bytes are there; export it again"
        )
    with path.open("rb") as file:
        if size != wanted.size or file_digest(file, "sha256").hexdigest() != wanted.sha256:
            raise ArtifactError(
                f"{path}: was changed since it was written: its SHA-256 differs; export it again"
            )


def _check_listing(folder: Path, files: list[DataFile]) -> None:
    """Refuse what lies in the directory and is not part of the artifact."""
    if (folder / DATA).is_symlink():
        raise ArtifactError(f"{folder / DATA}: is a symbolic link; put the directory in its place")
    wanted = {folder / MANIFEST, folder / DATA, *(folder / file.name for file in files)}
    for parent, folders, names in os.walk(folder):
        for name in sorted([*folders, *names]):
            if Path(parent, name) not in wanted:
                raise ArtifactError(f"{Path(parent, name)}: is not part of the artifact; remove it")


@contextmanager
def _opened(path: Path, compression: Compression) -> Iterator[BinaryIO]:
    """Open a data file and decompress it."""
    with path.open("rb") as file, decompressed(file, compression, str(path)) as stream:
        yield stream
