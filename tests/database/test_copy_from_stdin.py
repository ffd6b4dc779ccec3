"""Rows reach their tables through COPY, many tables in one message, and failures come out whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from replant.database import copy_from_stdin
from replant.database.copy_from_stdin import Sent, send_rows, send_together
from replant.database.joined_rows import JoinedRows
from replant.testing.servers.server import Server

Connection = psycopg.Connection[TupleRow]

TABLES = 5

#: Texts that COPY needs not escape.
texts = st.text(st.characters(min_codepoint=32, exclude_characters="\\", codec="utf-8"), max_size=9)


@pytest.fixture(scope="module")
def dsn(server: Server) -> str:
    """A database with empty tables; `t3` refuses the text `bad`, and drops the text `dropped`."""
    database = server.create_database()
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for number in range(TABLES):
            connection.execute(f"CREATE TABLE t{number} (v text)".encode())
        connection.execute("ALTER TABLE t3 ADD CHECK (v <> 'bad')")
        connection.execute(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER f BEFORE INSERT ON t3 FOR EACH ROW WHEN (NEW.v = 'dropped')"
            " EXECUTE FUNCTION f()"
        )
    return database.dsn


@pytest.fixture
def database(dsn: str) -> Iterator[Connection]:
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT 1")
        yield connection
        with suppress(psycopg.OperationalError):
            connection.rollback()


def copy(number: int) -> bytes:
    return f"COPY t{number} FROM stdin".encode()


def held(database: Connection, number: int) -> list[str]:
    return [v for (v,) in database.execute(f"SELECT v FROM t{number}".encode())]


def joined(rows: list[bytes]) -> JoinedRows:
    return JoinedRows(b"".join(row + b"\n" for row in rows), [len(row) + 1 for row in rows])


@given(
    tables=st.lists(st.lists(st.lists(texts, max_size=3), max_size=3), max_size=TABLES),
    together=st.integers(1, 3),
    piece=st.integers(1, 20),
    as_joined=st.booleans(),
)
def test_every_row_arrives_in_its_own_table(
    dsn: str, tables: list[list[list[str]]], together: int, piece: int, as_joined: bool
) -> None:
    copies = []
    for number, batches in enumerate(tables):
        rows = [[text.encode() for text in batch] for batch in batches]
        copies.append((copy(number), map(joined, rows) if as_joined else iter(rows)))
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(dsn) as database:
        patch.setattr(copy_from_stdin, "TOGETHER", together)
        patch.setattr(copy_from_stdin, "_PIECE", piece)
        database.execute("SELECT 1")

        outcomes = list(send_together(database, copies))

        flat = [[text for batch in batches for text in batch] for batches in tables]
        assert outcomes == [Sent(len(rows), len(rows)) for rows in flat]
        assert [held(database, number) for number in range(len(flat))] == flat
        database.rollback()


def test_a_row_that_the_server_drops_is_not_counted_as_written(database: Connection) -> None:
    assert send_rows(database, copy(3), [[b"kept", b"dropped"]]) == Sent(2, 1)


def test_more_than_the_connection_holds_at_once_arrives(database: Connection) -> None:
    rows = [[b"x" * 3_000_000], [b"y"] * 500_000, [b"z" * 3_000_000, b"z"]]

    assert send_rows(database, copy(0), rows) == Sent(500_003, 500_003)

    query = "SELECT pg_catalog.sum(length(v)) FROM t0"
    assert database.execute(query).fetchone() == (6_500_001,)


def test_a_refusal_comes_with_the_table_it_is_of(database: Connection) -> None:
    copies = [(copy(number), [[b"bad"]]) for number in range(TABLES)]
    outcomes = send_together(database, copies)

    assert [next(outcomes) for _ in range(3)] == [Sent(1, 1)] * 3
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        next(outcomes)

    assert caught.value.diag.table_name == "t3"
    database.rollback()
    assert [held(database, number) for number in range(TABLES)] == [[]] * TABLES


def test_rows_that_cannot_be_read_keep_the_rest_from_being_written(database: Connection) -> None:
    def broken() -> Iterator[list[bytes]]:
        yield [b"first"]
        raise ValueError("cannot be read")

    with pytest.raises(ValueError, match="cannot be read"):
        list(send_together(database, [(copy(0), [[b"a"]]), (copy(1), broken()), (copy(2), [])]))

    assert database.info.transaction_status is psycopg.pq.TransactionStatus.INERROR
    database.rollback()
    assert held(database, 0) == []


def test_what_nobody_waits_for_is_not_written(database: Connection) -> None:
    outcomes = send_together(database, [(copy(number), [[b"a"]]) for number in range(TABLES)])
    next(outcomes)
    outcomes.close()

    assert database.info.transaction_status is psycopg.pq.TransactionStatus.INERROR
    database.rollback()
    assert held(database, 0) == []


@pytest.mark.parametrize("tables", [1, 3])
def test_nothing_is_cancelled_behind_the_last_outcome(
    database: Connection, tables: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[object] = []
    monkeypatch.setattr(database, "cancel_safe", lambda **_: cancelled.append(1))
    outcomes = send_together(database, [(copy(number), [[b"a"]]) for number in range(tables)])
    for _ in range(tables):
        next(outcomes)
    outcomes.close()

    assert cancelled == []
    assert database.info.transaction_status is psycopg.pq.TransactionStatus.INTRANS
    assert [held(database, number) for number in range(tables)] == [["a"]] * tables


def test_whoever_interrupts_it_does_not_wait_for_a_lock(database: Connection) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with psycopg.connect(database.info.dsn) as other:
            other.execute("LOCK TABLE t1")
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            start = monotonic()
            with pytest.raises(KeyboardInterrupt):
                list(send_together(database, [(copy(0), [[b"a"]]), (copy(1), [[b"b"]])]))
            assert monotonic() - start < 2
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert database.info.transaction_status is psycopg.pq.TransactionStatus.INERROR


def test_a_server_that_is_gone_is_an_error(database: Connection) -> None:
    def leaving() -> Iterator[list[bytes]]:
        yield [b"first"]
        with psycopg.connect(database.info.dsn) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [database.info.backend_pid])
        yield [b"x" * 1_000_000] * 20

    with pytest.raises(psycopg.OperationalError):
        send_rows(database, copy(0), leaving())
