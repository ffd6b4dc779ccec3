"""Selects tables, rows and columns: registrations, catalog and settings in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from attrs import evolve, field, frozen

from replant.config.mistakes import Mistakes
from replant.model import (
    ByColumn,
    Catalog,
    Column,
    InClosure,
    Membership,
    RelationName,
    Selection,
    Settings,
    Table,
)
from replant.plugins.answers import Registered, RegisteredTables
from replant.selection.chosen_rows import (
    check_links_end,
    chosen_rows,
    with_scope_in_conditions,
)
from replant.selection.sampling import sampled_rows
from replant.selection.selection_checks import (
    check_any,
    check_changes,
    check_may_read,
    check_not_hidden,
    check_scope,
    check_shapes,
    live_tables,
    omitted,
)


@frozen
class SelectedTables:
    """What is exported, before any row was counted.

    Attributes:
        registered: the registrations by table.
        tables: the tables as the source has them.
        columns: the exported columns of each table.
        rows: the chosen rows of each table.
        shared: the tables with rows that belong to no scope and are included where they are
            referenced, each with its scope column; known once the database was asked.
        excluded: for each table that the configuration leaves out, the setting that says so.
        scope_columns: for each scope value a table and column that hold it, to check its form.

    """

    registered: Mapping[RelationName, Registered]
    tables: Mapping[RelationName, Table]
    columns: Mapping[RelationName, tuple[Column, ...]]
    rows: Selection
    scope_columns: Mapping[str, tuple[RelationName, Column]]
    shared: Mapping[RelationName, str] = field(factory=dict)
    excluded: Mapping[RelationName, str] = field(factory=dict)

    @property
    def open(self) -> frozenset[RelationName]:
        """The tables into which rows of a closed set come, of some only shared rows."""
        return self.wholly_open | self.shared.keys()

    @property
    def wholly_open(self) -> frozenset[RelationName]:
        """The tables whose rows are those that a closed set has of them."""
        return frozenset(
            name
            for name, item in self.registered.items()
            if isinstance(item.registration.rows, InClosure)
        )

    def only(self, names: Collection[RelationName]) -> SelectedTables:
        """Return the same selection without other tables."""
        return evolve(
            self,
            registered={name: item for name, item in self.registered.items() if name in names},
            tables={name: table for name, table in self.tables.items() if name in names},
            columns={name: columns for name, columns in self.columns.items() if name in names},
            rows={name: rows for name, rows in self.rows.items() if name in names},
            shared={name: column for name, column in self.shared.items() if name in names},
        )


def select_tables(
    catalog: Catalog, asked: RegisteredTables, settings: Settings, *, lenient: bool = False
) -> SelectedTables:
    """Decide tables, rows and columns.

    Args:
        catalog: what the source has.
        asked: the registrations.
        settings: the whole configuration.
        lenient: whether mistakes of the configuration are passed over, since they are known, and
            others are looked for. What it returns is not to be exported.

    Raises:
        CatalogMismatchError: the database lacks a schema, table or column that a plugin needs.
        PrivilegeError: the role may not read a table, or row-level security hides its rows.
        ScopeError: a scope value is missing, or nothing uses one that was given.
        ConfigurationError: `[[tables]]` names a table or column that is not there.
        PluginError: a registration cannot be carried out.

    """
    by_table = {item.registration.table: item for item in asked.registered}
    check_any(catalog, asked)
    tables = live_tables(catalog, by_table)
    # Of the tables that are open to a closed set, those matter that it can reach. Where there are
    # any, `check_readable` finds what may not be read of both sorts in one round.
    fixed = [t for n, t in tables.items() if not isinstance(_membership(by_table[n]), InClosure)]
    changes = {change.name: change for change in settings.tables}
    check_shapes(tables, by_table)
    mistakes = Mistakes()
    with mistakes.collecting():
        check_changes(tables, by_table, settings)
    with mistakes.collecting():
        check_scope(by_table.values(), settings)
    if not lenient:
        mistakes.check()
    scope = {**dict.fromkeys(_scopes(by_table.values()), ""), **settings.scope}
    columns = {
        name: _columns(tables[name], omitted(by_table[name], changes.get(name)))
        for name in sorted(tables)
    }
    if len(fixed) == len(tables):
        check_may_read(catalog, fixed, columns)
    check_not_hidden(catalog, fixed, settings.export.row_security)
    by_table = {name: with_scope_in_conditions(item, scope) for name, item in by_table.items()}
    rows = {
        name: chosen_rows(tables, by_table[name], changes.get(name), scope)
        for name in sorted(tables)
    }
    rows = sampled_rows(tables, rows, settings)
    check_links_end(rows)
    return SelectedTables(
        by_table,
        tables,
        columns,
        rows,
        _scope_columns(by_table.values(), tables, settings.scope),
        excluded=asked.excluded,
    )


def _scopes(registered: Iterable[Registered]) -> Iterator[str]:
    """Yield the names of the scope values by which columns choose rows."""
    for item in registered:
        if isinstance(item.registration.rows, ByColumn):
            yield item.registration.rows.scope


def _membership(item: Registered) -> Membership:
    return item.registration.rows


def _columns(table: Table, left_out: Collection[str]) -> tuple[Column, ...]:
    return tuple(c for c in table.columns if c.writable and c.name not in left_out)


def _scope_columns(
    registered: Iterable[Registered],
    tables: Mapping[RelationName, Table],
    scope: Mapping[str, str],
) -> dict[str, tuple[RelationName, Column]]:
    found: dict[str, tuple[RelationName, Column]] = {}
    for item in registered:
        rows = item.registration.rows
        if isinstance(rows, ByColumn):
            column = tables[item.registration.table].column(rows.column)
            if column is not None and rows.scope in scope:
                found.setdefault(rows.scope, (item.registration.table, column))
    return found
