"""Rows that are there already: refused, skipped or updated, and the summary says how many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from replant import api
from replant.errors import (
    ConfigurationError,
    PreflightError,
    ReplayError,
)
from replant.model import (
    Check,
    ExportSettings,
    LoadTogether,
    OnConflict,
    PatchColumns,
    RelationName,
    TableSettings,
)
from replant.replay.replay import Loaded
from replant.testing.servers.server import Server, grant
from replant_plugins.strategies import cycles
from tests.support.commands import Replant
from tests.support.moves import (
    Move,
    Way,
    in_every_format,
    in_three_ways,
)

T, U = RelationName("s", "t"), RelationName("s", "u")
SKIP, SAME, UPDATE = OnConflict.SKIP, OnConflict.SAME, OnConflict.UPDATE

TABLE = "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text, w text)"
ROWS = "INSERT INTO s.t SELECT i, 'v' || i, nullif('w' || i, 'w2') FROM generate_series(1, 5) AS i"
#: Two of the five rows were there, one of them as it is exported.
SOME = "INSERT INTO s.t VALUES (1, 'v1', 'w1'), (2, 'old', 'old'), (9, 'other', NULL)"

in_both_choices = pytest.mark.parametrize("choice", [SKIP, UPDATE], ids=["skip", "update"])


def state(move: Move, table: str = "s.t") -> list[tuple[Any, ...]]:
    return move.target.execute(f"SELECT * FROM {table} ORDER BY id".encode()).fetchall()


# -- twice the same artifact --------------------------------------------------------------------


@in_every_format
def test_a_second_replay_is_refused_unless_it_was_chosen(move: Move, form: ExportSettings) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.export(form)
    move.replay()
    with pytest.raises(ReplayError, match="with --on-conflict same"):
        move.replay()
    assert move.same("TABLE s.t ORDER BY id")


@in_every_format
@in_both_choices
def test_a_second_replay_finds_every_row_there(
    move: Move, form: ExportSettings, choice: OnConflict
) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.export(form)
    assert move.replay(on_conflict=choice).tables == {T: Loaded(inserted=5)}
    again = Loaded(skipped=5) if choice is SKIP else Loaded(unchanged=5)
    assert move.replay(on_conflict=choice).tables == {T: again}
    assert move.same("TABLE s.t ORDER BY id")


@in_three_ways
@in_both_choices
def test_an_artifact_that_was_exported_so_can_be_loaded_twice(
    move: Move, way: Way, choice: OnConflict
) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.export(evolve(way.form, on_conflict=choice))
    for _ in range(2):
        outcome = move.load(way)
        assert (outcome.kept, outcome.said) == (True, "")
        assert move.same("TABLE s.t ORDER BY id")


# -- some rows were there -----------------------------------------------------------------------


@in_three_ways
@in_both_choices
def test_rows_that_were_there_are_left_or_set_to_what_was_exported(
    move: Move, way: Way, choice: OnConflict
) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute(SOME)
    move.export(evolve(way.form, on_conflict=choice))
    assert move.load(way).kept
    second = (2, "old", "old") if choice is SKIP else (2, "v2", None)
    assert state(move)[:3] == [(1, "v1", "w1"), second, (3, "v3", "w3")]
    assert state(move)[5:] == [(9, "other", None)]


@in_every_format
def test_the_summary_counts_what_was_inserted_updated_and_unchanged(
    move: Move, form: ExportSettings, replant: Replant
) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute(SOME)
    move.export(form)
    arguments = ["replay", move.artifact, "--target", move.to.dsn, "--on-conflict"]
    updated = replant(*arguments, "update")
    assert updated.err.splitlines()[-1] == (
        "replayed 5 rows of 1 table: 3 inserted, 1 updated, 1 unchanged, by the strategy ordered"
    )
    skipped = replant(*arguments, "skip", "-v")
    assert skipped.err.splitlines()[-1] == (
        "replayed 5 rows of 1 table: 5 skipped, by the strategy ordered"
    )
    assert skipped.code == updated.code == 0


@in_every_format
def test_rows_of_partitions_are_updated_and_counted(move: Move, form: ExportSettings) -> None:
    move.source.execute(TABLE)
    move.target.execute(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text, w text)"
        " PARTITION BY RANGE (id); CREATE TABLE s.low PARTITION OF s.t FOR VALUES FROM (0) TO (3);"
        "CREATE TABLE s.high PARTITION OF s.t DEFAULT"
    )
    move.source.execute(ROWS)
    move.target.execute(SOME)
    move.export(form)
    assert move.replay(on_conflict=UPDATE).tables == {T: Loaded(3, updated=1, unchanged=1)}
    assert move.same("SELECT * FROM s.t WHERE id < 9 ORDER BY id")


CYCLE = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, u int {null}, v text);
CREATE TABLE s.u (id int PRIMARY KEY, t int NOT NULL REFERENCES s.t, v text);
"""
KEY = "ALTER TABLE s.t ADD FOREIGN KEY (u) REFERENCES s.u"
CYCLE_ROWS = """
INSERT INTO s.t SELECT i, 6 - i, 't' || i FROM generate_series(1, 5) AS i;
INSERT INTO s.u SELECT i, 6 - i, 'u' || i FROM generate_series(1, 5) AS i
"""


