"""Whatever defaults a database, a role or a client has, the bytes and the values are the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from attrs import evolve
from psycopg import sql
from psycopg.conninfo import make_conninfo

from replant.model import RelationName
from replant.testing.servers.server import Database, Server, embedded_program
from tests.support.moves import FILES, FORMS, WAYS, Move, Way, in_every_way, in_two_ways
from tests.support.reading import connected, copied, literals

TABLE = RelationName("s", "t")

#: Values whose text depends on a setting, and a schema in which PostgreSQL's own names mean less.
DEFINITIONS = r"""
CREATE SCHEMA s;
CREATE SCHEMA hiding;
CREATE TYPE s.moment AS (note text, seen timestamptz, took interval);
CREATE TABLE s.t (
    id integer PRIMARY KEY,
    day date, seen timestamp, moment timestamptz, days date[], spans tstzrange, took interval,
    less real, more double precision, floats double precision[], bytes bytea, price money,
    named regclass[], kind regtype[], nested s.moment[], words text[], text text, doc jsonb
);
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION hiding.sha256(bytea) RETURNS bytea LANGUAGE sql IMMUTABLE RETURN ''::bytea;
CREATE FUNCTION hiding.substr(bytea, integer, integer) RETURNS bytea LANGUAGE sql IMMUTABLE
    RETURN ''::bytea;
