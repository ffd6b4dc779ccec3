"""Finds the rows by which two streams differ, by their bytes, while both pass.

Equal rows have equal bytes in the same form, so no row is taken apart that both sides have. Of two
streams in the same order each row stands beside its like, and most pairs are compared and let go. A
row without its like waits until that comes by on the other side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from replant.sql.row_forms import Rows

Neighbours = list[bytes]


def differing_rows(left: Iterator[Rows], right: Iterator[Rows]) -> tuple[Rows, Rows]:
    """Return the rows of which one side has more than the other, first those of the left."""
    only_left: Counter[bytes] = Counter()
    only_right: Counter[bytes] = Counter()
    for mine, theirs in _unlike(left, right):
        _settle(mine, only_left, only_right)
        _settle(theirs, only_right, only_left)
    return list(only_left.elements()), list(only_right.elements())


def _unlike(left: Iterator[Rows], right: Iterator[Rows]) -> Iterator[tuple[Neighbours, Neighbours]]:
    """Yield the rows that do not stand beside their like, with what stands there."""
    mine, theirs = _next(left), _next(right)
    while mine and theirs:
        length = min(len(mine), len(theirs))
        end, other_end = length, length
        pairs = [pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]]
        if len(pairs) > length // 2:
            end, other_end = _last_in_common(mine[:length], theirs[:length])
            yield _without_common(mine[:end], theirs[:other_end])
        elif pairs:
            yield [row for row, _ in pairs], [row for _, row in pairs]
        mine = mine[end:] or _next(left)
        theirs = theirs[other_end:] or _next(right)
    while mine or theirs:
        yield mine, theirs
        mine, theirs = _next(left), _next(right)


def _next(batches: Iterator[Rows]) -> Neighbours:
    """Return the next batch that has rows; nothing if there is none."""
    return list(next((rows for rows in batches if rows), ()))


def _last_in_common(mine: Neighbours, theirs: Neighbours) -> tuple[int, int]:
    """Return the ends of both behind the last row that both have; it puts them in step again.

    Where that is far from the end, they are in different orders, and nothing does.
    """
    places = {row: place for place, row in enumerate(theirs)}
    for place in reversed(range(len(mine) // 2, len(mine))):
        other = places.get(mine[place], -1)
        if other >= len(theirs) // 2:
            return place + 1, other + 1
    return len(mine), len(theirs)


def _without_common(mine: Neighbours, theirs: Neighbours) -> tuple[Neighbours, Neighbours]:
    """Return the rows of which the other side has fewer."""
    own, other = Counter(mine), Counter(theirs)
    return list((own - other).elements()), list((other - own).elements())


def _settle(rows: Neighbours, own: Counter[bytes], other: Counter[bytes]) -> None:
    """Let rows meet those that wait on the other side, or wait for them."""
    for row in rows:
        waiting = other.get(row, 0)
        if not waiting:
            own[row] += 1
        elif waiting == 1:
            del other[row]
        else:
            other[row] = waiting - 1
