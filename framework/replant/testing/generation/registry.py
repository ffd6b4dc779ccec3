"""Defines the registry: what a catalog does not say of tables and rows are drawn by.

A plugin's author writes it once, and everything that draws rows for the plugin's tables takes it.
Needs the package `hypothesis`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import entry_points

from attrs import field, frozen
from hypothesis.strategies import SearchStrategy

from replant.errors import PluginError
from replant.model import RelationName
from replant.plugins.discovery import entry_distribution, load_entry
from replant.testing.generation.values import Values
from replant.testing.rows import Row

#: The entry points by which a distribution offers registries, named as its plugins are.
GROUP = "replant.registries"

#: The values of a type or a column: a strategy of texts, or one that also knows which are equal.
GivenValues = Values | SearchStrategy[str]

#: Whether a table takes a row, as far as the row itself says.
Accept = Callable[[Row], bool]

#: A column of a table.
Cell = tuple[RelationName, str]


@frozen
class Registry:
    """What only the author of a schema knows of its rows.

    Attributes:
        types: the values of types, by the name that `format_type` gives under an empty
            search path, such as `public.email`. They come before what the catalog says.
        columns: the values of single columns, in place of those of their type.
        unique: column lists that are unique although the catalog has no such key, by table.
        accept: whether a row is one that the table takes, by table.

    """

    types: Mapping[str, GivenValues] = field(factory=dict)
    columns: Mapping[Cell, GivenValues] = field(factory=dict)
    unique: Mapping[RelationName, Sequence[Sequence[str]]] = field(factory=dict)
    accept: Mapping[RelationName, Accept] = field(factory=dict)

    def __or__(self, other: Registry) -> Registry:
        """Both together; where they speak of the same type, column or table, the other's word."""
        return Registry(
            types={**self.types, **other.types},
            columns={**self.columns, **other.columns},
            unique={**self.unique, **other.unique},
            accept={**self.accept, **other.accept},
        )


def offered(plugins: Iterable[str]) -> Registry:
    """Return what the installed distributions say of their tables' rows, all together.

    Raises:
        PluginError: a registry cannot be imported, or is none.

    """
    names = set(plugins)
    together = Registry()
    for entry in sorted(entry_points(group=GROUP)):
        if entry.name not in names:
            continue
        found = load_entry(entry, "the registry")
        if not isinstance(found, Registry):
            raise PluginError(
                f"the registry {entry.name!r} ({entry_distribution(entry)}) is not a Registry, but "
                f"{type(found).__name__}: {entry.value}; repair or uninstall its distribution"
            )
        together |= found
    return together
