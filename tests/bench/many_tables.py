"""Schemas of many tables: two foreign keys and a row each, so that the tables are what counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import psycopg

from replant.testing.servers.server import Database, Server
from tests.bench.commands import REPLANT, run
from tests.bench.measuring import Bench, Result, in_rounds, said


def many_tables(bench: Bench, tables: int, most: float | None) -> Iterator[Result]:
    """Plan, export and replay of so many tables, and the seconds that each may take, if so."""
    source, target = said(f"filling {tables} tables", partial(_filled, bench.server, tables))
    chosen = ("--source", source.dsn, "--include", "many.*")
    file = bench.folder / "many.sql"
    works = {
        "plan": partial(run, REPLANT, "plan", *chosen),
        "export": partial(bench.replant, "export", *chosen, "--force", "-o", file),
        # Undone, so that the target stays empty: all but the COMMIT of a replay.
        "replay": partial(bench.replant, "replay", file, "--target", target.dsn, "--rehearse"),
    }
    bench.replant("export", *chosen, "--force", "-o", file)
    for name, runs in in_rounds(works, bench.rounds).items():
        yield Result(f"{name}, {tables} tables", runs, (), most)
    bench.server.drop_database(source)
    bench.server.drop_database(target)


def _filled(server: Server, tables: int) -> tuple[Database, Database]:
    target = server.create_database()
    with psycopg.connect(target.dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA many")
        for number in range(tables):
            others = (number // 2, number - 1) if number > 1 else ()
            references = [f"REFERENCES many.t{other}" for other in others] or ["", ""]
            connection.execute(
                f"CREATE TABLE many.t{number} (id integer PRIMARY KEY, name text,"
                f" a integer {references[0]}, b integer {references[1]})".encode()
            )
    source = server.create_database(target.name)
    with psycopg.connect(source.dsn, autocommit=True) as connection:
        for number in range(tables):
            value = "1, 1" if number > 1 else "NULL, NULL"
            connection.execute(f"INSERT INTO many.t{number} VALUES (1, 'x', {value})".encode())
        connection.execute("ANALYZE")
    return source, target
