"""The configuration as one frozen tree; `replant.config` makes it from TOML and options."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from replant.model.names import RelationName


class Dangling(Enum):
    """What to do with a row that references a row which is not exported."""

    FAIL = "fail"
    LEAVE_OUT = "leave-out"
    EXPORT = "export"


@frozen
class TableSettings:
    """Changes to one registered table.

    Attributes:
        where: an SQL predicate over the table's columns that its rows must satisfy as well.
        omit: the columns left to their default, in place of the plugin's own list.
        dangling: overrides the setting of the export for this table.

    """

    name: RelationName
    where: str | None = None
    omit: tuple[str, ...] | None = None
    dangling: Dangling | None = None


@frozen
class ExportSettings:
    """How an export is made and where it goes.

    Attributes:
        output: a path, or `-` for standard output; None when it was not said.
        strategy: the name of the strategy that orders the load.
        format: `insert`, or the name of a format that a plugin renders.
        dangling: what to do with rows that reference rows outside the export.
        allow_empty: whether an export without a row is wanted.

    """

    output: str | None = None
    strategy: str = "ordered"
    format: str = "insert"
    dangling: Dangling = Dangling.FAIL
    allow_empty: bool = False


@frozen
class PluginSettings:
    """Which plugins are asked, in which order, and what each is told.

    Attributes:
        enable: names in the order of their value transforms; None for those of replant itself.
        settings: the sub-table of each plugin, by name.

    """

    enable: tuple[str, ...] | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(factory=dict)


@frozen
class Settings:
    """Everything a command may need to know.

    Attributes:
        source: connection string of the source; None leaves it to libpq's own variables.
        target: connection string of the target; None likewise.
        scope: the named values that say whose rows are exported.

    """

    source: str | None = None
    target: str | None = None
    scope: Mapping[str, str] = field(factory=dict)
    export: ExportSettings = field(factory=ExportSettings)
    plugins: PluginSettings = field(factory=PluginSettings)
    tables: tuple[TableSettings, ...] = ()
