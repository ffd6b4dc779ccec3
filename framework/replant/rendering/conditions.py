"""Chosen rows as SQL: conditions in, a WHERE clause that composes out.

Every chosen table stands under an alias of its own depth (`t0`, `t1`, …), so conditions nest
without capturing each other's columns.
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from replant.model import (
    ColumnIs,
    KeyIsNot,
    Link,
    LinkedTo,
    RelationName,
    Satisfies,
    Selection,
)


def relation(name: RelationName) -> sql.Composable:
    """The qualified, quoted name of a relation."""
    return sql.Identifier(name.schema, name.name)


def columns(names: Iterable[str]) -> sql.Composable:
    """A comma-separated list of quoted column names."""
    return sql.SQL(", ").join(map(sql.Identifier, names))


def chosen_from(selection: Selection, name: RelationName, *, alias: str = "t0") -> sql.Composed:
    """What follows FROM, so that `alias` has the table's rows for which its predicates hold.

    A predicate was written with plain column names: it gets a query of its own with nothing but
    the table in sight, so no other column can be meant by mistake, and a line end, so a comment
    at its end does no harm. The planner pulls such a query up, and indexes serve.
    """
    chosen = selection[name]
    source = sql.SQL("ONLY {}" if chosen.only else "{}").format(relation(name))
    predicates = [c.sql for c in chosen.conditions if isinstance(c, Satisfies)]
    if predicates:
        source = sql.SQL("(SELECT tableoid, ctid, * FROM {} WHERE {})").format(
            source, sql.SQL(" AND ").join(sql.SQL("({}\n)").format(sql.SQL(p)) for p in predicates)
        )
    return source + sql.SQL(" AS ") + sql.Identifier(alias)


def chosen_where(selection: Selection, name: RelationName, *, depth: int = 0) -> sql.Composable:
    """What follows WHERE: an expression over alias `t<depth>` for the other conditions."""
    terms = [
        _term(selection, condition, depth)
        for condition in selection[name].conditions
        if not isinstance(condition, Satisfies)
    ]
    return sql.SQL(" AND ").join(terms) if terms else sql.SQL("true")


def linked(selection: Selection, link: Link, *, depth: int) -> sql.Composable:
    """A chosen row stands at the other end of the link from the row under `t<depth>`."""
    inner = f"t{depth + 1}"
    return sql.SQL("EXISTS (SELECT FROM {} WHERE {} AND {})").format(
        chosen_from(selection, link.other, alias=inner),
        same_row(f"t{depth}", link, inner),
        chosen_where(selection, link.other, depth=depth + 1),
    )


def same_row(own: str, link: Link, other: str) -> sql.Composable:
    """The aliases `own` and `other` hold equal values in the columns of the link."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(other, theirs), sql.Identifier(own, mine))
        for mine, theirs in zip(link.columns, link.other_columns, strict=True)
    )


def _term(
    selection: Selection, condition: ColumnIs | LinkedTo | KeyIsNot, depth: int
) -> sql.Composable:
    alias = f"t{depth}"
    match condition:
        case ColumnIs(column, value):
            return sql.SQL("{} = {}").format(sql.Identifier(alias, column), sql.Literal(value))
        case LinkedTo(links):
            ways = [linked(selection, link, depth=depth) for link in links]
            return sql.SQL("({})").format(sql.SQL(" OR ").join(ways)) if ways else sql.SQL("false")
        case KeyIsNot(names, keys):
            rows = [_key_is(alias, names, key) for key in keys]
            return sql.SQL("NOT ({})").format(sql.SQL(" OR ").join(rows))


def _key_is(alias: str, names: tuple[str, ...], key: tuple[str, ...]) -> sql.Composable:
    pairs = [
        sql.SQL("{} = {}").format(sql.Identifier(alias, name), sql.Literal(value))
        for name, value in zip(names, key, strict=True)
    ]
    return sql.SQL("({})").format(sql.SQL(" AND ").join(pairs))
