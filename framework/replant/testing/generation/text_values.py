"""Draws texts of strings, numbers and JSON, as PostgreSQL reads them.

They lean towards what careless rendering damages: quotes, backslashes, line breaks, NULL as a word,
numbers at the end of their range. Needs the package `hypothesis`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from math import isnan
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

#: Characters that end a literal, an array element, a line or a comment when they are not quoted.
AWKWARD = "'\"\\\n\r\t $%{},.-;:/*ENULL\x01\x7f"

_WORDS = ("", " ", "NULL", "null", "\\N", "\\.", "'", "''", "\\", "\\'", "\r\n", "--", "$$", "E'")
MOST_CHARACTERS = 12


def texts(*, min_size: int = 0, max_size: int = MOST_CHARACTERS) -> SearchStrategy[str]:
    """Any text that PostgreSQL can hold: no NUL, no surrogate.

    Args:
        min_size: the least number of characters.
        max_size: the greatest.

    """
    anything = st.characters(codec="utf-8", exclude_characters="\0")
    words = [word for word in _WORDS if min_size <= len(word) <= max_size]
    strategies = [
        st.text(anything, min_size=min_size, max_size=max_size),
        st.text(AWKWARD, min_size=min_size, max_size=max_size),
    ]
    return st.one_of(*strategies, *([st.sampled_from(words)] if words else []))


def integers(bits: int, *, signed: bool = True) -> SearchStrategy[str]:
    """Integers of that many bits, the ends of the range among them."""
    low = -(2 ** (bits - 1)) if signed else 0
    high = low + 2**bits - 1
    return (st.integers(low, high) | st.sampled_from((0, low, high))).map(str)


def floats(width: int) -> SearchStrategy[str]:
    """Floating-point numbers of 32 or 64 bits: NaN, infinities, -0 and denormals among them.

    Raises:
        ValueError: `width` is neither 32 nor 64.

    """
    if width == 64:  # noqa: PLR2004 - the number of bits
        smallest = "5e-324"
        numbers: SearchStrategy[float] = st.floats(width=64)
    elif width == 32:  # noqa: PLR2004
        smallest = "1e-45"
        numbers = st.floats(width=32)
    else:
        raise ValueError(f"width must be 32 or 64, not {width!r}")
    special = st.sampled_from(("0", "-0", "NaN", "Infinity", "-Infinity", smallest))
    return special | numbers.map(_float_text)


def decimals(digits: int, scale: int) -> SearchStrategy[str]:
    """Decimal numbers of at most so many digits, so many of them behind the point.

    A scale may be negative, or greater than the number of digits: see `numeric` in the PostgreSQL
    manual, "Arbitrary Precision Numbers".
    """
    most = 10**digits - 1
    numbers = st.integers(-most, most) | st.sampled_from((0, most, -most))
    return numbers.map(partial(_scaled, scale=scale)) | st.just("NaN")


def numbers_of_any_scale() -> SearchStrategy[str]:
    """Decimal numbers of any scale, with zeros at their end, and what is not a number."""
    special = st.sampled_from(("NaN", "Infinity", "-Infinity", "1e131071", "1e-16383", "-0.00"))
    parts = st.tuples(st.integers(-(10**20), 10**20), st.integers(0, 30))
    return special | parts.map(lambda p: _scaled(p[0], p[1]))


def uuids() -> SearchStrategy[str]:
    """UUIDs, many of them short to draw; the nil UUID only where all else shrinks away."""
    spread = st.integers(0, 0xFFFF).map(lambda n: (n >> 8) << 120 | (n & 0xFF))
    return st.one_of(spread, spread, st.integers(0, 2**128 - 1)).map(lambda n: str(UUID(int=n)))


def json_texts() -> SearchStrategy[str]:
    """JSON as the type `json` keeps it: odd white space, keys that occur twice, long numbers."""
    numbers = st.sampled_from(("-0", "1E+2", "1e400", "1.50", "12345678901234567890.10"))
    strings = texts().map(json.dumps) | texts().map(partial(json.dumps, ensure_ascii=False))
    escapes = st.sampled_from(('"\\u0000"', '"\\ud83d\\ude00"', '"\\/"'))
    words = st.sampled_from(("null", "true", "false"))
    keys = st.just('"a"') | strings

    def nested(inner: SearchStrategy[str]) -> SearchStrategy[str]:
        pairs = st.tuples(keys, inner).map(f":{_SPACE}".join)
        arrays = st.lists(inner, max_size=3).map(partial(_json_joined, "[]"))
        objects = st.lists(pairs, max_size=3).map(partial(_json_joined, "{}"))
        return arrays | objects

    leaves = st.one_of(words, numbers, strings, escapes, st.integers().map(str))
    trees = st.recursive(leaves, nested, max_leaves=4)
    spaces = st.sampled_from(("", " ", "\n", "\t\r\n "))
    return st.tuples(trees, spaces).map(lambda t: (_SPACE + t[0] + _SPACE).replace(_SPACE, t[1]))


def jsonb_texts() -> SearchStrategy[str]:
    """JSON that the type `jsonb` accepts, nested a few levels deep."""
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.one_of(st.none(), st.booleans(), numbers, texts())

    def nested(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
        return st.lists(inner, max_size=3) | st.dictionaries(texts(max_size=3), inner, max_size=3)

    return st.recursive(leaves, nested, max_leaves=4).map(json.dumps)


def _json_joined(brackets: str, items: Sequence[str]) -> str:
    inside = f"{_SPACE},{_SPACE}".join(items)
    return f"{brackets[0]}{_SPACE}{inside}{_SPACE}{brackets[1]}"


def _float_text(number: float) -> str:
    if isnan(number):
        return "NaN"
    return repr(number).replace("inf", "Infinity")


def _scaled(number: int, scale: int) -> str:
    if scale <= 0:
        return str(number * 10**-scale)
    digits = f"{abs(number):0{scale + 1}}"
    return f"{'-' if number < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


#: Where white space may stand in JSON: a noncharacter, which no text here is likely to hold.
_SPACE = "\ufdd0"
