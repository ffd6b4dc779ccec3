"""Defines samples: a share of rows, or a number of them, that is the same each time."""

from __future__ import annotations

import re
from decimal import Decimal

from attrs import frozen

from replant.model.checked import checked

_SHARE = re.compile(r"(\d{1,2}(?:\.\d{1,6})?)%")
_COUNT = re.compile(r"[1-9]\d{0,8}")
_HUNDRED = 100


@frozen(field_transformer=checked)
class Sample:
    """Which of several rows are taken: those whose keyed hash of the primary key is smallest.

    So it is the same on every day and host, and rows that are added hardly change it.

    Attributes:
        amount: a share such as `5%`, or a number such as `500`.
        seed: the key of the hash; another seed gives another sample.

    """

    amount: str
    seed: str = "1"

    @classmethod
    def of(cls, amount: str | int) -> Sample:
        """Read `5%`, `0.1%` or a number.

        Raises:
            ValueError: it is neither, or a share of nothing.

        """
        text = str(amount).strip()
        share = _SHARE.fullmatch(text)
        if share and Decimal(share[1]) > 0:
            return cls(f"{Decimal(share[1]).normalize():f}%")
        if isinstance(amount, bool) or not _COUNT.fullmatch(text):
            raise ValueError(f"must be a share such as '5%', or a number of rows, not {amount!r}")
        return cls(text)

    def __str__(self) -> str:
        """Write the sample for people."""
        return f"a sample of {self.amount} by the seed {self.seed}"

    @property
    def count(self) -> int | None:
        """How many rows; None for a share."""
        return None if self.amount.endswith("%") else int(self.amount)

    @property
    def share(self) -> Decimal | None:
        """Which part of the rows, from 0 to 1; None for a number."""
        return None if self.count is not None else Decimal(self.amount[:-1]) / _HUNDRED
