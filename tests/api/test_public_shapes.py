"""Schemas of the shapes that people know: one customer or user moves, with all that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import frozen
from psycopg import Connection, sql

from replant.model import RelationName
from replant.testing.servers.server import Database, Server, grant
from tests.conftest import MakeDatabase
from tests.support.commands import Replant

_FILES = Path(__file__).parents[1] / "support" / "shapes"


@frozen
class Shape:
    """A schema in `shapes`: its tables, its rows, and the rows that are expected to arrive.

    Attributes:
        schema: where the tables are.
        root: where the closed set begins.
        form: options of the export.
        cycles: how the plan names what references itself or each other.
        partitions: those into which rows are expected to come.

    """

    file: str
    schema: str
    root: str
    form: tuple[str, ...]
    cycles: tuple[str, ...]
    partitions: tuple[str, ...] = ()

    def run(self, connection: Connection[Any], part: str = "") -> None:
        """Run one of the shape's files."""
        script = _FILES / f"{self.file}{part}.sql"
        connection.execute(script.read_bytes(), prepare=False)


SHAPES = (
    Shape(
        "film_rental",
        "rental",
        "rental.customer: customer_id = 7",
        (),
        ("rental.staff, rental.store: one statement with an INSERT for each, 4 rows",),
        partitions=("payment_p1", "payment_p2"),
    ),
    Shape(
        "music_store",
        "music",
        "music.customer: customer_id = 6",
        ("--format", "copy"),
        ("music.employee: references itself by reports_to: one statement, 3 rows",),
    ),
    Shape(
        "orders",
        "orders",
        "orders.customers: customer_id = 'C7'",
        ("--layout", "directory"),
        ("orders.employees: references itself by reports_to: one statement, 4 rows",),
    ),
    Shape(
        "forum",
        "forum",
        "forum.users: name = 'user 3'",
        ("--layout", "directory", "--compress", "gzip"),
        (
            "forum.boards: references itself by parent_id: one statement",
            "forum.users: references itself by invited_by: one statement",
            "forum.posts, forum.threads: one statement with an INSERT for each",
        ),
        partitions=("posts_0", "posts_1", "posts_2", "votes_2023", "votes_2024", "votes_later"),
    ),
)
of_every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.file)


@pytest.fixture
def source(shape: Shape, make_database: MakeDatabase) -> Database:
    database = make_database()
    with psycopg.connect(database.dsn) as connection:
        shape.run(connection)
        shape.run(connection, "_rows")
    return database


def names_in(connection: Connection[Any], schema: str, kinds: str) -> list[str]:
    query = """
    SELECT relname::text FROM pg_class
    WHERE relnamespace = %s::regnamespace AND relkind = ANY (%s) AND NOT relispartition
    """
    return [name for (name,) in connection.execute(query, [schema, list(kinds)])]


def rows_in(connection: Connection[Any], schema: str, tables: Iterable[str]) -> dict[str, Any]:
    """Every row, as the text of a composite value."""
    query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY t::text")
    return {
        table: connection.execute(query.format(sql.Identifier(schema, table))).fetchall()
        for table in tables
    }


@of_every_shape
def test_what_belongs_to_one_moves_as_a_role_that_may_only_insert(
    shape: Shape,
    source: Database,
    make_database: MakeDatabase,
    server: Server,
    replant: Replant,
    tmp_path: Path,
) -> None:
    target, artifact = make_database(), tmp_path / "artifact"
    role = server.create_role("replant_shape_inserter")
    with psycopg.connect(target.dsn) as connection:
        shape.run(connection)
        tables = names_in(connection, shape.schema, "rp")
    grant(target, role, "INSERT", [RelationName(shape.schema, name) for name in tables])
    asked = ("--source", source.dsn, "--root", shape.root)

    planned = replant("plan", *asked)
    exported = replant("export", *asked, *shape.form, "-o", artifact)
    replayed = replant("replay", artifact, "--target", target.as_role(role))
    verified = replant("verify", artifact, "--target", target.dsn)

    for outcome in (planned, exported, replayed, verified):
        assert outcome.code == 0, outcome.err
        assert outcome.code == 0, outcome.err
    for cycle in shape.cycles:
        assert cycle in planned.out
    with psycopg.connect(source.dsn) as connection:
        shape.run(connection, "_expected")
        views = [name for name in names_in(connection, "expected", "v") if name in tables]
        expected = rows_in(connection, "expected", views)
    assert all(expected.values())
    with psycopg.connect(target.dsn) as connection:
        found = rows_in(connection, shape.schema, tables)
        assert all(rows_in(connection, shape.schema, shape.partitions).values())
    assert {table: rows for table, rows in found.items() if rows} == expected
