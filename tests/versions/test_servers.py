"""Servers that are started from a folder of programs, and how such folders come to be."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import psycopg
import pytest

from replant.errors import UsageError
from replant.testing.servers.server import embedded_program, local_server
from tests.versions.unpack import unpack


def test_a_local_server_listens_on_no_network_address_and_is_gone_afterwards() -> None:
    with local_server(embedded_program("postgres").parent) as running:
        with psycopg.connect(running.dsn) as connection:
            (addresses,) = connection.execute("SHOW listen_addresses").fetchall()
            ((data,),) = connection.execute("SHOW data_directory").fetchall()
        assert addresses == ("",)
        assert Path(data).exists()
    assert not Path(data).parent.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(running.dsn)


def test_a_folder_without_a_server_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"cannot run {tmp_path}/initdb: "), local_server(tmp_path):
        pass


def test_a_server_that_fails_says_why() -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "initdb")
        program.write_text("#!/bin/sh\necho no disk >&2\nexit 3\n")
        # Where root runs the tests, the program runs as nobody.
        for path in (program, program.parent):
            path.chmod(0o755)
        with pytest.raises(UsageError, match="ended with 3: no disk"), local_server(Path(folder)):
            pass


def test_the_links_between_a_packages_libraries_are_made_and_made_anew(tmp_path: Path) -> None:
    native = tmp_path / "node_modules" / "postgresql-15" / "native"
    (native / "lib").mkdir(parents=True)
    (native / "lib" / "libpq.so.5.15").write_text("a library")
    links = [{"source": "native/lib/libpq.so.5.15", "target": "native/lib/libpq.so.5"}]
    (native / "pg-symlinks.json").write_text(json.dumps(links))
    for _ in range(2):
        unpack(tmp_path)
    assert (tmp_path / "15" / "lib" / "libpq.so.5").read_text() == "a library"
