"""Shared rows are met by another unique key than the primary key; references follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Outcome, Replant
from tests.support.moves import Move

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.region (id int PRIMARY KEY, code text NOT NULL UNIQUE);
CREATE TABLE s.country (id int PRIMARY KEY, region int NOT NULL REFERENCES s.region, code text,
  name text, UNIQUE (region, code));
CREATE TABLE s.customer (id int PRIMARY KEY, email text UNIQUE, country int REFERENCES s.country,
  liked int[]);
CREATE TABLE s.visit (customer int REFERENCES s.customer, n int, about text, about_id int,
  PRIMARY KEY (customer, n));
"""
SOURCE = """
INSERT INTO s.region VALUES (1, 'eu'), (2, 'am');
INSERT INTO s.country VALUES (1, 1, 'de', 'Germany'), (2, 2, 'pe', 'Peru'), (3, 1, 'fr', 'France');
INSERT INTO s.customer VALUES (1, 'ada@x', 1, '{2,NULL,1,3}');
INSERT INTO s.visit VALUES (1, 1, 'country', 2), (1, 2, 'customer', 1), (1, 3, NULL, 2);
"""
TARGET = """
INSERT INTO s.region VALUES (7, 'am'), (8, 'eu');
INSERT INTO s.country VALUES (20, 7, 'pe', 'Piruw'), (30, 8, 'de', 'Germany');
INSERT INTO s.customer VALUES (50, 'bob@x', 20, NULL);
"""
CONFIGURATION = """
[export]
layout = "directory"

[[tables]]
name = "s.region"
match = ["code"]

[[tables]]
name = "s.country"
match = ["region", "code"]

[plugins.schemas]
roots = ["s.customer: id = 1"]

[[plugins.schemas.references]]
table = "s.customer"
array = "liked"
references = "s.country"

[[plugins.schemas.references]]
table = "s.visit"
type_column = "about"
columns = ["about_id"]
targets = { country = "s.country", customer = "s.customer" }
"""


@pytest.fixture
def file(move: Move, tmp_path: Path) -> Path:
    move.on_both(SHOP)
    move.source.execute(SOURCE.encode(), prepare=False)
    move.target.execute(TARGET.encode(), prepare=False)
    path = tmp_path / "shop.toml"
    path.write_text(CONFIGURATION)
    return path


def copied(move: Move, replant: Replant, file: Path, *more: object) -> Outcome:
    places = ("--source", move.from_.dsn, "--target", move.to.dsn)
    return replant("copy", "-c", file, *places, "--keep", file.with_suffix(""), *more)


def test_references_lead_to_the_rows_of_the_target(
    move: Move, replant: Replant, file: Path
) -> None:
    outcome = copied(move, replant, file)

    assert outcome.code == 1, outcome.err  # Peru has another name there, and is left alone
    assert "s.country" in outcome.out
    assert move.found("SELECT row(id, region, code, name)::text FROM s.country ORDER BY id") == [
        "(3,8,fr,France)",
        "(20,7,pe,Piruw)",
        "(30,8,de,Germany)",
    ]
    assert move.found("SELECT code FROM s.region ORDER BY id") == ["am", "eu"]
    assert move.found("SELECT row(country, liked)::text FROM s.customer WHERE id = 1") == [
        '(30,"{20,NULL,30,3}")'
    ]
    visits = move.found("SELECT row(about, about_id)::text FROM s.visit ORDER BY n")
    assert visits == ["(country,20)", "(customer,1)", "(,2)"]


def test_a_refresh_and_a_removal_meet_them_as_well(
    move: Move, replant: Replant, file: Path
) -> None:
    move.target.execute("UPDATE s.country SET name = 'Peru' WHERE code = 'pe'")
    assert copied(move, replant, file).code == 0
    artifact, target = file.with_suffix(""), ("--target", move.to.dsn)
    before = move.found("SELECT c::text FROM s.customer c ORDER BY id")
    move.target.execute("UPDATE s.customer SET country = 3, liked = NULL WHERE id = 1")

    assert replant("verify", artifact, *target).code == 1
    outcome = replant("sync", artifact, *target)

    assert outcome.code == 0, outcome.err
    assert move.found("SELECT c::text FROM s.customer c ORDER BY id") == before
    assert replant("verify", artifact, *target).code == 0
    outcome = replant("remove", artifact, *target, "--yes")
    assert outcome.code == 0, outcome.err
    assert move.found("SELECT id FROM s.customer") == [50]
    assert move.found("SELECT count(*) FROM s.country") == [3]


def test_a_row_that_is_not_met_takes_nobody_elses_key(
    move: Move, replant: Replant, file: Path
) -> None:
    move.target.execute("UPDATE s.country SET id = 3 WHERE code = 'de'")

    outcome = copied(move, replant, file)

    assert outcome.code == 4
    assert (
        "s.country: no row with region = 8, code = fr is in the target, and id = 3 is the key"
        in (outcome.err)
    )
    assert move.found("SELECT id FROM s.customer") == [50]


def test_owned_rows_are_met_on_request(move: Move, replant: Replant, file: Path) -> None:
    move.target.execute("UPDATE s.country SET name = 'Peru' WHERE code = 'pe'")
    move.target.execute("INSERT INTO s.customer VALUES (60, 'ada@x', 20, NULL)")
    owned = '[[tables]]\nname = "s.customer"\nmatch = ["email"]\nmatch_owned = true\n'
    file.write_text(owned + CONFIGURATION)

    outcome = copied(move, replant, file, "--sync", "--yes")

    assert outcome.code == 0, outcome.err
    assert move.found("SELECT row(id, country, liked)::text FROM s.customer ORDER BY id") == [
        "(50,20,)",
        '(60,30,"{20,NULL,30,3}")',
    ]
    assert move.found("SELECT row(customer, about_id)::text FROM s.visit ORDER BY n") == [
        "(60,20)",
        "(60,60)",
        "(60,2)",
    ]


def test_a_match_needs_a_unique_key_and_a_directory(
    move: Move, replant: Replant, file: Path
) -> None:
    move.target.execute("ALTER TABLE s.region DROP CONSTRAINT region_code_key")
    outcome = copied(move, replant, file)
    assert outcome.code == 2
    assert "ALTER TABLE s.region ADD UNIQUE (code);" in outcome.err

    file.write_text(CONFIGURATION.replace('"directory"', '"file"').replace('["code"]', '["cod"]'))
    outcome = replant("plan", "-c", file, "--source", move.from_.dsn)
    assert outcome.code == 2
    assert "s.region has no exported column 'cod'" in outcome.err
    assert "choose layout = 'directory'" in outcome.err
