"""Sources that take no write of any kind: a hot standby, a role without TEMPORARY."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from replant.model import RelationName
from replant.testing.servers.server import (
    Database,
    Server,
    embedded_program,
    embedded_server,
    grant,
)
from replant_plugins import ddl
from replant_plugins.demonstration import PLATFORM
from tests.conftest import MakeDatabase
from tests.support.commands import Replant

SCOPE = f"database_id={PLATFORM.scope['database_id']}"
ROOT = f"collections_public.database: id = '{PLATFORM.scope['database_id']}'"

#: Ways to choose the tenant: by a column, and as a closed set.
WAYS = {
    "by-column": ("--scope", SCOPE),
    "closed-set": ("--root", ROOT),
}


@pytest.fixture(scope="module")
def primary() -> Iterator[Server]:
    """A server of its own: a standby copies all of it."""
    with embedded_server() as running:
        with psycopg.connect(running.dsn) as connection:
            ddl.deploy(connection)
            PLATFORM.fill(connection)
        yield running


def run_as_owner(folder: Path, program: str, *arguments: str | Path) -> None:
    """Run a program of PostgreSQL, which refuses root, as whoever owns the folder."""
    owner = folder.stat()
    as_other: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    subprocess.run(
        [embedded_program(program), *arguments],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **(as_other if os.geteuid() == 0 else {}),
    )


@pytest.fixture(scope="module")
def standby(primary: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A hot standby of it, on a socket beside that of the primary."""
    parts = psycopg.conninfo.conninfo_to_dict(primary.dsn)
    folder = Path(str(parts["host"])).parent / "standby"
    folder.mkdir(mode=0o700)
    owner = Path(str(parts["host"])).stat()
    if os.geteuid() == 0:
        os.chown(folder, owner.st_uid, owner.st_gid)
    copy, port = folder / "copy", "5433"
    run_as_owner(folder, "pg_basebackup", "-d", primary.dsn, "-D", copy, "-R", "-c", "fast")
    options = f"-p {port} -c listen_addresses='' -c unix_socket_directories='{folder}'"
    run_as_owner(folder, "pg_ctl", "start", "-w", "-D", copy, "-l", folder / "log", "-o", options)
    try:
        yield Database("postgres", make_conninfo(primary.dsn, host=str(folder), port=port))
    finally:
        run_as_owner(folder, "pg_ctl", "stop", "-w", "-D", copy, "-m", "immediate")


def is_in_recovery(database: Database) -> bool:
    with psycopg.connect(database.dsn) as connection:
        return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)


@pytest.mark.parametrize("choice", WAYS.values(), ids=WAYS)
def test_a_hot_standby_gives_the_bytes_of_its_primary(
    replant: Replant, primary: Server, standby: Database, tmp_path: Path, choice: tuple[str, ...]
) -> None:
    assert is_in_recovery(standby)
    ours, theirs = tmp_path / "primary.sql", tmp_path / "standby.sql"

    of_primary = replant("export", "--source", primary.dsn, *choice, "-o", ours)
    of_standby = replant("export", "--source", standby.dsn, *choice, "-o", theirs)

    assert (of_primary.code, of_standby.code) == (0, 0), of_standby.err
    assert theirs.read_bytes() == ours.read_bytes()


@pytest.mark.parametrize("choice", WAYS.values(), ids=WAYS)
def test_a_tenant_moves_from_a_hot_standby(
    replant: Replant,
    standby: Database,
    deployed: Database,
    tmp_path: Path,
    choice: tuple[str, ...],
) -> None:
    artifact = tmp_path / "tenant.sql"

    assert replant("export", "--source", standby.dsn, *choice, "-o", artifact).code == 0
    assert replant("replay", artifact, "--target", deployed.dsn).code == 0
    assert replant("verify", artifact, "--target", deployed.dsn).code == 0


def test_why_and_init_and_drift_ask_a_hot_standby(
    replant: Replant, standby: Database, tmp_path: Path
) -> None:
    config = tmp_path / "replant.toml"
    config.write_text(f'[plugins.schemas]\nroots = ["{ROOT}"]\n', encoding="utf-8")
    source = ("--source", standby.dsn)

    asked = f"collections_public.database: id = '{PLATFORM.scope['database_id']}'"
    assert replant("why", config, asked, *source).code == 0
    assert replant("init", *source, "-o", tmp_path / "proposed.toml").code == 0
    assert replant("drift", *source).code == 0


@pytest.mark.parametrize("choice", WAYS.values(), ids=WAYS)
def test_a_role_without_temporary_tables_gives_the_same_bytes(
    replant: Replant,
    server: Server,
    filled: Database,
    make_database: MakeDatabase,
    tmp_path: Path,
    choice: tuple[str, ...],
) -> None:
    role = server.create_role()
    with psycopg.connect(filled.dsn) as connection:
        connection.execute(f"REVOKE TEMPORARY ON DATABASE {filled.name} FROM public".encode())
        names = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY (%s)",
            [list(PLATFORM.schemas)],
        ).fetchall()
    grant(filled, role, "SELECT", [RelationName(*name) for name in names])
    ours, theirs = tmp_path / "owner.sql", tmp_path / "role.sql"

    of_owner = replant("export", "--source", filled.dsn, *choice, "-o", ours)
    of_role = replant("export", "--source", filled.as_role(role), *choice, "-o", theirs)

    assert (of_owner.code, of_role.code) == (0, 0), of_role.err
    assert theirs.read_bytes() == ours.read_bytes()
