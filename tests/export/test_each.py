"""Many tenants are exported, one artifact each, by a run that can be resumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from replant import api
from replant.database import read_catalog, table_locks
from replant.export.tenant_list import Tenant
from tests.support.commands import Outcome, Replant, assert_one_line
from tests.support.moves import Move

SHOPS = """
CREATE SCHEMA s;
CREATE TABLE s.shop (id int PRIMARY KEY, name text, plan int);
CREATE TABLE s.orders (id int PRIMARY KEY, shop int NOT NULL REFERENCES s.shop, v text);
INSERT INTO s.shop SELECT n, 'shop ' || n, n % 2 FROM generate_series(1, 5) AS n;
INSERT INTO s.orders SELECT n, n % 5 + 1, 'order ' || n FROM generate_series(1, 20) AS n;
"""

#: Not `replant.api.export_each`, which is the function.
module: Any = import_module("replant.api.export_each")

Each = Callable[..., Outcome]


@pytest.fixture
def each(move: Move, replant: Replant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Each:
    """Run `replant export --each` in a folder of its own."""
    move.source.execute(SHOPS.encode(), prepare=False)
    monkeypatch.chdir(tmp_path)
    root = ("--root", "s.shop: id = :id", "--source", move.from_.dsn)

    def run(
        *arguments: str, query: str = "SELECT id FROM s.shop", to: str = "out/{id}/"
    ) -> Outcome:
        return replant("export", "--each", query, *root, "-o", to, *arguments)

    return run


def rows_of(folder: Path) -> dict[str, int]:
    return {path.name: api.show(str(path)).manifest.row_count for path in folder.iterdir()}


def test_each_row_of_the_query_is_an_artifact(each: Each, tmp_path: Path) -> None:
    done = each(query="SELECT id, name FROM s.shop WHERE plan = 1;", to="out/{name}.sql.gz")
    assert done.code == 0
    assert done.err.endswith("exported 3 tenants, 15 rows\n")
    assert rows_of(tmp_path / "out") == {f"shop {n}.sql.gz": 5 for n in (1, 3, 5)}
    shown = api.show(str(tmp_path / "out" / "shop 3.sql.gz"))
    assert shown.manifest.scope == {"id": "3", "name": "shop 3"}


def test_the_catalog_is_read_once_and_again_when_it_changed(
    each: Each, move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    original: Any = read_catalog.read_catalog

    def counted(database: Any) -> Any:
        read.append(database)
        return original(database)

    monkeypatch.setattr(table_locks, "read_catalog", counted)
    assert each().code == 0
    assert len(read) == 1
    done = module._export

    def altering(source: Any, host: Any, tenant: Tenant, *rest: Any, **options: Any) -> Any:
        if tenant.values["id"] == "3":
            move.source.execute(b"ALTER TABLE s.orders ADD w text")
        return done(source, host, tenant, *rest, **options)

    monkeypatch.setattr(module, "_export", altering)
    assert each("--force").code == 0
    assert len(read) == 3


def test_a_run_that_was_killed_goes_on_without_doing_a_finished_one_again(
    each: Each, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = module._export

    def killed(source: Any, host: Any, tenant: Tenant, *rest: Any, **options: Any) -> Any:
        result = done(source, host, tenant, *rest, **options)
        if tenant.values["id"] == "3":
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patched:
        patched.setattr(module, "_export", killed)
        assert each().code == 130
    first = (tmp_path / "out" / "1").stat()
    journal = tmp_path / "replant.journal"
    with journal.open("ab") as file:
        file.write(b'{"state": "done", "output": "out/4"')  # cut off: does not count
    assert_one_line(each(), 2, "has not ended", "--resume")
    # What SIGKILL leaves behind, and what somebody else keeps there.
    (tmp_path / "out" / ".3.0a1b2c3d.partial").mkdir()
    (tmp_path / "out" / ".other.0a1b2c3d.partial").touch()
    resumed = each("--resume")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(".other.0a1b2c3d.partial", "1", "2", "3", "4", "5")
    ]
    assert resumed.code == 0, resumed.err
    assert resumed.err.endswith("exported 3 tenants, 15 rows; 2 tenants were done before\n")
    assert (tmp_path / "out" / "1").stat() == first
    assert json.loads(journal.read_text().splitlines()[-1]) == {"state": "end"}
    assert each("--force").code == 0, "a run that has ended is no hindrance"


def test_failures_are_listed_at_the_end_and_tried_again(each: Each, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "2").write_text("in the way")
    failed = each()
    assert failed.code == 1
    lines = failed.err.splitlines()
    assert lines[-3].startswith("failed: id = 2: out/2 exists already")
    assert lines[-2] == "exported 4 tenants, 20 rows; 1 failed"
    assert "replant.journal says what is done" in lines[-1]
    assert each("--resume").code == 1, "it is never replaced unasked"
    (tmp_path / "out" / "2").unlink()
    assert each("--resume").code == 0


def test_one_tenant_that_was_done_before_is_told_as_one(each: Each, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for number in range(2, 6):
        (tmp_path / "out" / str(number)).write_text("in the way")
    assert each().code == 1
    assert "; 1 tenant was done before" in each("--resume").err


def test_a_lost_connection_costs_one_tenant(
    each: Each, move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = module._export

    def losing(source: Any, host: Any, tenant: Tenant, *rest: Any, **options: Any) -> Any:
        if tenant.values["id"] == "2":
            pid = source.database.info.backend_pid
            move.source.execute("SELECT pg_terminate_backend(%s)", [pid])
        return done(source, host, tenant, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(module, "_export", losing)
        failed = each()
    assert failed.code == 1
    assert "failed: id = 2: the source failed" in failed.err
    assert "exported 4 tenants" in failed.err
    assert each("--resume").code == 0


@pytest.mark.parametrize(
    ("query", "to", "words"),
    [
        ("SELECT id FROM s.shop", "out/{name}/", ["must say by columns", "{id}"]),
        ("SELECT id FROM s.shop", "out/", ["must say by columns", "{id}"]),
        ("SELECT id FROM s.nothing", "out/{id}/", ["--each", "s.nothing"]),
        ("SELECT id FROM s.shop WHERE false", "out/{id}/", ["gives no row"]),
        ("SELECT 1 AS id FROM s.shop", "out/{id}/", ["several rows", "out/1"]),
        ("SELECT NULL::int AS id", "out/{id}/", ["id is NULL"]),
        ("SELECT 1 AS id, 2 AS id", "out/{id}/", ["two columns of one name: id, id"]),
        ("SELECT '../up' AS id", "out/{id}/", ["cannot be a part of a path"]),
        ("SELECT id AS shop FROM s.shop", "out/{shop}/", ["no rows are chosen by shop"]),
        ("SELECT 1 AS id) AS x; DROP TABLE s.orders; --", "out/{id}/", ["--each"]),
    ],
)
def test_what_cannot_be_meant_is_refused(
    each: Each, query: str, to: str, words: list[str], tmp_path: Path
) -> None:
    assert_one_line(each(query=query, to=to), 2, *words)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_options_of_each_go_with_it(replant: Replant) -> None:
    assert_one_line(replant("export", "-o", "x.sql", "--journal", "j"), 2, "--each")


def test_another_run_is_not_resumed(each: Each) -> None:
    assert_one_line(each("--resume"), 2, "there is no run in replant.journal")
    assert each().code == 0
    other = each("--resume", query="SELECT id FROM s.shop WHERE plan = 1")
    assert_one_line(other, 2, "was another", "each differ")


def test_a_mistake_in_the_configuration_ends_the_run(each: Each, tmp_path: Path) -> None:
    (tmp_path / "replant.toml").write_text('[[tables]]\nname = "s.nothing"\n')
    assert_one_line(each(), 2, "s.nothing")


def test_a_run_is_not_resumed_with_another_configuration(each: Each, tmp_path: Path) -> None:
    """What is done may hold values that are to be masked from now on."""
    assert each().code == 0
    (tmp_path / "replant.toml").write_text('[[tables]]\nname = "s.orders"\nomit = ["v"]\n')
    assert_one_line(each("--resume"), 2, "was another", "configuration differ")


def test_what_is_done_and_gone_is_done_again(each: Each, tmp_path: Path) -> None:
    assert each().code == 0
    rmtree(tmp_path / "out" / "3")
    resumed = each("--resume")
    assert resumed.code == 0, resumed.err
    assert rows_of(tmp_path / "out") == {str(n): 5 for n in range(1, 6)}
