"""Checks that wrong input is refused, by an error that names the place, and changes nothing.

A stage comes in, and an example whose rows its source holds; an AssertionError comes out if
something else happens. Any error but a `ReplantError` is let through, as the fault that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from attrs import evolve

from replant import api
from replant.database import sql
from replant.database.connections import reading
from replant.database.read_catalog import read_catalog
from replant.errors import ReplantError
from replant.model import Column, RelationName
from replant.testing.conformance.environment import Environment
from replant.testing.conformance.examples import Example, holders_of
from replant.testing.servers.example_database import ExampleDatabase

#: Texts of which most types do not know what to make.
_NO_VALUES = ("no such value", "", "'")

_OTHER_NAME = "replant_has_renamed_this"


def check_missing_scope(environment: Environment, example: Example, name: str) -> None:
    """Check that an export without one of its scope values names it.

    Raises:
        AssertionError: it does not.

    """
    scope = {other: value for other, value in example.scope.items() if other != name}
    said = _refusal(lambda: _export(environment, evolve(example, scope=scope)))
    _check_says(said, name, f"the scope value {name} is missing")


def malformed_scopes(environment: Environment) -> list[tuple[str, str]]:
    """Return for each scope a value that its column's type does not take, if there is one."""
    source = environment.trip.source
    found: dict[str, str] = {}
    for name, cells in holders_of(environment.registered).items():
        for table, column_name in cells:
            column = source.catalog.tables[table].column(column_name)
            refused = [text for text in _NO_VALUES if column and not _takes(source, column, text)]
            found.update({name: refused[0]} if refused else {})
    return list(found.items())


def check_malformed_scope(
    environment: Environment, example: Example, malformed: tuple[str, str]
) -> None:
    """Check that an export for an impossible scope value says so.

    Raises:
        AssertionError: it does not, or does not name the value.

    """
    name, text = malformed
    scope = {**example.scope, name: text}
    said = _refusal(lambda: _export(environment, evolve(example, scope=scope)))
    _check_says(said, name, f"{name} = {text!r} cannot be")


def check_table_missing_in_source(
    environment: Environment, example: Example, table: RelationName
) -> None:
    """Check that an export from a source without a registered table names the table.

    A plugin that registers what it finds in the catalog does not miss it.

    Raises:
        AssertionError: the table is missing, and not named.

    """
    with renamed(environment.trip.source, table):
        said = _refusal(lambda: _export(environment, example))
        if said is None or str(table) not in said:
            missed = table in _registered(environment)
            assert not missed, f"{table} is missing, and this is said of it: {said or 'nothing'}"


def check_table_missing_in_target(
    environment: Environment, example: Example, table: RelationName
) -> None:
    """Check that a replay into a target without a table names the table, and keeps nothing.

    Raises:
        AssertionError: it goes on, does not name it, or keeps something.

    """
    trip = environment.trip
    plan = trip.export(example.scope, environment.as_inserter).plan
    if table not in {planned.name for planned in plan.tables if planned.row_count}:
        return
    trip.target.hold({})
    with renamed(trip.target, table):
        said = _refusal(lambda: _replay(environment, example))
    _check_says(said, str(table), f"{table} is missing in the target")
    _check_empty(trip.target)


def check_damaged_artifact(
    environment: Environment, example: Example, place: int, change: int
) -> None:
    """Check that an artifact with one changed byte is refused, and nothing is kept.

    Args:
        environment: where it happens.
        example: what is exported.
        place: which byte, counted through all files, and from the start again behind the end.
        change: what the byte is XORed with.

    Raises:
        AssertionError: it is replayed, is not named, or something is kept.

    """
    trip = environment.trip
    trip.export(example.scope, environment.as_inserter)
    trip.target.hold({})
    _damage(trip.artifact, place, change)
    said = _refusal(lambda: _replay(environment, example))
    _check_says(said, str(trip.artifact), "a byte of the artifact was changed")
    _check_empty(trip.target)


@contextmanager
def renamed(
    side: ExampleDatabase, table: RelationName, column: str | None = None
) -> Iterator[None]:
    """Let a table, or a column of it, have another name for a while."""
    place = sql.Identifier(table.schema, table.name)
    there = sql.Identifier(table.schema, _OTHER_NAME)
    new = sql.Identifier(_OTHER_NAME)
    if column is None:
        forth = sql.SQL("ALTER TABLE {} RENAME TO {}").format(place, new)
        back = sql.SQL("ALTER TABLE {} RENAME TO {}").format(there, sql.Identifier(table.name))
    else:
        rename = "ALTER TABLE {} RENAME COLUMN {} TO {}"
        forth = sql.SQL(rename).format(place, sql.Identifier(column), new)
        back = sql.SQL(rename).format(place, new, sql.Identifier(column))
    side.connection.execute(forth)
    try:
        yield
    finally:
        side.connection.execute(back)


def _registered(environment: Environment) -> list[RelationName]:
    """Return the tables that the plugins register for the source as it is now."""
    with reading(environment.trip.source.database.dsn, "source") as database:
        catalog = read_catalog(database)
    host = environment.as_inserter.host
    asked = host.register_tables(catalog, environment.trip.settings)
    return [item.registration.table for item in asked.registered]


def _export(environment: Environment, example: Example) -> None:
    settings = environment.trip.settings_for(example.scope, environment.as_inserter)
    api.export(settings, host=environment.as_inserter.host, force=True)


def _replay(environment: Environment, example: Example) -> None:
    trip, method = environment.trip, environment.as_inserter
    api.replay(str(trip.artifact), trip.settings_for(example.scope, method), host=method.host)


def _refusal(action: Callable[[], None]) -> str | None:
    """Return why something is refused, or None if it is not."""
    try:
        action()
    except ReplantError as error:
        return str(error)
    return None


def _check_says(said: str | None, place: str, wrong: str) -> None:
    assert said is not None, f"{wrong}, and nothing is said of it"
    assert place in said, f"{wrong}, and this is said: {said}"


def _takes(side: ExampleDatabase, column: Column, text: str) -> bool:
    """Return whether a text is a value of the column's type, which is named as an SQL type."""
    query = sql.SQL("SELECT {}::{}").format(sql.Literal(text), sql.SQL(column.type))
    try:
        side.connection.execute(query)
    except psycopg.Error:
        return False
    return True


def _damage(artifact: Path, place: int, change: int) -> None:
    files = (
        [artifact] if artifact.is_file() else sorted(p for p in artifact.rglob("*") if p.is_file())
    )
    whole = [file.read_bytes() for file in files]
    place %= sum(map(len, whole))
    for file, content in zip(files, whole, strict=True):
        if place < len(content):
            changed = content[place] ^ change
            file.write_bytes(content[:place] + bytes([changed]) + content[place + 1 :])
            return
        place -= len(content)


def _check_empty(side: ExampleDatabase) -> None:
    kept = [str(name) for name, rows in side.contents().items() if rows]
    assert not kept, f"the replay was refused, and rows were kept in {', '.join(kept)}"
