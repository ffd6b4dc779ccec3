"""Finds the tables that a closed set may begin with, by their names and by what references them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import frozen

from replant.model import RelationName, Table
from replant.proposal.excluded_tables import stem

#: Tables that people begin with, the likeliest first.
_BEGINNINGS = [
    "tenant",
    "organization",
    "organisation",
    "org",
    "company",
    "workspace",
    "account",
    "customer",
    "client",
    "patient",
    "member",
    "user",
    "person",
    "employee",
    "student",
    "project",
    "store",
    "shop",
    "order",
    "document",
]

#: A table that references nothing and has no more columns than this is taken for a list of terms.
_COLUMNS_OF_LIST = 3


@frozen
class RootTable:
    """A table to begin a closed set with.

    Attributes:
        key: its primary key.
        key_in_sql: the same as SQL takes it.
        referencing: how many tables reference it, directly or through others.

    """

    name: RelationName
    key: str
    base_type: str
    referencing: int
    key_in_sql: str | None = None


def root_tables(tables: Mapping[RelationName, Table]) -> tuple[RootTable, ...]:
    """Return the tables that a closed set may begin with, the likeliest first.

    A table with the name of something that people begin with comes before any other; of others the
    one to which most tables lead, unless it is a list of terms.
    """
    below, above = _numbers_below_and_above(tables)
    found = []
    for name, table in tables.items():
        column = table.column(table.primary_key[0]) if len(table.primary_key) == 1 else None
        if column is not None and below[name]:
            found.append(RootTable(name, column.name, column.base_type, below[name]))
    return tuple(
        sorted(
            found,
            key=lambda root: (
                _likelihood(root.name),
                _is_list(tables[root.name]),
                -root.referencing,
                above[root.name],
                root.name,
            ),
        )
    )


def _numbers_below_and_above(
    tables: Mapping[RelationName, Table],
) -> tuple[Counter[RelationName], Counter[RelationName]]:
    """Count the tables that reference each table, directly or through others; and it these."""
    referencing: dict[RelationName, set[RelationName]] = {name: set() for name in tables}
    for name, table in tables.items():
        for key in table.foreign_keys:
            if key.references in tables:
                referencing[key.references].add(name)
    below, above = Counter[RelationName](), Counter[RelationName]()
    for name in tables:
        # Not kept: of thousands of tables, most of which lead to each other, that were millions.
        found = _descendants(referencing, name)
        below[name] = len(found)
        above.update(found)
    return below, above


def _descendants(
    referencing: Mapping[RelationName, set[RelationName]], name: RelationName
) -> set[RelationName]:
    found: set[RelationName] = set()
    new = {name}
    while new := {other for one in new for other in referencing[one]} - found:
        found |= new
    return found - {name}


def _likelihood(name: RelationName) -> int:
    last = stem(name.name).rsplit("_", 1)[-1]
    return _BEGINNINGS.index(last) if last in _BEGINNINGS else len(_BEGINNINGS)


def _is_list(table: Table) -> bool:
    return not table.foreign_keys and len(table.columns) <= _COLUMNS_OF_LIST
