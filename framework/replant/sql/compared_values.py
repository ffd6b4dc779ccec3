"""Composes the comparison of two values, by the operator that a constraint names."""

from __future__ import annotations

from replant.database import sql
from replant.model.comparison import Comparison


def compared(
    comparison: Comparison, referenced: sql.Composable, own: sql.Composable
) -> sql.Composed:
    """Test that a referenced value is what a referencing one holds."""
    own = cast(own, comparison.own_type)
    if comparison.collation is not None:
        own += sql.SQL(" COLLATE {}").format(sql.Identifier(*comparison.collation))
    return sql.SQL("{} {} {}").format(
        cast(referenced, comparison.referenced_type), operator(comparison), own
    )


def operator(comparison: Comparison) -> sql.Composed:
    """Return the operator by its full name."""
    return sql.SQL("OPERATOR({}.{})").format(
        sql.Identifier(comparison.schema), sql.SQL(comparison.operator)
    )


def cast(value: sql.Composable, type_: str | None) -> sql.Composable:
    """Cast a value; to no type leaves it as it is."""
    return value if type_ is None else sql.SQL("{}::{}").format(value, sql.SQL(type_))
