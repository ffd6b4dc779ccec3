"""Tells of each exported table whose its rows are: owned, shared, or each as it was found."""

from __future__ import annotations

from collections.abc import Mapping

from replant.model import (
    AllRows,
    ByColumn,
    ByPredicate,
    InClosure,
    Membership,
    RelationName,
    ThroughForeignKey,
)
from replant.model.conditions import LinkedTo
from replant.model.ownership import Ownership
from replant.selection.select import SelectedTables


def ownership_of(selected: SelectedTables) -> dict[RelationName, Ownership]:
    """Return what the rows of each selected table are.

    Where a scope, a predicate or a root says whose rows are wanted, a table of which all rows are
    exported is one that they share. Where nothing says so, all rows were asked for.
    """
    members = {name: item.registration.rows for name, item in selected.registered.items()}
    asked = any(_asks_for_some(rows) for rows in members.values())
    found: dict[RelationName, Ownership] = {}
    for name in members:
        _settle(name, members, selected, asked=asked, found=found)
    return found


def _settle(
    name: RelationName,
    members: Mapping[RelationName, Membership],
    selected: SelectedTables,
    *,
    asked: bool,
    found: dict[RelationName, Ownership],
) -> Ownership:
    """Decide a table; what references owned rows is owned, and the chain of tables has an end."""
    if name in found:
        return found[name]
    match members[name]:
        case InClosure():
            found[name] = Ownership.EACH
        case ByColumn() if name in selected.shared:
            # Beside the rows of the scope, those that belong to none are included by reference.
            found[name] = Ownership.EACH
        case ByColumn() | ByPredicate():
            found[name] = Ownership.OWNED
        case AllRows():
            found[name] = Ownership.SHARED if asked else Ownership.OWNED
        case ThroughForeignKey():
            others = [
                _settle(link.other, members, selected, asked=asked, found=found)
                for condition in selected.rows[name].conditions
                if isinstance(condition, LinkedTo)
                for link in condition.links
            ]
            owned = all(other is Ownership.OWNED for other in others)
            found[name] = Ownership.OWNED if owned else Ownership.SHARED
        case _:
            found[name] = Ownership.SHARED
    return found[name]


def _asks_for_some(rows: Membership) -> bool:
    """Tell whether a registration says which rows of a table are wanted for their own sake."""
    if isinstance(rows, InClosure):
        return rows.root is not None
    return isinstance(rows, (ByColumn, ByPredicate))
