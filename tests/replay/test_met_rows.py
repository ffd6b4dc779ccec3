"""Shared rows are met by another unique key than the primary key; references follow."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import frozen

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


@frozen
class Case:
    """Tables with rows that the target numbers otherwise, of which one is exported.

    Attributes:
        tables: statements that make them.
        source: statements that fill them there.
        target: likewise.
        query: what the moved row leads to, the same in both databases.
        more: of the configuration.

    """

    tables: str
    source: str
    target: str
    query: str = ""
    more: str = ""


REGION = "CREATE TABLE region (id int PRIMARY KEY, code text UNIQUE);"
NUMBERS = (
    "INSERT INTO region VALUES (1, 'n'), (2, 's');",
    "INSERT INTO region VALUES (1, 's'), (2, 'n');",
)
CITIES = (
    "CREATE TABLE city (r int REFERENCES region, n int, v text, PRIMARY KEY (r, n), UNIQUE (r, v));"
)
HOUSE = "CREATE TABLE w (id int PRIMARY KEY, r int, n int, FOREIGN KEY (r, n) REFERENCES city);"
OF_HOUSE = (
    "SELECT v || code FROM w JOIN city c ON (c.r, c.n) = (w.r, w.n) JOIN region r ON r.id = c.r"
)
ARRAY = """
[[plugins.schemas.references]]
table = "s.w"
array = "r"
references = "s.region"
"""

MET = {
    "an element that needs quotes": Case(
        "CREATE TABLE region (id text PRIMARY KEY, code text UNIQUE);"
        "CREATE TABLE w (id int PRIMARY KEY, r text[]);",
        "INSERT INTO region VALUES ('a', 'n'), ('b', 's'); INSERT INTO w VALUES (7, '{a,b}')",
        "INSERT INTO region VALUES ('x,y', 'n'), ('NULL', 's')",
        "SELECT array_agg(code ORDER BY code)::text FROM region WHERE id = ANY ("
        "SELECT unnest(r) FROM w)",
        more=ARRAY,
    ),
    "a key that references": Case(
        REGION + CITIES + HOUSE,
        NUMBERS[0] + "INSERT INTO city VALUES (1, 1, 'en'), (2, 1, 'es');"
        "INSERT INTO w VALUES (7, 1, 1)",
        NUMBERS[1] + "INSERT INTO city VALUES (2, 1, 'en'), (1, 1, 'es')",
        OF_HOUSE,
        more='[[tables]]\nname = "s.city"\non_conflict = "same"\n',
    ),
    "a key that references, of rows that are met": Case(
        REGION + CITIES + HOUSE,
        NUMBERS[0] + "INSERT INTO city VALUES (1, 1, 'en'), (2, 1, 'es');"
        "INSERT INTO w VALUES (7, 1, 1)",
        NUMBERS[1] + "INSERT INTO city VALUES (2, 5, 'en'), (1, 1, 'es'), (2, 1, 'zz')",
        OF_HOUSE,
        more='[[tables]]\nname = "s.city"\nmatch = ["r", "v"]\n',
    ),
    "an equal number with other digits": Case(
        "CREATE TABLE region (id numeric PRIMARY KEY, code text UNIQUE);"
        "CREATE TABLE w (id int PRIMARY KEY, r numeric REFERENCES region);",
        NUMBERS[0] + "INSERT INTO w VALUES (7, 1.0)",
        NUMBERS[1],
        "SELECT code FROM w JOIN region r ON r.id = w.r",
    ),
}
REFUSED = {
    "two rows of the artifact would have id = 2": Case(
        REGION + "CREATE TABLE w (id int PRIMARY KEY, r int REFERENCES region,"
        " q int REFERENCES region);",
        "INSERT INTO region VALUES (1, 'n'), (2, 'mine'); INSERT INTO w VALUES (7, 1, 2)",
        "INSERT INTO region VALUES (1, 's'), (2, 'n')",
    ),
    "and id = 2 is the key of the row with code = s there; insert the row under another": Case(
        REGION + "CREATE TABLE w (id int PRIMARY KEY, r int REFERENCES region);",
        "INSERT INTO region VALUES (2, NULL); INSERT INTO w VALUES (7, 2)",
        "INSERT INTO region VALUES (2, 's')",
    ),
    "has NULL in (alt) in the target": Case(
        "CREATE TABLE region (id int PRIMARY KEY, code text UNIQUE, alt int UNIQUE);"
        "CREATE TABLE w (id int PRIMARY KEY, r int REFERENCES region (alt));",
        "INSERT INTO region VALUES (1, 'n', 100); INSERT INTO w VALUES (7, 100)",
        "INSERT INTO region VALUES (1, 'n', NULL)",
    ),
    "have another id (double precision) in the target; equal values of that type": Case(
        "CREATE TABLE region (id float8 PRIMARY KEY, code text UNIQUE);"
        "CREATE TABLE w (id int PRIMARY KEY, r float8 REFERENCES region);",
        NUMBERS[0] + "INSERT INTO w VALUES (7, 1)",
        NUMBERS[1],
    ),
}


def exported(move: Move, replant: Replant, case: Case, tmp_path: Path) -> Path:
    for database, rows in ((move.source, case.source), (move.target, case.target)):
        database.execute(
            f"CREATE SCHEMA s; SET search_path = s; {case.tables}{rows}".encode(), prepare=False
        )
    file, artifact = tmp_path / "replant.toml", tmp_path / "artifact"
    match = '[[tables]]\nname = "s.region"\nmatch = ["code"]\n'
    file.write_text(f'[export]\nlayout = "directory"\n{match}{case.more}')
    options = ("--source", move.from_.dsn, "--root", "s.w: id = 7", "-o", artifact)
    assert replant("export", "-c", file, *options).code == 0
    return artifact


@pytest.mark.parametrize("case", MET.values(), ids=MET)
def test_whatever_references_a_row_follows_it(
    move: Move, replant: Replant, case: Case, tmp_path: Path
) -> None:
    artifact, target = exported(move, replant, case, tmp_path), ("--target", move.to.dsn)

    outcome = replant("replay", artifact, *target)

    assert outcome.code == 0, outcome.err
    assert move.same(case.query)
    assert replant("verify", artifact, *target).code == 0
    assert "nothing is to be changed" in replant("sync", artifact, *target).err


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize("command", ["replay", "sync"])
def test_rows_that_would_become_others_are_refused(
    move: Move, replant: Replant, command: str, why: str, tmp_path: Path
) -> None:
    artifact = exported(move, replant, REFUSED[why], tmp_path)
    before = move.found("SELECT r::text FROM region r ORDER BY id")

    outcome = replant(command, artifact, "--target", move.to.dsn)

    assert outcome.code in {2, 4}
    assert why in outcome.err
    assert move.found("SELECT r::text FROM region r ORDER BY id") == before
    assert move.found("SELECT id FROM w") == []


OF_TENANT = """
[export]
layout = "directory"
[[tables]]
name = "s.org"
match = ["slug"]
match_owned = true
[plugins.schemas]
scope_column = "org_id"
[scope]
org_id = 5
"""


@pytest.mark.parametrize("command", ["replay", "sync"])
def test_rows_that_would_belong_to_another_tenant_are_refused(
    move: Move, replant: Replant, command: str, tmp_path: Path
) -> None:
    """They are chosen by the key of the tenant, and no reference says that they have it."""
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.org (id int PRIMARY KEY, slug text UNIQUE);"
        "CREATE TABLE s.item (id int PRIMARY KEY, org_id int)"
    )
    move.source.execute("INSERT INTO s.org VALUES (5, 'me'); INSERT INTO s.item VALUES (1, 5)")
    move.target.execute(
        "INSERT INTO s.org VALUES (9, 'me'), (5, 'other'); INSERT INTO s.item VALUES (7, 5)"
    )
    file, artifact = tmp_path / "replant.toml", tmp_path / "artifact"
    file.write_text(OF_TENANT)
    assert replant("export", "-c", file, "--source", move.from_.dsn, "-o", artifact).code == 0

    outcome = replant(command, artifact, "--target", move.to.dsn)

    assert outcome.code == 2
    assert "s.item is chosen by org_id = 5, and s.org by id, which has another" in outcome.err
    assert move.found("SELECT id FROM s.item") == [7]
