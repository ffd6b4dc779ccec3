"""A Dask cluster reads slices and exports tenants, also where a worker of it is killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, frozen

from replant import api
from replant.errors import UsageError
from replant.model import ExportSettings, Layout, PluginSettings, RunSettings, Settings
from replant.parallel import sliced_tables, slices
from tests.support.commands import Replant, assert_one_line
from tests.support.moves import Move

ROWS = 20_000


@frozen
class RunningCluster:
    """A scheduler and its workers, in processes of their own."""

    url: str
    workers: tuple[subprocess.Popen[bytes], ...]


def start(folder: Path, what: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a scheduler or a worker, as `dask scheduler` and `dask worker` do."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *arguments]
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    folder = tmp_path_factory.mktemp("dask")
    log = folder / "scheduler.log"
    scheduler = start(
        folder, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show", log=log
    )
    address = ""
    deadline = time.monotonic() + 30
    while not address and time.monotonic() < deadline:
        found = re.search(r"tcp://(127\.0\.0\.1:\d+)", log.read_text())
        address = found[1] if found else ""
        time.sleep(0.1)
    one = (f"tcp://{address}", "--no-nanny", "--nthreads", "1")
    workers = tuple(start(folder, "worker", *one, log=folder / f"{n}.log") for n in range(3))
    yield RunningCluster(f"dask://{address}", workers)
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


@pytest.fixture
def filled(move: Move, monkeypatch: pytest.MonkeyPatch) -> Move:
    monkeypatch.setattr(slices, "FEWEST_ROWS", 100)
    monkeypatch.setattr(sliced_tables, "FEWEST_ROWS", 1)
    move.empty()
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id integer PRIMARY KEY, shop int, name text)")
    move.on_both("CREATE INDEX ON s.t (shop)")
    move.source.execute(
        f"INSERT INTO s.t SELECT n, n % 12, repeat(md5(n::text), 5) "
        f"FROM generate_series(1, {ROWS}) AS n".encode()
    )
    move.source.execute("ANALYZE")
    return move


def settings_of(filled: Move, run: RunSettings, output: Path) -> Settings:
    form = ExportSettings(output=str(output), layout=Layout.DIRECTORY)
    plugins = PluginSettings(("schemas", "ordered"), {"schemas": {"include": ["s.*"]}})
    return Settings(
        source=filled.from_.dsn, target=filled.to.dsn, export=form, plugins=plugins, run=run
    )


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_a_cluster_writes_the_same_bytes_and_finds_the_same_differences(
    filled: Move, cluster: RunningCluster, tmp_path: Path
) -> None:
    run = RunSettings(executor=cluster.url)
    api.export(settings_of(filled, RunSettings(), tmp_path / "alone"))
    settings = settings_of(filled, run, tmp_path / "together")
    api.export(settings)
    assert contents(tmp_path / "together") == contents(tmp_path / "alone")
    api.replay(str(tmp_path / "together"), settings)
    assert [r.equal for r in api.verify(str(tmp_path / "together"), settings)] == [True]
    filled.target.execute(b"UPDATE s.t SET name = 'x' WHERE id = 777")
    assert [r.count for r in api.verify(str(tmp_path / "together"), settings)] == [1]


def test_tenants_are_tasks_and_one_worker_may_be_killed(
    filled: Move,
    cluster: RunningCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    roots = {"schemas": {"roots": ["s.t: shop = :shop"]}}
    settings = settings_of(filled, RunSettings(executor=cluster.url), tmp_path / "x")
    settings = evolve(
        settings,
        plugins=PluginSettings(("schemas", "ordered"), roots),
        export=evolve(settings.export, output=str(tmp_path / "out" / "{shop}")),
    )
    finished: list[str] = []

    def exported(result: api.ExportedTenant) -> None:
        finished.append(result.tenant.output)
        if len(finished) == 2:
            cluster.workers[0].send_signal(signal.SIGKILL)

    done = api.export_each(
        settings, "SELECT DISTINCT shop FROM s.t ORDER BY shop", exported=exported
    )
    assert not done.failed
    assert len(finished) == 12
    # What a killed process had not finished keeps its other name.
    whole = [path for path in (tmp_path / "out").iterdir() if path.suffix != ".partial"]
    assert len(whole) == 12
    assert sum(api.show(str(path)).manifest.row_count for path in whole) == ROWS


def test_a_worker_that_is_killed_in_the_middle_of_an_export_is_replaced_by_others(
    filled: Move, cluster: RunningCluster, tmp_path: Path
) -> None:
    api.export(settings_of(filled, RunSettings(), tmp_path / "alone"))
    settings = settings_of(filled, RunSettings(executor=cluster.url), tmp_path / "together")
    killed = threading.Event()

    def progress(*_: object) -> None:
        if not killed.is_set():
            killed.set()
            cluster.workers[1].send_signal(signal.SIGKILL)

    api.export(settings, progress=progress)
    assert killed.is_set()
    assert contents(tmp_path / "together") == contents(tmp_path / "alone")


def test_a_password_does_not_leave_this_machine(
    filled: Move, cluster: RunningCluster, tmp_path: Path
) -> None:
    settings = settings_of(filled, RunSettings(executor=cluster.url), tmp_path / "x")
    settings = evolve(settings, source=f"{settings.source} password=sesame")
    with pytest.raises(UsageError, match="holds a password, which is not sent") as error:
        api.export(settings)
    assert "sesame" not in str(error.value)


def test_what_is_missing_is_named(
    filled: Move, replant: Replant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "replant.toml"
    ask = ("export", "-c", file, "--include", "s.*", "--source", filled.from_.dsn)
    file.write_text('[run]\nexecutor = "spark://host:1"\n')
    assert_one_line(replant(*ask, "-o", tmp_path / "x.sql"), 2, "run", "dask://HOST:PORT")
    file.write_text('[run]\nexecutor = "dask://127.0.0.1:1"\n')
    monkeypatch.setattr("replant.parallel.cluster._PATIENCE", 1)
    assert_one_line(
        replant(*ask, "-o", tmp_path / "x.sql"),
        2,
        "no Dask scheduler answers at dask://127.0.0.1:1",
    )
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert_one_line(replant(*ask, "-o", tmp_path / "x.sql"), 2, "pip install 'replant[dask]'")
