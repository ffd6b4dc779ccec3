"""Evaluates once the conditions that might answer otherwise when they are asked again.

An export asks for the chosen rows many times: to count them, to look for dangling references, to
read them. A condition such as `random() < 0.05` would choose other rows each time. So the rows for
which it holds are found once, and from then on their places stand for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from operator import itemgetter

from attrs import evolve

from replant.closure.row_locations import pointers
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_texts
from replant.database.planner_settings import contradictions_proved
from replant.model import ChosenRows, ColumnIs, RelationName, RowsAt, Satisfies, Selection
from replant.model.conditions import RowsIn
from replant.sql import row_queries as queries

_LEAF, _POINTER = itemgetter(0), itemgetter(1)


def evaluate_once(
    database: DatabaseConnection, rows: Selection, names: Collection[RelationName]
) -> Selection:
    """Return the selection with the places of rows in every predicate that may change its answer.

    Args:
        database: the transaction in whose snapshot the places of rows hold.
        rows: the selection; its predicates are valid.
        names: the tables whose conditions are looked at.

    """
    with contradictions_proved(database):
        unsteady = {
            (name, condition)
            for name in names
            for condition in rows[name].conditions
            if isinstance(condition, Satisfies)
            and condition.at is None
            and not _is_steady(database, name, condition)
        }
    found = dict(rows)
    for name in sorted({name for name, _ in unsteady}):
        conditions = tuple(
            _evaluated(database, rows[name], name, condition)
            if isinstance(condition, Satisfies) and (name, condition) in unsteady
            else condition
            for condition in rows[name].conditions
        )
        found[name] = evolve(rows[name], conditions=conditions)
    return found


def _is_steady(database: DatabaseConnection, name: RelationName, condition: Satisfies) -> bool:
    """Return whether the planner proves that the predicate has one answer for each row."""
    query = queries.explain_contradiction(name, condition.sql)
    ((((plan,),)),) = database.execute(query)
    return bool(plan["Plan"].get("One-Time Filter") == "false")


def _evaluated(
    database: DatabaseConnection, chosen: ChosenRows, name: RelationName, condition: Satisfies
) -> Satisfies:
    """Find the rows for which the predicate holds, among those that the table's values choose."""
    narrow = tuple(c for c in chosen.conditions if isinstance(c, ColumnIs | RowsAt))
    alone = {name: evolve(chosen, conditions=(*narrow, condition))}
    return evolve(condition, at=RowsAt(tuple(_rows_found(database, alone, name))))


def _rows_found(
    database: DatabaseConnection, alone: Selection, name: RelationName
) -> Iterator[RowsIn]:
    query = queries.locations(alone, name)
    rows = (row for batch in copied_texts(database, query) for row in pointers(batch))
    for leaf, located in groupby(rows, key=_LEAF):
        yield RowsIn.of(leaf, map(_POINTER, located))
