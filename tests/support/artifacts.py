"""Artifacts of every form, of tables that reference each other in any way, with rows of any texts.

They are written by what an export writes with, and need no server.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from replant.artifact.directory_writer import write_directory
from replant.artifact.manifest import DataFile, Manifest
from replant.artifact.manifest_of_plan import manifest_of, row_forms
from replant.artifact.sql_file_writer import Batch, write_sql_file
from replant.model import (
    COPY,
    INSERT,
    AsReplica,
    Check,
    CheckForeignKeys,
    ChosenRows,
    ColumnIs,
    ColumnShape,
    CompositeType,
    Compression,
    Condition,
    DomainType,
    EnumType,
    KeyIsNot,
    Layout,
    Link,
    LinkedTo,
    LoadTable,
    LoadTogether,
    Omission,
    OnConflict,
    OrderRequest,
    PatchColumns,
    Plan,
    PlannedColumn,
    PlannedTable,
    RelationName,
    Satisfies,
    SequencePosition,
    Step,
    TableShape,
    Text,
)
from replant.model.closure_origin import ClosureOrigin, FollowedReference, RootRows
from replant.model.closure_rules import Children
from replant.model.references import Only, from_foreign_key
from replant.sql.fingerprints import Fingerprint
from replant.sql.load_statements import Frame
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS
from replant.testing.generation.values import texts as any_text
from replant_plugins.strategies import cycles, ordered
from tests.support.order_requests import order_requests
from tests.support.recorded_shapes import KEYS_OF_A_TABLE

# Strategies are made once: to make one takes longer than to draw from it.
NAMES = any_text(min_size=1)
TEXTS = any_text()
VALUES = st.none() | TEXTS
RELATIONS = st.builds(RelationName, NAMES, NAMES)
OMISSIONS = st.lists(st.builds(Omission, TEXTS, TEXTS), max_size=2).map(tuple)
BIGINTS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2).map(sorted)
PLUGINS = st.dictionaries(NAMES, NAMES, max_size=2)
SCOPES = st.dictionaries(NAMES, TEXTS, max_size=2)
ROLES = st.none() | NAMES
CHECKS = st.sampled_from(Check)
ON_CONFLICT = st.sampled_from(OnConflict)
CONDITIONS = st.lists(
    st.one_of(
        st.builds(ColumnIs, NAMES, TEXTS),
        st.builds(Satisfies, TEXTS),
        st.builds(KeyIsNot, st.just(("key",)), st.lists(st.tuples(TEXTS), max_size=2).map(tuple)),
    ),
    max_size=2,
).map(tuple)
COLUMNS = st.tuples(NAMES)
PAIRS = st.lists(st.tuples(NAMES, TEXTS), max_size=2).map(tuple)
LISTS = st.lists(TEXTS, max_size=2).map(tuple)
TYPES = st.lists(
    st.one_of(
        st.builds(EnumType, NAMES, LISTS),
        st.builds(DomainType, NAMES, TEXTS, st.booleans(), LISTS),
        st.builds(CompositeType, NAMES, PAIRS),
    ),
    max_size=2,
    unique_by=lambda made: made.name,
).map(tuple)
DOWN = st.none() | st.sampled_from(Children)
REQUESTS = order_requests(names=RELATIONS, column_names=NAMES, counts=st.integers(0, 3))

Row = tuple[Text, ...]


@frozen
class Form:
    """A form of an artifact."""

    layout: Layout
    format: str
    compression: Compression = Compression.NONE

    def __str__(self) -> str:
        """As a test's name shows it."""
        return f"{self.layout.value}-{self.format}-{self.compression.value}"


FORMS = (
    Form(Layout.FILE, INSERT),
    Form(Layout.FILE, COPY),
    *(Form(Layout.DIRECTORY, COPY, compression) for compression in Compression),
)


