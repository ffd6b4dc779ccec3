"""Rows of a tenant schema that belong to nobody, and the row that is the tenant itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Outcome, Replant
from tests.support.moves import Move

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.org (id int PRIMARY KEY, name text);
CREATE TABLE s.permission (id int PRIMARY KEY, org_id int);
CREATE TABLE s.role (id int PRIMARY KEY, org_id int, parent int REFERENCES s.role,
  permission int REFERENCES s.permission);
CREATE TABLE s.member (id int PRIMARY KEY, org_id int NOT NULL, role int REFERENCES s.role);
CREATE TABLE s.grant_ (id int PRIMARY KEY, role int NOT NULL REFERENCES s.role);
"""
#: Roles 1 and 2 belong to nobody, and so does role 3, which nobody references.
ROWS = """
INSERT INTO s.org VALUES (1, 'one'), (2, 'two');
INSERT INTO s.permission VALUES (1, NULL), (2, NULL);
INSERT INTO s.role VALUES (1, NULL, NULL, 1), (2, NULL, 1, NULL), (3, NULL, NULL, 2),
  (11, 1, 2, NULL), (12, 2, 2, NULL);
INSERT INTO s.member VALUES (1, 1, 11), (2, 1, 2), (3, 2, 12);
INSERT INTO s.grant_ VALUES (1, 11), (2, 12), (3, 1);
"""


def exported(replant: Replant, move: Move, *options: str, org: str = "1") -> Outcome:
    return replant(
        *("export", "--source", move.from_.dsn, "-c", "/dev/null", "--scope-column", "org_id"),
        *("--scope", f"org_id={org}", "--include", "s.*", "-o", move.artifact, "--force", *options),
    )


def ids(move: Move, table: str) -> list[int]:
    return move.found(f"SELECT id FROM s.{table} ORDER BY 1")


@pytest.fixture
def tenants(move: Move) -> Move:
    move.on_both(SCHEMA)
    move.source.execute(ROWS.encode(), prepare=False)
    return move


def test_shared_rows_come_along_where_they_are_referenced(tenants: Move, replant: Replant) -> None:
    assert exported(replant, tenants).code == 0
    assert replant("replay", tenants.artifact, "--target", tenants.to.dsn).code == 0
    assert ids(tenants, "role") == [1, 2, 11]
    assert ids(tenants, "permission") == [1]
    assert ids(tenants, "member") == [1, 2]
    assert ids(tenants, "grant_") == [1]
    verified = replant("verify", tenants.artifact, "--target", tenants.to.dsn)
    assert verified.code == 0


def test_the_row_of_the_tenant_comes_though_no_key_leads_to_it(
    tenants: Move, replant: Replant
) -> None:
    assert exported(replant, tenants).code == 0
    assert replant("replay", tenants.artifact, "--target", tenants.to.dsn).code == 0
    assert ids(tenants, "org") == [1]


def test_the_row_of_the_tenant_is_its_own_where_a_key_leads_to_it(
    tenants: Move, replant: Replant
) -> None:
    """It is refreshed, and does not bring what references it by another column."""
    tenants.on_both(
        "ALTER TABLE s.member ADD FOREIGN KEY (org_id) REFERENCES s.org;"
        "CREATE TABLE s.referral (id int PRIMARY KEY, by_org int REFERENCES s.org)"
    )
    tenants.source.execute("INSERT INTO s.referral VALUES (1, 1)")
    assert exported(replant, tenants).code == 0
    assert replant("replay", tenants.artifact, "--target", tenants.to.dsn).code == 0
    assert (ids(tenants, "org"), ids(tenants, "referral")) == ([1], [])
    tenants.source.execute("UPDATE s.org SET name = 'first' WHERE id = 1")
    assert exported(replant, tenants).code == 0
    assert replant("sync", tenants.artifact, "--target", tenants.to.dsn, "--yes").code == 0
    assert tenants.found("SELECT name FROM s.org") == ["first"]
    assert replant("remove", tenants.artifact, "--target", tenants.to.dsn, "--yes").code == 0
    assert ids(tenants, "org") == []


def test_the_second_tenant_finds_shared_rows_equal(tenants: Move, replant: Replant) -> None:
    for org in ("1", "2"):
        assert exported(replant, tenants, org=org).code == 0
        options = ("--target", tenants.to.dsn, "--on-conflict", "same")
        assert replant("replay", tenants.artifact, *options).code == 0
    assert ids(tenants, "role") == [1, 2, 11, 12]


def test_a_row_of_another_tenant_is_still_no_shared_row(tenants: Move, replant: Replant) -> None:
    tenants.source.execute("INSERT INTO s.member VALUES (4, 1, 12)")
    refused = exported(replant, tenants)
    assert refused.code != 0
    assert "holds role = 12: a row outside the export" in refused.err


