"""Finds the rows by which two streams differ, by their bytes, while both pass.

Equal rows have equal bytes in the same form, so no row is taken apart that both sides have. A row
waits until its like comes by on the other side: of two streams in about the same order only those
rows are held that differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from replant.sql.row_forms import Rows


def differing_rows(left: Iterator[Rows], right: Iterator[Rows]) -> tuple[Rows, Rows]:
    """Return the rows of which one side has more than the other, first those of the left."""
    only_left: Counter[bytes] = Counter()
    only_right: Counter[bytes] = Counter()
    nothing: Rows = []
    for mine, theirs in zip_longest(left, right, fillvalue=nothing):
        if mine == theirs:
            continue
        own, other = Counter(mine), Counter(theirs)
        _settle(_without(mine, own, other), only_left, only_right)
        _settle(_without(theirs, other, own), only_right, only_left)
    return list(only_left.elements()), list(only_right.elements())


def _without(rows: Rows, own: Counter[bytes], other: Counter[bytes]) -> Sequence[bytes]:
    """Return the rows that the other side does not have as often, in their order."""
    if len(own) == len(rows) and len(other) == other.total():
        return [row for row in rows if row not in other]
    return list((own - other).elements())


def _settle(rows: Sequence[bytes], own: Counter[bytes], other: Counter[bytes]) -> None:
    """Let rows meet those that wait on the other side, or wait for them."""
    for row in rows:
        waiting = other.get(row, 0)
        if not waiting:
            own[row] += 1
        elif waiting == 1:
            del other[row]
        else:
            other[row] = waiting - 1
