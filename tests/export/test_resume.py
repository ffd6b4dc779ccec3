"""An export in a snapshot that another session holds can be finished after it ended early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve
from psycopg.pq.abc import PGconn

from replant import api
from replant.database import copy_stream, libpq
from replant.errors import UsageError
from replant.model import ExportSettings, Layout, PluginSettings, RelationName, Settings
from tests.support.commands import Replant, assert_one_line
from tests.support.moves import Move

ONE, TWO = RelationName("s", "one"), RelationName("s", "two")
DIRECTORY = ExportSettings(layout=Layout.DIRECTORY)


@pytest.fixture
def filled(move: Move) -> Move:
    move.empty()
    move.source.execute(b"CREATE SCHEMA s", prepare=False)
    for name in ("one", "two"):
        move.source.execute(f"CREATE TABLE s.{name} (id int PRIMARY KEY, v text)".encode())
        move.source.execute(
            f"INSERT INTO s.{name} SELECT n, '{name} ' || n FROM generate_series(1, 500) n".encode()
        )
    return move


@pytest.fixture
def holder(filled: Move) -> Iterator[psycopg.Connection[Any]]:
    """A session in whose transaction a snapshot is held."""
    with psycopg.connect(filled.from_.dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield connection


@pytest.fixture
def snapshot(holder: psycopg.Connection[Any]) -> str:
    (identifier,) = holder.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
    return str(identifier)


def export(move: Move, snapshot: str, *, resume: bool = False, **options: Any) -> api.Exported:
    settings = move.settings(DIRECTORY)
    return api.export(settings, host=move.host, snapshot=snapshot, resume=resume, **options)


def interrupted(move: Move, snapshot: str) -> Path:
    """Export until the first row of the second table; return the unfinished folder."""

    def progress(table: RelationName, *_: int) -> None:
        if table == TWO:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(move, snapshot, progress=progress)
    assert not Path(move.artifact).exists()
    return Path(f"{move.artifact}.unfinished")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_finished_is_not_read_again_and_all_is_of_one_snapshot(
    filled: Move, snapshot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = filled.settings(DIRECTORY)
    api.export(whole, host=filled.host)
    wanted = contents(Path(filled.artifact))
    Path(filled.artifact).rename(tmp_path / "moved")
    unfinished = interrupted(filled, snapshot)
    filled.source.execute(b"UPDATE s.one SET v = 'later'; UPDATE s.two SET v = 'later'")
    read: list[str] = []
    original = libpq.send_query

    def noted(connection: PGconn, statements: bytes) -> None:
        read.append(statements.decode())
        original(connection, statements)

    monkeypatch.setattr(copy_stream, "send_query", noted)
    done = export(filled, snapshot, resume=True)
    assert done.rows == {ONE: 500, TWO: 500}
    assert not any('"one"' in query for query in read)
    assert any('"two"' in query for query in read)
    assert contents(Path(filled.artifact)) == wanted
    assert not unfinished.exists()


def test_a_file_that_is_not_as_it_was_noted_is_read_again(filled: Move, snapshot: str) -> None:
    unfinished = interrupted(filled, snapshot)
    (unfinished / "data" / "s.one.copy").write_text("1\tchanged\n")
    export(filled, snapshot, resume=True)
    assert api.show(str(filled.artifact), check=True).manifest.row_count == 1000


def test_it_is_said_plainly_that_a_snapshot_is_gone(
    filled: Move, holder: psycopg.Connection[Any], snapshot: str, replant: Replant
) -> None:
    unfinished = interrupted(filled, snapshot)
    holder.rollback()
    ask = ("export", "--include", "s", "--source", filled.from_.dsn, "-o", filled.artifact)
    gone = replant(*ask, "--layout", "directory", "--snapshot", snapshot, "--resume")
    assert gone.code == 4
    assert f"holds the snapshot '{snapshot}' any more" in gone.err
    assert "begin again without --resume" in gone.err
    assert unfinished.exists(), "nothing is deleted unasked"


def test_another_plan_is_not_finished(filled: Move, snapshot: str, replant: Replant) -> None:
    interrupted(filled, snapshot)
    ask = ("export", "--source", filled.from_.dsn, "-o", filled.artifact, "--snapshot", snapshot)
    directory = ("--layout", "directory")
    other = replant(*ask, *directory, "--include", "s.two", "--resume")
    assert_one_line(other, 2, "was begun with another plan")
    again = replant(*ask, *directory, "--include", "s")
    assert_one_line(again, 2, "left of an export that ended early", "--resume")


CHANGED = {
    "an expression": (
        "renumber",
        lambda name: {"offset": 1000, "columns": {"s.one.v": f"value || '{name}'"}},
    ),
    "a secret": ("mask", lambda name: {"columns": {"s.one.v": "hash"}, "secret": f"env:{name}"}),
}


@pytest.mark.parametrize(("plugin", "asked"), CHANGED.values(), ids=CHANGED)
def test_values_are_not_changed_in_two_ways(
    filled: Move,
    snapshot: str,
    plugin: str,
    asked: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONE", "a secret of one")
    monkeypatch.setenv("OTHER", "a secret of another")

    def export_with(name: str, **more: Any) -> api.Exported:
        form = evolve(DIRECTORY, output=str(filled.artifact))
        plugins = PluginSettings(
            ("schemas", plugin, "ordered"), {"schemas": {"include": ["s"]}, plugin: asked(name)}
        )
        settings = Settings(source=filled.from_.dsn, export=form, plugins=plugins)
        return api.export(settings, snapshot=snapshot, **more)

    def progress(table: RelationName, *_: int) -> None:
        if table == TWO:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_with("ONE", progress=progress)
    with pytest.raises(UsageError, match="was begun with another plan"):
        export_with("OTHER", resume=True)
    assert export_with("ONE", resume=True).plan.row_count == 1000


def test_only_what_can_be_resumed_is_resumed(filled: Move, replant: Replant) -> None:
    ask = ("export", "--source", filled.from_.dsn, "--include", "s", "--resume")
    assert_one_line(replant(*ask, "-o", filled.artifact), 2, "--snapshot", "--layout directory")
    nothing = replant(
        *ask, "-o", filled.artifact, "--layout", "directory", "--snapshot", "00000003-0000001B-1"
    )
    assert nothing.code == 4
