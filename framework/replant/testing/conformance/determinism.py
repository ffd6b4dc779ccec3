"""Checks that the same rows give the same artifact, whatever else is different.

A stage comes in, and an example whose rows its source holds; an AssertionError that names the first
difference comes out, if there is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

from replant.artifact.artifact import open_artifact, row_texts
from replant.model import Plan, RelationName, Text
from replant.plugins.manager import ColumnTransforms
from replant.testing.conformance.environment import Environment
from replant.testing.conformance.examples import Example, holders_of
from replant.testing.servers.example_database import ExampleDatabase

_Rows = Mapping[RelationName, Counter[tuple[tuple[str, Text], ...]]]


def check_twice(environment: Environment, example: Example) -> None:
    """Check that two exports of one source give the same bytes.

    Raises:
        AssertionError: they do not.

    """
    _check_same(_exported(environment, example), _exported(environment, example))


def check_other_order(environment: Environment, example: Example) -> None:
    """Check that the order in which rows were inserted changes no byte.

    Raises:
        AssertionError: it does.

    """
    trip = environment.trip
    trip.target.hold({name: list(reversed(rows)) for name, rows in example.rows.items()})
    _check_same(_exported(environment, example), _exported(environment, example, trip.target))


def check_from_target(environment: Environment, example: Example) -> None:
    """Check that an export from the target gives the same rows, but for transformed values.

    Raises:
        AssertionError: a row is missing, or is there that did not come.

    """
    trip, method = environment.trip, environment.as_inserter
    first = trip.move(example.rows, example.scope, method)
    came = _rows(trip.artifact, first.plan)
    trip.export(example.scope, method, other_source=trip.target)
    for name, rows in _rows(trip.artifact, first.plan).items():
        missing, added = came[name] - rows, rows - came[name]
        assert not missing, f"{name}: the target does not give back the row {next(iter(missing))}"
        assert not added, (
            f"{name}: the target gives the row {next(iter(added))}, which did not come"
        )


def transformed_scopes(environment: Environment) -> str:
    """Name the scope columns that a transform changes, as a part of a sentence."""
    catalog, host = environment.trip.source.catalog, environment.as_inserter.host
    transforms = ColumnTransforms(host, catalog, environment.trip.settings)
    found = set()
    for cells in holders_of(environment.registered).values():
        for name, column_name in cells:
            table = catalog.tables[name]
            column = table.column(column_name)
            if column is None:
                continue
            if transforms.chain(table, column):
                found.add(f"{name}.{column_name}")
    return ", ".join(sorted(found))


def _exported(
    environment: Environment, example: Example, other_source: ExampleDatabase | None = None
) -> dict[str, bytes]:
    """Read the files of an export by their names."""
    environment.trip.export(example.scope, environment.as_inserter, other_source=other_source)
    artifact = environment.trip.artifact
    if artifact.is_file():
        return {artifact.name: artifact.read_bytes()}
    files = sorted(file for file in artifact.rglob("*") if file.is_file())
    return {str(file.relative_to(artifact)): file.read_bytes() for file in files}


def _check_same(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> None:
    assert list(first) == list(second)
    for name in first:
        lines = zip_longest(first[name].splitlines(), second[name].splitlines())
        for number, (one, other) in enumerate(lines, 1):
            assert one == other, f"{name}, line {number}: {one!r} is {other!r} the second time"
        assert first[name] == second[name], f"{name}: the line ends differ"


def _rows(artifact: Path, plan: Plan) -> _Rows:
    """Read the rows of an artifact, without the values that were transformed."""
    found = {}
    with open_artifact(str(artifact)) as opened:
        for name, table in opened.manifest.planned.items():
            plain = {c.name for c in plan.table(name).columns if not c.transforms}
            rows = (row for batch in row_texts(opened, name) for row in batch)
            pairs = (zip(table.column_names, row, strict=True) for row in rows)
            found[name] = Counter(tuple(p for p in row if p[0] in plain) for row in pairs)
    return found
