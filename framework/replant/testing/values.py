"""Texts that the input functions of PostgreSQL's types read, as Hypothesis strategies.

A type's name comes in, as `format_type` writes it; a strategy of texts comes out. The texts lean
towards what careless rendering damages: quotes, backslashes, line breaks, NULL as a word, numbers
at the end of their range. Needs the package `hypothesis`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from math import isnan
from typing import Any
from uuid import UUID

from attrs import field, frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from replant.model import Text

#: Characters that end a literal, an array element, a line or a comment when they are not quoted.
AWKWARD = "'\"\\\n\r\t $%{},.-;:/*ENULL\x01\x7f"

_WORDS = ("", " ", "NULL", "null", "\\N", "\\.", "'", "''", "\\", "\\'", "\r\n", "--", "$$", "E'")
_MOST_CHARACTERS = 12


def _unchanged(text: str) -> Hashable:
    return text


@frozen
class Values:
    """The values of one type or one column.

    Attributes:
        texts: texts that the type's input function reads.
        same: maps texts of equal values to one thing, so that unique keys can be kept. The texts
            themselves tell values apart unless it says otherwise; it may join values that differ.

    """

    texts: SearchStrategy[str]
    same: Callable[[str], Hashable] = field(default=_unchanged)


def texts(*, min_size: int = 0, max_size: int = _MOST_CHARACTERS) -> SearchStrategy[str]:
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


def integers(bits: int) -> SearchStrategy[str]:
    """Integers of two's complement, the ends of the range among them."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
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


def uuids() -> SearchStrategy[str]:
    """UUIDs, many of them short to draw; the nil UUID only where all else shrinks away."""
    spread = st.integers(0, 0xFFFF).map(lambda n: (n >> 8) << 120 | (n & 0xFF))
    return st.one_of(spread, spread, st.integers(0, 2**128 - 1)).map(lambda n: str(UUID(int=n)))


def intervals() -> SearchStrategy[str]:
    """Intervals whose months, days and microseconds each have a sign of their own."""
    months = st.integers(-(2**31) + 1, 2**31 - 1) | st.integers(-13, 13)
    micros = st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-(10**7), 10**7)
    parts = st.tuples(months, months, micros)
    return parts.map(lambda p: f"{p[0]} mons {p[1]} days {p[2]} microseconds")


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


@st.composite
def array_texts(
    draw: DrawFn,
    elements: SearchStrategy[str],
    *,
    min_size: int = 0,
    max_size: int = 3,
    nulls: bool = True,
) -> str:
    """One-dimensional arrays, now and then with a lower bound other than 1.

    Args:
        draw: supplied by Hypothesis.
        elements: the texts of the elements.
        min_size: the least number of elements.
        max_size: the greatest.
        nulls: whether elements may be NULL.

    """
    kinds: SearchStrategy[Text] = elements | st.none() if nulls else elements
    items = draw(st.lists(kinds, min_size=min_size, max_size=max_size))
    text = array_text(items)
    start = draw(st.sampled_from((1, 1, 1, 0, -2))) if items else 1
    return text if start == 1 else f"[{start}:{start + len(items) - 1}]={text}"


def array_text(items: Sequence[Text]) -> str:
    """The text of an array: every element in quotes, None as NULL."""
    return "{" + ",".join("NULL" if i is None else _quoted(i) for i in items) + "}"


def values_of(type_name: str, types: Mapping[str, Values]) -> Values:
    """The values of a type.

    Args:
        type_name: as `format_type` writes it, such as `character(1)` or `public.citext[]`.
        types: the types that replant does not know, or that should be drawn in another way:
            domains, enums, composites. It comes before what is built in.

    Raises:
        ValueError: the type is neither built in nor among `types`.

    """
    if type_name in types:
        return types[type_name]
    if type_name.endswith("[]"):
        return Values(array_texts(values_of(type_name.removesuffix("[]"), types).texts))
    if type_name in _BUILT_IN:
        return _BUILT_IN[type_name]
    if type_name.endswith(".citext") or type_name == "citext":
        return Values(texts(), str.casefold)
    limited = _LIMITED.fullmatch(type_name)
    if limited is not None:
        strategy = texts(max_size=min(int(limited[2]), _MOST_CHARACTERS))
        # The padding of character(n) does not count when values are compared.
        return Values(strategy, _unpadded if limited[1] == "character" else _unchanged)
    raise ValueError(
        f"no values are known for the type {type_name}; give some, "
        f"such as types={{{type_name!r}: Values(sampled_from([...]))}}"
    )


def _json_joined(brackets: str, items: Sequence[str]) -> str:
    inside = f"{_SPACE},{_SPACE}".join(items)
    return f"{brackets[0]}{_SPACE}{inside}{_SPACE}{brackets[1]}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _float_text(number: float) -> str:
    if isnan(number):
        return "NaN"
    return repr(number).replace("inf", "Infinity")


def _same_float(text: str) -> Hashable:
    number = float(text)
    return "NaN" if isnan(number) else number


def _same_interval(text: str) -> Hashable:
    """As PostgreSQL compares them: a month has 30 days, a day 24 hours."""
    months, days, micros = (int(number) for number in text.split()[::2])
    return (months * 30 + days) * 86_400_000_000 + micros


def _same_decimal(text: str) -> Hashable:
    number = Decimal(text)
    return "NaN" if number.is_nan() else number


def _unpadded(text: str) -> Hashable:
    return text.rstrip(" ")


def _same_json(text: str) -> Hashable:
    return json.dumps(json.loads(text), sort_keys=True)


#: Where white space may stand in JSON: a noncharacter, which no text here is likely to hold.
_SPACE = "\ufdd0"

_LIMITED = re.compile(r"(character|character varying)\((\d+)\)")

#: PostgreSQL's calendar goes further than Python's; these lie at its ends.
_DATES = st.dates().map(str) | st.sampled_from(("infinity", "-infinity", "5874897-12-31"))
_TIMES = st.datetimes().map(str) | st.sampled_from(("infinity", "-infinity", "294276-12-31 00:00"))
_NUMERICS = st.decimals(-(10**30), 10**30).map(str) | st.just("NaN")

_BUILT_IN: Mapping[str, Values] = {
    "bigint": Values(integers(64), int),
    "boolean": Values(st.sampled_from(("false", "true"))),
    "bytea": Values(st.binary(max_size=_MOST_CHARACTERS).map(lambda b: f"\\x{b.hex()}")),
    "character varying": Values(texts()),
    "date": Values(_DATES),
    "double precision": Values(floats(64), _same_float),
    "integer": Values(integers(32), int),
    "interval": Values(intervals(), _same_interval),
    "json": Values(json_texts()),
    "jsonb": Values(jsonb_texts(), _same_json),
    "numeric": Values(_NUMERICS, _same_decimal),
    "real": Values(floats(32), _same_float),
    "smallint": Values(integers(16), int),
    "text": Values(texts()),
    "timestamp without time zone": Values(_TIMES),
    "timestamp with time zone": Values(_TIMES),
    "uuid": Values(uuids()),
}
