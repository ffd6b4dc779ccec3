"""The plan: selection, census, transforms and load order put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from replant.config.recorded_shapes import Recorded
from replant.database.connections import DatabaseConnection
from replant.errors import CatalogMismatchError, ConfigurationError, PluginError
from replant.model import (
    COPY,
    OWN_FORMATS,
    AsReplica,
    Catalog,
    Column,
    Compression,
    DefinedType,
    ExportSettings,
    Firing,
    FiringTrigger,
    Identity,
    Layout,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OnConflict,
    OrderRequest,
    PatchColumns,
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
    Undeclared,
    readable,
)
from replant.model.table_differences import TableDifference
from replant.model.table_shape import shapes_of
from replant.planning.closure_origin import closure_origin
from replant.planning.sequences import large_objects, sequence_positions
from replant.plugins.manager import Host
from replant.selection.counting import CountedSelection, count_rows
from replant.selection.declared_shapes import DeclaredShapes, declared_shapes, undeclared_parts
from replant.selection.omissions import omissions, undeclared, warnings
from replant.selection.select import SelectedTables, select_tables
from replant.sql.load_statements import may_be_copied
from replant.sql.row_text import computed_by_server


def make_plan(
    database: DatabaseConnection,
    catalog: Catalog,
    host: Host,
    settings: Settings,
    recorded: Recorded | None = None,
) -> Plan:
    """Decide everything about an export; rows are counted, and none is read.

    Args:
        database: the source.
        catalog: what it has.
        host: the plugins to ask.
        settings: the whole configuration.
        recorded: what was recorded of the tables of which no plugin says what they look like.

    Raises:
        ReplantError: see `select_tables` and `count_rows`; a plugin may fail too.

    """
    check_form(settings.export)
    registered = host.register_tables(catalog, settings)
    known = declared_shapes(registered, recorded)
    selected = select_tables(catalog, registered, settings)
    more = tuple(undeclared_parts(catalog, known))
    if settings.export.undeclared is Undeclared.FAIL:
        _check_declared(known, selected, more)
    selected, counted = count_rows(database, catalog, selected, settings)
    decided = plan_from(catalog, selected, counted, host, settings, known, more)
    sequences, unmoved = sequence_positions(database, selected, decided)
    objects = large_objects(database, selected, decided)
    return evolve(
        decided,
        sequences=sequences,
        closure_origin=closure_origin(database, catalog, selected, decided, settings),
        omissions=(*decided.omissions, *unmoved, *objects),
    )


def check_form(export: ExportSettings) -> None:
    """Refuse a layout and a format that do not go together.

    Raises:
        ConfigurationError: they do not.

    """
    if export.layout is Layout.DIRECTORY and export.format_name != COPY:
        raise ConfigurationError(
            f"export.format: a directory holds the rows as COPY writes them, not as "
            f"{export.format_name!r}; leave the format out, or choose layout = 'file'"
        )
    if export.layout is Layout.FILE and export.compress is not Compression.NONE:
        raise ConfigurationError(
            "export.compress: a file is not compressed; choose layout = 'directory', or let "
            "gzip or zstd read it from -o -"
        )


def _check_declared(
    known: DeclaredShapes, selected: SelectedTables, more: Sequence[TableDifference]
) -> None:
    """Refuse what the source has beyond what was declared."""
    if more:
        told = (undeclared(item, known, selected.tables) for item in more)
        named = "\n".join(f"  {line.partition(';')[0]}" for line in told)
        raise CatalogMismatchError(
            f"the source has more than was declared, and undeclared = 'fail'; update the plugin, "
            f"record it with replant drift --write, or choose undeclared = 'export' under "
            f"[export]:\n{named}"
        )


def plan_from(
    catalog: Catalog,
    selected: SelectedTables,
    counted: CountedSelection,
    host: Host,
    settings: Settings,
    known: DeclaredShapes,
    more: Sequence[TableDifference],
) -> Plan:
    """The plan of a counted selection; pure but for what plugins do.

    Raises:
        ConfigurationError: no plugin knows the strategy or the format, or rows of a table should
            be updated that no key tells apart.
        PluginError: a plugin fails, or its load order does not fit the tables.

    """
    on_conflict = _on_conflict(selected, settings)
    planned = {
        name: evolve(
            _planned_table(selected, counted, host, name, settings.export.format_name),
            on_conflict=on_conflict[name],
        )
        for name in selected.tables
    }
    order = _order(selected, counted, host, settings.export.strategy, on_conflict)
    return Plan(
        source_version=catalog.version_text,
        plugins=host.versions,
        scope=dict(sorted(settings.scope.items())),
        strategy=settings.export.strategy,
        format=settings.export.format_name,
        tables=tuple(planned[name] for name in _loaded(order)),
        order=order,
        layout=settings.export.layout,
        compression=settings.export.compress,
        check=settings.export.check,
        seen_as=_seen_as(catalog, selected),
        triggers=tuple(_triggers(selected, planned, order, settings.export.format_name)),
        provenance=counted.provenance,
        types=tuple(_types(catalog, selected)),
        expected_rows=counted.expected,
        omissions=tuple(omissions(catalog, selected, counted, _changed(planned.values()))),
        shapes=shapes_of(catalog, selected.tables),
        warnings=tuple(warnings(selected, counted, known, more)),
    )


def _planned_table(
    selected: SelectedTables,
    counted: CountedSelection,
    host: Host,
    name: RelationName,
    format_name: str,
) -> PlannedTable:
    table, columns = selected.tables[name], selected.columns[name]
    exported = {column.name: column for column in columns}
    key = _key(selected, name)
    planned = tuple(
        PlannedColumn(
            c.name,
            c.type,
            _chain(host.transform_value(table, c), table, c),
            always_identity=c.identity is Identity.ALWAYS,
        )
        for c in columns
    )
    renderer = None
    if format_name not in OWN_FORMATS:
        renderer = host.render_row(table, columns, format_name)
        _check_renderer(renderer, planned, name, format_name)
    return PlannedTable(
        name=name,
        columns=planned,
        key=key,
        collatable=frozenset(part for part in key if exported[part].collatable),
        rows=counted.rows[name],
        row_count=counted.counts[name],
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


def _changed(planned: Iterable[PlannedTable]) -> dict[RelationName, set[str]]:
    """The columns of each table whose values are changed on their way."""
    return {
        table.name: {column.name for column in table.columns if column.transforms}
        for table in planned
    }


def _on_conflict(selected: SelectedTables, settings: Settings) -> dict[RelationName, OnConflict]:
    said = {change.name: change.on_conflict for change in settings.tables if change.on_conflict}
    default = settings.export.on_conflict or OnConflict.ERROR
    ways = {name: said.get(name, default) for name in selected.tables}
    keyless = [
        str(name)
        for name, way in ways.items()
        if way is OnConflict.UPDATE and not _key(selected, name)
    ]
    if keyless:
        raise ConfigurationError(no_key_to_update_by(keyless))
    return ways


def no_key_to_update_by(tables: Sequence[str]) -> str:
    """The refusal to update rows of tables without a key."""
    return (
        f"on_conflict: rows of {', '.join(tables)} cannot be updated, since no key tells them "
        f"apart; choose on_conflict = 'error' or 'skip' for them under [[tables]]"
    )


def _key(selected: SelectedTables, name: RelationName) -> tuple[str, ...]:
    """The columns that identify a row, if all of them are exported."""
    key = selected.tables[name].identifying_columns
    exported = {column.name for column in selected.columns[name]}
    return key if exported.issuperset(key) else ()


def _seen_as(catalog: Catalog, selected: SelectedTables) -> str | None:
    """The role, if policies may hide rows from it (which was allowed, or the export failed)."""
    hidden = any(table.rows_are_hidden for table in selected.tables.values())
    return catalog.role if hidden else None


def _types(catalog: Catalog, selected: SelectedTables) -> Iterator[DefinedType]:
    """What the exported columns are made of."""
    used = {name for columns in selected.columns.values() for c in columns for name in c.made_of}
    return (catalog.types[name] for name in sorted(used))


def _triggers(
    selected: SelectedTables,
    planned: Mapping[RelationName, PlannedTable],
    order: LoadOrder,
    format_name: str,
) -> Iterator[FiringTrigger]:
    """What fires when the rows are loaded in this order; COPY follows no rule."""
    replica = any(isinstance(statement, AsReplica) for statement in order.before)
    quiet = Firing.ORDINARY if replica else Firing.REPLICA
    patched = {step.table for step in order.steps if isinstance(step, PatchColumns)}
    copied = {
        step.table
        for step in order.steps
        if isinstance(step, LoadTable) and not step.patched and format_name == COPY
    }
    for name, table in selected.tables.items():
        events = {"INSERT"}
        if name in patched or planned[name].on_conflict is OnConflict.UPDATE:
            events.add("UPDATE")
        by_copy = name in copied and may_be_copied(planned[name])
        for trigger in table.triggers:
            fires = trigger.events & events
            if by_copy and trigger.kind == "rule":
                continue
            if fires and trigger.firing is not quiet:
                yield FiringTrigger(name, evolve(trigger, events=frozenset(fires)))


def _order(
    selected: SelectedTables,
    counted: CountedSelection,
    host: Host,
    strategy: str,
    on_conflict: Mapping[RelationName, OnConflict],
) -> LoadOrder:
    tables = tuple(sorted(selected.tables))
    keys = tuple(
        key
        for name in tables
        for key in selected.tables[name].foreign_keys
        if key.enforced and key.references in selected.tables
    )
    return host.order_tables(
        OrderRequest(
            strategy=strategy,
            tables=tables,
            foreign_keys=keys,
            row_counts=counted.counts,
            nullable=frozenset(
                (name, column.name)
                for name in tables
                for column in selected.columns[name]
                if not column.not_null and on_conflict[name] is OnConflict.ERROR
            ),
            keyed=frozenset(name for name in tables if _key(selected, name)),
        )
    )


def _loaded(order: LoadOrder) -> Iterator[RelationName]:
    for step in order.steps:
        match step:
            case LoadTable(name):
                yield name
            case LoadTogether(names):
                yield from names
