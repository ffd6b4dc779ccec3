"""Finds the values of PostgreSQL's types, by a type's name as `format_type` writes it.

What is said of a type here is enough to draw values that its input function reads, and to keep
unique keys. Needs the package `hypothesis`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Mapping
from decimal import Decimal
from math import isnan

from attrs import field, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from replant.testing.generation import scalar_values as scalar_texts
from replant.testing.generation.composite_values import (
    array_text,
    array_texts,
    multirange_texts,
    range_texts,
)
from replant.testing.generation.text_values import (
    AWKWARD,
    MOST_CHARACTERS,
    decimals,
    floats,
    integers,
    json_texts,
    jsonb_texts,
    numbers_of_any_scale,
    texts,
    uuids,
)

__all__ = [
    "AWKWARD",
    "Values",
    "array_text",
    "array_texts",
    "floats",
    "integers",
    "json_texts",
    "jsonb_texts",
    "texts",
    "uuids",
    "values_of",
]


def _unchanged(text: str) -> Hashable:
    return text


def _together(_text: str) -> Hashable:
    return None


@frozen
class Values:
    """The values of one type or one column.

    Attributes:
        texts: texts that the type's input function reads.
        same: maps texts of equal values to one thing, so that unique keys can be kept. The texts
            themselves tell values apart unless it says otherwise; it may join values that differ.
        required: whether NULL is none of them, as for a domain that is NOT NULL.

    """

    texts: SearchStrategy[str]
    same: Callable[[str], Hashable] = field(default=_unchanged)
    required: bool = False


def values_of(type_name: str, types: Mapping[str, Values]) -> Values:
    """Return the values of a type.

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
        elements = type_name.removesuffix("[]")
        delimiter = ";" if elements == "box" else ","
        of_elements = values_of(elements, types)
        nulls = not of_elements.required
        return Values(array_texts(of_elements.texts, delimiter=delimiter, nulls=nulls))
    if type_name in _BUILT_IN:
        return _BUILT_IN[type_name]
    if type_name.endswith(".citext") or type_name == "citext":
        return Values(texts(), str.casefold)
    modified = _modified(type_name)
    if modified is None:
        raise ValueError(
            f"no values are known for the type {type_name}; give some, "
            f"such as types={{{type_name!r}: Values(sampled_from([...]))}}"
        )
    return modified


def _modified(type_name: str) -> Values | None:
    """Return the values of a type with a modifier that limits them, or None."""
    found = _MODIFIED.fullmatch(type_name)
    if found is None:
        return None
    length, scale = int(found[2]), int(found[3] or 0)
    strings = texts(max_size=min(length, MOST_CHARACTERS))
    match found[1]:
        case "numeric":
            return Values(decimals(length, scale), _same_decimal)
        case "bit":
            return Values(scalar_texts.bits(length, length))
        case "bit varying":
            return Values(scalar_texts.bits(0, min(length, MOST_CHARACTERS)))
        case "character":
            # The padding does not count when values are compared.
            return Values(strings, _unpadded)
        case _:
            return Values(strings)


def _same_float(text: str) -> Hashable:
    number = float(text)
    return "NaN" if isnan(number) else number


def _same_interval(text: str) -> Hashable:
    """Return the length by which PostgreSQL compares intervals: a month has 30 days of 24 hours."""
    months, days, micros = (int(number) for number in text.split()[::2])
    return (months * 30 + days) * 86_400_000_000 + micros


def _same_decimal(text: str) -> Hashable:
    number = Decimal(text)
    return "NaN" if number.is_nan() else number


def _order_of_decimals(text: str) -> Decimal:
    """Return the order of decimals in PostgreSQL, where NaN is above all numbers."""
    number = Decimal(text)
    return Decimal("Infinity") if number.is_nan() else number


def _unpadded(text: str) -> Hashable:
    return text.rstrip(" ")


def _same_json(text: str) -> Hashable:
    return json.dumps(json.loads(text), sort_keys=True)


_MODIFIED = re.compile(
    r"(character|character varying|bit|bit varying|numeric)\((\d+)(?:,(-?\d+))?\)"
)

_DATES, _TIMESTAMPS = scalar_texts.dates(), scalar_texts.timestamps()
_RANGES = {
    "int4range": range_texts(integers(31), int),
    "int8range": range_texts(integers(63), int),
    "numrange": range_texts(decimals(9, 3), _order_of_decimals),
    # The day after a bound that is included must be a date as well.
    "daterange": range_texts(_DATES.filter(lambda text: text != scalar_texts.LAST_DATE)),
    "tsrange": range_texts(_TIMESTAMPS),
    "tstzrange": range_texts(_TIMESTAMPS),
}

_BUILT_IN: Mapping[str, Values] = {
    '"char"': Values(st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.just("")),
    "bigint": Values(integers(64), int),
    "bit varying": Values(scalar_texts.bits(0, MOST_CHARACTERS)),
    "boolean": Values(st.sampled_from(("false", "true"))),
    "box": Values(scalar_texts.shapes("{}", 2, 2), _together),
    "bytea": Values(scalar_texts.bytes_in_hex(MOST_CHARACTERS)),
    "character varying": Values(texts()),
    "cid": Values(integers(32, signed=False)),
    "cidr": Values(scalar_texts.networks()),
    "circle": Values(scalar_texts.circles(), _together),
    "date": Values(_DATES),
    "double precision": Values(floats(64), _same_float),
    "inet": Values(scalar_texts.addresses()),
    "int2vector": Values(scalar_texts.vectors(16, signed=True)),
    "integer": Values(integers(32), int),
    "interval": Values(scalar_texts.intervals(), _same_interval),
    "json": Values(json_texts()),
    "jsonb": Values(jsonb_texts(), _same_json),
    "line": Values(scalar_texts.lines(), _together),
    "lseg": Values(scalar_texts.shapes("[{}]", 2, 2), _together),
    "macaddr": Values(scalar_texts.hardware_addresses(6)),
    "macaddr8": Values(scalar_texts.hardware_addresses(8)),
    "money": Values(integers(56)),
    "name": Values(texts()),
    "numeric": Values(numbers_of_any_scale(), _same_decimal),
    "oid": Values(integers(32, signed=False)),
    "oidvector": Values(scalar_texts.vectors(32, signed=False)),
    "path": Values(scalar_texts.shapes("[{}]", 1, 3) | scalar_texts.shapes("({})", 1, 3)),
    "pg_lsn": Values(scalar_texts.log_positions()),
    "pg_snapshot": Values(scalar_texts.snapshots()),
    "point": Values(scalar_texts.points(), _together),
    "polygon": Values(scalar_texts.shapes("({})", 1, 4), _together),
    "real": Values(floats(32), _same_float),
    "smallint": Values(integers(16), int),
    "text": Values(texts()),
    "tid": Values(scalar_texts.row_places()),
    "time with time zone": Values(scalar_texts.times_with_zone()),
    "time without time zone": Values(scalar_texts.times()),
    "timestamp with time zone": Values(_TIMESTAMPS),
    "timestamp without time zone": Values(_TIMESTAMPS),
    "tsquery": Values(scalar_texts.search_queries(), _together),
    "tsvector": Values(scalar_texts.search_vectors(), _together),
    "uuid": Values(uuids()),
    "xid": Values(integers(32, signed=False)),
    "xid8": Values(integers(64, signed=False)),
    **{name: Values(of_type, _together) for name, of_type in _RANGES.items()},
    **{
        name.replace("range", "multirange"): Values(multirange_texts(of_type), _together)
        for name, of_type in _RANGES.items()
    },
}
