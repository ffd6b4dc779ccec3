"""Joined rows are the sequence of rows that they were joined of."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from replant.database import copy_stream
from replant.database.copy_stream import copied_rows, in_batches
from replant.database.joined_rows import JoinedRows, bytes_in, joined, longest
from replant.sql.fingerprints import Fingerprint
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS, listed
from replant.testing.servers.server import Server

ROWS = st.lists(st.binary(max_size=6) | st.sampled_from([b"\n", b"a\n\nb", b"\r", b"'\n'"]))


def as_joined(rows: Sequence[bytes]) -> JoinedRows:
    return JoinedRows(b"".join(row + b"\n" for row in rows), [len(row) + 1 for row in rows])


@given(rows=ROWS, start=st.integers(-9, 9), stop=st.integers(-9, 9))
def test_they_are_those_rows(rows: list[bytes], start: int, stop: int) -> None:
    found = as_joined(rows)

    assert list(found) == rows
    assert list(found[start:stop]) == rows[start:stop]
    assert [found[place] for place in range(-len(rows), len(rows))] == rows + rows
    assert (joined(found), bytes_in(found), longest(found)) == (
        joined(rows),
        bytes_in(rows),
        longest(rows),
    )


def test_there_is_no_row_behind_the_last() -> None:
    with pytest.raises(IndexError):
        as_joined([b"a"])[1]


@given(
    rows=st.lists(st.binary(max_size=5), min_size=1),
    size=st.sampled_from([1, 2, 3, 256]),
    cuts=st.lists(st.integers(0, 9)),
)
def test_their_fingerprint_is_that_of_the_rows_however_they_come(
    rows: list[bytes], size: int, cuts: list[int]
) -> None:
    whole, parts = Fingerprint(size), Fingerprint(size)
    whole.add(rows)

    left = rows
    for cut in [*cuts, len(rows)]:
        if left[:cut]:
            parts.add(as_joined(left[:cut]))
        left = left[cut:]

    assert parts.part == whole.part


@given(
    rows=st.lists(
        st.lists(st.none() | st.text("a'\n\r\\,N)(", max_size=6), min_size=1, max_size=2),
        min_size=1,
    )
)
def test_they_are_listed_as_their_lines(rows: list[list[str | None]]) -> None:
    ready = [INSERT_ROWS.row(texts) for texts in rows]

    assert listed(as_joined(ready)) == b",\n".join(INSERT_ROWS.written(ready))
    assert INSERT_ROWS.written(as_joined(ready)) == INSERT_ROWS.written(ready)


def test_rows_without_columns_are_listed_as_such() -> None:
    assert listed(as_joined([b"", b""])) == b"(true),\n(true)"


# -- batches of a query ---------------------------------------------------------------------------


@given(data=st.data(), most=st.integers(1, 5), room=st.integers(1, 40))
def test_pieces_are_divided_as_one_query_would_be(
    server: Server, data: st.DataObject, most: int, room: int
) -> None:
    sizes = data.draw(st.lists(st.integers(0, 30), max_size=20))
    query = sql.SQL("SELECT repeat('x', size) FROM unnest({}::int[]) AS _ (size)").format(sizes)
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server.dsn) as database:
        patch.setattr(copy_stream, "ROWS_PER_BATCH", most)
        patch.setattr(copy_stream, "BYTES_PER_BATCH", room)
        batches = [list(batch) for batch in copied_rows(database, query)]
        rows = [row for batch in batches for row in batch]
        ends = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
        bounds = pairwise([0, *ends, len(rows)])
        pieces = [as_joined(rows[a:b]) for a, b in bounds]
        divided = [list(batch) for batch in in_batches(pieces)]

    assert rows == [b"x" * size for size in sizes]
    assert divided == batches
    assert all(len(batch) <= most for batch in batches)


@pytest.mark.parametrize("form", [COPY_ROWS, INSERT_ROWS], ids=lambda form: form.name)
def test_a_batch_ends_where_a_block_does(
    server: Server, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_stream, "BYTES_PER_BATCH", 5_000)
    query = sql.SQL("SELECT i, repeat(chr(10), i % 40) FROM generate_series(1, 3000) AS i")
    with psycopg.connect(server.dsn) as database:
        batches = list(copied_rows(database, query, form.copy_out_options))

    ends = {sum(map(len, batches[:number])) for number in range(len(batches) + 1)}
    assert len(batches) > 3
    assert {1024, 2048, 3000} <= ends
    text = b"".join(batch.text for batch in batches)
    assert sha256(joined([row for batch in batches for row in batch])).digest() == (
        sha256(text).digest()
    )
