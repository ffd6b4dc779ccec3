"""Turns an artifact's rows into what is loaded, step by step: COPY, staging tables, statements.

COPY takes rows as data, so nothing in them can be code, whatever the artifact is. A statement is
used where COPY cannot serve: for ON CONFLICT, in a cycle, or under row-level security.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import groupby

from attrs import field, frozen

from replant.artifact.artifact import Artifact, patch_texts, row_texts
from replant.artifact.sql_file_writer import statements
from replant.database.joined_rows import bytes_in
from replant.model import (
    INSERT,
    FiringTrigger,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OnConflict,
    PatchColumns,
    PlannedTable,
    RelationName,
    Step,
    Text,
    step_tables,
)
from replant.model.policies import Policy
from replant.replay.staging import StagedRows, StagedTable
from replant.sql.load_statements import Frame, frames, staging_of
from replant.sql.row_forms import INSERT_ROWS, RowForm, Rows

Tables = Mapping[RelationName, PlannedTable]

#: A statement with more rows or bytes than this goes through temporary tables where the role may
#: make them: the client holds an INSERT in memory as a whole, and the server its parse tree.
ROWS_HELD = 10_000
_BYTES_HELD = 64 << 20

#: COPYs of fewer rows than this go together in one message.
_FEW_ROWS = 1000


@frozen
class Load:
    """A replay before it is run: rows, tables and load order.

    Attributes:
        artifact: the source of the rows.
        tables: the artifact's tables as the target has them.
        order: the artifact's own load order, or that of a strategy.
        may_copy: the tables that the target's role can load by COPY.
        may_stage: the tables that the role can load through a temporary table.
        readable: the tables whose loaded rows the role may see.
        firing: the triggers and rules that fire, by table.
        disabled: the triggers that are disabled for the load, as they were before.
        event_triggers: where triggers are disabled, the event triggers that fire by that: the name
            and the function of each.
        policies: those of the tables that apply to the role.
        unique: for each table the names of its unique indexes that the source may not have.

    """

    artifact: Artifact
    tables: Tables
    order: LoadOrder
    may_copy: frozenset[RelationName]
    may_stage: frozenset[RelationName]
    readable: frozenset[RelationName]
    firing: Mapping[RelationName, tuple[FiringTrigger, ...]] = field(factory=dict)
    disabled: tuple[FiringTrigger, ...] = ()
    event_triggers: tuple[tuple[str, str], ...] = ()
    policies: Mapping[RelationName, tuple[Policy, ...]] = field(factory=dict)
    unique: Mapping[RelationName, frozenset[str]] = field(factory=dict)


@frozen
class TableCopy:
    """The rows of one COPY, which may be many: they come in batches, once."""

    name: RelationName
    form: RowForm
    batches: Iterator[Rows]


@frozen
class CopiedRows:
    """The rows of one COPY, or of several that go in one message.

    Attributes:
        origin: the path of the artifact, for messages.
        copies: in the order in which their rows are read.

    """

    origin: str
    copies: tuple[TableCopy, ...]


@frozen
class Group:
    """Some rows of one table that belong to one INSERT.

    Attributes:
        frame: what stands around them.
        lines: the rows, each as literals between parentheses.

    """

    frame: Frame
    lines: Rows


@frozen
class StatementRows:
    """The rows of one statement: of one table, or of the several of a `LoadTogether`."""

    step: Step
    groups: tuple[Group, ...]


Loadable = StatementRows | CopiedRows | StagedRows


def statements_of(load: Load) -> Iterator[Loadable]:
    """Yield what is loaded, in the load order; COPYs of few rows each come together.

    An artifact is read from one place at a time: whoever goes on has used up what came before.
    """
    for few, steps in groupby(load.order.steps, partial(_copies_few, load)):
        if few:
            loaded = (step for step in steps if isinstance(step, LoadTable))
            copies = (
                _table_copy(load, step) for step in loaded if load.tables[step.table].row_count
            )
            yield CopiedRows(load.artifact.origin, tuple(copies))
        else:
            for step in steps:
                yield from _of_step(load, step)


def updated_tables(load: Load) -> Iterator[RelationName]:
    """Yield the tables of which existing rows are looked up and updated."""
    patched = {step.table for step in load.order.steps if isinstance(step, PatchColumns)}
    for name, table in load.tables.items():
        if table.row_count and (name in patched or table.on_conflict is OnConflict.UPDATE):
            yield name


def copied_tables(load: Load) -> frozenset[RelationName]:
    """Return the tables that are loaded by COPY, which follows no rule."""
    return frozenset(
        step.table
        for step in load.order.steps
        if isinstance(step, LoadTable) and _is_copied(load, step)
    )


def _of_step(load: Load, step: Step) -> Iterator[Loadable]:
    tables = load.tables
    filled = tuple(n for n in step_tables(step) if n in tables and tables[n].row_count)
    if not filled:
        return
    match step:
        case PatchColumns():
            yield from _inserts(load, step, _patches(load, step))
        case LoadTogether(staged=True):
            yield _staged(load, filled)
        case _ if any(must_be_staged(load, step, name) for name in filled):
            yield _staged(load, filled)
        case LoadTogether():
            yield from _held(load, LoadTogether(filled))
        case LoadTable() if _is_copied(load, step):
            yield CopiedRows(load.artifact.origin, (_table_copy(load, step),))
        case LoadTable(name) if step.together or step.by_depth is not None:
            # The depth of a row is not known here; in one statement it does not matter.
            yield from _held(load, step)
        case LoadTable(name) if _should_be_staged(load, step):
            yield _staged(load, (name,))
        case LoadTable(name):
            yield from _inserts(load, step, _literals(load, name, step.patched))


def must_be_staged(load: Load, step: LoadTable | LoadTogether, name: RelationName) -> bool:
    """Return whether the rows of the step must come through a temporary table."""
    by_query = name in load.tables and load.tables[name].matching is not None
    return by_query or must_be_joined(load, step, name)


def must_be_joined(load: Load, step: LoadTable | LoadTogether, name: RelationName) -> bool:
    """Return whether the step needs whole rows that the artifact holds in two parts."""
    separate = load.artifact.stored_separately.get(name)
    left_null = step.patched if isinstance(step, LoadTable) else ()
    return separate is not None and left_null != separate


def _is_copied(load: Load, step: LoadTable) -> bool:
    return step.table in load.may_copy and not must_be_joined(load, step, step.table)


def _copies_few(load: Load, step: Step) -> bool:
    """Return whether a step is a COPY of few rows, which takes longer to begin than to do."""
    return (
        isinstance(step, LoadTable)
        and step.table in load.tables
        and load.tables[step.table].row_count < _FEW_ROWS
        and not must_be_staged(load, step, step.table)
        and _is_copied(load, step)
    )


def _table_copy(load: Load, step: LoadTable) -> TableCopy:
    form = load.artifact.manifest.table(step.table).row_form
    return TableCopy(step.table, form, _rows(load, step.table, step.patched))


def _should_be_staged(load: Load, step: LoadTable) -> bool:
    """Return whether COPY into a temporary table serves better than lists of rows to be parsed."""
    many = load.tables[step.table].row_count > ROWS_HELD
    return many and not step.patched and step.table in load.may_stage


def _inserts(load: Load, step: Step, batches: Iterator[Rows]) -> Iterator[Loadable]:
    (frame,) = frames(step, load.tables, INSERT)
    for lines in batches:
        for part in statements(lines):
            yield StatementRows(step, (Group(frame, part),))


def _held(load: Load, step: LoadTable | LoadTogether) -> Iterator[Loadable]:
    """Load all rows in one statement; if they are large, through temporary tables after all."""
    patched = step.patched if isinstance(step, LoadTable) else ()
    groups: list[Group] = []
    held = 0
    for frame in frames(step, load.tables, INSERT):
        lines: list[bytes] = []
        groups.append(Group(frame, lines))
        for batch in _literals(load, frame.name, patched):
            lines += batch
            held += bytes_in(batch)
            if held > _BYTES_HELD and not patched and load.may_stage.issuperset(step_tables(step)):
                yield _staged(load, step_tables(step))
                return
    yield StatementRows(step, tuple(groups))


def _staged(load: Load, names: tuple[RelationName, ...]) -> StagedRows:
    separate = load.artifact.stored_separately
    return StagedRows(
        LoadTogether(names, staged=True),
        tuple(
            StagedTable(
                staging_of(load.tables, name, separate.get(name, ())),
                load.artifact.manifest.table(name).row_form,
                load.artifact.rows(name),
                load.artifact.patches(name),
            )
            for name in names
        ),
    )


def _rows(load: Load, name: RelationName, nulled: tuple[str, ...]) -> Iterator[Rows]:
    """Yield the rows in the artifact's form, with NULL in some columns."""
    if not nulled or load.artifact.stored_separately.get(name) == nulled:
        return load.artifact.rows(name)
    form = load.artifact.manifest.table(name).row_form
    return ([form.row(texts) for texts in batch] for batch in _nulled_texts(load, name, nulled))


