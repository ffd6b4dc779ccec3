"""Tables written down as text come in, registrations go out.

A table is declared as its name and a list such as `id uuid not null, tags public.citext[]`: every
column in the table's order, its type as PostgreSQL's `format_type` writes it under an empty
search path. A mistake in a declaration is an error when the plugin is imported, not when someone
exports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from replant.model import DeclaredColumn, Membership, Registration, RelationName

_NAME = r"[a-z_][a-z0-9_$]*"
# `uuid[]`, `numeric(10,2)`, `timestamp(3) with time zone`, `public.hostname`.
_TYPE = rf"(?:{_NAME}\.)?{_NAME}(?: {_NAME})*(?:\(\d+(?:,\d+)?\))?(?: {_NAME})*(?:\[\])?"
_COLUMN = re.compile(rf"({_NAME}) ({_TYPE})")
_NOT_NULL = " not null"
_COMMA = re.compile(r",(?![^(]*\))")
#: Words of a column definition that are part of no type: one of them means a slip.
_NO_TYPE = frozenset({"not", "null", "default", "primary", "references", "unique", "check"})


def declare(
    schema: str,
    columns: Mapping[str, str],
    *,
    rows: Membership,
    rows_of: Mapping[str, Membership] | None = None,
    omit: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Registration, ...]:
    """Make the registrations of one schema's tables.

    Args:
        schema: the schema of all the tables.
        columns: the columns of each table, in the form that `declared_columns` reads.
        rows: how the rows of a table belong to the scope.
        rows_of: the tables whose rows belong to it in another way.
        omit: the columns that are left to their default, by table.

    Raises:
        ValueError: a declaration is malformed, or one of the other arguments names a table or a
            column that is not declared. The text names the table.

    """
    rows_of, omit = rows_of or {}, omit or {}
    for table in (*rows_of, *omit):
        if table not in columns:
            raise ValueError(f"{schema}.{table} is not declared")
    return tuple(
        _registration(RelationName(schema, table), text, rows_of.get(table, rows), omit.get(table))
        for table, text in columns.items()
    )


def declared_columns(text: str) -> tuple[DeclaredColumn, ...]:
    """Read `name type`, or `name type not null`, separated by commas, over any number of lines.

    Raises:
        ValueError: an entry has another form, a name occurs twice, or there is no entry.

    """
    columns = tuple(_column(" ".join(entry.split())) for entry in _COMMA.split(text))
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"declared more than once: {', '.join(twice)}")
    return columns


def _registration(
    table: RelationName, text: str, rows: Membership, omit: tuple[str, ...] | None
) -> Registration:
    try:
        columns = declared_columns(text)
    except ValueError as error:
        raise ValueError(f"{table}: {error}") from error
    unknown = set(omit or ()) - {column.name for column in columns}
    if unknown:
        raise ValueError(f"{table}: omitted, but not declared: {', '.join(sorted(unknown))}")
    return Registration(table, rows=rows, omit=omit or (), columns=columns)


def _column(entry: str) -> DeclaredColumn:
    match = _COLUMN.fullmatch(entry.removesuffix(_NOT_NULL))
    if match is None or _NO_TYPE.intersection(match[2].split()):
        raise ValueError(f"{entry!r} is not `name type` or `name type not null`")
    return DeclaredColumn(match[1], match[2], not_null=entry.endswith(_NOT_NULL))
