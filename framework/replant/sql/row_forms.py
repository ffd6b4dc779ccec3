r"""The two forms of a row as one piece of text, which PostgreSQL writes and reads by itself.

A row passes from the source to the artifact, and from there to the target, in one form: nothing on
the way turns it into the other. Each form belongs to a format of an artifact.

`INSERT_ROWS`: `'a','It''s',NULL`, what COPY writes as CSV with the quote `'`. Between parentheses
it is a row of an INSERT. In a file, a literal with a line break in it is written as `E'…'`, so that
a row is on one line there too.

`COPY_ROWS`: what COPY writes as text. Fields are parted by tabs, NULL is `\N`, and a control
character or backslash is escaped, so a row is on one line whatever its values are.

PostgreSQL manual, COPY, "Text Format" and "CSV Format". What PostgreSQL would read, and never
writes, is refused.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat

from replant.database.joined_rows import JoinedRows
from replant.model import COPY, INSERT, Text

#: Rows of one table in one form, without what stands between them.
Rows = Sequence[bytes]

#: The texts of the columns of a key, which are never NULL.
TextKey = tuple[str, ...]


class RowForm(ABC):
    """How rows are text.

    Attributes:
        name: that of the format of artifacts whose rows have this form.
        copy_options: what COPY FROM is told to read them; empty for its default.
        copy_out_options: what COPY TO is told to write them.

    """

    name: str
    copy_options: str = ""
    copy_out_options: str = ""

    @abstractmethod
    def row(self, texts: Sequence[Text]) -> bytes:
        """Make a row of the texts of its values: the same bytes that PostgreSQL writes."""

    @abstractmethod
    def texts(self, row: bytes, width: int) -> tuple[Text, ...]:
        """Take a row of so many columns apart into the texts of its values.

        Raises:
            ValueError: it is not a row of that many columns.

        """

    @abstractmethod
    def written(self, rows: Rows) -> Rows:
        """Make of each row the one line of a file that holds it."""

    @abstractmethod
    def read(self, lines: Rows, width: int) -> Rows:
        """Make rows of the lines that `written` made.

        Rows of an INSERT are counted together: how many values each has is looked at where it is
        taken apart, by `texts` or by COPY.

        Raises:
            ValueError: a line is none that PostgreSQL would have written.

        """

    @abstractmethod
    def unchecked(self, lines: Rows, width: int) -> Rows:
        """Make rows of the lines that `written` made, with no more looks at them than that takes.

        Raises:
            ValueError: a line cannot be taken for a row.

        """

    def key_of(self, names: Sequence[str], key: Sequence[str]) -> Callable[[bytes], TextKey]:
        """Return a function that takes the texts of the key from a row with these columns."""
        places, width = [list(names).index(name) for name in key], len(names)

        def key_texts(row: bytes) -> TextKey:
            texts = self.texts(row, width)
            return tuple(texts[place] or "" for place in places)

        return key_texts


class _InsertRows(RowForm):
    """Rows as literals, parted by commas."""

    name = INSERT
    copy_options = "FORMAT csv, DELIMITER ',', QUOTE '''', ESCAPE '''', NULL 'NULL'"
    copy_out_options = f"{copy_options}, FORCE_QUOTE *"

    def row(self, texts: Sequence[Text]) -> bytes:
        return b",".join(map(_quoted, texts))

    def texts(self, row: bytes, width: int) -> tuple[Text, ...]:
        if width == 0 and not row:
            return ()
        found = [_unquoted(match[0]) for match in _RAW_LITERAL.finditer(row)]
        if len(found) != width:
            raise ValueError(f"it has {len(found)} values, and should have {width}")
        return tuple(found)

    def written(self, rows: Rows) -> Rows:
        return [b"(%b)" % row for row in _each_on_one_line(rows)]

    def read(self, lines: Rows, width: int) -> Rows:
        if width == 0:
            if lines.count(_EMPTY) != len(lines):
                raise ValueError("it is not a row without columns")
            return [b"" for _ in lines]
        rows = [line[1:-1] for line in lines if line[:1] == b"(" and line[-1:] == b")"]
        if len(rows) != len(lines):
            raise ValueError("it is not a row of literals")
        raw = _raw_rows(rows)
        # Where no literal has escapes, they are the same list.
        plain = rows if raw is rows else [row for row in rows if _MAYBE_ESCAPED not in row]
        _check_plain(plain, width)
        return raw

    def unchecked(self, lines: Rows, width: int) -> Rows:
        if width == 0:
            return [b"" for _ in lines]
        return _raw_rows([line[1:-1] for line in lines])


class _CopyRows(RowForm):
    """Rows as COPY's text format has them."""

    name = COPY

    def row(self, texts: Sequence[Text]) -> bytes:
        whole = "\t".join([_COPY_NULL if text is None else text for text in texts])
        # Mostly nothing is to be escaped: to look at all values at once takes half the time.
        parted = whole.count("\t") == len(texts) - 1
        if not parted or whole.count("\\") != texts.count(None) or _CONTROL.search(whole):
            whole = "\t".join(
                [_COPY_NULL if text is None else text.translate(_ESCAPING) for text in texts]
            )
        return whole.encode()

    def texts(self, row: bytes, width: int) -> tuple[Text, ...]:
        if width == 0 and not row:
            return ()
        found = row.decode().split("\t")
        if len(found) != width:
            raise ValueError(f"it has {len(found)} values, and should have {width}")
        return tuple(found) if b"\\" not in row else tuple(map(_unescaped, found))

    def written(self, rows: Rows) -> Rows:
        return rows

    def read(self, lines: Rows, width: int) -> Rows:
        if width == 0:
            if any(lines):
                raise ValueError("it is not a row without columns")
            return lines
        _check_copied(lines, width)
        return lines

    def unchecked(self, lines: Rows, width: int) -> Rows:
        del width
        return lines


