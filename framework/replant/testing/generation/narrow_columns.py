"""Finds the columns whose values must fit narrower columns, as those reference them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from replant.model import ForeignKey, RelationName, Table

_INTEGERS = ("smallint", "integer", "bigint")
_TEXT = re.compile(r"text|character varying(?:\((\d+)\))?")


def narrow_types(
    tables: Mapping[RelationName, Table], keys: Iterable[ForeignKey]
) -> dict[tuple[RelationName, str], str]:
    """Return the type to draw values of, for each column that a narrower one references.

    An `integer` that a `smallint` references holds no value that the reference could not. What
    references the narrower column in turn counts as well.
    """
    ends = [
        ((key.references, other), (key.table, own))
        for key in keys
        for own, other in zip(key.columns, key.referenced_columns, strict=True)
    ]
    types = {
        (name, column.name): column.type
        for name, table in tables.items()
        for column in table.columns
    }
    found: dict[tuple[RelationName, str], str] = {}
    narrowed = True
    while narrowed:
        narrowed = False
        for referenced, own in ends:
            wanted = found.get(own, types[own])
            if _is_narrower(wanted, found.get(referenced, types[referenced])):
                found[referenced] = wanted
                narrowed = True
    return found


def _is_narrower(one: str, other: str) -> bool:
    if one in _INTEGERS and other in _INTEGERS:
        return _INTEGERS.index(one) < _INTEGERS.index(other)
    lengths = [_TEXT.fullmatch(type_) for type_ in (one, other)]
    if lengths[0] is None or lengths[1] is None or lengths[0][1] is None:
        return False
    return lengths[1][1] is None or int(lengths[0][1]) < int(lengths[1][1])
