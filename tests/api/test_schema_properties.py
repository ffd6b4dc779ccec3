"""Whatever a schema is like, its rows are drawn, move and arrive as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn
from psycopg import Connection, sql

from replant import api
from replant.database.connections import reading
from replant.database.read_catalog import read_catalog
from replant.model import Catalog, ExportSettings, Registration, RelationName, Settings
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.testing.generation.row_strategies import rows_for
from replant.testing.rows import Rows, contents, first_difference, insert_rows
from replant.testing.servers.server import Database, Server
from replant_plugins.strategies import cycles, ordered
from tests.support.property_tests import example_count

SCHEMA = 'the "odd"\nschema'
EXAMPLES = example_count(25)

#: Every type that rows can be drawn for without being told its values.
TYPES = (
    "bigint", "boolean", "bytea", "character varying", "character varying(3)", "character(3)",
    "citext", "date", "double precision", "integer", "interval", "json", "jsonb", "numeric", "real",
    "smallint", "text", "timestamp", "timestamptz", "uuid", "text[]", "uuid[]", "citext[]",
    "double precision[]", "jsonb[]", "interval[]", "character(2)[]",
)  # fmt: skip

#: Types of a key: json has no order, and PostgreSQL cannot check a key of character(2)[]: it looks
#: for an element type of anyarray.
KEY_TYPES = tuple(kind for kind in TYPES if kind not in ("json", "character(2)[]"))


@frozen
class Reference:
    """A foreign key: to which table, whether it may be NULL, and when it is checked."""

    to: int
    nullable: bool
    deferrable: bool


@st.composite
def schemas(draw: DrawFn) -> list[tuple[str, list[Reference]]]:
    """The type of each table's key, and the table's references to any of the tables."""
    number = draw(st.integers(1, 4))
    references = st.builds(Reference, st.integers(0, number - 1), st.booleans(), st.booleans())
    table = st.tuples(st.sampled_from(KEY_TYPES), st.lists(references, max_size=3))
    return draw(st.lists(table, min_size=number, max_size=number))


@frozen
class Registering:
    """A plugin that registers all rows of tables."""

    tables: tuple[RelationName, ...]

    @hookimpl
    def register_tables(self) -> list[Registration]:
        return [Registration(table) for table in self.tables]


@frozen
class Pair:
    """Two databases that get the same schema for each example, and a host that registers it."""

    source: Connection[Any]
    target: Connection[Any]
    settings: Settings
    artifact: str

    def create(self, statements: Sequence[sql.Composable]) -> Catalog:
        """Put the schema into both databases, in place of what they had."""
        schema = sql.Identifier(SCHEMA)
        before = [
            sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema),
            sql.SQL("CREATE SCHEMA {}").format(schema),
        ]
        for connection in (self.source, self.target):
            connection.execute(sql.SQL("; ").join([*before, *statements]))
        with reading(self.settings.source or "", "source") as database:
            return read_catalog(database)

    def move(self, catalog: Catalog, rows: Rows) -> str | None:
        """Insert the rows in the source, move them; the first difference in the target."""
        tables = tuple(sorted(rows))
        insert_rows(self.source, rows)

        plugins = {"registering": Registering(tables), "ordered": ordered}
        host = Host(
            [LoadedPlugin(Candidate(n, "tests", "1", n), plugin) for n, plugin in plugins.items()]
        )
        api.export(self.settings, host=host, force=True)
        api.replay(self.artifact, self.settings)
        assert [r for r in api.verify(self.artifact, self.settings) if not r.equal] == []
        return first_difference(
            contents(self.source, catalog, tables), contents(self.target, catalog, tables)
        )


@pytest.fixture(scope="module")
def pair(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    source, target = databases = server.create_database(), server.create_database()
    artifact = str(tmp_path_factory.mktemp("schema") / "rows.sql")
    with connected(source) as of_source, connected(target) as of_target:
        yield Pair(
            of_source,
            of_target,
            Settings(
                source=source.dsn,
                target=target.dsn,
                export=ExportSettings(output=artifact, allow_empty=True),
            ),
            artifact,
        )
    for database in databases:
        server.drop_database(database)


def connected(database: Database) -> Connection[Any]:
    connection = psycopg.connect(database.dsn, autocommit=True)
    connection.execute("CREATE EXTENSION citext")
    return connection


def table_name(number: int) -> RelationName:
    return RelationName(SCHEMA, f"table's {number}\r\n-- $$")


def identifier(number: int) -> sql.Identifier:
    name = table_name(number)
    return sql.Identifier(name.schema, name.name)


def statements_of(schema: list[tuple[str, list[Reference]]]) -> list[sql.Composable]:
    made: list[sql.Composable] = []
    for number, (kind, references) in enumerate(schema):
        columns = [sql.SQL("id {} PRIMARY KEY").format(sql.SQL(kind)), sql.SQL("note text")]
        columns += [
            sql.SQL("{} {} {}").format(
                sql.Identifier(f"ref {place}"),
                sql.SQL(schema[reference.to][0]),
                sql.SQL("" if reference.nullable else "NOT NULL"),
            )
            for place, reference in enumerate(references)
        ]
        made.append(
            sql.SQL("CREATE TABLE {} ({})").format(identifier(number), sql.SQL(", ").join(columns))
        )
    for number, (_, references) in enumerate(schema):
        made += [
            sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} {}").format(
                identifier(number),
                sql.Identifier(f"ref {place}"),
                identifier(reference.to),
                sql.SQL("DEFERRABLE" if reference.deferrable else ""),
            )
            for place, reference in enumerate(references)
        ]
    return made


@settings(max_examples=EXAMPLES)
@given(data=st.data(), schema=schemas(), most=st.integers(0, 3))
def test_rows_in_any_cycles_arrive_as_they_were(
    data: DataObject, schema: list[tuple[str, list[Reference]]], most: int, pair: Pair
) -> None:
    catalog = pair.create(statements_of(schema))
    tables = [table_name(number) for number in range(len(schema))]
    rows = data.draw(rows_for(catalog, tables, rows=(0, 4)))

    with pytest.MonkeyPatch.context() as patch:
        # So few rows are loaded in each of the ways that are meant for many.
        patch.setattr(cycles, "MOST_ROWS_TOGETHER", most)
        difference = pair.move(catalog, rows)

    assert difference is None, difference


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_values_of_any_type_arrive_as_they_were(data: DataObject, pair: Pair) -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(f"a {kind}"), sql.SQL(kind)) for kind in TYPES
    )
    catalog = pair.create([sql.SQL("CREATE TABLE {} ({})").format(identifier(0), columns)])
    rows = data.draw(rows_for(catalog, [table_name(0)], rows=(1, 3)))

    difference = pair.move(catalog, rows)

    assert difference is None, difference
