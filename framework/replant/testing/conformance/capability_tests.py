"""Says what the tests of a capability are given: the plugin under test, its schema and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import pytest

from replant.api import Exported
from replant.testing.conformance.environment import Environment, PluginUnderTest
from replant.testing.conformance.examples import Bounds, Example
from replant.testing.conformance.own_schema import on_own_schema
from replant.testing.conformance.round_trip import ReplayMethod, RoundTrip
from replant.testing.conformance.runner import try_rows
from replant.testing.generation.registry import Registry
from replant.testing.servers.database_templates import Deploy

#: What is wrong with what arrived, if anything is.
Findings = Callable[[RoundTrip, Exported, Example, ReplayMethod], Iterator[str]]


class CapabilityTests:
    """What is tested, and with which rows. A subclass has the tests of one capability.

    Attributes:
        plugins: the names of the plugins that are enabled.
        deploy: how the schema comes into an empty database: SQL, the path of a file with SQL, or a
            function that is given a connection. None for a small schema of replant's own, of which
            the plugin `schemas` exports every table.
        settings: what `replant.toml` would say, as TOML would be read.
        scope: scope values that no column holds; the others are drawn from the rows.
        registry: what the catalog does not tell of the rows; None for what the distribution offers
            in the group `replant.registries`.
        rows: the least and the greatest number of rows that are drawn for each table.
        privileges: what a role of the target needs besides INSERT, as GRANT says it: `UPDATE
            (parent_id) ON notes.note`.
        tries: how many examples each test tries; None for a tenth of what Hypothesis' profile
            allows, so for 10 by default.
        strategies: the strategies of the plugins that are tested.
        formats: the formats of the plugins that are tested.

    """

    plugins: ClassVar[tuple[str, ...]]
    deploy: ClassVar[Deploy | None] = None
    settings: ClassVar[Mapping[str, Any]] = {}
    scope: ClassVar[Mapping[str, str]] = {}
    registry: ClassVar[Registry | None] = None
    rows: ClassVar[Bounds] = (0, 2)
    privileges: ClassVar[tuple[str, ...]] = ()
    tries: ClassVar[int | None] = None
    strategies: ClassVar[tuple[str, ...]] = ()
    formats: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def plugin_under_test(cls) -> PluginUnderTest:
        """Give the plugin under test as one value."""
        subject = PluginUnderTest(
            cls.plugins,
            cls.deploy or "",
            cls.settings,
            cls.scope,
            cls.registry,
            cls.rows,
            cls.privileges,
            cls.tries,
            cls.strategies,
        )
        return subject if cls.deploy is not None else on_own_schema(subject)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Let each test of a capability run for each of its names."""
        for parameter, names in (("strategy", self.strategies), ("row_format", self.formats)):
            if parameter in metafunc.fixturenames:
                metafunc.parametrize(parameter, names)


def check_moved(environment: Environment, method: ReplayMethod, findings: Findings) -> None:
    """Move each example, and find nothing wrong with what arrived.

    Raises:
        AssertionError: something is wrong; it says what.

    """

    def check(example: Example) -> None:
        exported = environment.trip.move(example.rows, example.scope, method)
        found = next(findings(environment.trip, exported, example, method), None)
        assert found is None, f"{method}: {found}"

    try_rows(environment, check)


def as_exported(
    trip: RoundTrip, exported: Exported, example: Example, method: ReplayMethod
) -> Iterator[str]:
    """Yield tables that do not hold what was exported."""
    return trip.unlike_the_artifact(exported, example.scope, method)


def of_the_source(
    trip: RoundTrip, exported: Exported, _: Example, __: ReplayMethod
) -> Iterator[str]:
    """Yield rows of the target that are no rows of the source."""
    return trip.unlike_the_source(exported)
