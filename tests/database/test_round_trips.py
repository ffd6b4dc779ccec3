"""The catalog is asked for in few round trips, which count where a server is far away."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from attrs import define, field
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from replant.database import sql
from replant.database.batches import ask_together, select_all
from replant.database.connections import reading
from replant.database.read_catalog import read_catalog
from replant.model import Catalog
from replant.testing.servers.server import Database

_SOCKET = ".s.PGSQL.5432"


@define
class FarServer:
    """A server whose answers take their time; `turns` counts how often somebody waited for one."""

    dsn: str
    turns: int = field(default=0)

    def forward(self, listener: socket.socket, server: socket.socket) -> None:
        client, _ = listener.accept()
        answered = True
        with client, server:
            while True:
                for end in select.select([client, server], [], [])[0]:
                    if end is server:
                        time.sleep(0.02)
                    data = end.recv(1 << 20)
                    if not data:
                        return
                    self.turns += end is client and answered
                    answered = end is server
                    (server if end is client else client).sendall(data)


@contextmanager
def far(database: Database) -> Iterator[FarServer]:
    place = conninfo_to_dict(database.dsn)
    with (
        TemporaryDirectory(prefix="replant-") as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(str(Path(folder, _SOCKET)))
        listener.listen()
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(Path(str(place["host"]), _SOCKET)))
        found = FarServer(make_conninfo(database.dsn, host=folder, sslmode="disable"))
        thread = threading.Thread(target=found.forward, args=(listener, server), daemon=True)
        thread.start()
        yield found
        thread.join(timeout=5)


def test_the_catalog_takes_few_round_trips(deployed: Database) -> None:
    with far(deployed) as server, reading(server.dsn, "source") as connection:
        before = server.turns
        catalog = read_catalog(connection)
        # The names that are in force are asked for, set, and set back; the catalog takes three.
        assert server.turns - before <= 6
    assert len(catalog.tables) > 50


def test_the_catalog_is_the_same_without_pipelines(
    deployed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def catalog() -> Catalog:
        with reading(deployed.dsn, "source") as connection:
            return read_catalog(connection)

    expected = catalog()
    monkeypatch.setattr(psycopg.Pipeline, "is_supported", lambda: False)
    assert catalog() == expected


def test_ctrl_c_is_told_though_the_pipeline_cannot_be_left(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise psycopg.OperationalError("cannot exit pipeline mode while busy")

    with psycopg.connect(database.dsn) as connection:
        monkeypatch.setattr(psycopg.Pipeline, "__exit__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ask_together(connection, "SELECT 1")
        assert connection.closed


@pytest.mark.parametrize("cancelled", [True, False])
def test_ctrl_c_waits_for_no_answer(
    database: Database, cancelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is at work while more is composed, or has not begun when it is to cancel."""
    if not cancelled:
        monkeypatch.setattr(psycopg.Connection, "cancel_safe", lambda *_, **__: None)

    def selects() -> Iterator[sql.Composed]:
        yield sql.SQL("SELECT pg_sleep(20)").format()
        for _ in range(64):
            yield sql.SQL("SELECT NULL::void").format()
        raise KeyboardInterrupt

    with psycopg.connect(database.dsn) as connection:
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            list(select_all(connection, selects()))
        assert time.monotonic() - begun < 10
