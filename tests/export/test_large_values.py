"""Large values pass one at a time: memory is a few times the largest, however many there are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from replant.testing.servers.server import Database, Server

ROOT = Path(__file__).parents[2]

#: How large a value is; its text is twice as large.
SIZE = 1 << 20
TEXT = 2 * SIZE
MANY = 24


@pytest.fixture(scope="module")
def databases(server: Server) -> Iterator[tuple[Database, Database]]:
    """A source with a table of one large value and a table of many, and an empty target."""
    source, target = server.create_database(), server.create_database()
    for database in (source, target):
        with psycopg.connect(database.dsn) as connection:
            for name in ("one", "many"):
                connection.execute(
                    f"CREATE SCHEMA IF NOT EXISTS s; CREATE TABLE s.{name} "
                    "(id integer PRIMARY KEY, a bytea); "
                    f"ALTER TABLE s.{name} ALTER a SET STORAGE EXTERNAL"
                )
    with psycopg.connect(source.dsn) as connection:
        for name, number in (("one", 1), ("many", MANY)):
            connection.execute(
                f"INSERT INTO s.{name} SELECT i, decode(repeat(md5(i::text), {SIZE // 16}), 'hex') "
                f"FROM generate_series(1, {number}) AS i"
            )
    yield source, target
    for database in (source, target):
        server.drop_database(database)


@pytest.mark.parametrize("form", ["file-insert", "directory"])
def test_memory_does_not_grow_with_the_number_of_large_values(
    form: str, databases: tuple[Database, Database], tmp_path: Path
) -> None:
    source, target = databases
    with psycopg.connect(target.dsn) as connection:
        connection.execute("TRUNCATE s.one, s.many")
    module = [sys.executable, "-m", "tests.support.peak_memory"]

    done = subprocess.run(
        [*module, form, source.dsn, target.dsn, tmp_path, "s.one", "s.many"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    of_one, of_many = map(int, done.stdout.split())
    # A value or two may still be there while the next one comes.
    assert of_many - of_one < 6 * TEXT
