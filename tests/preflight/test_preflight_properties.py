"""Whatever two databases hold, a preflight refuses what would fail, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection

from replant import api
from replant.model import (
    Dangling,
    ExportSettings,
    OnConflict,
    Registration,
    Settings,
    Severity,
)
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.testing.servers.server import Database, Server
from replant_plugins.strategies import auto, ordered
from tests.support.property_tests import example_count

DDL = """
CREATE SCHEMA s;
CREATE TABLE s.p (id int PRIMARY KEY);
CREATE TABLE s.t (id int PRIMARY KEY, code text UNIQUE, p int REFERENCES s.p);
CREATE TABLE s.u (id int PRIMARY KEY, t int REFERENCES s.t (id))
"""

Rows = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]

NUMBERS = st.integers(1, 4)
#: Keys that an artifact has, and keys of others: most rows should not meet.
OWN, OTHERS = NUMBERS, NUMBERS.map(lambda number: number + 4)


def rows_of(ids: st.SearchStrategy[int], codes: st.SearchStrategy[str]) -> st.SearchStrategy[Rows]:
    """Rows of s.t and of s.u; an id and a code are given once."""
    of_t = st.tuples(ids, st.none() | codes, st.none() | NUMBERS)
    of_u = st.tuples(ids, st.none() | ids)
    return st.tuples(
        st.lists(of_t, max_size=4, unique_by=(lambda row: row[0], lambda row: row[1] or object())),
        st.lists(of_u, max_size=3, unique_by=lambda row: row[0]),
    )


class Children:
    """Registers s.t and s.u, and not s.p, which they reference."""

    @hookimpl
    def register_tables(self) -> list[Registration]:
        return [Registration("s.t"), Registration("s.u")]


@frozen
class Pair:
    """A source, a target, and connections of a superuser to them."""

    databases: tuple[Database, Database]
    source: Connection[Any]
    target: Connection[Any]
    artifact: Path

    @property
    def host(self) -> Host:
        plugins = {"children": Children(), "ordered": ordered, "auto": auto}
        candidates = [(Candidate(name, "tests", "1", name), p) for name, p in plugins.items()]
        return Host([LoadedPlugin(candidate, plugin) for candidate, plugin in candidates])

    def settings(self, way: OnConflict) -> Settings:
        return Settings(
            source=self.databases[0].dsn,
            target=self.databases[1].dsn,
            export=ExportSettings(
                output=str(self.artifact),
                on_conflict=way,
                dangling=Dangling.EXPORT,
                allow_empty=True,
            ),
        )

    def fill(self, connection: Connection[Any], parents: Sequence[int], rows: Rows) -> None:
        """The rows, whatever they reference."""
        connection.execute("TRUNCATE s.p, s.t, s.u")
        connection.execute("SET session_replication_role = replica")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO s.p VALUES (%s)", [(number,) for number in parents])
            cursor.executemany("INSERT INTO s.t VALUES (%s, %s, %s)", rows[0])
            cursor.executemany("INSERT INTO s.u VALUES (%s, %s)", rows[1])
        connection.execute("RESET session_replication_role")

    def fails(self) -> bool:
        """Whether the target refuses the file as it is, without a preflight."""
        try:
            self.target.execute(self.artifact.read_bytes())
        except psycopg.Error:
            self.target.execute("ROLLBACK")
            return True
        return False


@pytest.fixture(scope="module")
def pair(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    one = server.create_database()
    with psycopg.connect(one.dsn) as connection:
        connection.execute(DDL)
    other = server.create_database(one.name)
    artifact = tmp_path_factory.mktemp("preflight") / "x.sql"
    with (
        psycopg.connect(one.dsn, autocommit=True) as source,
        psycopg.connect(other.dsn, autocommit=True) as target,
    ):
        yield Pair((one, other), source, target, artifact)
    for database in (one, other):
        server.drop_database(database)


def consistent(rows: Rows, parents: Sequence[int]) -> Rows:
    """The rows as a target may hold them: what they reference is there."""
    of_t = [(id_, code, p if p in parents else None) for id_, code, p in rows[0]]
    ids = {row[0] for row in of_t}
    return of_t, [(id_, t if t in ids else None) for id_, t in rows[1]]


CODES = st.sampled_from("abcd")
EXPORTED = rows_of(OWN, CODES)
HELD = rows_of(OTHERS, CODES.map(str.upper)) | rows_of(OTHERS, CODES) | rows_of(OWN | OTHERS, CODES)
PARENTS = st.just({1, 2, 3, 4}) | st.sets(NUMBERS)


@settings(max_examples=example_count(60))
@given(exported=EXPORTED, held=HELD, parents=PARENTS, way=st.sampled_from(OnConflict))
def test_a_preflight_refuses_what_would_fail(
    pair: Pair, exported: Rows, held: Rows, parents: set[int], way: OnConflict
) -> None:
    pair.fill(pair.source, [1, 2, 3, 4], exported)
    pair.fill(pair.target, sorted(parents), consistent(held, sorted(parents)))
    asked = pair.settings(way)
    api.export(asked, host=pair.host, force=True)

    found = api.preflight(str(pair.artifact), evolve(asked, source=None), host=pair.host)
    refuses = bool(found.of(Severity.REFUSES))
    fails = pair.fails()

    if way is OnConflict.ERROR:
        assert refuses == fails, found.findings
    else:  # a row may be skipped, or make room for another, so not every failure is foreseen
        assert fails or not refuses, found.findings
