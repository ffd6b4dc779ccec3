"""Tables with few rows are asked for together, and each gives its own rows."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from replant import api
from replant.database import copy_stream, libpq
from replant.database.copy_stream import copied_together
from replant.errors import DatabaseError
from replant.export import source_rows
from replant.export.small_tables import SmallTables
from replant.model import ExportSettings, RelationName
from replant.testing.servers.server import Server
from replant_plugins.strategies import cycles
from tests.support.moves import Move, in_every_format

#: Roots, rows by depth, rows that reference each other, more rows than are few, and none.
FILLED = """
CREATE SCHEMA s;
CREATE TABLE s.a (id integer PRIMARY KEY, t text);
CREATE TABLE s.b (id integer PRIMARY KEY, a integer REFERENCES s.a);
CREATE TABLE s.tree (id integer PRIMARY KEY, up integer REFERENCES s.tree, t text);
CREATE TABLE s.left (id integer PRIMARY KEY, other integer);
CREATE TABLE s.right (id integer PRIMARY KEY, other integer REFERENCES s.left);
ALTER TABLE s.left ADD FOREIGN KEY (other) REFERENCES s.right;
CREATE TABLE s.after (id integer PRIMARY KEY, l integer REFERENCES s.left);
CREATE TABLE s.empty (id integer PRIMARY KEY);
CREATE TABLE s.many (id integer PRIMARY KEY, t text);
CREATE TABLE s.z (id integer PRIMARY KEY, m integer REFERENCES s.many);
"""
ROWS = """
INSERT INTO s.a SELECT i, E'it''s\n' || i FROM generate_series(1, 3) AS i;
INSERT INTO s.b SELECT i, i FROM generate_series(1, 2) AS i;
INSERT INTO s.tree SELECT i, nullif(i + 1, 20), 'x' FROM generate_series(1, 19) AS i;
INSERT INTO s.left SELECT i FROM generate_series(1, 15) AS i;
INSERT INTO s.right SELECT i, i FROM generate_series(1, 15) AS i;
UPDATE s.left SET other = id;
INSERT INTO s.after VALUES (1, 1);
INSERT INTO s.many SELECT i, repeat('y', 20) FROM generate_series(1, 1500) AS i;
INSERT INTO s.z VALUES (1, 1);
"""


@pytest.fixture
def filled(move: Move, monkeypatch: pytest.MonkeyPatch) -> Move:
    monkeypatch.setattr(cycles, "MOST_ROWS_TOGETHER", 10)
    move.empty()
    move.on_both(FILLED)
    move.source.execute(ROWS.encode())
    return move


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {file.name: file.read_bytes() for file in files}


@in_every_format
def test_the_artifact_is_the_one_of_single_questions(
    filled: Move, form: ExportSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.export(form)
    together = contents(filled.artifact)
    monkeypatch.setattr(source_rows, "_FEW_ROWS", -1)
    api.export(filled.settings(form), host=filled.host, force=True)

    assert contents(filled.artifact) == together
    filled.replay()
    assert filled.differing() == []


@in_every_format
def test_many_tables_take_few_round_trips(
    move: Move, form: ExportSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    move.empty()
    move.on_both("CREATE SCHEMA s")
    for number in range(150):
        move.on_both(f"CREATE TABLE s.t{number} (id integer PRIMARY KEY)")
        move.source.execute(f"INSERT INTO s.t{number} VALUES ({number})".encode())
    sent: list[bytes] = []
    original = libpq.send_query

    def counted(connection: object, statement: bytes) -> None:
        sent.append(statement)
        original(connection, statement)  # type: ignore[arg-type]

    monkeypatch.setattr(copy_stream, "send_query", counted)
    move.export(form)

    assert len(sent) == 2
    assert sum(statement.count(b"COPY (") for statement in sent) == 150


@given(asked=st.lists(st.integers(0, 9), max_size=12), small=st.sets(st.integers(0, 9), min_size=1))
def test_any_order_is_right(server: Server, asked: list[int], small: set[int]) -> None:
    names = [RelationName("s", str(number)) for number in range(10)]

    def query(name: RelationName) -> tuple[sql.Composable, str]:
        return sql.SQL("SELECT {} FROM generate_series(1, {})").format(
            name.name, int(name.name)
        ), ""

    with psycopg.connect(server.dsn) as database:
        order = [None if number == 5 else names[number] for number in range(10)]
        kept = frozenset(names[number] for number in small - {5})
        tables = SmallTables(database, order, kept, query)
        for number in asked:
            if names[number] not in tables:
                continue
            rows = [row for batch in tables.read(names[number]) for row in batch]
            assert rows == [str(number).encode()] * number
        tables.finish()
        assert database.execute("SELECT 1").fetchone() == (1,)


def test_rows_that_nobody_reads_are_passed_over(server: Server) -> None:
    query = sql.SQL("SELECT i FROM generate_series(1, 5000) AS i"), ""
    last = sql.SQL("SELECT 'last'"), ""
    with psycopg.connect(server.dsn) as database:
        for number, rows in enumerate(copied_together(database, [query, query, last])):
            if number == 1:
                next(rows)
            if number == 2:
                assert list(map(list, rows)) == [[b"last"]]
        assert database.execute("SELECT 1").fetchone() == (1,)


def test_a_failure_comes_with_the_rows_it_is_of(server: Server) -> None:
    good = sql.SQL("SELECT 1"), ""
    bad = sql.SQL("SELECT 1 / 0"), ""
    with psycopg.connect(server.dsn) as database:
        answers = copied_together(database, [good, bad, good])
        assert list(map(list, next(answers))) == [[b"1"]]
        with pytest.raises(DatabaseError, match="division by zero"):
            list(next(answers))
