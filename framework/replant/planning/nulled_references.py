"""Sets references to NULL that lead to rows which are not exported, where that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from replant.database import sql
from replant.errors import ConfigurationError
from replant.model import (
    Dangling,
    ForeignKey,
    Plan,
    PlannedColumn,
    PlannedTable,
    RelationName,
    SqlExpression,
    Table,
)
from replant.selection.counting import CountedSelection
from replant.selection.select import SelectedTables
from replant.sql.row_queries import reaches_chosen
from replant.sql.where_clauses import chosen_from, chosen_where

#: What stands in the place of a plugin's name.
NAME = "dangling"


def with_nulls(plan: Plan, selected: SelectedTables, counted: CountedSelection) -> Plan:
    """Return the plan in which dangling references become NULL, of tables with `set-null`.

    Raises:
        ConfigurationError: no column of such a reference may be NULL.

    """
    wanted = {name for name, mode in counted.dangling.items() if mode is Dangling.SET_NULL}
    if not wanted:
        return plan
    dangling = {finding.key for finding in counted.kept}
    tables, problems = [], []
    for planned in plan.tables:
        changed = planned
        keys = selected.tables[planned.name].foreign_keys if planned.name in wanted else ()
        for key in keys:
            if key.enforced and (key in dangling or key.references not in selected.tables):
                columns = _columns_to_null(selected.tables[planned.name], planned, key)
                problems += [] if columns else [str(key)]
                changed = _nulled(plan, changed, key, columns)
        tables.append(changed)
    if problems:
        raise ConfigurationError(
            f"dangling: references cannot be set to NULL whose columns are NOT NULL: "
            f"{', '.join(problems)}; choose 'leave-out' or 'export' for their tables under "
            f"[[tables]]"
        )
    return evolve(plan, tables=tuple(tables))


def _columns_to_null(table: Table, planned: PlannedTable, key: ForeignKey) -> frozenset[str]:
    """Return the exported columns of a key that may be NULL: those that no other key uses first."""
    nullable = {c.name for c in table.columns if not c.not_null} & {*planned.column_names}
    free = nullable.intersection(key.columns)
    others = {name for other in table.foreign_keys if other != key for name in other.columns}
    return frozenset(free - others or free)


def _nulled(
    plan: Plan, table: PlannedTable, key: ForeignKey, columns: frozenset[str]
) -> PlannedTable:
    # Where one of several columns is NULL, a row references nothing, and keeps the others.
    names = sql.SQL(", ").join(map(sql.Identifier, key.columns))
    nothing = f"pg_catalog.num_nulls({names.as_string()}) > 0 OR " if len(key.columns) > 1 else ""
    transform = SqlExpression(
        f"CASE WHEN {nothing}{_is_exported(plan, key).as_string()} THEN value END",
        "NULL where the row that it references is not exported",
    )
    return table.with_columns(_with_null(table.columns, columns, transform))


def _with_null(
    columns: tuple[PlannedColumn, ...], names: frozenset[str], transform: SqlExpression
) -> Iterator[PlannedColumn]:
    for column in columns:
        if column.name not in names:
            yield column
            continue
        yield evolve(
            column,
            transforms=(transform, *column.transforms),
            plugins=(NAME, *column.plugins),
        )


def _columns(key: ForeignKey) -> frozenset[str]:
    return frozenset((*key.columns, *key.referenced_columns))


def _is_exported(plan: Plan, key: ForeignKey) -> sql.Composable:
    """Test that a row references an exported row by a key."""
    exported: frozenset[RelationName] = frozenset(plan.selection)
    if key.references not in exported:
        return sql.SQL("false")
    equality = {**plan.selection[key.table].equality, **plan.selection[key.references].equality}
    if key.period or not key.is_plain or not equality.keys().isdisjoint(_columns(key)):
        return reaches_chosen(plan.selection, key)
    # Each row by itself would be looked up; this is hashed once.
    return sql.SQL("({}) IN (SELECT {} FROM {} WHERE {})").format(
        sql.SQL(", ").join(map(sql.Identifier, key.columns)),
        sql.SQL(", ").join(sql.Identifier("t0", name) for name in key.referenced_columns),
        chosen_from(plan.selection, key.references),
        chosen_where(plan.selection, key.references),
    )
