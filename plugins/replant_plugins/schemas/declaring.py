"""Turns recorded tables into registrations.

What a schema's tables look like is recorded in a file beside its plugin, in the form that
`replant drift --write` gives it. A mistake in it is an error when the plugin is imported, not when
someone exports.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources.abc import Traversable

from replant.config.recorded_shapes import read_recorded
from replant.model import Catalog, Membership, Registration, RelationName, Settings


def declare(
    file: Traversable,
    *,
    rows: Membership,
    rows_of: Mapping[str, Membership] | None = None,
    omit: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Registration, ...]:
    """Make the registrations of the tables that a file records.

    Args:
        file: what `replant.config.recorded_shapes` reads.
        rows: how the rows of a table belong to the scope.
        rows_of: the tables whose rows belong to it in another way, by `schema.table`.
        omit: the columns that are left to their default, likewise.

    Raises:
        ConfigurationError: the file says something of another form.
        ValueError: an argument names a table or column that is not recorded. The text names it.

    """
    tables = read_recorded(file).tables
    said = {RelationName.parse(name): other for name, other in (rows_of or {}).items()}
    left_out = {RelationName.parse(name): columns for name, columns in (omit or {}).items()}
    for name in (*said, *left_out):
        if name not in tables:
            raise ValueError(f"{name} is not recorded in {file}")
    for name, columns in left_out.items():
        for column in columns:
            if tables[name].column(column) is None:
                raise ValueError(f"{name}.{column} is not recorded in {file}")
    return tuple(
        Registration(name, rows=said.get(name, rows), omit=left_out.get(name, ()), shape=shape)
        for name, shape in sorted(tables.items())
    )


def where_wanted(
    plugin: str, registrations: tuple[Registration, ...], catalog: Catalog, configuration: Settings
) -> tuple[Registration, ...]:
    """Return the registrations if the plugin was asked for, or the database has their schema.

    A plugin that is enabled by name registers every table, so that one that is gone is noticed.
    """
    enabled = configuration.plugins.enable is not None and plugin in configuration.plugins.enable
    schemas = {registration.table.schema for registration in registrations}
    return registrations if enabled or schemas & catalog.schemas else ()
