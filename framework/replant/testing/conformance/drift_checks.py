"""Checks that a difference from the shape for which a plugin was written is found.

A stage comes in; an AssertionError that says what is found, or is not, comes out if there is one.
"""

from __future__ import annotations

from attrs import evolve

from replant import api
from replant.model import RelationName
from replant.testing.conformance.broken_input import renamed
from replant.testing.conformance.environment import Environment

#: A table with a shape, and a column of it.
DeclaredColumn = tuple[RelationName, str]


def declared_columns(environment: Environment) -> list[DeclaredColumn]:
    """Return the columns of the registrations' shapes."""
    return [
        (item.registration.table, column.name)
        for item in environment.registered
        if item.registration.shape is not None
        for column in item.registration.shape.columns
    ]


def check_fits(environment: Environment) -> None:
    """Check that nothing differs from the deployed schema.

    Raises:
        AssertionError: something does; the text has all of it.

    """
    found = _drift(environment)
    assert not found, "\n".join(["the schema is not what the plugin was written for:", *found])


def check_column_is_missed(environment: Environment, declared: DeclaredColumn) -> None:
    """Check that a column that was dropped is named.

    Raises:
        AssertionError: it is not.

    """
    table, column = declared
    with renamed(environment.trip.source, table, column):
        found = _drift(environment)
    _check_named(found, column, f"the column {table}.{column} is missing")


def check_table_is_missed(environment: Environment, table: RelationName) -> None:
    """Check that a table that was dropped is named.

    Raises:
        AssertionError: it is not.

    """
    with renamed(environment.trip.source, table):
        found = _drift(environment)
    _check_named(found, str(table), f"the table {table} is missing")


def _drift(environment: Environment) -> list[str]:
    """Find each difference from what the plugins declare; what is recorded does not count."""
    trip = environment.trip
    nowhere = trip.artifact.with_name("nothing-is-recorded.toml")
    settings = evolve(trip.settings, source=trip.source.database.dsn, recorded=str(nowhere))
    return [
        str(finding) for finding in api.drift(settings, host=environment.as_inserter.host).findings
    ]


def _check_named(found: list[str], name: str, wrong: str) -> None:
    assert any(name in line for line in found), f"{wrong}, and this is found: {found or 'nothing'}"
