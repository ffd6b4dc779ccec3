"""Matches patterns of columns, such as `*.email`, against `schema.table.column`."""

from __future__ import annotations

from fnmatch import fnmatchcase

from replant.model.names import RelationName


def matches_column(pattern: str, table: RelationName, column: str) -> bool:
    """Tell whether a pattern matches; `*` is any text, a dot too, and `?` any character."""
    return fnmatchcase(f"{table.schema}.{table.name}.{column}", pattern)