def in_a_cycle(move: Move, null: str = "NOT NULL") -> None:
    """Two tables that reference each other; the target holds three pairs, two of them otherwise."""
    move.on_both(CYCLE.format(null=null))
    move.source.execute(CYCLE_ROWS)
    move.target.execute(CYCLE_ROWS)
    move.target.execute("DELETE FROM s.u WHERE id = 1; DELETE FROM s.t WHERE id = 5")
    move.target.execute("UPDATE s.t SET v = 'old' WHERE id IN (2, 3)")
    move.target.execute("UPDATE s.u SET v = 'old' WHERE id = 4")
    move.on_both(KEY)


@in_every_format
def test_rows_of_tables_in_a_cycle_are_counted_by_table(move: Move, form: ExportSettings) -> None:
    in_a_cycle(move)
    exported = move.export(form)
    assert exported.plan.order.steps == (LoadTogether((T, U)),)
    replayed = move.replay(on_conflict=UPDATE)
    assert replayed.tables == {
        T: Loaded(inserted=1, updated=2, unchanged=2),
        U: Loaded(inserted=1, updated=1, unchanged=3),
    }
    assert move.differing() == []


@in_three_ways
@in_both_choices
def test_tables_in_a_cycle_can_be_loaded_twice(move: Move, way: Way, choice: OnConflict) -> None:
    in_a_cycle(move)
    move.export(evolve(way.form, on_conflict=choice))
    for _ in range(2):
        assert move.load(way).kept
    old = move.found("SELECT id FROM s.t WHERE v = 'old' ORDER BY id")
    assert old == ([2, 3] if choice is SKIP else [])
    assert move.found("SELECT count(*) FROM s.t") == move.found("SELECT count(*) FROM s.u") == [5]


# -- keys and types -----------------------------------------------------------------------------


@in_every_format
def test_a_table_whose_columns_are_all_key_has_nothing_to_update(
    move: Move, form: ExportSettings
) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int, b int, PRIMARY KEY (b, id))")
    move.source.execute("INSERT INTO s.t VALUES (1, 1), (1, 2), (2, 1)")
    move.target.execute("INSERT INTO s.t VALUES (1, 2)")
    move.export(form)
    replayed = move.replay(on_conflict=UPDATE)
    assert replayed.tables == {T: Loaded(inserted=2, unchanged=1)}


@in_three_ways
@pytest.mark.parametrize(
    ("kind", "exported", "found"),
    [("public.citext", "Key", "kEY"), ("numeric", "1.0", "1.000"), ("interval", "1 day", "24:00")],
)
def test_a_key_that_is_equal_and_not_the_same_is_updated(
    move: Move, way: Way, kind: str, exported: str, found: str
) -> None:
    move.on_both("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public")
    move.on_both(f"CREATE SCHEMA s; CREATE TABLE s.t (id {kind} PRIMARY KEY)")
    move.source.execute("INSERT INTO s.t VALUES (%s)", [exported])
    move.target.execute("INSERT INTO s.t VALUES (%s)", [found])
    move.export(evolve(way.form, on_conflict=UPDATE))
    outcome = move.load(way)
    assert (outcome.kept, outcome.said) == (True, "")
    assert move.same("SELECT id::text FROM s.t")


