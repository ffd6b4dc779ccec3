"""Finds the table whose row is the tenant itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from replant.model import RelationName, Table

#: What a name of a scope column may end with, behind the name of what it tells apart.
_ENDING = re.compile(r"_?(id|uuid|key|ref)$")


@frozen
class Owner:
    """The table with a row for each scope, and the condition for the row of this one.

    Attributes:
        referenced: whether the scope column is a foreign key to it. Then every row that has the
            column says by it whose it is, and rows of other tables that reference the tenant by
            other columns may be those of other tenants.

    """

    table: RelationName
    condition: str
    referenced: bool = False


def scope_owner(column: str | None, tables: Mapping[RelationName, Table]) -> Owner | None:
    """Return the table that the scope column references, or else the one that is named as it is.

    Without a foreign key, `org_id` means the row of `org` or `orgs` with that primary key, if its
    type is that of the column. It is None where several tables could be meant.
    """
    if column is None or not re.fullmatch(r"[A-Za-z_]\w*", column):
        return None
    own = {t.name: t for t in tables.values() if t.column(column) is not None}
    keys = [key for t in own.values() for key in t.foreign_keys if key.columns == (column,)]
    ends = {(key.references, key.referenced_columns) for key in keys}
    if ends:
        ((table, referenced), *others) = ends
        found_key = not others and table in tables and table not in own
        return (
            Owner(table, _condition(referenced[0], column), referenced=True) if found_key else None
        )
    types = {held.base_type for t in own.values() if (held := t.column(column)) is not None}
    named = {*_names(_ENDING.sub("", column))}
    found = [
        table
        for table in tables.values()
        if table.name.name in named and table.name not in own and _key_type(table) in types
    ]
    if len(found) != 1:
        return None
    (named_so,) = found
    return Owner(named_so.name, _condition(named_so.primary_key[0], column))


def _condition(key: str, scope: str) -> str:
    name = key.replace('"', '""')
    return f'"{name}" = :{scope}'


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
