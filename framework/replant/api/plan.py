"""Decides an export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from replant.api.databases import recorded_shapes, source_database
from replant.api.selected_tables import select_under_locks
from replant.config.naming_the_file import naming_the_file
from replant.database.connections import ReadingConnection
from replant.database.table_locks import KnownCatalog, check_unchanged
from replant.export.shown_rows import ShownRow, read_shown_rows
from replant.model import Catalog, Plan, RelationName, Settings
from replant.planning.make_plan import find_mistakes, make_plan
from replant.plugins.manager import Host
from replant.selection.select import SelectedTables


def plan(settings: Settings, host: Host | None = None) -> Plan:
    """Decide an export of the source, and count its rows.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with planned_export(settings, host) as (database, decided):
        check_unchanged(database)
    return decided


def plan_with_rows(
    settings: Settings, count: int, host: Host | None = None
) -> tuple[Plan, dict[RelationName, tuple[ShownRow, ...]]]:
    """Decide an export, and read a few rows of each table whose values change.

    The rows hold values as they are: show them to nobody who may not read the source.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with planned_export(settings, host) as (database, decided):
        rows = read_shown_rows(database, decided, count)
        check_unchanged(database)
    return decided, rows


@contextmanager
def planned_export(
    settings: Settings, host: Host | None, snapshot: str | None = None
) -> Iterator[tuple[ReadingConnection, Plan]]:
    """Make the plan of an export, and keep the snapshot in which it was made open."""
    with naming_the_file(settings):
        host = host or Host.for_settings(settings)
        with source_database(settings, snapshot) as database:
            yield database, plan_in(database, host, settings)


def plan_in(
    database: ReadingConnection, host: Host, settings: Settings, known: KnownCatalog | None = None
) -> Plan:
    """Make the plan of an export in a transaction that has read no row yet.

    Args:
        database: the source.
        host: the plugins to ask.
        settings: the whole configuration.
        known: the catalog as it was read before, if it was.

    """
    recorded = recorded_shapes(settings)

    def find_more(catalog: Catalog, selected: SelectedTables, host: Host) -> None:
        find_mistakes(database, catalog, selected, host, settings)

    catalog, selected = select_under_locks(
        database, host, settings, known=known, find_more=find_more
    )
    return make_plan(database, catalog, selected, host, settings, recorded)