# -- rows of an INSERT ----------------------------------------------------------------------------

#: A row without columns: `()` is not a row of PostgreSQL's, and this is none of literals.
_WITHOUT_COLUMNS = b"true"
_EMPTY = b"(%b)" % _WITHOUT_COLUMNS

# No quantifier is possessive: Python up to 3.11.4 takes what is no match for one (gh-106052).
_RAW_LITERAL = re.compile(rb"'[^']*(?:''[^']*)*'|NULL")

#: Only a literal with a line break has an E; a value may have the same letters in it.
_MAYBE_ESCAPED = b"E'"

#: What may stand before the first literal of a row in quotes, between two, and behind the last.
_BEFORE_LITERAL = re.compile(rb"(?:NULL,)*E?")
_BETWEEN_TWO = re.compile(rb",(?:NULL,)*E?")
_BEHIND_LITERAL = re.compile(rb"(?:,NULL)*")

#: What stands between literals of rows that are joined by line ends; nothing is a doubled quote.
_BETWEEN_LITERALS = re.compile(rb"(?:(?:,NULL)*\n(?:NULL(?:,NULL)*\n)*(?:NULL,)*|,(?:NULL,)*)?")


def _quoted(text: Text) -> bytes:
    if text is None:
        return b"NULL"
    return b"'" + text.encode().replace(b"'", b"''") + b"'"


def _unquoted(literal: bytes) -> Text:
    if literal == b"NULL":
        return None
    return literal[1:-1].replace(b"''", b"'").decode()


def listed(rows: Rows) -> bytes:
    """Make the lines of rows of an INSERT, with what parts them in a statement."""
    return b"(%b)" % b"),\n(".join(_each_on_one_line(rows))


def _each_on_one_line(rows: Rows) -> Rows:
    """Make of each row what stands between the parentheses of its line."""
    if isinstance(rows, JoinedRows) and b"\r" not in rows.text:
        ready = _lines_of(rows)
    else:
        ready = list(rows)
        for place in _rows_with_line_breaks(ready):
            ready[place] = _on_one_line(ready[place])
    return ready if all(ready) else [_WITHOUT_COLUMNS for _ in ready]


