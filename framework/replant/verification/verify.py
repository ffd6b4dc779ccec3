"""Compares the rows of a target with those of an artifact, by content.

Fingerprints are compared first: of all rows of a table, and where these differ, of blocks of rows
in the order of the key. Only the rows of blocks that differ are compared one by one. Where
conditions cannot select the same rows in the target, all rows are looked up by their key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from attrs import evolve

from replant.artifact.artifact import Artifact
from replant.database.connections import DatabaseConnection, is_near
from replant.database.copy_stream import copied_rows
from replant.database.joined_rows import bytes_in
from replant.database.session_settings import exact_names
from replant.errors import DatabaseError
from replant.model import Catalog, PlannedTable, Progress, RelationName
from replant.model.conditions import RowsAt, queryable
from replant.parallel.sliced_tables import SlicedTable, SlicedTables, is_large
from replant.parallel.workers import Workers
from replant.sql import row_queries as queries
from replant.sql.fingerprints import Block, Fingerprint, FingerprintPart
from replant.sql.row_text import ordered_alike
from replant.verification.blocks import Range, differing_ranges
from replant.verification.differences import TableResult
from replant.verification.row_comparison import RowComparison
from replant.verification.target_closure import (
    ROOTS_BY_KEY,
    TargetClosure,
    find_target_closure,
    roots_by_key,
)

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
    workers: Workers | None = None,
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
        workers: stream large tables beside this process.

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
    comparisons = {
        name: RowComparison(
            database,
            artifact,
            evolve(exported, rows=()) if name in closure.rows else exported,
            tables[name],
            selection,
            progress,
            closure.why_not,
        )
        for name, exported in exported_by_name.items()
        if name in tables and name not in unseen
    }
    sliced: SlicedTables | None = None
    if workers is not None and stream:
        cut = dict(_sliced_tables(catalog, comparisons.values()))
        sliced = SlicedTables(database, workers, selection, cut, leave_rows=False)
    results, loose = [], roots_by_key(artifact.manifest)
    for name, exported in exported_by_name.items():
        if name not in comparisons:
            # No row was exported of a table that the target lacks.
            why = unseen.get(name, "")
            results.append(TableResult(name, exported.row_count, 0, unseen=why))
            continue
        with exact_names(database, tables[name]):
            result = _compare(catalog, comparisons[name], sliced, stream=stream)
        if name in closure.rows and name in loose and not result.one_way:
            result = evolve(result, one_way=ROOTS_BY_KEY)
        results.append(result)
    return tuple(results)


def _sliced_tables(
    catalog: Catalog, comparisons: Iterable[RowComparison]
) -> Iterator[tuple[RelationName, SlicedTable]]:
    """Yield the tables that are read as a whole, and whose key cannot be NULL in the target."""
    for rows in comparisons:
        exported, table = rows.exported, rows.table
        whole = is_large(exported.row_count) and exported.rows is not None
        whole = whole and not table.names_objects
        if whole and _has_full_keys(catalog, table):
            size = exported.rows_per_block
            sliced = evolve(table, row_count=exported.row_count, ordered=size > 1)
            yield table.name, SlicedTable(sliced, exported.row_form, size, exported.blocks)


def _is_ordered(catalog: Catalog, rows: RowComparison) -> bool:
    """Tell whether the rows stand in the same order in the artifact and in the target."""
    whole = rows.table.name not in rows.artifact.stored_separately
    alike = ordered_alike(rows.table) and _has_full_keys(catalog, rows.table)
    return rows.exported.ordered and whole and alike


def _has_full_keys(catalog: Catalog, table: PlannedTable) -> bool:
    """Tell whether no part of the key can be NULL in the target, so that every row has a place."""
    live = catalog.tables[table.name]
    return {column.name for column in live.columns if column.not_null}.issuperset(table.key)


def _compare(
    catalog: Catalog, rows: RowComparison, sliced: SlicedTables | None, *, stream: bool
) -> TableResult:
    exported, table = rows.exported, rows.table
    ordered = _is_ordered(catalog, rows)
    if exported.rows is None:
        return rows.by_key() if table.key else rows.by_content()
    found = _streamed(rows, sliced) if stream else _computed(rows)
    if exported.has_content(found.row_count, found.total):
        return TableResult(exported.name, exported.row_count, found.row_count)
    if not table.key:
        return rows.by_content()
    if ordered:
        ranges: Iterable[Range] = [Range(0, exported.row_count, None, None)]
        if exported.blocks:
            ranges = differing_ranges(
                exported.blocks, found.blocks if stream else _computed_blocks(rows)
            )
        result = rows.by_ranges(ranges, found.row_count)
    else:
        result = rows.by_key()
    # There may be fewer, and all be there: rows that the conditions no longer choose.
    if result.equal and found.row_count > exported.row_count:
        raise DatabaseError(
            f"the target has more rows of {table.name} than were exported, and none was found to "
            f"be additional: please report this"
        )
    return result


def _streamed(rows: RowComparison, sliced: SlicedTables | None) -> Fingerprint:
    """Hash the target's rows as they pass, as an export would."""
    exported, table = rows.exported, rows.table
    found = exported.new_fingerprint()
    if sliced is not None and table.name in sliced:
        for _ in sliced.read(table.name, found, rows.progress):
            pass
        return found
    read = queries.fields if exported.rows_per_block > 1 else queries.fields_in_any_order
    query, options = read(rows.selection, table), exported.row_form.copy_out_options
    for batch in copied_rows(rows.database, query, options, side="target"):
        found.add(batch)
        rows.progress(table.name, len(batch), bytes_in(batch))
    return found


def _computed(rows: RowComparison) -> FingerprintPart:
    """Let the target hash its rows."""
    exported = rows.exported
    query = queries.fingerprint(
        exported.row_form, rows.selection, rows.table, exported.rows_per_block
    )
    count, total = rows.database.execute(query).fetchone() or (0, 0)
    rows.progress(rows.table.name, exported.row_count, 0)
    return FingerprintPart(count, int(total or 0))


def _computed_blocks(rows: RowComparison) -> tuple[Block, ...]:
    """Let the target hash its rows by block; only the first key of each passes the connection."""
    exported = rows.exported
    query = queries.blocks(exported.row_form, rows.selection, rows.table, exported.blocks)
    return tuple(
        Block(tuple(key), count, int(total) % 2**64)
        for count, total, *key in rows.database.execute(query)
    )
