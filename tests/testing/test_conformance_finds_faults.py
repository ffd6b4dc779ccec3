"""The conformance suite against plugins and databases that have a fault: it names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from replant.errors import ConfigurationError, PluginError, ReplantError
from replant.testing import (
    Conformance,
    Example,
    FormatConformance,
    StrategyConformance,
    conformance,
)
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
    return PluginUnderTest(("faulty",), SCHEMA, tries=50, strategies=("odd",) * ("odd" in fault))


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
        ("INSERT INTO s.owner VALUES (-9, 'x')", r"s\.owner: the row \(id = '-9'.*not a row"),
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


ORDER = """
STRATEGIES = FORMATS = ("odd",)

@hookimpl
def order_tables(request):
    tables = {tables}
    return LoadOrder(tuple(LoadTable(table) for table in tables))

@hookimpl
def render_row(columns):
    return {row}
"""

CHILDREN_FIRST = ORDER.format(tables="reversed(request.tables)", row="PythonRow(lambda row: b'')")
FORGETFUL = ORDER.format(tables="request.tables[1:]", row="PythonRow(lambda row: row[9])")
FICKLE = ORDER.format(
    tables="(*request.tables,)[:: 1 if next(NUMBERS) % 2 else -1]",
    row="PythonRow(lambda row: str(next(NUMBERS)).encode())",
)


@pytest.mark.parametrize("fault", [CHILDREN_FIRST], ids=[""])
def test_a_strategy_that_loads_children_first_is_found(environment: Environment) -> None:
    tests = StrategyConformance()
    tests.test_every_table_is_loaded_once(environment, "odd")
    with pytest.raises(ReplantError, match=r"s\.thing.*(owner|parent)"):
        tests.test_what_a_superuser_replays_by_it_is_what_was_exported(environment, "odd")
    with pytest.raises(ReplantError, match=r"s\.thing.*(owner|parent)"):
        tests.test_what_a_role_that_may_only_insert_replays_by_it_is_of_the_source(
            environment, "odd"
        )


@pytest.mark.parametrize("fault", [FORGETFUL], ids=[""])
def test_a_strategy_that_forgets_a_table_and_a_renderer_that_raises_are_found(
    environment: Environment,
) -> None:
    with pytest.raises(PluginError, match=r"cannot be carried out: .* s\.owner"):
        StrategyConformance().test_every_table_is_loaded_once(environment, "odd")
    with pytest.raises(PluginError, match=r"renders rows of s\..* raised IndexError"):
        FormatConformance().test_every_row_is_written(environment, "odd")


@pytest.mark.parametrize("fault", [FICKLE], ids=[""])
def test_answers_that_change_are_found(environment: Environment) -> None:
    with pytest.raises(AssertionError, match="the second order is another"):
        StrategyConformance().test_the_same_request_gives_the_same_order(environment, "odd")
    with pytest.raises(AssertionError, match="the second time"):
        FormatConformance().test_the_same_rows_are_the_same_bytes(environment, "odd")


@pytest.mark.parametrize("fault", [CHILDREN_FIRST], ids=[""])
def test_a_declared_name_that_is_not_tested_is_told(environment: Environment) -> None:
    tests = conformance("faulty", strategies=["even"], formats=["even"])
    assert issubclass(tests, StrategyConformance)
    assert issubclass(tests, FormatConformance)
    with pytest.raises(AssertionError, match=r"not tested: odd; add it to strategies="):
        tests().test_every_declared_strategy_is_tested(environment)
    with pytest.raises(AssertionError, match=r"not tested: odd; add it to formats="):
        tests().test_every_declared_format_is_tested(environment)


def test_a_plugin_without_tables_is_told_what_cannot_be_tested(
    replant_templates: Templates, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"what is to be tested\? .* strategies=\[…\] or its"):
        conformance("ordered")
    subject = PluginUnderTest(("ordered",), SCHEMA)
    with (
        pytest.raises(ConfigurationError, match=r"'ordered', .* drift and broken input cannot be"),
        set_up(subject, replant_templates, tmp_path),
    ):
        pass
    subject = PluginUnderTest(("ordered",), SCHEMA, strategies=("orderd",))
    with (
        pytest.raises(ConfigurationError, match=r"'orderd'; did you mean 'ordered'\?"),
        set_up(subject, replant_templates, tmp_path),
    ):
        pass
