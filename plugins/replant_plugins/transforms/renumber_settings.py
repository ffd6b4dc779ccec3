"""The settings of the plugin `renumber`: how new keys are made, and expressions for columns."""

from __future__ import annotations

from attrs import field, frozen

from replant import ColumnPattern

NAME = "renumber"
PATH = f"plugins.{NAME}"


@frozen
class RenumberSettings:
    """`[plugins.renumber]`.

    Attributes:
        namespace: a uuid or any other text, from which new uuids are made.
        offset: is added to integer keys.
        start: integer keys begin with it instead; what lies between them stays.
        columns: an SQL expression over `value` by pattern of `schema.table.column`.

    """

    namespace: str | None = None
    offset: int | None = None
    start: int | None = None
    columns: dict[ColumnPattern, str] = field(factory=dict)
