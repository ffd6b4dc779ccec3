"""Keys of a nondeterministic collation: 'Ada' is equal to 'ADA', and each keeps its text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.errors import DanglingReferenceError, ReplayError
from replant.model import (
    ExportSettings,
    OnConflict,
    PluginSettings,
    RelationName,
    Settings,
    TableSettings,
)
from replant.testing.servers.server import Database, Server, local_server
from tests.support.moves import in_every_format
from tests.versions.servers import programs_with_icu

PERSON, PET = RelationName("public", "person"), RelationName("public", "pet")

SCHEMA = """
CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE person (name text COLLATE ci PRIMARY KEY, note text COLLATE ci);
CREATE TABLE pet (id int PRIMARY KEY, owner text COLLATE ci REFERENCES person);
"""
ROWS = """
INSERT INTO person VALUES ('Ada', E'it''s\\t\\\\'), ('bob', NULL);
INSERT INTO pet VALUES (1, 'ADA'), (2, 'ada'), (3, 'Bob');
"""


@pytest.fixture(scope="module")
def with_icu() -> Iterator[Server]:
    """A server whose PostgreSQL was built with ICU; the embedded one was not."""
    programs = programs_with_icu()
    if programs is None:
        pytest.skip("no PostgreSQL that was built with ICU is installed")
    with local_server(programs) as server:
        yield server


@pytest.fixture
def pair(with_icu: Server) -> Iterator[tuple[Database, Database]]:
    databases = with_icu.create_database(), with_icu.create_database()
    for database in databases:
        with psycopg.connect(database.dsn) as connection:
            connection.execute(SCHEMA)
    with psycopg.connect(databases[0].dsn) as connection:
        connection.execute(ROWS)
    yield databases
    for database in databases:
        with_icu.drop_database(database)


def existing(settings: Settings, way: OnConflict) -> Settings:
    return evolve(settings, export=evolve(settings.export, on_conflict=way))


def equal(artifact: str, settings: Settings) -> bool:
    return all(table.equal for table in api.verify(artifact, settings))


@in_every_format
def test_rows_whose_keys_are_equal_in_another_spelling(
    pair: tuple[Database, Database], tmp_path: Path, form: ExportSettings
) -> None:
    source, target = pair
    artifact = str(tmp_path / "artifact")
    settings = Settings(
        source=source.dsn,
        target=target.dsn,
        export=evolve(form, output=artifact),
        plugins=PluginSettings(settings={"schemas": {"roots": ["public.person: name = 'aDa'"]}}),
    )
    api.export(settings)
    assert api.replay(artifact, settings).rows == {PERSON: 1, PET: 2}
    assert equal(artifact, settings)
    with psycopg.connect(target.dsn) as connection:
        connection.execute("UPDATE person SET name = 'ADA'")
    assert not equal(artifact, settings)
    with pytest.raises(ReplayError, match="name is ADA, exported was Ada"):
        api.replay(artifact, existing(settings, OnConflict.SAME))
    again = api.replay(artifact, existing(settings, OnConflict.UPDATE))
    assert (again.tables[PERSON].updated, again.tables[PET].unchanged) == (1, 2)
    assert equal(artifact, settings)


def test_a_reference_in_another_spelling_dangles_only_without_its_row(
    pair: tuple[Database, Database], tmp_path: Path
) -> None:
    settings = Settings(
        source=pair[0].dsn,
        export=ExportSettings(output=str(tmp_path / "artifact.sql")),
        plugins=PluginSettings(settings={"schemas": {"include": ["public.*"]}}),
    )
    api.export(settings)
    without = evolve(settings, tables=(TableSettings(PERSON, where="name <> 'BOB'"),))
    with pytest.raises(DanglingReferenceError, match="id = 3 holds owner = Bob"):
        api.export(without, force=True)
