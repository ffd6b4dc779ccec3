"""`replant drift`: a database against plugins, a record, another database, an artifact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from jsonschema import Draft202012Validator

from replant.drift import drift_findings
from replant.testing.servers.server import Database, Server
from replant_plugins.demonstration import PLATFORM
from tests.conftest import MakeDatabase
from tests.support.commands import Replant

SCHEMA: dict[str, Any] = json.loads(
    (Path(drift_findings.__file__).parent / "drift.schema.json").read_text(encoding="utf-8")
)
SCOPE = f"database_id={PLATFORM.scope['database_id']}"

SHOP = """
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN shop.price AS numeric(10,2) CHECK (VALUE > 0);
CREATE TABLE shop.customer (id integer PRIMARY KEY, name text NOT NULL, mood shop.mood);
CREATE TABLE shop.purchase (
    id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES shop.customer,
    total shop.price, code text UNIQUE, net numeric GENERATED ALWAYS AS (1) STORED
);
CREATE TABLE shop.audit (line text);
"""
#: Everything but the log of changes.
ASKED = ("--include", "shop.*", "--exclude", "shop.audit")


def run_sql(database: Database, *statements: str) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[Database]:
    database = server.create_database()
    run_sql(database, SHOP)
    yield database
    server.drop_database(database)


@pytest.fixture
def shop(
    make_database: MakeDatabase,
    template: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Database:
    """A shop, and a folder of its own to record it in."""
    monkeypatch.chdir(tmp_path)
    return make_database(template)


@pytest.fixture
def recorded(shop: Database, replant: Replant) -> Database:
    assert replant("drift", "--source", shop.dsn, *ASKED, "--write").code == 0
    return shop


def findings(out: str) -> list[tuple[str, str, str]]:
    """The kind, the severity and the place of each finding of a JSON report."""
    report = json.loads(out)
    Draft202012Validator(SCHEMA).validate(report)
    found = []
    for item in report["findings"]:
        table = ".".join(item["table"].values()) if item["table"] else None
        place = ".".join(part for part in (table, item["column"], item["type"]) if part)
        found.append((item["kind"], item["severity"], place))
    return found


def drift_of(replant: Replant, *arguments: object) -> list[tuple[str, str, str]]:
    done = replant("drift", *arguments, "--format", "json")
    assert done.err == ""
    found = findings(done.out)
    assert done.code == (1 if found else 0)
    return found


# -- what plugins declare ------------------------------------------------------------------------


def test_a_database_as_its_plugins_want_it_is_no_difference(
    replant: Replant, deployed: Database
) -> None:
    done = replant("drift", "--source", deployed.dsn)

    assert done.code == 0
    assert done.out.endswith("51 tables: no difference\n")


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DROP TABLE meta_public.domains", ("table-missing", "fails", "meta_public.domains")),
        (
            "ALTER TABLE meta_public.domains RENAME TO hosts",
            ("table-renamed", "fails", "meta_public.domains"),
        ),
        (
            "CREATE TABLE meta_public.hosts (host text)",
            ("table-added", "loses", "meta_public.hosts"),
        ),
        (
            "ALTER TABLE meta_public.sites DROP COLUMN title",
            ("column-missing", "fails", "meta_public.sites.title"),
        ),
        (
            "ALTER TABLE meta_public.sites ADD COLUMN host text",
            ("column-added", "harmless", "meta_public.sites.host"),
        ),
        (
            "ALTER TABLE meta_public.domains DROP CONSTRAINT domains_site_id_fkey",
            ("foreign-key-missing", "loses", "meta_public.domains"),
        ),
    ],
)
def test_what_a_difference_means_for_an_export(
    replant: Replant, deployed: Database, statement: str, finding: tuple[str, str, str]
) -> None:
    run_sql(deployed, statement)

    assert drift_of(replant, "--source", deployed.dsn) == [finding]


def test_a_table_that_is_renamed_is_named_with_its_likely_new_name(
    replant: Replant, deployed: Database
) -> None:
    run_sql(deployed, "ALTER TABLE collections_public.field RENAME TO fields")

    done = replant("drift", "--source", deployed.dsn)

    assert "field is missing, likely renamed to collections_public.fields" in done.out
    assert "update the plugin 'collections_public', or the database" in done.out


def test_a_column_that_is_renamed_is_named_with_its_likely_new_name(
    replant: Replant, deployed: Database
) -> None:
    run_sql(deployed, "ALTER TABLE meta_public.sites RENAME COLUMN title TO heading")

    done = replant("drift", "--source", deployed.dsn)

    assert "meta_public.sites.title (text) is missing, likely renamed to heading" in done.out


def test_a_foreign_key_to_a_table_that_is_not_exported_would_lose_rows(
    replant: Replant, deployed: Database
) -> None:
    run_sql(
        deployed,
        "CREATE TABLE public.theme (id uuid PRIMARY KEY)",
        "ALTER TABLE meta_public.sites ADD COLUMN theme_id uuid REFERENCES public.theme",
    )

    assert ("foreign-key-added", "loses", "meta_public.sites") in drift_of(
        replant, "--source", deployed.dsn
    )


@pytest.mark.parametrize(("least", "code"), [("harmless", 1), ("loses", 0), ("fails", 0)], ids=str)
def test_the_least_severity_that_counts_can_be_said(
    replant: Replant, deployed: Database, least: str, code: int
) -> None:
    run_sql(deployed, "ALTER TABLE meta_public.sites ADD COLUMN host text")

    assert replant("drift", "--source", deployed.dsn, "--fail-on", least).code == code


# -- what an export says at once -----------------------------------------------------------------


def test_a_new_column_is_exported_and_told_of(
    replant: Replant, filled: Database, tmp_path: Path
) -> None:
    run_sql(filled, "ALTER TABLE meta_public.sites ADD COLUMN host text DEFAULT 'of the new'")
    artifact = tmp_path / "tenant.sql"

    done = replant("export", "--source", filled.dsn, "--scope", SCOPE, "-o", artifact)

    assert done.code == 0
    assert "meta_public.sites.host is not known to the plugin 'meta_public'" in done.err
    assert "of the new" in artifact.read_text(encoding="utf-8")


def test_what_is_not_declared_is_refused_where_that_was_asked_for(
    replant: Replant, filled: Database, tmp_path: Path
) -> None:
    run_sql(
        filled,
        "ALTER TABLE meta_public.sites ADD COLUMN host text",
        "CREATE TABLE meta_public.news (id integer)",
    )
    config = tmp_path / "replant.toml"
    config.write_text("[export]\nundeclared = 'fail'\n", encoding="utf-8")
    artifact = tmp_path / "tenant.sql"

    done = replant("export", "-c", config, "--source", filled.dsn, "--scope", SCOPE, "-o", artifact)

    assert done.code == 4
    assert "meta_public.sites.host is not known to the plugin 'meta_public'" in done.err
    assert "meta_public.news is not known to the plugin 'meta_public'" in done.err
    assert not artifact.exists()


def test_an_export_knows_what_was_recorded(replant: Replant, recorded: Database) -> None:
    run_sql(
        recorded,
        "ALTER TABLE shop.customer ADD COLUMN born date",
        "INSERT INTO shop.customer VALUES (1, 'Ada', 'ok')",
    )

    done = replant("plan", "--source", recorded.dsn, *ASKED)

    known = "shop.customer.born is not known to what replant drift --write recorded"
    assert f"{known}; it is exported all the same" in done.out


# -- what was recorded ---------------------------------------------------------------------------


def test_a_record_is_toml_with_a_fact_on_each_line(recorded: Database) -> None:
    text = Path("replant.lock.toml").read_text(encoding="utf-8")

    assert (
        text.partition("\n\n")[2]
        == """left_out = [
    "shop.audit",
]

