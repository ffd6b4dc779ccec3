"""Compares artifacts and databases with each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, frozen

from replant.api.plan import planned_export
from replant.artifact.artifact import Artifact, open_artifact
from replant.artifact.other_schemas import open_in_schemas, swapped
from replant.artifact.stores import is_url
from replant.config.connection_strings import connection_string
from replant.database.connections import ReadingConnection, is_near, reading
from replant.database.table_locks import check_unchanged, decide_under_locks
from replant.difference.compare_sides import compare_sides
from replant.difference.result import SideComparison
from replant.difference.sides import ArtifactSide, DatabaseSide, Side, SideInOtherSchemas
from replant.difference.target_side import TargetSide
from replant.errors import CatalogMismatchError, UsageError
from replant.matching.met_artifact import meet
from replant.model import (
    Catalog,
    Compression,
    Layout,
    PlannedTable,
    Progress,
    RelationName,
    Settings,
)
from replant.model.progress import silent
from replant.model.table_shape import shapes_of
from replant.plugins.manager import Host
from replant.preflight.target_tables import tables_in_target
from replant.selection.dangling import count_chosen
from replant.synchronization.rows_in_target import find_rows_in_target
from replant.verification.differences import SHOWN
from replant.verification.target_closure import ROOTS_BY_KEY
from replant.verification.unseen_tables import check_all_seen


def diff(
    left: str,
    right: str,
    settings: Settings,
    *,
    host: Host | None = None,
    limit: int | None = SHOWN,
    progress: Progress = silent,
) -> SideComparison:
    """Compare the rows of two artifacts, of two databases, or of one and the other.

    Of a database those rows are compared that the settings choose there. Where they choose none,
    it is the rows that the roots and conditions of the artifact choose that is the other side.

    The left side is compared as if its tables were in the schemas of `settings.map_schema`.

    Args:
        left: the path of an artifact, or a connection string. A path that exists is an artifact.
        right: likewise.
        settings: say which rows of a database are compared.
        host: the plugins to ask; None for those that the settings enable.
        limit: how many differing rows of each table are kept; None for all.
        progress: told of the rows of databases as they are read.

    Raises:
        ReplantError: see `replant.errors`.

    """
    opening = _Opening(settings, host, progress)
    with opening.sides(left, right) as (one, other):
        targets = [side for side in (one, other) if isinstance(side, TargetSide)]
        near = any(is_near(side.database) for side in targets)
        found = compare_sides(one, other, limit, by_blocks=not near)
        loose = {name for side in targets for name in side.loose}
        return evolve(
            found,
            tables=tuple(
                evolve(table, one_way=ROOTS_BY_KEY if table.name in loose else "")
                for table in found.tables
            ),
            shapes={**other.shapes, **one.shapes},
            left_names=one.names if isinstance(one, SideInOtherSchemas) else {},
        )


@frozen
class _Opening:
    """Opens the sides of a comparison."""

    settings: Settings
    host: Host | None
    progress: Progress

    @contextmanager
    def sides(self, left: str, right: str) -> Iterator[tuple[Side, Side]]:
        """Open both sides, with the tables of the left one in the schemas of the right one."""
        schemas = self.settings.map_schema
        match _is_artifact(left), _is_artifact(right):
            case True, False:
                with (
                    open_in_schemas(left, schemas) as artifact,
                    self._beside(artifact, right) as (one, other),
                ):
                    yield one, other
            case False, True:
                with (
                    open_in_schemas(right, swapped(schemas)) as artifact,
                    self._beside(artifact, left) as (other, one),
                ):
                    yield one, other
            case _:
                with self._alone(left) as one, self._alone(right) as other:
                    yield SideInOtherSchemas(one, schemas) if schemas else one, other

    @contextmanager
    def _alone(self, place: str) -> Iterator[Side]:
        if _is_artifact(place):
            with open_artifact(place) as artifact:
                yield ArtifactSide(artifact)
        else:
            with self._planned(place) as side:
                yield side

    @contextmanager
    def _beside(self, artifact: Artifact, place: str) -> Iterator[tuple[Side, Side]]:
        """Open the rows of a database that are compared with those of an artifact."""
        plugins = self.settings.plugins
        if self.settings.scope or plugins.enable or plugins.settings or plugins.files:
            with self._planned(place) as side:
                met = meet(side.database, artifact, self.settings, strict=False)
                yield ArtifactSide(met), side
        else:
            with self._found(artifact, place) as sides:
                yield sides

    @contextmanager
    def _planned(self, place: str) -> Iterator[DatabaseSide]:
        """Plan what a database would export into a directory."""
        form = evolve(
            self.settings.export,
            layout=Layout.DIRECTORY,
            format=None,
            compress=Compression.NONE,
            allow_empty=True,
        )
        settings = evolve(self.settings, source=place, export=form)
        with planned_export(settings, self.host) as (database, decided):
            yield DatabaseSide(database, decided, self.progress)
            check_unchanged(database)

    @contextmanager
    def _found(self, artifact: Artifact, place: str) -> Iterator[tuple[Side, Side]]:
        """Find the rows of a database that an artifact's roots and conditions choose there."""
        dsn = connection_string(place, "")
        settings = self.settings.target_settings
        with reading(dsn, "target", settings=settings) as database:
            met = meet(database, artifact, self.settings, strict=False)
            yield ArtifactSide(met), _target_side(database, met)
            check_unchanged(database, database.side)


def _target_side(database: ReadingConnection, artifact: Artifact) -> TargetSide:
    def compared(
        catalog: Catalog,
    ) -> tuple[dict[RelationName, PlannedTable], Collection[RelationName]]:
        tables = tables_in_target(artifact.manifest, catalog)
        missing = [str(t.name) for t in artifact.manifest.tables if t.name not in tables]
        if missing:
            raise CatalogMismatchError(
                f"the database {catalog.database!r} has no table {', '.join(missing)}, so the rows "
                f"of the artifact cannot be found in it"
            )
        return tables, tables

    catalog, tables = decide_under_locks(database, compared)
    check_all_seen(database, catalog, tables, "compared")
    found = find_rows_in_target(database, catalog, artifact, tables)
    counts = count_chosen(database, found.selection, found.selection)
    shapes = shapes_of(catalog, tables)
    return TargetSide(
        database, tables, found.selection, found.selection, counts, shapes, found.loose
    )


def _is_artifact(place: str) -> bool:
    """Tell an artifact from a connection string.

    Raises:
        UsageError: it is neither.

    """
    if is_url(place) or Path(place).exists():
        return True
    if not (place.startswith("env:") or "=" in place or "://" in place):
        raise UsageError(
            f"there is no artifact {place!r}, and a database is given by a connection string "
            f"such as postgresql://host/name or env:NAME"
        )
    return False
