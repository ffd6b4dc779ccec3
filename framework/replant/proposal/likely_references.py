"""Finds columns that look like references although no foreign key says so, by name and type.

Tables go in; what a person could declare under `[[plugins.schemas.references]]` comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from replant.model import Column, RelationName, Table
from replant.proposal.excluded_tables import stem, words

#: What an array's type ends in.
_ARRAY = "[]"

_TEXTS = ("text", "character varying", "citext")


@frozen
class LikelyReference:
    """A column that may hold keys of another table.

    Attributes:
        references: the table; None where another column says which.
        elements: whether the column is an array of keys.
        type_column: the column that says which table is meant.

    """

    table: RelationName
    column: str
    references: RelationName | None = None
    elements: bool = False
    type_column: str | None = None


def likely_references(tables: Mapping[RelationName, Table]) -> Iterator[LikelyReference]:
    """Yield `user_id`, `user_ids` and pairs such as `owner_type` and `owner_id`, by table."""
    keys = {name: column for name, table in tables.items() if (column := _key(table)) is not None}
    for _, table in sorted(tables.items()):
        known = {column for key in table.foreign_keys for column in key.columns}
        for column in table.columns:
            if column.name not in known and (column.name,) != table.primary_key:
                found = _likely(table, column, keys)
                if found is not None:
                    yield found


def _key(table: Table) -> Column | None:
    return table.column(table.primary_key[0]) if len(table.primary_key) == 1 else None


def _likely(
    table: Table, column: Column, keys: Mapping[RelationName, Column]
) -> LikelyReference | None:
    *of, last = words(column.name) or ("",)
    if not of:
        return None
    if last in ("id", "uuid"):
        type_column = _type_column(table, of)
        if type_column is not None:
            return LikelyReference(table.name, column.name, type_column=type_column)
        other = _named(table.name, of, column.base_type, keys)
        return None if other is None else LikelyReference(table.name, column.name, other)
    if last in ("ids", "uuids") and column.base_type.endswith(_ARRAY):
        other = _named(table.name, of, column.base_type.removesuffix(_ARRAY), keys)
        if other is not None:
            return LikelyReference(table.name, column.name, other, elements=True)
    return None


def _type_column(table: Table, of: list[str]) -> str | None:
    """Return the column beside it that says which table is meant, as `owner_type` does."""
    for column in table.columns:
        if list(words(column.name)) == [*of, "type"] and column.base_type.endswith(_TEXTS):
            return column.name
    return None


def _named(
    own: RelationName, of: list[str], base_type: str, keys: Mapping[RelationName, Column]
) -> RelationName | None:
    """Return the table that is called so, or as the end of it; one of the same schema if there is.

    `assigned_user_id` may mean a row of `user` as well as one of `assigned_user`.
    """
    for start in range(len(of)):
        wanted = stem("_".join(of[start:]))
        found = [
            name
            for name, key in keys.items()
            if stem(name.name) == wanted and key.base_type == base_type
        ]
        if found:
            return min(found, key=lambda name: (name.schema != own.schema, name))
    return None
