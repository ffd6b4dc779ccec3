"""The format `csv`: a file for each table, with a header, as spreadsheets and `COPY … CSV` read it.

NULL is an empty field, and an empty text is `""`, so the two can be told apart as PostgreSQL does.
"""

from __future__ import annotations

from collections.abc import Sequence

from replant import ArtifactFormat, ArtifactWriter, Column, Table, hookimpl

FORMATS = ("csv",)

#: What must stand in quotes.
_SPECIAL = frozenset(',"\r\n')


class CsvWriter(ArtifactWriter):
    """Writes CSV with line ends as RFC 4180 has them."""

    def table(self, table: Table, columns: Sequence[Column]) -> bytes:
        """Write the header."""
        del table
        return self.rows([tuple(column.name for column in columns)])

    def rows(self, rows: Sequence[tuple[str | None, ...]]) -> bytes:
        """Write a line for each row."""
        return "".join(f"{','.join(map(_field, row))}\r\n" for row in rows).encode()


@hookimpl
def write_artifact() -> ArtifactFormat:
    """Write a file for each table."""
    return ArtifactFormat(CsvWriter, suffix=".csv")


def _field(text: str | None) -> str:
    if text is None:
        return ""
    if text and _SPECIAL.isdisjoint(text):
        return text
    quoted = text.replace('"', '""')
    return f'"{quoted}"'
