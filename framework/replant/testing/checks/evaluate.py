"""Whether a row satisfies a condition, as far as Python can tell: a tree and a row's texts come in.

Three answers: it does, it does not, or only the server knows. A condition that is NULL is satisfied
(PostgreSQL manual, "Check Constraints"). What depends on a collation, a time zone or a function of
the database is left to the server.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException
from enum import Enum
from functools import partial
from typing import Any

from attrs import frozen

from replant.model import Text
from replant.testing.checks.expressions import Call, Cast, Expression, Literal, Reference
from replant.testing.checks.patterns import like_pattern, python_pattern


class Unknown(Enum):
    """What only the server knows."""

    VALUE = "unknown"


UNKNOWN = Unknown.VALUE


@frozen(order=True)
class Moment:
    """Microseconds since the first year; what Python's calendar has not is before or after all."""

    microseconds: int

    @property
    def beyond(self) -> bool:
        """Whether it is not known which of two such moments is earlier."""
        return self.microseconds in (_BEFORE, _AFTER)


_BEFORE, _AFTER = -(10**20), 10**20
_START = datetime(1, 1, 1, tzinfo=UTC)

#: NULL is None; texts are str, numbers Decimal, truth bool, lists tuples.
Known = None | bool | str | Decimal | Moment | tuple[Any, ...]

_WHOLE = frozenset(("smallint", "integer", "bigint"))
NUMBERS = _WHOLE | frozenset(("numeric", "real", "double precision"))
STRINGS = frozenset(("text", "character varying", "name"))
#: The types of constants as they are written.
_KINDS = {"string": "text", "number": "numeric", "boolean": "boolean", "unknown": "text"}
_MOMENTS = frozenset(("date", "timestamp without time zone", "timestamp with time zone"))


def verdict(
    expression: Expression, row: Mapping[str, Text], types: Mapping[str, str]
) -> bool | None:
    """Whether the condition lets the row in; None where only the server knows.

    Args:
        expression: as `read_check` gives it.
        row: the text of each column; a column that is not there is unknown.
        types: the type of each column, below all domains; `enum` for every enum.

    """
    found = _Judge(row, types).value(expression)
    if found is UNKNOWN:
        return None
    return found is not False


def without_modifier(type_name: str) -> str:
    """`character varying(20)` without its length."""
    return re.sub(r"\([^)]*\)", "", type_name)


class _Judge:
    """Works out the value of an expression for one row."""

    def __init__(self, row: Mapping[str, Text], types: Mapping[str, str]) -> None:
        self._row = row
        self._types = types

    def value(self, expression: Expression) -> Known | Unknown:
        """What the expression is for the row."""
        match expression:
            case Literal(text, kind):
                return typed(text, _KINDS[kind])
            case Reference(name):
                known = name in self._row and name in self._types
                return typed(self._row[name], self._types[name]) if known else UNKNOWN
            case Cast(inner, type_name):
                return _cast(self.value(inner), inner, type_name)
            case Call(name, arguments):
                return self._call(name, arguments)

    def _call(self, name: str, arguments: tuple[Expression, ...]) -> Known | Unknown:
        if name in ("and", "or"):
            return _joined(name, [self.value(each) for each in arguments])
        if name in _NULL_TESTS:
            return _ON_NULLS[name]([self._presence(each) for each in arguments])
        values = [self.value(each) for each in arguments]
        if name in _ON_NULLS:
            return _ON_NULLS[name](values)
        sign, _, each = name.rpartition(" ")
        if each in ("any", "all"):
            return self._quantified(sign, each, values)
        return _strict(name, values)

    def _presence(self, expression: Expression) -> Known | Unknown:
        """The value, or something else that is not NULL: of a column it is known if it is one."""
        match expression:
            case Reference(name) if name in self._row:
                return None if self._row[name] is None else True
            case Cast(inner, _):
                return self._presence(inner)
            case _:
                return self.value(expression)

    def _quantified(
        self, sign: str, quantifier: str, values: list[Known | Unknown]
    ) -> Known | Unknown:
        left, right = values
        if not isinstance(right, tuple):
            return UNKNOWN
        word = "or" if quantifier == "any" else "and"
        return _joined(word, [_strict(sign, [left, item]) for item in right])


def typed(text: Text, type_name: str) -> Known | Unknown:
    """The value of a text as Python compares it; unknown where it would compare otherwise."""
    kind = without_modifier(type_name)
    if text is None:
        return None
    if kind in NUMBERS:
        return _number(text)
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, UNKNOWN)
    if kind in STRINGS or kind == "enum":
        return text
    if kind in _MOMENTS:
        return _moment(text, zoned=kind == "timestamp with time zone")
    return UNKNOWN


def _number(text: str) -> Decimal | Unknown:
    try:
        number = Decimal(text)
    except DecimalException:
        return UNKNOWN
    return number if number.is_finite() else UNKNOWN


