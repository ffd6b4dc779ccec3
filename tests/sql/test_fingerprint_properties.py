"""However rows are divided among batches and processes, their fingerprint is the same."""

from __future__ import annotations

from hashlib import sha256

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from replant.sql.fingerprints import (
    LONGEST_IN_BLOCK,
    MOST_IN_BLOCK,
    Block,
    Fingerprint,
    row_hash,
    rows_per_block,
)
from replant.verification.blocks import differing_ranges

SIZE = 4

NUMBERS = st.sets(st.integers(0, 99), max_size=60).map(sorted)


def row_of(number: int) -> bytes:
    return b"%02d\told" % number


def key_of(row: bytes) -> tuple[str, ...]:
    return (row.partition(b"\t")[0].decode(),)


def pieces(data: DataObject, rows: list[bytes]) -> list[list[bytes]]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    return [rows[low:high] for low, high in zip([0, *cuts], [*cuts, len(rows)], strict=True)]


def hashed(rows: list[bytes], like: tuple[Block, ...] = ()) -> Fingerprint:
    found = Fingerprint(SIZE, key_of, like)
    found.add(rows)
    return found


def hash_of(content: bytes) -> int:
    return int.from_bytes(sha256(content).digest()[:8], "big")


@given(rows=NUMBERS, data=st.data(), size=st.sampled_from([1, SIZE]))
def test_batches_of_any_size_give_the_same_fingerprint(
    rows: list[int], data: DataObject, size: int
) -> None:
    lines = list(map(row_of, rows))
    whole, joined = Fingerprint(size, key_of), Fingerprint(size, key_of)
    whole.add(lines)
    for batch in pieces(data, lines):
        joined.add(batch)
    assert joined.part == whole.part


@given(rows=NUMBERS, data=st.data())
def test_sums_of_rows_that_were_hashed_elsewhere_are_added(
    rows: list[int], data: DataObject
) -> None:
    lines = list(map(row_of, rows))
    whole, joined = Fingerprint(), Fingerprint()
    whole.add(lines)
    for piece in pieces(data, lines):
        part = Fingerprint()
        part.add(piece)
        joined.extend(part.part)
    assert joined.part == whole.part


@given(rows=NUMBERS, data=st.data())
def test_slices_of_whole_blocks_give_the_same_fingerprint(
    rows: list[int], data: DataObject
) -> None:
    lines = list(map(row_of, rows))
    whole = hashed(lines)
    joined = Fingerprint(SIZE, key_of)
    ends = data.draw(st.lists(st.integers(0, len(whole.blocks)), max_size=3).map(sorted))
    for low, high in zip([0, *ends], [*ends, len(whole.blocks)], strict=True):
        joined.extend(hashed(lines[low * SIZE : high * SIZE], whole.blocks[low:high]).part)
    assert joined.part == whole.part


@given(exported=NUMBERS, found=NUMBERS, changed=st.sets(st.integers(0, 99)), data=st.data())
def test_every_difference_lies_in_a_part_that_differs(
    exported: list[int], found: list[int], changed: set[int], data: DataObject
) -> None:
    mine = list(map(row_of, exported))
    theirs = [row_of(n) + b"*" * (n in changed) for n in found]
    own = hashed(mine)
    other = Fingerprint(SIZE, key_of, own.blocks)
    for batch in pieces(data, theirs):
        other.add(batch)

    assert sum(block.row_count for block in other.blocks) == other.row_count == len(theirs)
    assert sum(block.fingerprint for block in other.blocks) % 2**64 == other.total
    assert ((own.row_count, own.total) == (other.row_count, other.total)) == (mine == theirs)
    left, right = set(mine), set(theirs)
    for part in differing_ranges(own.blocks, other.blocks):
        low, high = part.low or ("",), part.high or ("~",)
        left -= set(mine[part.start : part.stop])
        right -= {row for row in theirs if low <= key_of(row) < high}
    assert left == right


@pytest.mark.parametrize(
    ("change", "compared"),
    [
        pytest.param(lambda rows: [*rows[:9], b"09\tnew", *rows[10:]], 4, id="changed"),
        pytest.param(lambda rows: [*rows[:9], *rows[10:]], 8, id="missing"),
        pytest.param(lambda rows: [*rows[:9], b"08a\told", *rows[9:]], 4, id="additional"),
        pytest.param(lambda rows: [*rows[:8], *rows[9:]], 8, id="first-of-a-block"),
        pytest.param(lambda rows: [b"!\told", *rows], 0, id="before-the-first"),
        pytest.param(lambda rows: [*rows, b"99\told"], 4, id="behind-the-last"),
    ],
)
def test_few_rows_are_compared_where_one_differs(change: object, compared: int) -> None:
    rows = [row_of(number) for number in range(40)]
    own = hashed(rows)
    assert callable(change)
    found = hashed(change(rows), own.blocks)
    parts = list(differing_ranges(own.blocks, found.blocks))
    assert sum(part.stop - part.start for part in parts) == compared
    assert len(parts) == 1


def test_a_block_is_hashed_as_lines_and_a_long_row_as_its_own_hash() -> None:
    long = b"x" * (LONGEST_IN_BLOCK + 1)
    found = Fingerprint(3, lambda row: (row[:1].decode(),))
    found.add([b"a", long, b"b" * LONGEST_IN_BLOCK, b"c"])

    first = (
        b"a\n" + b"\b" + sha256(long).hexdigest().encode() + b"\n" + b"b" * LONGEST_IN_BLOCK + b"\n"
    )
    assert found.blocks == (
        Block(("a",), 3, hash_of(first)),
        Block(("c",), 1, hash_of(b"c\n")),
    )


def test_other_rows_in_a_block_are_another_hash() -> None:
    texts = [[b"a", b"b"], [b"ab"], [b"b", b"a"], [b"a"], [b"a", b"b", b""]]
    # A row may hold the digits by which a long one stands; none begins with what marks them.
    long = b"x" * (LONGEST_IN_BLOCK + 1)
    digits = sha256(long).hexdigest().encode()
    texts += [[long], [b"", digits], [digits], [rb"\b" + digits]]
    assert len({hashed(rows).total for rows in texts}) == len(texts)


@given(st.integers(0, 10**10))
def test_a_block_has_a_power_of_two_of_rows(row_count: int) -> None:
    size = rows_per_block(row_count)
    assert 1 <= size <= MOST_IN_BLOCK
    assert size & (size - 1) == 0
    assert (size == 1) == (row_count < 1024)
    assert row_count / size <= 1024 or size == MOST_IN_BLOCK


def test_rows_without_blocks_are_summed() -> None:
    found = Fingerprint()
    found.add([b"1", b"2"])
    assert found.total == (row_hash(b"1") + row_hash(b"2")) % 2**64
    assert found.blocks == ()
    assert evolve(found.part, total=0).row_count == 2
