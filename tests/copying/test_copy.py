"""Rows are copied from one database to another in one step, and compared."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.support.commands import Replant, assert_one_line
from tests.support.moves import Move

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.customer (id int PRIMARY KEY, name text);
CREATE TABLE s.orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer, v text);
"""
ROWS = """
INSERT INTO s.customer VALUES (1, 'Ada'), (2, 'Bob');
INSERT INTO s.orders VALUES (10, 1, 'a'), (11, 1, 'b'), (20, 2, 'c');
"""
EVERYTHING = "SELECT c::text, o::text FROM s.customer c JOIN s.orders o ON o.customer = c.id"


@pytest.fixture
def command(move: Move, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """What copies a customer into an empty shop; and nothing is left where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    move.on_both(SHOP)
    move.source.execute(ROWS.encode(), prepare=False)
    places = ("--source", move.from_.dsn, "--target", move.to.dsn)
    return ("copy", *places, "--root", "s.customer: id = 1")


def test_rows_are_exported_replayed_and_verified(
    move: Move, command: tuple[str, ...], replant: Replant, tmp_path: Path
) -> None:
    outcome = replant(*command)

    assert outcome.code == 0
    assert outcome.out == ""
    assert outcome.err.splitlines() == [
        "exported 3 rows of 2 tables",
        "replayed 3 rows of 2 tables by the strategy ordered",
        "verified: 3 rows of 2 tables are equal",
    ]
    assert len(move.found(EVERYTHING)) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_artifact_can_be_kept(
    move: Move, command: tuple[str, ...], replant: Replant, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"

    assert replant(*command, "--keep", kept).code == 0

    assert replant("verify", kept, "--target", move.to.dsn).code == 0


def test_what_stands_in_the_way_is_said_and_nothing_is_left(
    move: Move, command: tuple[str, ...], replant: Replant, tmp_path: Path
) -> None:
    move.target.execute("INSERT INTO s.customer VALUES (1, 'Eve')")

    outcome = replant(*command)

    assert outcome.code == 4
    assert "s.customer" in outcome.err
    assert move.found("SELECT name FROM s.customer") == ["Eve"]
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_was_skipped_and_differs_ends_with_1(
    move: Move, command: tuple[str, ...], replant: Replant
) -> None:
    move.target.execute("INSERT INTO s.customer VALUES (1, 'Eve')")

    outcome = replant(*command, "--on-conflict", "skip")

    assert outcome.code == 1
    assert "name is Eve, exported was Ada" in outcome.out


def test_a_refresh_updates_and_deletes(
    move: Move, command: tuple[str, ...], replant: Replant
) -> None:
    replant(*command)
    move.source.execute("DELETE FROM s.orders WHERE id = 10")
    move.source.execute("UPDATE s.customer SET name = 'A' WHERE id = 1")

    asked = replant(*command, "--sync")
    done = replant(*command, "--sync", "--max-deletes", 1)

    assert asked.code == 2
    assert "1 row is deleted from " in asked.err
    assert done.code == 0
    assert done.err.splitlines()[-1] == "changed 2 rows of 2 tables: 1 updated, 1 deleted"
    assert move.found(EVERYTHING) == ["(1,A)"]


@pytest.mark.parametrize("sync", [(), ("--sync",)])
def test_a_rehearsal_leaves_the_target_as_it_was(
    move: Move, command: tuple[str, ...], replant: Replant, sync: tuple[str, ...]
) -> None:
    outcome = replant(*command, *sync, "--rehearse")

    assert outcome.code == 0
    assert "this was a rehearsal: everything was undone" in outcome.err
    assert move.found(EVERYTHING) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--backup", "b"), "--backup and --allow-cascade go with --sync"),
        (("--sync", "--on-conflict", "skip"), "leave out --on-conflict"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    command: tuple[str, ...], replant: Replant, options: tuple[str, ...], words: str
) -> None:
    assert_one_line(replant(*command, *options), 2, words)


def test_a_role_that_may_not_read_is_told_that_the_rows_were_loaded(
    move: Move, command: tuple[str, ...], replant: Replant
) -> None:
    role = "replant_copier"
    move.target.execute(
        f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA s TO {role};"
        f"GRANT INSERT ON ALL TABLES IN SCHEMA s TO {role}".encode(),
        prepare=False,
    )
    try:
        outcome = replant(*command, "--target", move.to.as_role(role))
    finally:
        move.target.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode(), prepare=False)

    assert outcome.code == 4
    assert "the rows were loaded, but not compared once more afterwards: " in outcome.err
    assert len(move.found(EVERYTHING)) == 2
