"""Defines the conformance suite: tests for pytest that every plugin should pass.

An author says which plugins are meant, how their schema is deployed and what they answer to, and
gets a class for pytest to collect:

    TestNotes = conformance("notes", deploy=Path("schema.sql"), formats=["csv"])

Everything else follows from the catalog and the registrations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import pytest
from hypothesis import strategies as st

from replant.api import Exported
from replant.testing.conformance import broken_input, determinism, drift_checks
from replant.testing.conformance.capability_tests import (
    CapabilityTests,
    as_exported,
    check_moved,
    of_the_source,
)
from replant.testing.conformance.environment import STRATEGIES, Environment
from replant.testing.conformance.examples import Bounds, Example, holders_of
from replant.testing.conformance.format_suite import FormatConformance
from replant.testing.conformance.round_trip import ReplayMethod, RoundTrip
from replant.testing.conformance.runner import try_rows, try_some
from replant.testing.conformance.strategy_suite import StrategyConformance
from replant.testing.generation.registry import Registry
from replant.testing.servers.database_templates import Deploy

_NO_SCOPE = "no registration says that a column holds a scope value"
_NO_SHAPE = "no registration says what its table looks like"


class Conformance(CapabilityTests):
    """The tests of a plugin with tables.

    A subclass says what is tested; pytest collects one whose name begins with `Test`.
    """

    # -- round trips -----------------------------------------------------------------------------

    @pytest.mark.parametrize("by", STRATEGIES)
    def test_what_a_superuser_replays_is_what_was_exported(
        self, replant_environment: Environment, by: str
    ) -> None:
        """Row by row and value by value."""
        check_moved(replant_environment, replant_environment.as_superuser[by], as_exported)

    def test_what_a_role_that_may_only_insert_replays_is_what_was_exported(
        self, replant_environment: Environment
    ) -> None:
        """It may INSERT, and what `privileges` says; the strategy is `ordered`."""
        check_moved(replant_environment, replant_environment.as_inserter, as_exported)

    def test_what_a_role_that_may_switch_off_foreign_keys_replays_is_what_was_exported(
        self, replant_environment: Environment
    ) -> None:
        """The strategy is `superuser`; to check the keys afterwards it takes SELECT too."""
        if replant_environment.as_replica is None:
            pytest.skip("before PostgreSQL 15 only a superuser sets session_replication_role")
        check_moved(replant_environment, replant_environment.as_replica, as_exported)

    # -- closure ---------------------------------------------------------------------------------

    def test_every_row_that_arrives_is_a_row_of_the_source(
        self, replant_environment: Environment
    ) -> None:
        """As often as there, and with its values, unless a transform changed them."""
        check_moved(replant_environment, replant_environment.as_inserter, of_the_source)

    def test_every_row_that_the_registrations_ask_for_arrives(
        self, replant_environment: Environment
    ) -> None:
        """And no other row, where the registrations alone say which."""
        check_moved(replant_environment, replant_environment.as_inserter, _as_registered)

    def test_no_foreign_key_is_broken_by_rows_that_arrive(
        self, replant_environment: Environment
    ) -> None:
        """They are loaded with foreign keys switched off; transformed keys must still meet."""
        check_moved(replant_environment, replant_environment.as_superuser["superuser"], _closed)

    # -- determinism -----------------------------------------------------------------------------

    def test_two_exports_of_the_same_rows_are_the_same_bytes(
        self, replant_environment: Environment
    ) -> None:
        """Nothing of the day, the run or the host is in an artifact."""
        try_rows(replant_environment, partial(determinism.check_twice, replant_environment))

    def test_the_order_in_which_rows_were_inserted_changes_no_byte(
        self, replant_environment: Environment
    ) -> None:
        """The order of an artifact is that of the rows' keys."""
        try_rows(replant_environment, partial(determinism.check_other_order, replant_environment))

    def test_an_export_from_the_target_gives_the_rows_that_came(
        self, replant_environment: Environment
    ) -> None:
        """Values that a transform changed are left aside: it would change them again."""
        if transformed := determinism.transformed_scopes(replant_environment):
            pytest.skip(f"a transform changes {transformed}, which says whose a row is")
        try_rows(replant_environment, partial(determinism.check_from_target, replant_environment))

    # -- drift -----------------------------------------------------------------------------------

    def test_the_schema_is_what_the_plugin_was_written_for(
        self, replant_environment: Environment
    ) -> None:
        """By the shapes of the registrations, those that have one."""
        _ = drift_checks.declared_columns(replant_environment) or _skip(_NO_SHAPE)
        drift_checks.check_fits(replant_environment)

    def test_a_column_that_is_there_no_longer_is_drift(
        self, replant_environment: Environment
    ) -> None:
        """It is found although an export might do without it."""
        columns = drift_checks.declared_columns(replant_environment) or _skip(_NO_SHAPE)
        check = partial(drift_checks.check_column_is_missed, replant_environment)
        try_some(replant_environment, check, columns)

    def test_a_table_that_is_there_no_longer_is_drift(
        self, replant_environment: Environment
    ) -> None:
        """It is found before an export is refused."""
        columns = drift_checks.declared_columns(replant_environment) or _skip(_NO_SHAPE)
        tables = list(dict.fromkeys(table for table, _ in columns))
        check = partial(drift_checks.check_table_is_missed, replant_environment)
        try_some(replant_environment, check, tables)

    # -- broken input ----------------------------------------------------------------------------

    def test_a_missing_scope_value_is_named(self, replant_environment: Environment) -> None:
        """An export without it is refused."""
        names = sorted(holders_of(replant_environment.registered)) or _skip(_NO_SCOPE)
        check = partial(broken_input.check_missing_scope, replant_environment)
        try_rows(replant_environment, check, st.sampled_from(names))

    def test_a_scope_value_that_cannot_be_one_is_named(
        self, replant_environment: Environment
    ) -> None:
        """An export for it is refused, in replant's words and not in the server's."""
        _ = holders_of(replant_environment.registered) or _skip(_NO_SCOPE)
        malformed = broken_input.malformed_scopes(replant_environment)
        values = malformed or _skip("any text can be a value of the scope")
        check = partial(broken_input.check_malformed_scope, replant_environment)
        try_rows(replant_environment, check, st.sampled_from(values))

    def test_a_table_that_the_source_lacks_is_named(self, replant_environment: Environment) -> None:
        """An export is refused, unless the plugin registers what it finds."""
        check = partial(broken_input.check_table_missing_in_source, replant_environment)
        try_rows(replant_environment, check, st.sampled_from(replant_environment.tables))

    def test_a_table_that_the_target_lacks_is_named(self, replant_environment: Environment) -> None:
        """A replay is refused, and keeps nothing."""
        check = partial(broken_input.check_table_missing_in_target, replant_environment)
        try_rows(replant_environment, check, st.sampled_from(replant_environment.tables))

    def test_an_artifact_with_a_changed_byte_is_refused(
        self, replant_environment: Environment
    ) -> None:
        """Wherever it is; and nothing is kept."""
        check = partial(broken_input.check_damaged_artifact, replant_environment)
        try_rows(replant_environment, check, st.integers(min_value=0), st.integers(1, 255))


