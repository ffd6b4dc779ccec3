"""Tells why SQL that a person or a plugin gave is no expression, in words about that SQL alone."""

from __future__ import annotations

import psycopg

from replant.database.connections import one_line


def why_invalid(error: psycopg.Error, statement: str, given: str) -> str:
    """Return the server's reason, unless it speaks of the statement around the expression.

    Args:
        error: what the server said.
        statement: the whole statement that it was sent.
        given: the expression in it.

    """
    position = error.diag.statement_position
    if not isinstance(error, psycopg.errors.SyntaxError) or position is None:
        return one_line(error)
    start = statement.find(given) + 1
    if start <= int(position) < start + len(given):
        return one_line(error)
    return "it is not one whole SQL expression"
