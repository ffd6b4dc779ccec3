"""What a person should know of a database before rows of it are moved: a survey in, notes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from replant.model import LoadOrder, RelationName, Table, readable
from replant.model.references import Reference
from replant.planning.survey import Surveyed
from replant.rendering.grants import grants, usage_grants

_LARGEST = 5


@frozen
class Note:
    """Something that a person should know, with what it holds for."""

    title: str
    lines: tuple[str, ...]


def notes(
    surveyed: Surveyed, kept: Mapping[RelationName, Table], reasons: Mapping[RelationName, str]
) -> Iterator[Note]:
    """What there is to know of the tables that are kept.

    Args:
        surveyed: the database.
        kept: the tables that are exported.
        reasons: why tables might be left out, also of those that are kept all the same.

    """
    for title, lines in (
        ("Left in although it looks like something to leave out, since tables reference it", _kept_all_the_same(surveyed, kept, reasons)),
        ("Tables that reference nothing and that nothing references: no closed set comes to them", _alone(surveyed, kept)),
        ("Tables that the role may not read", _unreadable(surveyed, kept)),
        ("Tables with row-level security for the role: an export fails, unless it shall see what the role sees (row_security = \"as-role\" under [export])", _hidden(kept)),
        ("Triggers and rules that a replay fires", _triggers(kept)),
        ("Foreign keys without an index: a closed set reads these tables as a whole, and DELETE is slow too", _unindexed(surveyed, kept)),
        ("Foreign keys that were never validated: rows may break them", _not_validated(kept)),
        ("Tables without a key: their rows are compared by content", _keyless(kept)),
        ("Foreign tables, which are not exported", map(str, surveyed.foreign)),
        ("The largest tables", _largest(surveyed, kept)),
    ):
        listed = tuple(lines)
        if listed:
            yield Note(title, listed)


def _kept_all_the_same(
    surveyed: Surveyed, kept: Mapping[RelationName, Table], reasons: Mapping[RelationName, str]
) -> Iterator[str]:
    for name in sorted(kept.keys() & reasons.keys()):
        by = sorted(
            {str(t.name) for t in kept.values() for k in t.foreign_keys if k.references == name}
        )
        yield f"{name}: {reasons[name]}; {surveyed.size_of(name)}; referenced by {', '.join(by)}"


def _alone(surveyed: Surveyed, kept: Mapping[RelationName, Table]) -> Iterator[str]:
    referenced = {key.references for table in kept.values() for key in table.foreign_keys}
    for name, table in sorted(kept.items()):
        if not table.foreign_keys and name not in referenced:
            yield f"{name}: {surveyed.size_of(name)}"


def _unreadable(surveyed: Surveyed, kept: Mapping[RelationName, Table]) -> Iterator[str]:
    role = surveyed.catalog.role
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


def _unindexed(surveyed: Surveyed, kept: Mapping[RelationName, Table]) -> Iterator[str]:
    for reference in surveyed.graph.references:
        if reference.table in kept and not reference.indexed:
            yield f"{reference}: {_index(reference)}"


def _index(reference: Reference) -> str:
    columns = ", ".join(map(readable, reference.columns))
    return f"CREATE INDEX ON {reference.table} ({columns});"


def _not_validated(kept: Mapping[RelationName, Table]) -> Iterator[str]:
    for _, table in sorted(kept.items()):
        for key in table.foreign_keys:
            if not (key.validated and key.enforced):
                yield str(key)


def _keyless(kept: Mapping[RelationName, Table]) -> Iterator[str]:
    return (str(name) for name, table in sorted(kept.items()) if not table.identifying_columns)


def _largest(surveyed: Surveyed, kept: Mapping[RelationName, Table]) -> Iterator[str]:
    by_size = sorted(kept, key=lambda name: (-surveyed.facts[name].size, name))
    for name in by_size[:_LARGEST]:
        yield f"{name}: {surveyed.size_of(name)}"


def cycles(order: LoadOrder) -> Iterator[Note]:
    """How tables are loaded that reference each other."""
    lines = tuple(f"{', '.join(map(str, cycle.tables))}: {cycle.way}" for cycle in order.cycles)
    if lines:
        yield Note("Cycles of foreign keys, and how they are loaded", lines)
