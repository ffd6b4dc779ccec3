"""A row of COPY says exactly its texts, to Python and to the server, and can say nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from psycopg import Connection, sql

from replant.database.copy_stream import copied_rows
from replant.model import Text
from replant.sql.copy_text import copy_row, copy_texts, insert_lines, is_copy_row
from replant.sql.row_text import is_row, line, on_one_line_each, texts
from replant.testing.generation.values import texts as any_text
from replant.testing.servers.server import Server
from tests.support.changed_text import changed_text
from tests.support.property_tests import example_count

TEXTS = st.none() | any_text()
ROWS = st.lists(TEXTS, min_size=1, max_size=6).map(tuple)
MOST = 6

#: Rows of one table.
TABLES = st.integers(1, MOST).flatmap(
    lambda width: st.lists(st.tuples(*[TEXTS] * width), max_size=4).map(lambda rows: (width, rows))
)

#: What parts rows and fields of COPY, what it escapes, and what it reads and does not write.
PIECES = st.sampled_from(
    [
        *("\t", "\n", "\r", "\r\n", "\\", "\\\\", "\\N", "\\.", "\\t", "\\n", "\\b", "\\v", "\\f"),
        *("\\0", "\\101", "\\x41", "\\x", "\\a", "\\'", "\0", "\b", "\v", "\f", "N", "'", "\x7f"),
    ]
)


@st.composite
def almost_rows(draw: DrawFn) -> bytes:
    """A row, some of its characters replaced by what might break out of it."""
    return changed_text(draw, copy_row(draw(ROWS)).decode(), PIECES).encode()


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection[Any]]:
    """A connection with an empty table `of1` of one column, `of2` of two, and so on."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for width in range(1, 2 * MOST):
            columns = ", ".join(f"c{number} text" for number in range(width))
            connection.execute(f"CREATE TEMPORARY TABLE of{width} ({columns})".encode())
        yield connection


def copied_in(connection: Connection[Any], rows: Sequence[bytes], width: int) -> list[Any]:
    """What the server holds after it was given the rows."""
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        with cursor.copy(f"COPY of{width} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write(row + b"\n")
        return cursor.execute(f"SELECT * FROM of{width}".encode()).fetchall()


@given(ROWS)
def test_a_row_gives_its_texts_back(row: tuple[Text, ...]) -> None:
    assert copy_texts(copy_row(row), len(row)) == row


@given(ROWS)
def test_a_row_has_no_line_break_and_a_tab_between_each_two_fields(row: tuple[Text, ...]) -> None:
    shown = copy_row(row)

    assert not {b"\n", b"\r", b"\0"} & {bytes([byte]) for byte in shown}
    assert shown.count(b"\t") == len(row) - 1


@given(ROWS)
def test_a_row_is_one_of_its_width_and_no_other(row: tuple[Text, ...]) -> None:
    shown = copy_row(row)

    assert [is_copy_row(shown, width) for width in range(1, MOST + 3)] == [
        width == len(row) for width in range(1, MOST + 3)
    ]


def test_a_row_without_columns_is_empty() -> None:
    assert copy_row(()) == b""
    assert copy_texts(b"", 0) == ()
    assert is_copy_row(b"", 0)
    assert not is_copy_row(b"\\N", 0)


@given(TABLES)
def test_different_rows_are_different_bytes(table: tuple[int, list[tuple[Text, ...]]]) -> None:
    _, rows = table

    assert len({copy_row(row) for row in rows}) == len(set(rows))


@given(almost_rows())
def test_what_is_taken_for_a_row_is_what_would_be_written_for_its_texts(text: bytes) -> None:
    widths = [width for width in range(1, 2 * MOST) if is_copy_row(text, width)]
    assume(widths)

    assert [copy_row(copy_texts(text, width)) for width in widths] == [text]


#: Pieces of UTF-8 and of what is none: half a character, a surrogate, an overlong NUL.
BYTES = st.sampled_from(
    [
        b"a",
        b"\t",
        b"\\N",
        b"\xc3",
        b"\xa4",
        b"\xc3\xa4",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\0",
    ]
)


@given(st.lists(BYTES, max_size=4).map(b"".join), st.integers(1, 3))
def test_bytes_that_are_taken_for_a_row_are_text(text: bytes, width: int) -> None:
    if is_copy_row(text, width):
        assert copy_row(copy_texts(text, width)) == text


@given(TABLES)
def test_the_rows_as_an_insert_has_them_are_those_of_their_texts(
    table: tuple[int, list[tuple[Text, ...]]],
) -> None:
    width, rows = table

    assert insert_lines([copy_row(row) for row in rows], width) == [line(row) for row in rows]


@given(TABLES)
def test_the_rows_as_an_insert_has_them_are_rows_on_one_line(
    table: tuple[int, list[tuple[Text, ...]]],
) -> None:
    width, rows = table
    made = on_one_line_each(insert_lines([copy_row(row) for row in rows], width))

    assert all(is_row(text, width) for text in made)
    assert [texts(text) for text in made] == rows


def test_rows_without_columns_are_rows_of_an_insert() -> None:
    assert insert_lines([b"", b""], 0) == [line(()), line(())]


@given(table=TABLES)
def test_the_server_reads_the_texts_that_were_written(
    connection: Connection[Any], table: tuple[int, list[tuple[Text, ...]]]
) -> None:
    width, rows = table

    assert copied_in(connection, [copy_row(row) for row in rows], width) == rows


@given(table=TABLES)
def test_the_server_writes_the_rows_that_python_writes(
    connection: Connection[Any], table: tuple[int, list[tuple[Text, ...]]]
) -> None:
    width, rows = table
    listed = sql.SQL(", ").join(
        sql.SQL("({}, {})").format(number, sql.SQL(", ").join(map(sql.Literal, row)))
        for number, row in enumerate(rows)
    )
    assume(rows)
    names = sql.SQL(", ").join(sql.SQL(f"c{number}::text") for number in range(width))
    query = sql.SQL("SELECT {} FROM (VALUES {}) AS v (n, {}) ORDER BY n").format(
        names, listed, sql.SQL(", ").join(sql.SQL(f"c{number}") for number in range(width))
    )

    found = [row for batch in copied_rows(connection, query) for row in batch]

    assert found == [copy_row(row) for row in rows]


@settings(max_examples=example_count(300))
@given(text=almost_rows())
def test_what_is_taken_for_a_row_is_one_row_to_the_server(
    connection: Connection[Any], text: bytes
) -> None:
    widths = [width for width in range(1, 2 * MOST) if is_copy_row(text, width)]
    assume(widths)

    assert copied_in(connection, [text], widths[0]) == [copy_texts(text, widths[0])]
