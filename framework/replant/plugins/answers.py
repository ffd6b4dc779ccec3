"""Defines what plugins answered: each answer with the plugin that gave it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from replant.model import Registration, RelationName, RowFormat, Transform


@frozen
class Registered:
    """A registration, with the plugin that made it."""

    plugin: str
    registration: Registration


@frozen
class RegisteredTables:
    """What all plugins say of the tables to export.

    Attributes:
        registered: the registrations, sorted by table.
        excluded: for each table that is left out by the settings of a plugin, the setting.

    """

    registered: tuple[Registered, ...] = ()
    excluded: Mapping[RelationName, str] = field(factory=dict)


@frozen
class Transforming:
    """A step in the chain of a column's transforms, with the plugin that gave it."""

    plugin: str
    transform: Transform


@frozen
class Rendering:
    """How rows of a table are rendered, with the plugin that said so."""

    plugin: str
    row_format: RowFormat