def conformance(
    *plugins: str,
    deploy: Deploy | None = None,
    settings: Mapping[str, Any] | None = None,
    scope: Mapping[str, str] | None = None,
    registry: Registry | None = None,
    rows: Bounds = (0, 2),
    privileges: Sequence[str] = (),
    tries: int | None = None,
    strategies: Sequence[str] = (),
    formats: Sequence[str] = (),
) -> type[CapabilityTests]:
    """Make a class with the tests, whose name must begin with `Test`; see `CapabilityTests`.

    It has those of `Conformance` with a schema to deploy, those of `StrategyConformance` with
    strategies, and those of `FormatConformance` with formats.

    Raises:
        ValueError: no plugin is named, or nothing that could be tested.

    """
    if not plugins:
        raise ValueError("which plugins? Name one at least: conformance('notes', deploy=…)")
    bases = (
        *((Conformance,) if deploy is not None else ()),
        *((StrategyConformance,) if strategies else ()),
        *((FormatConformance,) if formats else ()),
    )
    if not bases:
        raise ValueError(
            "what is to be tested? Give the schema whose tables the plugin exports as deploy=…, "
            "its strategies=[…] or its formats=[…]; how values change is tested together with "
            "the tables of another plugin: conformance('schemas', 'notes', deploy=…, settings=…)"
        )
    said = {
        "plugins": plugins,
        "deploy": deploy if not callable(deploy) else staticmethod(deploy),
        "settings": settings or {},
        "scope": scope or {},
        "registry": registry,
        "rows": rows,
        "privileges": tuple(privileges),
        "tries": tries,
        "strategies": tuple(strategies),
        "formats": tuple(formats),
        "__doc__": f"The conformance of {', '.join(plugins)}.",
    }
    return type("Conforms", bases, said)


def _as_registered(
    trip: RoundTrip, exported: Exported, example: Example, method: ReplayMethod
) -> Iterator[str]:
    return trip.unlike_the_registrations(exported, example.scope, method)


def _closed(trip: RoundTrip, exported: Exported, _: Example, __: ReplayMethod) -> Iterator[str]:
    return trip.broken_references(exported)


def _skip(reason: str) -> NoReturn:
    pytest.skip(reason)
