"""Composes the conditions for chosen rows: values of `model.conditions` in, WHERE clauses out.

Every chosen table stands under an alias of its own depth (`t0`, `t1`, …), so conditions nest
without capturing each other's columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeGuard

from attrs import evolve

from replant.database import sql
from replant.model import (
    ColumnIs,
    Condition,
    ForeignKey,
    KeyIsNot,
    Link,
    LinkedTo,
    RelationName,
    Satisfies,
    Selection,
)
from replant.model.conditions import Lasting, RowsAt
from replant.sql.compared_values import compared

# What is needed again and again is kept as text: of thousands of tables, to quote each name anew
# takes a tenth of the time of an export.
_KEPT = 256


@lru_cache(_KEPT)
def relation(name: RelationName) -> sql.Composable:
    """Return the qualified, quoted name of a relation."""
    return sql.SQL(sql.Identifier(name.schema, name.name).as_string())


def columns(names: Iterable[str]) -> sql.Composable:
    """Return a comma-separated list of quoted column names."""
    return sql.SQL(", ").join(map(sql.Identifier, names))


def null_of(name: RelationName, column: str) -> sql.Composable:
    """Return a NULL that has the type of a column, even of a domain that refuses NULL.

    A query without a row is never checked; a cast is. It needs SELECT on the column.
    """
    return sql.SQL("(SELECT {} FROM {} WHERE false)").format(sql.Identifier(column), relation(name))


def chosen_from(selection: Selection, name: RelationName, *, alias: str = "t0") -> sql.Composable:
    """Return the FROM clause that gives `alias` the table's rows for which its predicates hold.

    A predicate was written with plain column names: it gets a query of its own with nothing but
    the table in sight, so no other column can be meant by mistake, and a line end, so a comment
    at its end does no harm. The planner pulls such a query up, and indexes serve.
    """
    chosen = selection[name]
    predicates = [c.sql for c in chosen.conditions if _is_asked(c)]
    if not predicates:
        return _rows_of(name, alias, only=chosen.only)
    source = sql.SQL("ONLY {}" if chosen.only else "{}").format(relation(name))
    return sql.SQL("(SELECT tableoid, ctid, * FROM {} WHERE {}) AS {}").format(
        source,
        sql.SQL(" AND ").join(sql.SQL("({}\n)").format(sql.SQL(p)) for p in predicates),
        sql.Identifier(alias),
    )


@lru_cache(_KEPT)
def _rows_of(name: RelationName, alias: str, *, only: bool) -> sql.Composable:
    source = sql.SQL("ONLY {} AS {}" if only else "{} AS {}")
    return sql.SQL(source.format(relation(name), sql.Identifier(alias)).as_string())


def chosen_where(selection: Selection, name: RelationName, *, depth: int = 0) -> sql.Composable:
    """Return the WHERE clause for all other conditions, over the alias `t<depth>`."""
    terms = [
        _term(selection, name, condition, depth)
        for condition in selection[name].conditions
        if not _is_asked(condition)
    ]
    return sql.SQL(" AND ").join(terms) if terms else sql.SQL("true")


def predicate_of(selection: Selection, name: RelationName) -> sql.Composable:
    """Return the chosen rows as one expression over the table's columns by their plain names."""
    chosen = selection[name]
    terms: list[sql.Composable] = []
    others = []
    for condition in chosen.conditions:
        match condition:
            case ColumnIs(column, value):
                # People read this one. With a literal, the operator of the column's type is found.
                schema = chosen.equality.get(column)
                equal = sql.SQL("=") if schema is None else equals(schema)
                terms.append(
                    sql.SQL("{} {} {}").format(sql.Identifier(column), equal, sql.Literal(value))
                )
            case Satisfies(text, None):
                terms.append(sql.SQL("({}\n)").format(sql.SQL(text)))
            case _:
                others.append(condition)
    if others:
        rest = {**selection, name: evolve(chosen, conditions=tuple(others))}
        terms.append(
            sql.SQL("(tableoid, ctid) IN (SELECT t0.tableoid, t0.ctid FROM {} WHERE {})").format(
                chosen_from(rest, name), chosen_where(rest, name)
            )
        )
    return sql.SQL(" AND ").join(terms) if terms else sql.SQL("true")


