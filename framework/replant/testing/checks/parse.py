"""Parses CHECK constraints with sqlglot: the text of `pg_get_constraintdef` to an `Expression`.

sqlglot reads many dialects of SQL into one tree, and that tree changes between its releases. So
only nodes and arguments that are known here are taken over; whatever else occurs is `ServerOnly`,
never a guess. The text must be written under an empty `search_path`: then a function without a
schema is PostgreSQL's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from replant.testing.checks.expressions import (
    Call,
    Cast,
    ColumnReference,
    Constant,
    Expression,
    ServerOnly,
)

#: What may follow the condition in a constraint's definition.
_AFTER_CONDITION = re.compile(r"(?: NO INHERIT| NOT VALID| NOT ENFORCED)+$")

_OPERATORS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.GT: ">",
    exp.LTE: "<=",
    exp.GTE: ">=",
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Mod: "%",
    exp.DPipe: "||",
    exp.RegexpLike: "~",
    exp.RegexpILike: "~*",
    exp.Like: "~~",
    exp.ILike: "~~*",
}

#: Functions that have a node of their own.
_FUNCTIONS: Mapping[type[exp.Expr], str] = {
    exp.Coalesce: "coalesce",
    exp.Length: "length",
    exp.Lower: "lower",
    exp.Trim: "btrim",
    exp.Upper: "upper",
}

_TYPES: Mapping[exp.DType, str] = {
    exp.DType.BIGINT: "bigint",
    exp.DType.BOOLEAN: "boolean",
    exp.DType.DATE: "date",
    exp.DType.DECIMAL: "numeric",
    exp.DType.DOUBLE: "double precision",
    exp.DType.FLOAT: "real",
    exp.DType.INT: "integer",
    exp.DType.NAME: "name",
    exp.DType.SMALLINT: "smallint",
    exp.DType.TEXT: "text",
    exp.DType.TIMESTAMP: "timestamp without time zone",
    exp.DType.TIMESTAMPTZ: "timestamp with time zone",
    exp.DType.VARCHAR: "character varying",
}


class _UnknownError(Exception):
    """A node or an argument that is not known here."""


@lru_cache(maxsize=10_000)
def parse_check(text: str) -> Expression | None:
    """Parse the condition of `CHECK (…)`, or a bare condition.

    Returns:
        The tree, in which `ServerOnly` stands for each part that is not known here; None if the
        text cannot be parsed at all.

    """
    condition = _AFTER_CONDITION.sub("", text.removeprefix("CHECK "))
    try:
        select = sqlglot.parse_one(f"SELECT {condition}", dialect="postgres")
    except SqlglotError:
        return None
    return _converted(select.expressions[0]) if len(select.expressions) == 1 else None


def _converted(node: exp.Expr) -> Expression:
    """Convert the node, or else take it for what only the server can evaluate."""
    try:
        return _CONVERTERS[type(node)](node)
    except (KeyError, _UnknownError):
        return ServerOnly(frozenset(column.name for column in node.find_all(exp.Column)))


def _only(node: exp.Expr, *names: str) -> list[Any]:
    """Return the arguments of these names.

    Raises:
        _UnknownError: the node has others.

    """
    if any(value for name, value in node.args.items() if name not in names):
        raise _UnknownError
    return [node.args.get(name) for name in names]


def _parenthesised(node: exp.Expr) -> Expression:
    (inner,) = _only(node, "this")
    return _converted(inner)


def _connected(node: exp.Expr, *, word: str) -> Expression:
    _only(node, "this", "expression")
    return Call(word, tuple(_converted(part) for part in node.flatten()))


def _negated(node: exp.Expr) -> Expression:
    return Call("not", (_parenthesised(node),))


def _is(node: exp.Expr) -> Expression:
    value, what, negate = _only(node, "this", "expression", "negate")
    match what:
        case exp.Null():
            word = "null"
        case exp.Boolean():
            word = str(what.this).lower()
        case _:
            raise _UnknownError
    test = Call(f"is {word}", (_converted(value),))
    return Call("not", (test,)) if negate else test


def _operated(node: exp.Expr, *, name: str) -> Expression:
    # `safe` is said of every `||`; it tells other dialects apart.
    left, right, negate, _ = _only(node, "this", "expression", "negate", "safe")
    quantifier, right = _quantified(right)
    if quantifier and type(node.parent) is exp.Not:
        # sqlglot reads `t !~ ANY (…)` as `NOT t ~ ANY (…)`, which is something else.
        raise _UnknownError
    if quantifier and negate:
        # `t NOT LIKE ANY (…)`: there is one that it is not like, so it is not like all of them.
        quantifier = {" any": " all", " all": " any"}[quantifier]
    test = Call(name + quantifier, (_converted(left), _converted(right)))
    return Call("not", (test,)) if negate else test


def _quantified(right: exp.Expr) -> tuple[str, exp.Expr]:
    """Split the right side of an operator into its quantifier, ANY or ALL, and the rest."""
    # After comparisons ALL is a function, after LIKE a node of its own.
    if type(right) is exp.Anonymous and right.name.upper() == "ALL" and right.expressions:
        return " all", right.expressions[0]
    if type(right) in (exp.Any, exp.All):
        return f" {right.key}", right.this
    return "", right


def _called(node: exp.Expr, *, name: str) -> Expression:
    first, others, position = _only(node, "this", "expressions", "position")
    if position not in (None, "BOTH"):
        raise _UnknownError
    return Call(name, tuple(_converted(each) for each in (first, *(others or ()))))


def _called_by_name(node: exp.Expr) -> Expression:
    name, arguments = _only(node, "this", "expressions")
    return Call(name, tuple(map(_converted, arguments)))


def _array(node: exp.Expr) -> Expression:
    (items,) = _only(node, "expressions")
    return Call("array", tuple(map(_converted, items)))


def _cast(node: exp.Expr) -> Expression:
    value, to = _only(node, "this", "to")
    return Cast(_converted(value), _type_name(to))


def _type_name(node: exp.Expr) -> str:
    kind = node.this
    if kind is exp.DType.USERDEFINED:
        return node.args["kind"].sql(dialect="postgres")  # type: ignore[no-any-return]
    if kind is exp.DType.ARRAY and len(node.expressions) == 1:
        return f"{_type_name(node.expressions[0])}[]"
    # Of other types it is enough that they are none of these: `uuid`, `regclass`, `interval`.
    name = _TYPES.get(kind) or str(getattr(kind, "value", kind)).lower()
    modifiers = ",".join(each.name for each in node.expressions)
    return f"{name}({modifiers})" if modifiers else name


def _minus(node: exp.Expr) -> Expression:
    value = _parenthesised(node)
    if isinstance(value, Constant) and value.kind == "number":
        return Constant(f"-{value.text}", "number")
    return Call("-", (Constant("0", "number"), value))


def _literal(node: exp.Expr) -> Expression:
    text, is_string = _only(node, "this", "is_string")
    return Constant(text, "string" if is_string else "number")


def _boolean(node: exp.Expr) -> Expression:
    (value,) = _only(node, "this")
    return Constant(str(value).lower(), "boolean")


def _column(node: exp.Expr) -> Expression:
    (identifier,) = _only(node, "this")
    if type(identifier) is not exp.Identifier:
        raise _UnknownError
    return ColumnReference(identifier.name)


_CONVERTERS: Mapping[type[exp.Expr], Callable[[exp.Expr], Expression]] = {
    exp.Paren: _parenthesised,
    exp.And: partial(_connected, word="and"),
    exp.Or: partial(_connected, word="or"),
    exp.Not: _negated,
    exp.Is: _is,
    exp.Anonymous: _called_by_name,
    exp.Array: _array,
    exp.Cast: _cast,
    exp.Neg: _minus,
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: lambda _: Constant(None),
    exp.Column: _column,
    **{kind: partial(_operated, name=name) for kind, name in _OPERATORS.items()},
    **{kind: partial(_called, name=name) for kind, name in _FUNCTIONS.items()},
}
