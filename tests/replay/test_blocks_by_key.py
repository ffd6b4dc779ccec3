"""psql finds the blocks of a new table by an index on its key, and sorts rows where it must."""

from __future__ import annotations

import pytest
from attrs import frozen
from psycopg import sql

from replant.model import ExportSettings
from replant.replay import loaded_rows
from replant.sql import closing_checks
from tests.support.blocks import let_blocks_have
from tests.support.moves import FORMS, Move, Way, in_every_file

COUNT = 40


@frozen
class Key:
    """Columns of a key, and their values as expressions of the number `n`."""

    columns: dict[str, str]
    values: str


KEYS = {
    "smallint": Key({"a": "smallint"}, "n"),
    "integer": Key({"a": "integer"}, "n - 20"),
    "bigint": Key({"a": "bigint"}, "n * 1000000000000"),
    "numeric": Key({"a": "numeric"}, "n / 7.0"),
    "numeric-modifier": Key({"a": "numeric(12,2)"}, "n / 7.0"),
    "double": Key({"a": "double precision"}, "CASE n WHEN 1 THEN 'NaN' ELSE n / 7.0 END::float8"),
    "boolean": Key({"a": "boolean", "b": "integer"}, "n % 2 = 0, n"),
    "uuid": Key({"a": "uuid"}, "md5(n::text)::uuid"),
    "bytea": Key({"a": "bytea"}, "decode(md5(n::text), 'hex')"),
    "date": Key({"a": "date"}, "CASE n WHEN 1 THEN '-infinity' ELSE date '2024-01-01' + n END"),
    "timestamptz": Key({"a": "timestamptz(3)"}, "now() + n * interval '1 hour'"),
    "interval": Key({"a": "interval"}, "n * interval '-1 day 1 second'"),
    "time": Key({"a": "time"}, "time '00:00' + n * interval '1 minute'"),
    "inet": Key({"a": "inet"}, "inet '10.0.0.0/8' + n"),
    "bit": Key({"a": "bit(8)"}, "n::bit(8)"),
    "names": Key({'a "b" %': "integer", "{}": "uuid"}, "n % 3, md5(n::text)::uuid"),
    "quotes": Key({"it's": "integer", "$1": "date"}, "n % 3, date '2024-01-01' + n"),
}


@pytest.fixture
def blocks(move: Move, monkeypatch: pytest.MonkeyPatch) -> Move:
    """Two databases with a schema, and blocks of 4 rows."""
    let_blocks_have(monkeypatch, 4)
    move.on_both("CREATE SCHEMA s")
    return move


@pytest.fixture
def unsorted(blocks: Move, monkeypatch: pytest.MonkeyPatch) -> Move:
    """The same, and a check that cannot look in another way than by the key."""
    monkeypatch.setattr(
        closing_checks, "_block_query", lambda *_, **__: sql.SQL("SELECT 1 / 0").format()
    )
    return blocks


def created(key: Key) -> sql.Composed:
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))
        for name, type_ in key.columns.items()
    ]
    names = sql.SQL(", ").join(map(sql.Identifier, key.columns))
    return sql.SQL("CREATE TABLE s.t ({}, v text, PRIMARY KEY ({}))").format(
        sql.SQL(", ").join(columns), names
    )


def fill(move: Move, values: str) -> None:
    rows = f"INSERT INTO s.t SELECT {values}, repeat(E'v\\n', n) FROM generate_series(1, {COUNT}) n"
    move.source.execute(rows.encode())


def by_psql(form: ExportSettings) -> Way:
    return Way(form, by_psql=True)


@in_every_file
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_blocks_of_a_new_table_are_found_by_its_key(
    unsorted: Move, form: ExportSettings, key: Key
) -> None:
    for connection in (unsorted.source, unsorted.target):
        connection.execute(created(key))
    fill(unsorted, key.values)
    unsorted.export(form)

    outcome = unsorted.load(by_psql(form))

    assert outcome.kept, outcome.said
    assert unsorted.same("SELECT t::text FROM s.t AS t ORDER BY 1")


