"""The strategies of the test kit draw rows that a database accepts, of every shape it allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from replant.model import Catalog, Column, ForeignKey, RelationName, Table
from replant.testing.generation.row_strategies import Registry, Tenants, rows_for, tenants_for
from replant.testing.generation.values import Values, values_of
from replant.testing.rows import Row, Rows, insert_rows, remove_rows
from tests.support.platform_rows import DATABASE, REGISTRY
from tests.support.property_tests import example_count
from tests.support.tenant_mover import PlatformDatabase

TABLE = RelationName("collections_public", "table")
FIELD = RelationName("collections_public", "field")
NODE = RelationName("s", "node")
OWNER = RelationName("s", "owner")


def node(*, nullable: bool = True, **changes: Any) -> Table:
    """A table of which each row may have a parent in the same table."""
    parent = ForeignKey("node_parent", NODE, ("parent",), NODE, ("id",))
    columns = (Column("id", "integer", True), Column("parent", "integer", not nullable))
    return evolve(Table(NODE, columns, primary_key=("id",), foreign_keys=(parent,)), **changes)


def catalog_of(*tables: Table) -> Catalog:
    return Catalog("d", "r", 180000, {table.name: table for table in tables}, frozenset("s"))


@given(data=st.data())
def test_a_key_fits_the_narrow_columns_that_reference_it(data: DataObject) -> None:
    owner = Table(
        OWNER,
        (Column("id", "bigint", True), Column("code", "text", True)),
        primary_key=("id",),
        unique_keys=(("code",),),
    )
    narrow = Table(
        NODE,
        (
            Column("id", "integer", True),
            Column("up", "smallint", True),
            Column("code", "character varying(3)", True),
        ),
        primary_key=("id",),
        foreign_keys=(
            ForeignKey("id", NODE, ("id",), OWNER, ("id",)),
            ForeignKey("up", NODE, ("up",), NODE, ("id",)),
            ForeignKey("code", NODE, ("code",), OWNER, ("code",)),
        ),
    )
    rows = data.draw(rows_for(catalog_of(owner, narrow)))
    for row in rows[OWNER]:
        assert abs(int(str(row["id"]))) <= 2**15
        assert len(str(row["code"])) <= 3
    assert all(abs(int(str(row["id"]))) <= 2**15 for row in rows[NODE])


@settings(max_examples=example_count(12))
@given(data=st.data())
def test_rows_of_both_schemas_are_accepted(data: DataObject, source: PlatformDatabase) -> None:
    rows = data.draw(rows_for(source.catalog, source.tables, registry=REGISTRY))

    with source.connection.transaction(force_rollback=True):
        remove_rows(source.connection, source.tables)
        insert_rows(source.connection, rows)


@settings(max_examples=example_count(33))
@given(data=st.data())
def test_a_tenants_rows_reference_its_own_rows_or_shared_ones(
    data: DataObject, source: PlatformDatabase, tenants: SearchStrategy[Tenants]
) -> None:
    drawn = data.draw(tenants)

    for own in drawn.own:
        for name, rows in own.items():
            for key in source.catalog.tables[name].foreign_keys:
                others = [*own.get(key.references, ()), *drawn.shared.get(key.references, ())]
                there = {tuple(row[c] for c in key.referenced_columns) for row in others}
                for row in rows:
                    held = tuple(row[c] for c in key.columns)
                    assert None in held or held in there, f"{key} leaves the tenant with {held}"


@settings(max_examples=example_count(33))
@given(data=st.data())
def test_all_rows_of_a_tenant_hold_its_scope_value(
    data: DataObject, source: PlatformDatabase, tenants: SearchStrategy[Tenants]
) -> None:
    drawn = data.draw(tenants)

    for scope, own in zip(drawn.scopes, drawn.own, strict=True):
        for name, rows in own.items():
            column = source.scope_column(name)
            assert column is not None
            assert [row[column] for row in rows] == [scope] * len(rows), name


def test_every_table_of_a_tenant_can_have_rows_at_once(source: PlatformDatabase) -> None:
    tenants = tenants_for(
        source.catalog,
        source.tables,
        root=DATABASE,
        scope_column="database_id",
        rows=(1, 2),
        registry=REGISTRY,
    )

    drawn = find(tenants, lambda drawn: all(drawn.own[0].values()), settings=quick())

    assert len(drawn.own[0]) == 50


def test_a_draw_shrinks_to_what_matters(source: PlatformDatabase) -> None:
    tenants = tenants_for(
        source.catalog,
        [
            FIELD,
            RelationName("collections_public", "index"),
            RelationName("meta_public", "domains"),
        ],
        root=DATABASE,
        scope_column="database_id",
        registry=REGISTRY,
    )

    drawn = find(tenants, lambda drawn: bool(drawn.together[FIELD]), settings=quick(shrink=True))

    assert {name.name: len(rows) for name, rows in drawn.together.items() if rows} == {
        "database": 1,
        "schema": 1,
        "table": 1,
        "field": 1,
    }
    assert drawn.own[0][TABLE][0]["inherits_id"] is None


def number(row: Row, column: str) -> int:
    text = row[column]
    assert text is not None
    return int(text)


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize(
    "leads",
    [
        lambda row: number(row, "parent") < number(row, "id"),
        lambda row: number(row, "parent") > number(row, "id"),
        lambda row: number(row, "parent") == number(row, "id"),
    ],
    ids=["a smaller key", "a greater key", "the row itself"],
)
def test_a_row_may_reference(nullable: bool, leads: Callable[[Row], bool]) -> None:
    def found(rows: Rows) -> bool:
        return any(row["parent"] is not None and leads(row) for row in rows[NODE])

    find(rows_for(catalog_of(node(nullable=nullable))), found, settings=quick())


def test_a_row_may_reference_a_row_that_comes_later() -> None:
    def later(rows: Rows) -> bool:
        return any(
            row["parent"] in [other["id"] for other in rows[NODE][place + 1 :]]
            for place, row in enumerate(rows[NODE])
        )

    find(rows_for(catalog_of(node())), later, settings=quick())


@given(rows_for(catalog_of(node(primary_key=(), nullable=False)), rows=(2, 5)))
def test_there_are_as_many_rows_as_asked_for(rows: Rows) -> None:
    assert 2 <= len(rows[NODE]) <= 5


@given(
    rows_for(
        catalog_of(
            node(
                columns=tuple(Column(name, "integer", True) for name in ("owner", "id", "parent")),
                primary_key=("owner", "id"),
                foreign_keys=(
                    ForeignKey("node_parent", NODE, ("owner", "parent"), NODE, ("owner", "id")),
                ),
            )
        ),
        registry=Registry(types={"integer": st.integers(0, 2).map(str)}),
    )
)
def test_rows_reference_rows_of_their_owner_by_a_key_that_holds_it(rows: Rows) -> None:
    there = {(row["owner"], row["id"]) for row in rows[NODE]}

    assert all((row["owner"], row["parent"]) in there for row in rows[NODE])
    assert len(there) == len(rows[NODE])


@given(
    rows_for(
        catalog_of(
            Table(OWNER, (Column("a", "text"), Column("b", "boolean")), unique_keys=(("a", "b"),))
        ),
        registry=Registry(types={"text": Values(st.sampled_from(("x", "X", "y")), str.lower)}),
        rows=(0, 6),
    )
)
def test_a_unique_key_is_kept_by_what_makes_values_equal(rows: Rows) -> None:
    held = [(row["a"].lower(), row["b"]) for row in rows[OWNER] if row["a"] and row["b"]]

    assert len(held) == len(set(held))


@given(
    rows_for(
        catalog_of(
            Table(OWNER, (Column("id", "uuid", True),), primary_key=("id",)),
            node(
                columns=(Column("id", "uuid", True),),
                foreign_keys=(ForeignKey("node_owner", NODE, ("id",), OWNER, ("id",)),),
            ),
        ),
        [NODE],
    )
)
def test_what_a_table_needs_is_drawn_as_well(rows: Rows) -> None:
    assert {row["id"] for row in rows[NODE]} <= {row["id"] for row in rows[OWNER]}


@given(
    drawn=tenants_for(
        catalog_of(
            Table(OWNER, (Column("id", "uuid", True),), primary_key=("id",)),
            Table(
                NODE,
                (Column("owner", "uuid", True),),
                foreign_keys=(ForeignKey("needs", NODE, ("owner",), OWNER, ("id",)),),
            ),
        ),
        root=OWNER,
        scope_column="tenant",
    )
)
def test_a_row_that_needs_one_of_a_tenant_is_the_tenants_own(drawn: Tenants) -> None:
    assert NODE not in drawn.shared
    for scope, own in zip(drawn.scopes, drawn.own, strict=True):
        assert {row["owner"] for row in own[NODE]} <= {scope}


def with_registry(**said: Any) -> object:
    return rows_for(catalog_of(node()), registry=Registry(**said))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rows_for(catalog_of(node()), [OWNER]), r"has no table s\.owner"),
        (lambda: rows_for(catalog_of(node()), rows=(2, 1)), r"least <= greatest: \(2, 1\)"),
        (lambda: with_registry(unique={NODE: [("x",)]}), r"no column s\.node\.x"),
        (lambda: with_registry(columns={(NODE, "x"): st.just("")}), r"no column s\.node\.x"),
        (lambda: with_registry(accept={OWNER: bool}), r"no table s\.owner"),
        (
            lambda: rows_for(catalog_of(node(columns=(Column("id", "s.mood"),), foreign_keys=()))),
            r"s\.node\.id: no values are known for the type s\.mood; give some",
        ),
        (
            lambda: tenants_for(catalog_of(node()), root=OWNER, scope_column="owner"),
            r"no table s\.owner to hold the tenants",
        ),
        (
            lambda: tenants_for(
                catalog_of(node(primary_key=("id", "parent"))), root=NODE, scope_column="owner"
            ),
            r"s\.node must have a primary key of one column",
        ),
        (
            lambda: tenants_for(catalog_of(node()), root=NODE, scope_column="x", tenants=(-1, 1)),
            r"tenants must be \(least, greatest\)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_before_any_draw(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("citext", "Straße", "STRASSE"),
        ("character(3)", "a", "a  "),
        ("double precision", "-0", "0"),
        ("numeric", "1.0", "1.00"),
        ("interval", "1 mons 0 days 0 microseconds", "0 mons 30 days 0 microseconds"),
        ("jsonb", '{"a":1,"b":2}', '{"b": 2, "a": 1}'),
    ],
)
def test_texts_of_equal_values_are_the_same(kind: str, first: str, second: str) -> None:
    same = values_of(kind, {}).same

    assert same(first) == same(second)


def quick(*, shrink: bool = False) -> settings:
    """The same examples each time, and the first that serves, unless the smallest is asked for."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    return settings(max_examples=2000, database=None, derandomize=True, phases=phases)
