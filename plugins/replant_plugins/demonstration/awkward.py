"""Values that careless rendering damages; every row set of the demonstration is laced with them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan
from typing import TypeVar

T = TypeVar("T")

TEXTS = (
    "",
    " leading and trailing ",
    "NULL",
    "O'Brien said \"it's fine\"",
    r"C:\temp\new\x41",
    "ends with a backslash\\",
    r"\N",
    r"\.",
    "before\n\\.\nafter",
    "two\nlines",
    "Windows\r\nlines, and a lone\rreturn",
    "tab\tseparated\tvalues",
    "$$ $body$ $1 $$",
    "-- no comment",
    "/* never closed",
    "*/ never opened",
    "'); DROP SCHEMA public CASCADE; --",
    r"\! echo from psql",
    "\\connect postgres\n\\quit",
    "COPY t FROM stdin;\n1\n\\.\n",
    "%s %(name)s {0} :name ?",
    "\v\f\x01\x1b[31m\x7f\x85\u2028\u2029",
    "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-6}",
    "\N{RIGHT-TO-LEFT OVERRIDE}\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "composed \u00e9, decomposed e\u0301, \N{ZERO WIDTH NO-BREAK SPACE}\U0010ffff",
)

FLOATS = (0.1, -0.0, nan, inf, -inf, 5e-324, -1.7976931348623157e308, 1e23, 2.0**53 + 2, 1 / 3)

INTEGERS = (0, -1, 2**31 - 1, -(2**31))

INTERVALS = (
    "3 days",
    "-1 mons +2 days -03:04:05.000001",
    "1 year -1 days +00:00:00.5",
    "-178000000 years",
    "2147483647:59:59.999999",
    "00:00:00",
)

#: For columns of type `json`, which keep white space, the order of keys, and keys that occur twice.
JSON = (
    '{"b": 1, "a": 2, "b": 3}',
    ' {\t"spread" :\n[ 1 ,2,\r\n3 ] } ',
    r'"\u00e9 \ud83d\ude00 \u0000 \\. \" <\/script>"',
    "null",
    "[1E+2, -0, 1.0000000000000000000000000000000001, 1e400]",
    '{"": {"": [[], {}, ""]}}',
)

#: For columns of type `jsonb`; None is the SQL null, "null" the JSON one.
JSONB = (
    None,
    "null",
    '{"and": [{"or": [{"not": {"is": [null, true]}}, []]}, {"deep": {"er": {"est": [[["x"]]]}}}]}',
    r'{"quote": "it\u0027s \"so\"", "path": "C:\\new\\.", "lines": "a\nb\r\nc\td"}',
    '{"trailing": 1.500, "large": 12345678901234567890.123456789, "small": 1e-30, "\u00fc": ""}',
    '["$$", "--", "/*", "\'", "\\\\", ""]',
    "{}",
)

#: For columns of type `text[]`. The last is indexed from zero: only a text can say that.
ARRAYS: tuple[Sequence[object] | str | None, ...] = (
    None,
    [],
    [None],
    ["NULL", None, "null", ""],
    ['say "hi"', "back\\slash", "{brace}", "a,b", " padded ", "line\nfeed", "it's"],
    [["one", None], ["two", "\N{THUMBS UP SIGN}"]],
    "[0:1]={from,zero}",
)

#: For columns of type `citext[]`: the case is kept, although comparison ignores it.
TAGS: tuple[list[str | None], ...] = (
    [],
    ["New"],
    ["new", "NEW", "Stra\u00dfe"],
    [None, "", 'with "quotes", and commas'],
)


def pick(values: Sequence[T], turn: int) -> T:
    """Return the value whose turn it is, round and round."""
    return values[turn % len(values)]
