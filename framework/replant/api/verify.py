"""Compares a database with an artifact."""

from __future__ import annotations

from collections.abc import Callable, Collection

from replant.api.databases import target_database
from replant.artifact.manifest import Manifest
from replant.artifact.other_schemas import open_in_schemas
from replant.database.table_locks import check_unchanged, decide_under_locks
from replant.matching.met_artifact import meet
from replant.model import Catalog, Progress, RelationName, Settings
from replant.model.progress import silent
from replant.parallel.workers import open_workers
from replant.preflight.target_schema import check_nothing_missing
from replant.preflight.target_tables import tables_in_target
from replant.verification.differences import TableResult
from replant.verification.unseen_tables import find_unseen_tables
from replant.verification.verify import HashingPlace, Tables, compare_tables


def verify(
    artifact: str,
    settings: Settings,
    *,
    hashing: HashingPlace = HashingPlace.AUTO,
    opened: Callable[[Manifest], None] = lambda _: None,
    progress: Progress = silent,
) -> tuple[TableResult, ...]:
    """Compare the rows that the target holds with those of an artifact, table by table.

    Args:
        artifact: the path of the artifact.
        settings: says where the target is.
        hashing: where the target's rows are hashed; by default on the client if the server is on
            this host, else on the server.
        opened: told of the artifact's manifest, once its digest was found right.
        progress: told of the rows as they are compared.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with (
        open_in_schemas(artifact, settings.map_schema) as exported,
        target_database(settings) as database,
    ):
        opened(exported.manifest)
        source = meet(database, exported, settings, strict=False)

        def compared(catalog: Catalog) -> tuple[Tables, Collection[RelationName]]:
            check_nothing_missing(source.manifest, catalog)
            tables = tables_in_target(source.manifest, catalog)
            return tables, tables

        catalog, tables = decide_under_locks(database, compared)
        unseen = find_unseen_tables(database, catalog, tables)
        with open_workers(database, "target", settings.run, settings.target) as workers:
            results = compare_tables(
                database, catalog, source, tables, unseen, progress, hashing, workers
            )
        check_unchanged(database, database.side)
    return results
