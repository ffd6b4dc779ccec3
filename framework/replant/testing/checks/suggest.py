"""Values that a condition on one column is likely to let in: a tree comes in, strategies come out.

They are suggestions: who draws them asks `verdict` afterwards, and the server in the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, DecimalException

from attrs import define
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from replant.testing.checks.evaluate import NUMBERS, STRINGS, without_modifier
from replant.testing.checks.expressions import Call, Cast, Expression, Literal, Reference, conjuncts
from replant.testing.checks.patterns import like_pattern, python_pattern
from replant.testing.generation.text_values import MOST_CHARACTERS, texts

_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}
_LENGTHS = frozenset(("length", "char_length", "character_length", "octet_length"))
_WORDS = st.characters(codec="utf-8", exclude_characters="\0")
_ENDS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_MOST_LENGTH = 1000


def suggested(conditions: Iterable[Expression], type_name: str) -> SearchStrategy[str] | None:
    """Texts for the one column that the conditions speak of; None if they suggest none.

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
    if lengths.known and kind in STRINGS and not found:
        low, high = lengths.whole(0, MOST_CHARACTERS)
        found.append(texts(min_size=low, max_size=min(max(high, low), _MOST_LENGTH)))
    return st.one_of(found) if found else None


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
        """Whole numbers from `least` on where no bound says otherwise, `span` of them."""
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
    found = re.search(r"\((\d+)(?:,(-?\d+))?\)", type_name)
    return 6 if found is None else max(int(found[1]) - int(found[2] or 0), 0)


def _days(bounds: _Bounds) -> list[SearchStrategy[str]]:
    try:
        low = date.fromordinal(int(bounds.low)) if bounds.low is not None else date(1, 1, 1)
        high = date.fromordinal(int(bounds.high)) if bounds.high is not None else date.max
        return [st.dates(low, max(low, high)).map(str)]
    except (ValueError, OverflowError):
        return []


def _limits(part: Expression) -> Iterator[tuple[str, tuple[str, Decimal]]]:
    """What the part says of the value itself, or of its length."""
    if not isinstance(part, Call) or part.name not in _MIRRORED:
        return
    operator, (left, right) = part.name, part.arguments
    if constant(left) is not None:
        left, right, operator = right, left, _MIRRORED[operator]
    text = constant(right)
    number = None if text is None else _ordinal(text)
    if number is None:
        return
    match _bare(left):
        case Reference():
            yield "value", (operator, number)
        case Call(name, (argument,)) if name in _LENGTHS and isinstance(_bare(argument), Reference):
            step = {">": 1, "<": -1}.get(operator, 0)
            yield "length", (operator, number + step)


def _ordinal(text: str) -> Decimal | None:
    """A number, or a day as the number of it."""
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
            inner = suggested([each], type_name)
            if inner is not None:
                yield inner
        return
    pattern = _pattern(part)
    if pattern is not None:
        ignore_case = part.name == "~*"
        read = python_pattern(pattern, ignore_case=ignore_case)
        if read is not None:
            yield st.from_regex(read, alphabet=_WORDS)


def _pattern(part: Call) -> str | None:
    """The regular expression that the column itself must match."""
    if part.name not in ("~", "~*", "~~"):
        return None
    column, pattern = part.arguments
    text = constant(pattern)
    if text is None or not isinstance(_bare(column), Reference):
        return None
    return like_pattern(text) if part.name == "~~" else text


def _listed(part: Expression) -> list[str] | None:
    """The only values that the part lets in, of `column = ANY (ARRAY[…])` or `column = …`."""
    if not isinstance(part, Call) or len(part.arguments) != 2:  # noqa: PLR2004 - of two sides
        return None
    column, other = part.arguments
    if not isinstance(_bare(column), Reference):
        return None
    array = _bare(other)
    if part.name == "= any" and isinstance(array, Call) and array.name == "array":
        found = [constant(item) for item in array.arguments]
        return [text for text in found if text is not None]
    text = constant(other)
    return [text] if part.name == "=" and text is not None else None


def constant(expression: Expression) -> str | None:
    """The text of a constant, whatever it is cast to."""
    bare = _bare(expression)
    return bare.text if isinstance(bare, Literal) else None


def _bare(expression: Expression) -> Expression:
    while isinstance(expression, Cast):
        expression = expression.value
    return expression
