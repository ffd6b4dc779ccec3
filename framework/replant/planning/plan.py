"""The plan: selection, census, transforms and load order put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from replant.database.connections import Database
from replant.errors import PluginError
from replant.host.manager import Host
from replant.model import (
    Catalog,
    Column,
    Identity,
    LoadOrder,
    LoadTable,
    LoadTogether,
    Omission,
    OrderRequest,
    Plan,
    PlannedColumn,
    PlannedTable,
    PythonFunction,
    RelationName,
    RowFormat,
    Settings,
    SqlExpression,
    Table,
    Transform,
    readable,
)
from replant.planning.census import Census, take_census
from replant.planning.selection import Selected, select
from replant.rendering.rows import computed_by_server

#: The format that replant renders itself, and the only one that it replays.
INSERT = "insert"


def make_plan(database: Database, catalog: Catalog, host: Host, settings: Settings) -> Plan:
    """Decide everything about an export; rows are counted, and none is read.

    Raises:
        ReplantError: see `select` and `take_census`; a plugin may fail too.

    """
    selected = select(catalog, host.register_tables(catalog, settings), settings)
    census = take_census(database, selected, settings)
    return plan_from(catalog, selected, census, host, settings)


def plan_from(
    catalog: Catalog, selected: Selected, census: Census, host: Host, settings: Settings
) -> Plan:
    """The plan of a counted selection; pure but for what plugins do.

    Raises:
        ConfigurationError: no plugin knows the strategy or the format.
        PluginError: a plugin fails, or its load order does not fit the tables.

    """
    planned = {
        name: _planned_table(selected, census, host, name, settings.export.format)
        for name in selected.tables
    }
    order = _order(selected, census, host, settings.export.strategy)
    return Plan(
        source_version=catalog.version_text,
        plugins=host.versions,
        scope=dict(sorted(settings.scope.items())),
        strategy=settings.export.strategy,
        format=settings.export.format,
        tables=tuple(planned[name] for name in _loaded(order)),
        order=order,
        omissions=tuple(_omissions(catalog, selected, census)),
        warnings=tuple(_warnings(selected, census)),
    )


def _planned_table(
    selected: Selected, census: Census, host: Host, name: RelationName, format_name: str
) -> PlannedTable:
    table, columns = selected.tables[name], selected.columns[name]
    exported = {column.name: column for column in columns}
    key = table.identifying_columns
    if not exported.keys() >= set(key):
        key = ()
    planned = tuple(
        PlannedColumn(c.name, c.type, _chain(host.transform_value(table, c), table, c))
        for c in columns
    )
    renderer = None
    if format_name != INSERT:
        renderer = host.render_row(table, columns, format_name)
        _check_renderer(renderer, planned, name, format_name)
    return PlannedTable(
        name=name,
        columns=planned,
        key=key,
        collatable=frozenset(part for part in key if exported[part].collatable),
        rows=census.rows[name],
        row_count=census.counts[name],
        overriding=any(column.identity is Identity.ALWAYS for column in columns),
        row_format=renderer,
    )


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


def _order(selected: Selected, census: Census, host: Host, strategy: str) -> LoadOrder:
    tables = tuple(sorted(selected.tables))
    keys = tuple(
        key
        for name in tables
        for key in selected.tables[name].foreign_keys
        if key.enforced and key.references in selected.tables
    )
    order = host.order_tables(
        OrderRequest(
            strategy=strategy,
            tables=tables,
            foreign_keys=keys,
            row_counts=census.counts,
            nullable=frozenset(
                (name, column.name)
                for name in tables
                for column in selected.columns[name]
                if not column.not_null
            ),
            keyed=frozenset(n for n in tables if selected.tables[n].identifying_columns),
        )
    )
    loaded = Counter(_loaded(order))
    wrong = sorted({*loaded, *tables} - {name for name in tables if loaded[name] == 1})
    if wrong:
        raise PluginError(
            f"the load order of the strategy {strategy!r} must load every table exactly once, "
            f"and does not so for {', '.join(map(str, wrong))}; choose another strategy"
        )
    return order


def _loaded(order: LoadOrder) -> Iterator[RelationName]:
    for step in order.steps:
        match step:
            case LoadTable(name):
                yield name
            case LoadTogether(names):
                yield from names


def _omissions(catalog: Catalog, selected: Selected, census: Census) -> Iterator[Omission]:
    for name, table in selected.tables.items():
        exported = {column.name for column in selected.columns[name]}
        for column in table.columns:
            if column.name not in exported:
                why = "computed by the target" if column.generated else _left_to_default(column)
                yield Omission(f"{name}.{readable(column.name)}", why)
            elif column.identity is not Identity.NONE or "nextval(" in (column.default or ""):
                why = "not moved: before new rows come in the target, set it past the largest value"
                yield Omission(f"the sequence of {name}.{readable(column.name)}", why)
    covered = {name.schema for name in selected.tables}
    for name, other in catalog.tables.items():
        if name.schema in covered and name not in selected.tables and not other.is_partition:
            kind = other.kind.name.lower().replace("_", " ")
            yield Omission(str(name), f"a {kind} that no enabled plugin registers")
    for finding in census.left_out:
        noun = "row" if finding.count == 1 else "rows"
        yield Omission(f"{finding.count} {noun} of {finding.key.table}", str(finding))
    for references, keys in _leaving(selected.tables).items():
        listed = ", ".join(keys)
        yield Omission(str(references), f"not exported, but referenced by {listed}")


def _left_to_default(column: Column) -> str:
    return f"left to its default in the target, here {column.default or 'NULL'}"


def _leaving(tables: Mapping[RelationName, Table]) -> dict[RelationName, list[str]]:
    """The foreign keys that lead to tables which are not exported."""
    leaving: dict[RelationName, list[str]] = {}
    for table in tables.values():
        for key in table.foreign_keys:
            if key.references not in tables:
                leaving.setdefault(key.references, []).append(str(key))
    return dict(sorted(leaving.items()))


def _warnings(selected: Selected, census: Census) -> Iterator[str]:
    for name, table in selected.tables.items():
        item = selected.registered[name]
        declared = {column.name: column for column in item.registration.columns}
        for column in table.columns if declared else ():
            if column.name not in declared:
                yield (
                    f"{name}.{readable(column.name)} is not known to the plugin {item.plugin!r}; "
                    f"it is exported all the same"
                )
            elif declared[column.name].type != column.type:
                yield (
                    f"{name}.{readable(column.name)} is {column.type}; the plugin "
                    f"{item.plugin!r} was written for {declared[column.name].type}"
                )
    for finding in census.kept:
        yield f"exported all the same: {finding}"