@in_every_format
def test_values_whose_type_knows_no_equality_are_compared_by_their_text(
    move: Move, form: ExportSettings
) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v json, p point)")
    move.source.execute(
        "INSERT INTO s.t VALUES (1, '{\"a\": 1}', '(1,2)'), (2, '[]', NULL), (3, 'null', '(3,4)')"
    )
    move.target.execute(
        "INSERT INTO s.t VALUES (1, '{\"a\":  1}', '(1,2)'), (2, '[]', NULL),"
        " (3, 'null', '(3,4.5)')"
    )
    move.export(form)
    assert move.replay(on_conflict=UPDATE).tables == {T: Loaded(updated=2, unchanged=1)}
    assert move.same("SELECT t::text FROM s.t ORDER BY id")


@in_three_ways
@in_both_choices
def test_identity_columns_that_are_always_generated_are_the_key(
    move: Move, way: Way, choice: OnConflict
) -> None:
    move.on_both(
        "CREATE SCHEMA s;CREATE TABLE s.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)"
    )
    move.source.execute("INSERT INTO s.t (v) VALUES ('a'), ('b'), ('c')")
    move.target.execute("INSERT INTO s.t (v) VALUES ('a'), ('old')")
    move.export(evolve(way.form, on_conflict=choice))
    assert move.load(way).kept
    assert move.found("SELECT v FROM s.t ORDER BY id") == [
        "a",
        "old" if choice is SKIP else "b",
        "c",
    ]


def test_an_identity_column_that_is_always_generated_and_all_there_is_is_no_error(
    move: Move,
) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int GENERATED ALWAYS AS IDENTITY UNIQUE)")
    move.source.execute("INSERT INTO s.t DEFAULT VALUES; INSERT INTO s.t DEFAULT VALUES")
    move.target.execute("INSERT INTO s.t DEFAULT VALUES")
    move.export()
    assert move.replay(on_conflict=UPDATE).tables == {T: Loaded(inserted=1, unchanged=1)}


@in_every_format
def test_a_row_that_another_key_refuses_is_no_row_to_update(
    move: Move, form: ExportSettings
) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int, v text UNIQUE, PRIMARY KEY (id, v))")
    move.source.execute("INSERT INTO s.t VALUES (1, 'taken')")
    move.target.execute("INSERT INTO s.t VALUES (2, 'taken')")
    move.export(form)
    with pytest.raises(ReplayError, match="taken"):
        move.replay(on_conflict=UPDATE)
    assert move.replay(on_conflict=SKIP).tables == {T: Loaded(skipped=1)}


# -- what is chosen for a table -----------------------------------------------------------------

