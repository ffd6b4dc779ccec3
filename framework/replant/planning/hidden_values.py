"""Keeps values out of an artifact that stand in the configuration and are changed in the rows.

The value of a scope and the condition of a root are part of an artifact, for people. Where they
speak of a column whose values are changed on their way, the artifact would tell what was changed.
"""

from __future__ import annotations

from collections.abc import Mapping

from replant.model import ByColumn, Plan, PlannedTable, RelationName
from replant.selection.select import SelectedTables

HIDDEN = "(left out: it may tell values that are changed on their way)"


def told_scope(
    selected: SelectedTables,
    planned: Mapping[RelationName, PlannedTable],
    scope: Mapping[str, str],
) -> dict[str, str]:
    """Return the scope, without the values that stand in a changed column."""
    hidden = set()
    for name, item in selected.registered.items():
        rows = item.registration.rows
        changed = {c.name for c in planned[name].columns if not c.keeps_apart}
        if isinstance(rows, ByColumn) and rows.column in changed:
            hidden.add(rows.scope)
    return {name: HIDDEN if name in hidden else scope[name] for name in sorted(scope)}


def told_condition(plan: Plan, condition: str) -> str:
    """Return a condition for people, unless it names a changed column, or a table with one.

    A whole row can be compared by the name of its table. `U&"…"` can be any name.
    """
    telling = {'u&"'}
    for table in plan.tables:
        changed = [column.name for column in table.columns if not column.keeps_apart]
        telling.update(changed, [table.name.name] if changed else [])
    named = condition.casefold()
    return HIDDEN if any(name.casefold() in named for name in telling) else condition
