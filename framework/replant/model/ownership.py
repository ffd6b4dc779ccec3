"""Defines whose rows are exported: owned rows, and rows that owned rows share with others.

Owned are the rows that were asked for: those that a scope, a predicate or a root chooses, and those
that were reached downward from owned rows. Shared are the rows that are included only because other
rows reference them, such as the country of a customer. A row that came both ways is owned.
"""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from replant.model.checked import checked
from replant.model.conditions import RowsAt


class Ownership(Enum):
    """What the rows of a table are."""

    #: All of them are owned.
    OWNED = "owned"
    #: All of them are shared.
    SHARED = "shared"
    #: Each is owned or shared by the way in which it came into the closed set.
    EACH = "each"


@frozen(field_transformer=checked)
class SharedRows:
    """Which rows of an exported table are shared.

    Attributes:
        ownership: what the rows of the table are.
        row_count: how many rows are shared.
        rows: where they are in the snapshot of the plan, if it is decided for each.

    """

    ownership: Ownership = Ownership.OWNED
    row_count: int = 0
    rows: RowsAt = field(factory=lambda: RowsAt(()))
