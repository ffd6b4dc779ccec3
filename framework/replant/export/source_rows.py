"""Streams the rows of a plan from the source, and hashes them on the way.

A plan goes in; batches of rendered rows come out, with the count and fingerprint of each table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from itertools import groupby

from attrs import evolve

from replant.artifact.manifest import Runs
from replant.artifact.manifest_of_plan import row_forms
from replant.artifact.sql_file_writer import Batch, in_one_statement
from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_fields, copied_rows
from replant.database.joined_rows import bytes_in
from replant.database.session_settings import exact_names
from replant.database.table_locks import check_unchanged
from replant.errors import DatabaseError
from replant.export.shared_places import SharedPlaces
from replant.export.small_tables import SmallTables
from replant.export.written_keys import WrittenKeys
from replant.model import (
    ForeignKey,
    Layout,
    LoadTable,
    PatchColumns,
    Plan,
    PlannedTable,
    Progress,
    PythonFunction,
    PythonRow,
    RelationName,
    Selection,
    SqlExpression,
    Step,
    Text,
    step_tables,
)
from replant.model.conditions import among
from replant.parallel.sliced_tables import SlicedTable, SlicedTables, is_large
from replant.parallel.workers import Workers
from replant.planning.plugin_faults import blaming_plugins, null_line, row_namer
from replant.plugins.guarded import each_row
from replant.sql import row_queries as queries
from replant.sql.fingerprints import Fingerprint, rows_per_block
from replant.sql.load_statements import Frame
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS, RowForm, Rows
from replant.sql.row_text import computed_by_server, ordered_alike

#: A table with more rows is asked for by itself.
_FEW_ROWS = 1000

#: Gives the rows of a table, as COPY writes them, or None if they must be read.
EarlierRows = Callable[[RelationName], Iterator[Rows] | None]


def none_earlier(_table: RelationName) -> None:
    """Give no rows: there was no earlier run."""


class SourceRows:
    """Gives the rows of each step, and keeps the fingerprint of each table as they pass."""

    def __init__(
        self,
        database: DatabaseConnection,
        plan: Plan,
        progress: Progress,
        workers: Workers | None = None,
        earlier: EarlierRows = none_earlier,
        *,
        in_order: bool = False,
    ) -> None:
        """Read from `database`, in the transaction in which the plan was made.

        Args:
            database: the source.
            plan: what is read.
            progress: told of the rows as they pass.
            workers: read large tables beside this process, if the rows are asked for in order.
            earlier: gives the rows of tables that an earlier run has read in the same snapshot.
            in_order: whether the rows will be asked for as an artifact has them, and nothing else
                of the database meanwhile.

        """
        self._earlier = earlier
        self._database = database
        self._sliced: SlicedTables | None = None
        self._small: SmallTables | None = None
        if in_order:
            self._divide_tables(plan, workers)
        self._plan = plan
        self._progress = progress
        self.fingerprints: dict[RelationName, Fingerprint] = {}
        self.counts: defaultdict[RelationName, int] = defaultdict(int)
        self._places: dict[RelationName, SharedPlaces] = {}

    def _divide_tables(self, plan: Plan, workers: Workers | None) -> None:
        """Let workers read large tables, and small ones be asked for together."""
        forms = row_forms(plan.layout, plan.format, plan.order, {t.name: t for t in plan.tables})
        tables = [t for t in _read_at_once(plan, forms) if self._earlier(t.name) is None]
        if workers is not None:
            large = {
                table.name: SlicedTable(table, forms[table.name], _rows_per_block(table))
                for table in tables
                if is_large(table.row_count)
            }
            self._sliced = SlicedTables(
                self._database, workers, plan.selection, large, leave_rows=True
            )
        small = frozenset(table.name for table in tables if _is_small(table))
        question = partial(_question, plan, forms)
        self._small = SmallTables(self._database, tuple(_queries(plan)), small, question)

    def __call__(self, table: RelationName, step: Step, frame: Frame) -> Iterator[Batch]:
        """Read the rows for a step; see `replant.artifact.sql_file_writer.Batches`."""
        planned = self._plan.table(table)
        form = COPY_ROWS if frame.copied else INSERT_ROWS
        match step:
            case PatchColumns(_, columns):
                patches = _projected(planned, planned.key + columns)
                return map(Batch, self._read(patches, INSERT_ROWS))
            case LoadTable(_, together=together, patched=columns) if columns:
                rows = self._patched(planned, columns, form)
            case LoadTable(_, by_depth=key) if (
                key
                and not frame.copied
                and computed_by_server(planned.columns)
                and self._has_references(planned, key)
            ):
                return self._by_depth(planned, key)
            case LoadTable(_, together=together, by_depth=key):
                # Only the server knows a row's depth: where Python changes values, the rows
                # stay together, in one statement of whatever size.
                together = together or not (key is None or computed_by_server(planned.columns))
                rows = map(Batch, self._hashed(planned, form))
            case _:
                return map(Batch, self._hashed(planned, form))
        return in_one_statement(rows) if together and not frame.copied else rows

    def rows(
        self,
        table: PlannedTable,
        form: RowForm = COPY_ROWS,
        fingerprint: Fingerprint | None = None,
    ) -> Iterator[Rows]:
        """Read the rows of a table, as COPY writes them or in another form.

        They are added to a fingerprint, or to one of their own.
        """
        return self._hashed(table, form, fingerprint)

    def rendered(self, table: PlannedTable) -> Iterator[Rows]:
        """Read the rows in the format of a plugin, one line each without its end."""
        selection = self._plan.selection
        if isinstance(table.row_format, PythonRow):
            function, name_of = table.row_format.function, row_namer(table)
            batches: Iterator[Rows] = (
                each_row(function, rows, name_of) for rows in self._texts(table, selection)
            )
        else:
            assert isinstance(table.row_format, SqlExpression)
            query = queries.rendered(selection, table, table.row_format)
            batches = self._lines(table, query)
        for lines in batches:
            self._passed(table.name, lines)
            yield lines

    def texts(self, table: PlannedTable) -> Iterator[list[tuple[Text, ...]]]:
        """Read the texts of a table's rows, after all transforms, for a plugin that writes them."""
        for rows in self._texts(table, self._plan.selection):
            self.counts[table.name] += len(rows)
            size = sum(len(text) for row in rows for text in row if text is not None)
            self._progress(table.name, len(rows), size)
            yield rows

    def check_rows(self) -> None:
        """Refuse an export that wrote other rows than the snapshot has, or than were counted.

        Raises:
            DatabaseError: a table was altered before it was locked, or the condition of a table is
                true now and then.

        """
        check_unchanged(self._database)
        for table in self._plan.tables:
            if self.counts[table.name] != table.row_count:
                raise DatabaseError(
                    f"{self.counts[table.name]:,} rows of {table.name} were read, and "
                    f"{table.row_count:,} had been counted in the same snapshot: a condition that "
                    f"chooses its rows is not the same each time it is asked, as with random(); "
                    f"choose the rows by what they hold"
                )

    def _hashed(
        self, table: PlannedTable, form: RowForm, fingerprint: Fingerprint | None = None
    ) -> Iterator[Rows]:
        found = self._earlier(table.name)
        if found is None and self._sliced is not None and table.name in self._sliced:
            fingerprint = fingerprint or self._new_fingerprint(table, form)
            self._finish_small()
            with self._named(table):
                for batch in self._sliced.read(table.name, fingerprint):
                    self._passed(table.name, batch)
                    yield batch
            return
        passing = self._passing(table, form, fingerprint)
        for rows in self._read(table, form) if found is None else found:
            passing(rows)
            self._passed(table.name, rows)
            yield rows

    def _patched(
        self, table: PlannedTable, columns: tuple[str, ...], form: RowForm
    ) -> Iterator[Batch]:
        """Read the rows with NULL in some columns; the fingerprint is that of the whole rows."""
        passing = self._passing(table, form)
        for rows in self._read(table, form):
            passing(rows)
        nulled = table.with_columns(
            evolve(c, transforms=(SqlExpression("NULL"),)) if c.name in columns else c
            for c in table.columns
        )
        for rows in self._read(nulled, form):
            self._passed(table.name, rows)
            yield Batch(rows)

    def _has_references(self, table: PlannedTable, key: ForeignKey) -> bool:
        """Tell whether any row has a reference by a key into its own table; else all are roots."""
        query = queries.has_references(self._plan.selection, table.name, key)
        with self._named(table):
            (has,) = self._database.execute(query).fetchone() or (True,)
        return bool(has)

    def _by_depth(self, table: PlannedTable, key: ForeignKey) -> Iterator[Batch]:
        """Yield batches that never join rows of different depth; rows without one are together."""
        unordered = self._new_fingerprint(table, INSERT_ROWS, ordered=False)
        passing = self._passing(table, INSERT_ROWS, unordered)
        query = queries.rows_by_depth(self._plan.selection, table, key)
        begun = False
        for fetched in self._copied_fields(table, query):
            rows = [text or b"" for text, _ in fetched]
            passing(rows)
            self._passed(table.name, rows)
            # Rows without a depth come last.
            for depth, group in groupby(zip(rows, fetched, strict=True), lambda pair: pair[1][1]):
                ready = [text for text, _ in group]
                yield Batch(ready, together=True, continued=depth is None and begun)
                begun = begun or depth is None

    def _passing(
        self, table: PlannedTable, form: RowForm, fingerprint: Fingerprint | None = None
    ) -> Callable[[Rows], None]:
        """Return what is told the whole rows of a table as they pass.

        It takes their fingerprint, and the places of shared rows.
        """
        fingerprint = fingerprint or self._new_fingerprint(table, form)
        if not table.shared.rows.locations:
            return fingerprint.add
        identity = form.key_of(table.column_names, table.key) if table.key else bytes
        selection = {
            **self._plan.selection,
            table.name: among(self._plan.selection[table.name], table.shared.rows),
        }
        found = (identity(row) for rows in self._read(table, form, selection) for row in rows)
        places = self._places[table.name] = SharedPlaces(identity, found)

        def passed(rows: Rows) -> None:
            fingerprint.add(rows)
            places.add(rows)

        return passed

    def _new_fingerprint(
        self, table: PlannedTable, form: RowForm, *, ordered: bool = True
    ) -> Fingerprint:
        """Begin the fingerprint of the rows of a table, with blocks if they come in order."""
        key = _order_of(table) if ordered else ()
        key_of = form.key_of(table.column_names, key) if key else None
        found = Fingerprint(_rows_per_block(table) if key else 1, key_of)
        self.fingerprints[table.name] = found
        return found

    @property
    def shared(self) -> dict[RelationName, Runs]:
        """The places of the shared rows of each table that has others as well."""
        return {name: places.runs for name, places in self._places.items()}

    def _read(
        self, table: PlannedTable, form: RowForm, selection: Selection | None = None
    ) -> Iterator[Rows]:
        if self._small is not None and table.name in self._small and selection is None:
            yield from self._small.read(table.name)
            return
        self._finish_small()
        selection = self._plan.selection if selection is None else selection
        if computed_by_server(table.columns):
            query = queries.fields(selection, table)
            with self._named(table):
                yield from copied_rows(self._database, query, form.copy_out_options)
            return
        for texts in self._texts(table, selection):
            yield list(map(form.row, texts))

    def _finish_small(self) -> None:
        """Let the database be asked something else than the small tables behind this one."""
        if self._small is not None:
            self._small.finish()

    def _texts(self, table: PlannedTable, selection: Selection) -> Iterator[list[tuple[Text, ...]]]:
        """Read the rows' texts after all transforms."""
        chains = [
            [t.function for t in column.transforms if isinstance(t, PythonFunction)]
            for column in table.columns
        ]
        query = queries.texts(selection, table)
        name_of = row_namer(table)

        def transformed(row: tuple[bytes | None, ...]) -> tuple[Text, ...]:
            return tuple(
                _transformed(value, chain) for value, chain in zip(row, chains, strict=True)
            )

        with closing(WrittenKeys(self._database, table)) as keys:
            for rows in self._copied_fields(table, query):
                changed = each_row(transformed, rows, name_of)
                keys.check(changed)
                yield changed
            keys.finish()

    def _lines(self, table: PlannedTable, query: sql.Composed) -> Iterator[Rows]:
        """Read lines that the server renders."""
        for rows in self._copied_fields(table, query):
            lines: list[bytes] = []
            for line, *key in rows:
                if line is None:
                    raise null_line(self._plan, table, key)
                lines.append(line)
            yield lines

    def _copied_fields(
        self, table: PlannedTable, query: sql.Composed
    ) -> Iterator[list[tuple[bytes | None, ...]]]:
        with self._named(table):
            yield from copied_fields(self._database, query)

    @contextmanager
    def _named(self, table: PlannedTable) -> Iterator[None]:
        """Read rows with exact names, and name plugin and row if the plugin's SQL fails."""
        with exact_names(self._database, table), blaming_plugins(self._database, self._plan, table):
            yield

    def _passed(self, table: RelationName, rows: Rows) -> None:
        self.counts[table] += len(rows)
        self._progress(table, len(rows), bytes_in(rows))


