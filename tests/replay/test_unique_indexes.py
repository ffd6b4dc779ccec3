"""Rows that exist already, where ON CONFLICT does not find them or an index is not a plain key."""

from __future__ import annotations

import pytest
from attrs import evolve

from replant import api
from replant.errors import ConfigurationError, PreflightError, ReplayError, UsageError
from replant.model import ByColumn, ExportSettings, Layout, OnConflict, Registration, RelationName
from replant.replay.replay import Loaded
from replant.testing.servers.server import Server, grant
from tests.support.moves import Move, in_every_format

T = RelationName("s", "t")
ERROR, SKIP, SAME, UPDATE = OnConflict.ERROR, OnConflict.SKIP, OnConflict.SAME, OnConflict.UPDATE
DIRECTORY = ExportSettings(layout=Layout.DIRECTORY)

#: Tables of which ON CONFLICT does not find the rows that exist, by one key or another.
DEFERRABLE = {
    "primary key": "CREATE TABLE s.t (id int PRIMARY KEY DEFERRABLE, v text)",
    "another key": "CREATE TABLE s.t (id int PRIMARY KEY, v text, UNIQUE (v) DEFERRABLE)",
    "initially deferred": """CREATE TABLE s.t (
        id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text)""",
    "exclusion": """CREATE TABLE s.t (id int PRIMARY KEY, v text,
        EXCLUDE USING btree (v WITH =) DEFERRABLE)""",
    "partitioned": """
        CREATE TABLE s.t (id int PRIMARY KEY DEFERRABLE, v text) PARTITION BY RANGE (id);
        CREATE TABLE s.t1 PARTITION OF s.t FOR VALUES FROM (0) TO (3);
        CREATE TABLE s.t2 PARTITION OF s.t DEFAULT""",
}
of_deferrable = pytest.mark.parametrize("table", DEFERRABLE.values(), ids=DEFERRABLE)

TEMPORAL = """CREATE TABLE s.t (id int4range, during daterange, v text,
    PRIMARY KEY (id, during WITHOUT OVERLAPS))"""


def made(move: Move, table: str, rows: str, there: str = "") -> None:
    """Make the table on both sides, with rows on each."""
    move.on_both(f"CREATE SCHEMA s; {table}")
    move.source.execute(f"INSERT INTO s.t VALUES {rows}".encode())
    if there:
        move.target.execute(f"INSERT INTO s.t VALUES {there}".encode())


def checked(move: Move, choice: OnConflict) -> str:
    """Return what a dry run refuses."""
    settings = move.settings(ExportSettings(on_conflict=choice))
    found = api.preflight(str(move.artifact), settings, host=move.host)
    return "\n".join(str(f) for f in found.findings if f.severity.value == "refuses")


@of_deferrable
@in_every_format
def test_rows_are_skipped_by_a_key_that_is_deferrable(
    move: Move, form: ExportSettings, table: str
) -> None:
    made(move, table, "(1, 'a'), (2, 'b'), (3, NULL)", "(1, 'a')")
    move.export(form)
    assert move.replay(on_conflict=SKIP).tables == {T: Loaded(inserted=2, skipped=1)}
    assert move.replay(on_conflict=SAME).tables == {T: Loaded(unchanged=3)}
    assert move.same("TABLE s.t ORDER BY id")


@of_deferrable
def test_rows_are_updated_by_a_key_that_is_deferrable(move: Move, table: str) -> None:
    made(move, table, "(1, 'a'), (2, 'b'), (3, NULL)", "(1, 'old'), (2, 'b')")
    move.export(DIRECTORY)
    assert move.replay(on_conflict=UPDATE).tables == {T: Loaded(inserted=1, updated=1, unchanged=1)}
    assert move.same("TABLE s.t ORDER BY id")
    assert move.replay(on_conflict=UPDATE).tables == {T: Loaded(unchanged=3)}


@of_deferrable
def test_a_row_that_differs_under_a_deferrable_key_is_refused(move: Move, table: str) -> None:
    made(move, table, "(1, 'a'), (2, 'b')", "(1, 'old')")
    move.export(DIRECTORY)
    assert "1 with other values" in checked(move, SAME)
    with pytest.raises((PreflightError, ReplayError)):
        move.replay(on_conflict=SAME)
    assert move.found("SELECT v FROM s.t") == ["old"]


