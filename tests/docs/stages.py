"""Where a document is run: databases, roles, and the variables of its shell."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from attrs import frozen

from replant.demo.demo_shell import CHECKER, LOADER, READER, ShellDatabases, grant_schemas
from replant.testing.servers.server import Database, Server, grant
from replant_plugins import ddl
from replant_plugins.demonstration import PLATFORM
from replant_plugins.demonstration.shops import SHOPS
from replant_plugins.schemas import collections_public, meta_public

_TABLES = [
    registration.table
    for registration in (*collections_public.REGISTRATIONS, *meta_public.REGISTRATIONS)
]


@frozen
class Stage:
    """Where a document is run: a folder, and the variables of its shell."""

    folder: Path
    variables: Mapping[str, str]


@contextmanager
def bare(server: Server, folder: Path) -> Iterator[Stage]:
    """No database: the document starts a server of its own."""
    del server
    yield Stage(folder, {})


@contextmanager
def two_databases(server: Server, folder: Path) -> Iterator[Stage]:
    """A source with two tenants, an empty target, and roles that may do nothing yet."""
    with _databases(server, *platform(server)) as (source, target):
        variables = {
            **ShellDatabases(source, target).variables,
            "TENANT": PLATFORM.scope["database_id"],
        }
        yield Stage(folder, variables)


@contextmanager
def without_a_superuser(server: Server, folder: Path) -> Iterator[Stage]:
    """As `store`; the document grants a parameter, which outlives the database."""
    with store(server, folder) as stage:
        yield stage
    with psycopg.connect(server.dsn) as connection:
        parameter = "session_replication_role"
        connection.execute(f"REVOKE ALL ON PARAMETER {parameter} FROM {LOADER}".encode())


@contextmanager
def granted(server: Server, folder: Path) -> Iterator[Stage]:
    """As `two_databases`, where the target's role may INSERT, and SELECT for the proof."""
    with two_databases(server, folder) as stage:
        target = Database("target", stage.variables["OWNER"])
        grant(target, LOADER, "INSERT, SELECT", _TABLES)
        yield stage


@contextmanager
def versioned(server: Server, folder: Path) -> Iterator[Stage]:
    """As `store`, in an empty folder inside another, with a git that nobody has configured."""
    inner = folder / "repository"
    inner.mkdir()
    who = {"NAME": "reader", "EMAIL": "reader@example.org"}
    git = {f"GIT_{role}_{key}": v for role in ("AUTHOR", "COMMITTER") for key, v in who.items()}
    git |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_PAGER": "cat"}
    with store(server, inner) as stage:
        yield Stage(inner, {**stage.variables, **git})


@contextmanager
def store(server: Server, folder: Path) -> Iterator[Stage]:
    """What `replant demo --shell` starts: the shops, and the same tables empty."""
    with _databases(server, *stored(server)) as (source, target):
        for database, role, privileges in (
            (target, LOADER, "INSERT, SELECT"),
            (target, CHECKER, "SELECT"),
            (source, READER, "SELECT"),
        ):
            grant_schemas(database, role, privileges, SHOPS.schemas)
        yield Stage(folder, ShellDatabases(source, target).variables)


@contextmanager
def _databases(
    server: Server, source_template: str | None = None, target_template: str | None = None
) -> Iterator[tuple[Database, Database]]:
    source = server.create_database(source_template)
    target = server.create_database(target_template)
    try:
        yield source, target
    finally:
        server.drop_database(source)
        server.drop_database(target)


@cache
def platform(server: Server) -> tuple[str, str]:
    """The roles, and two templates: the platform's tables with rows, and without."""
    for role in (LOADER, CHECKER, READER):
        server.create_role(role)
    empty = server.create_database()
    with psycopg.connect(empty.dsn) as connection:
        ddl.deploy(connection)
    filled = server.create_database(empty.name)
    with psycopg.connect(filled.dsn) as connection:
        PLATFORM.fill(connection)
    return filled.name, empty.name


@cache
def stored(server: Server) -> tuple[str, str]:
    """The roles, and two templates: the shops' tables with rows, and without."""
    platform(server)
    empty = server.create_database()
    with psycopg.connect(empty.dsn) as connection:
        SHOPS.deploy(connection)
    filled = server.create_database(empty.name)
    with psycopg.connect(filled.dsn) as connection:
        SHOPS.fill(connection)
    return filled.name, empty.name


#: The documents that are run, each with its stage.
EXECUTED = {
    "README.md": store,
    "docs/tutorial/first-tenant.md": store,
    "docs/how-to/export-any-schema.md": store,
    "docs/how-to/find-out-why.md": store,
    "docs/how-to/start-with-an-unknown-database.md": store,
    "docs/how-to/add-a-schema.md": store,
    "docs/how-to/mask-personal-data.md": store,
    "docs/how-to/mask-values.md": store,
    "docs/how-to/add-a-row-format.md": store,
    "docs/how-to/add-a-strategy.md": store,
    "docs/how-to/watch-for-drift.md": store,
    "docs/how-to/test-a-plugin-in-ci.md": bare,
    "docs/how-to/prove-your-own-schema.md": store,
    "docs/how-to/replay-without-a-superuser.md": without_a_superuser,
    "docs/how-to/handle-dangling-references.md": store,
    "docs/how-to/replay-the-same-artifact-again.md": store,
    "docs/how-to/copy-a-tenant.md": store,
    "docs/how-to/refresh-a-copy.md": store,
    "docs/how-to/export-many-tenants.md": store,
    "docs/how-to/run-a-nightly-job.md": store,
    "docs/how-to/move-a-customer.md": store,
    "docs/how-to/take-a-load-back.md": store,
    "docs/how-to/a-command-of-your-own.md": store,
    "docs/how-to/a-sample-for-a-laptop.md": store,
    "docs/how-to/clone-a-tenant.md": store,
    "docs/how-to/meet-rows-by-another-key.md": store,
    "docs/how-to/keep-artifacts-in-git.md": versioned,
    "docs/how-to/use-in-ci.md": store,
    "docs/reference/artifact.md": granted,
    "docs/reference/manifest.md": granted,
    "docs/reference/errors.md": granted,
    "docs/reference/python.md": store,
    "docs/reference/rows.md": store,
}
