"""Suggests values for a column from its CHECK constraints: conditions to a Hypothesis strategy.

A suggested value is likely to satisfy the conditions; `evaluate_check` tells whether it does, and
where that does not know, the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, DecimalException

from attrs import define
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from replant.testing.checks.expressions import (
    Call,
    Cast,
    ColumnReference,
    Constant,
    Expression,
    conjuncts,
    without_casts,
)
from replant.testing.checks.patterns import Pattern, like_pattern, regular_expression
from replant.testing.checks.typed_values import NUMBERS, STRINGS, modifiers, without_modifier
from replant.testing.generation.text_values import MOST_CHARACTERS, texts

_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}
_LENGTHS = frozenset(("length", "octet_length"))
_ANY = st.characters(codec="utf-8", exclude_characters="\0")
_ASCII = st.characters(codec="ascii", exclude_characters="\0")
#: Characters of which all locales say the same: see `has_known_case`.
_SAME_IN_ALL_LOCALES = st.characters(codec="ascii", exclude_characters="\0iI\x1c\x1d\x1e\x1f")
_PATTERNS = {"~": regular_expression, "~~": like_pattern}
_ENDS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_MOST_LENGTH = 1000


def values_from_checks(
    conditions: Iterable[Expression], type_name: str
) -> SearchStrategy[str] | None:
    """Suggest texts for the one column in the conditions; None if they say nothing of it.

    Args:
        conditions: all of them must hold.
        type_name: the column's type below all domains.

    """
    kind = without_modifier(type_name)
    parts = [part for condition in conditions for part in conjuncts(condition)]
    bounds, lengths = _Bounds(), _Bounds()
    found: list[SearchStrategy[str]] = []
    for part in parts:
        if (listed := _listed(part)) is not None:
            # Nothing but these is let in.
            return st.sampled_from(listed) if listed else None
        found += _of_part(part, type_name)
        for name, number in _limits(part):
            (bounds if name == "value" else lengths).narrow(*number)
    if bounds.known and kind in NUMBERS:
        found.append(_numbers(bounds, type_name))
    if bounds.known and kind.startswith(("date", "timestamp")):
        found += _days(bounds)
    if kind in STRINGS and not found:
        found += _strings(lengths, needs_locale=any(map(_needs_locale, parts)))
    return st.one_of(found) if found else None


def _strings(lengths: _Bounds, *, needs_locale: bool) -> list[SearchStrategy[str]]:
    """Draw texts of these lengths; where the locale counts, such as all locales see alike."""
    if not lengths.known and not needs_locale:
        return []
    low, high = lengths.whole(0, MOST_CHARACTERS)
    high = min(max(high, low), _MOST_LENGTH)
    if needs_locale:
        return [st.text(_SAME_IN_ALL_LOCALES, min_size=low, max_size=high)]
    return [texts(min_size=low, max_size=high)]


@define
class _Bounds:
    """The least and the greatest value, where there is one."""

    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def known(self) -> bool:
        return self.low is not None or self.high is not None

    def narrow(self, operator: str, number: Decimal) -> None:
        """Take what `operator number` says of the value; a strict bound is met as others are."""
        if operator in (">", ">=", "="):
            self.low = number if self.low is None else max(self.low, number)
        if operator in ("<", "<=", "="):
            self.high = number if self.high is None else min(self.high, number)

    def whole(self, least: int, span: int) -> tuple[int, int]:
        """Return the least and the greatest whole number, `span` apart where a bound is missing."""
        low = None if self.low is None else int(self.low.to_integral_value(ROUND_CEILING))
        high = None if self.high is None else int(self.high.to_integral_value(ROUND_FLOOR))
        if low is None:
            low = least if high is None or high >= least else high - span
        return low, max(low, high if high is not None else low + span)


def _numbers(bounds: _Bounds, type_name: str) -> SearchStrategy[str]:
    kind = without_modifier(type_name)
    # Where a bound is missing a type ends somewhere; beyond that end nothing can be read.
    end = _ENDS.get(kind) or 10 ** _digits_before_the_point(type_name)
    low, high = bounds.whole(-end, 2 * end - 1)
    if bounds.high is None:
        high = max(low, end - 1)
    ends = [low, high, min(low + 1, high), max(high - 1, low)]
    whole = (st.integers(low, high) | st.sampled_from(ends)).map(str)
    if kind in _ENDS or bounds.low is None or bounds.high is None:
        return whole
    least, eighth = bounds.low, (bounds.high - bounds.low) / 8
    return whole | st.integers(0, 8).map(lambda n: f"{least + eighth * n:f}")


def _digits_before_the_point(type_name: str) -> int:
    match modifiers(type_name):
        case [precision, *scale]:
            return max(precision - sum(scale), 0)
        case _:
            return 6


def _days(bounds: _Bounds) -> list[SearchStrategy[str]]:
    try:
        low = date.fromordinal(int(bounds.low)) if bounds.low is not None else date(1, 1, 1)
        high = date.fromordinal(int(bounds.high)) if bounds.high is not None else date.max
        return [st.dates(low, max(low, high)).map(str)]
    except (ValueError, OverflowError):
        return []


def _limits(part: Expression) -> Iterator[tuple[str, tuple[str, Decimal]]]:
    """Yield what the part says of the value itself, or of its length."""
    if not isinstance(part, Call) or part.name not in _MIRRORED:
        return
    operator, (left, right) = part.name, part.arguments
    if constant(left) is not None:
        left, right, operator = right, left, _MIRRORED[operator]
    text = constant(right)
    number = None if text is None else _ordinal(text)
    if number is None:
        return
    match without_casts(left):
        case ColumnReference():
            yield "value", (operator, number)
        case Call(name, (argument,)) if name in _LENGTHS and isinstance(
            without_casts(argument), ColumnReference
        ):
            step = {">": 1, "<": -1}.get(operator, 0)
            yield "length", (operator, number + step)


def _ordinal(text: str) -> Decimal | None:
    """Read a number, or a day as the number of it."""
    try:
        number = Decimal(text)
        return number if number.is_finite() else None
    except DecimalException:
        pass
    try:
        return Decimal(date.fromisoformat(text[:10]).toordinal())
    except ValueError:
        return None


def _of_part(part: Expression, type_name: str) -> Iterator[SearchStrategy[str]]:
    if not isinstance(part, Call):
        return
    if part.name == "or":
        for each in part.arguments:
            inner = values_from_checks([each], type_name)
            if inner is not None:
                yield inner
        return
    for pattern in _patterns(part):
        ascii_only = pattern.needs_locale and pattern.regex.pattern.isascii()
        yield st.from_regex(pattern.regex, alphabet=_ASCII if ascii_only else _ANY)


def _patterns(part: Call) -> Iterator[Pattern]:
    """Yield the patterns of which the column must match one, as far as they are known."""
    operator, _, quantifier = part.name.partition(" ")
    read = _PATTERNS.get(operator.removesuffix("*"))
    if read is None or quantifier == "all":
        return
    column, right = part.arguments
    if not isinstance(without_casts(column), ColumnReference):
        return
    for item in _items(right) if quantifier == "any" else [right]:
        text = constant(item)
        found = None if text is None else read(text, ignore_case=operator.endswith("*"))
        if found is not None:
            yield found


def _items(array: Expression) -> tuple[Expression, ...]:
    bare = without_casts(array)
    return bare.arguments if isinstance(bare, Call) and bare.name == "array" else ()


def _needs_locale(expression: Expression) -> bool:
    """Say whether there are texts for which only the server can evaluate the expression."""
    match expression:
        case Call("lower" | "upper" | "~*" | "~~*"):
            return True
        case Call("~", (_, pattern)) if (text := constant(pattern)) is not None:
            found = regular_expression(text)
            return found is not None and found.needs_locale
        case Call(_, arguments):
            return any(map(_needs_locale, arguments))
        case Cast(value, _):
            return _needs_locale(value)
        case _:
            return False


def _listed(part: Expression) -> list[str] | None:
    """Return the only values that `column = ANY (ARRAY[…])` or `column = …` lets in."""
    if not isinstance(part, Call) or len(part.arguments) != 2:  # noqa: PLR2004 - of two sides
        return None
    column, other = part.arguments
    if not isinstance(without_casts(column), ColumnReference):
        return None
    if part.name == "= any" and (items := _items(other)):
        found = [constant(item) for item in items]
        return [text for text in found if text is not None]
    text = constant(other)
    return [text] if part.name == "=" and text is not None else None


def constant(expression: Expression) -> str | None:
    """Return the text of a constant, whatever it is cast to."""
    bare = without_casts(expression)
    return bare.text if isinstance(bare, Constant) else None
