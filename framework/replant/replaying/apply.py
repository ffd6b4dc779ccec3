"""An artifact's rows into the target, in one transaction: all of them, or nothing.

No statement of the artifact is run. Its rows, which are known to be literals, are put into
statements that are composed from the target's catalog and a load order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg

from replant.artifact.manifest import Manifest
from replant.artifact.reading import Artifact, Group, StatementRows
from replant.artifact.sql_file import Batch, statements
from replant.database.connections import Database, one_line
from replant.errors import ArtifactError, PrivilegeError, ReplayError
from replant.model import (
    AsReplica,
    Catalog,
    Column,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OrderRequest,
    PatchColumns,
    PlannedTable,
    Progress,
    RelationName,
    Step,
)
from replant.rendering.rows import line, on_one_line, texts
from replant.rendering.statements import InsertFrame, closing, frames, opening

Tables = Mapping[RelationName, PlannedTable]


def order_request(
    strategy: str, manifest: Manifest, catalog: Catalog, may_update: frozenset[RelationName]
) -> OrderRequest:
    """What a strategy may know when it is asked at replay: the target's keys and privileges."""
    names = sorted(table.name for table in manifest.tables)
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
            for name, table in manifest.planned.items()
            for column in table.columns
            if not (live[name].column(column.name) or Column(column.name, "")).not_null
        ),
        keyed=frozenset(name for name, table in manifest.planned.items() if table.key),
        may_update=may_update,
    )


def apply(
    database: Database, artifact: Artifact, tables: Tables, order: LoadOrder, progress: Progress
) -> dict[RelationName, int]:
    """Insert every row of the artifact and commit.

    Args:
        database: a connection in autocommit mode, in which BEGIN and COMMIT are said here.
        artifact: where the rows come from.
        tables: the artifact's tables as the target has them.
        order: the artifact's own load order, or that of another strategy.
        progress: told of each statement.

    Returns:
        How many rows of each table the target reported as inserted.

    Raises:
        ReplayError: the target refused a row, or did not keep every row.
        PrivilegeError: the strategy needs a setting that the role may not set.
        ArtifactError: the artifact is not what its manifest calls for.

    """
    names = list(tables)
    inserted = dict.fromkeys(names, 0)
    with _probed(order):
        database.execute(opening(order.before, names))
    for statement in _statements(artifact, tables, order):
        with _explained():
            _execute(database, statement, tables)
        for group in statement.groups:
            name, rows = group.frame.name, len(group.lines)
            if not isinstance(statement.step, PatchColumns):
                inserted[name] += rows
            progress(name, rows, sum(map(len, group.lines)))
    with _explained():
        database.execute(closing(order.after, names))
    return inserted


def _execute(database: Database, statement: StatementRows, tables: Tables) -> None:
    """Run a statement, and see that every row of it was kept.

    Raises:
        ReplayError: the target kept fewer rows than it was given.

    """
    cursor = database.execute(_sql(statement, tables))
    kept: Sequence[int] = [cursor.rowcount]
    if isinstance(statement.step, LoadTogether):
        kept = cursor.fetchone() or ()
    for group, count in zip(statement.groups, kept, strict=True):
        if count != len(group.lines):
            raise ReplayError(
                f"the target kept {count} of {len(group.lines)} rows of {group.frame.name}: a "
                f"trigger or rule of the target dropped the others; nothing was replayed"
            )


def _sql(statement: StatementRows, tables: Tables) -> bytes:
    """The statement composed from the target's tables, around the artifact's rows."""
    own = frames(statement.step, tables)
    return b"".join(
        frame.head + b",\n".join(group.lines) + frame.tail
        for frame, group in zip(own, statement.groups, strict=True)
    )


def _statements(artifact: Artifact, tables: Tables, order: LoadOrder) -> Iterator[StatementRows]:
    """The artifact's statements as they are, if the order is its own; else made anew."""
    if order.steps == artifact.manifest.order.steps:
        return artifact.statements()
    patched = [s.table for s in artifact.manifest.order.steps if isinstance(s, PatchColumns)]
    if patched:
        raise ArtifactError(
            f"the artifact loads {', '.join(map(str, patched))} in two parts, so it can be "
            f"replayed in its own order only: leave --strategy out, or export with that strategy"
        )
    return (made for step in order.steps for made in _made(artifact, tables, step))


def _made(artifact: Artifact, tables: Tables, step: Step) -> Iterator[StatementRows]:
    match step:
        case LoadTogether(names):
            filled = LoadTogether(tuple(name for name in names if tables[name].row_count))
            groups = [
                Group(frame, [text for lines in artifact.rows(frame.name) for text in lines])
                for frame in frames(filled, tables)
            ]
            if groups:
                yield StatementRows(filled, tuple(groups))
        case LoadTable(name) | PatchColumns(name):
            (frame,) = frames(step, tables)
            for lines in statements(_batches(artifact, tables[name], step, frame)):
                yield StatementRows(step, (Group(frame, lines),))


def _batches(
    artifact: Artifact, table: PlannedTable, step: LoadTable | PatchColumns, frame: InsertFrame
) -> Iterator[Batch]:
    batches = artifact.rows(table.name)
    match step:
        case LoadTable(together=together, by_depth=key) if together or key is not None:
            # The depth of a row is not known here; in one statement it does not matter.
            lines = [text for batch in batches for text in batch]
            if lines:
                yield Batch(lines, together=True)
        case LoadTable(patched=columns) if columns:
            for batch in batches:
                yield Batch([_with_null(text, table, columns) for text in batch])
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


@contextmanager
def _probed(order: LoadOrder) -> Iterator[None]:
    """Say what a role lacks that may not set what the load order sets first."""
    try:
        with _explained():
            yield
    except PrivilegeError as error:
        if not any(isinstance(statement, AsReplica) for statement in order.before):
            raise
        raise PrivilegeError(
            f"{error}; this strategy needs a superuser, or from PostgreSQL 15 on GRANT SET ON "
            f"PARAMETER session_replication_role; else replay with --strategy ordered"
        ) from error


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the target's refusal into what it means for a replay."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise PrivilegeError(
            f"the target refused: {one_line(error)}; nothing was replayed"
        ) from error
    except psycopg.errors.UniqueViolation as error:
        raise ReplayError(
            f"the target already holds a row of this artifact in {_place(error)}: "
            f"{one_line(error)}; nothing was replayed; remove these rows from the target first"
        ) from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise ReplayError(
            f"a row of this artifact references a row that the target lacks, in {_place(error)}: "
            f"{one_line(error)}; nothing was replayed; load the referenced rows first"
        ) from error
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError) as error:
        raise ReplayError(
            f"the target refused a row of {_place(error)}: {one_line(error)}; nothing was "
            f"replayed; compare the target's schema with the source's"
        ) from error


def _place(error: psycopg.Error) -> str:
    schema, table = error.diag.schema_name, error.diag.table_name
    return str(RelationName(schema, table)) if schema and table else "the artifact"
