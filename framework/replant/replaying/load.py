"""What a replay loads: an artifact's rows as the statements of a load order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from replant.artifact.manifest import Manifest
from replant.artifact.reading import Artifact
from replant.artifact.sql_file import Batch, statements
from replant.artifact.statements import CopiedRows, Group, Lines, StatementRows
from replant.errors import ArtifactError
from replant.model import (
    COPY,
    INSERT,
    Catalog,
    Column,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OnConflict,
    OrderRequest,
    PatchColumns,
    PlannedTable,
    RelationName,
    Step,
)
from replant.rendering.rows import line, on_one_line, texts
from replant.rendering.statements import Frame, frames

Tables = Mapping[RelationName, PlannedTable]


@frozen
class Load:
    """What a replay loads, and how.

    Attributes:
        artifact: where the rows come from.
        tables: the artifact's tables as the target has them.
        order: the artifact's own load order, or that of another strategy.
        may_be_copied: the tables that COPY can load, as far as the target's role goes.

    """

    artifact: Artifact
    tables: Tables
    order: LoadOrder
    may_be_copied: frozenset[RelationName]


def order_request(
    strategy: str,
    manifest: Manifest,
    tables: Tables,
    catalog: Catalog,
    may_update: frozenset[RelationName],
) -> OrderRequest:
    """What a strategy may know when it is asked at replay: the target's keys and privileges.

    A row that may have been there before is not loaded in two parts: the second would change it.
    """
    names = sorted(tables)
    live = {name: catalog.tables[name] for name in names}
    return OrderRequest(
        strategy=strategy,
        tables=tuple(names),
        foreign_keys=tuple(
            key
            for name in names
            for key in live[name].foreign_keys
            if key.enforced and key.references in live
        ),
        row_counts={table.name: table.row_count for table in manifest.tables},
        nullable=frozenset(
            (name, column.name)
            for name, table in tables.items()
            for column in table.columns
            if table.on_conflict is OnConflict.ERROR
            and not (live[name].column(column.name) or Column(column.name, "")).not_null
        ),
        keyed=frozenset(name for name, table in tables.items() if table.key),
        may_update=may_update,
    )


def needs_new_order(manifest: Manifest, tables: Tables, strategy: str | None) -> bool:
    """Whether the artifact's own load order does not serve.

    That is so when another strategy was asked for, or when rows would be loaded in two parts that
    may have been there before.
    """
    if strategy is not None and strategy != manifest.strategy:
        return True
    return any(
        isinstance(step, PatchColumns) and tables[step.table].on_conflict is not OnConflict.ERROR
        for step in manifest.order.steps
    )


def statements_of(load: Load) -> Iterator[StatementRows | CopiedRows]:
    """The artifact's statements as they are, if they fit; else made anew.

    Raises:
        ArtifactError: they do not fit, and the artifact holds rows that are not whole.

    """
    manifest = load.artifact.manifest
    own = load.artifact.statements()
    copied = manifest.format == COPY
    fits = load.order.steps == manifest.order.steps and all(
        table.on_conflict is load.tables[table.name].on_conflict
        and not (copied and table.name not in load.may_be_copied)
        for table in manifest.tables
    )
    if own is not None and fits:
        return own
    if load.artifact.in_two_parts:
        listed = ", ".join(map(str, load.artifact.in_two_parts))
        raise ArtifactError(
            f"the artifact loads {listed} in two parts, so it can be replayed in its own order "
            f"and way only: leave --strategy and --on-conflict out, or export with them"
        )
    return (made for step in load.order.steps for made in _made(load, step))


def _made(load: Load, step: Step) -> Iterator[StatementRows | CopiedRows]:
    artifact, tables = load.artifact, load.tables
    match step:
        case LoadTogether(names):
            filled = LoadTogether(tuple(name for name in names if tables[name].row_count))
            groups = [
                Group(frame, [text for lines in artifact.rows(frame.name) for text in lines])
                for frame in frames(filled, tables, INSERT)
            ]
            if groups:
                yield StatementRows(filled, tuple(groups))
        case LoadTable(name) | PatchColumns(name):
            if not tables[name].row_count:
                return
            lines = _copied(load, step)
            if lines is not None:
                (frame,) = frames(step, tables, COPY)
                yield CopiedRows(step, frame, lines)
                return
            (frame,) = frames(step, tables, INSERT)
            for batch in statements(_batches(artifact, tables[name], step, frame)):
                yield StatementRows(step, (Group(frame, batch),))


def _copied(load: Load, step: LoadTable | PatchColumns) -> Iterator[Lines] | None:
    """The rows as COPY can load them in this step, or None if it cannot."""
    whole = isinstance(step, LoadTable) and not step.patched
    if not whole or step.table not in load.may_be_copied:
        return None
    return load.artifact.copied(step.table)


def _batches(
    artifact: Artifact, table: PlannedTable, step: LoadTable | PatchColumns, frame: Frame
) -> Iterator[Batch]:
    batches = artifact.rows(table.name)
    match step:
        case LoadTable(patched=columns) if columns:
            for batch in batches:
                yield Batch([_with_null(text, table, columns) for text in batch])
        case LoadTable(together=together, by_depth=key) if together or key is not None:
            # The depth of a row is not known here; in one statement it does not matter.
            yield Batch([text for batch in batches for text in batch], together=True)
        case PatchColumns():
            for batch in batches:
                yield Batch([_projected(text, table, frame.columns) for text in batch])
        case _:
            yield from map(Batch, batches)


def _with_null(row: bytes, table: PlannedTable, columns: tuple[str, ...]) -> bytes:
    pairs = zip(table.column_names, texts(row), strict=True)
    return on_one_line(line([None if name in columns else text for name, text in pairs]))


def _projected(row: bytes, table: PlannedTable, columns: tuple[str, ...]) -> bytes:
    values = dict(zip(table.column_names, texts(row), strict=True))
    return on_one_line(line([values[name] for name in columns]))
