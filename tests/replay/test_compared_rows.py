"""What a replay wrote is compared with what was exported, also beside rows of other tenants."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replant.model import (
    ByColumn,
    Check,
    ExportSettings,
    OnConflict,
    Registration,
    RelationName,
    ThroughForeignKey,
)
from replant.replay import load_plan
from replant.replay.replay import Loaded
from tests.support.moves import Move, Way, in_three_ways
from tests.support.property_tests import example_count

PARENT, CHILD = RelationName("s", "parent"), RelationName("s", "child")
UPDATE = OnConflict.UPDATE

TABLES = """
CREATE SCHEMA s;
CREATE TABLE s.parent (id int PRIMARY KEY, tenant text NOT NULL);
CREATE TABLE s.child (id int PRIMARY KEY, parent int NOT NULL REFERENCES s.parent, v text);
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
"""
ROWS = """
INSERT INTO s.parent VALUES (1, 'a'), (2, 'b');
INSERT INTO s.child VALUES (1, 1, 'new 1'), (2, 1, 'new 2'), (8, 2, 'theirs');
"""
#: The tenant's rows are there with older values, and so are rows of another tenant.
OLDER = """
INSERT INTO s.parent VALUES (1, 'a'), (2, 'b');
INSERT INTO s.child VALUES (1, 1, 'old 1'), (2, 1, 'new 2'), (8, 2, 'theirs');
"""
TRIGGER = """
CREATE OR REPLACE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
CREATE TRIGGER touch {when} UPDATE ON s.child FOR EACH ROW EXECUTE FUNCTION s.f();
"""


@pytest.fixture
def tenant(move: Move) -> Move:
    """Of tables that several tenants share, the rows of one; the child belongs by a foreign key."""
    move.on_both(TABLES)
    move.source.execute(ROWS.encode())
    move.target.execute(OLDER.encode())
    registrations = (
        Registration(PARENT, rows=ByColumn("tenant", "tenant")),
        Registration(CHILD, rows=ThroughForeignKey(("parent",))),
    )
    return evolve(move, registrations=registrations, scope={"tenant": "a"})


@in_three_ways
@pytest.mark.parametrize(
    ("when", "body"),
    [
        ("BEFORE", "NEW.v := upper(NEW.v); RETURN NEW;"),
        ("BEFORE", "RETURN NULL;"),
        ("BEFORE", "RETURN OLD;"),
        ("AFTER", "DELETE FROM s.child WHERE id = NEW.id; RETURN NULL;"),
    ],
    ids=["rewrites", "drops", "keeps-the-old", "deletes"],
)
def test_an_update_that_a_trigger_changes_is_undone(
    tenant: Move, way: Way, when: str, body: str
) -> None:
    tenant.target.execute(TRIGGER.format(when=when, body=body).encode())
    before = tenant.target.execute("TABLE s.child ORDER BY id").fetchall()
    tenant.export(evolve(way.form, on_conflict=UPDATE))

    outcome = tenant.load(way)

    assert not outcome.kept, outcome.said
    assert "s.child" in outcome.said
    assert tenant.target.execute("TABLE s.child ORDER BY id").fetchall() == before


@in_three_ways
def test_an_update_that_nothing_changes_is_kept_and_counted(tenant: Move, way: Way) -> None:
    tenant.export(evolve(way.form, on_conflict=UPDATE))

    assert tenant.load(way).kept
    assert tenant.found("SELECT v FROM s.child ORDER BY id") == ["new 1", "new 2", "theirs"]


def test_the_message_names_the_row_the_values_the_trigger_and_the_ways_out(tenant: Move) -> None:
    body = "NEW.v := upper(NEW.v); RETURN NEW;"
    tenant.target.execute(TRIGGER.format(when="BEFORE", body=body).encode())
    tenant.export(ExportSettings(on_conflict=UPDATE))

    said = tenant.load(Way(ExportSettings())).said

    for part in (
        "s.child: the rows differ from those that were exported",
        "id = 1: v is NEW 1, exported was new 1",
        "the trigger touch of s.child, on UPDATE",
        "omit under [[tables]]",
        "--strategy superuser",
    ):
        assert part in said


@pytest.mark.parametrize("staged", [True, False], ids=["staged", "in-statements"])
def test_counts_add_up_whatever_a_trigger_does(
    tenant: Move, staged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where content is not compared, a row that a trigger keeps as it was is counted once."""
    if staged:
        monkeypatch.setattr(load_plan, "ROWS_HELD", 0)
    tenant.target.execute(TRIGGER.format(when="BEFORE", body="RETURN NULL;").encode())
    tenant.export(ExportSettings(on_conflict=UPDATE, check=Check.COUNT))

    done = tenant.replay()

    assert done.tables[CHILD].given == 2
    for loaded in done.tables.values():
        assert min(loaded.inserted, loaded.updated, loaded.skipped, loaded.unchanged) >= 0


#: What a trigger may do to a row that it is asked about.
BODIES = st.sampled_from(
    [
        "RETURN NEW;",
        "RETURN OLD;",
        "RETURN NULL;",
        "NEW.v := upper(NEW.v); RETURN NEW;",
        "NEW.v := NULL; RETURN NEW;",
        "IF NEW.id % 2 = 0 THEN NEW.v := NEW.v || '!'; END IF; RETURN NEW;",
    ]
)


@settings(
    max_examples=example_count(40), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=BODIES,
    ours=st.dictionaries(st.integers(1, 9), st.text("aB", max_size=2), min_size=1),
    theirs=st.dictionaries(st.integers(1, 9), st.text("aB", max_size=2)),
)
def test_an_update_ends_with_the_exported_rows_or_with_nothing(
    tenant: Move, body: str, ours: dict[int, str], theirs: dict[int, str]
) -> None:
    for connection in (tenant.source, tenant.target):
        connection.execute("TRUNCATE s.parent, s.child")
        connection.execute("INSERT INTO s.parent VALUES (1, 'a'), (2, 'b')")
        connection.execute("DROP TRIGGER IF EXISTS touch ON s.child")
    for connection, rows in ((tenant.source, ours), (tenant.target, theirs)):
        for key, text in rows.items():
            connection.execute("INSERT INTO s.child VALUES (%s, 1, %s)", (key, text))
        connection.execute("INSERT INTO s.child VALUES (100, 2, 'theirs')")
    tenant.target.execute(TRIGGER.format(when="BEFORE", body=body).encode(), prepare=False)
    tenant.export(ExportSettings(on_conflict=UPDATE))

    outcome = tenant.load(Way(ExportSettings()))

    found = dict(tenant.target.execute("SELECT id, v FROM s.child WHERE parent = 1").fetchall())
    assert found == ({**theirs, **ours} if outcome.kept else theirs)
    assert tenant.found("SELECT v FROM s.child WHERE id = 100") == ["theirs"]


def test_a_new_row_is_counted_as_one(tenant: Move) -> None:
    tenant.target.execute("DELETE FROM s.child WHERE id = 2")
    tenant.export(ExportSettings(on_conflict=UPDATE))

    assert tenant.replay().tables == {
        PARENT: Loaded(unchanged=1),
        CHILD: Loaded(inserted=1, updated=1),
    }
