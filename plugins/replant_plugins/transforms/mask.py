"""The plugin `mask`: replaces personal values by others, the same for the same value everywhere.

Which column gets which kind of mask is set by `[[tables]] mask`, by patterns and by types.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import frozen

from replant.model import Catalog, Column, ExportedTables, Settings, Table, TableSettings, Transform
from replant.plugins.hookspecs import hookimpl
from replant_plugins.transforms.mask_settings import MaskSettings

SETTINGS = MaskSettings


@hookimpl
def transform_value(
    table: Table,
    column: Column,
    catalog: Catalog,
    settings: MaskSettings,
    configuration: Settings,
    exported: ExportedTables,
) -> Transform | None:
    """Return the mask of a column, or None for one that stays as it is."""
    if not (settings.columns or settings.types or any(t.mask for t in configuration.tables)):
        return None
    asked = _Asked(catalog, settings, configuration.tables, exported)
    return _masks(asked).get((table.name, column.name))


@frozen(eq=False)
class _Asked:
    """What the masks follow from; one plan asks with the same objects for every column."""

    catalog: Catalog
    settings: MaskSettings
    tables: tuple[TableSettings, ...]
    exported: ExportedTables

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Asked)
            and self.catalog is other.catalog
            and self.settings is other.settings
            and self.tables is other.tables
            and self.exported is other.exported
        )

    def __hash__(self) -> int:
        return hash((id(self.catalog), id(self.settings), id(self.exported)))


#: The masks of one plan: they are looked up once per column, and found once.
@lru_cache(maxsize=1)
def _masks(asked: _Asked) -> dict[object, Transform]:
    # Few plans mask anything, and this is most of the plugin.
    from replant_plugins.transforms.masked_columns import masks_of  # noqa: PLC0415

    return dict(masks_of(asked.catalog, asked.settings, asked.tables, asked.exported))
