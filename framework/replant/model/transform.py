"""Defines transforms of values, and how a plugin's format renders rows.

Both are decided once, while planning; what is decided here is then used for every row.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, field, frozen

from replant.model.checked import checked, sql_text
from replant.model.names import RelationName

Text = str | None


@frozen(field_transformer=checked)
class AmongShared:
    """Holds of a value, or of its row, if a shared row of a table has the same.

    Attributes:
        table: an exported table; it may be the value's own.
        columns: the columns of its shared rows that are compared.
        own: the columns of the value's row with which they are; empty for the value itself.

    """

    table: RelationName
    columns: tuple[str, ...]
    own: tuple[str, ...] = ()


@frozen(field_transformer=checked)
class SqlExpression:
    """An SQL expression that the source server computes.

    As a value transform it sees the value as `value`, and the row's other columns by their names.
    As a row format it sees the row as `row_`, its columns as they are exported, and yields text.

    Attributes:
        sql: the expression; it is sent to the source, and never shown.
        how: how values are changed, for the plan and the artifact. Put no secret into it.
        keeps_apart: whether different values always become different ones, and neither the old nor
            the new ones are secret. Then the target can be asked for the rows that a changed value
            chooses.
        unless: a value stays as it is where one of these holds.
        element: what happens to each element of an array; see `of_elements`.
        cases: what happens where another column holds a value; see `by_case`.

    """

    sql: str = field(validator=sql_text)
    how: str = "in SQL"
    keeps_apart: bool = False
    unless: tuple[AmongShared, ...] = ()
    element: SqlExpression | None = None
    cases: Cases | None = None


@frozen(field_transformer=checked)
class Cases:
    """What happens to a value where another column of its row holds this or that.

    Attributes:
        column: the other column.
        expressions: what it holds, and what happens to the value then; else it stays as it is.

    """

    column: str
    expressions: tuple[tuple[str, SqlExpression], ...]


@frozen(field_transformer=checked)
class PythonFunction:
    """A Python function from a value's text to the new text; None stands for NULL.

    It must give the same answer for the same text, or two exports would differ.

    Attributes:
        function: the function.
        how: how values are changed, for the plan and the artifact. Put no secret into it.
        given: an SQL expression, as of `SqlExpression`, of which the function gets the text in
            place of the value's own; so it can see other columns of the row, too.

    """

    function: Callable[[Text], Text]
    how: str = "in Python"
    given: str | None = None


Transform = SqlExpression | PythonFunction

#: An array of several dimensions, or of another first index, is what ARRAY[…] does not write: the
#: elements of its text are replaced one by one, and braces, commas and bounds stay.
_OF_ELEMENTS = """\
CASE WHEN pg_catalog.array_ndims(value) > 1 OR pg_catalog.array_lower(value, 1) <> 1
  THEN (SELECT coalesce(pg_catalog.substring(value::text, '^\\[[^=]*='), '')
      || pg_catalog.string_agg(coalesce(changed.text, part.text), '' ORDER BY part.place)
    FROM (SELECT found[1] AS text, place, found[1] !~ '^[{},]$' AS is_element,
        count(*) FILTER (WHERE found[1] !~ '^[{},]$') OVER (ORDER BY place) AS number
      FROM pg_catalog.regexp_matches(pg_catalog.regexp_replace(value::text, '^\\[[^=]*=', ''),
        '("(?:[^"\\\\]|\\\\.)*"|[^{},"]+|[{},])', 'g') WITH ORDINALITY AS _ (found, place)) AS part
    LEFT JOIN (SELECT ordinality AS number, pg_catalog.substring(ARRAY[({element}
        )]::text, '^.(.*).$') AS text
      FROM pg_catalog.unnest(value) WITH ORDINALITY AS _ (value, ordinality)) AS changed
      ON part.is_element AND changed.number = part.number)
  WHEN value IS NOT NULL
  THEN ARRAY(SELECT ({element}
    ) FROM pg_catalog.unnest(value) WITH ORDINALITY AS _ (value, ordinality) ORDER BY ordinality
  )::text END"""


def of_elements(element: SqlExpression) -> SqlExpression:
    """Return what changes each element of an array as another expression changes a value.

    So an array of references changes as the keys do that it holds. Dimensions and bounds stay.
    """
    return SqlExpression(
        _OF_ELEMENTS.replace("{element}", element.sql),
        f"each element: {element.how}",
        element=element,
    )


def by_case(cases: Cases) -> SqlExpression:
    """Return what changes a value by what another column of its row holds.

    So a reference changes whose type column says which table it leads to.
    """
    quoted = '"' + cases.column.replace('"', '""') + '"'
    whens = "".join(
        f" WHEN {_literal(held)} THEN CAST(({expression.sql}\n) AS text)"
        for held, expression in cases.expressions
    )
    return SqlExpression(
        f"CASE CAST({quoted} AS text){whens} ELSE CAST(value AS text) END",
        "; ".join(f"{held}: {expression.how}" for held, expression in cases.expressions),
        cases=cases,
    )


def settled(expression: SqlExpression, among: Callable[[AmongShared], str]) -> SqlExpression:
    """Return an expression in which the conditions of `unless` are part of the SQL.

    Args:
        expression: as a plugin gave it.
        among: composes such a condition; it sees the value as `value`. Empty where it never holds.

    """
    if expression.element is not None:
        return of_elements(settled(expression.element, among))
    if expression.cases is not None:
        known = tuple((held, settled(one, among)) for held, one in expression.cases.expressions)
        return by_case(evolve(expression.cases, expressions=known))
    conditions = [text for text in map(among, expression.unless) if text]
    if not conditions:
        return evolve(expression, unless=())
    return evolve(
        expression,
        sql=f"CASE WHEN {' OR '.join(conditions)} THEN CAST(value AS text)"
        f" ELSE CAST(({expression.sql}\n) AS text) END",
        keeps_apart=False,
        unless=(),
    )


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


@frozen(field_transformer=checked)
class PythonRow:
    """A Python function from a row's texts to one line of bytes without its line end.

    The texts come in column order; None stands for NULL.
    """

    function: Callable[[tuple[Text, ...]], bytes]


RowFormat = SqlExpression | PythonRow