CREATE FUNCTION hiding.mod(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN 7;
CREATE FUNCTION hiding.format(text, text) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'hidden';
CREATE FUNCTION hiding.never(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN false;
CREATE OPERATOR hiding.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hiding.never);
CREATE OPERATOR hiding.<> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hiding.never);
CREATE DOMAIN hiding.text AS pg_catalog.text CHECK (false);
CREATE VIEW hiding.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE false;
"""

ROWS = r"""
INSERT INTO s.t VALUES (
    1, '2001-02-03', '2001-02-03 04:05:06.789', '2001-02-03 04:05:06.789+05', '{2001-02-03}',
    '[2001-02-03 04:05+00,)', '-1 year 2 mons -3 days 04:05:06.7', 0.1, 0.1,
    '{1e-5,-0,0.30000000000000004}', '\x00275c0aff', '-1234.5', '{s.t,pg_class,hiding.pg_class}',
    '{s.moment,text,hiding.text}', '{"(\"it''s \\\\ \",\"2001-02-03 04:05+05\",-00:00:01)"}',
    E'{NULL,"NULL","\\\\"}', E'it''s \\ "so"\n\u00e9\u00ff', '{"a": ["\\u00e9", 1.10]}'
); INSERT INTO s.t VALUES (2);
"""

#: Settings that change how values are written or read, and others that a careful DBA might change.
UNUSUAL: Mapping[str, str] = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kathmandu",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "search_path": "hiding, pg_catalog, s",
    "row_security": "off",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "off",
    "array_nulls": "off",
    "xmloption": "document",
    "quote_all_identifiers": "on",
    "client_encoding": "LATIN1",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "default_text_search_config": "simple",
    "statement_timeout": "1h",
    "debug_parallel_query": "on",
    "enable_sort": "off",
}
OTHERS = (
    *UNUSUAL.items(),
    ("DateStyle", "SQL, MDY"),
    ("DateStyle", "Postgres, YMD"),
    ("IntervalStyle", "iso_8601"),
    ("IntervalStyle", "postgres_verbose"),
    ("TimeZone", "America/New_York"),
    ("extra_float_digits", "0"),
    ("search_path", ""),
    ("client_encoding", "SJIS"),
    ("default_transaction_read_only", "on"),
)

#: What a session needs to write at all.
LOADING = {"default_transaction_read_only": "off"}

#: The same by libpq's own variables.
ENVIRONMENT = {
    "PGCLIENTENCODING": "LATIN1",
    "PGDATESTYLE": "German, DMY",
    "PGTZ": "Asia/Kathmandu",
    "PGOPTIONS": "-c IntervalStyle=sql_standard -c extra_float_digits=-15 -c bytea_output=escape"
    " -c standard_conforming_strings=off -c search_path=hiding,pg_catalog,s"
    " -c quote_all_identifiers=on -c array_nulls=off -c client_min_messages=warning",
}


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[Database]:
    """The schema without rows."""
    database = server.create_database()
    with psycopg.connect(database.dsn) as connection:
        connection.execute(DEFINITIONS.encode())
    yield database
    server.drop_database(database)


@pytest.fixture(scope="module")
def source(server: Server, template: Database) -> Iterator[Database]:
    database = server.create_database(template.name)
    with psycopg.connect(database.dsn) as connection:
        connection.execute(ROWS.encode())
    yield database
    server.drop_database(database)


@pytest.fixture(scope="module")
def target(server: Server, template: Database) -> Iterator[Database]:
    database = server.create_database(template.name)
    yield database
    server.drop_database(database)


@pytest.fixture
def move(source: Database, target: Database, tmp_path: Path) -> Iterator[Move]:
    """Between the two; the defaults that a test gives them go with it, and so do its rows."""
    with connected(source) as at_source, connected(target) as at_target:
        yield Move(source, target, at_source, at_target, tmp_path / "artifact")
        at_target.execute("TRUNCATE s.t")
        for database in (source, target):
            reset = sql.SQL("ALTER DATABASE {} RESET ALL")
            at_source.execute(reset.format(sql.Identifier(database.name)))


def set_defaults(move: Move, database: Database, defaults: Mapping[str, str]) -> None:
    for name, value in defaults.items():
        move.source.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                sql.Identifier(database.name), sql.SQL(name), sql.Literal(value)
            )
        )


def digests(artifact: Path) -> dict[str, str]:
    """The digest of every file of an artifact."""
    files = [p for p in artifact.rglob("*") if p.is_file()] if artifact.is_dir() else [artifact]
    return {
        str(path.relative_to(artifact)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


#: The digests of an artifact in each form.
Digests = Mapping[str, dict[str, str]]


@pytest.fixture(scope="module")
def plain(source: Database, target: Database, tmp_path_factory: pytest.TempPathFactory) -> Digests:
    """What an export gives where nothing has unusual defaults."""
    found = {}
    with connected(source) as at_source, connected(target) as at_target:
        for name, form in FORMS.items():
            artifact = tmp_path_factory.mktemp("plain") / "artifact"
            Move(source, target, at_source, at_target, artifact).export(form)
            found[name] = digests(artifact)
    return found


@pytest.fixture
def superuser(move: Move) -> Iterator[str]:
    name = sql.Identifier("replant_unusual_superuser")
    move.source.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN").format(name))
    yield "replant_unusual_superuser"
    move.source.execute(sql.SQL("DROP ROLE {}").format(name))


@pytest.fixture
def latin1(server: Server) -> Iterator[Database]:
    """The schema without rows, in a database that has 256 characters."""
    name = "replant_latin1"
    database = Database(name, make_conninfo(server.dsn, dbname=name))
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'").format(
                sql.Identifier(name)
            )
        )
    with psycopg.connect(database.dsn) as connection:
        connection.execute(DEFINITIONS.encode())
    yield database
    server.drop_database(database)


def parameters(move: Move) -> list[dict[str, str]]:
    """Every parameter that a session may set, twice away from its default.

    No amount of memory is the greatest possible: the server would ask for it.
    """
    rows = move.source.execute(
        "SELECT name, vartype, reset_val, enumvals, CASE WHEN unit ~ 'B' THEN ARRAY[min_val] "
        "ELSE ARRAY[min_val, max_val] END FROM pg_settings "
        "WHERE context IN ('user', 'superuser') AND vartype <> 'string' "
        "AND name !~ '^transaction_|^max_stack_depth$|^ignore_system_indexes$'"
    )
    found: list[dict[str, str]] = [{}, {}]
    for name, kind, default, words, numbers in rows:
        values = {"bool": ["on", "off"], "enum": words}.get(kind, numbers)
        others = [value for value in values if value != default]
        if others:
            found[0][name], found[1][name] = others[0], others[-1]
    return found


class TestTheSource:
    """Its defaults have no effect on the bytes of an export."""

    @pytest.mark.parametrize(("name", "value"), OTHERS)
    def test_a_default_of_the_database_changes_no_byte(
        self, name: str, value: str, move: Move, plain: Digests
    ) -> None:
        set_defaults(move, move.from_, {name: value})

        move.export()

        assert digests(move.artifact) == plain["file-insert"]

    @pytest.mark.parametrize("form", FORMS)
    def test_many_defaults_of_the_database_change_no_byte_of_any_form(
        self, form: str, move: Move, plain: Digests
    ) -> None:
        set_defaults(move, move.from_, UNUSUAL)

        move.export(FORMS[form])

        assert digests(move.artifact) == plain[form]

    @pytest.mark.parametrize("which", [0, 1])
    def test_no_parameter_of_a_session_changes_a_byte(
        self, which: int, move: Move, plain: Digests
    ) -> None:
        chosen = parameters(move)[which]
        assert len(chosen) > 100
        set_defaults(move, move.from_, chosen)

        move.export()

        assert digests(move.artifact) == plain["file-insert"]

    def test_defaults_of_the_role_change_no_byte(
        self, move: Move, plain: Digests, superuser: str
    ) -> None:
        for name, value in UNUSUAL.items():
            move.source.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(
                    sql.Identifier(superuser), sql.SQL(name), sql.Literal(value)
                )
            )

        move.export(role=superuser)

        assert digests(move.artifact) == plain["file-insert"]

    def test_a_locale_for_money_changes_no_byte(self, move: Move, plain: Digests) -> None:
        for locale in ("de_DE.utf8", "ja_JP.utf8", "en_GB.utf8", "fr_FR.utf8"):
            with suppress(psycopg.errors.InvalidParameterValue):
                set_defaults(move, move.from_, {"lc_monetary": locale})
                break
        else:
            pytest.skip("the system has no locale in which money looks different")

        move.export()

        assert digests(move.artifact) == plain["file-insert"]

    def test_variables_of_libpq_change_no_byte(
        self, move: Move, plain: Digests, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)

        move.export()

        assert digests(move.artifact) == plain["file-insert"]

    def test_a_database_in_another_encoding_gives_the_same_bytes(
        self, move: Move, plain: Digests, latin1: Database
    ) -> None:
        with psycopg.connect(latin1.dsn) as connection:
            connection.execute(ROWS.encode())

        evolve(move, from_=latin1).export()

        assert digests(move.artifact) == plain["file-insert"]


class TestTheTarget:
    """Its defaults have no effect on the values that arrive."""

    @in_every_way
    def test_values_arrive_under_many_defaults_of_the_database(self, way: Way, move: Move) -> None:
        set_defaults(move, move.to, UNUSUAL)

        outcome = move.move(way)

        assert outcome.kept, outcome.said
        assert_equal(move)

    @pytest.mark.parametrize("which", [0, 1])
    def test_values_arrive_whatever_parameters_the_session_has(
        self, which: int, move: Move
    ) -> None:
        set_defaults(move, move.to, {**parameters(move)[which], **LOADING})

        outcome = move.move(WAYS["file-insert"])

        assert outcome.kept, outcome.said
        assert_equal(move)

    @pytest.mark.parametrize("form", FILES)
    def test_values_arrive_by_a_psql_with_unusual_variables(self, form: str, move: Move) -> None:
        move.export(FILES[form])

        done = subprocess.run(
            [embedded_program("psql"), "-X", "-q", "-d", move.to.dsn, "-f", move.artifact],
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            check=False,
        )

        assert done.stderr.decode() == ""
        assert_equal(move)

    @in_two_ways
    def test_values_arrive_in_a_database_of_another_encoding(
        self, way: Way, move: Move, latin1: Database
    ) -> None:
        with connected(latin1) as connection:
            there = evolve(move, to=latin1, target=connection)

            outcome = there.move(way)

            assert outcome.kept, outcome.said
            assert_equal(there)


def assert_equal(move: Move) -> None:
    names = [column.name for column in move.source.execute("SELECT * FROM s.t").description or ()]
    assert literals(move.target, TABLE, names) == literals(move.source, TABLE, names)
    assert copied(move.target, TABLE, "id") == copied(move.source, TABLE, "id")
