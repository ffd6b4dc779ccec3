"""The settings of the plugin `renumber`: how new keys are made, and expressions for columns."""

from __future__ import annotations

from attrs import field, frozen

from replant.config.read_settings import structured
from replant.model import Settings

NAME = "renumber"
PATH = f"plugins.{NAME}"


@frozen
class RenumberSettings:
    """`[plugins.renumber]`.

    Attributes:
        namespace: a uuid or any other text, from which new uuids are made.
        offset: is added to integer keys.
        columns: an SQL expression over `value` by pattern of `schema.table.column`.

    """

    namespace: str | None = None
    offset: int | None = None
    columns: dict[str, str] = field(factory=dict)


def renumber_settings(settings: Settings) -> RenumberSettings | None:
    """Read `[plugins.renumber]`; None if it is not there.

    Raises:
        ConfigurationError: it has an unknown key or a wrong value.

    """
    if NAME not in settings.plugins.settings:
        return None
    return structured(settings.plugins.settings[NAME], RenumberSettings, PATH)
