"""Changes each element of an array as PostgreSQL writes it: `{a,"b c",NULL}`."""

from __future__ import annotations

import re
from collections.abc import Callable

from replant.model import Text

#: An element in quotes, in which a backslash makes the next character a plain one; or one without.
_ELEMENT = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^{},"]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r'(["\\])')

#: What PostgreSQL writes without quotes (`array_out` in its sources).
_PLAIN = re.compile(r'(?!null\Z)[^{},"\\ \t\n\v\f\r]+\Z', re.IGNORECASE)


def changed_text(text: Text, change: Callable[[str], str], *, in_array: bool) -> Text:
    """Change a value, or each element of an array; NULL stays NULL."""
    if text is None:
        return None
    return each_element(text, change) if in_array else change(text)


def each_element(text: str, change: Callable[[str], str]) -> str:
    """Change each element that is not NULL; bounds and dimensions stay.

    The delimiter is a comma, as it is for every type but `box`.
    """
    # What stands before the first brace are bounds, such as `[0:1]=`.
    bounds, brace, rest = text.partition("{")

    def changed(match: re.Match[str]) -> str:
        quoted, plain = match["quoted"], match["plain"]
        if quoted is None:
            if plain.upper() == "NULL":
                return plain
            element = plain
        else:
            element = _ESCAPED.sub(r"\1", quoted)
        return _written(change(element))

    return bounds + brace + _ELEMENT.sub(changed, rest)


def _written(element: str) -> str:
    """Write an element as PostgreSQL does: in quotes only where it needs them."""
    if _PLAIN.match(element):
        return element
    escaped = _SPECIAL.sub(r"\\\1", element)
    return f'"{escaped}"'