TWO = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, v text);
CREATE TABLE s.u (id int, v text UNIQUE);
"""
TWO_ROWS = "INSERT INTO s.t VALUES (1, 'a'), (2, 'b'); INSERT INTO s.u VALUES (1, 'a'), (2, 'b')"


@in_three_ways
def test_each_table_has_its_own_way_in_the_configuration(move: Move, way: Way) -> None:
    move.on_both(TWO)
    move.source.execute(TWO_ROWS)
    move.target.execute("INSERT INTO s.t VALUES (1, 'old'); INSERT INTO s.u VALUES (8, 'a')")
    by_table = evolve(move, tables=(TableSettings(U, on_conflict=SKIP),))
    by_table.export(evolve(way.form, on_conflict=UPDATE))
    assert move.load(way).kept
    assert state(move) == [(1, "a"), (2, "b")]
    assert state(move, "s.u") == [(2, "b"), (8, "a")]


def test_a_replay_reads_the_ways_of_tables_from_the_configuration(
    move: Move, replant: Replant, tmp_path: Path
) -> None:
    move.on_both(TWO)
    move.source.execute(TWO_ROWS)
    move.target.execute("INSERT INTO s.t VALUES (1, 'old'); INSERT INTO s.u VALUES (8, 'a')")
    move.export()
    configuration = tmp_path / "replant.toml"
    configuration.write_text(
        '[export]\non_conflict = "skip"\n[[tables]]\nname = "s.t"\non_conflict = "update"\n'
    )
    outcome = replant("replay", move.artifact, "--target", move.to.dsn, "-c", configuration)
    assert outcome.err.splitlines()[-1] == (
        "replayed 4 rows of 2 tables: 2 inserted, 1 updated, 1 skipped, by the strategy ordered"
    )


@in_every_format
def test_rows_without_a_key_cannot_be_updated(move: Move, form: ExportSettings) -> None:
    move.on_both(TWO)
    move.source.execute(TWO_ROWS)
    refused = (
        r"rows of s\.u cannot be updated or compared, since no key tells them apart.*\[\[tables\]\]"
    )
    with pytest.raises(ConfigurationError, match=refused):
        move.export(evolve(form, on_conflict=UPDATE))
    move.export(form)
    with pytest.raises(ConfigurationError, match=refused):
        move.replay(on_conflict=UPDATE)
    assert state(move) == []


def test_rows_cannot_be_updated_by_a_key_that_the_target_lacks(move: Move) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute("ALTER TABLE s.t DROP CONSTRAINT t_pkey")
    move.export()
    with pytest.raises(PreflightError, match=r"no primary or unique key on \(id\)"):
        move.replay(on_conflict=UPDATE)


# -- what the role may --------------------------------------------------------------------------


@in_three_ways
def test_a_role_that_may_insert_alone_can_skip(move: Move, way: Way, server: Server) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute(SOME)
    role = server.create_role("inserts alone")
    grant(move.to, role, "INSERT", [T])
    move.export(evolve(way.form, on_conflict=SKIP))
    outcome = move.load(way, role)
    assert outcome.kept
    assert "not compared with the exported rows" in outcome.said
    assert len(state(move)) == 6


@pytest.mark.parametrize("privileges", ["INSERT", "INSERT, SELECT", "INSERT, UPDATE"])
def test_a_role_that_may_not_update_is_told_the_grant(
    move: Move, server: Server, privileges: str
) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    role = server.create_role("may_not_update")
    grant(move.to, role, privileges, [T])
    move.export()
    with pytest.raises(PreflightError, match=r"GRANT SELECT, UPDATE ON s\.t TO may_not_update;"):
        move.replay(role, on_conflict=UPDATE)
    grant(move.to, role, "SELECT, UPDATE", [T])
    assert move.replay(role, on_conflict=UPDATE).tables == {T: Loaded(inserted=5)}


@in_three_ways
def test_a_role_that_may_not_see_what_rows_are_chosen_by_is_told_so(
    move: Move, way: Way, server: Server
) -> None:
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, tenant int);"
        "CREATE TABLE s.u (id int PRIMARY KEY, t int REFERENCES s.t)"
    )
    move.source.execute("INSERT INTO s.t VALUES (1, 7); INSERT INTO s.u VALUES (1, 1)")
    of_tenant = move.of_tenant("7")
    role = server.create_role("sees children alone")
    grant(move.to, role, "INSERT", [T, U])
    grant(move.to, role, "SELECT", [U])
    of_tenant.export(evolve(way.form, on_conflict=SKIP))
    outcome = of_tenant.load(way, role)
    assert outcome.kept
    assert "may not SELECT all of them: s.t, s.u" in outcome.said


# -- rows in two parts --------------------------------------------------------------------------


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are many."""
    monkeypatch.setattr(cycles, "MOST_ROWS_TOGETHER", 2)


@in_every_format
def test_rows_are_not_loaded_in_two_parts_where_some_may_be_there(
    move: Move, form: ExportSettings, large: None
) -> None:
    in_a_cycle(move, null="")
    steps = move.export(evolve(form, on_conflict=UPDATE)).plan.order.steps
    assert not any(isinstance(step, PatchColumns) for step in steps)
    assert move.replay().tables[T] == Loaded(inserted=1, updated=2, unchanged=2)


