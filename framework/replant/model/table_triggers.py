"""Defines triggers, what their functions write, and what is done about them during a load."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from replant.model.checked import checked
from replant.model.names import RelationName


class Firing(Enum):
    """`pg_trigger.tgenabled`: in which modes of `session_replication_role` a trigger fires."""

    ORDINARY = "O"
    REPLICA = "R"
    ALWAYS = "A"


class TriggerMode(Enum):
    """What a replay does with the triggers of the tables that it loads."""

    #: Let them fire.
    FIRE = "fire"
    #: Disable them, and enable them again before it commits; for this a role must own the tables.
    DISABLE = "disable"


@frozen(field_transformer=checked)
class Trigger:
    """A trigger or rule that changes what an INSERT or UPDATE of a table does.

    Attributes:
        kind: `trigger` or `rule`.
        events: `INSERT`, `UPDATE`, or both.
        partition: the partition that has it, where rows that go through its root fire it.
        function: the function that a trigger calls, as PostgreSQL writes it: `s.f()`.
        writes: the privileges that the function needs as the role that loads, as far as its text
            tells: `INSERT` on a table, and so on. None for a SECURITY DEFINER function.

    """

    name: str
    kind: str
    events: frozenset[str]
    firing: Firing = Firing.ORDINARY
    partition: RelationName | None = None
    function: str | None = None
    writes: tuple[tuple[str, RelationName], ...] = ()
