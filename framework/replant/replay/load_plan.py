"""Turns an artifact's rows into the statements of a load order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from replant.artifact.artifact import Artifact
from replant.artifact.row_batches import CopiedRows, Group, Lines, StatementRows
from replant.artifact.sql_file_writer import Batch, statements
from replant.model import (
    COPY,
    INSERT,
    Layout,
    LoadOrder,
    LoadTable,
    LoadTogether,
    PatchColumns,
    PlannedTable,
    RelationName,
    Step,
)
from replant.replay.staging import StagedRows, StagedTable
from replant.sql.copy_text import copy_row
from replant.sql.load_statements import frames
from replant.sql.row_text import line, on_one_line, texts

Tables = Mapping[RelationName, PlannedTable]

#: A statement with more rows or bytes than this goes through temporary tables where the role may
#: make them: the client holds an INSERT in memory as a whole, and the server its parse tree.
ROWS_HELD = 10_000
_BYTES_HELD = 64 << 20

_NULL = b"\\N"


@frozen
class Load:
    """A replay before it is run: rows, tables and load order.

    Attributes:
        artifact: the source of the rows.
        tables: the artifact's tables as the target has them.
        order: the artifact's own load order, or that of a strategy.
        may_copy: the tables that the target's role can load by COPY.
        may_stage: the tables that the role can load through a temporary table.

    """

    artifact: Artifact
    tables: Tables
    order: LoadOrder
    may_copy: frozenset[RelationName]
    may_stage: frozenset[RelationName]


Loadable = StatementRows | CopiedRows | StagedRows


def statements_of(load: Load) -> Iterator[Loadable]:
    """Return the artifact's statements unchanged if they work in the target, else new ones."""
    own = load.artifact.statements() if _fits(load) else None
    return own or (made for step in load.order.steps for made in _made(load, step))


def copied_tables(load: Load) -> frozenset[RelationName]:
    """Return the tables that are loaded by COPY, which no rule of the target can rewrite."""
    manifest = load.artifact.manifest
    own = manifest.layout is Layout.FILE and _fits(load)
    return frozenset(
        step.table
        for step in load.order.steps
        if isinstance(step, LoadTable)
        and (
            manifest.format == COPY and step.table in load.may_copy
            if own
            else _is_copied(load, step)
        )
    )


def _fits(load: Load) -> bool:
    """Return whether the artifact's statements work in the target and hold no overlarge INSERT."""
    manifest = load.artifact.manifest
    copied = manifest.format == COPY
    return (
        load.order.steps == manifest.order.steps
        and all(
            table.on_conflict is load.tables[table.name].on_conflict
            and not (copied and table.name not in load.may_copy)
            for table in manifest.tables
        )
        and not any(
            isinstance(step, LoadTable)
            and step.together
            and not copied
            and step.table in load.may_copy
            and load.tables[step.table].row_count > ROWS_HELD
            for step in load.order.steps
        )
    )


def _made(load: Load, step: Step) -> Iterator[Loadable]:
    names = step.tables if isinstance(step, LoadTogether) else (step.table,)
    filled = tuple(name for name in names if load.tables[name].row_count)
    if not filled:
        return
    match step:
        case PatchColumns():
            yield from _inserts(load, step, _patch_lines(load, step))
        case LoadTogether(staged=True):
            yield _staged(load, filled)
        case _ if any(must_be_joined(load, step, name) for name in filled):
            yield _staged(load, filled)
        case LoadTogether():
            yield from _held(load, LoadTogether(filled))
        case LoadTable():
            yield from _table(load, step)


def must_be_joined(load: Load, step: LoadTable | LoadTogether, name: RelationName) -> bool:
    """Return whether the step needs whole rows, but the artifact stores columns separately."""
    separate = load.artifact.stored_separately.get(name)
    left_null = step.patched if isinstance(step, LoadTable) else ()
    return separate is not None and left_null != separate


def _table(load: Load, step: LoadTable) -> Iterator[Loadable]:
    if _is_copied(load, step):
        (frame,) = frames(step, load.tables, COPY)
        yield CopiedRows(step, frame, _copy_lines(load, step.table, step.patched))
    elif _is_one_statement(step):
        yield from _held(load, step)
    else:
        yield from _inserts(load, step, _insert_lines(load, step.table, step.patched))


