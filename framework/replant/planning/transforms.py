"""Asks plugins how values change and how rows are rendered, and refuses chains that cannot work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from replant.errors import ConfigurationError, PluginError
from replant.model import (
    OWN_FORMATS,
    AmongShared,
    Column,
    Identity,
    PlannedColumn,
    PlannedTable,
    PythonFunction,
    RelationName,
    RowFormat,
    SqlExpression,
    Table,
    Transform,
    readable,
)
from replant.model.column_patterns import matches_column
from replant.model.transform import settled
from replant.plugins.manager import ColumnTransforms, Host, Rendering, Transforming
from replant.sql.row_text import computed_by_server


def planned_columns(
    transforms: ColumnTransforms,
    among: Callable[[AmongShared], str],
    table: Table,
    columns: tuple[Column, ...],
) -> tuple[PlannedColumn, ...]:
    """Ask the plugins once for each column how its values change.

    Args:
        transforms: asks them.
        among: composes the condition that a shared row has the same values.
        table: the table.
        columns: those that are exported.

    Raises:
        PluginError: a plugin fails, or a chain has SQL after Python.

    """
    chains = [transforms.chain(table, column) for column in columns]
    return tuple(
        _planned_column(chain, among, table, column)
        for chain, column in zip(chains, columns, strict=True)
    )


def _planned_column(
    chain: tuple[Transforming, ...],
    among: Callable[[AmongShared], str],
    table: Table,
    column: Column,
) -> PlannedColumn:
    transforms = (step.transform for step in chain)
    known = tuple(settled(t, among) if isinstance(t, SqlExpression) else t for t in transforms)
    return PlannedColumn(
        column.name,
        column.type,
        _chain(known, table, column),
        always_identity=column.identity is Identity.ALWAYS,
        plugins=tuple(step.plugin for step in chain),
        names_objects=column.names_objects,
    )


def row_format(
    host: Host,
    table: Table,
    columns: tuple[Column, ...],
    planned: tuple[PlannedColumn, ...],
    format_name: str,
) -> Rendering | None:
    """Ask the plugin of a format how the table's rows are rendered; None for replant's own.

    Raises:
        PluginError: no plugin provides the format, or it renders in SQL what Python changes.

    """
    if format_name in OWN_FORMATS:
        return None
    rendering = host.render_row(table, columns, format_name)
    _check_renderer(rendering.row_format, planned, table.name, format_name)
    return rendering


def changed_columns(planned: Iterable[PlannedTable]) -> dict[RelationName, set[str]]:
    """Return the columns of each table whose values a transform changes."""
    return {
        table.name: {column.name for column in table.columns if column.transforms}
        for table in planned
    }


def check_transformed(planned: Iterable[PlannedTable], patterns: Sequence[str]) -> None:
    """Refuse an export in which a column keeps its values that must not leave as they are.

    Raises:
        ConfigurationError: it names each such column, with its pattern.

    """
    problems = [
        f"export.must_transform: {table.name}.{readable(column.name)} matches {pattern!r}, and no "
        f"plugin changes its values; mask it, or omit it"
        for table in planned
        for column in table.columns
        for pattern in patterns
        if not column.transforms and matches_column(pattern, table.name, column.name)
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _check_renderer(
    renderer: RowFormat, columns: tuple[PlannedColumn, ...], name: RelationName, format_name: str
) -> None:
    """Refuse to let the server render values that Python has yet to change."""
    if isinstance(renderer, SqlExpression) and not computed_by_server(columns):
        raise PluginError(
            f"values of {name} are changed in Python, and the format {format_name!r} renders "
            f"rows in SQL, which would see the values from before; let the plugin of the format "
            f"answer with PythonRow, or the other with SqlExpression"
        )


def _chain(chain: tuple[Transform, ...], table: Table, column: Column) -> tuple[Transform, ...]:
    """Refuse SQL after Python: the server cannot compute on what Python has yet to change."""
    in_python = [isinstance(transform, PythonFunction) for transform in chain]
    if in_python != sorted(in_python):
        raise PluginError(
            f"the values of {table.name}.{readable(column.name)} are changed in Python by one "
            f"plugin and then in SQL by another; name the one that uses SQL first in "
            f"[plugins] enable"
        )
    return chain
