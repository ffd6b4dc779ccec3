"""Defines transforms of values, and how a plugin's format renders rows.

Both are decided once, while planning; what is decided here is then used for every row.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from replant.model.checked import checked, sql_text

Text = str | None


@frozen(field_transformer=checked)
class SqlExpression:
    """An SQL expression that the source server computes.

    As a value transform it sees the value as `value`, and the row's other columns by their names.
    As a row format it sees the row as `row_`, its columns as they are exported, and yields text.

    Attributes:
        sql: the expression; it is sent to the source, and never shown.
        how: how values are changed, for the plan and the artifact. Put no secret into it.

    """

    sql: str = field(validator=sql_text)
    how: str = "in SQL"


@frozen(field_transformer=checked)
class PythonFunction:
    """A Python function from a value's text to the new text; None stands for NULL.

    It must give the same answer for the same text, or two exports would differ.

    Attributes:
        function: the function.
        how: how values are changed, for the plan and the artifact. Put no secret into it.

    """

    function: Callable[[Text], Text]
    how: str = "in Python"


Transform = SqlExpression | PythonFunction


@frozen(field_transformer=checked)
class PythonRow:
    """A Python function from a row's texts to one line of bytes without its line end.

    The texts come in column order; None stands for NULL.
    """

    function: Callable[[tuple[Text, ...]], bytes]


RowFormat = SqlExpression | PythonRow