def _lines_of(rows: JoinedRows) -> list[bytes]:
    """Take rows without a carriage return apart at their line ends, and mend those with others."""
    lines = iter(rows.text.split(b"\n"))
    found = []
    for line, size in zip(lines, rows.sizes, strict=False):
        if len(line) + 1 < size:
            parts, held = [line], len(line) + 1
            while held < size:
                parts.append(next(lines))
                held += len(parts[-1]) + 1
            found.append(_on_one_line(b"\n".join(parts)))
        else:
            found.append(line)
    return found


def _rows_with_line_breaks(rows: Rows) -> set[int]:
    """Find the rows that hold a line break; to look at all at once is quicker than at each."""
    whole = b"\0".join(rows)  # no row of PostgreSQL's has a NUL
    found = set()
    for mark in (b"\n", b"\r"):
        row = start = 0
        while (place := whole.find(mark, start)) >= 0:
            row += whole.count(b"\0", start, place)
            found.add(row)
            start = whole.find(b"\0", place)
            if start < 0:
                break
    return found


def _on_one_line(row: bytes) -> bytes:
    r"""Write the literals that hold a line break as `E'…'`, with `\n` and `\r` for it."""
    parts = []
    end = 0
    while (place := _next_line_break(row, end)) >= 0:
        start = _start_of_literal(row, place)
        parts += [row[end:start], b"E"]
        end = _end_of_literal(row, place)
        literal = row[start:end].replace(b"\\", rb"\\")
        parts.append(literal.replace(b"\n", rb"\n").replace(b"\r", rb"\r"))
    parts.append(row[end:])
    return b"".join(parts)


def _next_line_break(row: bytes, start: int) -> int:
    feed, carriage = row.find(b"\n", start), row.find(b"\r", start)
    return max(feed, carriage) if min(feed, carriage) < 0 else min(feed, carriage)


def _start_of_literal(row: bytes, place: int) -> int:
    """Find the literal in which a place lies: its quote has an even number of quotes before it."""
    comma = row.rfind(b",'", 0, place)
    while comma >= 0 and row.count(b"'", 0, comma) % 2:
        comma = row.rfind(b",'", 0, comma)
    return comma + 1


def _end_of_literal(row: bytes, place: int) -> int:
    """Find the end of the literal in which a place lies; a doubled quote is none."""
    quote = row.find(b"'", place)
    while row[quote + 1 : quote + 2] == b"'":
        quote = row.find(b"'", quote + 2)
    return quote + 1


def _raw_rows(rows: Rows) -> Rows:
    """Make the rows of lines in which literals may be written as `E'…'`."""
    if _MAYBE_ESCAPED not in b"".join(rows):
        return rows
    return [row if _MAYBE_ESCAPED not in row else _raw(row) for row in rows]


def _raw(row: bytes) -> bytes:
    """Make the row of a line in which literals may be written as `E'…'`.

    Quotes part what is within literals from what is between them; a doubled one has nothing
    between.
    """
    parts = row.split(b"'")
    if len(parts) % 2 == 0:
        raise ValueError("it is not a row of literals")
    _check_utf8(row)
    between, within = parts[::2], parts[1::2]
    found = [_outside(between[0], _BEFORE_LITERAL)]
    begins = 0
    for place, piece in enumerate(between[1:], 1):
        if not piece and place < len(within):
            continue  # the literal goes on behind a doubled quote
        escaped = between[begins].endswith(b"E")
        found.append(b"''".join(_raw_pieces(within[begins:place], escaped=escaped)))
        found.append(_outside(piece, _BETWEEN_TWO if place < len(within) else _BEHIND_LITERAL))
        begins = place
    return b"'".join(found)


def _outside(piece: bytes, wanted: re.Pattern[bytes]) -> bytes:
    """Take the mark of a literal with escapes away from what stands between literals."""
    if wanted.fullmatch(piece) is None:
        raise ValueError("it is not a row of literals")
    return piece.removesuffix(b"E")


