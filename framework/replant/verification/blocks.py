"""Which parts of two tables differ: the blocks of both go in, ranges of the key come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from replant.sql.fingerprints import Block


@frozen
class Range:
    """A part of the artifact's rows in the order of their key, and the same part of a target's.

    Attributes:
        start: the place of the part's first row among the artifact's rows.
        stop: the place of the row behind the last one.
        low: the key with which the part begins in the target; None for the first one.
        high: the key before which it ends there; None for the last one.

    """

    start: int
    stop: int
    low: tuple[str, ...] | None
    high: tuple[str, ...] | None


def differing_ranges(exported: Sequence[Block], found: Sequence[Block]) -> Iterator[Range]:
    """Yield the parts in which rows differ.

    Where both sides have a block that begins with the same row, the rows before it are the same
    part on both sides: the key orders them, and each key is there once. So a part reaches from one
    such block to the next, and is equal if the counts and the sums of its blocks are.
    """
    common = {block.key for block in exported} & {block.key for block in found}
    mine, theirs = _parts(exported, common), _parts(found, common)
    if [key for key, *_ in mine] != [key for key, *_ in theirs]:
        # The two databases order the keys in different ways.
        yield Range(0, sum(block.row_count for block in exported), None, None)
        return
    merged: Range | None = None
    for (low, start, *own), (_, _, *other), high in zip(
        mine, theirs, [*(low for low, *_ in mine[1:]), None], strict=True
    ):
        count, _ = own
        if own == other:
            if merged is not None:
                yield merged
            merged = None
            continue
        begin = merged or Range(start, start, low, None)
        merged = Range(begin.start, start + count, begin.low, high)
    if merged is not None:
        yield merged


def _parts(
    blocks: Sequence[Block], common: set[tuple[str, ...]]
) -> list[tuple[tuple[str, ...] | None, int, int, int]]:
    """Join the blocks between those that begin a part: its key, first place, count and sum."""
    parts: list[tuple[tuple[str, ...] | None, int, int, int]] = [(None, 0, 0, 0)]
    place = 0
    for block in blocks:
        if block.key in common:
            parts.append((block.key, place, 0, 0))
        key, start, count, total = parts[-1]
        total = (total + block.fingerprint) % 2**64
        parts[-1] = (key, start, count + block.row_count, total)
        place += block.row_count
    return parts
