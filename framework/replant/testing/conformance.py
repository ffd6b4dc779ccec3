"""The conformance suite: what holds of every plugin that registers tables, as tests for pytest.

An author says how the schema is deployed, and which plugins are asked:

    TestNotes = conformance("notes", deploy=Path("schema.sql"))

Everything else follows from the catalog and the registrations. `replant prove` does the same for
the schema of a user's own.
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from replant.testing.stage import STRATEGIES, Stage, Subject
from replant.testing.trying import try_each

in_every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


class Conformance:
    """The tests. A subclass whose name begins with `Test` says what is tested; pytest collects it.

    Attributes:
        subject: the plugins, their schema, and what else there is to know.

    """

    subject: ClassVar[Subject]

    @in_every_strategy
    def test_what_a_superuser_replays_is_what_was_exported(
        self, replant_stage: Stage, strategy: str
    ) -> None:
        """Row by row and value by value, in drawn rows of all tables."""
        _check_round_trips(replant_stage, replant_stage.as_superuser[strategy])

    @in_every_strategy
    def test_what_a_role_that_may_only_insert_replays_is_what_was_exported(
        self, replant_stage: Stage, strategy: str
    ) -> None:
        """The strategy `superuser` needs SET ON PARAMETER session_replication_role besides."""
        if strategy not in replant_stage.as_inserter:
            pytest.skip("before PostgreSQL 15 only a superuser can set session_replication_role")
        _check_round_trips(replant_stage, replant_stage.as_inserter[strategy])

    def test_every_exported_row_is_one_of_the_source(self, replant_stage: Stage) -> None:
        """None comes twice, and each value is the source's own unless a transform changed it."""
        try_each(replant_stage.examples, replant_stage.trip.check_rows)