@frozen
class Example:
    """A plan, and the rows of each of its tables."""

    plan: Plan
    rows: dict[RelationName, list[Row]]

    @property
    def form(self) -> Form:
        return Form(self.plan.layout, self.plan.format, self.plan.compression)

    def manifest(
        self,
        files: dict[RelationName, DataFile] | None = None,
        step_offsets: Sequence[int | None] = (),
    ) -> Manifest:
        return manifest_of(self.plan, self.fingerprints, files, step_offsets)

    @property
    def fingerprints(self) -> dict[RelationName, Fingerprint]:
        plan = self.plan
        forms = row_forms(plan.layout, plan.format, plan.order, {t.name: t for t in plan.tables})
        found = {}
        for name, rows in self.rows.items():
            found[name] = Fingerprint()
            found[name].add([forms[name].row(row) for row in rows])
        return found

    def texts(
        self, name: RelationName, columns: Sequence[str], null: Sequence[str] = ()
    ) -> list[Row]:
        """The texts of a table's rows: these columns, some of them NULL."""
        held = self.plan.table(name).column_names
        rows = [dict(zip(held, row, strict=True)) for row in self.rows[name]]
        return [tuple(None if c in null else row[c] for c in columns) for row in rows]

    def loaded(self, name: RelationName) -> list[Row]:
        """The texts of a table's rows as a file's own order loads them."""
        steps = self.plan.order.steps if self.plan.layout is Layout.FILE else ()
        null = {s.table: s.patched for s in steps if isinstance(s, LoadTable)}
        return self.texts(name, self.plan.table(name).column_names, null.get(name, ()))

    def stepped(self, step: Step) -> list[tuple[RelationName, list[Row]]]:
        """The texts that a file's own step loads or sets, table by table in the plan's order."""
        match step:
            case PatchColumns(name, columns):
                return [(name, self.texts(name, (*self.plan.table(name).key, *columns)))]
            case _:
                names = [table.name for table in self.plan.tables if table.name in loaded(step)]
                return [(name, self.loaded(name)) for name in names]

    def batches(self, table: RelationName, step: Step, frame: Frame) -> Iterator[Batch]:
        """The rows of a step, as an export gives them."""
        columns = self.plan.table(table).column_names
        match step:
            case PatchColumns(_, patched):
                rows = self.texts(table, (*self.plan.table(table).key, *patched))
            case LoadTable(patched=patched):
                rows = self.texts(table, columns, patched)
            case _:
                rows = self.texts(table, columns)
        lines = [(COPY_ROWS if frame.copied else INSERT_ROWS).row(row) for row in rows]
        match step:
            case LoadTable(by_depth=key) if key is not None and not frame.copied:
                yield from (Batch([text], together=True) for text in lines)
            case LoadTable(together=together):
                yield Batch(lines, together=together)
            case _:
                yield Batch(lines)

    def copied(self, table: PlannedTable) -> Iterator[list[bytes]]:
        """The rows of a data file, as an export gives them."""
        yield [COPY_ROWS.row(row) for row in self.rows[table.name]]

    def write(self, path: Path) -> None:
        """Write the artifact in place of what lies there."""
        if path.is_dir():
            shutil.rmtree(path)
        if self.plan.layout is Layout.FILE:
            with path.open("wb") as file:
                write_sql_file(file, self.plan, self.batches, partial(self.manifest, None))
        else:
            path.unlink(missing_ok=True)
            path.mkdir()
            write_directory(path, self.plan, _Copied(self), self.manifest)


@frozen
class _Copied:
    """The rows of an example as a directory takes them."""

    example: Example

    def rows(self, table: PlannedTable) -> Iterator[list[bytes]]:
        return self.example.copied(table)


