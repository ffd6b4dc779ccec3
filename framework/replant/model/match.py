"""Defines by which columns rows are met that a target has under another key."""

from __future__ import annotations

from attrs import field, frozen

from replant.model.checked import checked, named


@frozen(field_transformer=checked)
class Match:
    """A unique key beside that which identifies the rows.

    Attributes:
        columns: its columns.
        owned: whether owned rows are met by it too, and not only shared ones.

    """

    columns: tuple[str, ...] = field(validator=named)
    owned: bool = False
