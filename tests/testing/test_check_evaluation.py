"""What a CHECK constraint says of a row whose values cannot be compared here."""

from __future__ import annotations

import pytest

from replant.testing.checks.evaluate import verdict
from replant.testing.checks.parse import read_check

SOME = "00000000-0000-0000-0000-000000000000"
TYPES = {"a": "uuid", "b": "uuid"}


@pytest.mark.parametrize(
    ("check", "both", "one", "none"),
    [
        ("num_nonnulls(a, b) <= 1", False, True, True),
        ("num_nulls(a, b) = 1", False, True, False),
        ("(a IS NULL) = (b IS NULL)", True, False, True),
        ("b IS NOT NULL", True, True, False),
    ],
)
def test_whether_a_value_is_null_is_known_whatever_its_type(
    check: str, both: bool, one: bool, none: bool
) -> None:
    condition = read_check(f"CHECK (({check}))")
    assert condition is not None
    rows = ({"a": SOME, "b": SOME}, {"a": None, "b": SOME}, {"a": None, "b": None})
    assert [verdict(condition, row, TYPES) for row in rows] == [both, one, none]
