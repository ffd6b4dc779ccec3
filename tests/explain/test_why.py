"""`replant why` tells by which path a row is exported, or what prevents it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from replant import api
from replant.artifact.artifact import open_artifact
from replant.model import (
    Children,
    Dangling,
    ExportSettings,
    PluginSettings,
    RelationName,
    Root,
    Settings,
    TableSettings,
)
from replant.planning import find_closure_origin
from replant.testing.servers.server import Database, Server, grant
from replant_plugins.demonstration import PLATFORM
from tests.conftest import MakeDatabase
from tests.support.commands import Outcome, Replant

SHOP = """
CREATE TABLE country (code text PRIMARY KEY);
CREATE TABLE customer (
    id int PRIMARY KEY, country text NOT NULL REFERENCES country, boss int REFERENCES customer
);
CREATE TABLE product (id int PRIMARY KEY);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer);
CREATE TABLE item (
    order_id int REFERENCES orders, n int, product_id int REFERENCES product,
    PRIMARY KEY (order_id, n)
);
CREATE TABLE note (id int PRIMARY KEY, text text);
CREATE TABLE event (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event DEFAULT;
INSERT INTO country VALUES ('de'), ('fr');
INSERT INTO customer VALUES (1, 'de', NULL), (2, 'fr', 1), (3, 'de', 2), (4, 'fr', NULL);
INSERT INTO product VALUES (1), (2), (9);
INSERT INTO orders VALUES (1, 1), (2, 2), (3, 3), (4, 4);
INSERT INTO item VALUES (1, 1, 1), (2, 1, 1), (3, 1, 2), (4, 1, 1);
INSERT INTO note VALUES (1, 'alone');
"""
ROOT = ("--root", "public.customer: id = 2")
SCOPE = ("--scope-column", "customer_id", "--scope", "customer_id=2")


@pytest.fixture(scope="module")
def shop(server: Server) -> Database:
    made = server.create_database()
    with psycopg.connect(made.dsn) as connection:
        connection.execute(SHOP)
    return made


@pytest.fixture(scope="module")
def filled_once(server: Server, filled_template: Database) -> Database:
    """The platform with its rows, which no test changes."""
    return server.create_database(filled_template.name)


@pytest.fixture
def artifact(shop: Database, replant: Replant, tmp_path: Path) -> Path:
    made = tmp_path / "customer.sql"
    outcome = replant("export", "--source", shop.dsn, *ROOT, "-o", made, "--quiet")
    assert outcome.code == 0, outcome.err
    return made


def told(outcome: Outcome, code: int) -> list[str]:
    assert (outcome.code, outcome.err) == (code, "")
    return outcome.out.splitlines()


def complaint(outcome: Outcome, code: int) -> str:
    assert (outcome.code, outcome.out) == (code, "")
    (line,) = outcome.err.splitlines()
    return line


PATH = [
    "public.item order_id = 3, n = 1 is exported",
    "  down by public.item(order_id) → public.orders(id), from",
    "public.orders id = 3",
    "  down by public.orders(customer_id) → public.customer(id), from",
    "public.customer id = 3",
    "  down by public.customer(boss) → public.customer(id), from",
    "public.customer id = 2",
    "  root public.customer: id = 2",
]


class TestInTheSource:
    """The closed set is found anew."""

    def test_a_row_comes_by_a_path_from_the_root(self, shop: Database, replant: Replant) -> None:
        outcome = replant(
            "why", "--source", shop.dsn, *ROOT, "public.item: order_id = 3 AND n BETWEEN 1 AND 2"
        )
        assert told(outcome, 0) == PATH

    def test_a_referenced_row_comes_upward(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, *ROOT, "public.country: code = 'de'")
        assert told(outcome, 0) == [
            "public.country code = de is exported",
            "  up by public.customer(country) → public.country(code), from",
            "public.customer id = 1",
            "  up by public.customer(boss) → public.customer(id), from",
            "public.customer id = 2",
            "  root public.customer: id = 2",
        ]

    def test_a_row_that_belongs_to_a_referenced_row_stays_out(
        self, shop: Database, replant: Replant
    ) -> None:
        outcome = replant("why", "--source", shop.dsn, *ROOT, "public.orders: id = 1")
        assert told(outcome, 1) == [
            "public.orders id = 1 is not exported; it would come",
            "  down by public.orders(customer_id) → public.customer(id), from",
            "public.customer id = 1",
            (
                "  which is exported, but no root leads down to that row, so rows that reference "
                "it are not included"
            ),
        ]

    def test_a_reference_that_is_stopped_is_named(
        self, shop: Database, replant: Replant, tmp_path: Path
    ) -> None:
        config = tmp_path / "shop.toml"
        config.write_text(
            '[plugins.schemas]\nroots = ["public.customer: id = 4"]\n'
            '[[plugins.schemas.tables]]\nname = "public.orders"\nchildren = "stop"\n'
        )
        outcome = replant("why", config, "--source", shop.dsn, "public.item: order_id = 4")
        assert told(outcome, 1) == [
            "public.item order_id = 4, n = 1 is not exported; it would come",
            "  down by public.item(order_id) → public.orders(id), from",
            "public.orders id = 4",
            "  which is exported, but the rules stop this reference",
        ]

    def test_a_row_that_no_reference_leads_to(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, *ROOT, "public.note: true")
        assert told(outcome, 1) == [
            "public.note id = 1 is not exported",
            "  no reference leads to it from an exported row, whatever is followed",
        ]

    def test_of_several_rows_each_is_explained_and_all_must_be_exported(
        self, shop: Database, replant: Replant
    ) -> None:
        outcome = replant("why", "--source", shop.dsn, *ROOT, "public.orders: id < 3")
        lines = told(outcome, 1)
        assert [line for line in lines if "exported" in line and line[0] == "p"] == [
            "public.orders id = 1 is not exported; it would come",
            "public.orders id = 2 is exported",
        ]

    def test_more_rows_than_are_explained_are_counted(
        self, make_database: MakeDatabase, replant: Replant
    ) -> None:
        database = make_database()
        with psycopg.connect(database.dsn) as connection:
            connection.execute("CREATE TABLE many AS SELECT * FROM generate_series(1, 12)")
        outcome = replant("why", "--source", database.dsn, "--include", "*", "public.many: true")
        assert told(outcome, 0)[-1] == "and 2 more such rows"

    def test_no_row_at_all(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, *ROOT, "public.orders: id = 99")
        assert told(outcome, 1) == ["public.orders: id = 99 is satisfied by no row"]

    def test_a_row_of_a_column_that_is_the_scopes(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, *SCOPE, "public.item: order_id = 2")
        assert told(outcome, 0)[-2:] == [
            "public.orders id = 2",
            "  its customer_id is the scope's: 2",
        ]

    def test_a_row_of_another_tenant(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, *SCOPE, "public.orders: id = 3")
        assert told(outcome, 1) == [
            "public.orders id = 3 is not exported",
            "  its customer_id is 3, and the scope's is 2",
        ]

    def test_a_row_of_a_whole_table(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, "--include", "*.note", "public.note: id = 1")
        assert told(outcome, 0) == [
            "public.note id = 1 is exported",
            "  all rows of public.note are exported",
        ]

    def test_a_table_that_is_excluded(self, shop: Database, replant: Replant) -> None:
        outcome = replant(
            *("why", "--source", shop.dsn, *ROOT, "--exclude", "public.item"),
            "public.item: order_id = 2",
        )
        assert told(outcome, 1) == [
            "public.item: order_id = 2 is not exported",
            "  the configuration excludes it: 'public.item' in plugins.schemas.exclude",
        ]

    def test_a_row_that_only_exported_rows_bring(
        self, filled_once: Database, replant: Replant
    ) -> None:
        asked = ("--scope", f"database_id={PLATFORM.scope['database_id']}")
        question = "collections_public.extension: name IN ('citext', 'postgis')"
        outcome = replant("why", "--source", filled_once.dsn, *asked, question)
        assert told(outcome, 1) == [
            "collections_public.extension name = citext is exported",
            (
                "  up by collections_public.database_extension(name) → "
                "collections_public.extension(name), from"
            ),
            "collections_public.database_extension name = citext",
            f"  its database_id is the scope's: {PLATFORM.scope['database_id']}",
            "",
            "collections_public.extension name = postgis is not exported",
            "  no exported row references it",
        ]

    def test_a_row_that_is_left_out_for_what_it_references(self, shop: Database) -> None:
        asked = Settings(
            source=shop.dsn,
            plugins=PluginSettings(settings={"schemas": {"include": ["public.*"]}}),
            tables=(
                TableSettings(RelationName("public", "customer"), where="id <> 3"),
                TableSettings(RelationName("public", "orders"), dangling=Dangling.LEAVE_OUT),
                TableSettings(RelationName("public", "item"), dangling=Dangling.LEAVE_OUT),
            ),
        )
        answers = {
            table: str(api.why(asked, Root(RelationName("public", table), condition)))
            for table, condition in (("customer", "id = 3"), ("orders", "id = 3"))
        }
        assert answers == {
            "customer": "public.customer id = 3 is not exported\n"
            "  it does not satisfy where under [[tables]]: id <> 3",
            "orders": "public.orders id = 3 is not exported\n"
            "  it is left out, since it references a row that is not exported",
        }

    def test_a_row_that_came_by_one_that_is_left_out_is_exported_all_the_same(
        self, shop: Database
    ) -> None:
        asked = Settings(
            source=shop.dsn,
            scope={"customer_id": "3"},
            export=ExportSettings(dangling=Dangling.LEAVE_OUT, allow_empty=True),
            plugins=PluginSettings(settings={"schemas": {"scope_column": "customer_id"}}),
            tables=(TableSettings(RelationName("public", "customer"), where="id <> 3"),),
        )
        product = RelationName("public", "product")
        assert api.plan(asked).table(product).row_count == 1
        assert str(api.why(asked, Root(product, "id = 2"))) == (
            "public.product id = 2 is exported\n"
            "  by a row that is left out itself, for what it references"
        )

    def test_a_set_beyond_its_budget_can_be_asked_about(self, shop: Database) -> None:
        asked = Settings(
            source=shop.dsn,
            export=ExportSettings(max_rows=1),
            plugins=PluginSettings(settings={"schemas": {"roots": ["public.customer: id = 2"]}}),
        )
        question = Root(RelationName("public", "item"), "order_id = 3")
        assert str(api.why(asked, question)).splitlines() == PATH


class TestInAnArtifact:
    """No database is asked."""

    def test_a_row_comes_by_the_same_path(self, artifact: Path, replant: Replant) -> None:
        outcome = replant("why", artifact, "public.item: order_id = 3 AND n = '1'")
        assert told(outcome, 0) == PATH

    def test_a_directory_tells_the_same(
        self, shop: Database, replant: Replant, tmp_path: Path
    ) -> None:
        made = tmp_path / "customer"
        layout = ("--layout", "directory", "--compress", "zstd")
        replant("export", "--source", shop.dsn, *ROOT, *layout, "-o", made)
        outcome = replant("why", made, "public.item: order_id = 3 AND n = 1")
        assert told(outcome, 0) == PATH

    def test_a_row_that_is_not_there(self, artifact: Path, replant: Replant) -> None:
        outcome = replant("why", artifact, "public.orders: id = 4")
        assert told(outcome, 1) == [
            "public.orders: id = 4 is not exported",
            (
                "  the artifact holds no such row; to learn why, ask the source: run replant "
                "why with the configuration file or the options of the export"
            ),
        ]

    def test_a_table_that_was_left_out(self, artifact: Path, replant: Replant) -> None:
        outcome = replant("why", artifact, "public.note: id = 1")
        assert told(outcome, 1) == [
            "public.note: id = 1 is not exported",
            (
                "  left out when the artifact was written: a table that no reference leads to from "
                "the chosen rows"
            ),
        ]

    def test_a_row_that_belongs_to_the_scope(
        self, shop: Database, replant: Replant, tmp_path: Path
    ) -> None:
        made = tmp_path / "tenant.sql"
        replant("export", "--source", shop.dsn, *SCOPE, "-o", made)
        outcome = replant("why", made, "public.product: id = 1")
        assert told(outcome, 0) == [
            "public.product id = 1 is exported",
            "  up by public.item(product_id) → public.product(id), from",
            "public.item order_id = 2, n = 1",
            "  down by public.item(order_id) → public.orders(id), from",
            "public.orders id = 2",
            "  its customer_id is the scope's: 2",
        ]

    def test_a_tenants_artifact_tells_by_its_conditions(
        self, filled_once: Database, replant: Replant, tmp_path: Path
    ) -> None:
        made = tmp_path / "tenant.sql"
        asked = ("--scope", f"database_id={PLATFORM.scope['database_id']}")
        replant("export", "--source", filled_once.dsn, *asked, "-o", made)
        outcome = replant("why", made, "collections_public.extension: name = citext")
        assert told(outcome, 0) == [
            "collections_public.extension name = citext is exported",
            (
                "  up by collections_public.database_extension(name) → "
                "collections_public.extension(name), from"
            ),
            "collections_public.database_extension name = citext",
            f"  its database_id is the scope's: {PLATFORM.scope['database_id']}",
        ]

    def test_of_too_many_roots_the_condition_alone_is_known(
        self,
        shop: Database,
        replant: Replant,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(find_closure_origin, "MOST_KEYS", 1)
        made = tmp_path / "customers.sql"
        root = ("--root", "public.customer: id IN (2, 4)")
        replant("export", "--source", shop.dsn, *root, "-o", made)
        outcome = replant("why", made, "public.orders: id = 4")
        assert told(outcome, 0)[-2:] == [
            "public.customer id = 4",
            (
                "  root public.customer: id IN (2, 4); which 2 rows of the table these are, the "
                "artifact does not list"
            ),
        ]

    def test_an_artifact_lists_where_its_rows_came_from(self, artifact: Path) -> None:
        with open_artifact(str(artifact)) as opened:
            manifest = opened.manifest
        assert [(root.condition, root.row_count, root.keys) for root in manifest.roots] == [
            ("id = 2", 1, (("2",),))
        ]
        ways = {reference.name: (reference.up, reference.down) for reference in manifest.references}
        assert ways == {
            "customer_boss_fkey": (True, Children.FROM_ROOTS),
            "customer_country_fkey": (True, None),
            "item_order_id_fkey": (True, Children.FROM_ROOTS),
            "item_product_id_fkey": (True, None),
            "orders_customer_id_fkey": (True, Children.FROM_ROOTS),
        }


class TestMistakes:
    """One line, and the right exit code."""

    def test_a_question_without_a_condition(self, replant: Replant) -> None:
        assert complaint(replant("why", "public.orders"), 2) == (
            "replant: 'public.orders' cannot be asked; write 'schema.table: condition', such as "
            "'public.orders: id = 5'"
        )

    def test_a_table_that_is_not_there(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, *ROOT, "public.order: true")
        assert complaint(outcome, 2) == (
            "replant: the source has no table public.order; did you mean public.orders?"
        )

    def test_a_partition(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, *ROOT, "public.event_1: true")
        assert complaint(outcome, 2) == (
            "replant: public.event_1 is a partition; ask for its rows through the table that it "
            "belongs to"
        )

    def test_a_condition_that_is_no_sql(self, shop: Database, replant: Replant) -> None:
        outcome = replant("why", "--source", shop.dsn, *ROOT, "public.orders: id = ) OR (true")
        assert "the condition public.orders: id = ) OR (true is not valid" in complaint(outcome, 2)

    def test_a_table_that_the_role_may_not_read(
        self, shop: Database, replant: Replant, server: Server
    ) -> None:
        role = server.create_role("reads_notes")
        grant(shop, role, "SELECT", [RelationName("public", "note")])
        asked = ("--source", shop.as_role(role), "--root", "public.note: id = 1")
        assert complaint(replant("why", *asked, "public.orders: id = 1"), 4) == (
            "replant: the role 'reads_notes' may not read public.orders; run as its owner: "
            "GRANT SELECT ON public.orders TO reads_notes;"
        )

    @pytest.mark.parametrize(
        "condition",
        ["id > 1", "id = 1 OR id = 2", "id = 1::int", "id IS NULL", "id = NULL", "id = 'a'b"],
    )
    def test_a_condition_that_an_artifact_cannot_be_asked(
        self, artifact: Path, replant: Replant, condition: str
    ) -> None:
        line = complaint(replant("why", artifact, f"public.orders: {condition}"), 2)
        assert "an artifact is asked for column = value, or several of these" in line

    def test_a_column_that_an_artifact_does_not_hold(
        self, artifact: Path, replant: Replant
    ) -> None:
        outcome = replant("why", artifact, "public.orders: customer = 2")
        assert complaint(outcome, 2) == (
            "replant: public.orders has no column 'customer' in the artifact; did you mean "
            "customer_id?"
        )

    def test_an_artifact_takes_no_options(self, artifact: Path, replant: Replant) -> None:
        line = complaint(replant("why", artifact, *ROOT, "public.orders: id = 2"), 2)
        assert "is asked for the rows that are in it, whatever --root says" in line

    def test_what_is_no_artifact(self, replant: Replant, tmp_path: Path) -> None:
        (tmp_path / "x.sql").write_text("SELECT 1;\n")
        line = complaint(replant("why", tmp_path / "x.sql", "public.orders: id = 2"), 5)
        assert "is not a replant artifact" in line

    def test_too_many_arguments(self, replant: Replant) -> None:
        assert "4 arguments are too many" in complaint(replant("why", "a", "b", "c", "s.t: d"), 2)
