"""Selects what is exported, and tells all mistakes of a configuration in one round."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress

from replant.config.mistakes import Mistakes
from replant.database.connections import ReadingConnection
from replant.database.table_locks import KnownCatalog, decide_under_locks
from replant.errors import ReplantError
from replant.model import Catalog, RelationName, Settings
from replant.model.column_patterns import missing_protected
from replant.plugins.manager import ColumnTransforms, Host
from replant.selection.expand import tables_to_read
from replant.selection.select import SelectedTables, select_tables

#: Looks for mistakes of a configuration further on than those that are known.
FindMore = Callable[[Catalog, SelectedTables, Host], object]


def select_under_locks(
    database: ReadingConnection,
    host: Host,
    settings: Settings,
    *asked: RelationName,
    known: KnownCatalog | None = None,
    find_more: FindMore = lambda *_: None,
) -> tuple[Catalog, SelectedTables]:
    """Select what is exported, in a transaction in which all that it reads is locked.

    Args:
        database: the source.
        host: the plugins to ask.
        settings: the whole configuration.
        asked: tables that are read besides.
        known: the catalog as it was read before, if it was.
        find_more: called where the configuration has mistakes, with as much of it as can be used:
            it raises a `ConfigurationError` of those that come later.

    Raises:
        ConfigurationError: it has all mistakes that do not depend on each other.

    """

    def select(catalog: Catalog) -> tuple[SelectedTables, Collection[RelationName]]:
        selected = _selected(host, catalog, settings, find_more)
        return selected, {*tables_to_read(database, catalog, selected, settings), *asked}

    return decide_under_locks(database, select, known)


def _selected(
    host: Host, catalog: Catalog, settings: Settings, find_more: FindMore
) -> SelectedTables:
    mistakes = Mistakes()
    with mistakes.collecting():
        mistakes.add(*host.missing_names(catalog, settings))
        protected = missing_protected(settings.export.must_transform, catalog)
        mistakes.add(*(f"export.must_transform[{place}]: {told}" for place, told in protected))
    try:
        with mistakes.collecting():
            found = select_tables(catalog, host.register_tables(catalog, settings), settings)
            if not mistakes.lines:
                return found
    except ReplantError:
        if not mistakes.lines:
            raise
    _find_others(host.forgiving(catalog, settings), catalog, settings, mistakes, find_more)
    mistakes.check()
    raise AssertionError("one of them was found")


def _find_others(
    host: Host, catalog: Catalog, settings: Settings, mistakes: Mistakes, find_more: FindMore
) -> None:
    """Add the mistakes that can be found in spite of those that are known.

    Where no table can be registered, those of settings that say how values change are looked for
    in every table.
    """
    try:
        asked = host.register_tables(catalog, settings)
        selected = select_tables(catalog, asked, settings, lenient=True)
    except ReplantError:
        transforms = ColumnTransforms(host, catalog, settings)
        for table in catalog.tables.values():
            for column in table.columns if table.kind.holds_rows else ():
                with suppress(ReplantError), mistakes.collecting(more=True):
                    transforms.chain(table, column)
        return
    with suppress(ReplantError), mistakes.collecting(more=True):
        find_more(catalog, selected, host)
