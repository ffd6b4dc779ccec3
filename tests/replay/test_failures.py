"""A process that is killed, a connection that is cut, a disk that is full: at any moment.

An export then leaves nothing under the artifact's name, or what was there before. A replay leaves
the target as it was. Each says so in one line, unless it was killed outright.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from attrs import frozen
from psycopg import sql

from replant import api
from replant.artifact.artifact import open_artifact
from replant.model import ExportSettings, Settings
from replant.testing.servers.server import Database, Server
from replant_plugins.demonstration import PLATFORM
from tests.support.artifacts import FORMS, Form
from tests.support.commands import start_replant

FILE, DIRECTORY = FORMS[0], FORMS[-1]
BOTH = pytest.mark.parametrize("form", [FILE, DIRECTORY], ids=str)
INTERRUPTIONS = pytest.mark.parametrize(
    ("form", "number"), [(FILE, signal.SIGINT), (DIRECTORY, signal.SIGTERM)], ids=str
)

SCOPE = f"database_id={PLATFORM.scope['database_id']}"
INTERRUPTED = "replant: interrupted; nothing half-done was kept\n"

#: Long enough for a command to be done before, now and then.
LONGEST_WAIT = 0.8


@frozen
class Ended:
    """How a command ended."""

    code: int
    err: str

    def says_one_line(self) -> None:
        assert self.err.startswith("replant: "), self.err
        assert len(self.err.splitlines()) == 1, self.err


@frozen
class Command:
    """A command that runs in a process of its own."""

    process: subprocess.Popen[str]

    def ended(self) -> Ended:
        _, err = self.process.communicate(timeout=60)
        return Ended(self.process.returncode, err)


def start(*arguments: object, largest_file: int | None = None, stdout: str = os.devnull) -> Command:
    """Start the command line; a file of it may grow to so many bytes."""
    limit = largest_file if largest_file is not None else resource.RLIM_INFINITY
    with Path(stdout).open("wb") as out:
        process = start_replant(
            *arguments,
            stdout=out,
            # It runs in the new process, which has no other thread.
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)),
        )
    return Command(process)


def options(form: Form) -> list[str]:
    form_options = ["--layout", form.layout.value, "--format", form.format]
    return [*form_options, "--compress", form.compression.value, "--quiet"]


def export(
    source: Database, form: Form, path: Path, *more: str, largest_file: int | None = None
) -> Command:
    arguments = ("--source", source.dsn, "--scope", SCOPE, *options(form), "-o", path, *more)
    return start("export", *arguments, largest_file=largest_file)


@pytest.fixture(scope="module")
def source(server: Server, filled_template: Database) -> Iterator[Database]:
    """A source with so many rows that what befalls a command befalls it in their middle."""
    database = server.create_database(filled_template.name)
    with psycopg.connect(database.dsn) as connection:
        connection.execute(
            "INSERT INTO collections_public.procedure (database_id, name, definition) "
            "SELECT %s, 'procedure ' || i, repeat(md5(i::text), 15) "
            "FROM generate_series(1, 25000) AS i",
            [PLATFORM.scope["database_id"]],
        )
    yield database
    server.drop_database(database)


@frozen
class Target:
    """Where the rows go, and a connection that looks on."""

    database: Database
    connection: psycopg.Connection[Any]

    def rows(self) -> int:
        """How many rows it holds, once nobody else is connected."""
        wait_until(lambda: not backends(self.database))
        tables = [
            sql.SQL("(SELECT count(*) FROM {})").format(sql.Identifier(*name))
            for name in self.connection.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY (%s)",
                [list(PLATFORM.schemas)],
            )
        ]
        row = self.connection.execute(sql.SQL("SELECT ") + sql.SQL(" + ").join(tables)).fetchone()
        assert row is not None
        return int(row[0])

    def empty(self) -> None:
        """Take out what a replay left that was done before it could be kept from it."""
        name = sql.Identifier("collections_public", "database")
        self.connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(name))
        self.connection.execute("TRUNCATE collections_public.extension CASCADE")


@pytest.fixture(scope="module")
def target(server: Server, deployed_template: Database) -> Iterator[Target]:
    database = server.create_database(deployed_template.name)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        yield Target(database, connection)
    server.drop_database(database)


@pytest.fixture(scope="module")
def artifacts(source: Database, tmp_path_factory: pytest.TempPathFactory) -> dict[Form, Path]:
    """What is replayed, in both forms."""
    folder = tmp_path_factory.mktemp("whole")
    for form in (FILE, DIRECTORY):
        export_settings = ExportSettings(
            str(folder / str(form)),
            layout=form.layout,
            format=form.format,
            compress=form.compression,
        )
        api.export(Settings(source.dsn, scope=PLATFORM.scope, export=export_settings))
    return {form: folder / str(form) for form in (FILE, DIRECTORY)}


def backends(database: Database) -> list[int]:
    """The process ids of the server for connections of replant to a database."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        query = (
            "SELECT pid FROM pg_stat_activity "
            "WHERE application_name = 'replant' AND datname = current_database()"
        )
        return [pid for (pid,) in connection.execute(query)]


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited for nothing"
        time.sleep(0.005)


