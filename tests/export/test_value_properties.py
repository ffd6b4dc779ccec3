"""Values of types put together in any way move as they are, in every form of an artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve, frozen
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from psycopg import Connection, sql

from replant import api
from replant.model import PythonFunction, Registration, RelationName, Text
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.testing.servers.server import Database, Server
from replant_plugins.strategies import cycles, ordered
from tests.support.moves import FORMS, WAYS, Move, Registering
from tests.support.property_tests import example_count
from tests.support.reading import connected, copied, identifier, literals
from tests.support.type_schemas import Cycle, Shown, TypedTable, cycles_of_keys, typed_tables

SCHEMA = 'the "odd"\nschema'
TABLE, OTHER = (RelationName(SCHEMA, f'table\'s "{name}"\r\n-- $$') for name in "12")
EXAMPLES = example_count(40)
FEWER_EXAMPLES = example_count(25)


@frozen(repr=False)
class Ends(Shown):
    """Two databases, and connections under the settings that values are read by."""

    move: Move
    role: str
    at_source: Connection[Any]
    at_target: Connection[Any]

    def __repr__(self) -> str:
        return "two databases"

    def create(self, statements: Sequence[sql.Composable], filling: sql.Composable) -> None:
        """Make types and tables in both databases, and fill the source's."""
        schema = sql.Identifier(SCHEMA)
        before = [
            sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema),
            sql.SQL("CREATE SCHEMA {}").format(schema),
            sql.SQL("GRANT USAGE ON SCHEMA {} TO PUBLIC").format(schema),
        ]
        made = sql.SQL("; ").join([*before, *statements])
        self.move.target.execute(made)
        self.move.source.execute(made + sql.SQL("; ") + filling)

    def create_table(self, table: TypedTable) -> None:
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind.name))
            for name, kind in zip(names_of(table)[1:], table.kinds, strict=True)
        ]
        made = [
            sql.SQL("CREATE TABLE {} (id integer PRIMARY KEY, {})").format(
                identifier(TABLE), sql.SQL(", ").join(columns)
            ),
            sql.SQL("GRANT INSERT ON {} TO {}").format(
                identifier(TABLE), sql.Identifier(self.role)
            ),
        ]
        numbered = [(str(place), *row) for place, row in enumerate(table.rows)]
        self.create([*table.statements, *made], rows_of(TABLE, numbered))

    def create_cycle(self, cycle: Cycle) -> None:
        made = [
            sql.SQL("CREATE TABLE {} (id {} PRIMARY KEY, other {}, note text)").format(
                identifier(name), sql.SQL(cycle.key), sql.SQL(cycle.reference)
            )
            for name in (TABLE, OTHER)
        ]
        made += [
            sql.SQL("ALTER TABLE {} ADD FOREIGN KEY (other) REFERENCES {}").format(
                identifier(name), identifier(other)
            )
            for name, other in ((TABLE, OTHER), (OTHER, TABLE))
        ]
        one, other = cycle.texts
        filling = sql.SQL("WITH _ AS ({}) {}").format(
            rows_of(TABLE, [(one, other)]), rows_of(OTHER, [(other, one)])
        )
        self.create([*cycle.statements, *made], filling)


def rows_of(name: RelationName, rows: Iterable[Sequence[Text]]) -> sql.Composed:
    lines = [sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, row))) for row in rows]
    return sql.SQL("INSERT INTO {} VALUES {}").format(identifier(name), sql.SQL(", ").join(lines))


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
    ends.create_table(table)
    # An artifact of one layout does not replace one of another.
    move = evolve(ends.move, artifact=ends.move.artifact / way)

    outcome = move.move(WAYS[way], None if may_read else ends.role)

    assert outcome.kept, outcome.said
    names = names_of(table)
    sent = literals(ends.at_source, TABLE, names)
    assert literals(ends.at_target, TABLE, names) == sent
    assert copied(ends.at_target, TABLE, "id") == copied(ends.at_source, TABLE, "id")
    assert move.differing() == []


@settings(max_examples=FEWER_EXAMPLES)
@given(cycle=cycles_of_keys(SCHEMA), way=st.sampled_from(list(WAYS)), most=st.sampled_from((0, 9)))
def test_rows_move_and_are_told_apart_by_keys_of_any_type(
    cycle: Cycle, way: str, most: int, ends: Ends
) -> None:
    try:
        ends.create_cycle(cycle)
    except (psycopg.errors.DatatypeMismatch, psycopg.errors.UndefinedObject):
        # PostgreSQL references no domain over an enum, nor any array of character(3).
        reject()
    tables = (Registration(TABLE), Registration(OTHER))
    move = evolve(ends.move, artifact=ends.move.artifact / way, registrations=tables)

    with pytest.MonkeyPatch.context() as patch:
        # So one row is loaded as many are: with NULL for its reference, which comes by an UPDATE.
        patch.setattr(cycles, "MOST_ROWS_TOGETHER", most)
        outcome = move.move(WAYS[way])

    assert outcome.kept, outcome.said
    for name in (TABLE, OTHER):
        sent = literals(ends.at_source, name, ("id", "other"))
        assert literals(ends.at_target, name, ("id", "other")) == sent
    assert move.differing() == []
    move.target.execute(sql.SQL("UPDATE {} SET note = 'changed'").format(identifier(OTHER)))
    results = api.verify(str(move.artifact), move.settings())
    assert [(result.name, result.count) for result in results if not result.equal] == [(OTHER, 1)]


@settings(max_examples=FEWER_EXAMPLES)
@given(table=typed_tables(SCHEMA), form=st.sampled_from(("file-insert", "directory")))
def test_values_that_pass_through_python_come_out_as_the_server_writes_them(
    table: TypedTable, form: str, ends: Ends
) -> None:
    ends.create_table(table)
    move = evolve(ends.move, artifact=ends.move.artifact / form)
    move.export(FORMS[form])
    by_server = rows_in(move.artifact)

    api.export(move.settings(FORMS[form]), host=through_python(move), force=True)

    assert len(by_server) == len(table.rows)
    assert rows_in(move.artifact) == by_server


class Unchanged:
    """A plugin that takes every value through Python, and lets it be."""

    @hookimpl
    def transform_value(self) -> PythonFunction:
        return PythonFunction(lambda text: text)


def through_python(move: Move) -> Host:
    plugins = {
        "registering": Registering(move.registrations),
        "ordered": ordered,
        "unchanged": Unchanged(),
    }
    candidates = [(Candidate(name, "tests", "1", name), p) for name, p in plugins.items()]
    return Host([LoadedPlugin(candidate, plugin) for candidate, plugin in candidates])


def rows_in(artifact: Path) -> list[bytes]:
    """The lines of an artifact that are rows: of the one data file, or of the one INSERT."""
    if artifact.is_dir():
        (data,) = artifact.glob("data/*")
        return data.read_bytes().splitlines()
    return [line.rstrip(b",;") for line in artifact.read_bytes().split(b"\n") if line[:1] == b"("]
