"""The plugin `renumber`: gives owned rows new keys, so that they can stand beside the old ones.

The references to these rows change with them. It does nothing without `[plugins.renumber]`.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import frozen

from replant.model import Catalog, Column, ExportedTables, Settings, Table, Transform
from replant.plugins.hookspecs import hookimpl
from replant_plugins.transforms.renumber_settings import NAME, RenumberSettings

SETTINGS = RenumberSettings


@hookimpl
def transform_value(
    table: Table,
    column: Column,
    catalog: Catalog,
    settings: RenumberSettings,
    configuration: Settings,
    exported: ExportedTables,
) -> Transform | None:
    """Return what makes the new values of a column, or None for one that stays as it is."""
    if NAME not in configuration.plugins.settings or table.name not in exported.ownership:
        return None
    return _transforms(_PlanRequest(catalog, exported, settings)).get((table.name, column.name))


@frozen(eq=False)
class _PlanRequest:
    """What the new values follow from; one plan asks with the same objects for every column."""

    catalog: Catalog
    exported: ExportedTables
    settings: RenumberSettings

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _PlanRequest)
            and self.catalog is other.catalog
            and self.exported is other.exported
            and self.settings == other.settings
        )

    def __hash__(self) -> int:
        return hash((id(self.catalog), id(self.exported)))


#: The transforms of one plan: they are looked up once per column, and found once.
@lru_cache(maxsize=1)
def _transforms(asked: _PlanRequest) -> dict[object, Transform]:
    # Few plans renumber.
    from replant_plugins.transforms.renumbered_columns import Renumbering  # noqa: PLC0415

    return dict(Renumbering(asked.catalog, asked.exported, asked.settings).transforms())
