"""Asks plugins how values change and how rows are rendered, and refuses chains that cannot work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from replant.config.mistakes import Mistakes
from replant.errors import ConfigurationError, PluginError
from replant.model import (
    OWN_FORMATS,
    AmongShared,
    Column,
    Identity,
    Layout,
    PlannedColumn,
    PlannedTable,
    PlannedWriting,
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
from replant.plugins.answers import Rendering, Transforming
from replant.plugins.manager import ColumnTransforms
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
        ConfigurationError: plugins find mistakes in their settings; it has those of all columns.
        PluginError: a plugin fails, or a chain has SQL after Python.

    """
    mistakes, chains = Mistakes(), list[tuple[Transforming, ...]]()
    for column in columns:
        with mistakes.collecting():
            chains.append(transforms.chain(table, column))
    mistakes.check()
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
    transforms: ColumnTransforms, table: Table, columns: tuple[Column, ...]
) -> Rendering | None:
    """Ask the plugin of a format how the table's rows are rendered; None for replant's own.

    Raises:
        ConfigurationError: no plugin declares the format.
        PluginError: the plugin of the format fails.

    """
    name = transforms.settings.export.format_name
    if name in OWN_FORMATS:
        return None
    return transforms.host.render_row(table, columns, name, transforms.settings.plugins)


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


def artifact_writing(
    transforms: ColumnTransforms, tables: Sequence[tuple[Table, tuple[Column, ...]]]
) -> PlannedWriting | None:
    """Ask the plugin of a format how a whole artifact is written; None where rows are rendered.

    Raises:
        ConfigurationError: no plugin declares the format, or the layout is not that of the format.
        PluginError: the plugin of the format fails.

    """
    export = transforms.settings.export
    if export.format_name in OWN_FORMATS:
        return None
    writing = transforms.host.write_artifact(
        tables, export.format_name, transforms.settings.plugins
    )
    wanted = Layout.DIRECTORY if writing is not None and writing.format.suffix else Layout.FILE
    if export.layout is wanted:
        return writing
    if wanted is Layout.DIRECTORY:
        raise ConfigurationError(
            f"export.layout: the format {export.format_name!r} has a file for each table; choose "
            f"layout = 'directory'"
        )
    raise ConfigurationError(
        f"export.format: a directory holds the rows as COPY writes them, or in a format that has "
        f"a file for each table, which {export.format_name!r} has not; choose layout = 'file'"
    )


def check_renderer(
    renderer: RowFormat, columns: tuple[PlannedColumn, ...], name: RelationName, format_name: str
) -> None:
    """Refuse to let the server render values that Python has yet to change.

    Raises:
        PluginError: the format renders in SQL what Python changes.

    """
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
