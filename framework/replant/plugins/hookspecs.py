"""Specifies the hooks, in the order in which an export asks them.

All of them are asked while planning, never once per row or value: a call through pluggy costs a
few microseconds, which over a million rows of twenty columns would be more than a minute. What a
hook returns is used for every row.
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from replant.model import (
    Catalog,
    Column,
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
def register_tables(catalog: Catalog, settings: Settings) -> Sequence[Registration] | None:
    """Name the tables to export, and which of their rows.

    Asked once for each command that reads the source, after its catalog was read. A table may be
    registered whether it exists or not: one that does not is an error that names the plugin, so
    that nothing goes missing in silence.

    Args:
        catalog: every table of the source outside PostgreSQL's own schemas.
        settings: the whole configuration; a plugin's own sub-table is
            `settings.plugins.settings.get("its-name", {})`.

    Returns:
        The registrations, or None for no table. The answers of all plugins are taken together;
        a table that two plugins register is an error that names both.

    Example:
        ```python
        from replant import ByColumn, Registration, ThroughForeignKey, hookimpl


        @hookimpl
        def register_tables(catalog, settings):
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
    settings: Settings,
    exported: ExportedTables,
) -> Transform | None:
    """Change the values of a column on their way.

    Asked once for each exported column, while planning. What it returns is used for every value.

    Args:
        table: the table as the source's catalog has it.
        column: the column as the source's catalog has it.
        catalog: every table of the source, as for `register_tables`.
        settings: the whole configuration, likewise.
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
) -> RowFormat | None:
    """Say how a row of a table becomes bytes in a format of the plugin's own.

    Asked once for each exported table, while planning, for every format but `insert` and `copy`,
    which are replant's own. The rows of all tables go into one file in load order, each with a
    line end behind it.

    Args:
        table: the table as the source's catalog has it.
        columns: the exported columns, in order.
        format: the name given by `format` in the configuration.

    Returns:
        An `SqlExpression` that yields the row's text (the source server renders), a `PythonRow`
        (Python renders), or None when the plugin does not know the format. The first plugin that
        answers decides; if none does, the error lists the formats that plugins name in a tuple
        `FORMATS`, and the plugins that have none. A row that becomes NULL is an error.

    Example:
        ```python
        from replant import SqlExpression, hookimpl

        FORMATS = ("jsonl",)


        @hookimpl
        def render_row(table, columns, format):
            if format in FORMATS:
                return SqlExpression("row_to_json(row_)::text")
            return None
        ```

    """


@hookspec
def order_tables(request: OrderRequest) -> LoadOrder | None:
    """Decide the order in which tables are loaded, and how cycles of foreign keys are broken.

    Asked once for each plan, when tables, columns and row counts are known; and once for each
    replay that does not take the artifact's own order, when the target is known too. Every table
    of the request must be loaded exactly once.

    Args:
        request: the tables, the foreign keys between them, how many rows each has, the name of
            the strategy that was asked for and, at a replay, what the target's role may do.

    Returns:
        The load order, or None when the plugin does not know that strategy. Exactly one plugin
        may answer: two are an error that names both. If none does, the error lists the strategies
        that plugins name in a tuple `STRATEGIES`, and the plugins that have none.

    Example:
        ```python
        from replant import LoadOrder, LoadTogether, hookimpl

        STRATEGIES = ("at-once",)


        @hookimpl
        def order_tables(request):
            if request.strategy in STRATEGIES:
                return LoadOrder(steps=(LoadTogether(request.tables),))
            return None
        ```

    """


HOOKS = (register_tables, transform_value, render_row, order_tables)
