"""Composes the conditions for a row that references another: references in, SQL out."""

from __future__ import annotations

from attrs import evolve

from replant.database import sql
from replant.model.references import Only, Pair, Reference
from replant.sql.compared_values import cast, compared, operator


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
    if only is not None and comparison.converts:
        # What another target's rows hold may not be convertible, and AND has no order.
        converted = cast(value, comparison.own_type)
        value = sql.SQL("CASE WHEN {} THEN {} END").format(only, converted)
        comparison = evolve(comparison, own_type=None)
    return compared(comparison, sql.Identifier(other, pair.referenced), value)


def _holds(only: Only, own: str) -> sql.Composable:
    return sql.SQL("{} {} {}").format(
        cast(sql.Identifier(own, only.column), only.comparison.referenced_type),
        operator(only.comparison),
        sql.Literal(only.value),
    )
