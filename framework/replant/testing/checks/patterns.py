"""Patterns of PostgreSQL as regular expressions that Python reads."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1000)
def python_pattern(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str] | None:
    r"""A regular expression of PostgreSQL as Python reads it; None if it cannot.

    Letters and digits are those of ASCII, since the others depend on the database's locale. `$` is
    the end of the text, `.` also a line end.
    """
    if pattern.startswith(("***", "(?")):
        return None
    # Every escape as it stands, but for those that Python names otherwise.
    changed = re.sub(
        r"\\(.)|\[:(\w+):\]|(\[\^?\]?(?:\\.|\[:\w+:\]|[^]\\])*\])|\$", _translated, pattern
    )
    flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0)
    try:
        return re.compile(changed, flags)
    except (re.error, OverflowError):
        return None


_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "xdigit": "0-9A-Fa-f",
    "punct": r"!-/:-@\[-`{-~",
    "cntrl": r"\x01-\x1f\x7f",
    "print": " -~",
    "graph": "!-~",
    "word": r"\w",
}

_ESCAPES = {"y": r"\b", "m": r"\b(?=\w)", "M": r"\b(?<=\w)"}


def _translated(found: re.Match[str]) -> str:
    if found[1] is not None:
        return _ESCAPES.get(found[1], found[0])
    if found[3] is not None:
        return re.sub(
            r"\[:(\w+):\]", lambda inner: _CLASSES.get(inner[1], inner[0]), found[3]
        ).replace("[[", r"[\[")
    return r"\Z" if found[0] == "$" else found[0]


def like_pattern(pattern: str) -> str:
    """The pattern of LIKE as a regular expression."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return f"^{''.join(wild.get(part) or re.escape(part[-1]) for part in parts)}$"
