"""Composes the statements that disable triggers for a load, and enable them as they were."""

from __future__ import annotations

from collections.abc import Iterable

from replant.database import sql
from replant.model import Firing, FiringTrigger
from replant.sql.where_clauses import relation

_ENABLE = {
    Firing.ORDINARY: "ENABLE TRIGGER",
    Firing.REPLICA: "ENABLE REPLICA TRIGGER",
    Firing.ALWAYS: "ENABLE ALWAYS TRIGGER",
}

#: ALTER TABLE refuses a table with events of deferred triggers that have not fired.
_SETTLED = sql.SQL("SET CONSTRAINTS ALL IMMEDIATE;\n")


def disable_triggers(triggers: Iterable[FiringTrigger]) -> bytes:
    """Compose ALTER TABLE for each trigger; of a partitioned table it reaches the partitions."""
    return sql.SQL("").join(_alter(one, "DISABLE TRIGGER") for one in triggers).as_string().encode()


def enable_triggers(triggers: Iterable[FiringTrigger]) -> bytes:
    """Compose what enables them again, after the last row."""
    altered = [_alter(one, _ENABLE[one.trigger.firing]) for one in triggers]
    return sql.SQL("").join([_SETTLED, *altered]).as_string().encode()


def _alter(firing: FiringTrigger, action: str) -> sql.Composed:
    table = firing.trigger.partition or firing.table
    return sql.SQL("ALTER TABLE {} {} {};\n").format(
        relation(table), sql.SQL(action), sql.Identifier(firing.trigger.name)
    )
