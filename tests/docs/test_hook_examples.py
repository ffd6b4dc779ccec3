"""The example of each hook's reference does what it says, as the plugin that it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from attrs import frozen

from replant import api
from replant.model import ExportSettings, Layout, PluginSettings, Settings
from replant.plugins import hookspecs
from replant.plugins.discovery import Candidate, LoadedPlugin, find, load
from replant.plugins.manager import Host
from replant.testing.servers.server import Database, Server
from tests.docs.docstrings import example_of

TABLES = """
CREATE SCHEMA shop;
CREATE TABLE shop.customer (
    id integer PRIMARY KEY, email text NOT NULL, favourite integer NOT NULL);
CREATE TABLE shop.order (
    id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES shop.customer);
ALTER TABLE shop.customer ADD FOREIGN KEY (favourite) REFERENCES shop.order;
"""
#: Each customer references an order, and each order a customer, so neither can come first.
ROWS = """
WITH customer AS (INSERT INTO shop.customer VALUES (1, 'ada@home', 10), (2, 'ben@home', 12))
INSERT INTO shop.order VALUES (10, 1), (11, 1), (12, 2)
"""


@frozen
class Shop:
    """Two databases, and where an artifact goes."""

    source: Database
    target: Database
    artifact: Path

    def settings(self, scope: dict[str, str] | None = None, **export: Any) -> Settings:
        """All tables of the shop, unless a scope says whose."""
        schemas: dict[str, Any] = {} if scope else {"include": ["shop.*"]}
        return Settings(
            source=self.source.dsn,
            target=self.target.dsn,
            scope=scope or {},
            export=ExportSettings(output=str(self.artifact), **export),
            plugins=PluginSettings(settings={"schemas": schemas}),
        )

    def replayed(self, settings: Settings, host: Host, query: str) -> list[tuple[Any, ...]]:
        """Move the rows, and ask the target."""
        api.export(settings, host=host)
        api.replay(str(self.artifact), settings, host=host)
        with psycopg.connect(self.target.dsn) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Iterator[Shop]:
    source, target = server.create_database(), server.create_database()
    for database, statements in ((source, TABLES + ROWS), (target, TABLES)):
        with psycopg.connect(database.dsn) as connection:
            connection.execute(statements.encode())
    yield Shop(source, target, tmp_path / "shop.sql")
    for database in (source, target):
        server.drop_database(database)


@pytest.fixture
def host() -> Callable[[str], Host]:
    """The example of a hook as a plugin, beside the plugins `schemas` and `ordered`."""

    def make(hook: str) -> Host:
        module = ModuleType("example")
        code = example_of(getattr(hookspecs, hook))
        exec(compile(code, hook, "exec"), module.__dict__)  # noqa: S102 - our own
        own = [load(candidate) for candidate in find() if candidate.name in {"schemas", "ordered"}]
        return Host([*own, LoadedPlugin(Candidate("example", "tests", "1", "example"), module)])

    return make


def test_the_example_of_register_tables_exports_the_rows_that_it_registers(
    shop: Shop, host: Callable[[str], Host]
) -> None:
    found = shop.replayed(
        shop.settings(scope={"customer_id": "1"}),
        host("register_tables"),
        "SELECT c.id, o.id FROM shop.customer AS c JOIN shop.order AS o ON true ORDER BY o.id",
    )
    assert found == [(1, 10), (1, 11)]


def test_the_example_of_transform_value_changes_the_values(
    shop: Shop, host: Callable[[str], Host]
) -> None:
    query = "SELECT email FROM shop.customer ORDER BY id"
    found = shop.replayed(shop.settings(), host("transform_value"), query)
    with psycopg.connect(shop.source.dsn) as connection:
        masked = "SELECT md5(email) || '@example.org' FROM shop.customer ORDER BY id"
        assert found == connection.execute(masked).fetchall()


def test_the_example_of_render_row_renders_every_row(
    shop: Shop, host: Callable[[str], Host]
) -> None:
    api.export(shop.settings(format="jsonl"), host=host("render_row"))
    rows = [json.loads(line) for line in shop.artifact.read_text(encoding="utf-8").splitlines()]
    assert sorted(rows, key=lambda row: int(row["id"])) == [
        {"id": 1, "email": "ada@home", "favourite": 10},
        {"id": 2, "email": "ben@home", "favourite": 12},
        *({"id": id_, "customer_id": customer} for id_, customer in ((10, 1), (11, 1), (12, 2))),
    ]


def test_the_example_of_write_artifact_writes_a_file_for_each_table(
    shop: Shop, host: Callable[[str], Host]
) -> None:
    settings = shop.settings(format="csv", layout=Layout.DIRECTORY)
    api.export(settings, host=host("write_artifact"))
    written = (shop.artifact / "data" / "shop.order.csv").read_bytes()
    assert written == b"id,customer_id\r\n10,1\r\n11,1\r\n12,2\r\n"


def test_the_example_of_order_tables_orders_a_load_of_tables_that_reference_each_other(
    shop: Shop, host: Callable[[str], Host]
) -> None:
    example = host("order_tables")
    settings = shop.settings(strategy="at-once")
    assert api.plan(settings, host=example).strategy == "at-once"
    query = "SELECT (SELECT count(*) FROM shop.customer), (SELECT count(*) FROM shop.order)"
    assert shop.replayed(settings, example, query) == [(2, 3)]
