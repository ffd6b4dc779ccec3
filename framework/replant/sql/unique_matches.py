"""Composes how rows are compared by a unique index: by its expressions, operators and predicate."""

from __future__ import annotations

from collections.abc import Mapping

from replant.database import sql
from replant.model import UniqueIndex


def index_terms(
    index: UniqueIndex, name: str, columns: Mapping[str, sql.Composable]
) -> sql.Composed:
    """Compose a FROM item with the values that an index takes from one row.

    The columns are put under their own names, for the expressions and the predicate name them so.
    The planner dissolves the item, so that an index on an expression still serves.

    Args:
        index: the index.
        name: the name of the item.
        columns: what stands for each column of the index.

    """
    given = [sql.SQL("{} AS {}").format(columns[c], sql.Identifier(c)) for c in index.columns]
    values = [
        sql.SQL("({}) AS {}").format(sql.SQL(expression), sql.Identifier(f"k{place}"))
        for place, (expression, _) in enumerate(index.terms)
    ]
    return sql.SQL("LATERAL (SELECT {}, ({}) AS p FROM (SELECT {}) AS _) AS {}").format(
        sql.SQL(", ").join(values),
        sql.SQL(index.predicate or "true"),
        sql.SQL(", ").join(given),
        sql.Identifier(name),
    )


def alike(index: UniqueIndex, left: str, right: str) -> sql.Composed:
    """Compose a condition: an index takes the rows of two FROM items for the same."""
    terms: list[sql.Composable] = []
    for place, (_, operator) in enumerate(index.terms):
        pair = [sql.Identifier(side, f"k{place}") for side in (left, right)]
        same = sql.SQL("{} {} {}").format(pair[0], sql.SQL(operator), pair[1])
        if index.nulls_alike:
            same = sql.SQL(
                "({0} OR pg_catalog.num_nulls({1}) = 1 AND pg_catalog.num_nulls({2}) = 1)"
            ).format(same, *pair)
        terms.append(same)
    if index.predicate is not None:
        terms += [sql.Identifier(side, "p") for side in (left, right)]
    return sql.SQL(" AND ").join(terms)
