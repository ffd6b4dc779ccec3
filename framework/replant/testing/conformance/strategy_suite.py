"""Tests that every strategy should pass: whatever the rows, the load goes through, and is whole."""

from __future__ import annotations

from replant.testing.conformance import orders
from replant.testing.conformance.capability_tests import (
    CapabilityTests,
    as_exported,
    check_moved,
    of_the_source,
)
from replant.testing.conformance.environment import Environment


class StrategyConformance(CapabilityTests):
    """The tests of strategies, each of which runs for every one of `strategies`."""

    def test_every_table_is_loaded_once(
        self, replant_environment: Environment, strategy: str
    ) -> None:
        """Whatever rows there are, and whatever the target's role may do."""
        orders.check_complete(replant_environment, strategy)

    def test_the_same_request_gives_the_same_order(
        self, replant_environment: Environment, strategy: str
    ) -> None:
        """A plan can be made twice, and an artifact has the same bytes."""
        orders.check_same(replant_environment, strategy)

    def test_what_a_superuser_replays_by_it_is_what_was_exported(
        self, replant_environment: Environment, strategy: str
    ) -> None:
        """Row by row and value by value; the foreign keys are those of the schema."""
        method = replant_environment.by_strategy[strategy]
        check_moved(replant_environment, method, as_exported)

    def test_what_a_role_that_may_only_insert_replays_by_it_is_of_the_source(
        self, replant_environment: Environment, strategy: str
    ) -> None:
        """It may INSERT, and what `privileges` says."""
        method = replant_environment.as_inserter_by(strategy)
        check_moved(replant_environment, method, of_the_source)

    def test_every_declared_strategy_is_tested(self, replant_environment: Environment) -> None:
        """A strategy that the plugins declare is one that somebody may choose."""
        orders.check_all_named(replant_environment, self.plugins, self.strategies)
