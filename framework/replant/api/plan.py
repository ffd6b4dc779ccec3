"""Decides an export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from replant.api.databases import recorded_shapes, source_database
from replant.config.naming_the_file import naming_the_file
from replant.database.connections import DatabaseConnection
from replant.database.read_catalog import read_catalog
from replant.model import Plan, Settings
from replant.planning.make_plan import make_plan
from replant.plugins.manager import Host


def plan(settings: Settings, host: Host | None = None) -> Plan:
    """Decide an export of the source, and count its rows.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with planned_export(settings, host) as (_, decided):
        return decided


@contextmanager
def planned_export(
    settings: Settings, host: Host | None
) -> Iterator[tuple[DatabaseConnection, Plan]]:
    """Make the plan of an export, and keep the snapshot in which it was made open."""
    with naming_the_file(settings):
        host = host or Host.for_settings(settings)
        with source_database(settings) as database:
            catalog, recorded = read_catalog(database), recorded_shapes(settings)
            yield database, make_plan(database, catalog, host, settings, recorded)
