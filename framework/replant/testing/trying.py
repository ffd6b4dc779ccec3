"""Tries a check on drawn examples, and lets the smallest that fails be read as SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from replant.errors import DanglingReferenceError
from replant.testing.examples import Example
from replant.testing.rows import Rows, insert_statement

#: An example is several round trips to a server; what Hypothesis expects of quick functions does
#: not hold for it.
_SLOW = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.filter_too_much,
)

#: Of the examples that the profile says, 100 if it says nothing, one in so many is tried.
ONE_IN = 20


def try_each(
    check: Callable[..., None],
    examples: SearchStrategy[Example],
    *more: SearchStrategy[object],
    one_in: int = ONE_IN,
) -> None:
    """Try a check on a few examples, as many as Hypothesis' profile lets there be.

    An example whose rows cannot be moved is passed over: rows without a key that reference others
    outside of the export.

    Args:
        check: is given an example, and a value of each further strategy.
        examples: rows, and whose are moved.
        more: what else the check takes.
        one_in: how many examples of the profile are one here.

    Raises:
        Exception: what the check raises for the smallest example, with its rows in a note.

    """
    __tracebackhide__ = True
    failing: list[Example] = []

    def tried(drawn: tuple[Any, ...]) -> None:
        __tracebackhide__ = True
        example, *values = drawn
        try:
            check(example, *values)
        except DanglingReferenceError:
            reject()
        except Exception:
            failing[:] = [example]
            raise

    profile = hypothesis.settings()
    few = hypothesis.settings(
        profile,
        max_examples=max(1, profile.max_examples // one_in),
        deadline=None,
        print_blob=False,
        phases=set(profile.phases) - {Phase.explain},
        suppress_health_check=(*profile.suppress_health_check, *_SLOW),
    )
    try:
        few(given(st.tuples(examples, *more))(tried))()
    except Exception as error:
        # Hypothesis comes back to the smallest example last.
        for example in failing:
            error.add_note(f"It fails for {example}:\n{_as_sql(example.rows)}")
        raise


def _as_sql(rows: Rows) -> str:
    return f"{insert_statement(rows).as_string()};" if any(rows.values()) else "no row at all"