def test_rows_in_a_cycle_are_skipped_by_deferrable_keys(move: Move) -> None:
    move.on_both(
        "CREATE SCHEMA s;"
        "CREATE TABLE s.t (id int PRIMARY KEY, u int NOT NULL, v int UNIQUE DEFERRABLE);"
        "CREATE TABLE s.u (id int PRIMARY KEY, t int NOT NULL REFERENCES s.t);"
        "ALTER TABLE s.t ADD FOREIGN KEY (u) REFERENCES s.u"
    )
    move.source.execute(
        "WITH t AS (INSERT INTO s.t VALUES (1, 1, 1), (2, 2, 2))"
        " INSERT INTO s.u VALUES (1, 1), (2, 2)"
    )
    move.export(DIRECTORY)
    for _ in range(2):
        move.replay(on_conflict=SKIP)
        assert move.same("TABLE s.t ORDER BY id")


def test_a_file_does_not_say_on_conflict_where_a_key_is_deferrable(move: Move) -> None:
    made(move, DEFERRABLE["another key"], "(1, 'a')")
    with pytest.raises(ConfigurationError, match=r"s\.t \(by t_v_key\).*--on-conflict at replay"):
        move.export(ExportSettings(on_conflict=SKIP))
    move.export(evolve(DIRECTORY, on_conflict=SKIP))


def test_the_role_is_told_what_it_needs_to_find_rows_by_a_query(move: Move, server: Server) -> None:
    made(move, DEFERRABLE["primary key"], "(1, 'a')")
    move.export(DIRECTORY)
    role = server.create_role()
    grant(move.to, role, "INSERT", [T])
    with pytest.raises(PreflightError, match=r"GRANT SELECT ON (TABLE )?s\.t"):
        move.replay(role, SKIP)


# -- indexes that are no plain keys ---------------------------------------------------------------

#: A table, an exported row, and a row of the target that the index takes for the same.
ALIKE: dict[str, tuple[str, str, str]] = {
    "temporal": (
        TEMPORAL,
        "('[1,2)', '[2024-01-01,2025-01-01)', 'a')",
        "('[1,2)', '[2024-06-01,2024-07-01)', 'b')",
    ),
    "partial": (
        (
            "CREATE TABLE s.t (id int PRIMARY KEY, v text, d bool);"
            "CREATE UNIQUE INDEX ON s.t (v) WHERE NOT d"
        ),
        "(1, 'a', false)",
        "(2, 'a', false)",
    ),
    "expression": (
        "CREATE TABLE s.t (id int PRIMARY KEY, v text); CREATE UNIQUE INDEX ON s.t (lower(v))",
        "(1, 'A')",
        "(2, 'a')",
    ),
    "nulls": (
        "CREATE TABLE s.t (id int PRIMARY KEY, v text UNIQUE NULLS NOT DISTINCT)",
        "(1, NULL)",
        "(2, NULL)",
    ),
    "exclusion": (
        (
            "CREATE TABLE s.t (id int PRIMARY KEY, a int, b int,"
            " EXCLUDE USING gist (int4range(a, b) WITH &&))"
        ),
        "(1, 1, 5)",
        "(2, 4, 9)",
    ),
}
of_alike = pytest.mark.parametrize("case", ALIKE.values(), ids=ALIKE)


@of_alike
def test_a_dry_run_finds_a_row_that_an_index_takes_for_the_same(
    move: Move, case: tuple[str, str, str]
) -> None:
    made(move, *case)
    move.export(DIRECTORY)
    assert "s.t already holds 1 of these rows" in checked(move, ERROR)
    assert "other values" in checked(move, SAME)
    assert "s.t holds other rows with the unique values of 1" in checked(move, UPDATE)
    assert not checked(move, SKIP)


@of_alike
def test_a_row_that_an_index_takes_for_the_same_is_skipped(
    move: Move, case: tuple[str, str, str]
) -> None:
    made(move, *case)
    move.export(DIRECTORY)
    assert move.replay(on_conflict=SKIP).tables == {T: Loaded(skipped=1)}


