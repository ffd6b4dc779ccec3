"""Two streams differ by the rows of which one has more, however they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replant.database.joined_rows import JoinedRows
from replant.difference import raw_rows
from replant.difference.raw_rows import differing_rows
from tests.database.test_joined_rows import as_joined

ROWS = st.lists(st.integers(0, 9).map(lambda number: b"%d" % number), max_size=30)
CUTS = st.lists(st.integers(0, 8), max_size=8)


def batches(rows: Sequence[bytes], cuts: list[int], *, joined: bool) -> Iterator[Sequence[bytes]]:
    left = list(rows)
    for cut in [*cuts, len(left)]:
        yield as_joined(left[:cut]) if joined else left[:cut]
        left = left[cut:]


@given(left=ROWS, right=ROWS, cuts=CUTS, other_cuts=CUTS)
def test_they_are_the_difference_of_the_multisets(
    left: list[bytes], right: list[bytes], cuts: list[int], other_cuts: list[int]
) -> None:
    found = differing_rows(
        batches(left, cuts, joined=True), batches(right, other_cuts, joined=False)
    )

    own, other = Counter(left), Counter(right)
    assert (Counter(found[0]), Counter(found[1])) == (own - other, other - own)


@given(
    missing=st.sets(st.integers(0, 199), max_size=5),
    changed=st.sets(st.integers(0, 199), max_size=5),
    cuts=CUTS,
)
def test_of_rows_in_one_order_few_wait(
    missing: set[int], changed: set[int], cuts: list[int]
) -> None:
    rows = [b"%03d" % number for number in range(200)]
    other = [
        b"changed %d" % number if number in changed else row
        for number, row in enumerate(rows)
        if number not in missing
    ]
    seen: list[int] = []

    def counted(rows: list[bytes], *waiting: Counter[bytes]) -> None:
        seen.append(len(rows))
        settle(rows, *waiting)

    settle = raw_rows._settle
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_rows, "_settle", counted)
        left, right = differing_rows(
            batches(rows, [50, 50, 50], joined=True),
            batches(other, [size * 5 for size in cuts], joined=True),
        )

    assert set(left) == {rows[number] for number in missing | changed}
    assert len(right) == len(changed - missing)
    # Behind a row that is missing, at most the rest of the batches at hand is out of step.
    assert sum(seen) <= 2 * len(changed) + 2 * 50 * len(missing)
    if not missing:
        assert sum(seen) == 2 * len(changed)


def test_joined_rows_are_looked_at_as_rows() -> None:
    broken = JoinedRows(b"a\nb\n", [4])
    assert differing_rows(iter([broken]), iter([as_joined([b"a", b"b"])])) == (
        [b"a\nb"],
        [b"a", b"b"],
    )
