"""Tests that every format should pass: any row is written, and the same rows as the same bytes."""

from __future__ import annotations

from functools import partial

from replant.testing.conformance import determinism, orders
from replant.testing.conformance.capability_tests import CapabilityTests
from replant.testing.conformance.environment import Environment
from replant.testing.conformance.examples import Example
from replant.testing.conformance.runner import try_rows


class FormatConformance(CapabilityTests):
    """The tests of formats, each of which runs for every one of `formats`."""

    def test_every_row_is_written(self, replant_environment: Environment, row_format: str) -> None:
        """Whatever it holds: an export goes through, and counts the rows of the source."""
        environment = replant_environment.in_format(row_format)

        def check(example: Example) -> None:
            written = environment.trip.export(example.scope, environment.as_inserter).rows
            method = environment.as_inserter
            expected = replant_environment.trip.export(example.scope, method).rows
            assert written == expected, f"{row_format}: {written} rows, and not {expected}"

        try_rows(environment, check)

    def test_the_same_rows_are_the_same_bytes(
        self, replant_environment: Environment, row_format: str
    ) -> None:
        """Nothing of the day, the run or the host is in what is written."""
        environment = replant_environment.in_format(row_format)
        try_rows(environment, partial(determinism.check_twice, environment))

    def test_the_order_in_which_rows_were_inserted_changes_no_byte_of_it(
        self, replant_environment: Environment, row_format: str
    ) -> None:
        """Rows come in the order of their keys, and the format keeps it."""
        environment = replant_environment.in_format(row_format)
        try_rows(environment, partial(determinism.check_other_order, environment))

    def test_every_declared_format_is_tested(self, replant_environment: Environment) -> None:
        """A format that the plugins declare is one that somebody may choose."""
        orders.check_all_named(replant_environment, self.plugins, self.formats, formats=True)
