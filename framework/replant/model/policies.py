"""Defines policies of row-level security, as far as a message about them needs."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from replant.model.checked import checked
from replant.model.names import readable


@frozen(field_transformer=checked)
class Policy:
    """A policy that applies to the connected role.

    Attributes:
        restrictive: whether every row must satisfy it; of the others, one has to let a row pass.
        commands: `SELECT`, `INSERT`, `UPDATE` and `DELETE`, as far as it is for them.
        conditions: what USING and WITH CHECK say, as PostgreSQL writes it.
        functions: those that the conditions call, as PostgreSQL writes them: `s.f(integer)`.

    """

    name: str
    restrictive: bool
    commands: frozenset[str]
    conditions: str = ""
    functions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the name as SQL takes it."""
        return readable(self.name)


def listed_policies(policies: Iterable[Policy]) -> str:
    """Write the names of policies, to stand behind that of their table; nothing of none."""
    names = [str(policy) for policy in policies]
    if not names:
        return ""
    return f" ({'policy' if len(names) == 1 else 'policies'} {', '.join(names)})"
