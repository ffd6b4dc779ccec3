"""Writes and reads a row as one line of text: the server and Python make the same bytes.

A line is `('…', NULL, …)`: every value as the text of its type's output function, quoted as
`quote_literal` quotes. `format('%L')` calls the output function; a cast to text may not, as a
type can have a cast of its own.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256

from psycopg import sql

from replant.model import PlannedColumn, PlannedTable, PythonFunction, SqlExpression, Text

#: The line of a row without columns: `()` is no row of PostgreSQL's, and this is none of literals.
EMPTY_ROW = b"(true)"

#: PostgreSQL passes at most 100 arguments to a function; one of them is the format.
_MOST_ARGUMENTS = 99

# Possessive, so that text that is no row is refused in time linear in its length.
_LITERAL = rb"(?:E'(?:[^'\\\n\r\0]++|''|\\[\\nr])*+'|'(?:[^'\\\n\r\0]++|'')*+'|NULL)"
_ONE_LITERAL = re.compile(_LITERAL)
_ANY_LITERAL = re.compile(rb"E?'(?:[^']|'')*'")
_ESCAPED = re.compile(rb"''|\\(.)")
_UNESCAPED = {b"n": b"\n", b"r": b"\r", b"\\": b"\\"}


# -- on the server ------------------------------------------------------------------------------


def line_expression(table: PlannedTable, alias: str = "t0") -> sql.Composable:
    """Compose the row's line as text on the server; line breaks in values are left as they are."""
    values = [value_expression(column, alias) for column in table.columns]
    if not values:
        return sql.SQL("{}::text").format(sql.Literal(EMPTY_ROW.decode()))
    chunks = [values[i : i + _MOST_ARGUMENTS] for i in range(0, len(values), _MOST_ARGUMENTS)]
    parts = [
        sql.SQL("pg_catalog.format({}, {})").format(
            sql.Literal(", ".join(["%L"] * len(chunk))), sql.SQL(", ").join(chunk)
        )
        for chunk in chunks
    ]
    if len(parts) == 1:
        template = "(" + ", ".join(["%L"] * len(values)) + ")"
        return sql.SQL("pg_catalog.format({}, {})").format(
            sql.Literal(template), sql.SQL(", ").join(values)
        )
    return sql.SQL("pg_catalog.concat('(', {}, ')')").format(sql.SQL(", ', ', ").join(parts))


def value_expression(column: PlannedColumn, alias: str = "t0") -> sql.Composable:
    """Compose the column's value after the transforms that the server computes."""
    value: sql.Composable = sql.Identifier(alias, column.name)
    for transform in column.transforms:
        if isinstance(transform, SqlExpression):
            value = sql.SQL("(SELECT ({}\n) FROM (SELECT {} AS value) AS _)").format(
                sql.SQL(transform.sql), value
            )
    return value


def text_expression(value: sql.Composable) -> sql.Composable:
    """Compose the text of a value by its type's output function, or NULL.

    IS NULL also holds for a composite whose fields are all NULL; num_nulls looks at the value.
    """
    return sql.SQL(
        "CASE WHEN pg_catalog.num_nulls({}) = 0 THEN pg_catalog.format('%s', {}) END"
    ).format(value, value)


def order_by(table: PlannedTable, alias: str = "t0") -> sql.Composable:
    """Order by the key columns, by bytes if the type has a collation; without a key by the line.

    The order then depends on no locale of the server.
    """
    if not table.key:
        return line_expression(table, alias) + sql.SQL(' COLLATE "C"')
    return sql.SQL(", ").join(
        sql.Identifier(alias, name) + sql.SQL(' COLLATE "C"' if name in table.collatable else "")
        for name in table.key
    )


def computed_by_server(columns: Iterable[PlannedColumn]) -> bool:
    """Return whether no transform of these columns needs Python."""
    return not any(
        isinstance(transform, PythonFunction)
        for column in columns
        for transform in column.transforms
    )


# -- in Python ----------------------------------------------------------------------------------


def line(texts: Sequence[Text]) -> bytes:
    """Write a row's texts as the line that `line_expression` gives, byte for byte."""
    if not texts:
        return EMPTY_ROW
    return b"(" + b", ".join(map(literal, texts)) + b")"


def literal(text: Text) -> bytes:
    """Quote a text as `quote_literal` does; NULL for None."""
    if text is None:
        return b"NULL"
    quoted = text.encode().replace(b"'", b"''")
    if b"\\" in quoted:
        return b"E'" + quoted.replace(b"\\", b"\\\\") + b"'"
    return b"'" + quoted + b"'"


def on_one_line_each(rows: list[bytes]) -> list[bytes]:
    """Put each row's line on one line, as `on_one_line` does.

    Most batches have no line break at all, which one search over all of them finds out.
    """
    whole = b"".join(rows)
    if b"\n" not in whole and b"\r" not in whole:
        return rows
    return [on_one_line(row) if b"\n" in row or b"\r" in row else row for row in rows]


def on_one_line(row: bytes) -> bytes:
    r"""Replace line breaks inside a row's literals by `\n` and `\r`."""
    return _ANY_LITERAL.sub(_without_line_breaks, row)


def _without_line_breaks(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if b"\n" not in text and b"\r" not in text:
        return text
    # A literal without E has no backslash in it: quote_literal would have written E.
    prefix = b"" if text.startswith(b"E") else b"E"
    return prefix + text.replace(b"\n", rb"\n").replace(b"\r", rb"\r")


def is_row(text: bytes, width: int) -> bool:
    """Return whether the text is one row on one line: this number of literals, and nothing else."""
    if width == 0:
        return text == EMPTY_ROW
    return _row_pattern(width).fullmatch(text) is not None and is_utf8(text)


def is_utf8(text: bytes) -> bool:
    """Return whether the bytes are text in UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@cache
def _row_pattern(width: int) -> re.Pattern[bytes]:
    return re.compile(rb"\((?:%s, ){%d}%s\)" % (_LITERAL, width - 1, _LITERAL))


def texts(row: bytes) -> tuple[Text, ...]:
    """Read the texts of a row on one line: the inverse of `line` and `on_one_line`."""
    return tuple(_text(match[0]) for match in _ONE_LITERAL.finditer(row))


def _text(quoted: bytes) -> Text:
    if quoted == b"NULL":
        return None
    if quoted.startswith(b"E"):
        return _ESCAPED.sub(lambda m: _UNESCAPED[m[1]] if m[1] else b"'", quoted[2:-1]).decode()
    return quoted[1:-1].replace(b"''", b"'").decode()


# -- fingerprints -------------------------------------------------------------------------------


def row_hash(row: bytes) -> int:
    """Hash a row's content to 64 bits: the first eight bytes of the SHA-256 of its line in UTF-8.

    The line is the one before `on_one_line`.
    """
    return sum_of_hashes([row])


def sum_of_hashes(rows: list[bytes]) -> int:
    """Sum the rows' hashes, each a big-endian unsigned integer.

    Summing them as an array takes two thirds of the time of making an integer of each.
    """
    words = array("Q", b"".join([sha256(row).digest() for row in rows]))
    if sys.byteorder == "little":
        words.byteswap()
    return sum(words[:: sha256().digest_size // words.itemsize])


def fingerprint_expression(table: PlannedTable, alias: str = "t0") -> sql.Composable:
    """Compose the sum of `row_hash` over the rows as numeric, each hash taken as signed.

    Modulo 2**64 it equals the sum of the unsigned hashes.
    """
    return sql.SQL(
        "sum(('x' || encode(substr(sha256(convert_to({}, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint"
        "::numeric)"
    ).format(line_expression(table, alias))
