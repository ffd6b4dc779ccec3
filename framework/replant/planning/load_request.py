"""Asks the strategy for the load order of a plan, and says what the order means for the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

from attrs import evolve

from replant.model import (
    COPY,
    DeferConstraints,
    LoadOrder,
    LoadTable,
    OnConflict,
    OrderRequest,
    PlannedTable,
    RelationName,
    Settings,
    Statement,
)
from replant.model.references import from_declared
from replant.plugins.manager import Host
from replant.selection.counting import CountedSelection
from replant.selection.expand import declared_references
from replant.selection.select import SelectedTables
from replant.sql.load_statements import may_be_copied


def ask_for_load_order(
    selected: SelectedTables,
    counted: CountedSelection,
    host: Host,
    settings: Settings,
    on_conflict: Mapping[RelationName, OnConflict],
) -> LoadOrder:
    """Ask the plugin of a strategy for a load order, without a look at any target.

    Raises:
        ConfigurationError: no plugin provides the strategy.
        PluginError: the plugin fails, or its load order does not fit the tables.

    """
    tables = tuple(sorted(selected.tables))
    keys = tuple(
        key
        for name in tables
        for key in selected.tables[name].foreign_keys
        if key.enforced and key.references in selected.tables
    )
    order = host.order_tables(
        OrderRequest(
            strategy=settings.export.strategy,
            tables=tables,
            foreign_keys=keys,
            row_counts=counted.counts,
            nullable=frozenset(
                (name, column.name)
                for name in tables
                for column in selected.columns[name]
                if not column.not_null and on_conflict[name] is OnConflict.ERROR
            ),
            keyed=frozenset(name for name in tables if exported_key(selected, name)),
            declared=tuple(sorted(_declared(selected))),
        ),
        settings.plugins,
    )
    idle = {
        key.constraint
        for key in keys
        if not (counted.counts[key.table] and counted.counts[key.references])
    }
    return evolve(order, before=tuple(_without(order.before, idle)))


def _declared(selected: SelectedTables) -> set[tuple[RelationName, RelationName]]:
    """Return the pairs of exported tables between which a registration declares a reference."""
    pairs = {
        (reference.table, reference.references)
        for declared in declared_references(selected)
        for reference in from_declared(declared)
    }
    return {pair for pair in pairs if selected.tables.keys() >= {*pair}}


def _without(statements: Iterable[Statement], idle: Set[tuple[str, str]]) -> Iterator[Statement]:
    """Leave out constraints between whose tables no row references another.

    A target need not have a table of which no row is exported, and so not its constraints.
    """
    for statement in statements:
        if isinstance(statement, DeferConstraints):
            needed = tuple(pair for pair in statement.constraints if pair not in idle)
            if needed:
                yield evolve(statement, constraints=needed)
        else:
            yield statement


def copied_tables(
    planned: Mapping[RelationName, PlannedTable], order: LoadOrder, format_name: str
) -> set[RelationName]:
    """Return the tables that an artifact of this order and format loads by COPY."""
    return {
        step.table
        for step in order.steps
        if isinstance(step, LoadTable)
        and not step.patched
        and format_name == COPY
        and may_be_copied(planned[step.table])
    }


def exported_key(selected: SelectedTables, name: RelationName) -> tuple[str, ...]:
    """Return the columns that identify a row, if all of them are exported."""
    key = selected.tables[name].identifying_columns
    exported = {column.name for column in selected.columns[name]}
    return key if exported.issuperset(key) else ()