@in_every_format
@in_both_choices
def test_rows_that_were_exported_in_two_parts_are_put_together_where_some_may_be_there(
    move: Move, form: ExportSettings, choice: OnConflict, large: None
) -> None:
    in_a_cycle(move, null="")
    steps = move.export(form).plan.order.steps
    assert any(isinstance(step, PatchColumns) for step in steps)
    there = Loaded(1, skipped=4) if choice is SKIP else Loaded(1, updated=2, unchanged=2)
    assert move.replay(on_conflict=choice).tables[T] == there
    old = choice is SKIP
    assert state(move) == [
        (1, 5, "t1"),
        (2, 4, "old" if old else "t2"),
        (3, 3, "old" if old else "t3"),
        (4, 2, "t4"),
        (5, 1, "t5"),
    ]


# -- what triggers do ---------------------------------------------------------------------------


@in_three_ways
@in_both_choices
def test_rows_that_a_trigger_drops_are_not_taken_for_rows_that_were_there(
    move: Move, way: Way, choice: OnConflict
) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute(
        "CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER g BEFORE INSERT ON s.t FOR EACH ROW WHEN (NEW.id = 5)"
        " EXECUTE FUNCTION s.f()"
    )
    move.export(evolve(way.form, on_conflict=choice))
    outcome = move.load(way)
    assert not outcome.kept
    by_content = choice is UPDATE and not way.by_psql
    wanted = "id = 5 is missing in the target" if by_content else "5 exported, and 4 in the target"
    assert f"s.t: {wanted}" in outcome.said.replace(
        "the rows differ from those that were exported, as ", ""
    )
    assert state(move) == []


@in_three_ways
def test_rows_that_a_trigger_changes_are_not_taken_for_updated_ones(move: Move, way: Way) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute("INSERT INTO s.t VALUES (1, 'old')")
    move.target.execute(
        "CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';"
        "CREATE TRIGGER g BEFORE UPDATE ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()"
    )
    move.export(evolve(way.form, on_conflict=UPDATE))
    outcome = move.load(way)
    assert not outcome.kept
    assert "s.t: the rows differ from those that were exported" in outcome.said
    assert state(move) == [(1, "old", None)]


# -- rows that must be the same -----------------------------------------------------------------


@in_three_ways
def test_rows_that_are_equal_are_skipped_and_the_others_come(move: Move, way: Way) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute("INSERT INTO s.t VALUES (1, 'v1', 'w1'), (9, 'other', NULL)")
    move.export(evolve(way.form, on_conflict=SAME))
    assert move.load(way).kept
    assert move.found("SELECT id FROM s.t ORDER BY id") == [1, 2, 3, 4, 5, 9]


@in_three_ways
def test_a_row_that_holds_other_values_is_refused(move: Move, way: Way) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute(SOME)
    before = state(move)
    move.export(evolve(way.form, on_conflict=SAME))
    outcome = move.load(way)
    assert not outcome.kept
    assert "s.t" in outcome.said
    assert state(move) == before


@in_three_ways
def test_a_row_that_has_only_another_unique_value_of_an_exported_one_is_refused(
    move: Move, way: Way
) -> None:
    move.on_both(f"{TABLE}; CREATE UNIQUE INDEX ON s.t (v)")
    move.source.execute(ROWS)
    move.target.execute("INSERT INTO s.t VALUES (7, 'v1', 'w1')")
    move.export(evolve(way.form, on_conflict=SAME))
    assert not move.load(way).kept
    assert state(move) == [(7, "v1", "w1")]


def test_the_counts_tell_equal_rows_from_new_ones(move: Move) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute("INSERT INTO s.t VALUES (1, 'v1', 'w1')")
    move.export()
    assert move.replay(on_conflict=SAME).tables == {T: Loaded(inserted=4, unchanged=1)}


# -- a rehearsal --------------------------------------------------------------------------------