def linked(selection: Selection, name: RelationName, link: Link, *, depth: int) -> sql.Composable:
    """Test that a chosen row stands at the other end of the link from the row `t<depth>`."""
    inner = f"t{depth + 1}"
    return sql.SQL("EXISTS (SELECT FROM {} WHERE {} AND {})").format(
        chosen_from(selection, link.other, alias=inner),
        same_row(selection, (name, f"t{depth}"), link, inner),
        chosen_where(selection, link.other, depth=depth + 1),
    )


def same_row(
    selection: Selection, own: tuple[RelationName, str], link: Link, other: str
) -> sql.Composable:
    """Test that the rows under `own[1]` and `other` are at the two ends of the link.

    They are compared as the foreign keys between the two do, whichever of the tables has them.
    """
    name, alias = own
    ends = name, link.columns, link.other, link.other_columns
    found = {
        key: order
        for key, order in (
            *((key, (alias, other)) for key in _keys(selection, name)),
            *((key, (other, alias)) for key in _keys(selection, link.other)),
        )
        if ends in (_ends(key), _ends(key)[2:] + _ends(key)[:2])
    }
    if not found or any(key.is_plain for key in found):
        pairs = zip(link.columns, link.other_columns, strict=True)
        return _equal(selection, own, (link.other, other), pairs)
    ways = [references(selection, key, *order) for key, order in found.items()]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(ways))


def references(selection: Selection, key: ForeignKey, own: str, other: str) -> sql.Composable:
    """Test that the row under `own` references the one under `other` by a foreign key."""
    terms = [
        compared_end(
            key,
            place,
            (sql.Identifier(own, column), sql.Identifier(other, key.referenced_columns[place])),
            (_equality(selection, key.table), _equality(selection, key.references)),
        )
        for place, column in enumerate(key.columns)
    ]
    terms += [] if key.partition is None else [is_in(own, key.partition)]
    terms += [] if key.referenced_partition is None else [is_in(other, key.referenced_partition)]
    return sql.SQL(" AND ").join(terms)


def compared_end(
    key: ForeignKey,
    place: int,
    ends: tuple[sql.Composable, sql.Composable],
    equality: tuple[Mapping[str, str], Mapping[str, str]],
) -> sql.Composable:
    """Test that two values are alike, as a foreign key compares a pair of its columns.

    Args:
        key: the foreign key.
        place: the pair's place in it.
        ends: the value of the referencing column, and that of the referenced one.
        equality: the schemas of the operators of both tables' columns, as `ChosenRows` has them.

    """
    own, other = ends
    if key.comparisons:
        return compared(key.comparisons[place], other, own)
    pair = key.columns[place], key.referenced_columns[place]
    return sql.SQL("{} {} {}").format(other, _shared_equality(pair, equality), own)


def _equal(
    selection: Selection,
    own: tuple[RelationName, str],
    other: tuple[RelationName, str],
    pairs: Iterable[tuple[str, str]],
) -> sql.Composed:
    """Test that two rows hold equal values."""
    equality = _equality(selection, own[0]), _equality(selection, other[0])
    return sql.SQL(" AND ").join(
        sql.SQL("{} {} {}").format(
            sql.Identifier(other[1], b),
            _shared_equality((a, b), equality),
            sql.Identifier(own[1], a),
        )
        for a, b in pairs
    )


def _shared_equality(
    pair: tuple[str, str], equality: tuple[Mapping[str, str], Mapping[str, str]]
) -> sql.Composable:
    """Return the operator for two columns.

    Where both columns have an equality of their own, it is the foreign key's too. A column of a
    type such as citext that is compared with one of text is compared as text.
    """
    mine, theirs = (schemas.get(name) for schemas, name in zip(equality, pair, strict=True))
    return equals(mine if mine == theirs else None)


