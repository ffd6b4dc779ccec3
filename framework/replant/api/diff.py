"""Compares artifacts and databases with each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve

from replant.api.plan import planned_export
from replant.artifact.artifact import open_artifact
from replant.artifact.stores import is_url
from replant.database.table_locks import check_unchanged
from replant.difference.compare_sides import compare_sides
from replant.difference.result import SideComparison
from replant.difference.sides import ArtifactSide, DatabaseSide, SideInOtherSchemas
from replant.errors import UsageError
from replant.model import Compression, Layout, Progress, Settings
from replant.model.progress import silent
from replant.plugins.manager import Host
from replant.verification.differences import SHOWN


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
    with (
        _side(left, settings, host, progress) as one,
        _side(right, settings, host, progress) as other,
    ):
        mapped = SideInOtherSchemas(one, settings.map_schema) if settings.map_schema else one
        found = compare_sides(mapped, other, limit)
        return evolve(found, shapes={**one.shapes, **other.shapes})


@contextmanager
def _side(
    place: str, settings: Settings, host: Host | None, progress: Progress
) -> Iterator[ArtifactSide | DatabaseSide]:
    """Open an artifact, or plan what a database would export into a directory."""
    if is_url(place) or Path(place).exists():
        with open_artifact(place) as artifact:
            yield ArtifactSide(artifact)
        return
    if not (place.startswith("env:") or "=" in place or "://" in place):
        raise UsageError(
            f"there is no artifact {place!r}, and a database is given by a connection string "
            f"such as postgresql://host/name or env:NAME"
        )
    form = evolve(
        settings.export,
        layout=Layout.DIRECTORY,
        format=None,
        compress=Compression.NONE,
        allow_empty=True,
    )
    with planned_export(evolve(settings, source=place, export=form), host) as (database, decided):
        yield DatabaseSide(database, decided, progress)
        check_unchanged(database)
