"""`auto` looks at the target, and takes the weakest means that load any graph there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve

from replant import api
from replant.api import Replayed
from replant.errors import PreflightError
from replant.model import (
    AsReplica,
    ExportSettings,
    Layout,
    LoadTable,
    LoadTogether,
    OnConflict,
    PatchColumns,
    RelationName,
    Severity,
)
from replant.preflight.preflight import Preflight
from replant.replay import load_order_choice
from replant.replay import load_plan as load
from replant.replay.replay import Loaded
from replant.testing.servers.server import Server, grant
from replant_plugins.strategies import cycles
from tests.support.moves import Move, in_every_format
from tests.support.stores import CYCLE, STAFF, STORE

NODE = RelationName("s", "node")

NEVER_NULL = CYCLE.format(null="NOT NULL", deferrable="")
ROWS = r"""
SET session_replication_role = replica;
INSERT INTO s.store SELECT i, 21 - i, E'store\t\\' || i FROM generate_series(1, 20) AS i;
INSERT INTO s.staff SELECT i, i, CASE WHEN i > 1 THEN 21 - i END FROM generate_series(1, 20) AS i;
RESET session_replication_role;
"""

#: The rows of a large statement need many; here a few are.
MANY = 10


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycles, "MOST_ROWS_TOGETHER", MANY)
    monkeypatch.setattr(load_order_choice, "ROWS_HELD", MANY)
    monkeypatch.setattr(load, "ROWS_HELD", MANY)


@pytest.fixture
def loader(server: Server) -> str:
    """A role that may do nothing yet but connect, and make temporary tables."""
    return server.create_role("auto loader")


@pytest.fixture
def no_temporary(move: Move) -> Iterator[None]:
    """Nobody may make temporary tables in the target."""
    move.target.execute(f"REVOKE TEMPORARY ON DATABASE {move.to.name} FROM PUBLIC")
    yield
    move.target.execute(f"GRANT TEMPORARY ON DATABASE {move.to.name} TO PUBLIC")


def replay(
    move: Move,
    role: str,
    strategy: str | None = "auto",
    on_conflict: OnConflict | None = None,
) -> tuple[Preflight, Replayed]:
    """What was found before, and what was done."""
    settings = evolve(
        move.settings(ExportSettings(on_conflict=on_conflict)), target=move.to.as_role(role)
    )
    found: list[Preflight] = []
    done = api.replay(
        str(move.artifact),
        settings,
        strategy=strategy,
        host=move.host,
        preflighted=found.append,
    )
    return found[0], done


def notes(found: Preflight) -> str:
    return "\n".join(map(str, found.of(Severity.NOTE)))


def in_a_cycle(move: Move, ddl: str, form: ExportSettings | None = None) -> None:
    move.on_both(ddl)
    move.source.execute(ROWS)
    move.export(form)


# -- by way of temporary tables -----------------------------------------------------------------


@in_every_format
def test_a_large_cycle_comes_by_way_of_temporary_tables(
    move: Move, form: ExportSettings, loader: str
) -> None:
    in_a_cycle(move, NEVER_NULL, form)
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, done = replay(move, loader)
    assert found.order.steps == (LoadTogether((STAFF, STORE), staged=True),)
    assert found.order.needs == ("TEMPORARY on the database",)
    assert found.order.cycles[0].way == (
        "one statement from temporary tables, 40 rows; 40 rows are many to write into one "
        "statement, no key of the cycle is deferrable"
    )
    assert done.rows == {STORE: 20, STAFF: 20}
    assert move.differing() == []


def test_the_artifacts_own_order_gives_way_where_it_writes_a_large_statement(
    move: Move, loader: str
) -> None:
    in_a_cycle(move, NEVER_NULL)
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, done = replay(move, loader, strategy=None)
    assert done.strategy == "auto"
    assert "does not serve here, so auto made another: it writes 40 rows into one" in notes(found)
    assert move.differing() == []


def test_rows_in_two_parts_are_put_together_for_a_role_that_may_not_update(
    move: Move, loader: str
) -> None:
    in_a_cycle(move, CYCLE.format(null="", deferrable=""))
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, done = replay(move, loader, strategy=None)
    assert "the role may not SELECT and UPDATE s.store" in notes(found)
    assert done.rows == {STORE: 20, STAFF: 20}
    assert move.differing() == []


@pytest.mark.parametrize("choice", [OnConflict.SKIP, OnConflict.UPDATE])
def test_rows_that_are_there_already_are_told_apart_in_temporary_tables_too(
    move: Move, loader: str, choice: OnConflict
) -> None:
    in_a_cycle(move, NEVER_NULL, ExportSettings(layout=Layout.DIRECTORY))
    grant(move.to, loader, "INSERT, SELECT, UPDATE", [STORE, STAFF])
    replay(move, loader)
    move.target.execute("UPDATE s.store SET name = 'old' WHERE id < 4")
    _, done = replay(move, loader, on_conflict=choice)
    assert done.tables == (
        {STORE: Loaded(skipped=20), STAFF: Loaded(skipped=20)}
        if choice is OnConflict.SKIP
        else {STORE: Loaded(updated=3, unchanged=17), STAFF: Loaded(unchanged=20)}
    )


AWKWARD = """
CREATE SCHEMA s;
CREATE TYPE s."Mood" AS ENUM ('so', 'so''so');
CREATE DOMAIN s.given AS numeric(6, 2) NOT NULL CHECK (VALUE > 0);
CREATE TABLE s.store (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  manager int NOT NULL, name char(12), "a ""b""%s" s."Mood"[] DEFAULT '{so,"so''so"}',
  price s.given DEFAULT 1.5, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE s.staff (id int PRIMARY KEY, store int NOT NULL REFERENCES s.store, boss int)
  PARTITION BY HASH (id);
CREATE TABLE s.staff_0 PARTITION OF s.staff FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE s.staff_1 PARTITION OF s.staff FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE s.store ADD FOREIGN KEY (manager) REFERENCES s.staff;
"""


def test_awkward_columns_pass_through_temporary_tables(move: Move, loader: str) -> None:
    move.on_both(AWKWARD)
    move.source.execute(ROWS)
    move.on_both("ALTER TABLE s.store ALTER id SET GENERATED ALWAYS")
    move.export()
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, done = replay(move, loader)
    assert found.order.steps == (LoadTogether((STAFF, STORE), staged=True),)
    assert done.rows == {STORE: 20, STAFF: 20}
    assert move.differing() == []


WATCH = """
CREATE TABLE s.seen (staged boolean);
CREATE FUNCTION s.watch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO s.seen VALUES (current_query() ~ 'pg_temp');
  RETURN NEW;
END $$;
CREATE TRIGGER watch AFTER INSERT ON s.store FOR EACH ROW EXECUTE FUNCTION s.watch();
"""


@pytest.mark.parametrize(("bytes_held", "staged"), [(100, True), (100_000, False)])
def test_rows_of_one_statement_that_are_large_come_by_way_of_temporary_tables_too(
    move: Move, loader: str, monkeypatch: pytest.MonkeyPatch, bytes_held: int, staged: bool
) -> None:
    in_a_cycle(move, NEVER_NULL, ExportSettings(layout=Layout.DIRECTORY))
    monkeypatch.setattr(cycles, "MOST_ROWS_TOGETHER", 40)
    monkeypatch.setattr(load, "_BYTES_HELD", bytes_held)
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    move.target.execute(WATCH)
    found, _ = replay(move, loader)
    assert found.order.steps == (LoadTogether((STAFF, STORE)),)
    assert move.found("SELECT DISTINCT staged FROM s.seen") == [staged]
    assert move.differing() == []


def test_a_type_that_the_role_may_not_use_keeps_rows_out_of_temporary_tables(
    move: Move, loader: str
) -> None:
    in_a_cycle(
        move,
        "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('so');"
        + NEVER_NULL.removeprefix("\nCREATE SCHEMA s;")
        + "ALTER TABLE s.store ADD mood s.mood",
    )
    move.target.execute("REVOKE USAGE ON TYPE s.mood FROM PUBLIC")
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, _ = replay(move, loader)
    assert found.order.steps == (LoadTogether((STAFF, STORE)),)
    assert "the role may make no temporary tables for them" in found.order.cycles[0].way
    assert move.differing() == []


# -- without temporary tables -------------------------------------------------------------------


def test_constraints_are_deferred_where_they_can_be(
    move: Move, loader: str, no_temporary: None
) -> None:
    in_a_cycle(move, CYCLE.format(null="NOT NULL", deferrable="DEFERRABLE"))
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, _ = replay(move, loader)
    way = found.order.cycles[0].way
    assert way.startswith("constraints deferred until COMMIT: store_manager_fkey; ")
    assert "40 rows are many to write into one statement" in way
    assert found.order.needs == ()
    assert move.differing() == []


def test_columns_are_null_first_where_the_role_may_update(
    move: Move, loader: str, no_temporary: None
) -> None:
    in_a_cycle(move, CYCLE.format(null="", deferrable=""), ExportSettings(layout=Layout.DIRECTORY))
    grant(move.to, loader, "INSERT, SELECT, UPDATE", [STORE, STAFF])
    found, _ = replay(move, loader)
    assert found.order.steps[-1] == PatchColumns(STORE, ("manager",))
    assert "the role may make no temporary tables" in found.order.cycles[0].way
    assert move.differing() == []


def test_a_role_that_may_set_the_parameter_loads_as_replica_without_temporary_tables(
    move: Move, loader: str, no_temporary: None
) -> None:
    in_a_cycle(move, NEVER_NULL)
    grant(move.to, loader, "INSERT, SELECT", [STORE, STAFF])
    move.target.execute(f'GRANT SET ON PARAMETER session_replication_role TO "{loader}"')
    try:
        found, _ = replay(move, loader)
    finally:
        move.target.execute(f'REVOKE SET ON PARAMETER session_replication_role FROM "{loader}"')
    assert AsReplica() in found.order.before
    assert "for the sake of s.staff, s.store: no key of the cycle is deferrable, the role may" in (
        found.order.cycles[0].way
    )
    assert move.differing() == []


@pytest.mark.parametrize("layout", list(Layout))
def test_a_role_that_may_insert_alone_still_loads_any_graph(
    move: Move, loader: str, no_temporary: None, layout: Layout
) -> None:
    in_a_cycle(move, NEVER_NULL, ExportSettings(layout=layout))
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, done = replay(move, loader, strategy=None)
    assert found.order.steps == (LoadTogether((STAFF, STORE)),)
    assert "none can be NULL for a while" in found.order.cycles[0].way
    assert str(done.notes[0]).startswith("not compared with the exported rows, since the role")
    assert move.differing() == []


# -- a table that references itself -------------------------------------------------------------

PARENTS = """
CREATE SCHEMA s;
CREATE TABLE s.node (id int PRIMARY KEY, up int NOT NULL REFERENCES s.node,
  left_of int REFERENCES s.node)
"""
PARENT_ROWS = "INSERT INTO s.node SELECT i, 41 - i, i % 40 + 1 FROM generate_series(1, 40) AS i"


@in_every_format
def test_a_large_table_that_references_itself_comes_in_one_copy(
    move: Move, form: ExportSettings, loader: str, no_temporary: None
) -> None:
    move.on_both(PARENTS)
    move.source.execute(PARENT_ROWS)
    move.export(form)
    grant(move.to, loader, "INSERT", [NODE])
    found, _ = replay(move, loader)
    assert found.order.steps == (LoadTable(NODE, together=True),)
    assert found.order.cycles[0].way == "references itself by left_of, up: one COPY, 40 rows"
    assert found.order.needs == ()
    assert move.differing() == []


def test_rows_that_reference_their_own_table_and_may_be_there_come_by_way_of_a_temporary_one(
    move: Move, loader: str
) -> None:
    move.on_both(PARENTS)
    move.source.execute(PARENT_ROWS)
    move.export()
    move.target.execute("INSERT INTO s.node VALUES (7, 7, 7)")
    grant(move.to, loader, "INSERT", [NODE])
    found, done = replay(move, loader, on_conflict=OnConflict.SKIP)
    assert found.order.steps == (LoadTogether((NODE,), staged=True),)
    assert done.tables == {NODE: Loaded(inserted=39, skipped=1)}


# -- when it is asked ---------------------------------------------------------------------------

PAIR = "CREATE SCHEMA s; CREATE TABLE s.store (id int PRIMARY KEY); CREATE TABLE s.staff (id int)"


@pytest.fixture
def pair(move: Move, loader: str) -> Move:
    """Two tables that do not know each other in the source."""
    move.on_both(PAIR)
    move.source.execute("INSERT INTO s.store VALUES (1); INSERT INTO s.staff VALUES (1)")
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    return move


def test_an_order_of_the_source_that_serves_is_kept(pair: Move, loader: str) -> None:
    pair.export()
    found, done = replay(pair, loader, strategy=None)
    assert (done.strategy, found.order) == ("ordered", found.manifest.order)


def test_a_foreign_key_that_only_the_target_has_is_honoured(pair: Move, loader: str) -> None:
    pair.target.execute("ALTER TABLE s.staff ADD FOREIGN KEY (id) REFERENCES s.store")
    pair.export()
    found, done = replay(pair, loader, strategy=None)
    assert "it checks s.staff(id) → s.store(id) too early" in notes(found)
    assert done.rows == {STORE: 1, STAFF: 1}


def test_a_constraint_that_is_not_deferrable_in_the_target_is_not_waited_for(
    move: Move, loader: str
) -> None:
    in_a_cycle(move, CYCLE.format(null="NOT NULL", deferrable="DEFERRABLE"))
    move.target.execute("ALTER TABLE s.store ALTER CONSTRAINT store_manager_fkey NOT DEFERRABLE")
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, _ = replay(move, loader, strategy=None)
    assert "the constraint store_manager_fkey is not deferrable there" in notes(found)
    assert move.differing() == []


def test_an_artifact_of_a_superuser_is_loaded_by_whoever_may_insert(
    pair: Move, loader: str
) -> None:
    evolve(pair, strategy="superuser").export()
    found, done = replay(pair, loader, strategy=None)
    assert "the role may not switch foreign keys off and check them" in notes(found)
    assert (done.strategy, done.rows) == ("auto", {STORE: 1, STAFF: 1})


def test_a_strategy_that_was_named_is_not_replaced(pair: Move, loader: str) -> None:
    evolve(pair, strategy="superuser").export()
    with pytest.raises(PreflightError, match=r"GRANT SET ON PARAMETER .* --strategy auto"):
        replay(pair, loader, strategy="superuser")


def test_an_artifact_that_was_exported_with_auto_is_ordered_anew_in_each_target(
    move: Move, loader: str
) -> None:
    in_a_cycle(evolve(move, strategy="auto"), NEVER_NULL)
    grant(move.to, loader, "INSERT", [STORE, STAFF])
    found, _ = replay(move, loader, strategy=None)
    assert found.manifest.strategy == "auto"
    assert found.order.steps == (LoadTogether((STAFF, STORE), staged=True),)
    assert "made another" not in notes(found)
    assert move.differing() == []
