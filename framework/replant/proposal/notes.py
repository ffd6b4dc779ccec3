"""Collects what a person should know before rows of a database are moved: an inspection in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from attrs import frozen

from replant.model import LoadOrder, RelationName, Table, readable
from replant.proposal.inspection import Inspection
from replant.sql.grants import grants, usage_grants

#: From so many bytes on a table is worth a word.
_LARGE = 10_000_000
_LARGEST = 5


@frozen
class Note:
    """Something that a person should know, with what it holds for."""

    title: str
    lines: tuple[str, ...]


def notes(
    inspection: Inspection,
    kept: Mapping[RelationName, Table],
    reasons: Mapping[RelationName, str],
    *,
    uses_closure: bool,
    scope: Collection[RelationName] = (),
) -> Iterator[Note]:
    """Yield notes on the tables that are kept.

    Args:
        inspection: the database.
        kept: the tables that are exported.
        reasons: why tables might be left out, also of those that are kept all the same.
        uses_closure: whether rows are chosen by a closed set.
        scope: the tables whose rows are chosen by the scope's value.

    """
    found = {
        "Left in although they look like something to leave out, since others reference them": (
            _kept_all_the_same(inspection, kept, reasons)
        ),
        "Neither reference nor are referenced, so no closed set comes to them": (
            _alone(inspection, kept, scope) if uses_closure else ()
        ),
        "May not be read by the role, and an export of them fails, until their owner runs": (
            _unreadable(inspection, kept)
        ),
        "Have row-level security for the role: an export of them fails, unless it is to have what "
        "the role sees, by row_security = 'as-role' under [export]": _hidden(kept),
        "Triggers and rules, which fire in a replay": _triggers(kept),
        "Foreign keys without an index, so that a closed set may read tables as a whole": (
            _unindexed(inspection, kept) if uses_closure else ()
        ),
        "Foreign keys that are not checked, so that rows may break them": _unchecked(kept),
        "Have no key: rows are compared by content": (_keyless(kept)),
        "Foreign tables, which are not exported": map(str, inspection.foreign),
        "The largest tables": _largest(inspection, kept),
    }
    for title, lines in found.items():
        listed = tuple(lines)
        if listed:
            yield Note(title, listed)


def _kept_all_the_same(
    inspection: Inspection, kept: Mapping[RelationName, Table], reasons: Mapping[RelationName, str]
) -> Iterator[str]:
    for name in sorted(kept.keys() & reasons.keys()):
        by = sorted(
            {str(t.name) for t in kept.values() for k in t.foreign_keys if k.references == name}
        )
        yield f"{name}: {reasons[name]}; {inspection.size_of(name)}; referenced by {', '.join(by)}"


def _alone(
    inspection: Inspection,
    kept: Mapping[RelationName, Table],
    scope: Collection[RelationName],
) -> Iterator[str]:
    referenced = {key.references for table in kept.values() for key in table.foreign_keys}
    for name, table in sorted(kept.items()):
        if not table.foreign_keys and name not in referenced and name not in scope:
            yield f"{name}: {inspection.size_of(name)}"


def _unreadable(inspection: Inspection, kept: Mapping[RelationName, Table]) -> Iterator[str]:
    role = inspection.catalog.role
    closed = [name.schema for name, table in kept.items() if not table.may_use_schema]
    unread = [name for name, table in kept.items() if not table.may_select]
    if closed:
        yield usage_grants(closed, role)
    if unread:
        yield grants("SELECT", unread, role)


def _hidden(kept: Mapping[RelationName, Table]) -> Iterator[str]:
    return (str(name) for name, table in sorted(kept.items()) if table.rows_are_hidden)


def _triggers(kept: Mapping[RelationName, Table]) -> Iterator[str]:
    for name, table in sorted(kept.items()):
        for trigger in table.triggers:
            events = " and ".join(sorted(trigger.events))
            yield f"{name}: {trigger.kind} {readable(trigger.name)}, on {events}"


def _unindexed(inspection: Inspection, kept: Mapping[RelationName, Table]) -> Iterator[str]:
    """Yield references without an index, those of the largest tables first."""
    missing = [r for r in inspection.graph.references if r.table in kept and not r.indexed]
    for reference in sorted(missing, key=lambda r: -inspection.facts[r.table].size):
        columns = ", ".join(map(readable, reference.columns))
        yield f"{reference.table}({columns})"


def _unchecked(kept: Mapping[RelationName, Table]) -> Iterator[str]:
    for _, table in sorted(kept.items()):
        for key in table.foreign_keys:
            if not (key.validated and key.enforced):
                yield str(key)


def _keyless(kept: Mapping[RelationName, Table]) -> Iterator[str]:
    return (str(name) for name, table in sorted(kept.items()) if not table.identifying_columns)


def _largest(inspection: Inspection, kept: Mapping[RelationName, Table]) -> Iterator[str]:
    large = [name for name in kept if inspection.facts[name].size >= _LARGE]
    for name in sorted(large, key=lambda name: (-inspection.facts[name].size, name))[:_LARGEST]:
        yield f"{name}: {inspection.size_of(name)}"


def cycles(order: LoadOrder) -> Iterator[Note]:
    """Yield a note on how tables that reference each other are loaded."""
    lines = tuple(f"{', '.join(map(str, cycle.tables))}: {cycle.way}" for cycle in order.cycles)
    if lines:
        yield Note("Cycles of foreign keys, and how they are loaded", lines)
