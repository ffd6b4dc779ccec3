"""A row's line says exactly its texts, to Python and to the server, and can say nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn
from psycopg import Connection, sql

from replant.model import PlannedColumn, PlannedTable, RelationName, Text
from replant.sql.row_text import (
    fingerprint_expression,
    is_row,
    line,
    line_expression,
    on_one_line,
    row_hash,
    text_expression,
    texts,
)
from replant.testing.generation.values import AWKWARD
from replant.testing.generation.values import texts as any_text
from replant.testing.servers.server import Server
from tests.support.changed_text import changed_text
from tests.support.property_tests import example_count

TEXTS = st.none() | any_text()
ROWS = st.lists(TEXTS, min_size=1, max_size=6).map(tuple)

#: Pieces of SQL from which a line that is more than a line would be put together.
PIECES = st.sampled_from(
    [
        *("'", "''", "E'", "e'", "E''", "U&'", "B'1'", "$$", "NULL", "null", "NULL, ", "::text"),
        *(
            "\\",
            "\\'",
            "\\n",
            "\\r",
            "\\x41",
            "\n",
            "\r",
            ",",
            ", ",
            "(",
            ")",
            "), (",
            ";",
            "--",
            "/*",
        ),
    ]
)


@st.composite
def almost_lines(draw: DrawFn) -> bytes:
    """A line on one line, some of its characters replaced by what might break out of it."""
    return changed_text(draw, on_one_line(line(draw(ROWS))).decode(), PIECES).encode()


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection[Any]]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        yield connection


@given(ROWS)
def test_a_line_on_one_line_gives_its_texts_back(row: tuple[Text, ...]) -> None:
    assert texts(on_one_line(line(row))) == row


@given(ROWS)
def test_a_line_on_one_line_has_no_line_break(row: tuple[Text, ...]) -> None:
    shown = on_one_line(line(row))

    assert b"\n" not in shown
    assert b"\r" not in shown


@given(ROWS)
def test_a_line_on_one_line_stays_as_it_is(row: tuple[Text, ...]) -> None:
    once = on_one_line(line(row))

    assert on_one_line(once) == once


@given(ROWS)
def test_a_line_on_one_line_is_a_row_of_its_width_and_no_other(row: tuple[Text, ...]) -> None:
    shown = on_one_line(line(row))

    assert [is_row(shown, width) for width in range(1, 9)] == [
        width == len(row) for width in range(1, 9)
    ]


@given(ROWS, ROWS)
def test_different_rows_have_different_lines(
    first: tuple[Text, ...], second: tuple[Text, ...]
) -> None:
    assume(first != second)

    assert on_one_line(line(first)) != on_one_line(line(second))


@given(ROWS, st.text(AWKWARD, min_size=1, max_size=3), st.booleans())
def test_a_line_with_anything_around_it_is_no_row(
    row: tuple[Text, ...], more: str, before: bool
) -> None:
    shown, around = on_one_line(line(row)), more.encode()

    assert not is_row(around + shown if before else shown + around, len(row))


@settings(max_examples=example_count(300))
@given(text=almost_lines())
def test_what_is_taken_for_a_row_is_one_row_of_literals_to_the_server(
    connection: Connection[Any], text: bytes
) -> None:
    assume(any(is_row(text, width) for width in range(1, 12)))

    found = connection.execute(b"SELECT * FROM (VALUES " + text + b") AS v").fetchall()

    assert found == [texts(text)], text


@given(ROWS)
def test_the_server_writes_the_line_that_python_writes(
    connection: Connection[Any], row: tuple[Text, ...]
) -> None:
    found = connection.execute(over(row, line_expression(table_of(row))), row).fetchone()

    assert found is not None
    assert found[0].encode() == line(row)


@settings(max_examples=example_count(20))
@given(width=st.integers(95, 205), row=ROWS)
def test_the_server_writes_a_line_however_many_columns_there_are(
    connection: Connection[Any], width: int, row: tuple[Text, ...]
) -> None:
    wide = (row * width)[:width]

    found = connection.execute(over(wide, line_expression(table_of(wide))), wide).fetchone()

    assert found is not None
    assert found[0].encode() == line(wide)


@given(ROWS)
def test_the_server_hashes_a_row_as_python_does(
    connection: Connection[Any], row: tuple[Text, ...]
) -> None:
    found = connection.execute(over(row, fingerprint_expression(table_of(row))), row).fetchone()

    assert found is not None
    assert int(found[0]) % 2**64 == row_hash(line(row))


@given(TEXTS)
def test_the_text_of_a_text_is_the_text(connection: Connection[Any], text: Text) -> None:
    query = over((text,), text_expression(sql.Identifier("t0", "c0")))

    assert connection.execute(query, (text,)).fetchone() == (text,)


@given(st.data())
def test_a_null_is_never_a_text(data: DataObject) -> None:
    text = data.draw(st.sampled_from(["NULL", "null", "'NULL'", "E'NULL'", ""]))

    assert texts(line([text, None, text])) == (text, None, text)


def table_of(row: tuple[Text, ...]) -> PlannedTable:
    columns = tuple(PlannedColumn(f"c{number}", "text") for number in range(len(row)))
    return PlannedTable(RelationName("s", "t"), columns)


def over(row: tuple[Text, ...], expression: sql.Composable) -> sql.Composed:
    """A query of one expression over a row whose texts are its parameters."""
    names = sql.SQL(", ").join(sql.Identifier(f"c{number}") for number in range(len(row)))
    values = sql.SQL(", ").join([sql.SQL("%s::text")] * len(row))
    # A per cent sign of a format string is none of a parameter.
    shown = sql.SQL(expression.as_string().replace("%", "%%"))
    return sql.SQL("SELECT {} FROM (VALUES ({})) AS t0 ({})").format(shown, values, names)
