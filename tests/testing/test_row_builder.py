"""Rows for tests: what is said is kept, the rest and the parents are filled in."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from replant.testing import RowBuilder, deploy_demonstration
from replant.testing.pytest_plugin import ConnectionTo, RowsFor
from replant.testing.servers.server import Database
from replant_plugins import ddl

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.country (code char(2) PRIMARY KEY CHECK (code = upper(code)), name text NOT NULL);
CREATE TABLE s.customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country char(2) NOT NULL REFERENCES s.country, referrer bigint REFERENCES s.customer,
    email text UNIQUE NOT NULL, made date DEFAULT '2020-01-01',
    settings jsonb, tags text[], active boolean NOT NULL);
CREATE TABLE s.item (
    customer bigint REFERENCES s.customer, n int, amount numeric(6, 2) NOT NULL CHECK (amount > 0),
    PRIMARY KEY (customer, n));
"""


@pytest.fixture
def connection(replant_connection_to: ConnectionTo) -> psycopg.Connection[Any]:
    return replant_connection_to(SCHEMA)


@pytest.fixture
def row(connection: psycopg.Connection[Any], replant_rows: RowsFor) -> RowBuilder:
    return replant_rows(connection)


def count(connection: psycopg.Connection[Any], table: str) -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (0,)
    return int(found)


def test_the_rest_and_the_parents_are_filled_in(
    row: RowBuilder, connection: psycopg.Connection[Any]
) -> None:
    item = row("s.item", amount="12.50")
    assert str(item["amount"]) == "12.50"
    query = "SELECT made::text, referrer, settings FROM s.customer WHERE id = %s"
    assert connection.execute(query, [item["customer"]]).fetchall() == [("2020-01-01", None, None)]
    assert [count(connection, f"s.{name}") for name in ("item", "customer", "country")] == [1, 1, 1]


def test_a_parent_that_is_said_is_taken(
    row: RowBuilder, connection: psycopg.Connection[Any]
) -> None:
    customer = row("s.customer", email="ada@home", settings={"a": [1]}, tags=["x", "y"])
    assert (customer["settings"], customer["tags"]) == ({"a": [1]}, ["x", "y"])
    for number in range(3):
        assert row("s.item", customer=customer["id"], n=number)["customer"] == customer["id"]
    assert row("s.customer", country=customer["country"], referrer=customer["id"])["id"]
    assert [count(connection, f"s.{name}") for name in ("item", "customer", "country")] == [3, 2, 1]


def test_many_rows_meet_none_that_are_there(
    row: RowBuilder, connection: psycopg.Connection[Any]
) -> None:
    for _ in range(12):
        row("s.customer")
    assert count(connection, "s.customer") == 12


def test_what_cannot_be_is_told(row: RowBuilder) -> None:
    with pytest.raises(ValueError, match=r"there is no table s\.itme; did you mean s\.item\?"):
        row("s.itme")
    with pytest.raises(ValueError, match="has no column 'amonut'; did you mean amount"):
        row("s.item", amonut=1)
    with pytest.raises(psycopg.errors.CheckViolation):
        row("s.item", amount=-1)
    row("s.customer", email="one")
    with pytest.raises(psycopg.errors.UniqueViolation):
        row("s.customer", email="one")


def test_nothing_is_left_by_the_test_before(connection: psycopg.Connection[Any]) -> None:
    assert count(connection, "s.customer") == 0


def test_a_row_of_the_platform_brings_what_it_needs(
    replant_connection_to: ConnectionTo, replant_rows: RowsFor
) -> None:
    connection = replant_connection_to(ddl.deploy)
    row = replant_rows(connection)
    site = row("meta_public.sites", title="x")
    assert site["title"] == "x"
    found = connection.execute("SELECT id FROM collections_public.database").fetchall()
    assert found == [(site["database_id"],)]
    field = row("collections_public.field", name="owner_id")
    assert field["name"] == "owner_id"


def test_both_schemas_of_the_platform_come_filled(
    replant_demonstration: Database, replant_connection_to: ConnectionTo
) -> None:
    with psycopg.connect(replant_demonstration.dsn) as connection:
        assert count(connection, "collections_public.database") > 1
    connection = replant_connection_to(deploy_demonstration)
    assert count(connection, "meta_public.sites") > 1
