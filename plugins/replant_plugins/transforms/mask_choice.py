"""Reads the kind of a mask as the configuration writes it: `email`, `date:30`, `constant:x`."""

from __future__ import annotations

import re

from attrs import frozen

from replant.model.names import did_you_mean
from replant_plugins.transforms.mask_kinds import DATE, KEEP, KEYED

#: Kinds in SQL, with what stands behind the colon; empty for nothing.
_IN_SQL = {"null": "", "constant": "value", "keep-first": "count", "keep-last": "count"}

#: What stands behind the colon of each kind; `keep` masks nothing.
KINDS = {KEEP: "", **_IN_SQL, **{name: kind.argument for name, kind in KEYED.items()}}

#: Those that are a part of the value or noise, in whole numbers, and the greatest of these.
_GREATEST = {"count": 1000, "days": 36500, "percent": 100}

#: Between the days of a date and the columns that say whose it is.
_PER = re.compile(r" per\b")


@frozen
class MaskChoice:
    """A kind of mask, with what stands behind its colon; a number is 0 where none does.

    Attributes:
        kind: its name.
        value: as it is written.
        number: the number of characters, days or percent.
        per: the columns that say whose a date is, where they are named.

    """

    kind: str
    value: str = ""
    number: int = 0
    per: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> MaskChoice:
        """Read a kind.

        Raises:
            ValueError: there is no such kind, or its argument is missing or wrong.

        """
        kind, colon, value = text.partition(":")
        if kind not in KINDS:
            meant = did_you_mean(kind, list(KINDS), " did you mean {!r}?")
            raise ValueError(f"no kind of mask is {kind!r};{meant} known are: {', '.join(KINDS)}")
        wanted = KINDS[kind]
        if not wanted and colon:
            raise ValueError(f"the kind {kind!r} takes nothing behind it; write {kind!r}")
        if wanted and not colon:
            raise ValueError(f"the kind {kind!r} needs its {wanted}: '{kind}:{wanted.upper()}'")
        if wanted not in _GREATEST:
            return cls(kind, value)
        value, *named = _PER.split(value, maxsplit=1) if kind == DATE else (value,)
        per = tuple(name.strip() for name in ",".join(named).split(",")) if named else ()
        if "" in per:
            raise ValueError("a date is shifted per one or more columns: 'date:30 per tenant_id'")
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= _GREATEST[wanted]):
            most = _GREATEST[wanted]
            raise ValueError(
                f"the {wanted} of {kind!r} must be a number from 1 to {most}, as in '{kind}:10'"
            )
        return cls(kind, value, int(value), per)

    def __str__(self) -> str:
        """Write the kind, without the value of a constant."""
        per = f" per {', '.join(self.per)}" if self.per else ""
        return f"{self.kind}:{self.number}{per}" if self.number else self.kind


def spreads(choice: MaskChoice) -> bool:
    """Tell whether the mask is made from the value, so that it can keep references together."""
    return choice.kind in KEYED
