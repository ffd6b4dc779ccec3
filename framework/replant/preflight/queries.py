"""Composes the queries about an artifact's rows in the target, before they are loaded.

Rows come as texts in a VALUES list. Its first row is one of typed NULLs, so that each type's input
function reads the texts, as it would in an INSERT; it is equal to no row.
"""

from __future__ import annotations

from collections.abc import Sequence

from replant.database import sql
from replant.model import (
    ChosenRows,
    ForeignKey,
    PlannedTable,
    RelationName,
    Selection,
    Text,
    UniqueIndex,
)
from replant.sql.row_text import text_expression
from replant.sql.unique_matches import alike, index_terms
from replant.sql.where_clauses import (
    chosen_from,
    chosen_where,
    compared_end,
    covered,
    equals,
    null_of,
    relation,
)

Texts = Sequence[Text]


def has_rows(table: PlannedTable, number: int, selection: Selection | None = None) -> sql.Composed:
    """Query the number, and whether the table has any row, or any that the conditions choose."""
    return sql.SQL("SELECT {}, EXISTS (SELECT FROM {} WHERE {})").format(
        sql.Literal(number),
        _source(table),
        sql.SQL("true") if selection is None else chosen_where(selection, table.name),
    )


def present(
    table: PlannedTable, index: UniqueIndex, rows: Sequence[Texts], selection: Selection | None
) -> sql.Composed:
    """Query the rows that a unique index takes for the same as a row of the target.

    Columns: the row's place in the list; whether the two have the same key too (NULL where the
    table has none); whether the target's row is one that the artifact's conditions choose; the
    texts of the target's key.

    Args:
        table: as the target has it.
        index: an index of the table.
        rows: the texts of its columns, and behind them those of the table's key.
        selection: the conditions; None where they cannot be asked.

    """
    names = [*index.columns, *table.key]
    width = len(index.columns)
    theirs = {name: sql.Identifier("t0", name) for name in index.columns}
    given = {name: _given(place) for place, name in enumerate(index.columns)}
    same = [_equal(table, name, width + place) for place, name in enumerate(table.key)]
    chosen = sql.SQL("NULL::boolean") if selection is None else chosen_where(selection, table.name)
    texts = [text_expression(sql.Identifier("t0", name)) for name in table.key]
    wanted = [sql.SQL(" AND ").join(same) if same else sql.SQL("NULL::boolean"), chosen, *texts]
    return sql.SQL(
        "SELECT v._, {} FROM {} CROSS JOIN {} CROSS JOIN {} CROSS JOIN {}"
        " WHERE v._ IS NOT NULL AND {}"
    ).format(
        sql.SQL(", ").join(wanted),
        _source(table),
        index_terms(index, "x", theirs),
        _values(table.name, names, rows),
        index_terms(index, "y", given),
        alike(index, "x", "y"),
    )


def lacked(key: ForeignKey, tables: Sequence[PlannedTable], rows: Sequence[Texts]) -> sql.Composed:
    """Query the positions of those rows that reference no row of the target by the key.

    Args:
        key: the foreign key.
        tables: the two tables of the key, as far as their operators go.
        rows: the texts of the key's columns, of which none is NULL.

    """
    mine, theirs = (table.rows.equality for table in tables)
    terms = [
        compared_end(key, place, (_given(place), sql.Identifier("t0", name)), (mine, theirs))
        for place, name in enumerate(key.referenced_columns)
    ]
    found: sql.Composable = sql.SQL("true")
    if key.period:
        period = sql.Identifier("t0", key.referenced_columns[-1])
        found = covered(period, _given(len(key.columns) - 1))
    return sql.SQL(
        "SELECT v._ FROM {} WHERE v._ IS NOT NULL AND NOT coalesce("
        "(SELECT {} FROM {} AS t0 WHERE {} LIMIT 1), false)"
    ).format(
        _values(key.table, key.columns, rows),
        found,
        relation(key.referenced_relation),
        sql.SQL(" AND ").join(terms),
    )


def misread(type_: str) -> sql.Composed:
    """Query the positions of texts that change once a column of the type holds them.

    The parameter is an array of texts. A text that the type does not read is an error.
    """
    return sql.SQL(
        "SELECT v.place FROM pg_catalog.unnest(%s::text[]) WITH ORDINALITY AS v (value, place) "
        "WHERE pg_catalog.format('%%s', v.value::{}) <> v.value"
    ).format(sql.SQL(type_))


def _source(table: PlannedTable) -> sql.Composable:
    rows = ChosenRows(only=table.rows.only)
    return chosen_from({table.name: rows}, table.name)


def _equal(table: PlannedTable, name: str, place: int) -> sql.Composed:
    equal = equals(table.rows.equality.get(name))
    return sql.SQL("t0.{} {} {}").format(sql.Identifier(name), equal, _given(place))


def _values(table: RelationName, names: Sequence[str], rows: Sequence[Texts]) -> sql.Composed:
    lists = [[sql.SQL("NULL::bigint"), *(null_of(table, name) for name in names)]]
    lists += [[sql.Literal(place), *map(sql.Literal, row)] for place, row in enumerate(rows)]
    return sql.SQL("(VALUES {}) AS v (_, {})").format(
        sql.SQL(", ").join(sql.SQL("({})").format(sql.SQL(", ").join(row)) for row in lists),
        sql.SQL(", ").join(_part(place) for place in range(len(names))),
    )


def _given(place: int) -> sql.Composable:
    return sql.SQL("v.{}").format(_part(place))


def _part(place: int) -> sql.Composable:
    return sql.Identifier(f"k{place}")
