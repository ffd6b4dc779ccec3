"""Without a wanted order, rows come by their key where that takes no longer."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from replant import api
from replant.artifact.artifact import open_artifact
from replant.model import COPY, ExportSettings, PluginSettings, RelationName, RowOrder, Settings
from tests.conftest import MakeDatabase

FILLED = """
CREATE SCHEMA s;
CREATE TABLE s.ascending (id bigint PRIMARY KEY, t text);
INSERT INTO s.ascending SELECT i, i FROM generate_series(1, 6000) AS i;
CREATE TABLE s.few (LIKE s.ascending INCLUDING ALL);
INSERT INTO s.few SELECT * FROM s.ascending LIMIT 4000;
CREATE TABLE s.descending (LIKE s.ascending INCLUDING ALL);
INSERT INTO s.descending SELECT * FROM s.ascending ORDER BY id DESC;
CREATE TABLE s.scattered (id uuid PRIMARY KEY, t text);
INSERT INTO s.scattered SELECT md5(i::text)::uuid, i FROM generate_series(1, 6000) AS i;
CREATE TABLE s.by_locale (id text PRIMARY KEY);
INSERT INTO s.by_locale SELECT to_char(i, '0000000') FROM generate_series(1, 6000) AS i;
CREATE TABLE s.composed (a bigint, b bigint, PRIMARY KEY (a, b));
INSERT INTO s.composed SELECT i / 10, -i FROM generate_series(1, 6000) AS i;
ANALYZE;
"""


@pytest.fixture
def filled(make_database: MakeDatabase) -> str:
    database = make_database()
    with psycopg.connect(database.dsn) as connection:
        connection.execute(FILLED.encode())
    return database.dsn


def ordered_tables(dsn: str, output: Path, order: RowOrder) -> set[str]:
    """The tables of an export whose rows the artifact has in the order of their key."""
    export = ExportSettings(output=str(output), format=COPY, order=order)
    plugins = PluginSettings(("schemas", "ordered"), {"schemas": {"include": ["s.*"]}})
    api.export(Settings(source=dsn, plugins=plugins, export=export))
    with open_artifact(str(output)) as artifact:
        return {table.name.name for table in artifact.manifest.tables if table.ordered}


def test_rows_that_lie_in_the_order_of_their_key_come_so(filled: str, tmp_path: Path) -> None:
    assert ordered_tables(filled, tmp_path / "a.sql", RowOrder.NONE) == {"ascending"}
    assert len(ordered_tables(filled, tmp_path / "b.sql", RowOrder.KEY)) == 6


def test_they_are_hashed_in_blocks(filled: str, tmp_path: Path) -> None:
    ordered_tables(filled, tmp_path / "a.sql", RowOrder.NONE)
    with open_artifact(str(tmp_path / "a.sql")) as artifact:
        table = artifact.manifest.table(RelationName("s", "ascending"))
        assert table.rows_per_block == 256
        assert sum(block.row_count for block in table.blocks) == 6000
