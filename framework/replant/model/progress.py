"""Defines how an export, a replay or a verification reports its progress."""

from __future__ import annotations

from collections.abc import Callable

from replant.model.names import RelationName

#: Told a table, and how many rows and bytes of it just passed.
Progress = Callable[[RelationName, int, int], None]


def silent(_table: RelationName, _rows: int, _bytes: int) -> None:
    """Report progress to nobody."""
