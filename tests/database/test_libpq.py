"""A connection is waited for whatever the number of its socket is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from replant.model import ExportSettings
from tests.support.moves import Move, Way, in_every_format

if sys.platform == "win32":
    pytest.skip("Windows numbers sockets otherwise", allow_module_level=True)

from resource import RLIMIT_NOFILE, getrlimit, setrlimit

#: `select` takes no file above this.
HIGHEST = 1023


@pytest.fixture
def many_files() -> Iterator[None]:
    """More open files than `select` can wait for."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (max(soft, min(hard, 2 * HIGHEST)), hard))
    files = [os.open(os.devnull, os.O_RDONLY)]
    while files[-1] <= HIGHEST:
        files.append(os.dup(files[0]))
    yield
    for file in files:
        os.close(file)
    setrlimit(RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
@in_every_format
def test_rows_pass_where_many_files_are_open(move: Move, form: ExportSettings) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text)")
    move.source.execute(
        "INSERT INTO s.t SELECT i, repeat('x', 1000) FROM generate_series(1, 2000) AS i"
    )

    loaded = move.move(Way(form))

    assert loaded.kept, loaded.said
    assert move.same("SELECT * FROM s.t ORDER BY id")
