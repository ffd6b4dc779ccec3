"""Shifts dates: those of one owner by the same number of days, so that what lies between stays."""

from __future__ import annotations

import json

from attrs import field, frozen

from replant.model import Text
from replant_plugins.transforms.array_elements import changed_text
from replant_plugins.transforms.keyed_hash import KeyedHash
from replant_plugins.transforms.mask_values import shift_of, shifted_date


def with_owner(owner: str) -> str:
    """Compose the SQL of what is given to a mask of dates: the value, and whose it is.

    Args:
        owner: the SQL of the owner, a text.

    """
    return (
        "CASE WHEN pg_catalog.num_nulls(value) = 0 THEN CAST(pg_catalog.json_build_array("
        f"pg_catalog.format('%s', value), {owner}) AS text) END"
    )


def value_and_owner(text: str) -> tuple[str, str]:
    """Read what `with_owner` composes."""
    value, owner = json.loads(text)
    return value, owner


@frozen
class ShiftedDates:
    """Shifts a date, or each of an array, by a distance that its owner has.

    Attributes:
        key: computes the keyed hash.
        days: the greatest distance.
        in_array: whether the text is that of an array.

    """

    key: KeyedHash = field(repr=False)
    days: int
    in_array: bool = False

    def __call__(self, text: Text) -> Text:
        """Return the mask of what `with_owner` gives; NULL stays NULL."""
        if text is None:
            return None
        value, owner = value_and_owner(text)
        shift = ShiftedDate(shift_of(owner, self.key, self.days))
        return changed_text(value, shift, in_array=self.in_array)


@frozen
class ShiftedDate:
    """Shifts a date by so many days."""

    distance: int

    def __call__(self, text: str) -> str:
        """Return the date as PostgreSQL writes it."""
        return shifted_date(text, self.distance)
