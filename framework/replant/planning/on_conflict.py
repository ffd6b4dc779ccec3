"""Decides what a replay does with rows that already exist, by table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from replant.errors import ConfigurationError
from replant.model import (
    ExportSettings,
    Layout,
    OnConflict,
    PlannedTable,
    RelationName,
    Settings,
    Table,
    UniqueIndex,
    readable,
)
from replant.selection.select import SelectedTables


def registered_ways(selected: SelectedTables) -> dict[RelationName, OnConflict]:
    """Return what plugins say of rows that are there already, by table."""
    ways = {name: item.registration.on_conflict for name, item in selected.registered.items()}
    return {name: way for name, way in ways.items() if way is not None}


def configured_on_conflict(
    settings: Settings,
    keys: Mapping[RelationName, tuple[str, ...]],
    registered: Mapping[RelationName, OnConflict],
) -> dict[RelationName, OnConflict | None]:
    """Return the configured `on_conflict` of each table; None where nothing is configured.

    Args:
        settings: the whole configuration.
        keys: the columns that identify a row of each table; empty for a table without a key.
        registered: what plugins say, where the configuration says nothing of the table.

    Raises:
        ConfigurationError: rows of a table should be compared or updated, and it has no key.

    """
    configured = {**dict.fromkeys(keys, settings.export.on_conflict), **registered}
    configured |= {t.name: t.on_conflict for t in settings.tables if t.on_conflict}
    wanted = {name: configured[name] for name in keys}
    own = {t.name for t in settings.tables if t.on_conflict}
    keyless: dict[str, list[str]] = {}
    for name, way in wanted.items():
        if way and way.needs_key and not keys[name]:
            path = settings.path_of(name) if name in own else "export"
            path = f"the registration of {name}" if name in {*registered} - own else path
            keyless.setdefault(f"{path}.on_conflict", []).append(str(name))
    if keyless:
        raise ConfigurationError(
            "\n".join(
                f"{path}: rows of {', '.join(names)} cannot be updated or compared, since no key "
                f"tells them apart; choose on_conflict = 'error' or 'skip' for them under "
                f"[[tables]]"
                for path, names in keyless.items()
            )
        )
    return wanted


def matching_indexes(planned: PlannedTable, table: Table) -> tuple[UniqueIndex, ...] | None:
    """Return the indexes by which a query must find existing rows; None if ON CONFLICT can.

    ON CONFLICT DO NOTHING takes every index of a table and fails at one that is DEFERRABLE; DO
    UPDATE needs one on the key that is neither deferrable nor partial nor excludes by operators.
    An index on a column that is not exported finds nothing: it may only refuse a row.

    Args:
        planned: the table with what is done about existing rows.
        table: the same in the database.

    """
    known = tuple(i for i in table.unique_indexes if {*planned.column_names}.issuperset(i.columns))
    match planned.on_conflict:
        case OnConflict.ERROR:
            return None
        case OnConflict.UPDATE:
            if any(index.finds_rows_by(planned.key) for index in known):
                return None
            return tuple(i for i in known if {*i.columns} == {*planned.key} and not i.predicate)
        case _:
            return None if all(i.immediate for i in table.unique_indexes) else known


def check_conflicts_in_file(
    export: ExportSettings, planned: Sequence[PlannedTable], tables: Mapping[RelationName, Table]
) -> None:
    """Refuse to write ON CONFLICT into a SQL file where the table's keys do not allow it.

    Raises:
        ConfigurationError: it names the tables and their keys.

    """
    if export.layout is not Layout.FILE:
        return
    refused = [
        f"{table.name} (by {', '.join(readable(index.name) for index in found)})"
        for table in planned
        if (found := _not_for_on_conflict(table, tables[table.name]))
    ]
    if refused:
        raise ConfigurationError(
            f"export.on_conflict: ON CONFLICT cannot find the existing rows of "
            f"{', '.join(refused)}: a key that is DEFERRABLE, or WITHOUT OVERLAPS does not serve "
            f"it; choose layout = 'directory', or export with on_conflict = 'error' and say "
            f"--on-conflict at replay, which finds them by a query"
        )


def _not_for_on_conflict(planned: PlannedTable, table: Table) -> list[UniqueIndex]:
    """Return the indexes that ON CONFLICT does not take, if the table needs one that it does."""
    if matching_indexes(planned, table) is None:
        return []
    return [index for index in table.unique_indexes if not index.immediate or index.excludes]