@st.composite
def examples(draw: DrawFn, forms: Sequence[Form] = FORMS) -> Example:
    """Tables in cycles and out of them, with a few rows of any texts, in a load order of theirs."""
    request = draw(REQUESTS)
    with pytest.MonkeyPatch.context() as patch:
        # So few rows are loaded in each of the ways that are meant for many.
        patch.setattr(cycles, "MOST_ROWS_TOGETHER", draw(st.integers(0, 4)))
        order = ordered.order_tables(request)
    assert order is not None
    if draw(st.booleans()):
        order = evolve(order, before=(*order.before, AsReplica()), after=(CheckForeignKeys(),))
    tables = {table.name: table for table in planned_tables(draw, request)}
    rows = {
        name: [tuple(draw(VALUES) for _ in table.columns) for _ in range(table.row_count)]
        for name, table in tables.items()
    }
    form = draw(st.sampled_from(forms))
    plan = Plan(
        source_version="18.0",
        plugins=draw(PLUGINS),
        scope=draw(SCOPES),
        strategy=request.strategy,
        tables=tuple(tables[name] for step in order.steps for name in loaded(step)),
        order=order,
        layout=form.layout,
        format=form.format,
        compression=form.compression,
        check=draw(CHECKS),
        seen_as=draw(ROLES),
        sequences=(SequencePosition(request.tables[0], "key", *draw(BIGINTS)),),
        omissions=draw(OMISSIONS),
        types=draw(TYPES),
        shapes={name: draw(shapes(table)) for name, table in tables.items()},
        closure_origin=draw(st.just(ClosureOrigin()) | lineages(request)),
    )
    return Example(plan, rows)


@st.composite
def shapes(draw: DrawFn, table: PlannedTable) -> TableShape:
    """What the table may look like: its columns, some that are not exported, and keys."""
    more = draw(st.lists(NAMES.filter(lambda n: n not in table.column_names), unique=True))
    columns = [ColumnShape(column.name, column.type) for column in table.columns]
    columns += [ColumnShape(name, "integer", generated=draw(st.booleans())) for name in more]
    return TableShape(tuple(columns), draw(KEYS_OF_A_TABLE))


@st.composite
def lineages(draw: DrawFn, request: OrderRequest) -> ClosureOrigin:
    """A closed set that grew along the foreign keys, from the rows of one table."""
    followed = []
    for key in request.foreign_keys:
        reference = from_foreign_key(key)
        only = draw(st.none() | st.builds(Only, st.just(key.columns[0]), TEXTS))
        down = draw(DOWN)
        limit = draw(st.none() | st.integers(1, 2**63 - 1)) if down else None
        followed.append(
            FollowedReference(evolve(reference, only=only), draw(st.booleans()), down, limit)
        )
    table = request.tables[0]
    count = draw(st.integers(0, request.row_counts[table]))
    keys = draw(st.none() | st.tuples(*[COLUMNS] * count))
    return ClosureOrigin(tuple(followed), (RootRows(table, draw(TEXTS), count, keys),))


def planned_tables(draw: DrawFn, request: OrderRequest) -> Iterator[PlannedTable]:
    """The tables of a request; the rows of one may be chosen by those of the first."""
    for name in request.tables:
        keys = [key for key in request.foreign_keys if key.table == name]
        columns = sorted({"key", *(column for key in keys for column in key.columns)})
        conditions: tuple[Condition, ...] = draw(CONDITIONS)
        if name != request.tables[0] and draw(st.booleans()):
            link = Link(draw(COLUMNS), request.tables[0], draw(COLUMNS))
            conditions = (*conditions, LinkedTo((link,)))
        identity, only, special = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
        yield PlannedTable(
            name=name,
            columns=tuple(
                PlannedColumn(c, "text", always_identity=identity and c != "key") for c in columns
            ),
            key=("key",),
            rows=ChosenRows(conditions, only, {columns[-1]: "public"} if special else {}),
            row_count=request.row_counts[name],
            on_conflict=draw(ON_CONFLICT),
        )


def loaded(step: Step) -> tuple[RelationName, ...]:
    match step:
        case LoadTable(name):
            return (name,)
        case LoadTogether(names):
            return names
        case PatchColumns():
            return ()
