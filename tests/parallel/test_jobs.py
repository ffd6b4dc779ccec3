"""With several processes, exports have the same bytes, and verify finds the same differences."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.database.connections import ReadingConnection
from replant.database.shared_snapshot import SharedSnapshot, share_snapshot
from replant.errors import DatabaseError, PluginError
from replant.model import (
    Column,
    ExportSettings,
    Plan,
    RowOrder,
    RunSettings,
    Settings,
    SqlExpression,
    Table,
    Transform,
)
from replant.parallel import sliced_tables, slices, workers
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.selection import parallel_counts
from replant.verification.differences import RowDifferenceKind
from replant_plugins.strategies import ordered
from tests.support.moves import FORMATS, Move, Registering, in_every_format

#: Tables with keys of several sorts, of which each row is in some order on disk.
TABLES = {
    "bigints": ("id bigint PRIMARY KEY, name text", "n * 7919 % 4001, 'row ' || n"),
    "pairs": (
        "a text, b integer, c text, PRIMARY KEY (a, b)",
        "chr(97 + n % 26), n, CASE WHEN n % 3 = 0 THEN E'two\\nlines \\\\' END",
    ),
    "uuids": ("id uuid PRIMARY KEY, size numeric", "md5(n::text)::uuid, n / 7.0"),
    "keyless": ("name text, at timestamptz", "'same', to_timestamp(n % 10)"),
    "large": ("id integer PRIMARY KEY, name text", "n, repeat(md5(n::text), 30)"),
}
ROWS = 4000


@pytest.fixture(autouse=True)
def _everything_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "FEWEST_ROWS", 100)
    monkeypatch.setattr(sliced_tables, "FEWEST_ROWS", 1)
    monkeypatch.setattr(parallel_counts, "FEWEST_ROWS", 1)
    monkeypatch.setattr(workers, "processors", lambda: 8)


@pytest.fixture
def filled(move: Move) -> Move:
    move.empty()
    for name, (columns, values) in TABLES.items():
        move.on_both(f'CREATE SCHEMA IF NOT EXISTS s; CREATE TABLE s."{name}" ({columns})')
        move.source.execute(
            f'INSERT INTO s."{name}" SELECT {values} FROM generate_series(1, {ROWS}) AS n'.encode()
        )
    move.source.execute("ANALYZE")
    return move


def settings(move: Move, form: ExportSettings, jobs: int) -> Settings:
    return evolve(move.settings(form), run=RunSettings(jobs=jobs))


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {file.name: file.read_bytes() for file in files}


def written(move: Move, form: ExportSettings, jobs: int) -> dict[str, bytes]:
    api.export(settings(move, form, jobs), host=move.host, force=True)
    return contents(move.artifact)


@in_every_format
def test_the_bytes_are_those_of_one_process(filled: Move, form: ExportSettings) -> None:
    assert written(filled, form, 3) == written(filled, form, 1)


def test_rows_in_no_order_are_all_there(filled: Move) -> None:
    written(filled, evolve(FORMATS["directory"], order=RowOrder.NONE), 2)
    filled.replay()
    assert filled.differing() == []


def test_verify_finds_what_one_process_finds(filled: Move) -> None:
    form = FORMATS["directory"]
    written(filled, form, 1)
    filled.replay()
    assert all(r.equal for r in api.verify(str(filled.artifact), settings(filled, form, 2)))
    filled.on_both(
        "ALTER TABLE s.uuids DROP CONSTRAINT uuids_pkey; "
        "ALTER TABLE s.uuids ALTER COLUMN id DROP NOT NULL"
    )
    filled.target.execute(
        b"UPDATE s.bigints SET name = 'changed' WHERE id = 17;"
        b"DELETE FROM s.pairs WHERE b = 399;"
        b"INSERT INTO s.uuids VALUES (NULL, 0)",
        prepare=False,
    )
    found = {r.name.name: r for r in api.verify(str(filled.artifact), settings(filled, form, 2))}
    counted = {name: dict(result.counts) for name, result in found.items() if not result.equal}
    assert counted == {
        "bigints": {RowDifferenceKind.CHANGED: 1},
        "pairs": {RowDifferenceKind.MISSING: 1},
        "uuids": {RowDifferenceKind.ADDITIONAL: 1},
    }


def test_a_table_that_somebody_waits_for_is_read_by_the_process_that_has_its_lock(
    filled: Move,
) -> None:
    """Workers would wait behind who waits for this export to end, and nobody would ever end."""
    alone = written(filled, FORMATS["file-copy"], 1)
    waiting: list[threading.Thread] = []

    def lock() -> None:
        with psycopg.connect(filled.from_.dsn) as other:
            other.execute("LOCK TABLE s.bigints, s.pairs")

    def planned(_: Plan) -> None:
        waiting.append(threading.Thread(target=lock))
        waiting[0].start()
        while not filled.found("SELECT 1 FROM pg_locks WHERE NOT granted"):
            time.sleep(0.01)

    api.export(
        settings(filled, FORMATS["file-copy"], 2), host=filled.host, force=True, planned=planned
    )
    waiting[0].join(timeout=30)
    assert contents(filled.artifact) == alone


@pytest.mark.parametrize("waits", [False, True])
def test_large_tables_are_counted_at_the_same_time(
    filled: Move, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    counted: list[int | None] = []
    waiting: list[threading.Thread] = []
    count = parallel_counts._count

    def lock() -> None:
        with psycopg.connect(filled.from_.dsn) as other:
            other.execute("LOCK TABLE s.bigints, s.pairs")

    def sharing(database: ReadingConnection, side: str) -> SharedSnapshot:
        if waits:
            waiting.append(threading.Thread(target=lock))
            waiting[0].start()
        while waits and not filled.found("SELECT 1 FROM pg_locks WHERE NOT granted"):
            time.sleep(0.01)
        return share_snapshot(database, side)

    def counting(snapshot: SharedSnapshot, query: str) -> int | None:
        counted.append(count(snapshot, query))
        return counted[-1]

    monkeypatch.setattr(parallel_counts, "share_snapshot", sharing)
    monkeypatch.setattr(parallel_counts, "_count", counting)
    decided = api.plan(settings(filled, FORMATS["file-copy"], 2), host=filled.host)

    assert {table.name.name: table.row_count for table in decided.tables} == dict.fromkeys(
        TABLES, ROWS
    )
    assert len(counted) == len(TABLES)
    assert (None in counted) is waits
    for thread in waiting:
        thread.join(timeout=30)


def test_a_process_that_is_killed_ends_the_export(filled: Move) -> None:
    def kill(*_: object) -> None:
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(DatabaseError, match="use fewer --jobs"):
        api.export(
            settings(filled, FORMATS["file-copy"], 2), host=filled.host, force=True, progress=kill
        )
    assert not filled.artifact.exists()
    assert multiprocessing.active_children() == []


def test_an_interrupted_export_leaves_no_process(filled: Move, tmp_path: Path) -> None:
    filled.source.execute(
        b"INSERT INTO s.large SELECT n, repeat('x', 1000) FROM generate_series(5000, 100000) AS n"
    )
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from replant.parallel import workers; workers.processors = lambda: 8;"
        "from replant.cli.main import main; main()"
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    where = ("--source", filled.from_.dsn, "--include", "s.*", "-o", tmp_path / "x.sql")
    process = subprocess.Popen(
        [sys.executable, "-c", code, "export", *map(str, where), "--jobs", "2"],
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(scratch)},
        text=True,
    )
    while not list(scratch.glob("replant-*/*")):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "replant: interrupted; nothing half-done was kept\n"
    assert [path.name for path in tmp_path.iterdir() if path != scratch] == []
    assert list(scratch.iterdir()) == []
    assert filled.found("SELECT 1 FROM pg_stat_activity WHERE application_name = 'replant'") == []


class Halving:
    """A plugin whose SQL fails over one value."""

    @hookimpl
    def transform_value(self, table: Table, column: Column) -> Transform | None:
        return SqlExpression("value / (value - 7)") if column.name == "n" else None


def test_a_value_over_which_sql_of_a_plugin_fails_is_told_by_row(move: Move) -> None:
    move.source.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, n numeric)")
    move.source.execute("INSERT INTO s.t SELECT n, n FROM generate_series(8, 900) AS n")
    move.source.execute("UPDATE s.t SET n = 7 WHERE id = 700; ANALYZE s.t", prepare=False)
    plugins = {"all": Registering(()), "halving": Halving(), "ordered": ordered}
    host = Host([LoadedPlugin(Candidate(n, "tests", "1", n), p) for n, p in plugins.items()])
    with pytest.raises(PluginError, match=r"'halving' \(distribution tests 1\) .* row id = 700;"):
        api.export(settings(move, ExportSettings(), 2), host=host)
