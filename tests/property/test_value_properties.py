"""Values of types put together in any way move as they are, in every form of an artifact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection, sql

from replant.model import Registration, RelationName
from replant.testing.server import Database, Server
from tests.integration.moving import WAYS, Move
from tests.property.type_schemas import TypedTable, typed_tables
from tests.reading import connected, copied, identifier, literals

SCHEMA = 'the "odd"\nschema'
TABLE = RelationName(SCHEMA, 'table\'s "one"\r\n-- $$')
EXAMPLES = settings().max_examples // 2


@frozen(repr=False)
class Ends:
    """Two databases, and connections under the settings that values are read by."""

    move: Move
    role: str
    at_source: Connection[Any]
    at_target: Connection[Any]

    def __repr__(self) -> str:
        return "two databases"

    def create(self, table: TypedTable) -> None:
        """Make types and table in both databases, and fill the source's."""
        schema = sql.Identifier(SCHEMA)
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind.name))
            for name, kind in zip(names_of(table)[1:], table.kinds, strict=True)
        ]
        made = sql.SQL("; ").join(
            [
                sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema),
                sql.SQL("CREATE SCHEMA {}").format(schema),
                sql.SQL("GRANT USAGE ON SCHEMA {} TO PUBLIC").format(schema),
                *table.statements,
                sql.SQL("CREATE TABLE {} (id integer PRIMARY KEY, {})").format(
                    identifier(TABLE), sql.SQL(", ").join(columns)
                ),
                sql.SQL("GRANT INSERT ON {} TO {}").format(
                    identifier(TABLE), sql.Identifier(self.role)
                ),
            ]
        )
        rows = [
            sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, (str(place), *row))))
            for place, row in enumerate(table.rows)
        ]
        filled = sql.SQL("INSERT INTO {} VALUES {}").format(
            identifier(TABLE), sql.SQL(", ").join(rows)
        )
        self.move.target.execute(made)
        self.move.source.execute(made + sql.SQL("; ") + filled)


def names_of(table: TypedTable) -> list[str]:
    return ["id", *(f'column\'s "{place}" %' for place, _ in enumerate(table.kinds))]


@pytest.fixture(scope="module")
def ends(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    source, target = databases = server.create_database(), server.create_database()
    artifact = tmp_path_factory.mktemp("values")
    role = server.create_role("replant_values_inserter")
    with (
        filling(source) as fills_source,
        filling(target) as fills_target,
        connected(source) as at_source,
        connected(target) as at_target,
    ):
        move = Move(source, target, fills_source, fills_target, artifact, (Registration(TABLE),))
        yield Ends(move, role, at_source, at_target)
    for database in databases:
        server.drop_database(database)


def filling(database: Database) -> Connection[Any]:
    """A connection in autocommit mode that makes and fills tables."""
    connection = psycopg.connect(
        database.dsn,
        autocommit=True,
        options="-c client_min_messages=warning -c TimeZone=UTC",
        # Tables of one name come and go, so no statement can be prepared.
        prepare_threshold=None,
    )
    for name in ("citext", "hstore", "ltree"):
        connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(name)))
    return connection


@settings(max_examples=EXAMPLES)
@given(table=typed_tables(SCHEMA), way=st.sampled_from(list(WAYS)), may_read=st.booleans())
def test_values_of_types_put_together_in_any_way_arrive_as_they_were(
    table: TypedTable, way: str, may_read: bool, ends: Ends
) -> None:
    ends.create(table)
    # An artifact of one layout does not replace one of another.
    move = evolve(ends.move, artifact=ends.move.artifact / way)

    outcome = move.move(WAYS[way], None if may_read else ends.role)

    assert outcome.kept, outcome.said
    names = names_of(table)
    sent = literals(ends.at_source, TABLE, names)
    assert literals(ends.at_target, TABLE, names) == sent
    assert copied(ends.at_target, TABLE, "id") == copied(ends.at_source, TABLE, "id")
    assert move.differing() == []
