"""Finds the column that says to whom a row belongs, by its name and by foreign keys."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from attrs import frozen

from replant.model import Column, RelationName, Table
from replant.proposal.excluded_tables import stem, words

#: What the rows of most databases belong to, if their tables have a column of that name.
_OWNERS = frozenset(
    ["tenant", "account", "organization", "organisation", "org", "company", "workspace", "database"]
)

#: In what share of the tables a column must stand, and in how many at least.
_SHARE_OF_OWNER, _LEAST_OF_OWNER = 0.25, 2
_SHARE_OF_ANY, _LEAST_OF_ANY = 0.5, 3
_SHARE_NOT_NULL = 0.8

#: In what share of the tables with foreign keys a column must reference one and the same table, to
#: be a better sign than any name; and what such columns are called that say who did something.
_SHARE_OF_REFERENCES = 0.75
_AUTHORS = frozenset(["by", "author", "creator", "editor"])


@frozen
class ScopeColumn:
    """A column that says whose a row is.

    Attributes:
        holders: the tables that have it.
        nullable: those of them where it may be NULL.
        references: the table whose key it holds.
        key: the column of that key.
        everywhere: whether nearly all tables reference that table by it.

    """

    name: str
    base_type: str
    holders: tuple[RelationName, ...]
    nullable: tuple[RelationName, ...] = ()
    references: RelationName | None = None
    key: str | None = None
    everywhere: bool = False


def scope_columns(tables: Mapping[RelationName, Table]) -> tuple[ScopeColumn, ...]:
    """Return the columns that may say to whom a row belongs, the likeliest first."""
    holders: defaultdict[str, list[tuple[Table, Column]]] = defaultdict(list)
    for table in tables.values():
        for column in table.columns:
            holders[column.name].append((table, column))
    found = [_scope_column(tables, name, held) for name, held in sorted(holders.items())]
    standing = [column for column in found if column is not None]
    return tuple(
        sorted(
            standing,
            key=lambda c: (
                not c.everywhere,
                not _is_owner(c.name),
                -len(c.holders),
                len(c.nullable),
                c.name,
            ),
        )
    )


def _scope_column(
    tables: Mapping[RelationName, Table], name: str, held: list[tuple[Table, Column]]
) -> ScopeColumn | None:
    ((base_type, _),) = Counter(column.base_type for _, column in held).most_common(1)
    alike = [(table, column) for table, column in held if column.base_type == base_type]
    everywhere = _referenced_everywhere(tables, name, alike)
    references = everywhere or _referenced(tables, name, base_type, alike)
    owner = _is_owner(name)
    share, least = (_SHARE_OF_OWNER, _LEAST_OF_OWNER) if owner else (_SHARE_OF_ANY, _LEAST_OF_ANY)
    required = sum(1 for _, column in alike if column.not_null)
    if (
        (references is None and not owner)
        or len(alike) < max(least, share * len(tables))
        or required < _SHARE_NOT_NULL * len(alike)
    ):
        return None
    return ScopeColumn(
        name=name,
        base_type=base_type,
        holders=tuple(table.name for table, _ in alike),
        nullable=tuple(table.name for table, column in alike if not column.not_null),
        references=references,
        key=tables[references].primary_key[0] if references is not None else None,
        everywhere=everywhere is not None,
    )


def _referenced_everywhere(
    tables: Mapping[RelationName, Table], name: str, held: list[tuple[Table, Column]]
) -> RelationName | None:
    """Return the table that nearly all tables reference by a column of this name."""
    if _AUTHORS.intersection(words(name)):
        return None
    for other, number in _references(tables, name, held).most_common(1):
        referencing = sum(1 for n, table in tables.items() if table.foreign_keys and n != other)
        few = number < max(_LEAST_OF_ANY, _SHARE_OF_REFERENCES * referencing)
        if not few and len(tables[other].primary_key) == 1:
            return other
    return None


def _referenced(
    tables: Mapping[RelationName, Table],
    name: str,
    base_type: str,
    held: list[tuple[Table, Column]],
) -> RelationName | None:
    """Return the table after which the column is named, if its key is one column of this type."""
    referenced = _references(tables, name, held)
    named = [other for other in tables if stem(other.name) == _of(name)]
    for other in (*(name for name, _ in referenced.most_common()), *sorted(named)):
        key = tables[other].primary_key
        column = tables[other].column(key[0]) if len(key) == 1 else None
        if column is None or column.base_type != base_type:
            continue
        if f"_{stem(other.name)}".endswith(f"_{_of(name)}") or _is_owner(name):
            return other
    return None


def _references(
    tables: Mapping[RelationName, Table], name: str, held: list[tuple[Table, Column]]
) -> Counter[RelationName]:
    """Count the foreign keys on the column alone, by the table that they lead to."""
    return Counter(
        key.references
        for table, _ in held
        for key in table.foreign_keys
        if key.columns == (name,) and key.references in tables
    )


def _of(name: str) -> str:
    """Return what an identifier identifies: `tenant` for `tenant_id`, `tenantId` and `tenant`."""
    found = words(name)
    return "_".join(found[:-1] if len(found) > 1 and found[-1] in {"id", "uuid", "key"} else found)


def _is_owner(name: str) -> bool:
    return _of(name) in _OWNERS and _of(name) != "_".join(words(name))
