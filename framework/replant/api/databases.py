"""Opens source, target and the file of recorded shapes, as every function does."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from replant.config.connection_strings import (
    SOURCE_VARIABLE,
    TARGET_VARIABLE,
    connection_string,
    known_connection_string,
)
from replant.config.mistakes import Mistakes
from replant.config.recorded_shapes import Recorded, read_recorded
from replant.database.connections import ReadingConnection, reading
from replant.database.table_locks import KnownCatalog, decide_under_locks
from replant.errors import PluginError
from replant.model import Catalog, RelationName, RowSecurity, Settings
from replant.plugins.manager import ColumnTransforms, Host, RegisteredTables
from replant.selection.expand import tables_to_read
from replant.selection.select import SelectedTables, select_tables


def recorded_shapes(settings: Settings) -> Recorded | None:
    """Read what was recorded of the tables, if anything was."""
    file = Path(settings.recorded)
    return read_recorded(file) if file.exists() else None


def source_database(
    settings: Settings, snapshot: str | None = None
) -> AbstractContextManager[ReadingConnection]:
    """Open the source in one snapshot: its own, or that of another session."""
    dsn = connection_string(settings.source, SOURCE_VARIABLE)
    fail = settings.export.row_security is RowSecurity.FAIL
    return reading(
        dsn,
        "source",
        hidden_rows_fail=fail,
        settings=settings.source_settings,
        snapshot=snapshot,
    )


def target_database(settings: Settings) -> AbstractContextManager[ReadingConnection]:
    """Open the target in one snapshot."""
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    return reading(dsn, "target", settings=settings.target_settings)


def select_under_locks(
    database: ReadingConnection,
    host: Host,
    settings: Settings,
    *asked: RelationName,
    known: KnownCatalog | None = None,
) -> tuple[Catalog, SelectedTables]:
    """Select what is exported, in a transaction in which all that it reads is locked.

    Args:
        database: the source.
        host: the plugins to ask.
        settings: the whole configuration.
        asked: tables that are read besides.
        known: the catalog as it was read before, if it was.

    """

    def select(catalog: Catalog) -> tuple[SelectedTables, Collection[RelationName]]:
        selected = select_tables(catalog, _registered(host, catalog, settings), settings)
        return selected, {*tables_to_read(database, catalog, selected, settings), *asked}

    return decide_under_locks(database, select, known)


def _registered(host: Host, catalog: Catalog, settings: Settings) -> RegisteredTables:
    """Ask which tables are exported, and refuse settings that name what the database lacks.

    Raises:
        ConfigurationError: it has the mistakes that the host, `register_tables` and
            `transform_value` find.

    """
    mistakes = Mistakes()
    asked = RegisteredTables()
    with mistakes.collecting():
        mistakes.add(*host.missing_names(catalog, settings))
    with mistakes.collecting():
        asked = host.register_tables(catalog, settings)
    if mistakes.lines:
        transforms = ColumnTransforms(host, catalog, settings)
        tables = (catalog.tables.get(item.registration.table) for item in asked.registered)
        for table in filter(None, tables):
            for column in table.columns:
                with mistakes.collecting(), suppress(PluginError):
                    transforms.chain(table, column)
    mistakes.check()
    return asked


def known_source(settings: Settings) -> str | None:
    """Return the source's connection string, if anything but libpq's own variables says it."""
    return known_connection_string(settings.source, SOURCE_VARIABLE)
