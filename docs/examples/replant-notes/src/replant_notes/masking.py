"""Personal data comes in, something that is nobody's goes out: the same for the same, each time.

Equal values stay equal, so what was joined by an address before can be joined by it afterwards.
"""

from __future__ import annotations

import re

#: SQL over `value`. Whoever knows an address can compute its mask, so this hides addresses from
#: readers, and not from somebody who tries a list of them.
MASKED_ADDRESS = """
    'person-'
    || left(encode(sha256(convert_to(lower(value), 'UTF8')), 'hex'), 16)
    || '@example.invalid'
"""

_TELEPHONE_NUMBER = re.compile(r"\+?\d(?:[ ()/.-]{0,2}\d){6,14}")


def without_telephone_numbers(text: str | None) -> str | None:
    """The text with `[telephone]` for each run of seven to fifteen digits."""
    return None if text is None else _TELEPHONE_NUMBER.sub("[telephone]", text)
