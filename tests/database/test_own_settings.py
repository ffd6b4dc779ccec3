"""Indexes, policies, triggers, CHECKs and conditions compute as they do in psql."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from replant import api
from replant.config.read_settings import settings_from
from replant.errors import ConfigurationError
from replant.model import (
    PluginSettings,
    Registration,
    RelationName,
    Root,
    Settings,
    TableSettings,
)
from tests.conftest import MakeDatabase
from tests.support.moves import Move, Way, in_three_ways
from tests.support.two_databases import connected

#: Wrappers as people write for `unaccent`: the outer function finds the inner one by the search
#: path. PostgreSQL from 17 on makes no such index any more; an older server did.
WRAPPERS = """
CREATE SCHEMA s;
CREATE FUNCTION public.inner_f(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN lower($1);
CREATE FUNCTION public.outer_f(text) RETURNS text LANGUAGE sql IMMUTABLE
    AS 'SELECT public.inner_f($1)';
CREATE TABLE s.a (id int PRIMARY KEY, v text);
CREATE INDEX ON s.a (public.outer_f(v));
CREATE TABLE s.b (id int PRIMARY KEY, a int REFERENCES s.a, v text);
CREATE INDEX ON s.b (a) WHERE public.outer_f(v) = 'x';
CREATE STATISTICS s.of_b ON public.outer_f(v), a FROM s.b;
CREATE TABLE s.c (id int PRIMARY KEY, v text CHECK (public.outer_f(v) <> ''));
CREATE OR REPLACE FUNCTION public.outer_f(text) RETURNS text LANGUAGE sql IMMUTABLE
    AS 'SELECT inner_f($1)';
"""
WRAPPED = """
INSERT INTO s.a SELECT i, 'A' || i FROM generate_series(1, 20) AS i;
INSERT INTO s.b SELECT i, i, 'X' FROM generate_series(1, 20) AS i;
INSERT INTO s.c VALUES (1, 'C');
"""

#: At 23:30 in UTC it is the next day in Berlin.
DAYS = """
CREATE SCHEMA s;
CREATE TABLE s.visits (
    id int PRIMARY KEY, at timestamptz, day date, CHECK (day = at::date),
    shown text GENERATED ALWAYS AS (id::text) STORED);
CREATE TABLE s.days (day date PRIMARY KEY, visits int);
CREATE FUNCTION s.count_visit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO s.days VALUES (NEW.at::date, 1)
    ON CONFLICT (day) DO UPDATE SET visits = days.visits + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER counted AFTER INSERT ON s.visits FOR EACH ROW EXECUTE FUNCTION s.count_visit();
"""
VISITS = """
INSERT INTO s.visits VALUES (1, '2024-04-30 23:30+00', '2024-05-01');
INSERT INTO s.visits VALUES (2, '2024-05-01 12:00+00', '2024-05-01');
INSERT INTO s.visits VALUES (3, '2024-05-01 23:30+00', '2024-05-02');
"""


@pytest.fixture
def berlin(make_database: MakeDatabase, tmp_path: Path) -> Iterator[Move]:
    """Two databases with settings of their own."""
    source, target = make_database(), make_database()
    for database in (source, target):
        with connected(database) as connection:
            for value in ("TimeZone = 'Europe/Berlin'", "DateStyle = 'SQL, DMY'"):
                connection.execute(f"ALTER DATABASE {database.name} SET {value}".encode())
    with connected(source) as at_source, connected(target) as at_target:
        yield Move(source, target, at_source, at_target, tmp_path / "artifact")


def choosing(move: Move, root: str) -> Settings:
    plugins = PluginSettings(settings={"schemas": {"roots": [root]}})
    return evolve(move.settings(), plugins=plugins)


@pytest.fixture
def wrapped(move: Move) -> Iterator[Move]:
    move.on_both(WRAPPERS)
    yield move
    move.on_both("DROP SCHEMA s CASCADE; DROP FUNCTION outer_f, inner_f")


@in_three_ways
def test_an_index_may_call_a_function_that_needs_the_search_path(wrapped: Move, way: Way) -> None:
    wrapped.source.execute(WRAPPED.encode())

    moved = wrapped.move(way)

    assert moved.kept, moved.said
    assert wrapped.differing() == []
    assert wrapped.found("SELECT count(*) FROM s.b") == [20]


def test_commands_that_only_look_need_no_search_path_of_their_own(wrapped: Move) -> None:
    wrapped.source.execute(WRAPPED.encode())
    asked = choosing(wrapped, "s.a: outer_f(v) = 'a1'")

    assert api.propose(asked).tables
    assert sum(table.row_count for table in api.plan(asked).tables) == 2
    assert api.why(asked, Root(RelationName("s", "a"), "outer_f(v) = 'a1'")).matched == 1


@in_three_ways
def test_checks_and_triggers_compute_in_the_time_zone_of_their_database(
    berlin: Move, way: Way
) -> None:
    berlin.on_both(DAYS)
    berlin.source.execute(VISITS.encode())
    move = evolve(berlin, registrations=(Registration("s.visits"),))

    moved = move.move(way)

    assert moved.kept, moved.said
    assert move.same("SELECT * FROM s.days ORDER BY day")
    assert move.differing() == []


@pytest.mark.parametrize("condition", ["at::date = '2024-05-01'", "at < '01/05/2024 22:00'"])
def test_a_condition_chooses_the_rows_that_it_chooses_in_psql(berlin: Move, condition: str) -> None:
    berlin.source.execute(f"{DAYS}{VISITS}".encode())
    found = berlin.source.execute(f"SELECT count(*) FROM s.visits WHERE {condition}".encode())
    wanted = found.fetchone()
    where = evolve(
        berlin,
        registrations=(Registration("s.visits"),),
        tables=(TableSettings(RelationName("s", "visits"), where=condition),),
    )

    rooted = choosing(berlin, f"s.visits: {condition}")
    # With a limit, the planner is asked for the number of rows as well.
    by_root = api.export(evolve(rooted, export=evolve(rooted.export, max_rows=10)))
    by_where = where.export()

    assert (sum(by_root.rows.values()),) == (sum(by_where.rows.values()),) == wanted == (2,)


def test_settings_for_the_load_are_those_of_its_session(berlin: Move) -> None:
    berlin.on_both(
        """
        CREATE SCHEMA s;
        CREATE TABLE s.t (id int, tenant text DEFAULT current_setting('app.tenant'));
        CREATE FUNCTION public.at_home() RETURNS text LANGUAGE sql RETURN 'home';
        CREATE TABLE s.u (id int, home text, at text DEFAULT to_char('epoch'::timestamptz, 'HH24'));
        CREATE FUNCTION s.say() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN NEW.home := at_home(); RETURN NEW; END';
        """
    )
    berlin.target.execute(
        b"CREATE TRIGGER said BEFORE INSERT ON s.u FOR EACH ROW EXECUTE FUNCTION s.say()"
    )
    berlin.source.execute(b"INSERT INTO s.t VALUES (1, 'x'); INSERT INTO s.u VALUES (1, 'home')")
    omitted = (
        TableSettings(RelationName("s", "t"), omit=("tenant",)),
        TableSettings(RelationName("s", "u"), omit=("at",)),
    )
    move = evolve(berlin, tables=omitted)
    move.export()
    toml = {"target": {"settings": {"app": {"tenant": "acme"}, "TimeZone": "Asia/Tokyo"}}}
    settings = evolve(move.settings(), target_settings=settings_from(toml, "x").target_settings)

    api.replay(str(move.artifact), settings, host=move.host)

    assert move.found("SELECT tenant FROM s.t") == ["acme"]
    assert move.found("SELECT at FROM s.u") == ["09"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"seach_path": "x"}, 'source.settings.seach_path: .*"seach_path".*search_path'),
        ({"TimeZone": "Nowhere"}, "source.settings.TimeZone: invalid value"),
        ({"port": "1"}, "source.settings.port: .*cannot be changed"),
    ],
)
def test_a_setting_that_the_server_refuses_is_named(
    move: Move, settings: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        api.plan(evolve(move.settings(), source_settings=settings), move.host)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("client_encoding", "LATIN1", "cannot be set: replant sends and reads UTF-8"),
        ("Row_Security", "on", "cannot be set: say row_security under"),
        ("session_replication_role", "replica", "cannot be set: replay with --strategy superuser"),
        ("transaction_read_only", "off", "cannot be set: replant begins the transactions"),
        ("a b", "x", "is not a name of a parameter"),
        ("work_mem", ["64MB"], "must be a string, a number or a boolean"),
    ],
)
def test_a_setting_that_is_not_for_the_configuration_is_refused(
    name: str, value: object, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"x: target.settings.{name}: {problem}"):
        settings_from({"target": {"settings": {name: value}}}, "x")
