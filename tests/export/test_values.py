"""Every value of every type arrives exactly as it was: the same text, the same NULLs, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from replant.model import Registration, RelationName, Text
from replant.testing.generation.composite_values import array_text
from replant.testing.servers.server import Database, Server, grant
from tests.support.listed_values import (
    ARRAYS,
    BUILT_IN,
    DEFINITIONS,
    EXTENSIONS,
    USER_DEFINED,
)
from tests.support.moves import WAYS, Move, Way, in_two_ways
from tests.support.reading import connected, copied, identifier, literals

#: The values of each type, and the extension that it comes with.
TYPES = {
    **BUILT_IN,
    **USER_DEFINED,
    **ARRAYS,
    **{kind: values for types in EXTENSIONS.values() for kind, values in types.items()},
}
EXTENSION_OF = {kind: name for name, types in EXTENSIONS.items() for kind in types}

#: What parts the elements of an array, where it is no comma.
DELIMITERS = {"box": ";", "s.odd": ";"}

#: Domains that are NOT NULL.
REQUIRED = ("s.short", "s.shorter")


def table_of(kind: str) -> RelationName:
    return RelationName("s", f"of {kind}")


def columns_of(kind: str) -> tuple[str, ...]:
    return ("id", "value") if kind.endswith("[]") else ("id", "value", "list")


@pytest.fixture(scope="module")
def absent(server: Server) -> frozenset[str]:
    """The extensions that the server does not have."""
    with psycopg.connect(server.dsn) as connection:
        there = connection.execute("SELECT name FROM pg_available_extensions").fetchall()
    return frozenset(EXTENSIONS) - {name for (name,) in there}


def prepared(server: Server, absent: frozenset[str]) -> Database:
    """A database with an empty table for each type."""
    database = server.create_database()
    statements = ["CREATE SCHEMA s", DEFINITIONS]
    statements += [f"CREATE EXTENSION {name}" for name in sorted(EXTENSIONS.keys() - absent)]
    with psycopg.connect(database.dsn) as connection:
        connection.execute("; ".join(statements).encode())
        for kind in present(absent):
            parts = zip(columns_of(kind), ("integer PRIMARY KEY", kind, f"{kind}[]"), strict=False)
            listed = ", ".join(" ".join(part) for part in parts)
            statement = sql.SQL("CREATE TABLE {} ({})")
            connection.execute(statement.format(identifier(table_of(kind)), sql.SQL(listed)))
    return database


def present(absent: frozenset[str]) -> list[str]:
    return [kind for kind in TYPES if EXTENSION_OF.get(kind) not in absent]


def rows_of(kind: str) -> list[tuple[Text, ...]]:
    """A row for each value of the type: its number, the value, an array of it; and one of NULLs."""
    width = len(columns_of(kind))
    delimiter = DELIMITERS.get(kind, ",")
    nulls: tuple[Text, ...] = () if kind in REQUIRED else (None,)
    rows: list[tuple[Text, ...]] = [
        (
            str(number),
            value,
            f"[0:{1 + len(nulls)}]={array_text((value, *nulls, value), delimiter)}",
        )
        for number, value in enumerate(TYPES[kind])
    ]
    rows += [("-1", null, null) for null in nulls]
    return [row[:width] for row in rows]


@pytest.fixture(scope="module")
def source(server: Server, absent: frozenset[str]) -> Iterator[Database]:
    database = prepared(server, absent)
    with psycopg.connect(database.dsn) as connection:
        for kind in present(absent):
            lines = [
                sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, row)))
                for row in rows_of(kind)
            ]
            connection.execute(
                sql.SQL("INSERT INTO {} VALUES {}").format(
                    identifier(table_of(kind)), sql.SQL(", ").join(lines)
                )
            )
    yield database
    server.drop_database(database)


@pytest.fixture(scope="module")
def target_template(server: Server, absent: frozenset[str]) -> Iterator[Database]:
    """Made apart from the source, so that the oids of types and tables are others."""
    database = prepared(server, absent)
    grant(database, inserter(server), "INSERT", map(table_of, present(absent)))
    yield database
    server.drop_database(database)


def inserter(server: Server) -> str:
    return server.create_role("replant_values_inserter")


Read = dict[str, tuple[list[tuple[str, ...]], list[bytes]]]


def read(connection: Connection[Any], kind: str) -> tuple[list[tuple[str, ...]], list[bytes]]:
    """The rows of a type's table, as literals and as COPY writes them."""
    table = table_of(kind)
    return literals(connection, table, columns_of(kind)), copied(connection, table, "id")


@pytest.fixture(scope="module")
def sent(source: Database, absent: frozenset[str]) -> Read:
    with connected(source) as connection:
        return {kind: read(connection, kind) for kind in present(absent)}


@pytest.fixture(scope="module", params=list(WAYS.values()), ids=list(WAYS))
def target(
    request: pytest.FixtureRequest,
    server: Server,
    source: Database,
    target_template: Database,
    absent: frozenset[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Connection[Any]]:
    """A database after a role that may only INSERT has loaded the artifact."""
    artifact = tmp_path_factory.mktemp("values") / "artifact"
    with moving(server, source, target_template, absent, artifact) as move:
        outcome = move.move(request.param, inserter(server))
        assert outcome.kept, outcome.said
        assert move.differing() == []
        yield move.target


@contextmanager
def moving(
    server: Server, source: Database, template: Database, absent: frozenset[str], artifact: Path
) -> Iterator[Move]:
    """The source, and a target of its own."""
    target = server.create_database(template.name)
    tables = tuple(Registration(table_of(kind)) for kind in present(absent))
    with connected(source) as at_source, connected(target) as at_target:
        yield Move(source, target, at_source, at_target, artifact, tables)
    server.drop_database(target)


@pytest.mark.parametrize("kind", TYPES)
def test_every_value_of_the_type_arrives_as_it_was(
    kind: str, sent: Read, target: Connection[Any]
) -> None:
    if kind not in sent:
        pytest.skip(f"the server has no extension {EXTENSION_OF[kind]}")

    assert len(sent[kind][0]) == len(rows_of(kind))
    assert read(target, kind) == sent[kind]


@in_two_ways
def test_a_role_that_may_read_finds_values_of_every_type_equal_before_it_commits(
    way: Way,
    server: Server,
    source: Database,
    target_template: Database,
    absent: frozenset[str],
    tmp_path: Path,
) -> None:
    with moving(server, source, target_template, absent, tmp_path / "artifact") as move:
        outcome = move.move(way)

    assert outcome.kept, outcome.said
    assert "not compared" not in outcome.said
