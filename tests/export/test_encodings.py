"""Databases of other encodings: text is converted, and refused where nobody knows what it means."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from attrs import evolve
from psycopg import sql
from psycopg.conninfo import make_conninfo

from replant import api
from replant.errors import DatabaseError
from replant.model import ExportSettings, PluginSettings, RelationName, Settings, TableSettings
from replant.testing.servers.server import Database

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v text)"


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def encoded(database: Database, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of another encoding, by its connection string."""
    name = f"{database.name}_{request.param.lower()}"
    create = sql.SQL(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C'"
    ).format(sql.Identifier(name), sql.Literal(request.param))
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(create)
        connection.execute(TABLE)
        yield make_conninfo(database.dsn, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def settings(source: str, target: Database, folder: Path) -> Settings:
    return Settings(
        source=source,
        target=target.dsn,
        export=ExportSettings(output=str(folder / "artifact.sql")),
        plugins=PluginSettings(settings={"schemas": {"include": ["public.*"]}}),
    )


def test_text_that_can_be_converted_arrives(
    encoded: str, database: Database, tmp_path: Path
) -> None:
    with psycopg.connect(encoded, client_encoding="utf8") as connection:
        connection.execute(TABLE)
        connection.execute("INSERT INTO t VALUES (1, 'é'), (2, 'plain')")
    moved = settings(encoded, database, tmp_path)
    artifact = api.export(moved).output
    assert sum(api.replay(artifact, moved).rows.values()) == 2
    assert all(table.equal for table in api.verify(artifact, moved))
    with psycopg.connect(database.dsn) as connection:
        assert connection.execute("SELECT v FROM t ORDER BY id").fetchall() == [("é",), ("plain",)]


@pytest.mark.parametrize("encoded", ["SQL_ASCII"], indirect=True)
def test_bytes_of_an_unknown_encoding_are_refused_by_the_plan(
    encoded: str, database: Database, tmp_path: Path
) -> None:
    with psycopg.connect(encoded) as connection:
        connection.execute(TABLE)
        connection.execute(r"INSERT INTO t VALUES (1, E'\xe9'), (2, 'plain')")
    asked = settings(encoded, database, tmp_path)
    with pytest.raises(DatabaseError, match=r"public\.t holds text that is not UTF-8"):
        api.plan(asked)
    without = TableSettings(RelationName("public", "t"), where="id = 2")
    assert api.plan(evolve(asked, tables=(without,))).tables[0].row_count == 1


@pytest.mark.parametrize("encoded", ["LATIN1"], indirect=True)
@pytest.mark.parametrize("form", ["insert", "copy"])
def test_long_rows_are_told_by_their_bytes_in_utf8(
    encoded: str, database: Database, tmp_path: Path, psql: Path, form: str
) -> None:
    """In Latin-1 a row has half as many bytes, and the server that checks it is one of Latin-1."""
    with psycopg.connect(encoded) as connection:
        connection.execute(TABLE)
        connection.execute(
            "INSERT INTO t SELECT n, repeat(U&'\\00e9', n * 10) FROM generate_series(1, 1100) AS n"
        )
    moved = settings(encoded, database, tmp_path)
    export = evolve(moved.export, format=form)
    artifact = api.export(evolve(moved, export=export)).output
    with psycopg.connect(encoded) as connection:
        connection.execute("TRUNCATE t")
    loaded = subprocess.run(
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", artifact, "-d", encoded],
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    with psycopg.connect(encoded) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1100,)
