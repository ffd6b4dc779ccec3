"""Tables that another session truncates, rewrites, renames or drops while they are read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import psycopg
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection

from replant import api
from replant.artifact.artifact import open_artifact, row_texts
from replant.database.connections import ReadingConnection
from replant.errors import DatabaseError, PrivilegeError, ReplantError
from replant.model import PluginSettings, RelationName, Root, Settings
from replant.testing.servers.server import Database, Server
from tests.support.moves import Move
from tests.support.property_tests import example_count
from tests.support.two_databases import connected

TABLES = """
CREATE SCHEMA s;
CREATE TABLE s.a (id int PRIMARY KEY);
CREATE TABLE s.b (id int PRIMARY KEY, a int REFERENCES s.a, x int, y int);
CREATE INDEX ON s.b (a);
INSERT INTO s.a VALUES (1);
INSERT INTO s.b SELECT i, 1, i, -i FROM generate_series(1, 10) AS i;
"""
B = RelationName("s", "b")
REWRITE = "ALTER TABLE s.b ADD COLUMN n uuid DEFAULT gen_random_uuid()"

#: What another session does, always together with another row of `s.a`; the rows of `s.b` then.
CHANGES: dict[str, list[tuple[Any, ...]] | None] = {
    "TRUNCATE s.b": [],
    REWRITE: [(i, i, -i) for i in range(1, 11)],
    "ALTER TABLE s.b ALTER x TYPE numeric(9, 1)": [(i, f"{i}.0", -i) for i in range(1, 11)],
    """ALTER TABLE s.b RENAME x TO z; ALTER TABLE s.b RENAME y TO x;
       ALTER TABLE s.b RENAME z TO y""": [(i, -i, i) for i in range(1, 11)],
    """ALTER TABLE s.b RENAME TO former;
       CREATE TABLE s.b (id int PRIMARY KEY, a int REFERENCES s.a, x int, y int);
       INSERT INTO s.b VALUES (1, 1, 0, 0)""": [(1, 0, 0)],
    """DROP TABLE s.b;
       CREATE TABLE s.b (id int PRIMARY KEY, a int REFERENCES s.a, x int, y int);
       INSERT INTO s.b VALUES (2, 1, 0, 0)""": [(2, 0, 0)],
    "ALTER TABLE s.b RENAME TO former": None,
    "DROP TABLE s.b": None,
    """ALTER SCHEMA s RENAME TO former; CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY);
       CREATE TABLE s.b (id int PRIMARY KEY, a int REFERENCES s.a, x int, y int);
       INSERT INTO s.a VALUES (1), (2); INSERT INTO s.b VALUES (3, 1, 0, 0)""": [(3, 0, 0)],
}
BEFORE: list[tuple[Any, ...]] = [(i, i, -i) for i in range(1, 11)]


@pytest.fixture
def other(move: Move) -> Iterator[Connection[Any]]:
    """A session beside that of the export."""
    move.on_both(TABLES)
    with connected(move.from_) as connection:
        yield connection


@contextmanager
def changing(
    database: Database, change: str, place: int, patch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let another session make the change before so many statements of a reading connection."""
    counted = count()
    execute = ReadingConnection.execute

    def counting(self: ReadingConnection, *arguments: Any, **options: Any) -> Any:
        if next(counted) == place:
            # It gives up on tables that the export has locked.
            with suppress(psycopg.errors.LockNotAvailable), connected(database) as other:
                other.execute(b"SET lock_timeout = '20ms'")
                other.execute(f"BEGIN; INSERT INTO s.a VALUES (2); {change}; COMMIT".encode())
        return execute(self, *arguments, **options)

    patch.setattr(ReadingConnection, "execute", counting)
    yield


@contextmanager
def in_background(work: Any) -> Iterator[Future[Any]]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def wait_until(connection: Connection[Any], condition: str) -> None:
    """Wait until the session of an export does what the condition on `pg_stat_activity` says."""
    query = f"SELECT pid FROM pg_stat_activity WHERE application_name = 'replant' AND {condition}"
    until = time.monotonic() + 10
    while not connection.execute(query.encode()).fetchone():
        assert time.monotonic() < until, condition
        time.sleep(0.01)


def closed_set(move: Move, root: str) -> Settings:
    """An export of a row of `s.a`, and of all that references it."""
    asked = {"roots": [root], "children": "follow"}
    return evolve(move.settings(), plugins=PluginSettings(settings={"schemas": asked}))