def _is_copied(load: Load, step: LoadTable) -> bool:
    """Return whether COPY loads the table: its rows are stored so, or need one statement."""
    at_hand = _is_one_statement(step) or load.artifact.copied(step.table) is not None
    whole = step.table not in load.artifact.stored_separately
    return step.table in load.may_copy and whole and at_hand


def _is_one_statement(step: LoadTable) -> bool:
    """Return whether the step needs one statement; the depth of a row is not known at replay."""
    return step.together or step.by_depth is not None


def _inserts(load: Load, step: Step, rows: Iterator[Lines]) -> Iterator[Loadable]:
    (frame,) = frames(step, load.tables, INSERT)
    for lines in statements(map(Batch, rows)):
        yield StatementRows(step, (Group(frame, lines),))


def _held(load: Load, step: LoadTable | LoadTogether) -> Iterator[Loadable]:
    """Yield one statement with all rows; through temporary tables if they are too large."""
    patched = step.patched if isinstance(step, LoadTable) else ()
    groups: list[Group] = []
    held = 0
    for frame in frames(step, load.tables, INSERT):
        groups.append(Group(frame, []))
        for batch in _insert_lines(load, frame.name, patched):
            groups[-1].lines.extend(batch)
            held += sum(map(len, batch))
            if held > _BYTES_HELD and not patched and load.may_stage.issuperset(_names(step)):
                yield _staged(load, _names(step))
                return
    yield StatementRows(step, tuple(groups))


def _names(step: LoadTable | LoadTogether) -> tuple[RelationName, ...]:
    return step.tables if isinstance(step, LoadTogether) else (step.table,)


def _staged(load: Load, names: tuple[RelationName, ...]) -> StagedRows:
    separate = load.artifact.stored_separately
    return StagedRows(
        LoadTogether(names, staged=True),
        tuple(
            StagedTable(
                load.tables[name],
                _copy_lines(load, name),
                separate.get(name, ()),
                map(_as_copied, load.artifact.patches(name)),
            )
            for name in names
        ),
    )


def _copy_lines(load: Load, name: RelationName, nulled: tuple[str, ...] = ()) -> Iterator[Lines]:
    """Return the rows as lines of COPY, with NULL in some columns."""
    lines = load.artifact.copied(name) or map(_as_copied, load.artifact.rows(name))
    if not nulled:
        return lines
    places = [load.tables[name].column_names.index(column) for column in nulled]
    return ([_with_nulls(row, places) for row in batch] for batch in lines)


def _as_copied(batch: Lines) -> Lines:
    return [copy_row(texts(row)) for row in batch]


def _with_nulls(row: bytes, places: list[int]) -> bytes:
    fields = row.split(b"\t")
    for place in places:
        fields[place] = _NULL
    return b"\t".join(fields)


def _insert_lines(load: Load, name: RelationName, nulled: tuple[str, ...] = ()) -> Iterator[Lines]:
    """Return the rows as lines of an INSERT, with NULL in some columns."""
    lines = load.artifact.rows(name)
    if not nulled:
        return lines
    return ([_with_null(row, load.tables[name], nulled) for row in batch] for batch in lines)


def _with_null(row: bytes, table: PlannedTable, columns: tuple[str, ...]) -> bytes:
    pairs = zip(table.column_names, texts(row), strict=True)
    return on_one_line(line([None if name in columns else text for name, text in pairs]))


def _patch_lines(load: Load, step: PatchColumns) -> Iterator[Lines]:
    """Return the lines of the UPDATE that sets the patched columns: the key, then these columns."""
    table = load.tables[step.table]
    if step.table in load.artifact.stored_separately:
        return load.artifact.patches(step.table)
    columns = table.key + step.columns
    batches = load.artifact.rows(step.table)
    return ([_projected(row, table, columns) for row in batch] for batch in batches)


def _projected(row: bytes, table: PlannedTable, columns: tuple[str, ...]) -> bytes:
    values = dict(zip(table.column_names, texts(row), strict=True))
    return on_one_line(line([values[name] for name in columns]))
