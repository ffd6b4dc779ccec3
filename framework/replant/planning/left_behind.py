"""Refuses rows that would belong to a tenant's old key, where the tenant gets a new one."""

from __future__ import annotations

from collections.abc import Iterator

from replant.errors import ConfigurationError
from replant.model import ColumnIs, Plan, PlannedColumn, RelationName, readable
from replant.sql.equalities import equalities


def check_none_left_behind(plan: Plan) -> None:
    """Refuse rows that are chosen by a value which another table's column has and does not keep.

    Where a reference says that the one column holds what the other has, both change.

    Raises:
        ConfigurationError: no reference does.

    """
    columns = {(t.name, column.name): column for t in plan.tables for column in t.columns}
    asked = list(_asked(plan))
    renewed = {
        value: (name, column)
        for name, column, value in asked
        if _is_renewed(columns.get((name, column)))
    }
    problems = [
        f"{name} is chosen by {readable(column)} = {value}, and {renewed[value][0]} by "
        f"{readable(renewed[value][1])}, which gets another value: no reference says that the rows "
        f"of {name} follow it; declare one under [[plugins.schemas.references]]"
        for name, column, value in asked
        if value in renewed and (name, column) in columns and not columns[name, column].transforms
    ]
    if problems:
        raise ConfigurationError("\n".join(dict.fromkeys(problems)))


def _asked(plan: Plan) -> Iterator[tuple[RelationName, str, str]]:
    """Yield the values by which rows are chosen, each with its table and column."""
    for table in plan.tables:
        for condition in table.rows.conditions:
            if isinstance(condition, ColumnIs):
                yield table.name, condition.column, condition.value
    for root in plan.closure_origin.roots:
        for column, value in equalities(root.condition) or ():
            yield root.table, column, value


def _is_renewed(column: PlannedColumn | None) -> bool:
    return column is not None and bool(column.transforms) and column.keeps_apart