def test_an_index_does_not_take_other_rows_for_the_same(move: Move) -> None:
    """A row outside the predicate, other NULLs, a range that only touches."""
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text UNIQUE, d bool, during"
        " daterange, EXCLUDE USING gist (during WITH &&)); CREATE UNIQUE INDEX ON s.t ((1)) WHERE d"
    )
    move.source.execute("INSERT INTO s.t VALUES (1, NULL, false, '[2024-01-01,2024-02-01)')")
    move.target.execute("INSERT INTO s.t VALUES (2, NULL, true, '[2024-02-01,2024-03-01)')")
    move.export(DIRECTORY)
    assert not checked(move, ERROR)
    assert move.replay().tables == {T: Loaded(inserted=1)}


def test_rows_are_updated_by_a_temporal_key(move: Move) -> None:
    year = "('[1,2)', '[2024-01-01,2025-01-01)', '{}')"
    made(move, TEMPORAL, year.format("new"), year.format("old"))
    move.export(DIRECTORY)
    assert move.replay(on_conflict=UPDATE).tables == {T: Loaded(updated=1)}
    assert move.same("TABLE s.t")


def test_partial_and_expression_indexes_are_kept_beside_a_deferrable_key(move: Move) -> None:
    made(
        move,
        'CREATE TABLE s.t (id int PRIMARY KEY DEFERRABLE, "V" text, d bool);'
        'CREATE UNIQUE INDEX ON s.t (lower("V")) WHERE NOT d',
        "(1, 'A', false), (2, 'B', true), (3, 'C', false)",
        "(11, 'a', false), (12, 'b', true), (3, 'x', false)",
    )
    move.export(DIRECTORY)
    assert move.replay(on_conflict=SKIP).tables == {T: Loaded(inserted=1, skipped=2)}
    assert move.found("SELECT id FROM s.t ORDER BY 1") == [2, 3, 11, 12]


def test_a_rule_refuses_rows_that_may_exist(move: Move) -> None:
    made(move, "CREATE TABLE s.t (id int PRIMARY KEY)", "(1)")
    move.target.execute("CREATE RULE r AS ON UPDATE TO s.t DO INSTEAD NOTHING")
    move.export(DIRECTORY)
    assert "DISABLE RULE r" in checked(move, SKIP)
    assert not checked(move, ERROR)


def test_an_overlap_with_another_row_of_the_replay_names_the_table(move: Move) -> None:
    """Of a target whose key is stricter than that of the source."""
    move.source.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, r int4range)")
    move.target.execute(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, r int4range,"
        " EXCLUDE USING gist (r WITH &&))"
    )
    move.source.execute("INSERT INTO s.t VALUES (1, '[1,5)'), (2, '[2,6)')")
    move.export(DIRECTORY)
    with pytest.raises(ReplayError, match=r"row of s\.t: .*two rows of the artifact are ali"):
        move.replay()


# -- rows without a key ---------------------------------------------------------------------------


def test_rows_without_a_key_are_not_doubled_in_silence(move: Move) -> None:
    made(move, "CREATE TABLE s.t (v text)", "('a'), ('a')")
    move.export(DIRECTORY)
    assert move.replay(on_conflict=SKIP).tables == {T: Loaded(inserted=2)}
    with pytest.raises(UsageError, match=r"s\.t has no key and holds rows already: all 2 rows"):
        move.replay(on_conflict=SKIP)
    found = api.preflight(str(move.artifact), move.settings(), host=move.host)
    assert "s.t has no key and holds rows already" in "".join(map(str, found.findings))


def test_rows_without_a_key_of_another_scope_are_no_reason_to_ask(move: Move) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (tenant int, v text); CREATE TABLE s.u ()")
    move.source.execute("INSERT INTO s.t VALUES (1, 'a')")
    move.target.execute("INSERT INTO s.t VALUES (2, 'a')")
    of_one = evolve(
        move, scope={"tenant": "1"}, registrations=(Registration(T, ByColumn("tenant", "tenant")),)
    )
    of_one.export(DIRECTORY)
    of_one.replay(on_conflict=SKIP)
    with pytest.raises(UsageError, match=r"holds rows of this scope already"):
        of_one.replay(on_conflict=SKIP)


def test_many_rows_without_a_key_are_loaded_to_be_skipped(move: Move) -> None:
    """They come through a temporary table, which has no key to find them by either."""
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (v int)")
    move.source.execute("INSERT INTO s.t SELECT generate_series(1, 10001)")
    move.export(DIRECTORY)
    assert move.replay(on_conflict=SKIP).tables == {T: Loaded(inserted=10001)}
