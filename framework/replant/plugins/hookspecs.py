"""Specifies the hooks, in the order in which an export asks them.

All of them are asked while planning, never once per row or value: a call through pluggy costs a
few microseconds, which over a million rows of twenty columns would be more than a minute. What a
hook returns is used for every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pluggy

from replant.model import (
    ArtifactFormat,
    Catalog,
    Column,
    Exclusion,
    ExportedTables,
    LoadOrder,
    OrderRequest,
    Registration,
    RowFormat,
    Settings,
    Table,
    Transform,
)

PROJECT = "replant"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_tables(
    catalog: Catalog, settings: Any, configuration: Settings
) -> Sequence[Registration | Exclusion] | None:
    """Name the tables to export, and which of their rows.

    Asked once for each command that reads the source, after its catalog was read. A table may be
    registered whether it exists or not: one that does not is an error that names the plugin, so
    that nothing goes missing in silence.

    Args:
        catalog: every table of the source outside PostgreSQL's own schemas.
        settings: the plugin's own, `[plugins.NAME]`, as an instance of the class that it declares
            as `SETTINGS`; None if it declares none.
        configuration: the whole configuration.

    Returns:
        The registrations, or None for no table; and an `Exclusion` for each table that the
        plugin's settings leave out, so that the plan can say by which setting. The answers of all
        plugins are taken together; a table that two plugins register is an error that names both.

    Example:
        ```python
        from replant import ByColumn, Registration, ThroughForeignKey, hookimpl


        @hookimpl
        def register_tables():
            return [
                Registration("shop.customer", rows=ByColumn("id", scope="customer_id")),
                Registration("shop.order", rows=ThroughForeignKey(("customer_id",))),
            ]
        ```

    """


@hookspec
def transform_value(
    table: Table,
    column: Column,
    catalog: Catalog,
    settings: Any,
    configuration: Settings,
    exported: ExportedTables,
) -> Transform | None:
    """Change the values of a column on their way.

    Asked once for each exported column, while planning. What it returns is used for every value.

    Args:
        table: the table as the source's catalog has it.
        column: the column as the source's catalog has it.
        catalog: every table of the source, as for `register_tables`.
        settings: the plugin's own, likewise.
        configuration: the whole configuration, likewise.
        exported: which tables are exported, whose rows they hold, and how they reference each
            other.

    Returns:
        An `SqlExpression` over `value` (the source server computes it), a `PythonFunction` from
        text or None to text or None, or None to leave the values as they are. The answers of
        several plugins form a chain, in the order in which the configuration enables them; those
        in SQL must come before those in Python.

    Example:
        ```python
        from replant import SqlExpression, hookimpl


        @hookimpl
        def transform_value(table, column):
            if column.name == "email":
                return SqlExpression("md5(value) || '@example.org'")
            return None
        ```

    """


@hookspec
def render_row(
    table: Table,
    columns: Sequence[Column],
    format: str,  # noqa: A002 - the hook's public name
    settings: Any,
) -> RowFormat | None:
    """Say how a row of a table becomes bytes in a format of the plugin's own.

    Asked once for each exported table, while planning, for the formats that the plugin declares in
    a tuple `FORMATS`. `insert` and `copy` are replant's own. The rows of all tables go into one
    file in load order, each with a line end behind it.

    Args:
        table: the table as the source's catalog has it.
        columns: the exported columns, in order.
        format: the one that the configuration names.
        settings: the plugin's own, as for `register_tables`.

    Returns:
        An `SqlExpression` that yields the row's text (the source server renders), a `PythonRow`
        (Python renders), or None to leave the table to another plugin that declares the format.
        The first plugin that answers decides. A row that becomes NULL is an error.

    Example:
        ```python
        from replant import SqlExpression, hookimpl

        FORMATS = ("jsonl",)


        @hookimpl
        def render_row(table, columns, format):
            return SqlExpression("row_to_json(row_)::text")
        ```

    """


@hookspec
def write_artifact(
    tables: Sequence[tuple[Table, Sequence[Column]]],
    format: str,  # noqa: A002 - the hook's public name
    settings: Any,
) -> ArtifactFormat | None:
    """Say how a whole artifact is written in a format of the plugin's own.

    Asked once, while planning, for the formats that the plugin declares in a tuple `FORMATS`. For
    formats that have more than lines: a header for each table, bytes without a line end, one file
    or a file for each table. A plugin that answers here is not asked by `render_row`.

    Args:
        tables: the exported tables as the source's catalog has them, each with its exported
            columns, by name; the writer gets them in load order.
        format: the one that the configuration names.
        settings: the plugin's own, as for `register_tables`.

    Returns:
        An `ArtifactFormat`, which makes the writer; or None to write row by row, by `render_row`.

    Example:
        ```python
        import csv
        import io

        from replant import ArtifactFormat, ArtifactWriter, hookimpl

        FORMATS = ("csv",)


        class Csv(ArtifactWriter):
            def table(self, table, columns):
                return self.rows([tuple(column.name for column in columns)])

            def rows(self, rows):
                text = io.StringIO()
                csv.writer(text).writerows(rows)
                return text.getvalue().encode()


        @hookimpl
        def write_artifact(tables, format):
            return ArtifactFormat(Csv, suffix=".csv")
        ```

    """


@hookspec
def order_tables(request: OrderRequest, settings: Any) -> LoadOrder | None:
    """Decide the order in which tables are loaded, and how cycles of foreign keys are broken.

    Asked once for each plan, when tables, columns and row counts are known; and once for each
    replay that does not take the artifact's own order, when the target is known too; in each case
    for the strategies that the plugin declares in a tuple `STRATEGIES`. Every table of the request
    must be loaded exactly once.

    Args:
        request: the tables, the foreign keys between them, how many rows each has, the name of
            the strategy that was asked for and, at a replay, what the target's role may do.
        settings: the plugin's own, as for `register_tables`.

    Returns:
        The load order. Exactly one enabled plugin may declare a strategy: two are an error that
        names both.

    Example:
        ```python
        from replant import LoadOrder, LoadTogether, hookimpl

        STRATEGIES = ("at-once",)


        @hookimpl
        def order_tables(request):
            return LoadOrder(steps=(LoadTogether(request.tables),))
        ```

    """


HOOKS = (register_tables, transform_value, render_row, write_artifact, order_tables)