def test_a_shared_row_that_references_a_tenants_is_refused(tenants: Move, replant: Replant) -> None:
    tenants.source.execute("UPDATE s.role SET parent = 12 WHERE id = 1")
    refused = exported(replant, tenants)
    assert refused.code != 0
    assert "holds parent = 12: a row outside the export" in refused.err


@pytest.mark.parametrize(("shared", "roles"), [("all", [1, 2, 3, 11]), ("fail", None)])
def test_all_shared_rows_or_none_are_asked_for(
    tenants: Move, replant: Replant, shared: str, roles: list[int] | None, tmp_path: Path
) -> None:
    configuration = tmp_path / "replant.toml"
    configuration.write_text(
        f'[plugins.schemas]\ninclude = ["s.*"]\nscope_column = "org_id"\nshared = "{shared}"\n'
    )
    outcome = replant(
        *("export", "--source", tenants.from_.dsn, "-c", configuration, "--scope", "org_id=1"),
        *("-o", tenants.artifact),
    )
    if roles is None:
        assert "holds role = 2: a row outside the export" in outcome.err
        return
    assert outcome.code == 0
    assert replant("replay", tenants.artifact, "--target", tenants.to.dsn).code == 0
    assert ids(tenants, "role") == roles


def test_a_shared_row_is_explained_by_its_path(tenants: Move, replant: Replant) -> None:
    asked = (
        *("why", "s.role: id = 2", "--source", tenants.from_.dsn, "-c", "/dev/null"),
        *("--scope-column", "org_id", "--scope", "org_id=1", "--include", "s.*"),
    )
    explained = replant(*asked)
    assert explained.code == 0
    assert "s.role" in explained.out
    assert "is NULL, and the scope's" not in explained.out


def test_the_bytes_are_the_same_whenever_shared_rows_come(tenants: Move, replant: Replant) -> None:
    exported(replant, tenants)
    first = tenants.artifact.read_bytes()
    tenants.source.execute("UPDATE s.role SET id = id; UPDATE s.permission SET id = id")
    exported(replant, tenants)
    assert tenants.artifact.read_bytes() == first


def test_a_condition_of_the_table_holds_for_shared_rows_too(
    tenants: Move, replant: Replant, tmp_path: Path
) -> None:
    configuration = tmp_path / "replant.toml"
    configuration.write_text(
        '[plugins.schemas]\ninclude = ["s.*"]\nscope_column = "org_id"\n'
        '[[tables]]\nname = "s.role"\nwhere = "id <> :not"\n'
    )
    options = ("-c", configuration, "--source", tenants.from_.dsn, "-o", tenants.artifact)
    named = ("--scope", "org_id=1", "--scope", "not=3", "--force")
    for _ in range(2):
        assert replant("export", *options, *named).code == 0
        held = tenants.artifact.read_bytes()
        tenants.source.execute("UPDATE s.role SET id = id")
    replant("export", *options, *named)
    assert tenants.artifact.read_bytes() == held
    assert replant("replay", tenants.artifact, "--target", tenants.to.dsn).code == 0
    assert ids(tenants, "role") == [1, 2, 11]


# -- scope values in conditions -------------------------------------------------------------------


def test_scope_values_stand_in_conditions(tenants: Move, replant: Replant) -> None:
    outcome = replant(
        *("export", "--source", tenants.from_.dsn, "-c", "/dev/null", "--scope", "org=2"),
        *("--root", "s.member: org_id = :org AND ':org'::text <> ''", "-o", tenants.artifact),
    )
    assert outcome.code == 0
    assert replant("replay", tenants.artifact, "--target", tenants.to.dsn).code == 0
    assert ids(tenants, "member") == [3]


def test_a_scope_value_that_nobody_gave_is_asked_for(tenants: Move, replant: Replant) -> None:
    outcome = replant(
        *("export", "--source", tenants.from_.dsn, "-c", "/dev/null"),
        *("--root", "s.member: org_id = :org", "-o", tenants.artifact),
    )
    assert "give --scope org=VALUE" in outcome.err
    assert outcome.code == 2


def test_shared_rows_stay_when_the_tenant_is_removed(tenants: Move, replant: Replant) -> None:
    """Whether they are in a table of their own, or among the tenant's."""
    for org in ("1", "2"):
        assert exported(replant, tenants, org=org).code == 0
        options = ("--target", tenants.to.dsn, "--on-conflict", "same")
        assert replant("replay", tenants.artifact, *options).code == 0
    removed = replant("remove", tenants.artifact, "--target", tenants.to.dsn, "--yes")
    assert removed.code == 0, removed.err
    assert ids(tenants, "role") == [1, 2, 11]
    assert ids(tenants, "permission") == [1]
    assert ids(tenants, "member") == [1, 2]
    assert ids(tenants, "org") == [1]
