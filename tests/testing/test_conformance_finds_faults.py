"""The conformance suite against plugins and databases that have a fault: it names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from replant.errors import ConfigurationError
from replant.testing import Conformance, Example
from replant.testing.conformance.environment import Environment, PluginUnderTest, set_up
from replant.testing.conformance.runner import try_rows
from replant.testing.servers.database_templates import Templates
from tests.support.installed_plugins import install_plugin

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.owner (id integer PRIMARY KEY, name text);
CREATE TABLE s.thing (
    id integer PRIMARY KEY, owner integer NOT NULL REFERENCES s.owner, parent integer
    REFERENCES s.thing, word text
);
"""

PLUGIN = """
import itertools
from replant import *

NUMBERS = itertools.count()
SHAPE = "id integer not null"

@hookimpl
def register_tables():
    return [
        Registration("s.owner", ByColumn("id", scope="owner"), shape=SHAPE),
        Registration("s.thing", ByColumn("owner", scope="owner")),
    ]
"""

BREAKS_REFERENCES = """
@hookimpl
def transform_value(table, column):
    if column.name == "parent":
        return SqlExpression("value::bigint + 1")
"""

NEVER_THE_SAME = """
@hookimpl
def transform_value(table, column):
    if column.name in ("id", "parent") and table.name.name == "thing":
        return PythonFunction(lambda text: str(next(NUMBERS)))
"""


@pytest.fixture
def fault() -> str:
    """What is wrong with the plugin."""
    return ""


@pytest.fixture
def subject(fault: str, importable_folder: Path) -> PluginUnderTest:
    """An installed plugin with the fault."""
    module = f"faulty_{crc32(fault.encode())}"
    install_plugin(
        importable_folder, "faulty", PLUGIN + fault, module=module, distribution="faulty"
    )
    return PluginUnderTest(("faulty",), SCHEMA, tries=50)


@pytest.fixture
def environment(
    subject: PluginUnderTest, replant_templates: Templates, tmp_path: Path
) -> Iterator[Environment]:
    with set_up(subject, replant_templates, tmp_path) as environment:
        yield environment


@pytest.mark.parametrize("fault", [BREAKS_REFERENCES], ids=[""])
def test_a_transform_that_breaks_references_is_found(environment: Environment) -> None:
    ends = r"s\.thing\(parent\) → s\.thing\(id\) would lead to other rows"
    with pytest.raises(ConfigurationError, match=ends):
        Conformance().test_no_foreign_key_is_broken_by_rows_that_arrive(environment)


@pytest.mark.parametrize("fault", [NEVER_THE_SAME], ids=[""])
def test_a_transform_that_never_gives_the_same_is_found(environment: Environment) -> None:
    with pytest.raises(AssertionError, match=r"line \d+: .* the second time"):
        Conformance().test_two_exports_of_the_same_rows_are_the_same_bytes(environment)


@pytest.mark.parametrize("fault", ['SHAPE = "id bigint not null"'])
def test_a_schema_that_the_plugin_was_not_written_for_is_found(environment: Environment) -> None:
    with pytest.raises(AssertionError, match=r"s\.owner\.id"):
        Conformance().test_the_schema_is_what_the_plugin_was_written_for(environment)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("DELETE FROM s.owner", r"s\.owner: the row \(id = '.*\) is missing"),
        ("INSERT INTO s.owner VALUES (-9, 'x')", r"s\.owner: the row \(id = '-9'.*no row of the"),
        ("UPDATE s.owner SET name = 'another'", r"s\.owner: the row \(.*'another'\) came, and is"),
    ],
    ids=["lost", "added", "changed"],
)
def test_a_row_that_did_not_arrive_as_it_was_is_found(
    environment: Environment, tampering: str, said: str
) -> None:
    trip, way = environment.trip, environment.as_inserter

    def check(example: Example) -> None:
        exported = trip.move(example.rows, example.scope, way)
        trip.target.connection.execute("SET session_replication_role = replica")
        trip.target.connection.execute(tampering.encode())
        trip.target.connection.execute("RESET session_replication_role")
        found = trip.unlike(exported, example.scope, way)
        assert found is None, found

    with pytest.raises(AssertionError, match=said):
        try_rows(environment, check)
