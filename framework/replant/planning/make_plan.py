"""Makes the plan: puts selection, counts, transforms and load order together.

Catalog, plugins and settings go in; a `Plan` comes out, and no row is read for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import psycopg
from attrs import evolve, frozen

from replant.config.mistakes import Mistakes
from replant.config.recorded_shapes import Recorded
from replant.database.connections import DatabaseConnection
from replant.errors import ConfigurationError, ReplantError, ScopeError
from replant.model import (
    INSERT,
    OWN_FORMATS,
    AmongShared,
    Catalog,
    Compression,
    DefinedType,
    ExportSettings,
    Layout,
    LoadOrder,
    Match,
    OnConflict,
    Plan,
    PlannedColumn,
    PlannedTable,
    PlannedWriting,
    RelationName,
    RowOrder,
    Settings,
    Undeclared,
)
from replant.model.closure_origin import ClosureOrigin
from replant.model.table_differences import TableDifference
from replant.model.table_shape import shapes_of
from replant.planning.changed_checks import try_changed_values
from replant.planning.changed_keys import changed_keys, check_keys_in_source
from replant.planning.find_closure_origin import closure_origin
from replant.planning.hidden_values import told_scope
from replant.planning.left_behind import check_none_left_behind
from replant.planning.load_request import ask_for_load_order, copied_tables, exported_key
from replant.planning.matches import configured_matches
from replant.planning.new_values import with_new_values
from replant.planning.nulled_references import with_nulls
from replant.planning.on_conflict import (
    check_conflicts_in_file,
    configured_on_conflict,
    registered_ways,
)
from replant.planning.plugin_sql import try_plugin_sql
from replant.planning.reference_ends import check_reference_ends
from replant.planning.row_order import with_orders_on_disk
from replant.planning.sequences import large_objects, sequence_names, sequence_positions
from replant.planning.source_encoding import check_encoding
from replant.planning.transform_request import composing_among, exported_tables
from replant.planning.transforms import (
    artifact_writing,
    changed_columns,
    check_renderer,
    check_transformed,
    planned_columns,
    row_format,
)
from replant.planning.triggers import firing_triggers
from replant.plugins.answers import Rendering
from replant.plugins.manager import ColumnTransforms, Host
from replant.selection.counting import CountedSelection, count_rows
from replant.selection.declared_shapes import DeclaredShapes, declared_shapes, undeclared_parts
from replant.selection.omissions import check_declared, omissions, warnings
from replant.selection.select import SelectedTables


def make_plan(
    database: DatabaseConnection,
    catalog: Catalog,
    selected: SelectedTables,
    host: Host,
    settings: Settings,
    recorded: Recorded | None = None,
) -> Plan:
    """Decide everything about an export; rows are counted, and none is read.

    Args:
        database: the source.
        catalog: what it has.
        selected: what is exported.
        host: the plugins to ask.
        settings: the whole configuration.
        recorded: what was recorded of the tables of which no plugin says what they look like.

    Raises:
        ReplantError: see `count_rows`; a plugin may fail too.

    """
    mistakes = Mistakes()
    with mistakes.collecting():
        check_form(settings.export)
    known = declared_shapes(tuple(selected.registered.values()), recorded)
    more = tuple(undeclared_parts(catalog, known))
    if settings.export.undeclared is Undeclared.FAIL:
        check_declared(known, selected, more)
    with mistakes.collecting():
        selected, counted = count_rows(database, catalog, selected, settings)
        decided = plan_from(catalog, selected, counted, host, settings, known, more)
    if mistakes.lines:
        with suppress(ReplantError), mistakes.collecting(more=True):
            _check_uncounted(catalog, selected, host, settings)
        mistakes.check()
    try_plugin_sql(database, decided, host)
    check_encoding(database, decided)
    decided = with_new_values(database, with_nulls(decided, selected, counted))
    decided = with_orders_on_disk(database, decided)
    try_changed_values(database, decided, catalog)
    check_keys_in_source(database, decided)
    sequences, unmoved = sequence_positions(database, selected, decided)
    objects = large_objects(database, selected, decided)
    planned = evolve(
        decided,
        sequences=sequences,
        sequence_names=sequence_names(selected, sequences),
        closure_origin=(
            closure_origin(database, selected, decided, counted.search)
            if counted.search
            else ClosureOrigin()
        ),
        omissions=(*decided.omissions, *unmoved, *objects),
    )
    check_none_left_behind(planned)
    return planned


def find_mistakes(
    database: DatabaseConnection,
    catalog: Catalog,
    selected: SelectedTables,
    host: Host,
    settings: Settings,
) -> None:
    """Look for mistakes of a configuration that has others, in as much of it as can be used.

    Raises:
        ConfigurationError: it has those that were found.

    """
    try:
        with database.transaction():
            make_plan(database, catalog, selected, host, settings)
    except (ConfigurationError, ScopeError):
        raise
    except (ReplantError, psycopg.Error):
        # The rows cannot be found, maybe by a mistake that is known.
        _check_uncounted(catalog, selected, host, settings)


def _check_uncounted(
    catalog: Catalog, selected: SelectedTables, host: Host, settings: Settings
) -> None:
    """Refuse what is wrong whatever rows are chosen.

    Raises:
        ConfigurationError: it has all that was found.

    """
    keys = {name: exported_key(selected, name) for name in selected.tables}
    transforms = ColumnTransforms(host, catalog, settings)
    mistakes = Mistakes()
    with mistakes.collecting():
        configured_on_conflict(settings, keys, registered_ways(selected))
    with mistakes.collecting():
        configured_matches(selected, keys, settings)
    with mistakes.collecting():
        host.check_strategy(settings.export.strategy)
    with mistakes.collecting():
        if settings.export.format_name not in OWN_FORMATS:
            host.that_declare_format(settings.export.format_name)
    for name, table in selected.tables.items():
        for column in selected.columns[name]:
            with mistakes.collecting():
                transforms.chain(table, column)
    mistakes.check()


def check_form(export: ExportSettings) -> None:
    """Refuse a layout and a format that do not go together.

    Raises:
        ConfigurationError: they do not.

    """
    if export.layout is Layout.DIRECTORY and export.format_name == INSERT:
        raise ConfigurationError(
            f"export.format: a directory holds the rows as COPY writes them, not as "
            f"{export.format_name!r}; leave the format out, or choose layout = 'file'"
        )
    if export.layout is Layout.FILE and export.compress is not Compression.NONE:
        raise ConfigurationError(
            "export.compress: a file is not compressed by this setting, but by its name; let it "
            "end in .gz or .zst, or choose layout = 'directory'"
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
    """Make the plan of a counted selection; pure except for the plugins that it asks.

    Raises:
        ConfigurationError: no plugin knows the strategy or the format, rows of a table should be
            updated that no key tells apart, or the ends of a reference are not treated alike.
        PluginError: a plugin fails, or its load order does not fit the tables.

    """
    transforms = ColumnTransforms(host, catalog, settings, exported_tables(selected, counted))
    decided = _decide(transforms, selected, counted)
    planned, order, export = decided.tables, decided.order, settings.export
    return Plan(
        source_version=catalog.version_text,
        plugins=host.versions,
        scope=told_scope(selected, planned, settings.scope),
        strategy=export.strategy,
        format=export.format_name,
        tables=tuple(planned[name] for name in order.loaded_tables),
        order=order,
        layout=export.layout,
        compression=export.compress,
        check=export.check,
        seen_as=_seen_as(catalog, selected),
        triggers=tuple(
            firing_triggers(
                selected.tables.values(),
                order,
                updated={n for n, t in planned.items() if t.on_conflict is OnConflict.UPDATE},
                copied=copied_tables(planned, order, export.format_name),
            )
        ),
        provenance=counted.provenance,
        types=tuple(_types(catalog, selected)),
        expected_rows=counted.expected,
        omissions=tuple(omissions(catalog, selected, counted, changed_columns(planned.values()))),
        shapes=shapes_of(catalog, selected.tables),
        warnings=tuple(warnings(selected, counted, known, more)),
        writing=decided.writing,
    )


@frozen
class _Decided:
    """How the rows of each table are written, and in which order they are loaded."""

    tables: Mapping[RelationName, PlannedTable]
    order: LoadOrder
    writing: PlannedWriting | None


def _decide(
    transforms: ColumnTransforms, selected: SelectedTables, counted: CountedSelection
) -> _Decided:
    """Ask the plugins, and check what they answer together with the settings.

    Raises:
        ReplantError: see `plan_from`; a `ConfigurationError` has all mistakes.

    """
    settings, mistakes = transforms.settings, Mistakes()
    on_conflict, matches = _existing_rows(selected, settings, mistakes)
    writing: PlannedWriting | None = None
    with mistakes.collecting():
        writing = artifact_writing(
            transforms, [(table, selected.columns[name]) for name, table in selected.tables.items()]
        )
    rendered = writing is None and not mistakes.lines
    planned = {
        table.name: evolve(
            table, on_conflict=on_conflict[table.name], match=matches.get(table.name)
        )
        for table in _planned_tables(transforms, selected, counted, mistakes, rendered=rendered)
    }
    order = LoadOrder(())
    with mistakes.collecting():
        order = ask_for_load_order(selected, counted, transforms.host, settings, on_conflict)
    with mistakes.collecting():
        check_conflicts_in_file(settings.export, tuple(planned.values()), selected.tables)
    if not mistakes.lines:
        references = transforms.exported.references
        with mistakes.collecting():
            check_reference_ends(selected, planned, references, counted.dangling, settings)
    with mistakes.collecting():
        check_transformed(planned.values(), settings.export.must_transform)
    mistakes.check()
    return _Decided(planned, order, writing)


def _existing_rows(
    selected: SelectedTables, settings: Settings, mistakes: Mistakes
) -> tuple[Mapping[RelationName, OnConflict], Mapping[RelationName, Match]]:
    """Return what is done with rows that a target has, and by which columns they are met."""
    keys = {name: exported_key(selected, name) for name in selected.tables}
    wanted: dict[RelationName, OnConflict | None] = dict.fromkeys(keys)
    matches: Mapping[RelationName, Match] = {}
    with mistakes.collecting():
        wanted = configured_on_conflict(settings, keys, registered_ways(selected))
    with mistakes.collecting():
        matches = configured_matches(selected, keys, settings)
    return {name: way or OnConflict.ERROR for name, way in wanted.items()}, matches


def _planned_tables(
    transforms: ColumnTransforms,
    selected: SelectedTables,
    counted: CountedSelection,
    mistakes: Mistakes,
    *,
    rendered: bool,
) -> Iterator[PlannedTable]:
    """Yield the tables in which no mistake is found."""
    among = composing_among(selected, counted)
    for name in selected.tables:
        with mistakes.collecting():
            yield _planned_table(transforms, among, selected, counted, name, rendered=rendered)


def _planned_table(
    transforms: ColumnTransforms,
    among: Callable[[AmongShared], str],
    selected: SelectedTables,
    counted: CountedSelection,
    name: RelationName,
    *,
    rendered: bool,
) -> PlannedTable:
    table, columns = selected.tables[name], selected.columns[name]
    key, export = exported_key(selected, name), transforms.settings.export
    planned: tuple[PlannedColumn, ...] = ()
    rendering: Rendering | None = None
    mistakes = Mistakes()
    with mistakes.collecting():
        planned = planned_columns(transforms, among, table, columns)
    if rendered:
        with mistakes.collecting():
            rendering = row_format(transforms, table, columns)
    mistakes.check()
    if rendering is not None:
        check_renderer(rendering.row_format, planned, name, export.format_name)
    return PlannedTable(
        name=name,
        columns=planned,
        key=key,
        collatable=frozenset(c.name for c in columns if c.collatable and c.name in key),
        recoded=table.recoded,
        ordered=export.order is RowOrder.KEY,
        rows=counted.rows[name],
        row_count=counted.counts[name],
        row_format=rendering.row_format if rendering else None,
        renderer=rendering.plugin if rendering else None,
        changed_keys=changed_keys(table, planned),
        shared=counted.shared[name],
    )


def _seen_as(catalog: Catalog, selected: SelectedTables) -> str | None:
    """Return the role if policies may hide rows from it, which the settings then allow."""
    hidden = any(table.rows_are_hidden for table in selected.tables.values())
    return catalog.role if hidden else None


def _types(catalog: Catalog, selected: SelectedTables) -> Iterator[DefinedType]:
    """Return the defined types that the exported columns use."""
    used = {name for columns in selected.columns.values() for c in columns for name in c.made_of}
    return (catalog.types[name] for name in sorted(used))
