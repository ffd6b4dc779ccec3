"""Whatever tables reference each other, and how: it is known by which path a row came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from replant import api
from replant.artifact.artifact import open_artifact
from replant.explain.explanation import ExportedRow, RowInClosure
from replant.explain.from_artifact import explain_in_artifact
from replant.model import (
    COPY,
    Dangling,
    ExportSettings,
    Layout,
    PluginSettings,
    Root,
    Settings,
)
from replant.model.references import EdgeName
from replant.testing.servers.server import Database, Server
from tests.closure.test_closure_properties import ends_of_path
from tests.support.any_schemas import Asking, growing_from_roots, of_a_tenant, whole_tables
from tests.support.closure_graphs import SCHEMAS, Drawn
from tests.support.closure_oracle import Edge, RowId, edges_of, smallest
from tests.support.property_tests import example_count

#: An example creates a schema, and asks for each of its rows.
EXAMPLES = example_count(10)

FORMS = st.sampled_from(
    (ExportSettings(), ExportSettings(format=COPY), ExportSettings(layout=Layout.DIRECTORY))
)


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Database]:
    made = server.create_database()
    yield made
    server.drop_database(made)


@pytest.fixture(scope="module")
def connection(database: Database) -> Iterator[Connection[TupleRow]]:
    options = "-c client_min_messages=warning"
    with psycopg.connect(database.dsn, autocommit=True, options=options) as connected:
        yield connected


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("why")


def deploy(connection: Connection[TupleRow], asking: Asking) -> None:
    """Hold the drawn schema and no other."""
    for schema in SCHEMAS:
        drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
        connection.execute(drop.format(sql.Identifier(schema)))
    asking.drawn.deploy(connection)


def asked_of(database: Database, asking: Asking, form: ExportSettings, output: Path) -> Settings:
    return Settings(
        source=database.dsn,
        scope=asking.scope,
        export=ExportSettings(
            output=str(output),
            layout=form.layout,
            format=form.format,
            dangling=Dangling.LEAVE_OUT,
            allow_empty=True,
        ),
        plugins=PluginSettings(settings={"schemas": asking.settings}),
    )


@settings(max_examples=EXAMPLES)
@given(asking=growing_from_roots(), form=FORMS)
def test_an_artifact_knows_a_shortest_path_to_each_of_its_rows(
    connection: Connection[TupleRow],
    database: Database,
    artifact: Path,
    asking: Asking,
    form: ExportSettings,
) -> None:
    deploy(connection, asking)
    output = artifact / form.layout.value
    api.export(asked_of(database, asking, form, output), force=True)
    drawn, edges = asking.drawn, edges_of(asking.drawn)
    expected = smallest(drawn, edges).found

    assert asking.expected is not None
    with open_artifact(str(output)) as opened:
        for table, numbers in asking.expected.items():
            for place, row in enumerate(drawn.rows[table]):
                answer = explain_in_artifact(opened, Root(table, f"n = {row['n']}"))
                assert answer.exported == (str(row["n"]) in numbers)
                if answer.exported:
                    (told,) = answer.rows
                    assert isinstance(told, ExportedRow)
                    check_path(drawn, edges, told, (table, place), expected[table, place])


def check_path(
    drawn: Drawn, edges: dict[EdgeName, Edge], told: ExportedRow, row: RowId, shortest: int
) -> None:
    """The path begins with a root, is gone as the rules allow, and is no longer than it must."""
    assert told.because.startswith(f"root {told.start.table}: ")
    if told.because.endswith("does not list"):
        # Any row of a table without a key may be the root's, as far as the artifact knows.
        assert not drawn.catalog.tables[told.start.table].identifying_columns
        assert len(told.steps) <= shortest
        return
    assert len(told.steps) == shortest
    root = next(root for root in drawn.request.roots if root.table == told.start.table)
    assert row in ends_of_path(drawn, edges, RowInClosure(root, told.start, told.steps))


@pytest.mark.parametrize(
    "askings",
    [growing_from_roots(), whole_tables(), of_a_tenant()],
    ids=["from-roots", "whole-tables", "tenant"],
)
@settings(max_examples=example_count(5))
@given(data=st.data())
def test_source_and_artifact_know_whether_a_row_is_exported(
    askings: st.SearchStrategy[Asking],
    data: st.DataObject,
    connection: Connection[TupleRow],
    database: Database,
    artifact: Path,
) -> None:
    asking = data.draw(askings.filter(lambda asking: asking.expected is not None))
    deploy(connection, asking)
    form = data.draw(FORMS)
    asked = asked_of(database, asking, form, artifact / form.layout.value)
    api.export(asked, force=True)
    rows = [(table, row["n"]) for table, held in asking.drawn.rows.items() for row in held]
    table, number = data.draw(st.sampled_from(rows))
    question = Root(table, f"n = {number}")

    assert asking.expected is not None
    exported = str(number) in asking.expected.get(table, ())
    assert api.why(asked, question).exported == exported
    assert api.why_in_artifact(str(asked.export.output), question).exported == exported