[tables]
"shop.customer" = [
    "id integer not null",
    "name text not null",
    "mood shop.mood",
    "primary key (id)",
]
"shop.purchase" = [
    "id integer not null",
    "customer_id integer not null",
    "total shop.price",
    "code text",
    "net numeric generated",
    "primary key (id)",
    "unique (code)",
    "foreign key (customer_id) references shop.customer (id)",
]

[types."shop.mood"]
enum = [
    "sad",
    "ok",
]

[types."shop.price"]
domain = "numeric(10,2)"
checks = [
    "CHECK ((VALUE > (0)::numeric))",
]
"""
    )


def test_what_was_recorded_is_no_difference(replant: Replant, recorded: Database) -> None:
    assert drift_of(replant, "--source", recorded.dsn, *ASKED) == []


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DROP TABLE shop.purchase", ("table-missing", "loses", "shop.purchase")),
        ("CREATE TABLE shop.news (a date)", ("table-added", "harmless", "shop.news")),
        (
            "ALTER TABLE shop.purchase RENAME TO sale",
            ("table-renamed", "harmless", "shop.purchase"),
        ),
        (
            "ALTER TABLE shop.customer DROP COLUMN name",
            ("column-missing", "loses", "shop.customer.name"),
        ),
        (
            "ALTER TABLE shop.customer ALTER name TYPE varchar(9)",
            ("column-type", "harmless", "shop.customer.name"),
        ),
        (
            "ALTER DOMAIN shop.price ADD CHECK (VALUE < 100)",
            ("domain", "harmless", "shop.price"),
        ),
        (
            "ALTER TABLE shop.purchase ALTER net DROP EXPRESSION",
            ("column-not-generated", "harmless", "shop.purchase.net"),
        ),
        ("DROP TABLE shop.audit", None),
    ],
)
def test_what_changed_since_it_was_recorded_is_found(
    replant: Replant, recorded: Database, statement: str, finding: tuple[str, str, str] | None
) -> None:
    run_sql(recorded, statement)
    asked = [part for part in ASKED if statement != "DROP TABLE shop.audit" or part != "shop.audit"]
    asked = asked[:-1] if len(asked) < len(ASKED) else asked

    assert drift_of(replant, "--source", recorded.dsn, *asked) == ([finding] if finding else [])


def test_a_table_that_was_left_out_is_none_of_the_differences(
    replant: Replant, recorded: Database
) -> None:
    run_sql(recorded, "ALTER TABLE shop.audit ADD COLUMN at date")

    assert drift_of(replant, "--source", recorded.dsn, *ASKED) == []


def test_a_new_table_that_is_not_exported_would_lose_its_rows(
    replant: Replant, recorded: Database
) -> None:
    run_sql(recorded, "CREATE TABLE shop.audit_2 (line text)")

    found = drift_of(replant, "--source", recorded.dsn, *ASKED, "--exclude", "shop.audit_2")

    assert found == [("table-added", "loses", "shop.audit_2")]


def test_the_record_stands_beside_the_configuration(
    replant: Replant, shop: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    config = folder / "shop.toml"
    config.write_text('[plugins.schemas]\ninclude = ["shop.*"]\n', encoding="utf-8")

    done = replant("drift", "-c", config, "--source", shop.dsn, "--write")

    assert done.code == 0
    assert (folder / "shop.lock.toml").exists()
    assert drift_of(replant, "-c", config, "--source", shop.dsn) == []


def test_recording_again_changes_nothing(replant: Replant, recorded: Database) -> None:
    before = Path("replant.lock.toml").read_bytes()

    replant("drift", "--source", recorded.dsn, *ASKED, "--write")

    assert Path("replant.lock.toml").read_bytes() == before


def test_where_plugins_declare_all_tables_there_is_nothing_to_record(
    replant: Replant, deployed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    done = replant("drift", "--source", deployed.dsn, "--write")

    assert done.code == 0
    assert "nothing to record" in done.out
    assert not Path("replant.lock.toml").exists()


def test_without_a_record_it_is_said_how_to_make_one(replant: Replant, shop: Database) -> None:
    done = replant("drift", "--source", shop.dsn, *ASKED)

    assert done.code == 2
    assert "nothing is declared or recorded of the 2 tables" in done.err
    assert "replant drift --write" in done.err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tables", "replant.lock.toml: is not TOML"),
        ("[table]", "replant.lock.toml.table: is unknown; did you mean 'tables'?"),
        ('[tables]\n"shop" = []', "replant.lock.toml: tables: 'shop' is not schema.table"),
        ('[tables]\n"s.t" = ["id"]', "tables.s.t: 'id' is not `name type`"),
        ('[tables]\n"s.t" = ["a b", "a c"]', "tables.s.t: declared more than once: a"),
        ('[types."s.t"]\nnot_null = true', "types.s.t: give one of enum, domain and attributes"),
        ('[tables]\n"s.t" = "id uuid"', "must be an array of strings"),
    ],
)
def test_a_mistake_in_the_record_is_named_with_its_place(
    replant: Replant, shop: Database, text: str, problem: str
) -> None:
    Path("replant.lock.toml").write_text(text, encoding="utf-8")

    done = replant("drift", "--source", shop.dsn, *ASKED)

    assert done.code == 2
    assert problem in done.err


# -- a target ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DROP TABLE shop.purchase", ("table-missing", "fails", "shop.purchase")),
        (
            "ALTER TABLE shop.purchase RENAME TO sale",
            ("table-renamed", "fails", "shop.purchase"),
        ),
        (
            "ALTER TABLE shop.customer DROP COLUMN mood",
            ("column-missing", "fails", "shop.customer.mood"),
        ),
        (
            "ALTER TABLE shop.customer ADD born date",
            ("column-added", "harmless", "shop.customer.born"),
        ),
        (
            "ALTER TABLE shop.customer ADD born date NOT NULL",
            ("column-added", "fails", "shop.customer.born"),
        ),
        (
            "ALTER TABLE shop.customer ADD born date NOT NULL DEFAULT 'today'",
            ("column-added", "harmless", "shop.customer.born"),
        ),
        (
            "ALTER TABLE shop.customer ALTER name TYPE varchar(9)",
            ("column-type", "fails", "shop.customer.name"),
        ),
        (
            "ALTER TABLE shop.customer ALTER mood SET NOT NULL",
            ("column-not-null", "fails", "shop.customer.mood"),
        ),
        (
            "ALTER TABLE shop.customer ALTER name DROP NOT NULL",
            ("column-nullable", "harmless", "shop.customer.name"),
        ),
        (
            "ALTER TABLE shop.customer ADD UNIQUE (name)",
            ("unique-key-added", "fails", "shop.customer"),
        ),
        (
            "ALTER TABLE shop.purchase DROP CONSTRAINT purchase_customer_id_fkey",
            ("foreign-key-missing", "harmless", "shop.purchase"),
        ),
        (
            "ALTER TYPE shop.mood RENAME VALUE 'ok' TO 'well'",
            ("enum-label-missing", "fails", "shop.mood"),
        ),
        (
            "ALTER DOMAIN shop.price ADD CHECK (VALUE < 100)",
            ("domain", "fails", "shop.price"),
        ),
        (
            "ALTER TABLE shop.purchase ALTER net DROP EXPRESSION",
            ("column-not-generated", "loses", "shop.purchase.net"),
        ),
    ],
)
def test_a_source_is_compared_with_a_target(
    replant: Replant,
    shop: Database,
    make_database: MakeDatabase,
    template: Database,
    statement: str,
    finding: tuple[str, str, str],
    tmp_path: Path,
) -> None:
    target = make_database(template)
    run_sql(target, statement)

    found = drift_of(replant, "--source", shop.dsn, *ASKED, "--against", target.dsn)

    artifact = tmp_path / "shop.sql"
    run_sql(
        shop,
        "INSERT INTO shop.customer VALUES (1, 'Ada', 'ok')",
        "INSERT INTO shop.purchase VALUES (1, 1)",
    )
    assert replant("export", "--source", shop.dsn, *ASKED, "-o", artifact).code == 0
    assert finding in found
    assert {other for other in found if other != finding} <= {
        ("enum-label-added", "harmless", "shop.mood")
    }
    assert drift_of(replant, artifact, "--target", target.dsn) == found


def test_the_statement_that_would_mend_a_target_mends_it(
    replant: Replant, shop: Database, make_database: MakeDatabase
) -> None:
    target = make_database()
    run_sql(
        target,
        SHOP,
        "ALTER TABLE shop.customer ALTER name TYPE varchar(9)",
        "ALTER TABLE shop.purchase DROP COLUMN code, ALTER total SET NOT NULL",
        "ALTER TYPE shop.mood RENAME VALUE 'ok' TO 'well'",
    )
    against = ("--source", shop.dsn, *ASKED, "--against", target.dsn)
    done = replant("drift", *against)

    remedies = re.findall(r"^    (ALTER [^;]+);", done.out, re.MULTILINE)
    assert len(remedies) == 4
    run_sql(target, *remedies)

    assert drift_of(replant, *against) == [
        ("enum-label-added", "harmless", "shop.mood"),
        ("unique-key-missing", "harmless", "shop.purchase"),
    ]


def test_no_row_is_read(
    replant: Replant, shop: Database, make_database: MakeDatabase, server: Any
) -> None:
    role = server.create_role("replant_drift_blind")
    target = make_database(shop)

    found = drift_of(
        replant, "--source", shop.as_role(role), *ASKED, "--against", target.as_role(role)
    )

    assert found == []


# -- reports -------------------------------------------------------------------------------------


def test_the_json_has_a_schema_that_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_annotations_are_workflow_commands_at_the_record(
    replant: Replant, recorded: Database
) -> None:
    run_sql(recorded, 'ALTER TABLE shop.customer DROP COLUMN mood, ADD COLUMN "100%: a,b" text')

    done = replant("drift", "--source", recorded.dsn, *ASKED, "--format", "github")

    assert done.code == 1
    missing, added = done.out.splitlines()
    place = "file=replant.lock.toml,title=drift%3A column"
    assert missing.startswith(f"::warning {place} missing::shop.customer.mood (shop.mood) is ")
    assert added.startswith(f'::notice {place} added::shop.customer."100%25: a,b" (text) is new;')


def test_sarif_has_a_result_for_each_finding(replant: Replant, recorded: Database) -> None:
    run_sql(recorded, "ALTER TABLE shop.customer DROP COLUMN mood")

    done = replant("drift", "--source", recorded.dsn, *ASKED, "--format", "sarif")

    log = json.loads(done.out)
    (run,) = log["runs"]
    (result,) = run["results"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [result["ruleId"]]
    assert result["level"] == "warning"
    (location,) = result["locations"]
    assert location["logicalLocations"] == [
        {"fullyQualifiedName": "shop.customer.mood", "kind": "member"}
    ]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "replant.lock.toml"


@pytest.mark.parametrize("report", ["text", "json", "github", "sarif"])
def test_no_difference_is_no_finding_in_any_report(
    replant: Replant, recorded: Database, report: str
) -> None:
    done = replant("drift", "--source", recorded.dsn, *ASKED, "--format", report)

    assert done.code == 0
    assert "shop.customer" not in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--write", "--against", "dbname=other"),
        ("artifact.sql", "--against", "dbname=other"),
        ("artifact.sql", "--write"),
        ("--target", "dbname=other"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    replant: Replant, arguments: tuple[str, ...]
) -> None:
    assert replant("drift", *arguments).code == 2


def test_a_table_of_which_an_artifact_has_no_row_may_be_missing(
    replant: Replant,
    shop: Database,
    make_database: MakeDatabase,
    template: Database,
    tmp_path: Path,
) -> None:
    target, artifact = make_database(template), tmp_path / "shop.sql"
    run_sql(shop, "INSERT INTO shop.customer VALUES (1, 'Ada', 'ok')")
    run_sql(target, "DROP TABLE shop.purchase")
    assert replant("export", "--source", shop.dsn, *ASKED, "-o", artifact).code == 0
    found = drift_of(replant, artifact, "--target", target.dsn)
    assert found == [("table-missing", "harmless", "shop.purchase")]
    assert replant("replay", artifact, "--target", target.dsn).code == 0
