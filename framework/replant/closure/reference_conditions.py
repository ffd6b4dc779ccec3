"""Composes the conditions for a row that references another: references in, SQL out."""

from __future__ import annotations

from psycopg import sql

from replant.model.references import Comparison, Only, Pair, Reference


def elements(reference: Reference, own: str) -> sql.Composable:
    """Join the elements of the referencing array, each once, as `e.value`."""
    (column,) = reference.columns
    return sql.SQL(
        " CROSS JOIN LATERAL (SELECT DISTINCT u.value FROM pg_catalog.unnest({}) AS u (value)) AS e"
    ).format(sql.Identifier(own, column))


def references(reference: Reference, *, own: str, other: str) -> sql.Composable:
    """Test that the row under `own` references the row under `other`."""
    only = None if reference.only is None else _holds(reference.only, own)
    terms = [] if only is None else [only]
    for pair in reference.pairs:
        value = (
            sql.Identifier("e", "value") if reference.elements else sql.Identifier(own, pair.column)
        )
        terms.append(_equal(pair, value, other, only))
    return sql.SQL(" AND ").join(terms)


def _equal(
    pair: Pair, value: sql.Composable, other: str, only: sql.Composable | None
) -> sql.Composable:
    comparison = pair.comparison
    value = _cast(value, comparison.own_type)
    if only is not None and comparison.converts:
        # What another target's rows hold may not be convertible, and AND has no order.
        value = sql.SQL("CASE WHEN {} THEN {} END").format(only, value)
    if comparison.collation is not None:
        value += sql.SQL(" COLLATE {}").format(sql.Identifier(*comparison.collation))
    return sql.SQL("{} {} {}").format(
        _cast(sql.Identifier(other, pair.referenced), comparison.referenced_type),
        _operator(comparison),
        value,
    )


def _holds(only: Only, own: str) -> sql.Composable:
    return sql.SQL("{} {} {}").format(
        _cast(sql.Identifier(own, only.column), only.comparison.referenced_type),
        _operator(only.comparison),
        sql.Literal(only.value),
    )


def _operator(comparison: Comparison) -> sql.Composable:
    return sql.SQL("OPERATOR({}.{})").format(
        sql.Identifier(comparison.schema), sql.SQL(comparison.operator)
    )


def _cast(value: sql.Composable, type_: str | None) -> sql.Composable:
    return value if type_ is None else sql.SQL("{}::{}").format(value, sql.SQL(type_))
