"""Whatever tables reference each other, and how: what is asked for arrives, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy
from psycopg import Connection

from replant import api
from replant.database.connections import reading
from replant.database.read_catalog import read_catalog
from replant.errors import DanglingReferenceError, PreflightError, PrivilegeError
from replant.model import (
    COPY,
    Catalog,
    Compression,
    Dangling,
    ExportSettings,
    Layout,
    Plan,
    PluginSettings,
    Settings,
)
from replant.planning.make_plan import make_plan
from replant.plugins.manager import Host
from replant.selection.select import select_tables
from replant.testing.rows import first_difference
from replant.testing.servers.server import Database, Server
from replant_plugins.strategies import cycles
from tests.builtin_plugins.test_order_properties import is_honoured
from tests.support.any_schemas import (
    Asking,
    constraints,
    growing_from_roots,
    of_a_tenant,
    whole_tables,
)
from tests.support.closure_graphs import shuffled
from tests.support.property_tests import example_count
from tests.support.schema_pair import Pair

#: An example creates two schemas, and makes several round trips for each of their tables.
EXAMPLES = example_count(12)

ASKING = {
    "from-roots": growing_from_roots(),
    "whole-tables": whole_tables(),
    "tenant": of_a_tenant(),
}
in_every_way = pytest.mark.parametrize("askings", ASKING.values(), ids=ASKING)

FORMS = st.sampled_from(
    (
        ExportSettings(),
        ExportSettings(format=COPY),
        ExportSettings(layout=Layout.DIRECTORY),
        ExportSettings(layout=Layout.DIRECTORY, compress=Compression.GZIP),
    )
)


@pytest.fixture(scope="module")
def pair(server: Server) -> Iterator[Pair]:
    source, target = server.create_database(), server.create_database()
    reader, inserter = map(server.create_role, ("replant_any_reader", "replant_any_inserter"))
    with connected(source) as at_source, connected(target) as at_target:
        yield Pair(source, target, at_source, at_target, reader, inserter)
    for database in (source, target):
        server.drop_database(database)


def connected(database: Database) -> Connection[Any]:
    options = "-c client_min_messages=warning"
    return psycopg.connect(database.dsn, autocommit=True, options=options)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


def settings_of(pair: Pair, asking: Asking, artifact: Path, form: ExportSettings) -> Settings:
    """What the two small roles ask for."""
    return Settings(
        source=pair.source.as_role(pair.reader),
        target=pair.target.as_role(pair.inserter),
        scope=asking.scope,
        export=evolve(form, output=str(artifact), dangling=Dangling.LEAVE_OUT, allow_empty=True),
        plugins=PluginSettings(settings={"schemas": asking.settings}),
    )


@in_every_way
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_is_asked_for_arrives_and_no_more(
    askings: SearchStrategy[Asking], data: DataObject, pair: Pair, artifacts: Path
) -> None:
    asking, form = data.draw(askings), data.draw(FORMS)
    artifact = artifacts / form.layout.value
    asked = settings_of(pair, asking, artifact, form)
    pair.deploy(asking.drawn)
    if asking.expected is None:
        with pytest.raises(DanglingReferenceError, match="cannot be left out"):
            api.plan(asked)
        return

    api.export(asked, force=True)
    api.replay(str(artifact), asked)

    difference = first_difference(
        pair.held(asking.drawn, asking.expected), pair.arrived(asking.drawn)
    )
    assert difference is None, difference
    assert pair.broken(asking.honoured) == []
    results = api.verify(str(artifact), evolve(asked, target=pair.target.dsn))
    assert [result for result in results if not result.equal] == []


#: All that any order of a load can come to need.
NEEDED = ("GRANT USAGE ON SCHEMA ", "GRANT INSERT ON ", "GRANT TEMPORARY ON DATABASE ")


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_the_privileges_that_refusals_name_are_enough(
    data: DataObject, pair: Pair, artifacts: Path
) -> None:
    asking = data.draw(growing_from_roots() | whole_tables())
    assert asking.expected is not None
    drawn, form = asking.drawn, data.draw(FORMS)
    artifact = artifacts / form.layout.value
    asked = settings_of(pair, asking, artifact, form)
    some_tables = st.frozensets(st.sampled_from(sorted(drawn.catalog.tables)))
    pair.deploy(drawn, readable=data.draw(some_tables), writable=data.draw(some_tables))
    pair.allow_temporary_tables(data.draw(st.booleans(), label="temporary tables"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycles, "MOST_ROWS_TOGETHER", data.draw(st.integers(0, 4)))
        with_grants(pair.at_source, lambda: api.export(asked, force=True))
    granted = with_grants(pair.at_target, lambda: api.replay(str(artifact), asked))

    assert all(statement.startswith(NEEDED) for statement in granted)
    difference = first_difference(pair.held(drawn, asking.expected), pair.arrived(drawn))
    assert difference is None, difference
    assert pair.broken(asking.honoured) == []


def with_grants(connection: Connection[Any], action: Callable[[], object]) -> list[str]:
    """Do it; where it is refused, do it again after the GRANTs that the refusal names.

    Returns:
        Those GRANTs.

    """
    granted: list[str] = []
    while (refusal := refused(action)) is not None:
        new = [grant for grant in re.findall("GRANT [^;]+;", refusal) if grant not in granted]
        assert new, refusal
        for statement in new:
            connection.execute(statement.encode())
        granted += new
    return granted


def refused(action: Callable[[], object]) -> str | None:
    """Why it is refused for want of a privilege; None once it is done."""
    try:
        action()
    except (PrivilegeError, PreflightError) as refusal:
        return str(refusal)
    return None


def plan_for(asked: Settings, reordered: Callable[[Catalog], Catalog] = lambda same: same) -> Plan:
    """The plan of what is asked for, from the catalog as it was read or as it is then changed."""
    assert asked.source is not None
    with reading(asked.source, "source") as database:
        catalog = reordered(read_catalog(database))
        host = Host.for_settings(asked)
        selected = select_tables(catalog, host.register_tables(catalog, asked), asked)
        return make_plan(database, catalog, selected, host, asked)


@in_every_way
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_the_order_of_the_catalog_changes_nothing_in_the_plan(
    askings: SearchStrategy[Asking], data: DataObject, pair: Pair, artifacts: Path
) -> None:
    asking = data.draw(askings.filter(lambda asking: asking.expected is not None))
    asked = settings_of(pair, asking, artifacts, ExportSettings())
    pair.deploy(asking.drawn)

    one = plan_for(asked)
    other = plan_for(asked, lambda catalog: data.draw(shuffled(catalog)))

    differing = {
        field.name: (getattr(one, field.name), getattr(other, field.name))
        for field in fields(Plan)
        if field.eq and getattr(one, field.name) != getattr(other, field.name)
    }
    assert differing == {}


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_the_load_order_honours_every_foreign_key(
    data: DataObject, pair: Pair, artifacts: Path
) -> None:
    asking = data.draw(growing_from_roots() | whole_tables())
    asked = settings_of(pair, asking, artifacts, ExportSettings())
    pair.deploy(asking.drawn)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycles, "MOST_ROWS_TOGETHER", data.draw(st.integers(0, 4)))
        plan = plan_for(asked)

    keys = [
        key for key in constraints(asking.drawn) if {key.table, key.references} <= {*plan.selection}
    ]
    assert [str(key) for key in keys if not is_honoured(key, plan.order)] == []
