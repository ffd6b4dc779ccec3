"""Databases of different encodings order texts otherwise; their rows are compared all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from replant import api
from replant.model import ExportSettings, PluginSettings, Registration, RelationName, Settings
from replant.replay import loaded_rows
from replant.testing.servers.server import Database, Server
from replant.verification.differences import RowDifferenceKind
from replant.verification.verify import HashingPlace
from tests.support.moves import Move, in_every_format

#: In UTF-8 é comes before €, and in WIN1252 behind it; Б and я change places in KOI8-R.
ENCODINGS = {"WIN1252": ("z", "é", "€"), "KOI8R": ("z", "Б", "я", "Д")}

#: Enough for blocks of rows.
ROWS = 3_000
CREATE = "CREATE SCHEMA s; CREATE TABLE s.t (id {kind}, v integer)"


@contextmanager
def encoded(server: Server, encoding: str) -> Iterator[Database]:
    name = f"in_{encoding.lower()}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE 'C'")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), encoding))
    database = Database(name, make_conninfo(server.dsn, dbname=name))
    try:
        yield database
    finally:
        server.drop_database(database)


@pytest.fixture(params=ENCODINGS)
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["to", "from"])
def recoded(
    request: pytest.FixtureRequest, server: Server, encoding: str, tmp_path: Path
) -> Iterator[Move]:
    """A move between a database of an encoding and one in UTF-8, either way."""
    with ExitStack() as stack:
        names = ("UTF8", encoding) if request.param == "to" else (encoding, "UTF8")
        one, other = (stack.enter_context(encoded(server, name)) for name in names)
        source, target = (
            stack.enter_context(psycopg.connect(database.dsn, autocommit=True))
            for database in (one, other)
        )
        table = Registration(RelationName("s", "t"))
        yield Move(one, other, source, target, tmp_path / "artifact", (table,))


def fill(move: Move, encoding: str, kind: str = "text PRIMARY KEY") -> None:
    move.on_both(CREATE.format(kind=kind))
    with move.source.cursor().copy("COPY s.t FROM STDIN") as copy:
        for number in range(ROWS):
            letters = ENCODINGS[encoding]
            copy.write_row((f"{letters[number % len(letters)]}{number}", number))


def letters_of(move: Move) -> set[tuple[str, int]]:
    return set(move.target.execute("SELECT rtrim(id), v FROM s.t"))


@pytest.mark.parametrize(
    "kind",
    [
        *("text PRIMARY KEY", "character varying(9) PRIMARY KEY", "character(9) PRIMARY KEY"),
        "text",
    ],
)
@pytest.mark.parametrize("near", [True, False])
def test_rows_are_loaded_and_found_equal(
    recoded: Move, encoding: str, kind: str, near: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded_rows, "is_near", lambda _: near)
    fill(recoded, encoding, kind)
    recoded.export()

    recoded.replay()

    for place in HashingPlace:
        results = api.verify(str(recoded.artifact), recoded.settings(), hashing=place)
        assert all(result.equal for result in results)
    assert api.diff(str(recoded.artifact), recoded.to.dsn, recoded.settings()).equal
    assert len(letters_of(recoded)) == ROWS


@in_every_format
def test_rows_that_differ_are_named(recoded: Move, encoding: str, form: ExportSettings) -> None:
    fill(recoded, encoding)
    recoded.export(form)
    recoded.replay()
    recoded.target.execute("UPDATE s.t SET v = -1 WHERE v IN (7, 1400, 2998)")
    recoded.target.execute("DELETE FROM s.t WHERE v = 1500")

    (table,) = api.verify(str(recoded.artifact), recoded.settings())
    compared = api.diff(str(recoded.artifact), recoded.to.dsn, recoded.settings()).tables

    kinds = [difference.kind for difference in table.differences]
    assert sorted(kinds, key=str) == [RowDifferenceKind.CHANGED] * 3 + [RowDifferenceKind.MISSING]
    assert [each.count for each in compared] == [4]


FAMILY = """
CREATE SCHEMA s;
CREATE DOMAIN s.word AS text;
CREATE TABLE s.parent (id integer PRIMARY KEY);
CREATE TABLE s.child (id {key}, parent integer REFERENCES s.parent);
INSERT INTO s.parent VALUES (1);
"""


def of_two_children(move: Move) -> Settings:
    """Export a parent with the first two of its children."""
    limited = {"table": "s.child", "columns": ["parent"], "limit": 2}
    rows = {"schemas": {"roots": ["s.parent: id = 1"], "edges": [limited]}}
    output = ExportSettings(output=str(move.artifact))
    plugins = PluginSettings(("schemas", "ordered"), rows)
    return Settings(source=move.from_.dsn, target=move.to.dsn, export=output, plugins=plugins)


@pytest.mark.parametrize("key", ["text", "s.word", "bpchar", "character(3)", "text[]", ""])
def test_a_limit_takes_the_same_rows(recoded: Move, encoding: str, key: str) -> None:
    """The first in the order of their key, or of their whole text, in either database."""
    recoded.on_both(FAMILY.format(key=f"{key} PRIMARY KEY" if key else "text"))
    insert = "INSERT INTO s.child VALUES ({}, 1)".format("ARRAY[%s]" if key == "text[]" else "%s")
    for database in (recoded.source, recoded.target):
        database.cursor().executemany(insert, [(letter,) for letter in ENCODINGS[encoding]])
    settings = of_two_children(recoded)
    api.export(settings)

    assert all(result.equal for result in api.verify(str(recoded.artifact), settings))
    assert api.diff(str(recoded.artifact), recoded.to.dsn, Settings()).equal


@pytest.mark.parametrize("key", ["text PRIMARY KEY", "text"])
def test_a_limit_leaves_bytes_alone_that_are_not_utf8(
    server: Server, tmp_path: Path, key: str
) -> None:
    """A row that is not exported need not be one that could be."""
    with encoded(server, "SQL_ASCII") as one, psycopg.connect(one.dsn, autocommit=True) as source:
        source.execute(FAMILY.format(key=key).encode(), prepare=False)
        source.execute(rb"INSERT INTO s.child VALUES ('a', 1), ('b', 1), (E'\xe9', 1)")
        move = Move(one, one, source, source, tmp_path / "artifact", ())
        settings = of_two_children(move)

        assert api.export(settings).plan.row_count == 3