def _keys(selection: Selection, name: RelationName) -> tuple[ForeignKey, ...]:
    return selection[name].keys if name in selection else ()


def _ends(key: ForeignKey) -> tuple[RelationName, tuple[str, ...], RelationName, tuple[str, ...]]:
    return key.table, key.columns, key.references, key.referenced_columns


def is_in(alias: str, partition: RelationName) -> sql.Composable:
    """Test that a row lies in a partition, or in one below it; a database may have no such."""
    return sql.SQL(
        "{}.tableoid IN (SELECT p.relid FROM "
        "pg_catalog.pg_partition_tree(pg_catalog.to_regclass({})) AS p)"
    ).format(sql.Identifier(alias), sql.Literal(relation(partition).as_string()))


def rows_at(rows: RowsAt, alias: str) -> sql.Composable:
    """Test that the row under the alias is one of these.

    The server makes the places from runs of neighbours. The limit is their number: so the planner
    knows how many there are, and goes to each of a few, or reads the table once for many, also
    where the rows are joined with others. Of an array of places it would expect ten.
    """
    runs = [(held.leaf, *run) for held in rows.locations for run in held]
    if not runs:
        return sql.SQL("false")
    lists = [sql.Literal(f"{{{','.join(map(str, column))}}}") for column in zip(*runs, strict=True)]
    return sql.SQL(
        "({}, {}) IN (SELECT r.leaf, pg_catalog.format('(%s,%s)', r.block, p)::tid "
        "FROM unnest({}::oid[], {}::int8[], {}::int4[], {}::int4[]) AS r (leaf, block, low, high), "
        "pg_catalog.generate_series(r.low, r.high) AS p LIMIT {})"
    ).format(
        sql.Identifier(alias, "tableoid"),
        sql.Identifier(alias, "ctid"),
        *lists,
        sql.Literal(sum(high - low + 1 for _, _, low, high in runs)),
    )


def covered(periods: sql.Composable, period: sql.Composable) -> sql.Composable:
    """Test that the periods of several rows, taken together, contain another."""
    return sql.SQL("pg_catalog.range_agg({}) OPERATOR(pg_catalog.@>) {}").format(periods, period)


@lru_cache(_KEPT)
def equals(schema: str | None) -> sql.Composable:
    """Return the operator `=` of a schema, by its full name; by default that of `pg_catalog`."""
    operator = sql.SQL("OPERATOR({}.=)").format(sql.Identifier(schema or "pg_catalog"))
    return sql.SQL(operator.as_string())


def _is_asked(condition: Condition) -> TypeGuard[Satisfies]:
    """Return whether the condition is a predicate that the server evaluates."""
    return isinstance(condition, Satisfies) and condition.at is None


def _equality(selection: Selection, name: RelationName) -> Mapping[str, str]:
    return selection[name].equality if name in selection else {}


def _term(
    selection: Selection,
    name: RelationName,
    condition: Lasting | RowsAt | Satisfies,
    depth: int,
) -> sql.Composable:
    alias = f"t{depth}"
    equality = selection[name].equality
    match condition:
        case ColumnIs(column, value):
            return _is(alias, column, value, equality)
        case LinkedTo(links):
            ways = [linked(selection, name, link, depth=depth) for link in links]
            return sql.SQL("({})").format(sql.SQL(" OR ").join(ways)) if ways else sql.SQL("false")
        case KeyIsNot(names, keys):
            rows = [
                sql.SQL(" AND ").join(
                    _is(alias, column, value, equality)
                    for column, value in zip(names, key, strict=True)
                )
                for key in keys
            ]
            return sql.SQL("NOT (({}))").format(sql.SQL(") OR (").join(rows))
        case RowsAt():
            return rows_at(condition, alias)
        case Satisfies(_, at):
            assert at is not None  # a predicate that is asked stands in the FROM clause
            return rows_at(at, alias)


def _is(alias: str, column: str, value: str, equality: Mapping[str, str]) -> sql.Composable:
    return sql.SQL("{} {} {}").format(
        sql.Identifier(alias, column), equals(equality.get(column)), sql.Literal(value)
    )
