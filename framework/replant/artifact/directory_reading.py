"""A directory read back: every file is compared with the manifest before the first row is read."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from replant.artifact.directory import DATA, MANIFEST, file_name
from replant.artifact.manifest import DataFile, ExportedTable, Manifest
from replant.artifact.manifest_json import unsealed
from replant.artifact.statements import Lines, limited
from replant.errors import ArtifactError
from replant.model import COPY, Compression, Layout, RelationName
from replant.rendering.copy_rows import insert_lines, is_copy_row
from replant.rendering.rows import on_one_line_each


class Directory:
    """A directory whose every digest was right when it was opened.

    Attributes:
        manifest: what it says of itself.
        in_two_parts: no table; a data file holds whole rows.

    """

    in_two_parts: Mapping[RelationName, tuple[str, ...]] = {}

    def __init__(self, folder: Path) -> None:
        """Compare every file with the manifest.

        Raises:
            ArtifactError: a file is missing, additional or changed; names it.

        """
        self._folder = folder
        self.manifest = _manifest(folder)
        self._tables = {table.name: table for table in self.manifest.tables}
        for table in self.manifest.tables:
            _check_file(folder, _file(self.manifest, table))
        _check_listing(folder, self.manifest)

    def statements(self) -> None:
        """None: a directory holds rows, and no statements."""

    def copied(self, table: RelationName) -> Iterator[Lines]:
        """The rows of one table as lines of COPY.

        Raises:
            ArtifactError: the file does not hold the rows that the manifest tells of.

        """
        return limited(self._rows(self._tables[table]))

    def rows(self, table: RelationName) -> Iterator[Lines]:
        """The rows of one table as lines of an INSERT.

        Raises:
            ArtifactError: the file does not hold the rows that the manifest tells of.

        """
        width = len(self._tables[table].columns)
        for lines in self.copied(table):
            yield on_one_line_each(insert_lines(lines, width))

    def patches(self, table: RelationName) -> Iterator[Lines]:
        """Nothing: rows are whole."""
        del table
        return iter(())

    def _rows(self, table: ExportedTable) -> Iterator[bytes]:
        name = _file(self.manifest, table).name
        width, count = len(table.columns), 0
        with _opened(self._folder / name, self.manifest.compression) as file:
            for text in file:
                count += 1
                row = text[:-1]
                if not text.endswith(b"\n") or not is_copy_row(row, width):
                    raise ArtifactError(
                        f"{self._folder / name}, line {count}: is no row of {table.name} as "
                        f"replant writes it; export it again"
                    )
                yield row
        if count != table.row_count:
            raise ArtifactError(
                f"{self._folder / name}: holds {count} rows, and the manifest tells of "
                f"{table.row_count}; export it again"
            )


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise ArtifactError(
            f"{folder}: is no replant artifact: there is no {MANIFEST} in it; give a directory "
            f"that export wrote"
        )
    manifest = unsealed(path.read_bytes(), str(path))
    if manifest.layout is not Layout.DIRECTORY or manifest.format != COPY:
        raise ArtifactError(f"{path}: is not the manifest of a directory; export it again")
    return manifest


def _file(manifest: Manifest, table: ExportedTable) -> DataFile:
    """The data file of a table, under no other name than the one that the table gives it."""
    if table.file is None or table.file.name != file_name(table.name, manifest.compression):
        raise ArtifactError(f"{MANIFEST}: the file of {table.name} is not its own; export it again")
    return table.file


def _check_file(folder: Path, wanted: DataFile) -> None:
    path = folder / wanted.name
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


def _check_listing(folder: Path, manifest: Manifest) -> None:
    """Refuse what lies in the directory and is no part of the artifact."""
    wanted = {folder / MANIFEST, folder / DATA}
    wanted |= {folder / _file(manifest, table).name for table in manifest.tables}
    for parent, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            if Path(parent, name) not in wanted:
                raise ArtifactError(f"{Path(parent, name)}: is not part of the artifact; remove it")


@contextmanager
def _opened(path: Path, compression: Compression) -> Iterator[BinaryIO]:
    """The bytes of a data file, decompressed."""
    try:
        with path.open("rb") as file:
            match compression:
                case Compression.NONE:
                    yield file
                case Compression.GZIP:
                    with gzip.GzipFile(fileobj=file) as stream:
                        yield cast("BinaryIO", stream)
                case Compression.ZSTD:
                    reader = zstandard.ZstdDecompressor().stream_reader(file)
                    yield cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", reader)))
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError, EOFError) as error:
        raise ArtifactError(f"{path}: cannot be decompressed ({error}); export it again") from error
