"""`replant init` proposes a configuration that fits the database, says why, and works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import tomli

from replant.model import RelationName
from replant.testing.servers.server import Database, Server, grant
from tests.support.commands import Replant

FILMS = """
CREATE TABLE country (country_id serial PRIMARY KEY, country text NOT NULL, since date);
CREATE TABLE city (city_id serial PRIMARY KEY, country_id int NOT NULL REFERENCES country);
CREATE TABLE address (address_id serial PRIMARY KEY, city_id int NOT NULL REFERENCES city);
CREATE TABLE language (language_id serial PRIMARY KEY, name char(20) NOT NULL);
CREATE TABLE actor (actor_id serial PRIMARY KEY, name text);
CREATE TABLE film (film_id serial PRIMARY KEY, language_id int NOT NULL REFERENCES language);
CREATE TABLE film_actor (
    actor_id int REFERENCES actor, film_id int REFERENCES film, PRIMARY KEY (actor_id, film_id)
);
CREATE TABLE store (
    store_id serial PRIMARY KEY, manager_id int NOT NULL,
    address_id int NOT NULL REFERENCES address
);
CREATE TABLE staff (staff_id serial PRIMARY KEY, store_id int NOT NULL REFERENCES store);
ALTER TABLE store ADD FOREIGN KEY (manager_id) REFERENCES staff;
CREATE TABLE customer (
    customer_id serial PRIMARY KEY, store_id int NOT NULL REFERENCES store,
    address_id int NOT NULL REFERENCES address
);
CREATE TABLE inventory (
    inventory_id serial PRIMARY KEY, film_id int NOT NULL REFERENCES film,
    store_id int NOT NULL REFERENCES store
);
CREATE TABLE rental (
    rental_id serial PRIMARY KEY, inventory_id int NOT NULL REFERENCES inventory,
    customer_id int NOT NULL REFERENCES customer, staff_id int NOT NULL REFERENCES staff
);
CREATE TABLE payment (
    payment_id int, rental_id int NOT NULL REFERENCES rental, on_day date,
    customer_id int NOT NULL REFERENCES customer, PRIMARY KEY (payment_id, on_day)
) PARTITION BY RANGE (on_day);
CREATE TABLE payment_rest PARTITION OF payment DEFAULT;
INSERT INTO country (country) VALUES ('Peru');
INSERT INTO city (country_id) VALUES (1);
INSERT INTO address (city_id) VALUES (1);
INSERT INTO language (name) VALUES ('Quechua');
INSERT INTO film (language_id) VALUES (1);
WITH a AS (INSERT INTO store (manager_id, address_id) VALUES (1, 1))
INSERT INTO staff (store_id) VALUES (1);
INSERT INTO customer (store_id, address_id) VALUES (1, 1), (1, 1);
INSERT INTO inventory (film_id, store_id) VALUES (1, 1);
INSERT INTO rental (inventory_id, customer_id, staff_id) VALUES (1, 1, 1);
INSERT INTO payment VALUES (1, 1, '2024-01-01', 1);
"""
ORDERS = """
CREATE SCHEMA "Sales Dept";
CREATE TABLE customers (id uuid PRIMARY KEY, name text);
CREATE TABLE products (id serial PRIMARY KEY, name text);
CREATE TABLE "Sales Dept"."Orders" (
    "Id" serial PRIMARY KEY, customer uuid NOT NULL REFERENCES customers
);
CREATE TABLE "Sales Dept"."Order.*" (
    "order" int REFERENCES "Sales Dept"."Orders", product int REFERENCES products,
    PRIMARY KEY ("order", product)
);
CREATE TABLE schema_migrations (version text PRIMARY KEY);
CREATE TABLE "__EFMigrationsHistory" (id text PRIMARY KEY);
CREATE UNLOGGED TABLE scratch (id int);
CREATE TABLE audit_log (id serial PRIMARY KEY, customer uuid REFERENCES customers);
CREATE TABLE user_sessions (id int PRIMARY KEY, customer uuid REFERENCES customers);
CREATE TABLE "it's ""odd""
[plugins]
cache" (id int);
CREATE TABLE jobs (id int PRIMARY KEY, attempts int, payload text);
CREATE TABLE settings (name text PRIMARY KEY);
CREATE TABLE error_log (id int PRIMARY KEY);
CREATE TABLE complaint (id int PRIMARY KEY, error int REFERENCES error_log);
INSERT INTO customers VALUES ('6a1c1d6e-9d5a-4b0e-8f3a-0d9a4f2c1b11', 'secret name');
INSERT INTO products (name) VALUES ('pen');
INSERT INTO "Sales Dept"."Orders" (customer) SELECT id FROM customers;
INSERT INTO "Sales Dept"."Order.*" VALUES (1, 1);
"""
TENANTS = """
CREATE TABLE tenants (id serial PRIMARY KEY, name text);
CREATE TABLE users (
    id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, email text
);
CREATE TABLE projects (
    id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, owner int REFERENCES users
);
CREATE TABLE tasks (
    id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants,
    project_id int REFERENCES projects, parent_id int REFERENCES tasks
);
CREATE TABLE comments (id serial PRIMARY KEY, task_id int NOT NULL REFERENCES tasks);
CREATE TABLE plans (id serial PRIMARY KEY);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION nothing();
INSERT INTO tenants (name) VALUES ('secret name'), ('b');
INSERT INTO users (tenant_id) VALUES (1), (2);
INSERT INTO projects (tenant_id, owner) VALUES (1, 1), (2, 2);
INSERT INTO tasks (tenant_id, project_id) VALUES (1, 1), (2, 2);
INSERT INTO comments (task_id) VALUES (1), (2);
"""

Deployed = Callable[[str], Database]


TEAMS = """
CREATE TABLE account (id int PRIMARY KEY);
CREATE TABLE team (id int PRIMARY KEY, name text);
CREATE TABLE person (id int PRIMARY KEY, crew int NOT NULL REFERENCES team, account_id int);
CREATE TABLE project (
    id int PRIMARY KEY, crew int NOT NULL REFERENCES team, created_by int NOT NULL REFERENCES person
);
CREATE TABLE task (
    id int PRIMARY KEY, crew int NOT NULL REFERENCES team, created_by int NOT NULL
    REFERENCES person,
    project int NOT NULL REFERENCES project, assigned_person_id int, project_ids int[],
    subject_type text, subject_id int, other_id text
);
CREATE TABLE note (
    id int PRIMARY KEY, crew int NOT NULL REFERENCES team, created_by int NOT NULL
    REFERENCES person,
    up int NOT NULL REFERENCES note
);
"""


@pytest.fixture(scope="module")
def deployed_as(server: Server) -> Iterator[Deployed]:
    """A database for each of the schemas, which no test changes."""
    made: dict[str, Database] = {}

    def deployed(ddl: str) -> Database:
        if ddl not in made:
            made[ddl] = server.create_database()
            with psycopg.connect(made[ddl].dsn) as connection:
                connection.execute(ddl.encode())
        return made[ddl]

    yield deployed
    for database in made.values():
        server.drop_database(database)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "replant.toml"


@pytest.fixture
def proposed(replant: Replant, config: Path) -> Callable[..., str]:
    """The text that is proposed for a database."""

    def propose(dsn: str, *options: str) -> str:
        outcome = replant("init", "--source", dsn, "-o", config, *options)
        assert (outcome.code, outcome.out) == (0, ""), outcome.err
        return config.read_text(encoding="utf-8")

    return propose


def schemas_of(text: str) -> dict[str, Any]:
    settings: dict[str, Any] = tomli.loads(text)["plugins"]["schemas"]
    return settings


class TestWhatIsProposed:
    """Rows to begin with, a column that says whose a row is, or plugins that know the tables."""

    def test_films_begin_with_a_customer(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        assert schemas_of(proposed(deployed_as(FILMS).dsn)) == {
            "include": ["public.*"],
            "roots": ["public.customer: customer_id = 1"],
        }

    def test_orders_begin_with_a_customer_and_without_what_no_copy_needs(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        assert schemas_of(proposed(deployed_as(ORDERS).dsn)) == {
            "include": ['"Sales Dept".*', "public.*"],
            "exclude": [
                'public."__EFMigrationsHistory"',
                "public.audit_log",
                'public."it\'s ""odd""\n[plugins]\ncache"',
                "public.jobs",
                "public.schema_migrations",
                "public.scratch",
                "public.user_sessions",
            ],
            "roots": ["public.customers: id = '6a1c1d6e-9d5a-4b0e-8f3a-0d9a4f2c1b11'"],
        }

    def test_of_tenants_the_column_stands_out(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        text = proposed(deployed_as(TENANTS).dsn)
        assert schemas_of(text) == {"include": ["public.*"], "scope_column": "tenant_id"}
        assert tomli.loads(text)["scope"] == {"tenant_id": "1"}
        assert "# tenant_id stands in 3 of 6 tables, and holds the key of public.tenants." in text

    def test_a_column_by_which_nearly_all_reference_one_table_beats_any_name(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        text = proposed(deployed_as(TEAMS).dsn)
        assert schemas_of(text)["scope_column"] == "crew"
        assert '# scope_column = "created_by"' not in text

    def test_columns_that_look_like_references_can_be_declared(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        text = proposed(deployed_as(TEAMS).dsn)
        choices = text[text.index("# These columns look like references") :]
        taken = [
            line.removeprefix("# ")
            for line in choices.splitlines()
            if " = " in line or "[[" in line
        ]
        found = tomli.loads("\n".join(taken))["plugins"]["schemas"]["references"]
        assert found == [
            {"table": "public.person", "columns": ["account_id"], "references": "public.account"},
            {
                "table": "public.task",
                "columns": ["assigned_person_id"],
                "references": "public.person",
            },
            {"table": "public.task", "array": "project_ids", "references": "public.project"},
            {
                "table": "public.task",
                "columns": ["subject_id"],
                "type_column": "subject_type",
                "targets": {"…": "schema.table"},
            },
        ]

    def test_rows_that_nobody_counted_are_given_no_number(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        assert "references itself by up: one statement, its rows never counted" in proposed(
            deployed_as(TEAMS).dsn
        )

    def test_plugins_are_proposed_for_the_tables_that_they_know(
        self, filled_template: Database, make_database: Any, proposed: Callable[..., str]
    ) -> None:
        settings = tomli.loads(proposed(make_database(filled_template).dsn))
        assert settings["plugins"] == {"enable": ["collections_public", "meta_public"]}
        assert list(settings["scope"]) == ["database_id"]

    @pytest.mark.parametrize(
        ("ddl", "names"),
        [
            (FILMS, "address city country film inventory language staff store"),
            (ORDERS, "products"),
            (TENANTS, "tenants"),
            ("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a)", ""),
        ],
        ids=["films", "orders", "tenants", "whole-tables"],
    )
    def test_what_is_only_referenced_may_be_there_with_the_same_values(
        self, deployed_as: Deployed, proposed: Callable[..., str], ddl: str, names: str
    ) -> None:
        assert tomli.loads(proposed(deployed_as(ddl).dsn)).get("tables", []) == [
            {"name": f"public.{name}", "on_conflict": "same"} for name in names.split()
        ]

    def test_what_is_left_out_has_its_reason_above_it(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        lines = [line.strip() for line in proposed(deployed_as(ORDERS).dsn).splitlines()]
        reasons = {
            name: lines[lines.index(f'"public.{name}",') - 1].partition(";")[0]
            for name in ("audit_log", "jobs", "schema_migrations", "scratch", "user_sessions")
        }
        assert reasons == {
            "audit_log": "# it looks like a log",
            "jobs": "# it looks like a queue of jobs",
            "schema_migrations": (
                "# it notes the migrations of this database, and the target has its own"
            ),
            "scratch": "# it is UNLOGGED: its rows need not survive a crash",
            "user_sessions": "# it looks like login sessions",
        }

    def test_a_log_that_is_referenced_stays_in(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        text = proposed(deployed_as(ORDERS).dsn)
        assert "#   public.error_log: it looks like a log" in text
        assert "referenced by public.complaint" in text

    def test_a_table_of_an_extension_is_left_out(
        self, database: Database, proposed: Callable[..., str]
    ) -> None:
        with psycopg.connect(database.dsn) as connection:
            connection.execute(
                "CREATE TABLE spatial_ref_sys (id int PRIMARY KEY);"
                "CREATE TABLE place (id int PRIMARY KEY, srid int REFERENCES spatial_ref_sys);"
                "ALTER EXTENSION plpgsql ADD TABLE spatial_ref_sys"
            )
        text = proposed(database.dsn)
        assert schemas_of(text)["exclude"] == ["public.spatial_ref_sys"]
        assert "# it belongs to the extension plpgsql, which brings its rows; empty" in text

    def test_masks_are_proposed_for_text_of_any_type(
        self, database: Database, proposed: Callable[..., str]
    ) -> None:
        with psycopg.connect(database.dsn) as connection:
            connection.execute(
                "CREATE SCHEMA x; CREATE EXTENSION citext SCHEMA x;"
                "CREATE TABLE org (id int PRIMARY KEY, post_code character(8), email_count int);"
                "INSERT INTO org VALUES (7);"
                "CREATE TABLE person (id int PRIMARY KEY, org int REFERENCES org, email x.citext)"
            )
        text = proposed(database.dsn)
        assert [line for line in text.splitlines() if line.startswith('# "')] == [
            '# "public.org.post_code" = "postcode"',
            '# "public.person.email" = "email"',
        ]
        assert schemas_of(text)["roots"] == ["public.org: id = 7"], "it comes before its people"

    def test_what_else_there_is_to_know(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        lines = proposed(deployed_as(TENANTS).dsn).splitlines()
        way = "references itself by parent_id: one statement, its rows never counted"
        assert f"#   public.tasks: {way}" in lines
        assert "#   public.tasks: trigger touch, on INSERT" in lines
        assert "#   public.comments(task_id)" in lines
        assert "#   public.plans: empty" in lines

    def test_one_schema_alone(self, deployed_as: Deployed, proposed: Callable[..., str]) -> None:
        text = proposed(deployed_as(ORDERS).dsn, "--schema", "Sales Dept")
        assert schemas_of(text) == {
            "include": ['"Sales Dept".*'],
            "roots": ['"Sales Dept"."Orders": "Id" = 1'],
        }

    def test_whole_tables_where_none_references_another(
        self, database: Database, proposed: Callable[..., str]
    ) -> None:
        with psycopg.connect(database.dsn) as connection:
            connection.execute("CREATE TABLE a (id int)")
        assert schemas_of(proposed(database.dsn)) == {"include": ["public.*"]}

    def test_a_key_that_may_be_a_name_is_not_written(
        self, database: Database, proposed: Callable[..., str]
    ) -> None:
        with psycopg.connect(database.dsn) as connection:
            connection.execute(
                "CREATE TABLE person (email text PRIMARY KEY);"
                "CREATE TABLE letter (id int PRIMARY KEY, email text REFERENCES person);"
                "INSERT INTO person VALUES ('ada@example.org')"
            )
        text = proposed(database.dsn)
        assert '# roots = ["public.person: email = …"]' in text
        assert "ada@" not in text


class TestWhatWorks:
    """The file is used as it is."""

    @pytest.mark.parametrize("ddl", [FILMS, ORDERS, TENANTS], ids=["films", "orders", "tenants"])
    def test_a_plan_is_made_of_the_proposal(
        self,
        ddl: str,
        deployed_as: Deployed,
        proposed: Callable[..., str],
        config: Path,
        replant: Replant,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        dsn = deployed_as(ddl).dsn
        proposed(dsn)
        monkeypatch.setenv("REPLANT_SOURCE", dsn)
        outcome = replant("plan", "-c", config)
        assert (outcome.code, outcome.err) == (0, "")

    def test_a_plan_of_the_platform(
        self,
        filled: Database,
        proposed: Callable[..., str],
        config: Path,
        replant: Replant,
    ) -> None:
        proposed(filled.dsn)
        outcome = replant("plan", "-c", config, "--source", filled.dsn)
        assert (outcome.code, outcome.err) == (0, "")
        assert "in 51 tables, strategy ordered, database_id = " in outcome.out


class TestWhoLooks:
    """Only what the role may read is read, and nothing of whom connects is written."""

    def test_no_password_and_no_host_is_written(
        self, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        database = deployed_as(TENANTS)
        text = proposed(f"{database.dsn} password=s3cret")
        assert tomli.loads(text)["source"] == {"dsn": "env:REPLANT_SOURCE"}
        assert tomli.loads(text)["target"] == {"dsn": "env:REPLANT_TARGET"}
        assert "s3cret" not in text
        assert "host" not in text
        assert "secret name" not in text

    def test_the_variable_that_was_named_is_kept(
        self,
        deployed_as: Deployed,
        proposed: Callable[..., str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SHOP_DSN", deployed_as(TENANTS).dsn)
        assert tomli.loads(proposed("env:SHOP_DSN"))["source"] == {"dsn": "env:SHOP_DSN"}

    def test_a_role_that_may_read_nothing_learns_what_to_ask_for(
        self, server: Server, deployed_as: Deployed, proposed: Callable[..., str]
    ) -> None:
        database, role = deployed_as(TENANTS), server.create_role("looks_only")
        text = proposed(database.as_role(role))
        assert '# tenant_id = "…"' in text
        assert (
            "#   GRANT SELECT ON public.comments, public.plans, public.projects, public.tasks, "
            "public.tenants, public.users TO looks_only;"
        ) in text

    def test_tables_with_row_level_security_are_named(
        self, database: Database, server: Server, proposed: Callable[..., str]
    ) -> None:
        role = server.create_role("sees_some")
        with psycopg.connect(database.dsn) as connection:
            connection.execute(
                "CREATE TABLE customer (id int PRIMARY KEY);"
                "CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customer);"
                "INSERT INTO customer VALUES (1);"
                "ALTER TABLE customer ENABLE ROW LEVEL SECURITY"
            )
        names = [RelationName("public", name) for name in ("customer", "orders")]
        grant(database, role, "SELECT", names)
        text = proposed(database.as_role(role))
        assert "row_security = 'as-role'" in text.replace("\n# ", " ")
        assert "#   public.customer\n" in text
        assert '# roots = ["public.customer: id = …"]' in text


class TestTheFile:
    """It appears where it should, and replaces nothing unasked."""

    def test_a_file_that_exists_is_kept(
        self, deployed_as: Deployed, config: Path, replant: Replant
    ) -> None:
        config.write_text("mine")
        outcome = replant("init", "--source", deployed_as(TENANTS).dsn, "-o", config)
        assert outcome.code == 2
        assert outcome.err == (
            f"replant: {config} exists already; replace it with --force, or choose another -o\n"
        )
        assert config.read_text() == "mine"

    def test_a_file_is_replaced_by_force(
        self, deployed_as: Deployed, config: Path, proposed: Callable[..., str]
    ) -> None:
        config.write_text("mine")
        assert proposed(deployed_as(TENANTS).dsn, "--force").startswith("# A proposal for")

    def test_standard_output_holds_the_same_and_nothing_else(
        self, deployed_as: Deployed, replant: Replant, proposed: Callable[..., str]
    ) -> None:
        dsn = deployed_as(TENANTS).dsn
        assert replant("init", "--source", dsn, "-o", "-").out == proposed(dsn)

    def test_what_to_do_next_is_said(
        self, deployed_as: Deployed, replant: Replant, config: Path
    ) -> None:
        database = deployed_as(TENANTS)
        outcome = replant("init", "--source", database.dsn, "-o", config)
        assert outcome.err.splitlines() == [
            f"proposed for 6 tables of {database.name}: {config}",
            "  rows: those of one tenant_id, with what belongs to them",
            (
                "next: read it, set REPLANT_SOURCE to where the database is, and see what it would "
                "export:"
            ),
            f"  replant plan -c {config}",
        ]

    def test_quiet_says_nothing(
        self, deployed_as: Deployed, replant: Replant, config: Path
    ) -> None:
        outcome = replant("init", "--source", deployed_as(TENANTS).dsn, "-o", config, "-q")
        assert (outcome.code, outcome.out, outcome.err) == (0, "", "")

    def test_a_schema_that_is_not_there(self, deployed_as: Deployed, replant: Replant) -> None:
        outcome = replant("init", "--source", deployed_as(TENANTS).dsn, "--schema", "nope")
        assert outcome.code == 2
        assert outcome.err == ("replant: there is no schema 'nope'; the schemas are: public\n")

    def test_a_database_without_a_table(self, database: Database, replant: Replant) -> None:
        outcome = replant("init", "--source", database.dsn, "-o", "-")
        assert outcome.code == 2
        assert outcome.err == (
            f"replant: there is no table in '{database.name}'; is this the right database?\n"
        )
