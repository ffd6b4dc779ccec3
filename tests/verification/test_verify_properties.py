"""Whichever value, row or key of the target is not what was exported, verify names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy
from psycopg import Connection, errors, sql

from replant.model import RelationName
from replant.testing.rows import insert_rows
from replant.verification.verify import RowDifference, RowDifferenceKind, ValueDifference
from replant_plugins.demonstration import PLATFORM
from tests.support.property_tests import example_count
from tests.support.tenant_mover import Mover, PlatformDatabase

TENANT = PLATFORM.scope["database_id"]
EXAMPLES = example_count(25)

#: Tables of which no row can be added to a tenant: one is the tenant, the other belongs to nobody.
NOT_ADDED = {
    RelationName("collections_public", "database"),
    RelationName("collections_public", "extension"),
}


@pytest.fixture(scope="module")
def moved(mover: Mover) -> Mover:
    """The demonstration's tenant in the target; every example leaves it as it was."""
    mover.source.hold({})
    PLATFORM.fill(mover.source.connection)
    mover.exported(TENANT)
    mover.replay(TENANT)
    return mover


@pytest.fixture(scope="module")
def tenants_rows(moved: Mover) -> SearchStrategy[tuple[RelationName, str]]:
    """Any row of the tenant: its table and its key."""
    return one_of_rows(moved.target, {name: sql.SQL("true") for name in moved.target.tables})


@pytest.fixture(scope="module")
def others_rows(moved: Mover) -> SearchStrategy[tuple[RelationName, str]]:
    """Any row of the source that belongs to the other tenant."""
    source = moved.source
    not_ours = sql.SQL("database_id <> {}").format(sql.Literal(TENANT))
    return one_of_rows(source, {n: not_ours for n in source.tables if n not in NOT_ADDED})


def one_of_rows(
    side: PlatformDatabase, where: dict[RelationName, sql.Composable]
) -> SearchStrategy[tuple[RelationName, str]]:
    """Each table is as likely as any other, however many rows it has."""
    keys = {name: side.keys(name, condition) for name, condition in where.items()}
    tables = st.sampled_from(sorted(name for name, found in keys.items() if found))
    return tables.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(keys[name])))


def identifier(table: RelationName) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def row_is(side: PlatformDatabase, table: RelationName, key: str) -> sql.Composed:
    return sql.SQL("{} = {}").format(sql.Identifier(side.key(table)), sql.Literal(key))


@contextmanager
def unchecked(connection: Connection[Any]) -> Iterator[None]:
    """A transaction in which no foreign key is checked; a value that cannot be is no example."""
    try:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            yield
    except (errors.UniqueViolation, errors.CheckViolation):
        assume(False)


@contextmanager
def kept(side: PlatformDatabase, table: RelationName, key: str) -> Iterator[None]:
    """Put the row back as it was when the block ends."""
    where = row_is(side, table, key)
    run = side.connection.execute
    run("DROP TABLE IF EXISTS pg_temp.kept")
    run(sql.SQL("CREATE TEMP TABLE kept AS TABLE {}").format(identifier(table)))
    try:
        yield
    finally:
        with unchecked(side.connection):
            run(sql.SQL("DELETE FROM {} WHERE {}").format(identifier(table), where))
            run(
                sql.SQL("INSERT INTO {} SELECT * FROM pg_temp.kept WHERE {}").format(
                    identifier(table), where
                )
            )


def found_by_verify(moved: Mover) -> dict[RelationName, tuple[RowDifference, ...]]:
    return {r.name: r.differences for r in moved.verified(TENANT) if not r.equal}


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_changed_value_is_found_by_its_row_and_column(
    data: DataObject,
    moved: Mover,
    tenants_rows: SearchStrategy[tuple[RelationName, str]],
) -> None:
    target = moved.target
    table, key = data.draw(tenants_rows)
    column = data.draw(st.sampled_from(target.changeable(table)))
    text = data.draw(target.texts(table, column))
    where = row_is(target, table, key)
    value = sql.SQL(
        "SELECT CASE WHEN num_nulls({0}) = 0 THEN format('%s', {0}) END FROM {1} WHERE {2}"
    ).format(sql.Identifier(column), identifier(table), where)

    with kept(target, table, key):
        before = target.connection.execute(value).fetchone()
        with unchecked(target.connection):
            target.connection.execute(
                sql.SQL("UPDATE {} SET {} = {} WHERE {}").format(
                    identifier(table), sql.Identifier(column), sql.Literal(text), where
                )
            )
        after = target.connection.execute(value).fetchone()
        assert before is not None
        assert after is not None
        assume(before != after)
        found = found_by_verify(moved)

    changed = ValueDifference(column, before[0], after[0])
    wanted = RowDifference(RowDifferenceKind.CHANGED, f"{target.key(table)} = {key}", (changed,))
    assert found == {table: (wanted,)}, f"{table}.{column} was {before} and became {after}"


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_row_that_is_gone_is_found_by_its_key(
    data: DataObject,
    moved: Mover,
    tenants_rows: SearchStrategy[tuple[RelationName, str]],
) -> None:
    table, key = data.draw(tenants_rows)
    target = moved.target

    with kept(target, table, key):
        with unchecked(target.connection):
            target.connection.execute(
                sql.SQL("DELETE FROM {} WHERE {}").format(
                    identifier(table), row_is(target, table, key)
                )
            )
        found = found_by_verify(moved)

    missing = RowDifference(RowDifferenceKind.MISSING, f"{target.key(table)} = {key}")
    assert found == {table: (missing,)}, f"{table} without the row {key}"


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_row_that_was_not_exported_is_found_by_its_key(
    data: DataObject,
    moved: Mover,
    others_rows: SearchStrategy[tuple[RelationName, str]],
) -> None:
    table, key = data.draw(others_rows)
    target = moved.target
    row = {**moved.source.row(table, key), "database_id": TENANT}

    with kept(target, table, key):
        with unchecked(target.connection):
            insert_rows(target.connection, {table: [row]})
        found = found_by_verify(moved)

    additional = RowDifference(RowDifferenceKind.ADDITIONAL, f"{target.key(table)} = {key}")
    assert found == {table: (additional,)}, f"{table} with the row {row}"


def test_nothing_is_found_after_all_of_this(moved: Mover) -> None:
    assert found_by_verify(moved) == {}
