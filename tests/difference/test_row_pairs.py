"""Rows are paired by their key, and by their content without one, however they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from replant.difference.result import DifferingRow, Presence
from replant.difference.row_pairs import PairedRows, Row
from replant.sql.row_forms import COPY_ROWS

COLUMNS = ("id", "v")
KEYS = st.sampled_from("abcdefgh")
BY_KEY = st.dictionaries(KEYS, st.sampled_from("xyz"), max_size=8)
ROWS = st.lists(st.tuples(KEYS, st.sampled_from("xyz")), max_size=8)
CUTS = st.lists(st.integers(0, 3), max_size=5)


def taken_apart(line: bytes) -> Row:
    return COPY_ROWS.texts(line, len(COLUMNS))


def batches(rows: Sequence[tuple[str, str]], cuts: list[int]) -> Iterator[list[bytes]]:
    left = list(map(COPY_ROWS.row, rows))
    for cut in [*cuts, len(left)]:
        yield left[:cut]
        left = left[cut:]


def differing(
    key: tuple[str, ...],
    left: Sequence[tuple[str, str]],
    right: Sequence[tuple[str, str]],
    cuts: tuple[list[int], list[int]],
) -> list[DifferingRow]:
    found: list[DifferingRow] = []
    pairs = PairedRows[bytes](COLUMNS, key, (taken_apart, taken_apart))
    pairs.compare([batches(left, cuts[0]), batches(right, cuts[1])], found.append)
    return found


@given(left=BY_KEY, right=BY_KEY, shuffled=st.randoms(), cuts=st.tuples(CUTS, CUTS))
def test_by_a_key_each_row_has_one_like(
    left: dict[str, str],
    right: dict[str, str],
    shuffled: Random,
    cuts: tuple[list[int], list[int]],
) -> None:
    mine = list(left.items())
    shuffled.shuffle(mine)

    found = differing(("id",), mine, list(right.items()), cuts)

    def wanted(key: str) -> DifferingRow:
        named, own, other = {"id": key}, left.get(key), right.get(key)
        if own is None:
            return DifferingRow(Presence.RIGHT, named, None, {"id": key, "v": other})
        if other is None:
            return DifferingRow(Presence.LEFT, named, {"id": key, "v": own}, None)
        return DifferingRow(Presence.BOTH, named, {"v": own}, {"v": other})

    differ = [key for key in left.keys() | right.keys() if left.get(key) != right.get(key)]
    assert sorted(found, key=_key) == sorted(map(wanted, differ), key=_key)


def _key(row: DifferingRow) -> str:
    return row.key["id"] or ""


@given(left=ROWS, right=ROWS, cuts=st.tuples(CUTS, CUTS))
def test_a_key_that_is_there_twice_loses_no_row(
    left: list[tuple[str, str]], right: list[tuple[str, str]], cuts: tuple[list[int], list[int]]
) -> None:
    found = differing(("id",), left, right, cuts)

    kinds = Counter(row.presence for row in found)
    assert kinds[Presence.LEFT] - kinds[Presence.RIGHT] == len(left) - len(right)
    assert bool(found) or Counter(left) == Counter(right)


@given(left=ROWS, right=ROWS, cuts=st.tuples(CUTS, CUTS))
def test_without_a_key_it_is_the_difference_of_the_multisets(
    left: list[tuple[str, str]], right: list[tuple[str, str]], cuts: tuple[list[int], list[int]]
) -> None:
    found = differing((), left, right, cuts)

    sides = {Presence.LEFT: Counter(left), Presence.RIGHT: Counter(right)}
    for presence, other in ((Presence.LEFT, Presence.RIGHT), (Presence.RIGHT, Presence.LEFT)):
        held = [row.left or row.right or {} for row in found if row.presence is presence]
        assert Counter(tuple(row.values()) for row in held) == sides[presence] - sides[other]
