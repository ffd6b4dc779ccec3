"""Turns the texts of values into what Python compares as PostgreSQL does, or says it cannot.

Texts are taken to be UTF-8 on the server, of a collation under which different texts are never
equal, and times without a zone to be of the session's zone UTC.
"""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, datetime, timedelta
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    Inexact,
    InvalidOperation,
    Overflow,
)
from enum import Enum
from typing import Any

from attrs import frozen

from replant.model import Text


class Unknown(Enum):
    """What only the server knows."""

    VALUE = "unknown"


UNKNOWN = Unknown.VALUE


@frozen(order=True)
class Moment:
    """Microseconds since the first year; before or after all where Python's calendar ends.

    Attributes:
        zoned: whether it is a moment of any time zone: then a date or a time without zone can be
            compared with it only by the session's.

    """

    microseconds: int
    zoned: bool = False

    @property
    def beyond(self) -> bool:
        """Say whether it is not known which of two such moments is earlier."""
        return self.microseconds in (_BEFORE, _AFTER)


_BEFORE, _AFTER = -(10**20), 10**20
_START = datetime(1, 1, 1, tzinfo=UTC)

#: NULL is None; texts are str, exact numbers Decimal, inexact ones float, lists tuples.
Known = None | bool | str | Decimal | float | Moment | tuple[Any, ...]

_WHOLE = frozenset(("smallint", "integer", "bigint"))
_EXACT_NUMBERS = _WHOLE | {"numeric"}
_FLOATS = frozenset(("real", "double precision"))
NUMBERS = _EXACT_NUMBERS | _FLOATS
STRINGS = frozenset(("text", "character varying", "name"))
_ZONED = "timestamp with time zone"
_MOMENTS = frozenset(("date", "timestamp without time zone", _ZONED))

#: PostgreSQL rounds no sum, difference or product of `numeric`.
EXACT = Context(prec=2000, traps=[Inexact, InvalidOperation, Overflow])
#: The bytes of a `name`.
_NAME_BYTES = 63


def without_modifier(type_name: str) -> str:
    """Return the type without its modifier: `character varying(20)` without its length."""
    return re.sub(r"\([^)]*\)", "", type_name)


def modifiers(type_name: str) -> list[int]:
    """Return the numbers in parentheses: of `numeric(6,2)` 6 and 2."""
    found = re.search(r"\(([-\d,]+)\)", type_name)
    return [] if found is None else [int(number) for number in found[1].split(",")]


def typed(text: Text, type_name: str) -> Known | Unknown:
    """Return the value of a text; unknown where Python would compare it otherwise.

    Args:
        text: as the type's input function reads it.
        type_name: below all domains; `enum` for every enum.

    """
    kind = without_modifier(type_name)
    if text is None:
        return None
    if kind in NUMBERS:
        return _number(text, type_name)
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, UNKNOWN)
    if kind in STRINGS or kind == "enum":
        return _string(text, type_name)
    if kind in _MOMENTS:
        return _moment(text, type_name)
    return UNKNOWN


def cast(value: Known | Unknown, type_name: str, *, constant: bool) -> Known | Unknown:
    """Cast the value to another type.

    Args:
        value: of any type that is known here.
        type_name: the other type.
        constant: whether the value is one as it was written, and no type was given to it yet.

    """
    kind = without_modifier(type_name)
    if value is None or value is UNKNOWN:
        return value
    if isinstance(value, tuple):
        element = type_name.removesuffix("[]")
        return tuple(cast(item, element, constant=constant) for item in value)
    if isinstance(value, str) and (constant or kind in STRINGS):
        # A constant of a type that is not known here may be an enum's label.
        known = typed(value, type_name)
        return value if known is UNKNOWN and "." in kind else known
    if isinstance(value, Decimal) and kind in NUMBERS:
        return _cast_number(value, type_name)
    if isinstance(value, float) and kind == "double precision":
        return value
    unzoned = isinstance(value, Moment) and not value.zoned
    return value if unzoned and type_name == "timestamp without time zone" else UNKNOWN


def _string(text: str, type_name: str) -> str | Unknown:
    """Return the text, unless the type has no room for it."""
    length = modifiers(type_name)
    too_long = (length and len(text) > length[0]) or (
        type_name == "name" and len(text.encode()) > _NAME_BYTES
    )
    return UNKNOWN if too_long else text


def _number(text: str, type_name: str) -> Decimal | float | Unknown:
    try:
        number = Decimal(text)
    except DecimalException:
        return UNKNOWN
    return _cast_number(number, type_name) if number.is_finite() else UNKNOWN


def _cast_number(number: Decimal, type_name: str) -> Decimal | float | Unknown:
    kind, numbers = without_modifier(type_name), modifiers(type_name)
    if kind in _FLOATS:
        return _float(number, kind)
    if kind in _WHOLE:
        return number if number == number.to_integral_value() else UNKNOWN
    return _rounded(number, *numbers) if numbers else number


def _float(number: Decimal, kind: str) -> float | Unknown:
    value = float(number)
    try:
        value = struct.unpack("f", struct.pack("f", value))[0] if kind == "real" else value
    except OverflowError:
        return UNKNOWN
    # PostgreSQL refuses a number that is too great, or so small that nothing is left of it.
    return value if math.isfinite(value) and (value != 0) is (number != 0) else UNKNOWN


def _rounded(number: Decimal, precision: int, scale: int = 0) -> Decimal | Unknown:
    """Round the number to `numeric(precision, scale)`."""
    rounding = Context(prec=2000, rounding=ROUND_HALF_UP)
    try:
        rounded = number.quantize(Decimal(1).scaleb(-scale), context=rounding)
    except DecimalException:
        return UNKNOWN
    return rounded if abs(rounded) < Decimal(1).scaleb(precision - scale) else UNKNOWN


def _moment(text: str, type_name: str) -> Moment | Unknown:
    """Read a moment; where it should have a time zone and has none, in UTC."""
    zoned = without_modifier(type_name) == _ZONED
    if text.endswith(" BC") or text == "-infinity":
        return Moment(_BEFORE, zoned)
    if text == "infinity" or re.match(r"\d{5}", text):
        return Moment(_AFTER, zoned)
    # PostgreSQL rounds the seconds, Python cuts them off.
    if re.search(r"\.\d{7}", text) or ("." in text and modifiers(type_name)):
        return UNKNOWN
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return UNKNOWN
    if moment.tzinfo is None or not zoned:
        moment = moment.replace(tzinfo=UTC)
    return Moment((moment - _START) // timedelta(microseconds=1), zoned)
