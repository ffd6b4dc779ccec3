"""Finds tables whose rows are exported only because others reference them, such as countries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from replant.model import RelationName, Table, WhereReferenced
from replant.plugins.answers import Registered
from replant.proposal.proposal import Proposal


def only_referenced(
    proposal: Proposal,
    tables: Mapping[RelationName, Table],
    registered: Mapping[str, tuple[Registered, ...]],
) -> tuple[RelationName, ...]:
    """Return the tables that other exports share, and whose rows a key tells apart.

    Args:
        proposal: what is exported, and with which rows it begins.
        tables: those that there are.
        registered: what each plugin registers.

    """
    if proposal.plugins:
        found = {
            item.registration.table
            for name in proposal.plugins
            for item in registered[name]
            if isinstance(item.registration.rows, WhereReferenced)
        }
    else:
        excluded = {left.table for left in proposal.excluded}
        kept = {name: table for name, table in tables.items() if name not in excluded}
        own = _with_children(kept, _first(proposal, kept))
        found = _with_parents(kept, own) - own
    return tuple(sorted(name for name in found if tables[name].identifying_columns))


def _first(proposal: Proposal, kept: Mapping[RelationName, Table]) -> set[RelationName]:
    """Return the tables with whose rows an export begins."""
    if proposal.scope_column is not None:
        column = proposal.scope_column.name
        return {name for name, table in kept.items() if table.column(column) is not None}
    if proposal.root_condition is not None:
        return {proposal.roots[0].name}
    return set()


def _with_children(
    kept: Mapping[RelationName, Table], first: Collection[RelationName]
) -> set[RelationName]:
    references = {n: {key.references for key in t.foreign_keys} for n, t in kept.items()}
    found = set(first)
    while more := {n for n in kept if n not in found and references[n] & found}:
        found |= more
    return found


def _with_parents(
    kept: Mapping[RelationName, Table], own: Iterable[RelationName]
) -> set[RelationName]:
    found = set(own)
    while more := {k.references for n in found for k in kept[n].foreign_keys} & kept.keys() - found:
        found |= more
    return found
