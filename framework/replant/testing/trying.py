"""Tries a check on drawn examples, and lets the smallest that fails be read as SQL."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis
from hypothesis import HealthCheck, given, reject
from hypothesis.strategies import SearchStrategy

from replant.errors import DanglingReferenceError
from replant.testing.examples import Example
from replant.testing.rows import Rows, insert_statement

#: An example is several round trips to a server; what Hypothesis is told for quick functions does
#: not hold for it.
_SLOW = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.filter_too_much,
)

#: Of the examples of the profile, 100 by default, every how manieth is tried.
_SHARE = 20


def try_each(
    examples: SearchStrategy[Example], check: Callable[[Example], None], *, share: int = _SHARE
) -> None:
    """Try a check on a share of as many examples as Hypothesis' profile says.

    An example whose rows cannot be moved is passed over: rows without a key that reference others
    outside of the export.

    Raises:
        Exception: what the check raises for the smallest example, with its rows in a note.

    """
    failing: list[Example] = []

    def tried(example: Example) -> None:
        try:
            check(example)
        except DanglingReferenceError:
            reject()
        except Exception:
            failing[:] = [example]
            raise

    profile = hypothesis.settings()
    few = hypothesis.settings(
        profile,
        max_examples=max(1, profile.max_examples // share),
        deadline=None,
        print_blob=False,
        suppress_health_check=(*profile.suppress_health_check, *_SLOW),
    )
    try:
        few(given(examples)(tried))()
    except Exception as error:
        # Hypothesis comes back to the smallest example last.
        for example in failing:
            error.add_note(f"It fails for {example}:\n{_as_sql(example.rows)}")
        raise


def _as_sql(rows: Rows) -> str:
    return f"{insert_statement(rows).as_string()};"