def _moment(text: str, *, zoned: bool) -> Moment | Unknown:
    """A moment; where it should have a time zone and has none, UTC."""
    if text.endswith(" BC") or text == "-infinity":
        return Moment(_BEFORE)
    if text == "infinity" or re.match(r"\d{5}", text):
        return Moment(_AFTER)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return UNKNOWN
    if moment.tzinfo is None or not zoned:
        moment = moment.replace(tzinfo=UTC)
    return Moment((moment - _START) // timedelta(microseconds=1))


def _cast(value: Known | Unknown, inner: Expression, type_name: str) -> Known | Unknown:
    kind = without_modifier(type_name)
    if value is None or value is UNKNOWN:
        return value
    if isinstance(value, tuple):
        items = tuple(_cast(item, inner, kind.removesuffix("[]")) for item in value)
        return UNKNOWN if UNKNOWN in items else items
    if isinstance(value, str) and kind in STRINGS:
        return value
    if isinstance(value, str) and isinstance(inner, Literal):
        # A constant of a type that is not known here may be an enum's label.
        known = typed(value, kind)
        return value if known is UNKNOWN and "." in kind else known
    number = isinstance(value, Decimal) and kind in NUMBERS - _WHOLE
    moment = isinstance(value, Moment) and kind == "timestamp without time zone"
    return value if number or moment else UNKNOWN


def _joined(word: str, values: list[Known | Unknown]) -> bool | Unknown | None:
    """AND and OR of three-valued logic, and of what is unknown beside it."""
    decides = word == "or"
    if any(value is decides for value in values):
        return decides
    if UNKNOWN in values:
        return UNKNOWN
    return None if None in values else not decides


def _strict(name: str, values: list[Known | Unknown]) -> Known | Unknown:
    """What operators and functions give that are NULL where an argument is."""
    if any(value is None for value in values):
        return None
    if UNKNOWN in values:
        return UNKNOWN
    known = _FUNCTIONS.get((name, len(values)))
    try:
        return UNKNOWN if known is None else known(*values)
    except (TypeError, ArithmeticError, ValueError):
        return UNKNOWN


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | Unknown]:
    def compare(left: Any, right: Any) -> bool | Unknown:
        # Texts have the order of their collation.
        return UNKNOWN if isinstance(left, str) else _told_apart(test, left, right)

    return compare


def _told_apart(test: Callable[[Any, Any], bool], left: Any, right: Any) -> bool | Unknown:
    """The test of two values of one type, unless both are beyond Python's calendar."""
    alike = isinstance(left, Moment) and left.beyond and left == right
    return UNKNOWN if alike or type(left) is not type(right) else test(left, right)


def _matches(*, ignore_case: bool = False, negated: bool = False) -> Callable[..., bool | Unknown]:
    def match(text: str, pattern: str) -> bool | Unknown:
        read = python_pattern(pattern, ignore_case=ignore_case)
        return UNKNOWN if read is None else (read.search(text) is not None) is not negated

    return match


def _like(*, negated: bool) -> Callable[[str, str], bool]:
    def match(text: str, pattern: str) -> bool:
        return (re.search(like_pattern(pattern)[:-1] + r"\Z", text, re.DOTALL) is None) is negated

    return match


def _length(text: str) -> Decimal:
    return Decimal(len(text))


def _trimmed(text: str) -> str:
    return text.strip(" ")


def _number_of_nulls(values: list[Known | Unknown], *, counted: bool) -> Known | Unknown:
    if UNKNOWN in values:
        return UNKNOWN
    return Decimal(sum((value is None) is counted for value in values))


def _is(values: list[Known | Unknown], what: Known) -> bool | Unknown:
    return UNKNOWN if values[0] is UNKNOWN else values[0] is what


def _not(values: list[Known | Unknown]) -> bool | Unknown | None:
    (value,) = values
    return not value if isinstance(value, bool) else (None if value is None else UNKNOWN)


def _first(values: list[Known | Unknown]) -> Known | Unknown:
    return next((value for value in values if value is not None), None)


#: What has a value even where an argument is NULL.
_ON_NULLS: Mapping[str, Callable[[list[Known | Unknown]], Known | Unknown]] = {
    "is null": lambda values: _is(values, None),
    "is true": lambda values: _is(values, True),
    "is false": lambda values: _is(values, False),
    "not": _not,
    "array": tuple,
    "COALESCE": _first,
    "num_nulls": lambda values: _number_of_nulls(values, counted=True),
    "num_nonnulls": lambda values: _number_of_nulls(values, counted=False),
}

#: What asks of its arguments whether they are NULL, and nothing else.
_NULL_TESTS = ("is null", "num_nulls", "num_nonnulls")

_FUNCTIONS: Mapping[tuple[str, int], Callable[..., Known | Unknown]] = {
    ("=", 2): partial(_told_apart, operator.eq),
    ("<>", 2): partial(_told_apart, operator.ne),
    ("<", 2): _compared(operator.lt),
    (">", 2): _compared(operator.gt),
    ("<=", 2): _compared(operator.le),
    (">=", 2): _compared(operator.ge),
    ("+", 2): lambda left, right: left + right,
    ("-", 2): lambda left, right: left - right,
    ("*", 2): lambda left, right: left * right,
    ("~", 2): _matches(),
    ("~*", 2): _matches(ignore_case=True),
    ("!~", 2): _matches(negated=True),
    ("!~*", 2): _matches(ignore_case=True, negated=True),
    ("~~", 2): _like(negated=False),
    ("!~~", 2): _like(negated=True),
    ("||", 2): lambda left, right: left + right if isinstance(left, str) else UNKNOWN,
    ("length", 1): _length,
    ("char_length", 1): _length,
    ("character_length", 1): _length,
    ("octet_length", 1): lambda text: Decimal(len(text.encode())),
    ("btrim", 1): _trimmed,
    ("TRIM", 1): _trimmed,
}
