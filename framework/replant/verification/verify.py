"""Compares the rows of a target with those of an artifact, by content.

Fingerprints are compared first: of all rows of a table, and where these differ, of blocks of rows
in the order of the key. Only the rows of blocks that differ are compared one by one. Where
conditions cannot select the same rows in the target, all rows are looked up by their key.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import evolve

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedTable
from replant.database.connections import DatabaseConnection, is_near
from replant.database.copy_stream import copied_rows
from replant.model import Catalog, PlannedTable, Progress, RelationName
from replant.model.conditions import RowsAt, queryable
from replant.sql import row_queries as queries
from replant.sql.fingerprints import Block, Fingerprint
from replant.sql.row_text import ordered_alike
from replant.verification.blocks import differing_ranges
from replant.verification.differences import TableResult
from replant.verification.row_comparison import RowComparison
from replant.verification.target_closure import TargetClosure, find_target_closure

Tables = Mapping[RelationName, PlannedTable]


class HashingPlace(Enum):
    """Where the target's rows are hashed."""

    #: Streamed to the client if the server is on this host, else on the server.
    AUTO = "auto"
    #: On the client: a third of the work for the server, and every row passes the connection.
    STREAM = "stream"
    #: On the server: one number for each table passes the connection.
    SERVER = "server"


def compare_tables(
    database: DatabaseConnection,
    catalog: Catalog,
    artifact: Artifact,
    tables: Tables,
    unseen: Mapping[RelationName, str],
    progress: Progress,
    comparison: HashingPlace = HashingPlace.AUTO,
) -> tuple[TableResult, ...]:
    """Compare every table of the artifact with the target.

    Args:
        database: a reading connection to the target.
        catalog: what the target has.
        artifact: what was exported.
        tables: the artifact's tables as the target has them.
        unseen: those whose rows the role may not see, each with the remedy. Rows that are chosen
            by such a table's are looked up by their keys.
        progress: told of the rows as they are compared.
        comparison: where the target's rows are hashed.

    Raises:
        ArtifactError: the artifact is not what its manifest calls for.

    """
    stream = comparison is HashingPlace.STREAM or (
        comparison is HashingPlace.AUTO and is_near(database)
    )
    selection = {name: table.rows for name, table in tables.items()}
    conditions = {table.name: table.rows or () for table in artifact.manifest.tables}
    by_conditions = queryable(conditions, unseen)
    exported_by_name = {
        table.name: table if table.name in by_conditions else evolve(table, rows=None)
        for table in artifact.manifest.tables
    }
    closure = TargetClosure({})
    if any(exported.rows is None for exported in exported_by_name.values()):
        closure = find_target_closure(database, catalog, artifact, tables)
    for name, rows_at in closure.rows.items():
        rest = tuple(c for c in tables[name].rows.conditions if not isinstance(c, RowsAt))
        selection[name] = evolve(tables[name].rows, conditions=(rows_at, *rest))
    results = []
    for name, exported in exported_by_name.items():
        if name not in tables:  # no row of it was exported, so the target need not have it
            results.append(TableResult(name, 0, 0))
            continue
        if name in unseen:
            results.append(TableResult(name, exported.row_count, 0, unseen=unseen[name]))
            continue
        selected = evolve(exported, rows=()) if name in closure.rows else exported
        rows = RowComparison(
            database, artifact, selected, tables[name], selection, progress, closure.why_not
        )
        results.append(_compare(rows, stream=stream))
    return tuple(results)


def _compare(rows: RowComparison, *, stream: bool) -> TableResult:
    exported, table = rows.exported, rows.table
    whole = table.name not in rows.artifact.stored_separately
    ordered = exported.ordered and whole and ordered_alike(table)
    if exported.rows is None:
        return rows.by_key() if table.key else rows.by_content()
    found = _streamed(rows, blocks=ordered) if stream else _computed(rows)
    if exported.has_content(found.row_count, found.total):
        return TableResult(exported.name, exported.row_count, found.row_count)
    if not table.key:
        return rows.by_content()
    if not ordered:
        return rows.by_key()
    blocks = found.blocks if stream else _computed_blocks(rows)
    ranges = differing_ranges(exported.blocks or (_all_rows(exported),), blocks)
    return rows.by_ranges(ranges, found.row_count)


def _all_rows(exported: ExportedTable) -> Block:
    return Block((), exported.row_count, int(exported.fingerprint, 16))


def _streamed(rows: RowComparison, *, blocks: bool) -> Fingerprint:
    """Hash the target's rows as they pass, as an export would."""
    form, table = rows.exported.row_form, rows.table
    read = queries.fields if blocks else queries.fields_in_any_order
    found = Fingerprint(form.key_of(table.column_names, table.key) if blocks else None)
    query = read(rows.selection, table)
    for batch in copied_rows(rows.database, query, form.copy_out_options, side="target"):
        found.add(batch)
        rows.progress(table.name, len(batch), sum(map(len, batch)))
    return found


def _computed(rows: RowComparison) -> Fingerprint:
    """Let the target hash its rows."""
    query = queries.fingerprint(rows.exported.row_form, rows.selection, rows.table)
    count, total = rows.database.execute(query).fetchone() or (0, 0)
    rows.progress(rows.table.name, rows.exported.row_count, 0)
    return Fingerprint(None, count, int(total or 0))


def _computed_blocks(rows: RowComparison) -> tuple[Block, ...]:
    """Let the target hash its rows by block; only the first key of each passes the connection."""
    query = queries.blocks(rows.exported.row_form, rows.selection, rows.table)
    return tuple(
        Block(tuple(key), count, int(total) % 2**64)
        for count, total, *key in rows.database.execute(query)
    )
