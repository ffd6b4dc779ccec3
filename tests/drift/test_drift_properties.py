"""However a schema is changed, exactly that is found which changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from replant.config.recorded_shapes import Recorded, read_recorded, recorded_text
from replant.database.connections import DatabaseConnection
from replant.database.read_catalog import read_catalog
from replant.drift.drift_findings import Drift
from replant.drift.source_drift import source_drift
from replant.model import Catalog, Registration
from replant.model.table_differences import DifferenceKind
from replant.model.table_shape import TableShape
from replant.plugins.answers import Registered
from replant.selection.declared_shapes import declared_shapes, shapes_to_record
from replant.testing.servers.server import Database as ServerDatabase
from replant.testing.servers.server import Server
from replant_plugins.schemas import collections_public, meta_public
from tests.support.property_tests import example_count
from tests.support.recorded_shapes import recorded_shapes
from tests.support.schema_changes import KINDS, Kind, Mutation, mutations, of_kind

DECLARED = [
    Registered(plugin.__name__.rpartition(".")[2], registration)
    for plugin in (collections_public, meta_public)
    for registration in plugin.REGISTRATIONS
]
#: How a catalog from before and one from now are compared.
DriftFrom = Callable[[Catalog, Catalog], Drift]

SCHEMAS = ("collections_public", "meta_public")


@frozen
class Changeable:
    """A database with both schemas, on a connection in a transaction that is rolled back."""

    connection: DatabaseConnection
    catalog: Catalog

    def read(self) -> Catalog:
        catalog = read_catalog(self.connection)
        tables = {n: t for n, t in catalog.tables.items() if n.schema in SCHEMAS}
        return evolve(catalog, tables=tables)


@pytest.fixture(scope="module")
def changeable(server: Server, deployed_template: ServerDatabase) -> Iterator[Changeable]:
    database = server.create_database(deployed_template.name)
    with psycopg.connect(database.dsn) as connection:
        connection.execute("SET search_path = ''")
        connection.commit()
        empty = Catalog(database=database.name, role="", version=0)
        catalog = Changeable(connection, empty).read()
        connection.rollback()
        yield Changeable(connection, catalog)
    server.drop_database(database)


def drift_from_plugins(_before: Catalog, now: Catalog) -> Drift:
    return source_drift(now, DECLARED, declared_shapes(DECLARED, None), "replant.lock.toml")


def from_catalog(catalog: Catalog) -> list[Registered]:
    """As a plugin that registers whatever tables there are, and says nothing of them."""
    return [Registered("schemas", Registration(name)) for name in catalog.tables]


def drift_from_record(before: Catalog, now: Catalog) -> Drift:
    recorded = shapes_to_record(before, from_catalog(before))
    known = declared_shapes(from_catalog(now), recorded)
    return source_drift(now, from_catalog(now), known, "replant.lock.toml")


def findings_after(
    changes: Sequence[Mutation], changeable: Changeable, drift_from: DriftFrom
) -> list[tuple[DifferenceKind, str]]:
    """What is found after these changes: the kind and the place of each finding."""
    try:
        for change in changes:
            for statement in change.statements:
                changeable.connection.execute(statement)
        now = changeable.read()
    finally:
        changeable.connection.rollback()
    return [(f.kind, f.place) for f in drift_from(changeable.catalog, now).findings]


@pytest.mark.parametrize("drift_from", [drift_from_plugins, drift_from_record])
@given(data=st.data())
def test_exactly_what_changed_is_found(
    drift_from: DriftFrom, data: DataObject, changeable: Changeable
) -> None:
    changes = data.draw(mutations(changeable.catalog))

    found = findings_after(changes, changeable, drift_from)

    assert sorted(found, key=str) == sorted((e for c in changes for e in c.expected), key=str)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.strip("_"))
@settings(max_examples=example_count(3))
@given(data=st.data())
def test_every_kind_of_change_is_found(
    kind: Kind, data: DataObject, changeable: Changeable
) -> None:
    change = data.draw(of_kind(kind, changeable.catalog))

    assert set(findings_after([change], changeable, drift_from_plugins)) == change.expected


def test_both_schemas_are_as_their_plugins_say(changeable: Changeable) -> None:
    drift = drift_from_plugins(changeable.catalog, changeable.catalog)

    assert drift.findings == ()
    assert drift.tables == 51
    assert drift.unknown == ()


@given(shapes=recorded_shapes())
def test_what_is_recorded_is_read_back(
    shapes: Recorded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "replant.lock.toml"
    file.write_text(recorded_text(shapes), encoding="utf-8", newline="")

    assert read_recorded(file) == shapes


@given(shapes=recorded_shapes())
def test_the_record_does_not_depend_on_the_order_of_the_catalog(shapes: Recorded) -> None:
    backwards = Recorded(dict(reversed([*shapes.tables.items()])), shapes.left_out)

    assert recorded_text(backwards) == recorded_text(shapes)


@given(shapes=recorded_shapes())
def test_a_shape_is_the_same_as_its_text(shapes: Recorded) -> None:
    shape: TableShape
    for shape in shapes.tables.values():
        assert TableShape.parse(shape.lines) == evolve(shape, types=())
