"""Finds the triggers and rules that fire when rows are loaded.

The same rule holds for a plan, by what the source has, and before a replay, by what the target has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from attrs import evolve

from replant.model import (
    AsReplica,
    Firing,
    FiringTrigger,
    LoadOrder,
    PatchColumns,
    RelationName,
    Table,
)


def firing_triggers(
    tables: Iterable[Table],
    order: LoadOrder,
    *,
    updated: Collection[RelationName],
    copied: Collection[RelationName],
) -> Iterator[FiringTrigger]:
    """Yield what fires when the rows of these tables are loaded.

    Args:
        tables: as the database has them into which the rows are loaded.
        order: the load order, which may switch triggers off and may set columns by UPDATE.
        updated: the tables in which ON CONFLICT updates rows.
        copied: the tables that are loaded by COPY, which rules do not rewrite. PostgreSQL manual,
            COPY: it fires triggers and checks constraints, but does not invoke rules.

    """
    replica = AsReplica() in order.before
    never_fires = Firing.ORDINARY if replica else Firing.REPLICA
    patched = {step.table for step in order.steps if isinstance(step, PatchColumns)}
    for table in tables:
        name = table.name
        events = {"INSERT", "UPDATE"} if name in patched or name in updated else {"INSERT"}
        for trigger in table.triggers:
            fires = trigger.events & events
            if not fires or trigger.firing is never_fires:
                continue
            if trigger.kind == "rule" and name in copied:
                continue
            yield FiringTrigger(name, evolve(trigger, events=frozenset(fires)))
