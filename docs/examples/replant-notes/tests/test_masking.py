from __future__ import annotations

import pytest
from replant_notes.masking import without_telephone_numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call +49 30 1234567, please", "Call [telephone], please"),
        ("(030) 765-4321", "([telephone]"),
        ("on 3 of 12 pages", "on 3 of 12 pages"),
        ("", ""),
        (None, None),
    ],
)
def test_runs_of_digits_are_redacted(text: str | None, expected: str | None) -> None:
    assert without_telephone_numbers(text) == expected


def test_what_was_redacted_stays_as_it_is() -> None:
    once = without_telephone_numbers("Call 030 7654321")
    assert without_telephone_numbers(once) == once
