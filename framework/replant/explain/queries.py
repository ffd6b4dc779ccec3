"""Composes the queries that test single rows against the conditions of their table.

A row is told by its place: `tableoid`, and `ctid` as text. It holds within one snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from replant.database import sql
from replant.model import ChosenRows, Condition, Link, PlannedTable, RelationName, Selection
from replant.model.conditions import Satisfies
from replant.sql.row_text import order_by, text_expression
from replant.sql.where_clauses import chosen_from, chosen_where, same_row

#: `tableoid`, and `ctid` as PostgreSQL writes it.
RowPosition = tuple[int, str]


def first_locations(table: PlannedTable, most: int) -> sql.Composed:
    """Query how many rows are chosen, and the locations of the first of them."""
    selection = {table.name: table.rows}
    return sql.SQL(
        "SELECT count(*) OVER (), t0.tableoid, t0.ctid::text FROM {} WHERE {} ORDER BY {} LIMIT {}"
    ).format(
        chosen_from(selection, table.name),
        chosen_where(selection, table.name),
        order_by(table),
        sql.Literal(most),
    )


def location_predicate(position: RowPosition) -> str:
    """Compose an expression over a table's columns that holds only for the row at a location."""
    return sql.SQL("tableoid = {} AND ctid = {}").format(*map(sql.Literal, position)).as_string()


def condition_results(
    selection: Selection, name: RelationName, position: RowPosition, shown: Sequence[str]
) -> sql.Composed:
    """Query a row's texts of the `shown` columns, and for each condition whether it holds."""
    texts = [text_expression(sql.Identifier("t0", column)) for column in shown]
    answers = [_holds(selection, name, condition) for condition in selection[name].conditions]
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.SQL(", ").join([sql.SQL("true"), *texts, *answers]),
        chosen_from(_without_conditions(selection, name), name),
        _at_position(position),
    )


def linked_location(
    selection: Selection, name: RelationName, position: RowPosition, link: Link, *, chosen: bool
) -> sql.Composed:
    """Query the location of a row at the other end of a link; of a chosen one, or of any."""
    others = selection if chosen else _without_conditions(selection, link.other)
    return sql.SQL(
        "SELECT t1.tableoid, t1.ctid::text FROM {} JOIN {} ON {} WHERE {} AND {} "
        "ORDER BY t1.tableoid, t1.ctid LIMIT 1"
    ).format(
        chosen_from(_without_conditions(selection, name), name),
        chosen_from(others, link.other, alias="t1"),
        same_row(selection, (name, "t0"), link, "t1"),
        _at_position(position),
        chosen_where(others, link.other, depth=1),
    )


def _holds(selection: Selection, name: RelationName, condition: Condition) -> sql.Composable:
    alone: dict[RelationName, ChosenRows] = {
        **selection,
        name: evolve(selection[name], conditions=(condition,)),
    }
    if not isinstance(condition, Satisfies) or condition.at is not None:
        return sql.SQL("coalesce({}, false)").format(chosen_where(alone, name))
    return sql.SQL(
        "EXISTS (SELECT FROM {} WHERE same.tableoid = t0.tableoid AND same.ctid = t0.ctid)"
    ).format(chosen_from(alone, name, alias="same"))


def _without_conditions(selection: Selection, name: RelationName) -> Selection:
    return {**selection, name: evolve(selection[name], conditions=())}


def _at_position(position: RowPosition) -> sql.Composable:
    relation, row = position
    return sql.SQL("t0.tableoid = {} AND t0.ctid = {}::tid").format(
        sql.Literal(relation), sql.Literal(row)
    )
