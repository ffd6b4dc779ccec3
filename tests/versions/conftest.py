"""A server of each version, started when it is first asked for, and databases on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import psycopg
import pytest
from attrs import evolve, frozen

from replant import api
from replant.model import ExportSettings, Settings
from replant.testing.rows import Contents
from replant.testing.servers.server import Database, Server, local_server
from tests.versions.servers import embedded_version, installed
from tests.versions.subjects import Subject

ServerOf = Callable[[int], Server]
DatabaseOf = Callable[[int, Subject], Database]


@frozen
class Sent:
    """An export, and what it is of as it lies in the source."""

    exported: api.Exported
    contents: Contents


SentFrom = Callable[[int, Subject, ExportSettings], Sent]


def pytest_report_header() -> list[str]:
    return [f"PostgreSQL {major}: {folder or 'none'}" for major, folder in installed().items()]


@pytest.fixture(scope="session")
def server_of(server: Server) -> Iterator[ServerOf]:
    """The server of a major version."""
    with ExitStack() as running:

        @cache
        def started(major: int) -> Server:
            if major == embedded_version():
                return server
            programs = installed()[major]
            assert programs is not None
            return running.enter_context(local_server(programs))

        yield started


@pytest.fixture(scope="session")
def deployed_on(server_of: ServerOf) -> DatabaseOf:
    """A database with a subject's tables and no rows, on the server of a version; a template."""

    @cache
    def made(major: int, subject: Subject) -> Database:
        database = server_of(major).create_database()
        with psycopg.connect(database.dsn) as connection:
            subject.deploy(connection)
        return database

    return made


@pytest.fixture(scope="session")
def sent_from(
    server_of: ServerOf, deployed_on: DatabaseOf, tmp_path_factory: pytest.TempPathFactory
) -> SentFrom:
    """A subject's rows, exported from the server of a version in some form."""

    @cache
    def filled(major: int, subject: Subject) -> Database:
        database = server_of(major).create_database(deployed_on(major, subject).name)
        with psycopg.connect(database.dsn) as connection:
            subject.fill(connection)
        return database

    @cache
    def made(major: int, subject: Subject, form: ExportSettings) -> Sent:
        source = filled(major, subject).dsn
        output = tmp_path_factory.mktemp("sent") / "artifact"
        export = evolve(form, output=str(output))
        settings = Settings(source=source, scope=subject.scope, export=export)
        exported = api.export(settings, host=subject.host())
        return Sent(exported, subject.contents(source, list(exported.rows)))

    return made


@pytest.fixture
def target_on(server_of: ServerOf, deployed_on: DatabaseOf) -> Iterator[DatabaseOf]:
    """A fresh database with a subject's tables, on the server of a version; dropped at the end."""
    with ExitStack() as made:

        def fresh(major: int, subject: Subject) -> Database:
            server = server_of(major)
            database = server.create_database(deployed_on(major, subject).name)
            made.callback(server.drop_database, database)
            return database

        yield fresh
