"""Matches patterns of columns, such as `*.email`, against `schema.table.column`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from attrs import frozen

from replant.model.catalog import Catalog
from replant.model.checked import checked
from replant.model.names import RelationName, did_you_mean, nearest_name

_WILD = frozenset("*?[")


def matches_column(pattern: str, table: RelationName, column: str) -> bool:
    """Tell whether a pattern matches; `*` is any text, a dot too, and `?` any character."""
    return fnmatchcase(_written(table, column), pattern)


@frozen(order=True, field_transformer=checked)
class ColumnPattern:
    """A pattern of `schema.table.column`, as a plugin's settings have it.

    replant refuses one that matches no column, before a hook is asked.

    Attributes:
        text: as it is written; `*` is any text, a dot too, and `?` any character.

    """

    text: str

    @classmethod
    def parse(cls, text: str) -> ColumnPattern:
        """Read a pattern.

        Raises:
            ValueError: it is empty.

        """
        if not text:
            raise ValueError("is empty; a pattern is of schema.table.column, such as *.email")
        return cls(text)

    def __str__(self) -> str:
        """Write the pattern."""
        return self.text

    def matches(self, table: RelationName, column: str) -> bool:
        """Tell whether the pattern matches a column."""
        return matches_column(self.text, table, column)


def missing_protected(patterns: Iterable[str], catalog: Catalog) -> Iterator[tuple[int, str]]:
    """Yield which patterns of columns to protect name one column, and match none, with the nearest.

    One with wildcards may be for columns that somebody adds later.
    """
    for place, text in enumerate(patterns):
        problem = None if _WILD & {*text} else missing_column(ColumnPattern(text), catalog)
        if problem is not None:
            yield place, problem


def missing_column(pattern: ColumnPattern, catalog: Catalog) -> str | None:
    """Say that a pattern matches no column, with the nearest one that does; None if one matches."""
    columns = [
        (table.name, column.name) for table in catalog.tables.values() for column in table.columns
    ]
    if any(pattern.matches(table, column) for table, column in columns):
        return None
    return f"matches no column; a pattern is of schema.table.column{_near(pattern.text, columns)}"


def _near(pattern: str, columns: Iterable[tuple[RelationName, str]]) -> str:
    """Ask for the nearest pattern that matches: with another column, table, or both."""
    head, dot, name = pattern.rpartition(".")
    names = [(f"{table.schema}.{table.name}", column) for table, column in columns]
    if dot and not _WILD & {*name}:
        below = {column for table, column in names if fnmatchcase(table, head)}
        near = nearest_name(name, sorted(below))
        if near is not None:
            return f"; did you mean {head}.{near}?"
    if dot and not _WILD & {*head}:
        with_it = {table for table, column in names if fnmatchcase(column, name)}
        near = nearest_name(head, sorted(with_it))
        return f"; did you mean {near}.{name}?" if near is not None else ""
    return did_you_mean(pattern, sorted(f"{table}.{column}" for table, column in names))


def _written(table: RelationName, column: str) -> str:
    return f"{table.schema}.{table.name}.{column}"
