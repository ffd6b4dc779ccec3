"""The plugin `schemas`: tables and rows of a database that no plugin was written for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.errors import BudgetError, ConfigurationError, DanglingReferenceError, ScopeError
from replant.model import (
    Dangling,
    ExportSettings,
    PluginSettings,
    RelationName,
    Settings,
    TableSettings,
)
from replant.testing.servers.server import Database, Server, grant
from tests.conftest import MakeDatabase
from tests.support.commands import Replant

SHOP = """
CREATE SCHEMA crm;
CREATE TABLE country (code text PRIMARY KEY);
CREATE TABLE crm.customer (
    id int PRIMARY KEY, tenant_id int NOT NULL, country text REFERENCES country,
    friend int REFERENCES crm.customer
);
CREATE TABLE product (id int PRIMARY KEY, tags int[] NOT NULL DEFAULT '{}');
CREATE TABLE tag (id int PRIMARY KEY);
CREATE TABLE orders (
    id int PRIMARY KEY, tenant_id int NOT NULL, customer_id int NOT NULL REFERENCES crm.customer
);
CREATE TABLE item (
    order_id int REFERENCES orders, n int, product_id int REFERENCES product,
    PRIMARY KEY (order_id, n)
);
CREATE TABLE note (id int PRIMARY KEY, subject_type text, subject_id int);
CREATE TABLE audit (id int PRIMARY KEY, order_id int REFERENCES orders);
"""
ROWS = """
INSERT INTO country VALUES ('de'), ('fr'), ('it');
INSERT INTO crm.customer VALUES (1, 1, 'de', NULL), (2, 1, 'fr', 1), (3, 2, 'it', NULL);
INSERT INTO tag VALUES (1), (2), (3);
INSERT INTO product VALUES (1, '{1,2}'), (2, '{}'), (3, '{3}');
INSERT INTO orders VALUES (10, 1, 1), (11, 1, 2), (12, 2, 3), (13, 1, 1);
INSERT INTO item VALUES (10, 1, 1), (10, 2, 2), (11, 1, 1), (12, 1, 3), (13, 1, 2);
INSERT INTO note VALUES (1, 'Order', 10), (2, 'Customer', 1), (3, 'Order', 12);
INSERT INTO audit VALUES (1, 10), (2, 12);
"""
CUSTOMER = "crm.customer"
ALL = {
    "country": 3,
    "customer": 3,
    "product": 3,
    "tag": 3,
    "orders": 4,
    "item": 5,
    "note": 3,
    "audit": 2,
}


@pytest.fixture
def shop(make_database: MakeDatabase) -> Database:
    database = make_database()
    with psycopg.connect(database.dsn) as connection:
        connection.execute(SHOP)
        connection.execute(ROWS)
    return database


def asking(
    shop: Database, asked: Mapping[str, Any], *, scope: Mapping[str, str] | None = None
) -> Settings:
    return Settings(
        source=shop.dsn, scope=scope or {}, plugins=PluginSettings(settings={"schemas": asked})
    )


def counts(settings: Settings) -> dict[str, int]:
    return {t.name.name: t.row_count for t in api.plan(settings).tables if t.row_count}


def test_all_rows_of_all_tables_are_chosen_by_a_pattern(shop: Database) -> None:
    assert counts(asking(shop, {"include": ["*"]})) == ALL


def test_a_schema_alone_means_its_tables_and_what_they_reference_comes_along(
    shop: Database,
) -> None:
    found = counts(asking(shop, {"include": ["crm"]}))
    assert found == {"customer": 3, "country": 3}


def test_what_is_excluded_stays_and_is_named(shop: Database) -> None:
    settings = asking(shop, {"include": ["crm"], "exclude": ["public.country"]})
    plan = api.plan(settings)
    assert [str(table.name) for table in plan.tables] == ["crm.customer"]
    settings = asking(shop, {"include": ["*"], "exclude": ["public.no*", "public.[a-n]*"]})
    left = {omission.what: omission.why for omission in api.plan(settings).omissions}
    said = "a table excluded by the configuration: {} in plugins.schemas.exclude"
    assert left["public.note"] == said.format("'public.no*'")
    assert left["public.audit"] == said.format("'public.[a-n]*'")


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"include": ["pubic.*"]}, "plugins.schemas.include[0]: 'pubic.*' matches no table"),
        ({"include": ["*"], "exclude": ["x.y.z"]}, "plugins.schemas.exclude[0]: 'x.y.z' is not"),
        ({"roots": ["orders"]}, "plugins.schemas.roots[0]: 'orders' is not schema.table: condit"),
        ({"roots": ["public.order: true"]}, "plugins.schemas.roots[0]: there is no table"),
        (
            {"roots": ["public.note: true"], "exclude": ["public.no*"]},
            "roots[0]: public.note is excluded: 'public.no*' in plugins.schemas.exclude",
        ),
        (
            {
                "include": ["public"],
                "exclude": ["crm"],
                "references": [
                    {"table": "public.note", "columns": ["subject_id"], "references": CUSTOMER}
                ],
            },
            f"references[0]: {CUSTOMER} is excluded: 'crm' in plugins.schemas.exclude",
        ),
        (
            {"include": ["crm"], "exclude": ["crm", "public"]},
            "that would be exported is excluded, by 'crm' in plugins.schemas.exclude, 'public' in",
        ),
        (
            {"exclude": ["public.country"]},
            "plugins.schemas.exclude: nothing is to be exported by this plugin, so this would",
        ),
        ({"inclde": ["*"]}, "plugins.schemas.inclde: is unknown; did you mean 'include'?"),
        (
            {"include": ["*"], "edges": [{"table": "public.item", "columns": ["n"]}]},
            "plugins.schemas.edges[0]: public.item has no foreign key on (n)",
        ),
        (
            {"include": ["*"], "references": [{"table": "public.note", "columns": ["id"]}]},
            "plugins.schemas.references[0]: give columns and references",
        ),
        (
            {"include": ["*"], "tables": [{"name": "public.nothing", "children": "stop"}]},
            "plugins.schemas.tables[0].name: there is no table public.nothing; did you mean",
        ),
    ],
)
def test_a_mistake_in_the_settings_is_named_with_its_path(
    shop: Database, asked: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        api.plan(asking(shop, asked))
    assert problem in str(caught.value)


def test_a_root_brings_what_belongs_to_it_and_what_that_needs(shop: Database) -> None:
    settings = asking(shop, {"roots": ["crm.customer: id = 2"], "exclude": ["public.audit"]})
    # Customer 2 has a friend, who is needed; the friend's orders do not belong to customer 2.
    expected = {"country": 2, "customer": 2, "orders": 1, "item": 1, "product": 1}
    assert counts(settings) == expected


def test_children_of_what_is_only_needed_come_along_if_asked(shop: Database) -> None:
    asked = {"roots": ["public.orders: id = 11"], "children": "follow", "exclude": ["public.audit"]}
    tables = [{"name": "public.product", "children": "stop"}]
    tables += [{"name": "public.country", "children": "stop"}]
    found = counts(asking(shop, {**asked, "tables": tables}))
    assert found == {"country": 2, "customer": 2, "orders": 3, "item": 4, "product": 2}


def test_one_reference_can_be_stopped_or_limited(shop: Database) -> None:
    asked = {"roots": ["crm.customer: id = 1"], "exclude": ["public.audit"]}
    stopped = {"table": "public.orders", "columns": ["customer_id"], "children": "stop"}
    friend = {"table": "crm.customer", "columns": ["friend"], "children": "stop"}
    limited = {"table": "public.orders", "name": "orders_customer_id_fkey", "limit": 1}
    assert counts(asking(shop, {**asked, "edges": [stopped, friend]})) == {
        "country": 1,
        "customer": 1,
    }
    assert counts(asking(shop, {**asked, "edges": [limited, friend]})) == {
        "country": 1,
        "customer": 1,
        "orders": 1,
        "item": 2,
        "product": 2,
    }


def test_references_that_no_constraint_declares_are_followed(shop: Database) -> None:
    references = [
        {"table": "public.product", "array": "tags", "references": "public.tag"},
        {
            "table": "public.note",
            "columns": ["subject_id"],
            "type_column": "subject_type",
            "targets": {"Order": "public.orders", "Customer": "crm.customer"},
        },
    ]
    asked = {
        "roots": ["public.orders: id = 10"],
        "references": references,
        "exclude": ["public.audit"],
    }
    found = counts(asking(shop, asked))
    # The note of customer 1, who is only needed, does not belong to order 10.
    assert found == {
        "country": 1,
        "customer": 1,
        "orders": 1,
        "item": 2,
        "product": 2,
        "tag": 2,
        "note": 1,
    }


def test_a_column_that_names_the_tenant_defines_the_set(shop: Database) -> None:
    settings = asking(shop, {"scope_column": "tenant_id"}, scope={"tenant_id": "1"})
    found = counts(settings)
    expected = {"country": 2, "customer": 2, "orders": 3, "item": 4, "product": 2, "audit": 1}
    assert found == expected


def test_a_row_that_leaks_across_tenants_is_reported(shop: Database) -> None:
    with psycopg.connect(shop.dsn) as connection:
        connection.execute("UPDATE orders SET customer_id = 3 WHERE id = 13")
    settings = asking(shop, {"scope_column": "tenant_id"}, scope={"tenant_id": "1"})
    with pytest.raises(DanglingReferenceError) as caught:
        api.plan(settings)
    assert "public.orders(customer_id) → crm.customer(id): the row id = 13" in str(caught.value)
    without = evolve(settings, export=ExportSettings(dangling=Dangling.LEAVE_OUT))
    plan = api.plan(without)
    assert {t.name.name: t.row_count for t in plan.tables}["orders"] == 2
    assert any("id = 13" in omission.why for omission in plan.omissions)


def test_a_set_beyond_its_budget_is_refused_with_the_path(shop: Database) -> None:
    settings = asking(shop, {"roots": ["crm.customer: id = 1"]})
    with pytest.raises(BudgetError) as caught:
        api.plan(evolve(settings, export=ExportSettings(max_rows=3)))
    assert "down by public.orders(customer_id) → crm.customer(id)" in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_rows_beyond_the_budget_are_refused_as_well(shop: Database) -> None:
    settings = asking(shop, {"include": ["*"]})
    with pytest.raises(BudgetError, match="26 rows are chosen, most of them"):
        api.plan(evolve(settings, export=ExportSettings(max_rows=3)))


def test_a_root_without_a_row_is_an_error(shop: Database) -> None:
    with pytest.raises(ScopeError, match="no row satisfies the root"):
        api.plan(asking(shop, {"roots": ["crm.customer: id = 99"]}))


def test_the_command_line_moves_a_customer_as_a_role_that_may_only_insert(
    shop: Database, make_database: MakeDatabase, server: Server, replant: Replant, tmp_path: Path
) -> None:
    target = make_database()
    with psycopg.connect(target.dsn) as connection:
        connection.execute(SHOP)
    artifact = tmp_path / "customer.sql"
    exported = replant(
        *("export", "--source", shop.dsn, "--root", "crm.customer: id = 1", "-o", artifact)
    )
    assert exported.code == 0, exported.err
    tables = [RelationName("public", name) for name in ALL if name != "customer"]
    role = server.create_role("replant_shop_inserter")
    grant(target, role, "INSERT", [*tables, RelationName("crm", "customer")])
    replayed = replant("replay", artifact, "--target", target.as_role(role))
    assert replayed.code == 0, replayed.err
    verified = replant("verify", artifact, "--target", target.dsn)
    assert verified.code == 0, verified.out


def test_a_predicate_of_a_table_that_closed_sets_fill_narrows_it_and_what_breaks_is_found(
    shop: Database,
) -> None:
    settings = asking(shop, {"include": ["crm"]})
    narrowed = Settings(
        source=shop.dsn,
        plugins=settings.plugins,
        tables=(TableSettings(RelationName("public", "country"), where="code <> 'de'"),),
    )
    with pytest.raises(DanglingReferenceError, match="reference rows that are not part of it"):
        api.plan(narrowed)