def test_a_rehearsal_says_what_the_replay_would_do_and_leaves_the_target_as_it_was(
    move: Move, replant: Replant
) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id serial PRIMARY KEY, v text)")
    move.source.execute("INSERT INTO s.t (v) SELECT 'v' || n FROM generate_series(1, 5) AS n")
    move.export()
    before = move.found("SELECT last_value FROM s.t_id_seq")
    outcome = replant("replay", move.artifact, "--target", move.to.dsn, "--rehearse")
    assert outcome.code == 0, outcome.err
    assert "replayed 5 rows of 1 table" in outcome.err
    assert "this was a rehearsal: everything was undone" in outcome.err
    assert move.found("SELECT count(*) FROM s.t") == [0]
    assert move.found("SELECT last_value FROM s.t_id_seq") == before


@pytest.mark.parametrize("choice", [SKIP, UPDATE, SAME], ids=lambda choice: choice.value)
@pytest.mark.parametrize(
    "obstacle",
    [
        """
        CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.v := upper(NEW.v); RETURN NEW; END';
        CREATE TRIGGER g BEFORE INSERT OR UPDATE ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()
        """,
        "CREATE UNIQUE INDEX ON s.t (w)",
        "ALTER TABLE s.t ADD CHECK (id <> 4)",
    ],
    ids=["trigger", "unique", "check"],
)
def test_a_rehearsal_ends_as_the_replay_does(
    move: Move, replant: Replant, obstacle: str, choice: OnConflict
) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.target.execute(SOME)
    move.target.execute("UPDATE s.t SET w = 'w4' WHERE id = 9")
    move.target.execute(obstacle.encode(), prepare=False)
    move.export()
    arguments = ("replay", move.artifact, "--target", move.to.dsn, "--on-conflict", choice.value)
    before = state(move)
    rehearsed = replant(*arguments, "--rehearse")
    assert state(move) == before
    replayed = replant(*arguments)
    assert rehearsed.code == replayed.code
    if replayed.code:
        assert rehearsed.err == replayed.err


@pytest.mark.parametrize(
    ("setting", "value", "kind", "exported", "there"),
    [
        ("extra_float_digits", "0", "float8", "0.3", "0.30000000000000004"),
        # Both are 01:30 in Moscow, with the same name of the zone.
        ("DateStyle", "SQL", "timestamptz", "2014-10-25 21:30Z", "2014-10-25 22:30Z"),
    ],
)
@pytest.mark.parametrize("check", ["content", "count"])
def test_a_row_is_updated_though_the_settings_write_both_alike(
    move: Move, check: str, setting: str, value: str, kind: str, exported: str, there: str
) -> None:
    move.on_both(f"CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v {kind})")
    move.source.execute(f"INSERT INTO s.t VALUES (1, '{exported}'), (2, NULL)")
    move.target.execute(f"INSERT INTO s.t VALUES (1, '{there}'), (2, NULL)")
    move.export(ExportSettings(check=Check(check)))
    settings = evolve(
        move.settings(ExportSettings(on_conflict=UPDATE)),
        target_settings={setting: value, "TimeZone": "Europe/Moscow"},
    )

    replayed = api.replay(str(move.artifact), settings, host=move.host)

    assert replayed.tables[T] == Loaded(0, updated=1, unchanged=1)
    assert move.same("SELECT * FROM s.t ORDER BY id")


def test_a_part_of_an_array_is_the_same_array(move: Move) -> None:
    """Of `[1, 2, NULL]` the first two are stored with a mark that one of them may be NULL."""
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v int[], w text[])")
    move.source.execute("INSERT INTO s.t VALUES (1, '{1,2}', '{a}'), (2, '{1}', '{b}')")
    move.target.execute(
        "INSERT INTO s.t VALUES (1, (ARRAY[1,2,NULL])[1:2], '{a}'), (2, '{1}', '{c}')"
    )
    move.export()
    settings = move.settings(ExportSettings(on_conflict=UPDATE))

    replayed = api.replay(str(move.artifact), settings, host=move.host)

    assert replayed.tables[T] == Loaded(0, updated=1, unchanged=1)
    assert move.same("SELECT * FROM s.t ORDER BY id")
