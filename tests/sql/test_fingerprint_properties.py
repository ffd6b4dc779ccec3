"""However rows are divided among batches and processes, their fingerprint is the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from replant.sql.fingerprints import ROWS_PER_BLOCK, Fingerprint, row_hash

#: Rows that begin a block, and rows that do not.
BEGINNINGS = [
    row for row in map(b"%d".__mod__, range(40_000)) if not row_hash(row) % ROWS_PER_BLOCK
]
OTHERS = [b"a", b"b", b"c"]


def key_of(row: bytes) -> tuple[str, ...]:
    return (row.decode(),)


def pieces(data: DataObject, rows: list[bytes]) -> list[list[bytes]]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    return [rows[low:high] for low, high in zip([0, *cuts], [*cuts, len(rows)], strict=True)]


@given(rows=st.lists(st.sampled_from([*BEGINNINGS, *OTHERS]), max_size=20), data=st.data())
def test_parts_that_were_hashed_elsewhere_give_the_same_fingerprint(
    rows: list[bytes], data: DataObject
) -> None:
    whole = Fingerprint(key_of)
    whole.add(rows)
    joined = Fingerprint(key_of)
    for piece in pieces(data, rows):
        part = Fingerprint(key_of)
        for batch in pieces(data, piece):
            part.add(batch)
        joined.extend(part.part)
    assert (joined.row_count, joined.total) == (whole.row_count, whole.total)
    assert joined.blocks == whole.blocks
    assert sum(block.row_count for block in whole.blocks) == len(rows)


def test_a_row_begins_a_block_if_its_hash_says_so() -> None:
    assert BEGINNINGS
    counted = Fingerprint(key_of)
    counted.add([b"a", BEGINNINGS[0], b"b"])
    assert [(block.key, block.row_count) for block in counted.blocks] == [
        (("a",), 1),
        (key_of(BEGINNINGS[0]), 2),
    ]
