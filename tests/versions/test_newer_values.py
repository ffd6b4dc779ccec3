"""Values that the source writes and an older target does not read: told before, with what helps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.errors import PreflightError
from replant.model import ExportSettings, PluginSettings, Settings, Severity, TableSettings
from replant.model.names import RelationName
from replant.testing.servers.server import Database, Server
from tests.versions.conftest import ServerOf
from tests.versions.servers import MISSING, OLDER, installed

TABLE = "CREATE TABLE t (id int PRIMARY KEY, i interval, j jsonpath, k int[], n numeric)"


@pytest.fixture
def pair(server: Server, server_of: ServerOf) -> Iterator[tuple[Database, Database]]:
    """A source of the embedded release, and a target of the older one."""
    if installed().get(OLDER) is None:
        pytest.skip(MISSING.format(OLDER))
    older = server_of(OLDER)
    databases = server.create_database(), older.create_database()
    for database in databases:
        with psycopg.connect(database.dsn) as connection:
            connection.execute(TABLE)
    yield databases
    server.drop_database(databases[0])
    older.drop_database(databases[1])


def test_values_that_an_older_release_does_not_read_are_refused_before_the_load(
    pair: tuple[Database, Database], tmp_path: Path
) -> None:
    """Infinite intervals came with 17, methods such as bigint() in paths too."""
    with psycopg.connect(pair[0].dsn) as connection:
        connection.execute("INSERT INTO t VALUES (1, 'infinity', '$.a.bigint()', '{1}', 'NaN')")
    settings = Settings(
        source=pair[0].dsn,
        target=pair[1].dsn,
        export=ExportSettings(output=str(tmp_path / "artifact")),
        plugins=PluginSettings(settings={"schemas": {"include": ["public"]}}),
    )
    api.export(settings)

    found = api.preflight(str(tmp_path / "artifact"), settings).of(Severity.REFUSES)

    assert [finding.place for finding in found] == ["public.t.i", "public.t.j"]
    for finding in found:
        assert f"the target is PostgreSQL {OLDER}, and the source was" in finding.what
        assert "leave the column out (omit)" in finding.remedy
    with pytest.raises(PreflightError, match="does not read a value of the artifact"):
        api.replay(str(tmp_path / "artifact"), settings)

    name = RelationName("public", "t")
    without = evolve(settings, tables=(TableSettings(name, omit=("i", "j")),))
    api.export(without, force=True)
    assert api.preflight(str(tmp_path / "artifact"), settings).findings == ()
    assert api.replay(str(tmp_path / "artifact"), settings).rows == {name: 1}
