"""SQL conditions as trees, and what can be told of them without any row.

`check_reading` makes them of the text of a CHECK constraint; `verdicts` judges rows by them.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen


@frozen
class Literal:
    """A constant: a string, a number as it was written, true or false; None for NULL."""

    text: str | None
    kind: str = "unknown"


@frozen
class Reference:
    """A column of the row, or `VALUE` in the check of a domain."""

    name: str


@frozen
class Cast:
    """A value as another type."""

    value: Expression
    type: str


@frozen
class Call:
    """A function or an operator with its arguments.

    Operators are named as they are written; `and`, `or`, `not`, `is null`, `= any`, `array` and
    others that are words in lower case.
    """

    name: str
    arguments: tuple[Expression, ...]


Expression = Literal | Reference | Cast | Call

#: What stands for a domain's value in its check.
VALUE = "VALUE"


def conjuncts(expression: Expression) -> Iterator[Expression]:
    """The parts that must all hold."""
    if isinstance(expression, Call) and expression.name == "and":
        for argument in expression.arguments:
            yield from conjuncts(argument)
    else:
        yield expression


def references(expression: Expression) -> frozenset[str]:
    """The names of all columns that an expression speaks of."""
    match expression:
        case Reference(name):
            return frozenset((name,))
        case Cast(value, _):
            return references(value)
        case Call(_, arguments):
            return frozenset(name for each in arguments for name in references(each))
        case _:
            return frozenset()


def projected(expression: Expression, name: str) -> Expression | None:
    """What a condition demands of one column whatever the others hold; None if that is nothing."""
    if isinstance(expression, Call) and expression.name in ("and", "or"):
        found = [projected(each, name) for each in expression.arguments]
        demands = tuple(each for each in found if each is not None)
        if not demands or (expression.name == "or" and len(demands) < len(found)):
            return None
        return Call(expression.name, demands)
    return expression if references(expression) == {name} else None
