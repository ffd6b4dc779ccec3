"""Streams the rows of a plan from the source, and hashes them on the way.

A plan goes in; batches of rendered rows come out, with the count and fingerprint of each table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import groupby

from attrs import evolve

from replant.artifact.sql_file_writer import Batch, in_one_statement
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_fields, copied_rows, copied_texts
from replant.model import (
    ForeignKey,
    LoadTable,
    PatchColumns,
    Plan,
    PlannedTable,
    Progress,
    PythonFunction,
    PythonRow,
    RelationName,
    SqlExpression,
    Step,
    Text,
)
from replant.planning.changed_keys import WrittenKeys
from replant.planning.plugin_faults import blaming_plugins, row_namer
from replant.plugins.guarded import each_row
from replant.sql import row_queries as queries
from replant.sql.copy_text import copy_row, copy_row_hash, insert_lines
from replant.sql.load_statements import Frame
from replant.sql.row_text import computed_by_server, line, on_one_line_each, sum_of_hashes

#: A batch of fewer rows than this is hashed row by row, without a copy of any.
_FEW = 8


class SourceRows:
    """Gives the rows of each step, and keeps the fingerprint of each table as they pass."""

    def __init__(self, database: DatabaseConnection, plan: Plan, progress: Progress) -> None:
        """Read from `database`, in the transaction in which the plan was made."""
        self._database = database
        self._plan = plan
        self._progress = progress
        self.fingerprints: defaultdict[RelationName, int] = defaultdict(int)
        self.counts: defaultdict[RelationName, int] = defaultdict(int)

    def __call__(self, table: RelationName, step: Step, frame: Frame) -> Iterator[Batch]:
        """Yield the rows' lines for a step; see `replant.artifact.sql_file_writer.Batches`."""
        planned = self._plan.table(table)
        match step:
            case PatchColumns(_, columns):
                for lines in self._lines(_projected(planned, planned.key + columns)):
                    yield Batch(on_one_line_each(lines))
            case LoadTable(_, together=together, patched=columns) if columns:
                rows = self._patched(planned, columns, copied=frame.copied)
                yield from in_one_statement(rows) if together else rows
            case LoadTable() if frame.copied:
                yield from map(Batch, self.copied(planned))
            case LoadTable(_, by_depth=key) if key and computed_by_server(planned.columns):
                yield from self._by_depth(planned, key)
            case LoadTable(_, together=together, by_depth=key) if together or key:
                # Only the server knows a row's depth: where Python changes values, the rows
                # stay together, in one statement of whatever size.
                yield from in_one_statement(map(Batch, self._hashed(planned)))
            case _:
                yield from map(Batch, self._hashed(planned))

    def copied(self, table: PlannedTable) -> Iterator[list[bytes]]:
        """Yield the rows in COPY's text format, without line ends."""
        for lines in self._copied(table):
            self.fingerprints[table.name] += _sum_of_copied(lines, len(table.columns))
            self._passed(table.name, lines)
            yield lines

    def rendered(self, table: PlannedTable) -> Iterator[list[bytes]]:
        """Yield the rows in the format of a plugin, without line ends."""
        selection = self._plan.selection
        if isinstance(table.row_format, PythonRow):
            function, name_of = table.row_format.function, row_namer(table)
            batches: Iterator[list[bytes]] = (
                each_row(function, rows, name_of) for rows in self._texts(table)
            )
        else:
            assert isinstance(table.row_format, SqlExpression)
            query = queries.rendered(selection, table, table.row_format)
            batches = blaming_plugins(table, copied_texts(self._database, query))
        for lines in batches:
            self._passed(table.name, lines)
            yield lines

    def _hashed(self, table: PlannedTable) -> Iterator[list[bytes]]:
        for lines in self._lines(table):
            self.fingerprints[table.name] += sum_of_hashes(lines)
            shown = on_one_line_each(lines)
            self._passed(table.name, shown)
            yield shown

    def _patched(
        self, table: PlannedTable, columns: tuple[str, ...], *, copied: bool
    ) -> Iterator[Batch]:
        """Yield the rows with NULL in some columns; the fingerprint is that of the whole rows."""
        for lines in self._lines(table):
            self.fingerprints[table.name] += sum_of_hashes(lines)
        nulled = table.with_columns(
            evolve(c, transforms=(SqlExpression("NULL"),)) if c.name in columns else c
            for c in table.columns
        )
        for lines in self._copied(nulled) if copied else self._lines(nulled):
            shown = lines if copied else on_one_line_each(lines)
            self._passed(table.name, shown)
            yield Batch(shown)

    def _by_depth(self, table: PlannedTable, key: ForeignKey) -> Iterator[Batch]:
        """Yield batches in which all rows have the same depth; rows without a depth come last."""
        query = queries.lines_by_depth(self._plan.selection, table, key)
        begun = False
        for rows in blaming_plugins(table, copied_fields(self._database, query)):
            lines = [text or b"" for text, _ in rows]
            self.fingerprints[table.name] += sum_of_hashes(lines)
            shown = on_one_line_each(lines)
            self._passed(table.name, shown)
            # Rows without a depth come last.
            for depth, group in groupby(zip(shown, rows, strict=True), lambda pair: pair[1][1]):
                ready = [text for text, _ in group]
                yield Batch(ready, together=True, continued=depth is None and begun)
                begun = begun or depth is None

    def _copied(self, table: PlannedTable) -> Iterator[list[bytes]]:
        if computed_by_server(table.columns):
            query = queries.fields(self._plan.selection, table)
            yield from blaming_plugins(table, copied_rows(self._database, query))
            return
        for rows in self._texts(table):
            yield list(map(copy_row, rows))

    def _lines(self, table: PlannedTable) -> Iterator[list[bytes]]:
        if computed_by_server(table.columns):
            query = queries.lines(self._plan.selection, table)
            yield from blaming_plugins(table, copied_texts(self._database, query))
            return
        for rows in self._texts(table):
            yield list(map(line, rows))

    def _texts(self, table: PlannedTable) -> Iterator[list[tuple[Text, ...]]]:
        """Yield the texts of the rows after all transforms."""
        chains = [
            [t.function for t in column.transforms if isinstance(t, PythonFunction)]
            for column in table.columns
        ]
        query = queries.texts(self._plan.selection, table)
        name_of = row_namer(table)

        def transformed(row: tuple[bytes | None, ...]) -> tuple[Text, ...]:
            return tuple(
                _transformed(value, chain) for value, chain in zip(row, chains, strict=True)
            )

        with closing(WrittenKeys(table)) as keys:
            for rows in blaming_plugins(table, copied_fields(self._database, query)):
                changed = each_row(transformed, rows, name_of)
                keys.check(changed)
                yield changed

    def _passed(self, table: RelationName, lines: list[bytes]) -> None:
        self.counts[table] += len(lines)
        self._progress(table, len(lines), sum(map(len, lines)))


def _sum_of_copied(lines: list[bytes], width: int) -> int:
    """Sum the hashes of rows of COPY; a batch of few rows has large ones."""
    if len(lines) < _FEW:
        return sum(copy_row_hash(row, width) for row in lines)
    return sum_of_hashes(insert_lines(lines, width))


def _projected(table: PlannedTable, names: tuple[str, ...]) -> PlannedTable:
    columns = {column.name: column for column in table.columns}
    return table.with_columns(columns[name] for name in names)


def _transformed(value: bytes | None, chain: list[Callable[[Text], Text]]) -> Text:
    text = None if value is None else value.decode()
    for function in chain:
        text = function(text)
    return text