def is_in_portable_order(table: PlannedTable) -> bool:
    """Tell whether the rows come in an order of the key that every database has."""
    return bool(_order_of(table)) and ordered_alike(table)


def _order_of(table: PlannedTable) -> tuple[str, ...]:
    """Return the columns of the key, if the artifact's rows come in the order of that key.

    They come in the order of the key in the source, unless none is wanted. Where a transform
    changes the key, that is not an order of the artifact's rows.
    """
    changed = {column.name for column in table.columns if column.transforms}
    return () if not table.ordered or changed.intersection(table.key) else table.key


def _rows_per_block(table: PlannedTable) -> int:
    return rows_per_block(table.row_count) if is_in_portable_order(table) else 1


def _is_small(table: PlannedTable) -> bool:
    """Tell whether a table has few rows, and no plugin's SQL reads them."""
    return table.row_count <= _FEW_ROWS and not any(c.transforms for c in table.columns)


def _read_at_once(plan: Plan, forms: Mapping[RelationName, RowForm]) -> Iterator[PlannedTable]:
    """Yield the tables that are read by one query each, by the server alone, in the plan's order.

    Only the rows of an INSERT are read by their depth.
    """
    in_parts = {
        step.table
        for step in plan.order.steps
        if plan.layout is Layout.FILE
        and isinstance(step, LoadTable)
        and (step.patched or (step.by_depth and forms[step.table] is INSERT_ROWS))
    }
    for table in plan.tables:
        # Of a mixed table the shared rows are told by their places among all rows.
        simple = table.row_format is None and not table.shared.rows.locations
        simple = simple and not table.names_objects and table.name not in in_parts
        if simple and computed_by_server(table.columns):
            yield table


def _question(
    plan: Plan, forms: Mapping[RelationName, RowForm], name: RelationName
) -> tuple[sql.Composed, str]:
    """Compose the query of a table that is read by one, with the options of COPY."""
    return queries.fields(plan.selection, plan.table(name)), forms[name].copy_out_options


def _queries(plan: Plan) -> Iterator[RelationName | None]:
    """Yield the tables in the order in which an artifact has rows of them; None for columns."""
    filled = {table.name for table in plan.tables if table.row_count}
    for step in plan.order.steps:
        if isinstance(step, PatchColumns):
            yield None
        else:
            yield from (name for name in step_tables(step) if name in filled)


def _projected(table: PlannedTable, names: tuple[str, ...]) -> PlannedTable:
    columns = {column.name: column for column in table.columns}
    return table.with_columns(columns[name] for name in names)


def _transformed(value: bytes | None, chain: list[Callable[[Text], Text]]) -> Text:
    text = None if value is None else value.decode()
    for function in chain:
        text = function(text)
    return text
