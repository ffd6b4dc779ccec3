"""Finds the table whose row is the tenant itself, where no foreign key leads to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from replant.model import RelationName, Table

#: What a name of a scope column may end with, behind the name of what it tells apart.
_ENDING = re.compile(r"_?(id|uuid|key|ref)$")


@frozen
class Owner:
    """The table with a row for each scope, and the condition for the row of this one."""

    table: RelationName
    condition: str


def scope_owner(column: str | None, tables: Mapping[RelationName, Table]) -> Owner | None:
    """Return the table that is named as the scope column is, if it is the only one.

    A foreign key on the scope column brings the row along by itself. Without one, `org_id` means
    the row of `org` or `orgs` with that primary key, if its type is that of the column.
    """
    if column is None or not re.fullmatch(r"[A-Za-z_]\w*", column):
        return None
    own = {t.name: t for t in tables.values() if t.column(column) is not None}
    keys = [key for t in own.values() for key in t.foreign_keys if key.columns == (column,)]
    if keys:
        return None
    types = {held.base_type for t in own.values() if (held := t.column(column)) is not None}
    named = {*_names(_ENDING.sub("", column))}
    found = [
        table
        for table in tables.values()
        if table.name.name in named and table.name not in own and _key_type(table) in types
    ]
    if len(found) != 1:
        return None
    (table,) = found
    key = table.primary_key[0].replace('"', '""')
    return Owner(table.name, f'"{key}" = :{column}')


def _names(noun: str) -> Iterator[str]:
    yield from (noun, f"{noun}s", f"{noun}es")
    if noun.endswith("y"):
        yield f"{noun[:-1]}ies"


def _key_type(table: Table) -> str | None:
    """Return the type of the primary key, if it is one column."""
    if len(table.primary_key) != 1:
        return None
    column = table.column(table.primary_key[0])
    return column.base_type if column is not None else None
