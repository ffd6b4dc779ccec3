"""Reads the simplest conditions: `column = value`, or several of these joined by AND."""

from __future__ import annotations

import re

_NAME = r'"(?:[^"]|"")+"|[^\W\d][\w$]*'
_VALUE = r"'(?:[^']|'')*'|(?!null\b)[-+]?[\w.][\w.+-]*"
_TERM = rf"\s*({_NAME})\s*=\s*({_VALUE})\s*"
_CONDITION = re.compile(rf"{_TERM}(?:\bAND\b{_TERM})*", re.IGNORECASE)
_TERMS = re.compile(_TERM, re.IGNORECASE)


def equalities(condition: str) -> list[tuple[str, str]] | None:
    """Return the columns of a condition, each with the text of its value; None of any other."""
    if _CONDITION.fullmatch(condition) is None:
        return None
    return [(_identifier(name), _literal(value)) for name, value in _TERMS.findall(condition)]


def _identifier(name: str) -> str:
    """Read an identifier as SQL does: folded to lower case, unless it is quoted."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _literal(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value