#: Tables of a target in which blocks cannot be found by the key, or would be at too great a cost.
OTHERS = {
    "text": "CREATE TABLE s.t (a text PRIMARY KEY, v text)",
    "citext": "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE s.t (a citext UNIQUE, v text)",
    "no-index": "CREATE TABLE s.t (a integer, v text)",
    "hash": "CREATE TABLE s.t (a integer NOT NULL, v text); CREATE INDEX ON s.t USING hash (a)",
    "part": "CREATE TABLE s.t (a integer NOT NULL, v text); CREATE INDEX ON s.t (a) WHERE a > 0",
    "of-an-expression": "CREATE TABLE s.t (a integer NOT NULL, v text);"
    "CREATE INDEX ON s.t (abs(a), a)",
    "nullable": "CREATE TABLE s.t (a integer UNIQUE, v text)",
    "analyzed": "CREATE TABLE s.t (a integer PRIMARY KEY, v text);"
    "INSERT INTO s.t VALUES (-1, ''), (-2, ''); ANALYZE s.t",
    "rows-of-others": "CREATE TABLE s.t (a integer PRIMARY KEY, v text);"
    "INSERT INTO s.t VALUES (-1, ''), (99, '')",
    "partitions": "CREATE TABLE s.t (a integer PRIMARY KEY, v text) PARTITION BY RANGE (a);"
    "CREATE TABLE s.low PARTITION OF s.t FOR VALUES FROM (MINVALUE) TO (10);"
    "CREATE TABLE s.high PARTITION OF s.t FOR VALUES FROM (10) TO (MAXVALUE)",
}


@in_every_file
@pytest.mark.parametrize("tables", OTHERS.values(), ids=OTHERS)
def test_rows_of_another_table_are_sorted(blocks: Move, form: ExportSettings, tables: str) -> None:
    blocks.source.execute(created(Key({"a": "integer"}, "n")))
    fill(blocks, "n")
    blocks.target.execute(tables.encode(), prepare=False)
    blocks.export(form)

    outcome = blocks.load(by_psql(form))

    assert outcome.kept, outcome.said


@pytest.mark.parametrize("tables", [OTHERS["text"], OTHERS["partitions"]], ids=["text", "parts"])
def test_a_distant_target_sorts_them_as_the_source_does(
    blocks: Move, monkeypatch: pytest.MonkeyPatch, tables: str
) -> None:
    monkeypatch.setattr(loaded_rows, "is_near", lambda _: False)
    blocks.source.execute(created(Key({"a": "integer"}, "n")))
    fill(blocks, "n")
    blocks.target.execute(tables.encode(), prepare=False)
    directory = FORMS["directory"]
    blocks.export(directory)

    outcome = blocks.load(Way(directory))

    assert outcome.kept, outcome.said


@in_every_file
def test_a_row_without_a_key_is_not_overlooked(blocks: Move, form: ExportSettings) -> None:
    blocks.source.execute(created(Key({"a": "integer"}, "n")))
    fill(blocks, "n")
    blocks.target.execute(
        b"""
        CREATE TABLE s.t (a integer UNIQUE, v text);
        CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN INSERT INTO s.t (v) VALUES (''another''); RETURN NEW; END';
        CREATE TRIGGER f BEFORE INSERT ON s.t FOR EACH ROW WHEN (NEW.a = 7)
          EXECUTE FUNCTION s.f();
        """,
        prepare=False,
    )
    blocks.export(form)

    outcome = blocks.load(by_psql(form))

    assert not outcome.kept
    assert "s.t: 40 exported, and 41 of this replay in the target" in outcome.said


#: What a trigger does to the rows of a new table.
FAULTS = {
    "the-first": "NEW.v := '*'; RETURN NEW",
    "another-key": "NEW.a := NEW.a + 1000; RETURN NEW",
    "dropped": "RETURN NULL",
    "added": "INSERT INTO s.t VALUES (-NEW.a, '*'); RETURN NEW",
}


@in_every_file
@pytest.mark.parametrize("number", [1, 4, 5, 22, COUNT])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_difference_in_any_block_is_found(
    blocks: Move, form: ExportSettings, fault: str, number: int
) -> None:
    blocks.source.execute(created(Key({"a": "integer"}, "n")))
    fill(blocks, "n")
    blocks.target.execute(created(Key({"a": "integer"}, "n")))
    trigger = f"""
        CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {fault}; END $$;
        CREATE TRIGGER f BEFORE INSERT ON s.t FOR EACH ROW WHEN (NEW.a = {number})
          EXECUTE FUNCTION s.f();
        """
    blocks.target.execute(trigger.encode(), prepare=False)
    blocks.export(form)

    outcome = blocks.load(by_psql(form))

    assert not outcome.kept
    assert "s.t: " in outcome.said
    assert blocks.found("SELECT count(*) FROM s.t") == [0]
