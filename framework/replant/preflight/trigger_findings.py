"""Finds what the target's triggers do to a load: which fire, and what their functions need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from replant.database.connections import DatabaseConnection
from replant.database.privileges import read_privileges
from replant.model import (
    Catalog,
    Finding,
    FiringTrigger,
    RelationName,
    Severity,
    Subject,
    readable,
)
from replant.replay.load_plan import Load
from replant.replay.role_privileges import RolePrivileges
from replant.sql.grants import grants

_WAYS_OUT = "make the function SECURITY DEFINER, or replay with --triggers disable"


def find_trigger_obstacles(
    database: DatabaseConnection, catalog: Catalog, privileges: RolePrivileges, load: Load
) -> Iterator[Finding]:
    """Yield which triggers and rules fire, which cannot be disabled, and what they lack."""
    firing = [trigger for of_table in load.firing.values() for trigger in of_table]
    yield from _notes(firing, "fires", "fire")
    yield from _notes(load.disabled, "is disabled for the load", "are disabled for the load")
    yield from _fired_by_disabling(load)
    yield from _not_owned(catalog, privileges, load)
    yield from _lacking(database, catalog, firing)


def _notes(triggers: Sequence[FiringTrigger], one: str, many: str) -> Iterator[Finding]:
    """Yield one note for all of them."""
    if len(triggers) == 1:
        (first,) = triggers
        text = f"the {first}, {one}"
        yield Finding(Subject.TRIGGER, Severity.NOTE, str(first.table), text)
    elif triggers:
        places = tuple(f"the {trigger}" for trigger in triggers)
        text = f"{len(triggers)} triggers and rules {many}"
        yield Finding(Subject.TRIGGER, Severity.NOTE, str(triggers[0].table), text, each=places)


def _fired_by_disabling(load: Load) -> Iterator[Finding]:
    """Yield a note that event triggers fire when triggers are disabled."""
    names = [readable(name) for name, _ in load.event_triggers]
    if names:
        one = len(names) == 1
        yield Finding(
            Subject.UNSEEN,
            Severity.NOTE,
            names[0],
            f"the event trigger{'' if one else 's'} {', '.join(names)} fire{'s' if one else ''} by "
            f"ALTER TABLE, which disables triggers",
            "replay with --rehearse tries it, and undoes everything",
        )


def _not_owned(catalog: Catalog, privileges: RolePrivileges, load: Load) -> Iterator[Finding]:
    tables = sorted({t.table for t in load.disabled if not privileges.tables[t.table].owns})
    if tables:
        role = readable(catalog.role)
        yield Finding(
            Subject.PRIVILEGE,
            Severity.REFUSES,
            str(tables[0]),
            f"the role {catalog.role!r} does not own {', '.join(map(str, tables))}, so it cannot "
            f"disable the triggers there",
            f"GRANT the role that owns {'it' if len(tables) == 1 else 'them'} TO {role}; or replay "
            f"with --triggers fire",
        )


def _lacking(
    database: DatabaseConnection, catalog: Catalog, firing: list[FiringTrigger]
) -> Iterator[Finding]:
    """Yield the privileges that functions of firing triggers need by their text.

    A function may never come to the statement, so these are notes.
    """
    by_need: defaultdict[tuple[str, RelationName], list[FiringTrigger]] = defaultdict(list)
    for one in firing:
        for need in one.trigger.writes:
            by_need[need].append(one)
    tables = {name: catalog.tables[name] for _, name in by_need}
    has = read_privileges(database, dict.fromkeys(tables, ())) if tables else {}
    for (privilege, name), triggers in sorted(by_need.items(), key=lambda item: item[0]):
        if getattr(has[name], privilege.lower()):
            continue
        first = triggers[0]
        function = first.trigger.function
        more = f" (and {len(triggers) - 1} more)" if len(triggers) > 1 else ""
        yield Finding(
            Subject.TRIGGER,
            Severity.NOTE,
            str(first.table),
            f"the {first}{more}, calls {function}, which writes to {name}: the role "
            f"{catalog.role!r} lacks {privilege} there",
            f"{grants(privilege, [name], catalog.role)} or {_WAYS_OUT}",
        )
