"""Checks that a load order can be carried out, whether a plugin or an artifact made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from replant.errors import unexpected
from replant.model import (
    AsReplica,
    CheckForeignKeys,
    DeferConstraints,
    LoadOrder,
    LoadTable,
    LoadTogether,
    PatchColumns,
    RelationName,
)


def check_order(
    order: LoadOrder, tables: Collection[RelationName], keyed: Collection[RelationName]
) -> None:
    """Refuse an order that loads too little or too much, or switches off a check for good.

    Args:
        order: what is loaded, and what is said around it.
        tables: the tables to load.
        keyed: those that have columns which identify a row.

    Raises:
        ValueError: the order cannot be carried out; the text is a clause that says why.

    """
    _check_steps(order, tables, keyed)
    off = any(isinstance(statement, AsReplica) for statement in order.before)
    checked = any(isinstance(statement, CheckForeignKeys) for statement in order.after)
    if (off and not checked) or any(isinstance(statement, AsReplica) for statement in order.after):
        raise ValueError("it switches foreign keys off and does not check them")
    for statement in (*order.before, *order.after):
        if isinstance(statement, DeferConstraints) and not statement.constraints:
            raise ValueError("it defers constraints, and none is named")


def _check_steps(
    order: LoadOrder, tables: Collection[RelationName], keyed: Collection[RelationName]
) -> None:
    """Check that every table is loaded once, and every column loaded as NULL is set once, later."""
    waiting: dict[RelationName, tuple[str, ...]] = {}
    loaded: Counter[RelationName] = Counter()
    for step in order.steps:
        match step:
            case LoadTable(name):
                loaded[name] += 1
                if step.patched:
                    waiting[name] = step.patched
            case LoadTogether(names):
                loaded.update(names)
            case PatchColumns(name, columns):
                if waiting.pop(name, None) != columns or len(set(columns)) != len(columns):
                    raise ValueError(f"it sets other columns of {name} than it left NULL")
                if name not in keyed:
                    raise ValueError(f"it sets columns of {name}, of which no key tells rows apart")
            case _:
                unexpected(step)
    for name in waiting:
        raise ValueError(f"it leaves columns of {name} NULL")
    wrong = sorted({*loaded, *tables} - {name for name in tables if loaded[name] == 1})
    if wrong:
        listed = ", ".join(map(str, wrong))
        raise ValueError(f"it must load every table exactly once, and does not so for {listed}")
