"""A row says exactly its texts, to Python and to the server, and can say nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn
from psycopg import Connection, sql

from replant.database.copy_stream import copied_rows
from replant.model import ChosenRows, PlannedColumn, PlannedTable, RelationName, Text
from replant.sql import row_queries
from replant.sql.fingerprints import row_hash
from replant.sql.load_statements import copy_from
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS, RowForm
from replant.sql.row_text import fingerprint_expression, form_expression, text_expression
from replant.testing.generation.values import AWKWARD
from replant.testing.generation.values import texts as any_text
from replant.testing.servers.server import Server
from tests.support.property_tests import example_count

TEXTS = st.none() | any_text() | st.text(st.sampled_from("'\\\n\r\tN,E ("))
MOST = 6
ROWS = st.lists(TEXTS, min_size=1, max_size=MOST).map(tuple)

#: Rows of one table.
TABLES = st.integers(1, MOST).flatmap(
    lambda width: st.lists(st.tuples(*[TEXTS] * width), max_size=4).map(lambda rows: (width, rows))
)
FORMS = (INSERT_ROWS, COPY_ROWS)

#: What parts rows and values, what is escaped, and what PostgreSQL reads and does not write.
PIECES = st.sampled_from(
    [
        *("\t", "\n", "\r", "\r\n", "\\", "\\\\", "\\N", "\\.", "\\t", "\\n", "\\b", "\\v", "\\f"),
        *("\\0", "\\101", "\\x41", "\\x", "\\a", "\\'", "\0", "\b", "\v", "\f", "N", "'", "\x7f"),
        *("''", "E'", "e'", "E''", "U&'", "B'1'", "$$", "NULL", "null", "NULL,", "::text", "\\r"),
        *(",", ", ", "(", ")", "),(", ";", "--", "/*"),
    ]
)

per_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)

Row = tuple[Text, ...]


@st.composite
def almost_lines(draw: DrawFn, form: RowForm) -> bytes:
    """A row's line, some of its characters replaced by what might break out of it."""
    changed = form.written([form.row(draw(ROWS))])[0].decode()
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(changed)))
        end = draw(st.integers(start, min(len(changed), start + 3)))
        changed = changed[:start] + draw(PIECES) + changed[end:]
    return changed.encode()


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection[Any]]:
    """A connection with an empty table `of1` of one column, `of2` of two, and so on."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for width in range(1, 2 * MOST):
            columns = ", ".join(f"c{number} text" for number in range(width))
            connection.execute(f"CREATE TEMPORARY TABLE of{width} ({columns})".encode())
        yield connection


def taken(form: RowForm, line: bytes) -> tuple[int, Row] | None:
    """The width and the texts of a line, if it is taken for a row of any width."""
    for width in range(1, 2 * MOST):
        try:
            (row,) = form.read([line], width)
            return width, form.texts(row, width)
        except ValueError:
            continue
    return None


def copied_in(
    connection: Connection[Any], form: RowForm, rows: Sequence[bytes], width: int
) -> list[Any]:
    """What the server holds after COPY was given the rows."""
    table = table_of(width)
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        with cursor.copy(copy_from(table, form)) as copy:
            for row in rows:
                copy.write(row + b"\n")
        return cursor.execute(f"SELECT * FROM of{width}".encode()).fetchall()


def table_of(width: int) -> PlannedTable:
    columns = tuple(PlannedColumn(f"c{number}", "text") for number in range(width))
    return PlannedTable(RelationName("pg_temp", f"of{width}"), columns)


# -- in Python ------------------------------------------------------------------------------------


@per_form
@given(row=ROWS)
def test_a_row_gives_its_texts_back(form: RowForm, row: Row) -> None:
    assert form.texts(form.row(row), len(row)) == row


@per_form
@given(table=TABLES)
def test_lines_of_a_file_have_no_line_break_and_give_the_rows_back(
    form: RowForm, table: tuple[int, list[Row]]
) -> None:
    width, texts = table
    rows = [form.row(row) for row in texts]
    lines = form.written(rows)

    assert not any({b"\n", b"\r", b"\0"} & {bytes([byte]) for byte in line} for line in lines)
    assert form.read(lines, width) == rows


@per_form
@given(table=TABLES)
def test_different_rows_are_different_bytes(form: RowForm, table: tuple[int, list[Row]]) -> None:
    _, rows = table

    assert len({form.row(row) for row in rows}) == len(set(rows))


@given(row=ROWS, more=st.text(AWKWARD, min_size=1, max_size=3), before=st.booleans())
def test_a_line_with_anything_around_it_is_no_row_of_literals(
    row: Row, more: str, before: bool
) -> None:
    (line,), around = INSERT_ROWS.written([INSERT_ROWS.row(row)]), more.encode()

    assert taken(INSERT_ROWS, around + line if before else line + around) is None


@per_form
@settings(max_examples=example_count(300))
@given(data=st.data())
def test_what_is_taken_for_a_row_is_what_would_be_written_for_its_texts(
    form: RowForm, data: DataObject
) -> None:
    line = data.draw(almost_lines(form))
    found = taken(form, line)
    assume(found is not None)
    assert found is not None

    assert form.written([form.row(found[1])]) == [line]


#: Pieces of UTF-8 and of what is none: half a character, a surrogate, an overlong NUL.
BYTES = st.sampled_from(
    [
        *(b"a", b"\t", b"\\N", b"'", b"\xc3", b"\xa4", b"\xc3\xa4", b"\xff", b"\0"),
        *(b"\xed\xa0\x80", b"\xc0\x80"),
    ]
)


@per_form
@given(text=st.lists(BYTES, max_size=4).map(b"".join))
def test_bytes_that_are_taken_for_a_row_are_text(form: RowForm, text: bytes) -> None:
    for line in (text, b"('%b')" % text, b"(E'\\n%b')" % text):
        found = taken(form, line)
        if found is not None:
            assert form.written([form.row(found[1])]) == [line]


# -- on the server --------------------------------------------------------------------------------


@per_form
@given(table=TABLES)
def test_the_server_reads_the_texts_that_were_written(
    connection: Connection[Any], form: RowForm, table: tuple[int, list[Row]]
) -> None:
    width, rows = table

    assert copied_in(connection, form, [form.row(row) for row in rows], width) == rows


@per_form
@given(table=TABLES)
def test_the_server_writes_the_rows_that_python_writes(
    connection: Connection[Any], form: RowForm, table: tuple[int, list[Row]]
) -> None:
    width, rows = table
    with filled(connection, width, rows):
        query = row_queries.fields_in_any_order(chosen(width), table_of(width))
        found = [
            row for batch in copied_rows(connection, query, form.copy_out_options) for row in batch
        ]
    assert found == [form.row(row) for row in rows]


@per_form
@given(table=TABLES)
def test_an_expression_gives_the_rows_that_copy_writes_and_their_hashes(
    connection: Connection[Any], form: RowForm, table: tuple[int, list[Row]]
) -> None:
    width, rows = table
    texts, total = (
        form_expression(form, table_of(width)),
        fingerprint_expression(form, table_of(width)),
    )
    with filled(connection, width, rows):
        query = sql.SQL("SELECT {}, {} OVER () FROM {} AS t0")
        name = sql.Identifier("pg_temp", f"of{width}")
        found = connection.execute(query.format(texts, total, name)).fetchall()

    assert [text.encode() for text, _ in found] == [form.row(row) for row in rows]
    hashes = sum(row_hash(form.row(row)) for row in rows)
    assert {int(sum_) % 2**64 for _, sum_ in found} <= {hashes % 2**64}


@per_form
@settings(max_examples=example_count(20))
@given(width=st.integers(95, 205), row=ROWS)
def test_an_expression_takes_however_many_columns_there_are(
    connection: Connection[Any], form: RowForm, width: int, row: Row
) -> None:
    wide = (row * width)[:width]
    names = sql.SQL(", ").join(sql.Identifier(f"c{number}") for number in range(width))
    values = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Literal(text)) for text in wide)
    query = sql.SQL("SELECT {} FROM (VALUES ({})) AS t0 ({})").format(
        form_expression(form, table_of(width)), values, names
    )

    (found,) = connection.execute(query).fetchone() or ("",)

    assert found.encode() == form.row(wide)


@per_form
@settings(max_examples=example_count(300))
@given(data=st.data())
def test_what_is_taken_for_a_row_is_one_row_to_the_server(
    connection: Connection[Any], form: RowForm, data: DataObject
) -> None:
    line = data.draw(almost_lines(form))
    found = taken(form, line)
    assume(found is not None)
    assert found is not None
    width, texts = found

    assert copied_in(connection, form, form.read([line], width), width) == [texts]
    if form is INSERT_ROWS:
        query = b"SELECT * FROM (VALUES " + line + b") AS v"
        assert connection.execute(query).fetchall() == [texts], line


@given(TEXTS)
def test_the_text_of_a_text_is_the_text(connection: Connection[Any], text: Text) -> None:
    query = sql.SQL("SELECT {} FROM (VALUES ({}::text)) AS t0 (c0)").format(
        text_expression(sql.Identifier("t0", "c0")), sql.Literal(text)
    )

    assert connection.execute(query).fetchone() == (text,)


def chosen(width: int) -> dict[RelationName, ChosenRows]:
    return {RelationName("pg_temp", f"of{width}"): ChosenRows()}


@contextmanager
def filled(connection: Connection[Any], width: int, rows: Sequence[Row]) -> Iterator[None]:
    """The table of a width has rows in it, for as long as the block lasts."""
    with connection.transaction(force_rollback=True):
        for row in rows:
            values = sql.SQL(", ").join(map(sql.Literal, row))
            name = sql.Identifier(f"of{width}")
            connection.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(name, values))
        yield
