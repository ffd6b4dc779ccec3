"""Proves that drawn rows make the round trip between two databases, by every strategy.

A source comes in, of which only the structure is read; what was tried and the smallest rows that
fail come out. Needs the package `hypothesis`.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psycopg
from attrs import define, field, frozen
from hypothesis import HealthCheck, Phase, Verbosity, configuration, given, reject, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from replant.errors import (
    DanglingReferenceError,
    PreflightError,
    PrivilegeError,
    ReplantError,
    ScopeError,
    UsageError,
)
from replant.model import Catalog, RelationName
from replant.plugins.answers import Registered
from replant.testing.conformance.examples import Example, examples_for
from replant.testing.conformance.round_trip import ReplayMethod, Scope
from replant.testing.prove.accepted_rows import AcceptedRows
from replant.testing.prove.failing_rows import failing_rows
from replant.testing.prove.proof_databases import ProofDatabases
from replant.testing.rows import Rows

#: Told of each round, and of each further try once there is something to make smaller.
ProofProgress = Callable[[bool], None]

#: So many tables are drawn together at most: what Hypothesis chooses for one example is limited.
_TABLES_TOGETHER = 60

_GRANT = re.compile(r"GRANT [^;]+;")


@frozen
class Failure:
    """The smallest rows that were found for which a round trip fails.

    Attributes:
        statements: SQL that inserts them into a copy of the source.
        rows: the same rows.
        scope: whose rows were moved.
        way: how they were moved.
        command: what failed: `export`, `replay` or `verify`.
        said: what was said, or what differs.

    """

    statements: str
    rows: Rows
    scope: Scope
    method: ReplayMethod
    command: str
    said: str


@frozen
class Proof:
    """What was tried.

    Attributes:
        rounds: how many sets of rows made the round trip.
        drawn: how many rows they had.
        moved: how many of them an export chose.
        ways: the ways by which each set was moved.
        never: the registered tables that never had a row, each with the server's reason, if any.
        unmoved: those that had rows, of which never one was exported.
        passed_over: why a set of rows was not counted as a round, the last time.
        granted: what the role needed beside INSERT.
        failure: what failed; None if nothing did.

    """

    rounds: int
    drawn: int
    moved: int
    methods: tuple[ReplayMethod, ...]
    never: Mapping[RelationName, str | None]
    unmoved: tuple[RelationName, ...]
    passed_over: str | None
    granted: tuple[str, ...]
    failure: Failure | None


@frozen
class _Failed:
    rows: Rows
    scope: Scope
    method: ReplayMethod
    command: str
    said: str


class _FailedError(Exception):
    """A round trip failed; Hypothesis looks for smaller rows for which one does."""


def prove(
    environment: ProofDatabases,
    *,
    rounds: int,
    seed_number: int,
    progress: ProofProgress = lambda _: None,
) -> Proof:
    """Move drawn rows, as often as is said, and make those that fail as small as may be.

    Raises:
        UsageError: no rows can be drawn for the tables; the text says which and why.
        psycopg.Error: the server is lost.

    """
    trying = _Trying(environment, progress)
    try:
        examples = _examples(environment)
    except ValueError as error:
        raise UsageError(f"{error}; or say it in a registry") from error
    run = given(examples)(trying.round)
    chosen = hypothesis_settings(
        max_examples=rounds,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    # What fails for some rows one time and not the other is a finding all the same.
    with _quietly(), suppress(_FailedError, Unsatisfiable, Flaky):
        seed(seed_number)(chosen(run))()
    return trying.proof()


@define(eq=False)
class _Trying:
    """What is remembered from one round to the next."""

    environment: ProofDatabases
    progress: ProofProgress
    fitting: AcceptedRows = field(init=False)
    rounds: int = 0
    drawn: Counter[RelationName] = field(factory=Counter)
    moved: Counter[RelationName] = field(factory=Counter)
    granted: dict[str, None] = field(factory=dict)
    passed_over: str | None = None
    failed: _Failed | None = None

    def __attrs_post_init__(self) -> None:
        self.fitting = AcceptedRows(self.environment.trip.source)

    def round(self, example: Example) -> None:
        """Try one set of rows by every method; after a failure, by the failing one alone.

        Raises:
            _FailedError: one failed.

        """
        if not any(example.rows.values()):
            reject()
        self.progress(self.failed is not None)
        rows = self.fitting.held(example.rows)
        if rows is None:
            self.passed_over = self.fitting.together
            reject()
        if self.failed is not None:
            self._move(rows, example.scope, self.failed.method)
            return
        moved = [self._move(rows, example.scope, method) for method in self.environment.methods]
        self.rounds += 1
        self.drawn.update({name: len(of_table) for name, of_table in rows.items()})
        self.moved.update(moved[0])

    def _move(self, rows: Rows, scope: Scope, method: ReplayMethod) -> Mapping[RelationName, int]:
        """Make the round trip with the rows that the source holds; how many moved of each table."""
        trip, command = self.environment.trip, "export"
        try:
            exported = trip.export(scope, method)
            command = "replay"
            self._replay(scope, method, trip.needed_beforehand(exported, rows))
            command = "verify"
            said = trip.unlike(exported, scope, method)
        except (DanglingReferenceError, ScopeError) as error:
            # Nothing of these rows can move, which others will.
            self.passed_over = str(error)
            reject()
        except psycopg.OperationalError:
            raise
        except ReplantError as error:
            said = str(error)
        except Exception as error:  # noqa: BLE001 - a fault of replant or of a plugin is a finding
            said = f"{type(error).__name__}: {error}"
        if said is not None:
            self.failed = _Failed(rows, scope, method, command, said)
            raise _FailedError
        return exported.rows

    def _replay(self, scope: Scope, method: ReplayMethod, beforehand: Rows) -> None:
        """Load the artifact; a role that lacks a privilege beside INSERT gets it, once."""
        trip = self.environment.trip
        try:
            trip.replay(scope, method, beforehand=beforehand)
        except (PreflightError, PrivilegeError) as error:
            lacking = [grant for grant in _GRANT.findall(str(error)) if grant not in self.granted]
            if method.role is None or not lacking:
                raise
            for grant in lacking:
                trip.target.connection.execute(grant)
            self.granted.update(dict.fromkeys(lacking))
            trip.replay(scope, method, beforehand=beforehand)

    def proof(self) -> Proof:
        """Return the result of all that was tried."""
        tables, failed, trip = self.environment.tables, self.failed, self.environment.trip
        return Proof(
            rounds=self.rounds,
            drawn=self.drawn.total(),
            moved=self.moved.total(),
            methods=self.environment.methods,
            never={n: self.fitting.refused.get(n) for n in tables if not self.drawn[n]},
            unmoved=tuple(n for n in tables if self.drawn[n] and not self.moved[n]),
            passed_over=self.passed_over,
            granted=tuple(self.granted),
            failure=None
            if failed is None
            else Failure(
                failing_rows(trip.source, failed.rows),
                failed.rows,
                failed.scope,
                failed.method,
                failed.command,
                failed.said,
            ),
        )


def _examples(environment: ProofDatabases) -> SearchStrategy[Example]:
    """Draw rows of all tables; of many tables, rows of some that reference each other."""
    groups = list(_groups(environment))
    bounds = ((0, 2), (1, 2), (1, 3))
    return st.one_of(
        *(
            examples_for(
                environment.trip.source.catalog,
                group,
                scope=environment.trip.settings.scope,
                rows=rows,
                registry=environment.registry,
            )
            for rows in bounds
            for group in groups
        )
    )


def _groups(environment: ProofDatabases) -> Iterator[Sequence[Registered]]:
    """Group registrations by tables that are near to each other by foreign keys."""
    catalog = environment.trip.source.catalog
    waiting = {item.registration.table: item for item in environment.registered}
    while waiting:
        group: list[Registered] = []
        pending = [next(iter(waiting))]
        while pending and len(group) < _TABLES_TOGETHER:
            name = pending.pop(0)
            if name in waiting:
                group.append(waiting.pop(name))
                pending += _near(catalog, name)
            if not pending and waiting:
                pending = [next(iter(waiting))]
        yield group


def _near(catalog: Catalog, name: RelationName) -> list[RelationName]:
    """Return the tables that a table references, or that reference it."""
    keys = [key for table in catalog.tables.values() for key in table.foreign_keys]
    above = [key.references for key in keys if key.table == name]
    return above + [key.table for key in keys if key.references == name]


@contextmanager
def _quietly() -> Iterator[None]:
    """Let Hypothesis leave no folder behind where the command is run."""
    before = getattr(configuration, "__hypothesis_home_directory", None)
    with tempfile.TemporaryDirectory(prefix="replant-prove-") as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)
