"""The tree of a condition: what `parse_check` returns, and what can be told without any row."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen


@frozen
class Constant:
    """A constant: a string, a number as it was written, true or false; None for NULL."""

    text: str | None
    kind: str = "unknown"


@frozen
class ColumnReference:
    """A column of the row, or `VALUE` in the check of a domain."""

    name: str


@frozen
class Cast:
    """A value as another type, named as `format_type` names it."""

    value: Expression
    type: str


@frozen
class Call:
    """A function or an operator with its arguments.

    Operators are named as PostgreSQL names them (`~~` for LIKE); the others are words in lower
    case: `and`, `or`, `not`, `is null`, `is true`, `is false`, `= any`, `<> all`, `array`.
    """

    name: str
    arguments: tuple[Expression, ...]


@frozen
class ServerOnly:
    """A part that only the server can evaluate.

    Attributes:
        columns: the names of all columns in it.

    """

    columns: frozenset[str]


Expression = Constant | ColumnReference | Cast | Call | ServerOnly

#: What stands for a domain's value in its check.
VALUE = "VALUE"


def conjuncts(expression: Expression) -> Iterator[Expression]:
    """Yield the parts that must all hold."""
    if isinstance(expression, Call) and expression.name == "and":
        for argument in expression.arguments:
            yield from conjuncts(argument)
    else:
        yield expression


def without_casts(expression: Expression) -> Expression:
    """Return the value that is cast, however often."""
    while isinstance(expression, Cast):
        expression = expression.value
    return expression


def columns_of(expression: Expression) -> frozenset[str]:
    """Return the names of all columns in an expression."""
    match expression:
        case ColumnReference(name):
            return frozenset((name,))
        case Cast(value, _):
            return columns_of(value)
        case Call(_, arguments):
            return frozenset(name for each in arguments for name in columns_of(each))
        case ServerOnly(columns):
            return columns
        case _:
            return frozenset()


def condition_on_column(expression: Expression, name: str) -> Expression | None:
    """Return what a condition demands of one column whatever the others hold; None for nothing."""
    if isinstance(expression, Call) and expression.name in ("and", "or"):
        found = [condition_on_column(each, name) for each in expression.arguments]
        demands = tuple(each for each in found if each is not None)
        if not demands or (expression.name == "or" and len(demands) < len(found)):
            return None
        return Call(expression.name, demands)
    return expression if columns_of(expression) == {name} else None