def _literals(load: Load, name: RelationName, nulled: tuple[str, ...] = ()) -> Iterator[Rows]:
    """Yield the rows as literals between parentheses, with NULL in some columns."""
    plain = not nulled or load.artifact.stored_separately.get(name) == nulled
    if plain and load.artifact.manifest.table(name).row_form is INSERT_ROWS:
        return map(INSERT_ROWS.written, load.artifact.rows(name))
    texts = row_texts(load.artifact, name) if plain else _nulled_texts(load, name, nulled)
    return map(_written, texts)


def _nulled_texts(
    load: Load, name: RelationName, nulled: tuple[str, ...]
) -> Iterator[list[tuple[Text, ...]]]:
    keep = [column not in nulled for column in load.tables[name].column_names]
    for batch in row_texts(load.artifact, name):
        yield [
            tuple(text if kept else None for text, kept in zip(texts, keep, strict=True))
            for texts in batch
        ]


def _patches(load: Load, step: PatchColumns) -> Iterator[Rows]:
    """Yield the key and the columns that are set later, as literals between parentheses."""
    if step.table in load.artifact.stored_separately:
        return map(_written, patch_texts(load.artifact, step.table))
    table = load.tables[step.table]
    places = [table.column_names.index(name) for name in table.key + step.columns]
    return (
        _written([tuple(texts[place] for place in places) for texts in batch])
        for batch in row_texts(load.artifact, step.table)
    )


def _written(batch: list[tuple[Text, ...]]) -> Rows:
    return INSERT_ROWS.written([INSERT_ROWS.row(texts) for texts in batch])
