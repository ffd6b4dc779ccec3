r"""Reads and writes a row as one line of COPY's text format, exactly as PostgreSQL writes it.

Fields are parted by tabs, NULL is `\N`, and a control character or backslash is escaped, so a row
is on one line whatever its values are. PostgreSQL manual, COPY, "Text Format". PostgreSQL reads
more escapes than it writes; here they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256

from replant.model import Text
from replant.sql.row_text import EMPTY_ROW, is_utf8, line, sum_of_hashes

#: What PostgreSQL writes for each character that it escapes.
_ESCAPES = {
    "\\": r"\\",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
}
_ESCAPING = str.maketrans(_ESCAPES)
_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED = {escape[1]: character for character, escape in _ESCAPES.items()}

_ESCAPED_BYTE = re.compile(rb"\\(.)")
_UNESCAPED_BYTE = {key.encode(): text.encode() for key, text in _UNESCAPED.items()}

_PIECE = 1 << 20

_NULL = b"\\N"
_FIELD = rb"(?:\\N|(?:[^\\\t\n\r\x08\x0b\x0c\0]++|\\[\\bfnrtv])*+)"


def copy_row(texts: Sequence[Text]) -> bytes:
    """Write a row's texts as the line that COPY TO writes, without its line end."""
    return b"\t".join(_NULL if t is None else t.translate(_ESCAPING).encode() for t in texts)


def copy_texts(row: bytes, width: int) -> tuple[Text, ...]:
    """Read the texts of a row's line; `width` is how many columns it has."""
    if width == 0:
        return ()
    return tuple(_text(part) for part in row.split(b"\t"))


def is_copy_row(text: bytes, width: int) -> bool:
    """Return whether the text is one row of that many fields, exactly as PostgreSQL writes it."""
    if width == 0:
        return not text
    return _row_pattern(width).fullmatch(text) is not None and is_utf8(text)


def insert_lines(rows: list[bytes], width: int) -> list[bytes]:
    """Turn rows of COPY into the lines that the server's `line_expression` gives for them.

    All rows at once: most have no backslash but that of NULL, and cost no call of their own.
    """
    if width == 0:
        return [EMPTY_ROW] * len(rows)
    if not rows:
        return []
    whole = b"\n".join(rows).replace(b"'", b"''")
    quoted = b"('" + whole.replace(b"\t", b"', '").replace(b"\n", b"')\n('") + b"')"
    # A backslash of a value is doubled, so a single one with N is NULL.
    quoted = quoted.replace(b"'\\N'", b"NULL")
    made = quoted.split(b"\n")
    if b"\\" not in quoted:
        return made
    return [
        line(copy_texts(row, width)) if b"\\" in simple else simple
        for row, simple in zip(rows, made, strict=True)
    ]


def copy_row_hash(row: bytes, width: int) -> int:
    """Hash a row of COPY in pieces; equal to `row_text.row_hash` of the same row's line.

    For rows so large that a copy of one costs more than the time of doing without.
    """
    if width == 0:
        return sum_of_hashes([EMPTY_ROW])
    digest = sha256(b"(")
    start = 0
    while start <= len(row):
        tab = row.find(b"\t", start)
        end = len(row) if tab < 0 else tab
        digest.update(b", " if start else b"")
        for part in _literal(row, start, end):
            digest.update(part)
        start = end + 1
    digest.update(b")")
    return int.from_bytes(digest.digest()[:8])


def _literal(row: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield the field between two offsets as `row_text.literal` writes it, in pieces."""
    if row[start : min(end, start + 3)] == _NULL:
        yield b"NULL"
        return
    escaped = row.find(b"\\\\", start, end) >= 0
    yield b"E'" if escaped else b"'"
    while start < end:
        stop = min(end, start + _PIECE)
        # A backslash that begins an escape stays with what it escapes.
        while stop < end and (stop - len(row[start:stop].rstrip(b"\\")) - start) % 2:
            stop += 1
        text = _ESCAPED_BYTE.sub(lambda m: _UNESCAPED_BYTE[m[1]], row[start:stop])
        text = text.replace(b"'", b"''")
        yield text.replace(b"\\", rb"\\") if escaped else text
        start = stop
    yield b"'"


def _text(part: bytes) -> Text:
    if part == _NULL:
        return None
    if b"\\" not in part:
        return part.decode()
    return _ESCAPED.sub(lambda m: _UNESCAPED[m[1]], part.decode())


@cache
def _row_pattern(width: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?:%s\t){%d}%s" % (_FIELD, width - 1, _FIELD))
