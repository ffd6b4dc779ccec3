"""Writes an artifact as a directory: a data file for each table, and a manifest that lists them.

```
manifest.json                  what replay and verify need, with the SHA-256 of each data file
data/schema.table.copy         the rows as COPY writes them, one line each; .gz or .zst behind it
```

It holds no SQL. A file's name is that of its table where that is plain; otherwise what is plain of
it, and eight digits of the SHA-256 of the name, so that no two tables share a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from replant.artifact.atomic_output import synced
from replant.artifact.compressed_streams import ENDINGS, compressed
from replant.artifact.manifest import DataFile, Manifest
from replant.artifact.manifest_json import sealed
from replant.artifact.sql_file_writer import DigestedFile
from replant.artifact.unfinished_directory import Unfinished
from replant.database.joined_rows import pieces
from replant.model import Compression, Plan, PlannedTable, RelationName
from replant.sql.row_forms import Rows

MANIFEST = "manifest.json"
DATA = "data"

_PLAIN = re.compile(r"[a-z_][a-z0-9_]{0,62}")
#: What Windows takes for a device, whatever stands behind a dot (Microsoft, "Naming Files").
_RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)
_NOT_PLAIN = re.compile(r"[^a-z0-9_]+")


class CopiedTables(Protocol):
    """Gives the rows that a directory holds."""

    def rows(self, table: PlannedTable) -> Iterator[Rows]:
        """Yield the rows of a table in COPY's text format: lists of lines without line ends."""


def write_directory(
    folder: Path,
    plan: Plan,
    rows: CopiedTables,
    finished: Callable[[dict[RelationName, DataFile]], Manifest],
    unfinished: Unfinished | None = None,
) -> str:
    """Write an artifact into a folder.

    Args:
        folder: where it goes; empty, unless an earlier run is resumed.
        plan: what is exported.
        rows: gives the rows.
        finished: gives the manifest for the files, once every row was written.
        unfinished: knows which files an earlier run has finished, and notes those of this one.

    Returns:
        The digest over all: the SHA-256 of the manifest, which holds that of every file.

    """
    (folder / DATA).mkdir(exist_ok=unfinished is not None)
    files = {}
    for table in plan.tables:
        name = file_name(table.name, plan.compression)
        if unfinished is not None and name in unfinished.finished:
            # Its rows come from the file: they are hashed, and not written again.
            for _ in rows.rows(table) if table.row_count else ():
                pass
            files[table.name] = unfinished.finished[name]
            continue
        (folder / name).unlink(missing_ok=True)
        with synced(folder / name) as file:
            out = DigestedFile(file)
            with compressed(out, plan.compression) as stream:
                for lines in rows.rows(table) if table.row_count else ():
                    for piece in pieces(lines):
                        stream.write(piece)
            files[table.name] = DataFile(name, out.size, out.hexdigest())
        if unfinished is not None:
            unfinished.note(files[table.name])
    text, digest = sealed(finished(files))
    with synced(folder / MANIFEST) as file:
        file.write(text)
    return digest


def file_name(table: RelationName, compression: Compression) -> str:
    """Return a file name for a table that works on every file system and is unique to the table."""
    return f"{DATA}/{plain_name(table)}.copy{ENDINGS[compression]}"


def plain_name(table: RelationName) -> str:
    """Return what every file system takes as the name of a file, and no two tables share."""
    reserved = _RESERVED.fullmatch(table.schema) is not None
    if _PLAIN.fullmatch(table.schema) and _PLAIN.fullmatch(table.name) and not reserved:
        return f"{table.schema}.{table.name}"
    exact = f"{table.schema}\0{table.name}".encode()
    parts = (_NOT_PLAIN.sub("_", part.lower())[:40] for part in (table.schema, table.name))
    name = f"{'.'.join(parts)}.{sha256(exact).hexdigest()[:8]}"
    return f"_{name}" if _RESERVED.fullmatch(name.partition(".")[0]) else name
