"""No name breaks out of a literal, an identifier, a comment, a file name or a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg import Connection, sql

from replant.cli.plan import show
from replant.cli.screen import console
from replant.model import Dangling, ExportSettings, OnConflict, Registration, RelationName
from replant.testing.servers.server import Database, Server, grant
from tests.support.commands import Replant
from tests.support.moves import (
    FORMS,
    WAYS,
    Move,
    Way,
    in_two_ways,
)
from tests.support.property_tests import example_count
from tests.support.two_databases import connected

#: Names that have ended something somewhere.
NAMES = (
    "'; DROP TABLE canary; --",
    '"; DROP TABLE canary; --',
    "*/ /* --",
    "two\nlines\r\nor three",
    "\n\\.\n",
    "$replant$\n$replant_$ $$",
    "\n-- replant manifest\n",
    "\n);\nCOMMIT;\n",
    ":name :'name' :\"name\" \\g \\! true",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred",
    "\x9b31m\x85\x7f\x01\b\t\u202e\u2028",
    "%s %L %I {} {0} {wanted} {tables} %(a)s",
    "select",
    "Case",
    "CASE",
    "名前 🌱",
    " ",
    "../../etc/passwd",
    "t0",
    "excluded",
    "[bold]markup[/bold]",
    "a" * 63,
    "ä" * 31 + "\n",
    "'\"\\" * 21,
)

#: What moves a terminal's cursor, or turns its text round.
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]")


def beside(name: str, mark: str) -> str:
    """Another name that holds as much of the name as there is room for."""
    kept = name.encode()[: 63 - len(mark)].decode(errors="ignore")
    return f"{mark}{kept}"


def deploy(connection: Connection[Any], name: str) -> None:
    """A schema of this name, in which everything else is called so too.

    Its two tables reference each other, and each owns a sequence.
    """
    marks = {mark: sql.Identifier(beside(name, mark)) for mark in "123"}
    connection.execute(
        sql.SQL(
            "CREATE SCHEMA {n}; CREATE DOMAIN {n}.{three} AS text;"
            "CREATE TABLE {n}.{n} ({n} int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME {n}.{one})"
            "  PRIMARY KEY, {two} {n}.{three}, {three} int);"
            "CREATE TABLE {n}.{two} ({n} serial PRIMARY KEY, {two} text, {three} int,"
            "  CONSTRAINT {n} FOREIGN KEY ({three}) REFERENCES {n}.{n});"
            "ALTER TABLE {n}.{n} ADD CONSTRAINT {n} FOREIGN KEY ({three}) REFERENCES {n}.{two};"
            "CREATE TRIGGER {n} BEFORE UPDATE ON {n}.{n} FOR EACH ROW"
            "  EXECUTE FUNCTION suppress_redundant_updates_trigger();"
        ).format(n=sql.Identifier(name), one=marks["1"], two=marks["2"], three=marks["3"])
    )


def fill(connection: Connection[Any], name: str) -> None:
    """Three rows in each table, whose values are the name too, and references in a ring."""
    first, second = sql.Identifier(name, name), sql.Identifier(name, beside(name, "2"))
    key, value, other = (sql.Identifier(n) for n in (name, beside(name, "2"), beside(name, "3")))
    statements = [
        sql.SQL("INSERT INTO {} ({}) VALUES ({v}), ({v}), (NULL)").format(
            table, value, v=sql.Literal(name)
        )
        for table in (first, second)
    ]
    statements += [
        sql.SQL("UPDATE {} SET {} = 4 - {}").format(table, other, key) for table in (first, second)
    ]
    connection.execute(sql.SQL("; ").join(statements))


def rows(connection: Connection[Any], name: str) -> list[list[tuple[Any, ...]]]:
    query = sql.SQL("TABLE {} ORDER BY 1")
    tables = [sql.Identifier(name, table) for table in (name, beside(name, "2"))]
    return [connection.execute(query.format(table)).fetchall() for table in tables]


@pytest.fixture(scope="module")
def two_named(server: Server) -> Iterator[tuple[Database, Database]]:
    """A source with a schema of each name, and a target."""
    source = server.create_database()
    with psycopg.connect(source.dsn) as connection:
        connection.execute("CREATE TABLE public.canary ()")
        for name in NAMES:
            deploy(connection, name)
    target = server.create_database(source.name)
    with psycopg.connect(source.dsn) as connection:
        for name in NAMES:
            fill(connection, name)
    yield source, target
    for database in (source, target):
        server.drop_database(database)


@pytest.fixture
def named(two_named: tuple[Database, Database], tmp_path: Path) -> Iterator[Move]:
    """A schema of each name on both sides, with rows in the source."""
    source, target = two_named
    with connected(source) as at_source, connected(target) as at_target:
        yield Move(source, target, at_source, at_target, tmp_path / "artifact")
        tables = [sql.Identifier(n, table) for n in NAMES for table in (n, beside(n, "2"))]
        emptied = sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(", ").join(tables))
        at_target.execute(emptied)


# -- literals, identifiers, comments ------------------------------------------------------------


@pytest.mark.parametrize("way", [name for name in WAYS if name != "directory-zstd"])
def test_tables_of_every_name_arrive_as_they_were(named: Move, way: str) -> None:
    outcome = named.move(WAYS[way])
    assert (outcome.kept, outcome.said) == (True, "")
    for name in NAMES:
        assert rows(named.target, name) == rows(named.source, name), name
        sequence = sql.Identifier(name, beside(name, "1"))
        row = named.target.execute(sql.SQL("SELECT last_value FROM {}").format(sequence)).fetchone()
        assert row == (3,), name
    assert named.differing() == []
    assert named.found("SELECT count(*) FROM public.canary") == [0]


def test_rows_of_tables_of_every_name_are_updated(named: Move) -> None:
    named.export(ExportSettings(on_conflict=OnConflict.UPDATE))
    for _ in range(2):
        outcome = named.psql()
        assert (outcome.kept, outcome.said) == (True, "")
    assert named.differing() == []


name_of_anything = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=63
).filter(lambda name: len(name.encode()) <= 62 and not name.startswith("pg_"))


@hypothesis_settings(
    max_examples=example_count(8),
    deadline=None,
    # Every example empties the databases that the fixture gives.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=name_of_anything, way=st.sampled_from(sorted(WAYS)))
def test_tables_of_any_name_arrive_as_they_were(move: Move, name: str, way: str) -> None:
    move.empty()
    for connection in (move.source, move.target):
        deploy(connection, name)
    fill(move.source, name)
    moved = evolve(move, artifact=move.artifact.with_name(way))
    outcome = moved.move(WAYS[way])
    assert (outcome.kept, outcome.said) == (True, "")
    assert rows(move.target, name) == rows(move.source, name)


def test_the_head_of_a_file_is_comments_of_printable_ascii(named: Move) -> None:
    named.export()
    head, begin, _ = named.artifact.read_bytes().partition(b"\nBEGIN;\n")
    assert begin
    for line in head.splitlines():
        assert re.fullmatch(rb"(?:--(?: [ -~]*)?)?", line)


# -- file names ---------------------------------------------------------------------------------


def test_file_names_of_a_directory_are_plain_and_differ_by_more_than_case(named: Move) -> None:
    named.export(FORMS["directory-zstd"])
    folder = named.artifact
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    plain = r"manifest\.json|data|data/[a-z0-9_.]{1,200}\.copy\.zst"
    assert [file for file in found if not re.fullmatch(plain, file)] == []
    assert len({file.casefold() for file in found}) == len(found) == 2 + 2 * len(NAMES)


# -- terminals ----------------------------------------------------------------------------------

#: Names that would move a cursor, set a title or colours, or end a line.
MOVING = ("\x1b[2J\x1b]0;title\x07", "\x9b31m\x85\x7f\b\t\v", "a\nb\r\u2028", "\u202ed\u2066e")

as_each_name = pytest.mark.parametrize("name", MOVING, ids=["escape", "control", "lines", "turned"])


def assert_harmless(*texts: str) -> None:
    for text in texts:
        assert text
        assert CONTROL.search(text) is None, CONTROL.findall(text)


@pytest.fixture
def moving(move: Move, name: str) -> Move:
    """Tables of the name on both sides, with rows in the source."""
    for connection in (move.source, move.target):
        deploy(connection, name)
    fill(move.source, name)
    return move


@as_each_name
def test_the_plan_moves_no_cursor(
    moving: Move, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    quoted, other = sql.Identifier(name), sql.Identifier(beside(name, "4"))
    moving.source.execute(
        sql.SQL(
            "CREATE TABLE {0}.{1} ({0} int PRIMARY KEY, {1} int REFERENCES {0}.{1},"
            " computed text GENERATED ALWAYS AS ({2}) STORED, omitted text DEFAULT {2});"
            "CREATE VIEW {0}.view AS SELECT"
        ).format(quoted, other, sql.Literal(name))
    )
    tables = [Registration(RelationName(name, table)) for table in (name, beside(name, "2"))]
    alone = Registration(RelationName(name, beside(name, "4")), omit=("omitted",))
    registered = evolve(moving, registrations=(*tables, alone))
    plan = registered.plan(ExportSettings(on_conflict=OnConflict.UPDATE))
    assert plan.triggers
    assert plan.sequences
    assert len(plan.order.cycles) == 2
    assert len(plan.omissions) == 3
    show(console(), plan, verbose=True)
    shown = capfd.readouterr().out
    assert_harmless(shown)
    assert name not in shown


@as_each_name
def test_what_commands_say_moves_no_cursor(moving: Move, name: str, replant: Replant) -> None:
    keyless, value = sql.Identifier(name, beside(name, "4")), sql.Identifier(name)
    moving.on_both(sql.SQL("CREATE TABLE {} ({} text)").format(keyless, value).as_string())
    moving.source.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(keyless, sql.Literal(name)))
    moving.export()
    to = ["--target", moving.to.dsn]
    replayed = replant("replay", moving.artifact, *to, "-v")
    assert replayed.code == 0
    verified = replant("verify", moving.artifact, *to, "-v")
    assert verified.code == 0
    again = replant("replay", moving.artifact, *to)
    assert again.code == 4
    table, column = sql.Identifier(name, name), sql.Identifier(beside(name, "2"))
    other = sql.Literal(beside(name, "5"))
    moving.target.execute(sql.SQL("UPDATE {} SET {} = {}").format(table, column, other))
    moving.target.execute(sql.SQL("UPDATE {} SET {} = {}").format(keyless, value, other))
    differing = replant("verify", moving.artifact, *to)
    assert differing.code == 1
    assert_harmless(replayed.err, verified.out, again.err, differing.out)
    assert len(differing.out.splitlines()) == 8


@as_each_name
def test_what_a_target_lacks_is_said_without_moving_a_cursor(
    moving: Move, name: str, replant: Replant, server: Server
) -> None:
    moving.export()
    role = server.create_role(name)
    refused = replant("replay", moving.artifact, "--target", moving.to.as_role(role))
    column, table = sql.Identifier(beside(name, "2")), sql.Identifier(name, name)
    moving.target.execute(sql.SQL("ALTER TABLE {} DROP {}").format(table, column))
    unfit = replant("replay", moving.artifact, "--target", moving.to.dsn)
    moving.target.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
    empty = replant("replay", moving.artifact, "--target", moving.to.dsn)
    assert (refused.code, unfit.code, empty.code) == (4, 4, 4)
    assert_harmless(refused.err, unfit.err, empty.err)


@in_two_ways
@pytest.mark.parametrize("name", [*MOVING, '\'; DROP "x"; --', "$replant$ %s %L", "\x1b" * 63])
def test_what_is_said_of_roles_and_sequences_moves_no_cursor(
    moving: Move, way: Way, server: Server, name: str
) -> None:
    role = server.create_role(name)
    tables = [RelationName(name, name), RelationName(name, beside(name, "2"))]
    grant(moving.to, role, "INSERT", tables)
    moving.export(way.form)
    outcome = moving.load(way, role)
    assert outcome.kept
    assert "may not SELECT all of them" in outcome.said
    assert outcome.said.count("GRANT UPDATE ON SEQUENCE") == 2
    assert_harmless(outcome.said)


@as_each_name
def test_what_a_failing_check_says_moves_no_cursor(moving: Move, name: str) -> None:
    moving.target.execute(
        sql.SQL(
            "CREATE FUNCTION {0}.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER g BEFORE INSERT ON {0}.{1} FOR EACH ROW EXECUTE FUNCTION {0}.f()"
        ).format(sql.Identifier(name), sql.Identifier(beside(name, "2")))
    )
    superuser = evolve(moving, strategy="superuser")
    superuser.export()
    moving.target.execute(
        sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER g").format(
            sql.Identifier(name, beside(name, "2"))
        )
    )
    outcome = superuser.psql()
    assert not outcome.kept
    assert_harmless(outcome.said)


@as_each_name
def test_what_is_said_of_a_broken_foreign_key_moves_no_cursor(moving: Move, name: str) -> None:
    with moving.source.transaction():
        moving.source.execute("SET LOCAL session_replication_role = replica")
        column, table = sql.Identifier(beside(name, "3")), sql.Identifier(name, name)
        moving.source.execute(sql.SQL("UPDATE {} SET {} = 99").format(table, column))
    broken = evolve(moving, strategy="superuser")
    broken.export(ExportSettings(dangling=Dangling.EXPORT))
    outcome = broken.psql()
    assert not outcome.kept
    assert "violates its foreign key" in outcome.said
    assert_harmless(outcome.said)
