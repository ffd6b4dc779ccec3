"""Turns texts of values into texts that are equal where the values are.

For types that are not named here texts are compared as they are: equal values may be told apart
then, and different ones are never taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from enum import Enum

from replant.model import Text

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},"]+)')


class TextKind(Enum):
    """What makes texts equal where the values of a type are."""

    EXACT = "exact"
    NUMBER = "number"
    PADDED = "padded"
    FOLDED = "folded"
    TRUTH = "truth"

    @classmethod
    def of_type(cls, type_: str, cast: str | None = None) -> TextKind:
        """Return the kind of a type, or of the type to which its values are cast."""
        kind = _KINDS.get(_plain(cast or type_), cls.EXACT)
        padded = _plain(type_) == "character" and kind is cls.EXACT
        return cls.PADDED if padded else kind

    def of(self, text: Text) -> Text:
        """Return the text as it is compared; None for NULL, which equals nothing."""
        if text is None:
            return None
        match self:
            case TextKind.EXACT:
                return text
            case TextKind.NUMBER:
                return _number(text)
            case TextKind.PADDED:
                return text.rstrip(" ")
            case TextKind.FOLDED:
                return text.lower()
            case TextKind.TRUTH:
                return {"true": "t", "false": "f"}.get(text.lower(), text)


#: Types whose equal values may have texts that differ; of people too, who write true for t.
_KINDS = {
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "oid"), TextKind.NUMBER),
    **dict.fromkeys(("citext", "uuid"), TextKind.FOLDED),
    "character": TextKind.PADDED,
    "boolean": TextKind.TRUTH,
}


def elements(array: str) -> Iterator[str]:
    """Yield the elements of an array as its output function writes it, of any dimension.

    NULL is none: it references nothing. PostgreSQL manual, "Array Input and Output Syntax".
    """
    body = array[array.index("{") :] if "{" in array else ""
    for match in _ELEMENT.finditer(body):
        quoted, plain = match.groups()
        if quoted is not None:
            yield re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        elif plain.upper() != "NULL":
            yield plain


def _plain(type_: str) -> str:
    """Return the name of a type without its schema and modifier."""
    return type_.split("(", maxsplit=1)[0].rsplit(".", 1)[-1].strip('"')


def _number(text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    return f"{value.normalize():f}" if value.is_finite() else text
