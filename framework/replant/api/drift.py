"""Compares what is known of tables with a database, and records it."""

from __future__ import annotations

from attrs import evolve

from replant.api.databases import recorded_shapes, source_database, target_database
from replant.artifact.artifact import open_artifact
from replant.artifact.atomic_output import whole_file
from replant.config.naming_the_file import naming_the_file
from replant.config.recorded_shapes import Recorded, recorded_text
from replant.database.read_catalog import read_catalog
from replant.drift.drift_findings import Drift
from replant.drift.source_drift import source_drift
from replant.drift.target_drift import target_drift
from replant.errors import UsageError
from replant.model import Catalog, Settings
from replant.model.table_shape import shapes_of
from replant.plugins.answers import Registered
from replant.plugins.manager import Host
from replant.selection.declared_shapes import declared_shapes, shapes_to_record


def drift(settings: Settings, *, host: Host | None = None) -> Drift:
    """Compare what plugins declare, and what was recorded, with the source; no row is read.

    Args:
        settings: say where the source is, and `settings.recorded` the file with what was recorded,
            which need not be there.
        host: the plugins to ask; None for those that the settings enable.

    Raises:
        UsageError: nothing is declared or recorded of any table.
        ReplantError: see `replant.errors`.

    """
    catalog, registered = _registered(settings, host)
    known = declared_shapes(registered, recorded_shapes(settings))
    if not known.shapes:
        raise UsageError(
            f"nothing is declared or recorded of the {len(registered)} tables that are exported; "
            f"record what they look like with replant drift --write"
        )
    return source_drift(catalog, registered, known, settings.recorded)


def drift_against(settings: Settings, target: str, *, host: Host | None = None) -> Drift:
    """Compare the tables of the source that are exported with those of a target.

    Args:
        settings: say where the source is.
        target: the target's connection string.
        host: the plugins to ask; None for those that the settings enable.

    Raises:
        ReplantError: see `replant.errors`.

    """
    catalog, registered = _registered(settings, host)
    shapes = shapes_of(catalog, [item.registration.table for item in registered])
    types = {type_.name: type_ for shape in shapes.values() for type_ in shape.types}
    made_from = f"the source {catalog.database!r}"
    with target_database(evolve(settings, target=target)) as database:
        return target_drift(shapes, types.values(), read_catalog(database), made_from=made_from)


def drift_of_artifact(artifact: str, settings: Settings) -> Drift:
    """Compare what an artifact was made from with the target.

    Args:
        artifact: its path.
        settings: say where the target is.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with open_artifact(artifact) as opened, target_database(settings) as database:
        manifest = opened.manifest
        return target_drift(
            manifest.shapes,
            manifest.types,
            read_catalog(database),
            made_from=artifact,
            empty={table.name for table in manifest.tables if not table.row_count},
        )


def record(settings: Settings, *, host: Host | None = None) -> Recorded:
    """Write down what those tables look like of which no plugin says it, in `settings.recorded`.

    Nothing is written where there is nothing to record.

    Args:
        settings: say where the source is, and the file.
        host: the plugins to ask; None for those that the settings enable.

    Raises:
        OutputError: the file cannot be written.
        ReplantError: see `replant.errors`.

    """
    recorded = shapes_to_record(*_registered(settings, host))
    if recorded.tables or recorded.left_out:
        with whole_file(settings.recorded, force=True) as file:
            file.write(recorded_text(recorded).encode())
    return recorded


def _registered(settings: Settings, host: Host | None) -> tuple[Catalog, tuple[Registered, ...]]:
    """Return the source's catalog, and what the plugins register of it."""
    with naming_the_file(settings):
        host = host or Host.for_settings(settings)
        with source_database(settings) as database:
            catalog = read_catalog(database)
            return catalog, host.register_tables(catalog, settings).registered