def _raw_pieces(pieces: Rows, *, escaped: bool) -> Rows:
    """Return the pieces of a literal as they are without escapes."""
    if any(byte in piece for piece in pieces for byte in (b"\n", b"\r", b"\0")):
        raise ValueError("a literal holds a line break or a NUL")
    if not escaped:
        return pieces
    raw = [b"\\".join(map(_with_line_breaks, piece.split(rb"\\"))) for piece in pieces]
    if not any(byte in piece for piece in raw for byte in (b"\n", b"\r")):
        raise ValueError("a literal without a line break is not written as E'…'")
    return raw


def _with_line_breaks(piece: bytes) -> bytes:
    """Put line breaks where their escapes are, in what has no escaped backslash."""
    if piece.count(b"\\") != piece.count(rb"\n") + piece.count(rb"\r"):
        raise ValueError("a literal holds an escape that is not written")
    return piece.replace(rb"\n", b"\n").replace(rb"\r", b"\r")


def _check_plain(rows: Rows, width: int) -> None:
    """Refuse rows that are not literals; a few operations look at all of them at once."""
    if not rows:
        return
    whole = b"\n%b\n" % b"\n".join(rows)
    parts = whole.split(b"'")
    if len(parts) % 2 == 0 or not all(map(_BETWEEN_LITERALS.fullmatch, set(parts[::2]))):
        raise ValueError("it is not a row of literals")
    commas = b"".join(parts[::2]).count(b",")
    if whole.count(b"\n") != len(rows) + 1 or commas != len(rows) * (width - 1):
        raise ValueError("it is not a row of literals")
    within = b"'".join(parts[1::2])
    if b"\n" in within or b"\r" in within or b"\0" in within:
        raise ValueError("a literal holds a line break or a NUL")
    _check_utf8(whole)


# -- rows of COPY ---------------------------------------------------------------------------------

_COPY_NULL = r"\N"

#: What PostgreSQL writes for each character that it escapes.
_ESCAPES: Mapping[str, str] = {
    "\\": r"\\",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
}
_ESCAPING = str.maketrans(dict(_ESCAPES))
_CONTROL = re.compile(r"[\b\f\n\r\v]")
_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED = {escape[1]: character for character, escape in _ESCAPES.items()}
_NEVER_RAW = (b"\0", b"\b", b"\v", b"\f", b"\r")
_AFTER_BACKSLASH = {b"b", b"f", b"n", b"r", b"t", b"v", b"N"}


def _unescaped(field: str) -> Text:
    if field == _COPY_NULL:
        return None
    if "\\" not in field:
        return field
    return _ESCAPED.sub(lambda match: _UNESCAPED[match[1]], field)


def _check_copied(rows: Rows, width: int) -> None:
    """Refuse rows that PostgreSQL would not have written so, in a few looks at all of them."""
    if not rows:
        return
    whole = b"\n%b\n" % b"\n".join(rows)
    if whole.count(b"\n") != len(rows) + 1 or any(byte in whole for byte in _NEVER_RAW):
        raise ValueError("it is not a row of COPY")
    if b"\\" in whole:
        # What is left of a run of backslashes, without its pairs, begins an escape.
        escapes = whole.replace(rb"\\", b"..")
        after = {part[:1] for part in escapes.split(b"\\")[1:]}
        # A NULL is a whole field; two tabs between fields let neighbours be counted.
        fields = escapes.replace(b"\n", b"\t").replace(b"\t", b"\t\t")
        if not after <= _AFTER_BACKSLASH or escapes.count(rb"\N") != fields.count(b"\t\\N\t"):
            raise ValueError("it is not a row of COPY")
    if set(map(bytes.count, rows, repeat(b"\t"))) != {width - 1}:
        raise ValueError("it has another number of values")
    _check_utf8(whole)


def _check_utf8(text: bytes) -> None:
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise ValueError("it is not text in UTF-8") from error


INSERT_ROWS: RowForm = _InsertRows()
COPY_ROWS: RowForm = _CopyRows()

#: By the format of an artifact.
FORMS: Mapping[str, RowForm] = {form.name: form for form in (INSERT_ROWS, COPY_ROWS)}
