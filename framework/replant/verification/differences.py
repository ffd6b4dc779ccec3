"""How a row differs, and the result of the comparison of a table: values that print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum

from attrs import field, frozen

from replant.model import RelationName, Text, readable

#: How many differing rows of a table are shown, so that a message stays readable.
SHOWN = 10

#: Of a long value this many characters are shown, beginning so many before the difference.
_LONGEST, _CONTEXT = 60, 20

Key = tuple[Text, ...]


class RowDifferenceKind(Enum):
    """How a row differs."""

    MISSING = "is missing in the target"
    CHANGED = "holds other values"
    ADDITIONAL = "is in the target only"


@frozen
class ValueDifference:
    """A value that differs, as the texts of its type's output function; None for NULL."""

    column: str
    exported: Text
    found: Text

    def __str__(self) -> str:
        """For people: both texts, from where they begin to differ if they are long."""
        mine, theirs = visible(self.exported), visible(self.found)
        pairs = enumerate(zip(mine, theirs, strict=False))
        differ = (place for place, (one, other) in pairs if one != other)
        start = max(0, next(differ, min(len(mine), len(theirs))) - _CONTEXT)
        return (
            f"{readable(self.column)} is {_shortened(theirs, start)}, exported was "
            f"{_shortened(mine, start)}"
        )


@frozen
class RowDifference:
    """A row that differs: by its key's texts, or by its whole text where there is no key."""

    kind: RowDifferenceKind
    key: str
    values: tuple[ValueDifference, ...] = ()

    def __str__(self) -> str:
        """One line."""
        if self.kind is not RowDifferenceKind.CHANGED:
            return f"{self.key} {self.kind.value}"
        return f"{self.key}: {'; '.join(map(str, self.values))}"


def told_one_way(
    reasons: Iterable[tuple[RelationName, str]], place: str = "the target"
) -> list[str]:
    """Name the tables in which rows that only one place has were not looked for, by the reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons:
        if reason:
            by_reason.setdefault(reason, []).append(str(name))
    return [
        f"rows that only {place} has were not looked for in {', '.join(names)}: {reason}"
        for reason, names in by_reason.items()
    ]


@frozen
class TableResult:
    """The result of the comparison of one table.

    Attributes:
        exported: how many rows the artifact holds.
        found: how many of the selected rows the target holds.
        differences: the first rows that differ.
        counts: how many rows differ, by kind.
        unseen: what would let the role see the rows, if it cannot; nothing was compared then.
        one_way: why rows that only the target has were not looked for; empty where they were.

    """

    name: RelationName
    exported: int
    found: int
    differences: tuple[RowDifference, ...] = ()
    counts: Mapping[RowDifferenceKind, int] = field(factory=dict)
    unseen: str = ""
    one_way: str = ""

    @property
    def count(self) -> int:
        """How many rows differ in all."""
        return sum(self.counts.values())

    @property
    def equal(self) -> bool:
        """Whether the target's rows are known to be those that were exported."""
        return self.count == 0 and not self.unseen


@frozen
class DifferenceList:
    """The differences of a table while they are found: the first of them, and their number."""

    table: RelationName
    key_columns: tuple[str, ...]
    shown: list[RowDifference] = field(factory=list)
    counts: Counter[RowDifferenceKind] = field(factory=Counter)

    def add(
        self, kind: RowDifferenceKind, key: Key, values: tuple[ValueDifference, ...] = ()
    ) -> None:
        """Note a row by its key."""
        pairs = zip(self.key_columns, key, strict=True)
        self.add_shown(
            kind, lambda: ", ".join(f"{readable(n)} = {visible(v)}" for n, v in pairs), values
        )

    def add_changed(self, key: Key, names: tuple[str, ...], exported: Key, found: Key) -> None:
        """Note a row if any of its values differ."""
        differing = tuple(
            ValueDifference(name, mine, theirs)
            for name, mine, theirs in zip(names, exported, found, strict=True)
            if mine != theirs
        )
        if differing:
            self.add(RowDifferenceKind.CHANGED, key, differing)

    def add_shown(
        self,
        kind: RowDifferenceKind,
        show: Callable[[], str],
        values: tuple[ValueDifference, ...] = (),
    ) -> None:
        """Note a row by any text; `show` gives it if it is among the first."""
        self.counts[kind] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(RowDifference(kind, show(), values))

    def result(self, exported: int, found: int, one_way: str = "") -> TableResult:
        """Return the result of the comparison."""
        counts = {kind: self.counts[kind] for kind in RowDifferenceKind if self.counts[kind]}
        return TableResult(self.table, exported, found, tuple(self.shown), counts, one_way=one_way)


def visible(value: Text) -> str:
    """Return a value on one line, for people."""
    if value is None:
        return "NULL"
    return value if value.isprintable() else repr(value)


def _shortened(text: str, start: int) -> str:
    shown = text[start : start + _LONGEST]
    before = "…" if start else ""
    after = "…" if len(text) > start + _LONGEST else ""
    return f"{before}{shown}{after}"
