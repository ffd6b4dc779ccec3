"""Evaluates a condition for a row, as far as Python can: `evaluate_check` is what others call.

An expression and a row's texts come in. There are three results: the condition lets the row in, it
does not, or only the server knows. A condition that is NULL lets it in (PostgreSQL manual, "Check
Constraints"). What depends on a locale, a collation, a time zone or a function of the database is
left to the server.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from replant.model import Text
from replant.testing.checks.expressions import (
    Call,
    Cast,
    ColumnReference,
    Constant,
    Expression,
    ServerOnly,
)
from replant.testing.checks.patterns import (
    Pattern,
    has_known_case,
    like_pattern,
    regular_expression,
)
from replant.testing.checks.typed_values import EXACT, UNKNOWN, Known, Moment, Unknown, cast, typed

#: The types of constants as they are written.
_KINDS = {"string": "text", "number": "numeric", "boolean": "boolean", "unknown": "text"}


def evaluate_check(
    expression: Expression, row: Mapping[str, Text], types: Mapping[str, str]
) -> bool | None:
    """Say whether the condition lets the row in; None where only the server knows.

    Args:
        expression: as `parse_check` returns it.
        row: the text of each column; a column that is not there is unknown.
        types: the type of each column, below all domains; `enum` for every enum, `record` for
            every composite type.

    """
    found = _Evaluator(row, types).value(expression)
    if found is UNKNOWN:
        return None
    return found is not False


class _Evaluator:
    """Works out the value of an expression for one row."""

    def __init__(self, row: Mapping[str, Text], types: Mapping[str, str]) -> None:
        self._row = row
        self._types = types

    def value(self, expression: Expression) -> Known | Unknown:
        """Return the value that the expression has for the row."""
        match expression:
            case Constant(text, kind):
                return typed(text, _KINDS[kind])
            case ColumnReference(name):
                known = name in self._row and name in self._types
                return typed(self._row[name], self._types[name]) if known else UNKNOWN
            case Cast(inner, type_name):
                constant = isinstance(inner, Constant) and inner.kind == "string"
                return cast(self.value(inner), type_name, constant=constant)
            case Call(name, arguments):
                return self._call(name, arguments)
            case ServerOnly():
                return UNKNOWN

    def _call(self, name: str, arguments: tuple[Expression, ...]) -> Known | Unknown:
        if name in ("and", "or"):
            return _connected(name, [self.value(each) for each in arguments])
        if name == "is null":
            return self._is_null(arguments[0])
        if name in _NULL_COUNTS:
            return _ON_NULLS[name]([self._presence(each) for each in arguments])
        values = [self.value(each) for each in arguments]
        if name in _ON_NULLS:
            return _ON_NULLS[name](values)
        sign, _, quantifier = name.rpartition(" ")
        if quantifier in ("any", "all"):
            return _quantified(sign, quantifier, *values)
        return _strict(name, values)

    def _is_null(self, expression: Expression) -> Known | Unknown:
        value = self._presence(expression)
        composite = isinstance(expression, ColumnReference) and (
            self._types.get(expression.name) == "record"
        )
        # A composite value of NULLs is not NULL, and yet `IS NULL` holds for it.
        return UNKNOWN if composite and value is not None else _is([value], None)

    def _presence(self, expression: Expression) -> Known | Unknown:
        """Return the value, or for a column of any type whether it holds one: None or True."""
        match expression:
            case ColumnReference(name) if name in self._row:
                return None if self._row[name] is None else True
            case Cast(inner, _):
                return self._presence(inner)
            case _:
                return self.value(expression)


def _quantified(
    sign: str, quantifier: str, left: Known | Unknown, right: Known | Unknown
) -> Known | Unknown:
    if not isinstance(right, tuple):
        return UNKNOWN
    word = "or" if quantifier == "any" else "and"
    return _connected(word, [_strict(sign, [left, item]) for item in right])


def _connected(word: str, values: list[Known | Unknown]) -> bool | Unknown | None:
    """Join values by AND or OR: true, false, NULL, or unknown beside them."""
    decides = word == "or"
    if any(value is decides for value in values):
        return decides
    if UNKNOWN in values:
        return UNKNOWN
    return None if None in values else not decides


def _strict(name: str, values: list[Known | Unknown]) -> Known | Unknown:
    """Return the value of an operator or function that is NULL where an argument is."""
    function = _FUNCTIONS.get((name, len(values)))
    if function is None:
        return UNKNOWN
    if any(value is None for value in values):
        return None
    if UNKNOWN in values:
        return UNKNOWN
    try:
        return function(*values)
    except (TypeError, ArithmeticError, ValueError, AttributeError):
        return UNKNOWN


def _compared(
    test: Callable[[Any, Any], bool], left: Any, right: Any, *, ordered: bool = True
) -> bool | Unknown:
    """Compare two values of one type, where Python has the same order or equality."""
    if type(left) is not type(right) or isinstance(left, tuple):
        return UNKNOWN
    if isinstance(left, str) and ordered:
        # Texts have the order of their collation, labels that of their enum.
        return UNKNOWN
    if isinstance(left, Moment) and (
        left.zoned is not right.zoned or (left.beyond and left == right)
    ):
        return UNKNOWN
    return test(left, right)


def _calculated(
    operation: Callable[[Decimal, Decimal], Decimal], left: Any, right: Any
) -> Decimal | Unknown:
    exact = isinstance(left, Decimal) and isinstance(right, Decimal)
    return operation(left, right) if exact else UNKNOWN


def _matches(
    read: Callable[..., Pattern | None],
    text: str,
    pattern: str,
    *,
    ignore_case: bool = False,
) -> bool | Unknown:
    found = read(pattern, ignore_case=ignore_case)
    matches = None if found is None else found.matches(text)
    return UNKNOWN if matches is None else matches


def _concatenated(left: Any, right: Any) -> str | Unknown:
    return left + right if isinstance(left, str) else UNKNOWN


def _with_case(change: Callable[[str], str], text: str) -> str | Unknown:
    return change(text) if has_known_case(text) else UNKNOWN


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
    "is true": partial(_is, what=True),
    "is false": partial(_is, what=False),
    "not": _not,
    "array": tuple,
    "coalesce": _first,
    "num_nulls": partial(_number_of_nulls, counted=True),
    "num_nonnulls": partial(_number_of_nulls, counted=False),
}

#: What asks of its arguments whether they are NULL, and nothing else.
_NULL_COUNTS = ("num_nulls", "num_nonnulls")

_FUNCTIONS: Mapping[tuple[str, int], Callable[..., Known | Unknown]] = {
    ("=", 2): partial(_compared, operator.eq, ordered=False),
    ("<>", 2): partial(_compared, operator.ne, ordered=False),
    ("<", 2): partial(_compared, operator.lt),
    (">", 2): partial(_compared, operator.gt),
    ("<=", 2): partial(_compared, operator.le),
    (">=", 2): partial(_compared, operator.ge),
    ("+", 2): partial(_calculated, EXACT.add),
    ("-", 2): partial(_calculated, EXACT.subtract),
    ("*", 2): partial(_calculated, EXACT.multiply),
    ("~", 2): partial(_matches, regular_expression),
    ("~*", 2): partial(_matches, regular_expression, ignore_case=True),
    ("~~", 2): partial(_matches, like_pattern),
    ("~~*", 2): partial(_matches, like_pattern, ignore_case=True),
    ("||", 2): _concatenated,
    ("lower", 1): partial(_with_case, str.lower),
    ("upper", 1): partial(_with_case, str.upper),
    ("length", 1): _length,
    ("octet_length", 1): lambda text: Decimal(len(text.encode())),
    ("btrim", 1): _trimmed,
}
