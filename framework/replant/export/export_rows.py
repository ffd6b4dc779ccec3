"""Writes the rows of a plan to an artifact: a SQL file, a directory, or a plugin's format.

A plan and the connection in whose snapshot it was made go in; an artifact comes out, whole or not
at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

from replant.artifact import directory_writer
from replant.artifact.atomic_output import whole_directory, whole_file
from replant.artifact.compressed_streams import compressed, compression_of_name
from replant.artifact.directory_reader import lines_of
from replant.artifact.manifest import DataFile, Manifest
from replant.artifact.manifest_json import to_json
from replant.artifact.manifest_of_plan import manifest_of
from replant.artifact.sql_file_writer import write_sql_file
from replant.artifact.unfinished_directory import Unfinished, resumable_directory
from replant.database.connections import ReadingConnection
from replant.export.source_rows import SourceRows
from replant.export.written_tables import TABLES, write_table_files, write_tables
from replant.model import (
    OWN_FORMATS,
    Layout,
    Plan,
    Progress,
    RelationName,
    RunSettings,
    SqlExpression,
)
from replant.model.transform import Transform
from replant.parallel.workers import open_workers
from replant.sql.row_forms import Rows


def export_rows(
    database: ReadingConnection,
    plan: Plan,
    output: str,
    *,
    force: bool,
    progress: Progress,
    run: RunSettings,
    dsn: str | None,
    snapshot: str | None = None,
    resume: bool = False,
) -> tuple[dict[RelationName, int], str | None]:
    """Write the rows of a plan.

    Args:
        database: the source, in the transaction in which the plan was made.
        plan: what is exported.
        output: where to; `-` is standard output.
        force: whether an output that exists is replaced.
        progress: told of the rows as they are written.
        run: how many processes read rows at the same time, or which cluster does.
        dsn: what the configuration says of the source, for a cluster.
        snapshot: the one of another session, in which everything is read; a directory that is not
            finished is kept then.
        resume: whether the directory of an earlier run in this snapshot is finished.

    Returns:
        How many rows of each table were written, and the SHA-256 over the whole artifact; None for
        a format of a plugin.

    Raises:
        ReplantError: the source fails, or the output cannot be written. Then nothing has appeared
            under the output's name.

    """
    with open_workers(database, "source", run, dsn) as workers:
        reading = partial(SourceRows, database, plan, progress, workers, in_order=True)
        if snapshot is None or plan.layout is not Layout.DIRECTORY or plan.writing is not None:
            rows = reading()
            digest = write_artifact(output, plan, rows, force=force)
        else:
            asked = {"snapshot": snapshot, "plan": _digest_of(plan)}
            mark = directory_writer.MANIFEST
            with resumable_directory(
                output, asked, mark=mark, force=force, resume=resume
            ) as unfinished:
                rows = reading(partial(_rows_of, plan, unfinished))
                digest = _fill(unfinished.folder, plan, rows, unfinished)
    return dict(rows.counts), digest


def write_artifact(output: str, plan: Plan, rows: SourceRows, *, force: bool) -> str | None:
    """Write the rows of a plan as they are read; see `export_rows`."""
    write = _write_directory if plan.layout is Layout.DIRECTORY else _write_file
    return write(output, plan, rows, force=force)


def _write_file(output: str, plan: Plan, rows: SourceRows, *, force: bool) -> str | None:
    compression = compression_of_name(output)
    with whole_file(output, force=force) as out, compressed(out, compression) as file:
        if plan.format in OWN_FORMATS:

            def finished(step_offsets: Sequence[int | None]) -> Manifest:
                rows.check_rows()
                return manifest_of(plan, rows.fingerprints, None, step_offsets, rows.shared)

            return write_sql_file(file, plan, rows, finished)
        if plan.writing is not None:
            write_tables(file, plan, plan.writing, rows)
            rows.check_rows()
            return None
        for table in plan.tables:
            for lines in rows.rendered(table):
                file.write(b"\n".join(lines) + b"\n")
        rows.check_rows()
    return None


def _write_directory(output: str, plan: Plan, rows: SourceRows, *, force: bool) -> str | None:
    if plan.writing is not None:
        with whole_directory(output, mark=TABLES, force=force) as folder:
            write_table_files(folder, plan, plan.writing, rows)
            rows.check_rows()
        return None
    with whole_directory(output, mark=directory_writer.MANIFEST, force=force) as folder:
        return _fill(folder, plan, rows)


def _fill(folder: Path, plan: Plan, rows: SourceRows, unfinished: Unfinished | None = None) -> str:
    def finished(files: Mapping[RelationName, DataFile]) -> Manifest:
        rows.check_rows()
        return manifest_of(plan, rows.fingerprints, files, (), rows.shared)

    return directory_writer.write_directory(folder, plan, rows, finished, unfinished)


#: Texts by whose new ones functions are told apart that change values; a secret may be in them.
_PROBES = ("probe", "2001-02-03")


def _digest_of(plan: Plan) -> str:
    """Tell a plan from others: by its manifest, and by how values change, which is not in that."""
    changes = [
        [str(table.name), column.name, *map(_told_apart, column.transforms)]
        for table in plan.tables
        for column in table.columns
        if column.transforms
    ]
    return sha256(f"{to_json(manifest_of(plan))}{json.dumps(changes)}".encode()).hexdigest()


def _told_apart(transform: Transform) -> str:
    if isinstance(transform, SqlExpression):
        return transform.sql
    answers = []
    for probe in _PROBES:
        answer = None
        # It may be no value of the column's type.
        with suppress(Exception):
            answer = transform.function(probe)
        answers.append(answer)
    return json.dumps([transform.how, transform.given, answers])


def _rows_of(plan: Plan, unfinished: Unfinished, table: RelationName) -> Iterator[Rows] | None:
    """Read the rows of a table from the file that an earlier run has finished."""
    name = directory_writer.file_name(table, plan.compression)
    if name not in unfinished.finished:
        return None
    return lines_of(unfinished.folder / name, plan.compression)
