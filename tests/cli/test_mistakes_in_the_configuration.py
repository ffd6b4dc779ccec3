"""Mistakes of a configuration that a database brings to light: all at once, with the file."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from replant.testing.servers.server import Database
from tests.support.commands import Replant, assert_one_line

SHOP = (
    "CREATE SCHEMA shop; CREATE TABLE shop.customer (id int PRIMARY KEY, tenant_id int);"
    "CREATE TABLE shop.order (id int PRIMARY KEY, customer_id int REFERENCES shop.customer);"
    "INSERT INTO shop.customer VALUES (1, 1)"
)


@pytest.fixture
def shop(database: Database) -> Database:
    with psycopg.connect(database.dsn) as connection:
        connection.execute(SHOP)
    return database


def test_all_mistakes_in_the_settings_of_a_plugin_are_told_at_once(
    replant: Replant, shop: Database, tmp_path: Path
) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(
        "[plugins.schemas]\n"
        'include = ["shoop"]\n'
        'exclude = ["shop.log*"]\n'
        'roots = ["shop.custmer: id = 1", "nonsense"]\n'
        'scope_column = "tenant"\n'
        "[[plugins.schemas.edges]]\n"
        'table = "shop.order"\ncolumns = ["client_id"]\n'
        "[[plugins.schemas.references]]\n"
        'table = "shop.order"\ncolumns = ["id"]\n'
    )
    outcome = replant("plan", "-c", file, "--source", shop.dsn)
    assert outcome.code == 2
    problems = [line.removeprefix(f"replant: {file}: ") for line in outcome.err.splitlines()]
    wrong = ["exclude[0]", "include[0]", "roots[0]", "roots[1]", "scope_column"]
    wrong += ["edges[0]", "references[0]"]
    assert [problem.partition(":")[0] for problem in problems] == [
        f"plugins.schemas.{name}" for name in wrong
    ]
    assert "no table has a column 'tenant'; did you mean tenant_id?" in outcome.err
    assert "no table shop.custmer; did you mean shop.customer?" in outcome.err


def test_mistakes_in_the_file_and_in_settings_of_plugins_are_told_at_once(
    replant: Replant, tmp_path: Path
) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(
        '[plugins.schemas]\ninclud = ["shop"]\n[plugins.mask]\nsecrt = "env:X"\n'
        '[export]\noutptu = "x"\n'
    )
    outcome = replant("plan", "-c", file)
    assert outcome.code == 2
    problems = [line.removeprefix(f"replant: {file}: ") for line in outcome.err.splitlines()]
    assert {problem.partition(":")[0] for problem in problems} >= {
        "export.outptu",
        "plugins.mask.secrt",
        "plugins.schemas.includ",
    }


def test_all_mistakes_in_the_tables_are_told_at_once(
    replant: Replant, shop: Database, tmp_path: Path
) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(
        '[plugins.schemas]\ninclude = ["shop"]\n'
        '[[tables]]\nname = "shop.custmer"\n'
        '[[tables]]\nname = "shop.customer"\nomit = ["id", "tennant_id"]\n'
        '[[tables]]\nname = "shop.order"\nomit = ["customer"]\n'
    )
    outcome = replant("plan", "-c", file, "--source", shop.dsn)
    assert outcome.code == 2
    problems = [line.removeprefix(f"replant: {file}: ") for line in outcome.err.splitlines()]
    assert [problem.partition(":")[0] for problem in problems] == [
        "tables[0].name",
        "tables[1].omit",
        "tables[1].omit",
        "tables[2].omit",
    ]
    assert "no column 'tennant_id' to omit; did you mean tenant_id?" in outcome.err


def test_a_reference_with_unlike_ends_is_said_of_the_setting_that_omits_one(
    replant: Replant, shop: Database, tmp_path: Path
) -> None:
    with psycopg.connect(shop.dsn) as connection:
        connection.execute("ALTER TABLE shop.customer ALTER id ADD GENERATED ALWAYS AS IDENTITY")
    file = tmp_path / "shop.toml"
    file.write_text(
        '[plugins.schemas]\ninclude = ["shop"]\n[[tables]]\nname = "shop.customer"\nomit = ["id"]\n'
    )
    outcome = replant("plan", "-c", file, "--source", shop.dsn)
    assert_one_line(outcome, 2, f"{file}: tables[0].omit: the reference", "treat both ends alike")


def test_what_an_option_says_is_not_said_of_the_file(
    replant: Replant, shop: Database, tmp_path: Path
) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('[plugins.schemas]\ninclude = ["shop"]\n')
    outcome = replant("plan", "-c", file, "--source", shop.dsn, "--include", "shoop")
    assert_one_line(outcome, 2, "plugins.schemas.include[0]", "did you mean shop?")
    assert str(file) not in outcome.err


@pytest.mark.parametrize("condition", ["id =", "id = 1) OR (true", "id = (1"])
@pytest.mark.parametrize("way", ["--root", "where"])
def test_an_unfinished_condition_is_not_answered_with_sql_of_replants_own(
    replant: Replant, shop: Database, tmp_path: Path, condition: str, way: str
) -> None:
    if way == "--root":
        outcome = replant("plan", "--source", shop.dsn, "--root", f"shop.customer: {condition}")
    else:
        file = tmp_path / "shop.toml"
        file.write_text(
            '[plugins.schemas]\ninclude = ["shop"]\n'
            f'[[tables]]\nname = "shop.customer"\nwhere = "{condition}"\n'
        )
        outcome = replant("plan", "-c", file, "--source", shop.dsn)
    assert_one_line(outcome, 2, "shop.customer", "is not valid")
    assert "THEN" not in outcome.err


def test_a_strategy_is_named_among_strategies(replant: Replant, shop: Database) -> None:
    outcome = replant("plan", "--source", shop.dsn, "--include", "shop", "--strategy", "orderd")
    assert_one_line(outcome, 2, "no enabled plugin knows the strategy 'orderd'", "known are:")


def test_the_output_is_relative_to_the_file(
    replant: Replant, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config" / "shop.toml"
    file.write_text('[export]\noutput = "shop.sql"\n[plugins.schemas]\ninclude = ["shop"]\n')
    assert replant("export", "-c", "config/shop.toml", "--source", shop.dsn).code == 0
    assert (tmp_path / "config" / "shop.sql").exists()


def test_a_schema_of_logs_alone_is_proposed_as_it_is(
    replant: Replant, database: Database, tmp_path: Path
) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute(
            "CREATE SCHEMA logs; CREATE TABLE logs.audit_log (id int PRIMARY KEY, what text);"
            "INSERT INTO logs.audit_log VALUES (1, 'x')"
        )
    file = tmp_path / "logs.toml"
    said = ("--source", database.dsn)
    assert replant("init", *said, "--schema", "logs", "-o", file).code == 0
    outcome = replant("plan", "-c", file, *said)
    assert (outcome.code, outcome.err) == (0, "")
    assert "logs.audit_log" in outcome.out