def exported(move: Move, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return these columns of the rows in the artifact."""
    table = RelationName("s", name)
    with open_artifact(str(move.artifact)) as artifact:
        if table not in artifact.manifest.planned:
            return []
        names = artifact.manifest.planned[table].column_names
        places = [names.index(column) for column in columns]
        rows = [row for batch in row_texts(artifact, table) for row in batch]
    return [tuple(row[place] for place in places) for row in rows]


def test_an_export_waits_for_a_session_that_rewrites_a_table(
    move: Move, other: Connection[Any]
) -> None:
    """The catalog names the table as it was; its rows are read as they are then."""
    other.execute(b"BEGIN")
    other.execute(REWRITE.encode())
    with in_background(move.export) as export:
        wait_until(move.source, "wait_event_type = 'Lock'")
        other.execute(b"COMMIT")

    assert export.result().rows[B] == 10
    assert all(n for (n,) in exported(move, "b", "n"))


def test_a_table_that_is_not_reached_yet_is_not_rewritten_meanwhile(
    move: Move, other: Connection[Any]
) -> None:
    asked = closed_set(move, "s.a: id = 1 AND pg_sleep(0.3) IS NOT NULL")

    with in_background(lambda: api.export(asked)) as export:
        wait_until(move.source, "wait_event = 'PgSleep'")
        other.execute(REWRITE.encode())

    assert sum(export.result().rows.values()) == 11


@pytest.mark.parametrize("command", ["plan", "export", "why"])
def test_a_table_that_a_condition_reads_is_as_the_snapshot_has_it(
    move: Move, other: Connection[Any], command: str
) -> None:
    """Which tables a function reads is known when it has read them."""
    move.source.execute(
        """
        CREATE TABLE s.c (id int);
        INSERT INTO s.c VALUES (1);
        CREATE FUNCTION s.wanted(int) RETURNS boolean LANGUAGE plpgsql AS
          'BEGIN PERFORM pg_sleep(0.3); RETURN $1 IN (SELECT id FROM s.c); END';
        """
    )
    asked = evolve(closed_set(move, "s.a: s.wanted(id) OR id = 1"))
    commands = {
        "plan": lambda: api.plan(asked),
        "export": lambda: api.export(asked),
        "why": lambda: api.why(asked, Root(RelationName("s", "a"), "s.wanted(id) OR id = 1")),
    }

    with in_background(commands[command]) as running:
        wait_until(move.source, "wait_event = 'PgSleep'")
        other.execute(b"TRUNCATE s.c")

    with pytest.raises(DatabaseError, match=r"s\.c of the source changed after the snapshot"):
        running.result()
    assert not move.artifact.exists()


def test_the_target_is_locked_while_it_is_verified(move: Move, other: Connection[Any]) -> None:
    move.export()
    move.target.execute(b"TRUNCATE s.a, s.b")
    move.replay()
    with connected(move.to) as beside:
        beside.execute(b"BEGIN")
        beside.execute(b"ALTER TABLE s.b ALTER x TYPE bigint")
        with in_background(move.differing) as verification:
            wait_until(move.target, "wait_event_type = 'Lock'")
            beside.execute(b"COMMIT")

        assert verification.result() == []


def test_a_lock_is_not_waited_for_without_end(move: Move, other: Connection[Any]) -> None:
    asked = evolve(move.settings(), source_settings={"lock_timeout": "20ms"})
    with other.transaction():
        other.execute(b"LOCK s.b IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(DatabaseError) as refused:
            api.plan(asked, move.host)

    pid = other.info.backend_pid
    assert f"s.b of the source is locked by another session (pid {pid}, " in str(refused.value)
    assert "lock_timeout under [source.settings]" in str(refused.value)


def test_the_setting_is_named_when_the_lock_table_is_full(move: Move) -> None:
    tables = "FOR i IN 1..400 LOOP EXECUTE format('CREATE TABLE s.t%s ()', i); END LOOP"
    move.source.execute(f"CREATE SCHEMA s; DO $$ BEGIN {tables}; END $$".encode())
    with connected(move.from_) as other:
        # A backend has room for some locks of its own; all the others share one table.
        with pytest.raises(psycopg.errors.OutOfMemory):
            other.execute("SELECT pg_advisory_lock(i) FROM generate_series(1, 1000000) AS i")
        other.execute("SELECT pg_advisory_unlock(i) FROM generate_series(1, 150) AS i")

        with pytest.raises(DatabaseError, match=r"no room to lock 400 tables: .*raise max_locks"):
            api.plan(move.settings(), move.host)
        # A session that is closed may keep its locks for a moment, which the next test would meet.
        other.execute("SELECT pg_advisory_unlock_all()")


def test_a_role_with_select_on_columns_alone_reads_them(
    move: Move, other: Connection[Any], server: Server
) -> None:
    """LOCK TABLE needs SELECT on the table; reading the columns does not."""
    role = server.create_role()
    move.source.execute(
        f"GRANT USAGE ON SCHEMA s TO {role}; GRANT SELECT (id) ON s.a TO {role};"
        f"GRANT SELECT ON s.b TO {role}".encode()
    )
    try:
        assert move.export(role=role).rows[B] == 10
    finally:
        server.drop_role(role, [move.from_])


def test_a_missing_privilege_is_named_with_its_grant(
    move: Move, other: Connection[Any], server: Server
) -> None:
    role = server.create_role()
    move.source.execute(
        f"GRANT USAGE ON SCHEMA s TO {role}; GRANT SELECT ON s.a TO {role}".encode()
    )
    try:
        with pytest.raises(PrivilegeError, match=r"GRANT SELECT ON s\.b TO"):
            move.export(role=role)
    finally:
        server.drop_role(role, [move.from_])


@settings(max_examples=example_count(30))
@given(change=st.sampled_from(sorted(CHANGES)), place=st.integers(0, 60), closed=st.booleans())
def test_rows_are_those_of_one_moment_or_the_export_is_refused(
    two_databases: tuple[Database, Database],
    tmp_path_factory: pytest.TempPathFactory,
    change: str,
    place: int,
    closed: bool,
) -> None:
    """Another session alters the tables between two statements of the export, if it gets them."""
    source, target = two_databases
    with connected(source) as at_source, connected(target) as at_target:
        artifact = tmp_path_factory.mktemp("changed") / "artifact"
        move = Move(source, target, at_source, at_target, artifact)
        move.empty()
        move.source.execute(TABLES.encode())
        asked = closed_set(move, "s.a: true") if closed else move.settings()
        host = None if closed else move.host
        with pytest.MonkeyPatch.context() as patch, changing(source, change, place, patch):
            try:
                api.export(asked, host=host)
            except ReplantError:
                assert not artifact.exists()
                return
        wanted = CHANGES[change] if len(exported(move, "a", "id")) == 2 else BEFORE
        assert exported(move, "b", "id", "x", "y") == [tuple(map(str, row)) for row in wanted or []]
