"""A replay compares ordered rows by blocks, wherever the target put them."""

from __future__ import annotations

import pytest
from attrs import evolve

from replant.model import OnConflict
from replant.replay import loaded_rows
from tests.support.blocks import let_blocks_have
from tests.support.moves import WAYS, Move, Way, in_three_ways

#: Tables in which rows do not lie in the order in which they were loaded.
TABLES = {
    "partitions": "CREATE TABLE s.t (id int PRIMARY KEY, v text) PARTITION BY HASH (id);"
    "CREATE TABLE s.even PARTITION OF s.t FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
    "CREATE TABLE s.odd PARTITION OF s.t FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
    "freed-space": "CREATE TABLE s.t (id int PRIMARY KEY, v text);"
    "INSERT INTO s.t SELECT -n, repeat('x', 1000) FROM generate_series(1, 30) AS n;"
    "DELETE FROM s.t WHERE id % 2 = 0",
    "order": "CREATE TABLE s.t (id int PRIMARY KEY, v text)",
}
CHANGED_BY_A_TRIGGER = """
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN IF NEW.id = 17 THEN NEW.v := ''another''; END IF; RETURN NEW; END';
CREATE TRIGGER f BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
"""
#: Rows of subtransactions have numbers of their own.
WRITTEN_BY_A_TRIGGER = """
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  BEGIN UPDATE s.t SET v = v WHERE id = NEW.id; EXCEPTION WHEN division_by_zero THEN NULL; END;
  RETURN NEW;
END $$;
CREATE TRIGGER f AFTER INSERT ON s.t FOR EACH ROW WHEN (NEW.id % 3 = 0 AND NEW.id < 1000)
  EXECUTE FUNCTION s.f();
"""


@pytest.fixture
def rows(move: Move, monkeypatch: pytest.MonkeyPatch) -> Move:
    """A table of 40 rows in the source, and blocks of 4."""
    let_blocks_have(monkeypatch, 4)
    monkeypatch.setattr(loaded_rows, "_FEW_ROWS", 10)
    move.source.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text)")
    move.source.execute("INSERT INTO s.t SELECT n, 'v' || n FROM generate_series(1, 40) AS n")
    move.target.execute("CREATE SCHEMA s")
    return move


def content(move: Move) -> list[tuple[int, str]]:
    query = "SELECT id, v FROM s.t WHERE id > 0 ORDER BY id"
    return [(number, text) for number, text in move.target.execute(query)]


def create(move: Move, tables: str) -> None:
    move.target.execute(TABLES[tables].encode(), prepare=False)
    if tables == "freed-space":
        move.target.execute("VACUUM s.t")


@in_three_ways
@pytest.mark.parametrize("tables", TABLES)
def test_equal_rows_are_kept_wherever_they_lie(rows: Move, way: Way, tables: str) -> None:
    create(rows, tables)
    rows.export(way.form)

    assert rows.load(way).kept

    assert content(rows) == [(n, f"v{n}") for n in range(1, 41)]


@in_three_ways
@pytest.mark.parametrize("tables", TABLES)
def test_a_changed_row_is_found_wherever_it_lies(rows: Move, way: Way, tables: str) -> None:
    create(rows, tables)
    rows.target.execute(CHANGED_BY_A_TRIGGER.encode(), prepare=False)
    rows.export(way.form)

    outcome = rows.load(way)

    assert not outcome.kept
    assert "s.t: the rows differ from those that were exported" in outcome.said
    assert content(rows) == []


@pytest.mark.parametrize("tables", TABLES)
def test_a_distant_target_compares_them_by_itself(
    rows: Move, monkeypatch: pytest.MonkeyPatch, tables: str
) -> None:
    monkeypatch.setattr(loaded_rows, "is_near", lambda _: False)
    create(rows, tables)
    rows.export(WAYS["directory"].form)

    assert rows.load(WAYS["directory"]).kept

    assert content(rows) == [(n, f"v{n}") for n in range(1, 41)]


@in_three_ways
def test_rows_of_subtransactions_are_among_those_of_the_replay(rows: Move, way: Way) -> None:
    create(rows, "order")
    rows.target.execute(WRITTEN_BY_A_TRIGGER.encode(), prepare=False)
    rows.export(way.form)

    assert rows.load(way).kept

    assert content(rows) == [(n, f"v{n}") for n in range(1, 41)]


@in_three_ways
def test_rows_that_a_subtransaction_added_are_found(rows: Move, way: Way) -> None:
    create(rows, "order")
    rows.target.execute(
        WRITTEN_BY_A_TRIGGER.replace(
            "UPDATE s.t SET v = v WHERE id = NEW.id",
            "INSERT INTO s.t VALUES (NEW.id + 1000, 'new')",
        ).encode(),
        prepare=False,
    )
    rows.export(way.form)

    outcome = rows.load(way)

    assert not outcome.kept
    assert "s.t: 40 exported, and 53 of this replay in the target" in outcome.said


@in_three_ways
@pytest.mark.parametrize("choice", [OnConflict.SAME, OnConflict.UPDATE])
def test_rows_that_were_there_are_compared_by_blocks_too(
    rows: Move, way: Way, choice: OnConflict
) -> None:
    create(rows, "order")
    rows.target.execute("INSERT INTO s.t SELECT n, 'v' || n FROM generate_series(30, 20, -1) AS n")
    rows.export(evolve(way.form, on_conflict=choice))

    assert rows.load(way).kept

    assert content(rows) == [(n, f"v{n}") for n in range(1, 41)]
