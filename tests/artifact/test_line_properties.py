"""The lines of a data file are the same however long they are, and in whatever pieces they come."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replant.artifact import row_batches
from replant.artifact.row_batches import lines_in
from tests.support.property_tests import example_count


@given(
    content=st.text("ab\n", max_size=40).map(str.encode),
    piece=st.integers(1, 10),
    rows=st.integers(1, 4),
)
@settings(
    max_examples=example_count(100), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_lines_come_in_order_and_the_rest_behind_them(
    monkeypatch: pytest.MonkeyPatch, content: bytes, piece: int, rows: int
) -> None:
    monkeypatch.setattr(row_batches, "PIECE", piece)
    monkeypatch.setattr(row_batches, "MOST_ROWS", rows)
    *wanted, rest = content.split(b"\n")

    batches = list(lines_in(BytesIO(content)))

    assert [line for lines, ended in batches if ended for line in lines] == wanted
    assert [lines for lines, ended in batches if not ended] == ([[rest]] if rest else [])
    assert all(len(lines) <= rows for lines, _ in batches)


def test_a_line_that_is_longer_than_any_row_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_batches, "PIECE", 10)
    monkeypatch.setattr(row_batches, "LONGEST_LINE", 25)
    file = BytesIO(b"a" * 100)

    assert list(lines_in(file)) == [([b"a" * 30], False)]
    assert file.tell() == 30
