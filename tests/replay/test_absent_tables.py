"""A target need not have a table of which no row was exported."""

from __future__ import annotations

import pytest
from attrs import evolve

from replant import api
from replant.errors import CatalogMismatchError, PreflightError
from replant.model import (
    ByColumn,
    InClosure,
    OnConflict,
    Registration,
    RelationName,
    ThroughForeignKey,
    WhereReferenced,
)
from replant.testing.servers.server import Server, grant
from tests.support.moves import Move, Way, in_three_ways, in_two_ways

#: What the target has, too.
SHARED = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, tenant int NOT NULL, o int);
CREATE TABLE s.u (id int PRIMARY KEY, t int NOT NULL REFERENCES s.t);
"""
#: Tables without rows: one that others reference, one in a cycle, one in a schema of its own.
EMPTY = """
CREATE SCHEMA z;
CREATE TABLE z.o (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE s.loop (
    id int PRIMARY KEY, t int NOT NULL REFERENCES s.t DEFERRABLE, tenant int NOT NULL
);
ALTER TABLE s.t ADD loop int REFERENCES s.loop DEFERRABLE, ADD FOREIGN KEY (o) REFERENCES z.o;
"""
ROWS = "INSERT INTO s.t (id, tenant) VALUES (1, 7), (2, 7), (3, 8); INSERT INTO s.u VALUES (1, 1)"
ALL_OPEN = tuple(
    Registration(name, InClosure("tenant = 7" if name == "s.t" else None))
    for name in ("s.t", "s.u", "s.loop", "z.o")
)
BY_TENANT = (
    Registration("s.t", ByColumn("tenant", "tenant")),
    Registration("s.u", ThroughForeignKey(("t",))),
    Registration("s.loop", ByColumn("tenant", "tenant")),
    Registration("z.o", WhereReferenced()),
)


@pytest.fixture(params=[ALL_OPEN, BY_TENANT], ids=["closed-set", "by-tenant"])
def lacking(move: Move, request: pytest.FixtureRequest) -> Move:
    """A target without the tables of which no row is exported."""
    move.on_both(SHARED)
    move.source.execute(EMPTY, prepare=False)
    move.source.execute(ROWS, prepare=False)
    move.target.execute("ALTER TABLE s.t ADD loop int")
    scope = {} if request.param is ALL_OPEN else {"tenant": "7"}
    return evolve(move, registrations=request.param, scope=scope)


@in_three_ways
def test_a_table_without_rows_may_be_absent(lacking: Move, way: Way) -> None:
    outcome = lacking.move(way)
    assert outcome.kept, outcome.said
    assert lacking.found("SELECT id FROM s.t ORDER BY id") == [1, 2]
    assert lacking.differing() == []


@in_two_ways
@pytest.mark.parametrize("on_conflict", [m for m in OnConflict if m is not OnConflict.ERROR])
def test_rows_that_may_be_there_do_not_need_it_either(
    lacking: Move, way: Way, on_conflict: OnConflict
) -> None:
    lacking.target.execute("INSERT INTO s.t (id, tenant) VALUES (1, 7)")
    outcome = lacking.move(evolve(way, form=evolve(way.form, on_conflict=on_conflict)))
    assert outcome.kept, outcome.said
    assert lacking.differing() == []


@in_two_ways
def test_nor_do_foreign_keys_that_were_switched_off(lacking: Move, way: Way) -> None:
    outcome = evolve(lacking, strategy="superuser").move(way)
    assert outcome.kept, outcome.said
    assert lacking.differing() == []


def test_a_rehearsal_and_a_dry_run_do_not_need_it(lacking: Move) -> None:
    lacking.export()
    api.replay(str(lacking.artifact), lacking.settings(), host=lacking.host, rehearse=True)
    found = api.preflight(str(lacking.artifact), lacking.settings(), host=lacking.host)
    assert found.findings == ()


def test_a_row_that_only_the_target_has_is_found_all_the_same(lacking: Move) -> None:
    lacking.export()
    lacking.replay()
    lacking.target.execute("INSERT INTO s.u VALUES (5, 1)")
    (said,) = lacking.differing()
    assert said.startswith("s.u")


def test_a_table_with_rows_is_needed(lacking: Move) -> None:
    lacking.source.execute("INSERT INTO s.loop VALUES (1, 1, 7)")
    lacking.export()
    with pytest.raises(PreflightError, match=r"there is no table s\.loop"):
        lacking.replay()
    with pytest.raises(CatalogMismatchError, match=r"there is no table s\.loop"):
        lacking.differing()


@in_three_ways
def test_rows_that_a_trigger_adds_to_a_table_without_rows_are_noticed(move: Move, way: Way) -> None:
    move.on_both(SHARED)
    move.source.execute("INSERT INTO s.t VALUES (1, 7)")
    move.target.execute(
        "CREATE FUNCTION s.add() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO s.u VALUES (9, 1); RETURN NULL; END';"
        "CREATE TRIGGER add AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.add()",
        prepare=False,
    )
    outcome = move.move(way)
    assert not outcome.kept
    assert "s.u: 0 exported, and 1 of this replay in the target" in outcome.said


@in_two_ways
def test_a_role_need_not_see_the_schema_of_a_table_without_rows(
    move: Move, server: Server, way: Way
) -> None:
    move.on_both(SHARED + EMPTY)
    move.source.execute(ROWS, prepare=False)
    role = server.create_role("of_one_schema")
    loaded = [RelationName("s", name) for name in ("t", "u", "loop")]
    grant(move.to, role, "INSERT, SELECT", loaded)
    move.export(way.form)
    outcome = move.load(way, role)
    assert outcome.kept, outcome.said
    assert move.found("SELECT count(*) FROM s.t") == [3]