def moment(*what: object) -> float:
    """A moment between a command's first connection and about its end: another for each test."""
    return Random(repr(what)).uniform(0, LONGEST_WAIT)  # noqa: S311 - no secret


def in_its_middle(command: Command, database: Database, *what: object) -> None:
    """Wait until a command is connected, and then for a while that is drawn."""
    wait_until(lambda: backends(database) or command.process.poll() is not None)
    time.sleep(moment(*what))


def cut(database: Database) -> bool:
    """Cut the connections of replant to a database; whether there were any."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        done = [
            connection.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchone()
            for pid in backends(database)
        ]
    return (True,) in done


def is_whole(path: Path) -> bool:
    with open_artifact(str(path)) as artifact:
        return artifact.manifest.row_count > 0


class TestAnExport:
    """Nothing is left under the artifact's name."""

    @INTERRUPTIONS
    def test_that_is_interrupted(
        self, source: Database, tmp_path: Path, form: Form, number: signal.Signals
    ) -> None:
        command = export(source, form, tmp_path / "x")
        in_its_middle(command, source, form, number)
        command.process.send_signal(number)
        ended = command.ended()

        assert (ended.code, ended.err) in {(130, INTERRUPTED), (0, "")}
        left = list(tmp_path.iterdir())
        assert left == [] or (left == [tmp_path / "x"] and is_whole(left[0]))

    @BOTH
    def test_that_is_killed_is_no_hindrance_to_the_next(
        self, source: Database, tmp_path: Path, form: Form
    ) -> None:
        command = export(source, form, tmp_path / "x")
        in_its_middle(command, source, form)
        command.process.kill()
        code = command.ended().code

        assert code in {-signal.SIGKILL, 0}
        assert not (tmp_path / "x").exists() or is_whole(tmp_path / "x")
        assert export(source, form, tmp_path / "x", "--force").ended() == Ended(0, "")
        assert is_whole(tmp_path / "x")

    @BOTH
    def test_whose_connection_is_cut(self, source: Database, tmp_path: Path, form: Form) -> None:
        command = export(source, form, tmp_path / "x")
        wait_until(lambda: list(tmp_path.glob(".x.*.partial")))
        time.sleep(moment(form, "cut") / 3)
        there_was_one = cut(source)
        ended = command.ended()

        if there_was_one and ended.code:
            assert ended.code == 4, ended.err
            ended.says_one_line()
            assert list(tmp_path.iterdir()) == []
        else:
            assert is_whole(tmp_path / "x")

    @pytest.mark.parametrize(("form", "largest"), [(FILE, 100_000), (DIRECTORY, 0)], ids=str)
    def test_whose_disk_is_full(
        self, source: Database, tmp_path: Path, form: Form, largest: int
    ) -> None:
        ended = export(source, form, tmp_path / "x", largest_file=largest).ended()

        assert ended.code == 2
        assert ended.err == (
            f"replant: {tmp_path / 'x'} cannot be written: File too large; choose another -o\n"
        )
        assert list(tmp_path.iterdir()) == []

    @BOTH
    def test_that_fails_leaves_what_it_should_replace(
        self, source: Database, artifacts: dict[Form, Path], tmp_path: Path, form: Form
    ) -> None:
        old = tmp_path / "x"
        if artifacts[form].is_dir():
            old.mkdir()
            (old / "manifest.json").write_bytes(b"old")
        else:
            old.write_bytes(b"old")

        ended = export(source, form, old, "--force", largest_file=100_000).ended()

        assert ended.code == 2
        assert list(tmp_path.iterdir()) == [old]
        assert (old / "manifest.json" if old.is_dir() else old).read_bytes() == b"old"

    def test_to_a_full_device(self, source: Database) -> None:
        arguments = ("--source", source.dsn, "--scope", SCOPE, "-o", "-")
        ended = start("export", *arguments, stdout="/dev/full").ended()

        assert ended == Ended(
            2,
            "replant: standard output cannot be written: No space left on device; "
            "choose another -o\n",
        )

    def test_whose_reader_goes_away(self, source: Database) -> None:
        arguments = ("--source", source.dsn, "--scope", SCOPE, "-o", "-", "--quiet")
        with start_replant("export", *arguments, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(1000)
            process.stdout.close()
            assert process.stderr.read() == ""
        assert process.returncode == 1


class TestAReplay:
    """The target is as it was."""

    def replay(self, artifact: Path, target: Target) -> Command:
        return start("replay", artifact, "--target", target.database.dsn, "--quiet")

    def check(self, target: Target, artifact: Path) -> None:
        """All of it or nothing."""
        with open_artifact(str(artifact)) as opened:
            every_row = opened.manifest.row_count
        rows = target.rows()
        if rows:
            target.empty()
        assert rows in {0, every_row}

    @INTERRUPTIONS
    def test_that_is_interrupted(
        self, artifacts: dict[Form, Path], target: Target, form: Form, number: signal.Signals
    ) -> None:
        command = self.replay(artifacts[form], target)
        in_its_middle(command, target.database, form, number)
        command.process.send_signal(number)
        ended = command.ended()

        assert (ended.code, ended.err) in {(130, INTERRUPTED), (0, "")}
        self.check(target, artifacts[form])

    @BOTH
    def test_that_is_killed(self, artifacts: dict[Form, Path], target: Target, form: Form) -> None:
        command = self.replay(artifacts[form], target)
        in_its_middle(command, target.database, form)
        command.process.kill()

        assert command.ended().code in {-signal.SIGKILL, 0}
        self.check(target, artifacts[form])

    @BOTH
    def test_whose_connection_is_cut(
        self, artifacts: dict[Form, Path], target: Target, form: Form
    ) -> None:
        command = self.replay(artifacts[form], target)
        in_its_middle(command, target.database, form, "cut")
        there_was_one = cut(target.database)
        ended = command.ended()

        if there_was_one and ended.code:
            assert ended.code == 4, ended.err
            ended.says_one_line()
        self.check(target, artifacts[form])

    @BOTH
    def test_that_fails_at_its_last_row(
        self, artifacts: dict[Form, Path], target: Target, form: Form
    ) -> None:
        target.connection.execute(
            "ALTER TABLE collections_public.procedure ADD CONSTRAINT short "
            "CHECK (name <> 'procedure 25000')"
        )
        ended = self.replay(artifacts[form], target).ended()
        target.connection.execute("ALTER TABLE collections_public.procedure DROP CONSTRAINT short")

        assert ended.code == 4
        ended.says_one_line()
        assert "collections_public.procedure" in ended.err
        assert target.rows() == 0


@pytest.mark.parametrize("command", ["plan", "verify"])
def test_a_result_that_cannot_be_written_is_an_error(
    source: Database, artifacts: dict[Form, Path], command: str
) -> None:
    arguments = {
        "plan": ("--source", source.dsn, "--scope", SCOPE),
        "verify": (artifacts[FILE], "--target", source.dsn),
    }
    ended = start(command, *arguments[command], stdout="/dev/full").ended()

    assert ended == Ended(
        2, "replant: standard output cannot be written: No space left on device\n"
    )
