"""`replant prove` tries the masks of a configuration on drawn rows."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from replant.testing.servers.server import Database
from tests.support.commands import Outcome, Replant

SECRET = "known-to-few-0815"  # noqa: S105 - a test's own

SCHEMA = """
CREATE SCHEMA s;
CREATE DOMAIN s.slug AS text CHECK (VALUE ~ '^[a-z]+$');
CREATE TYPE s.mood AS ENUM ('glad', 'sad');
CREATE TABLE s.person (id int PRIMARY KEY, email varchar(50) UNIQUE, name varchar(8),
    born date, seen timestamptz, mood s.mood, slug s.slug, size int UNIQUE, notes text,
    settings jsonb NOT NULL, note text CHECK (length(note) < 9));
CREATE TABLE s.invoice (id int PRIMARY KEY, email varchar(50) REFERENCES s.person (email),
    person int NOT NULL REFERENCES s.person, paid date);
CREATE TABLE s.tag (size int UNIQUE, slug s.slug);
"""


@pytest.fixture
def source(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database of which only the structure is read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASK_SECRET", SECRET)
    with psycopg.connect(database.dsn) as connection:
        connection.execute(SCHEMA)
    return database


def proved(
    replant: Replant, source: Database, mask: str, more: str = "", table: str = "s.person"
) -> Outcome:
    Path("replant.toml").write_text(
        f'[source]\ndsn = "{source.dsn}"\n[plugins.schemas]\ninclude = ["{table}"]\n'
        f'[plugins.mask]\nsecret = "env:MASK_SECRET"\n'
        f'[[tables]]\nname = "{table.replace("*", "person")}"\nmask = {{ {mask} }}\n{more}'
    )
    return replant("prove", "--rounds", "3", "--seed", "7")


def test_masks_that_fit_are_proved(replant: Replant, source: Database) -> None:
    outcome = proved(
        replant,
        source,
        'email = "email", name = "first-name", born = "date:30", seen = "date:30", '
        'mood = "null", notes = "lorem", note = "digits", "settings.$.**" = "hash", '
        'slug = "constant:x"',
        '[[tables]]\nname = "s.invoice"\nmask = { paid = "date:30" }\n',
        table="s.*",
    )
    assert outcome.code == 0, outcome


def test_a_mask_that_a_domain_refuses_is_found(replant: Replant, source: Database) -> None:
    outcome = proved(replant, source, 'slug = "hash"', table="s.tag")
    assert outcome.code == 1, outcome
    assert "the domain 'slug'" in outcome.out + outcome.err
    assert SECRET not in outcome.out + outcome.err
