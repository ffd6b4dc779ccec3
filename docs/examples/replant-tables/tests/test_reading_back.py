"""What is written can be read again: by PostgreSQL, and by pyarrow."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from attrs import evolve

from replant import ExportSettings, Layout, PluginSettings, Settings, export
from replant.testing.pytest_plugin import DatabaseFrom

TABLES = """
CREATE SCHEMA shop;
CREATE TABLE shop.customer (
    id integer PRIMARY KEY, name text, balance numeric(12, 2), score real, active boolean);
CREATE TABLE shop.empty (id bigint PRIMARY KEY);
"""
ROWS = """
INSERT INTO shop.customer VALUES
    (1, 'Ada, "the first"', 12.50, 1.5, true), (2, '', 99999999.99, 'NaN', false),
    (3, E'two\\nlines', NULL, NULL, NULL), (4, NULL, 0, -0.25, true);
"""


@pytest.fixture
def settings(replant_database_from: DatabaseFrom, tmp_path: Path) -> Settings:
    source, target = replant_database_from(TABLES + ROWS), replant_database_from(TABLES)
    return Settings(
        source=source.dsn,
        target=target.dsn,
        export=ExportSettings(output=str(tmp_path / "out"), layout=Layout.DIRECTORY),
        plugins=PluginSettings(
            ("schemas", "csv", "parquet", "ordered"), {"schemas": {"include": ["shop"]}}
        ),
    )


def files(settings: Settings, name: str) -> dict[str, Path]:
    """Export in a format; return the file of each table."""
    done = export(evolve(settings, export=evolve(settings.export, format=name)))
    folder = Path(done.output)
    listed = json.loads((folder / "tables.json").read_text())
    assert listed["format"] == name
    return {table["table"]: folder / table["file"] for table in listed["tables"]}


def test_postgresql_reads_the_csv_as_it_was(settings: Settings) -> None:
    written = files(settings, "csv")
    assert written["customer"].name == "shop.customer.csv"
    assert written["empty"].read_bytes() == b"id\r\n"
    query = "SELECT * FROM shop.customer ORDER BY id"
    with psycopg.connect(settings.target or "") as target:
        with target.cursor().copy(
            "COPY shop.customer FROM STDIN (FORMAT csv, HEADER true)"
        ) as copy:
            copy.write(written["customer"].read_bytes())
        found = target.execute(query).fetchall()
    with psycopg.connect(settings.source or "") as source:
        expected = source.execute(query).fetchall()
    assert str(found) == str(expected)


def test_parquet_has_types_and_every_value(settings: Settings) -> None:
    written = files(settings, "parquet")
    table = pq.read_table(written["customer"])
    assert [str(field.type) for field in table.schema] == [
        "int32",
        "string",
        "string",
        "float",
        "bool",
    ]
    assert table.column("balance").to_pylist() == ["12.50", "99999999.99", None, "0.00"]
    assert table.column("name").to_pylist() == ['Ada, "the first"', "", "two\nlines", None]
    assert table.column("active").to_pylist() == [True, False, None, True]
    assert pq.read_table(written["empty"]).num_rows == 0
