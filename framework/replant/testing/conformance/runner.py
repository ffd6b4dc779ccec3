"""Tries a check on drawn rows, and shows the smallest that fail as SQL.

A stage and a check come in; what the check raises comes out, with the rows in a note.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import hypothesis
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from replant.errors import DanglingReferenceError, ScopeError
from replant.testing.conformance.environment import Environment
from replant.testing.conformance.examples import Example
from replant.testing.prove.failing_rows import failing_rows

Choice = TypeVar("Choice")

#: Of the examples that Hypothesis' profile lets there be, 100 if it says nothing, one in so many is
#: tried, unless the author says how many: each is several round trips to a server.
_ONE_IN = 10

#: What Hypothesis expects of quick functions does not hold here.
_SLOW = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.filter_too_much,
)


def try_rows(
    environment: Environment, check: Callable[..., None], *more: SearchStrategy[object]
) -> None:
    """Try a check on a few examples, whose rows the source holds then.

    Rows that the source does not take are left away. An example of which nothing can be moved is
    passed over: its rows reference others outside of the export and have no key, or there is none
    to begin with.

    Args:
        environment: whose source holds the rows.
        check: is given an example, and a value of each further strategy.
        more: what else the check takes.

    Raises:
        Exception: what the check raises for the smallest example.

    """
    __tracebackhide__ = True
    failing: list[Example] = []

    def tried(drawn: tuple[Any, ...]) -> None:
        __tracebackhide__ = True
        example, *values = drawn
        rows = environment.fitting.held(example.rows)
        if rows is None:
            reject()
        example = evolve(example, rows=rows)
        try:
            check(example, *values)
        except (DanglingReferenceError, ScopeError):
            reject()
        except Exception:
            failing[:] = [example]
            raise

    try:
        _few(given(st.tuples(environment.examples, *more))(tried), environment.tries)()
    except Exception as error:
        # Hypothesis comes back to the smallest example last.
        for example in failing:
            held = any(example.rows.values())
            rows = failing_rows(environment.trip.source, example.rows) if held else "no row"
            error.add_note(f"It fails for {example}:\n{rows}")
        raise


def try_some(
    environment: Environment, check: Callable[[Choice], None], choices: Sequence[Choice]
) -> None:
    """Try a check that needs no rows on some of the choices, the same number as of examples.

    Raises:
        Exception: what the check raises.

    """
    __tracebackhide__ = True

    def tried(choice: Choice) -> None:
        check(choice)

    _few(given(st.sampled_from(choices))(tried), environment.tries)()


def _few(test: Callable[[], None], tries: int | None) -> Callable[[], None]:
    profile = hypothesis.settings()
    few = hypothesis.settings(
        profile,
        max_examples=tries or max(1, profile.max_examples // _ONE_IN),
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=set(profile.phases) - {Phase.explain},
        suppress_health_check=(*profile.suppress_health_check, *_SLOW),
    )
    return few(test)
