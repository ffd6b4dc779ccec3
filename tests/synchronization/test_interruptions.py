"""A synchronization, a removal or a clone that is killed or cut at any moment leaves nothing half.

Afterwards the rows are those of before, or the command was done.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from replant import api
from replant.model import ExportSettings, Layout, OnConflict, PluginSettings, Settings
from tests.support.commands import start_replant
from tests.support.moves import Move

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.customer (id int PRIMARY KEY, favourite int, name text);
CREATE TABLE s.orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer, v text);
ALTER TABLE s.customer ADD FOREIGN KEY (favourite) REFERENCES s.orders;
INSERT INTO s.customer SELECT n, NULL, 'c' || n FROM generate_series(1, 2) AS n;
INSERT INTO s.orders SELECT n, 1 + n % 2, md5(n::text) FROM generate_series(1, 6000) AS n;
UPDATE s.customer SET favourite = id;
"""
CHANGED = """
UPDATE s.orders SET v = 'changed' WHERE id % 3 = 0;
UPDATE s.customer SET favourite = NULL;
DELETE FROM s.orders WHERE id % 5 = 0;
INSERT INTO s.orders SELECT n, 2, 'new' FROM generate_series(7001, 8000) AS n;
"""
HASH = """
SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM (
    SELECT c::text FROM s.customer AS c UNION ALL SELECT o::text FROM s.orders AS o) AS t
"""
WAYS = ("sync", "remove", "clone")

Stop = Callable[[subprocess.Popen[str], Move], None]


def settings_of(move: Move, way: str) -> Settings:
    """What exports customer 2; for a clone, under new keys."""
    plugins: dict[str, dict[str, Any]] = {"schemas": {"roots": ["s.customer: id = 2"]}}
    if way == "clone":
        plugins["renumber"] = {"offset": 100_000}
    form = ExportSettings(
        output=str(move.artifact), layout=Layout.DIRECTORY, on_conflict=OnConflict.SAME
    )
    return Settings(
        source=move.from_.dsn,
        target=move.to.dsn,
        export=form,
        plugins=PluginSettings((*plugins, "ordered"), plugins),
    )


def backends(move: Move) -> list[int]:
    """The connections of replant to the target."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name = 'replant'"
    )
    return [pid for (pid,) in move.target.execute(query)]


def kill(process: subprocess.Popen[str], _: Move) -> None:
    process.send_signal(signal.SIGKILL)


def cut(_: subprocess.Popen[str], move: Move) -> None:
    for pid in backends(move):
        move.target.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_half_done(move: Move, way: str) -> None:
    move.on_both(SHOP)
    if way == "sync":
        move.source.execute(CHANGED.encode(), prepare=False)
    settings = settings_of(move, way)
    api.export(settings)
    name = "replay" if way == "clone" else way
    command = (name, move.artifact, "--target", move.to.dsn, "--yes", "--quiet")
    before = after = move.found(HASH)
    draw = Random(way)  # noqa: S311 - no secret
    for stop in (kill, cut):
        interrupted(move, command, stop, draw.uniform(0, 0.4))
        after = move.found(HASH)
        if after != before:
            break
    if after == before:
        process = start_replant(*command)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "")
        after = move.found(HASH)
    assert after != before
    verified = api.verify(str(move.artifact), settings)
    assert all(result.equal for result in verified) is (way != "remove")


def interrupted(move: Move, command: Sequence[object], stop: Stop, wait: float) -> None:
    """Stop a command so many seconds after it came to the target, and wait until it is gone."""
    process = start_replant(*command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not backends(move) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(wait)
    stop(process, move)
    process.communicate(timeout=60)
    while backends(move):
        time.sleep(0.01)
