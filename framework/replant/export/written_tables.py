"""Writes artifacts by the writer of a plugin: one file, or a directory with a file for each table.

```
tables.json                    the tables in load order, each with its file, columns and row count
data/schema.table.parquet      the rows of one table, as the plugin writes them
```
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from replant.artifact.atomic_output import synced
from replant.artifact.compressed_streams import Writer
from replant.artifact.directory_writer import DATA, plain_name
from replant.export.source_rows import SourceRows
from replant.model import ArtifactWriter, Column, Plan, PlannedTable, PlannedWriting, Table

#: The file by which such a directory is known.
TABLES = "tables.json"


def write_tables(file: Writer, plan: Plan, writing: PlannedWriting, rows: SourceRows) -> None:
    """Write all tables into one file."""
    writer = writing.format.open()
    columns = _by_name(writing)
    file.write(writer.begin())
    for planned in plan.tables:
        for part in _parts(writer, planned, columns, rows):
            file.write(part)
    file.write(writer.end())


def write_table_files(folder: Path, plan: Plan, writing: PlannedWriting, rows: SourceRows) -> None:
    """Write a file for each table into an empty folder."""
    writer = writing.format.open()
    columns = _by_name(writing)
    (folder / DATA).mkdir()
    listed = []
    for planned in plan.tables:
        name = f"{DATA}/{plain_name(planned.name)}{writing.format.suffix}"
        with synced(folder / name) as file:
            file.write(writer.begin())
            for part in _parts(writer, planned, columns, rows):
                file.write(part)
            file.write(writer.end())
        listed.append(_described(planned, name))
    with synced(folder / TABLES) as file:
        file.write(
            (json.dumps({"format": plan.format, "tables": listed}, indent=2) + "\n").encode()
        )


def _parts(
    writer: ArtifactWriter,
    planned: PlannedTable,
    columns: Mapping[object, tuple[Table, tuple[Column, ...]]],
    rows: SourceRows,
) -> Iterator[bytes]:
    yield writer.table(*columns[planned.name])
    for batch in rows.texts(planned) if planned.row_count else ():
        yield writer.rows(batch)
    yield writer.end_table()


def _by_name(writing: PlannedWriting) -> dict[object, tuple[Table, tuple[Column, ...]]]:
    return {table.name: (table, columns) for table, columns in writing.columns}


def _described(planned: PlannedTable, file: str) -> dict[str, object]:
    return {
        "schema": planned.name.schema,
        "table": planned.name.name,
        "file": file,
        "rows": planned.row_count,
        "columns": [{"name": column.name, "type": column.type} for column in planned.columns],
    }
