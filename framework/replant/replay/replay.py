"""Loads an artifact's rows into the target in one transaction: all of them, or nothing.

No statement of the artifact is run. Its rows, which are known to be literals, are put into
statements that are composed from the target's catalog and a load order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial

import psycopg
from attrs import frozen

from replant.database.connections import DatabaseConnection, one_line
from replant.database.copy_from_stdin import send_together
from replant.database.sql import SQL, Identifier
from replant.errors import ArtifactError, PrivilegeError, ReplayError
from replant.model import (
    INSERT,
    AsReplica,
    Finding,
    LoadOrder,
    LoadTogether,
    OnConflict,
    PatchColumns,
    PlannedTable,
    Progress,
    RelationName,
    step_tables,
)
from replant.replay.closing_notes import collect_notes
from replant.replay.load_plan import (
    CopiedRows,
    Load,
    StatementRows,
    Tables,
    statements_of,
    updated_tables,
)
from replant.replay.loaded_rows import check_loaded_rows
from replant.replay.older_release import of_older_release
from replant.replay.refusals import Guards, refusals_explained
from replant.replay.staging import (
    StagedRows,
    load_staged,
    read_updated,
    reset_updated,
    with_progress,
)
from replant.sql.closing_checks import finishing
from replant.sql.load_statements import copy_from, filled_tables, frames, opening, said
from replant.sql.trigger_statements import disable_triggers, enable_triggers

#: What the target says of a row that it does not take; anything else is a failure of its own.
_REFUSALS = (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError)


@frozen
class Loaded:
    """The number of rows of one table that were inserted, updated, skipped or left unchanged.

    Attributes:
        inserted: how many are new in the target.
        updated: how many existed, and were set to the artifact's values.
        skipped: how many existed by some unique key, and were left as they are, not compared.
        unchanged: how many existed with the same values.

    """

    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    unchanged: int = 0

    @property
    def given(self) -> int:
        """How many rows the artifact holds."""
        return self.inserted + self.updated + self.skipped + self.unchanged

    def __add__(self, other: Loaded) -> Loaded:
        """Add the numbers of both."""
        return Loaded(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.skipped + other.skipped,
            self.unchanged + other.unchanged,
        )


@frozen
class ReplayOutcome:
    """The result of a replay.

    Attributes:
        tables: the number of rows inserted, updated, skipped and unchanged, by table.
        notes: what was not compared, and which sequences were not moved, each with the remedy.

    """

    tables: Mapping[RelationName, Loaded]
    notes: tuple[Finding, ...]


def replay_rows(
    database: DatabaseConnection, load: Load, progress: Progress, *, rehearse: bool = False
) -> ReplayOutcome:
    """Insert every row of the artifact and commit.

    Args:
        database: a connection in autocommit mode, in which BEGIN and COMMIT are said here.
        load: what is loaded.
        progress: told of each statement.
        rehearse: whether all is undone in the end. No sequence is moved then, as that could not be
            undone.

    Returns:
        The number of rows by outcome and table, and notes on what could not be checked.

    Raises:
        ReplayError: the target refused a row, or does not hold what was exported.
        PrivilegeError: the strategy needs a setting that the role may not set.
        ArtifactError: the artifact is not what its manifest calls for.

    """
    names = filled_tables(load.tables)
    loaded = dict.fromkeys(load.tables, Loaded())
    guards = Guards(
        load.firing,
        load.policies,
        load.event_triggers,
        load.unique,
        of_older_release(load.artifact.manifest.postgresql, database.info.server_version),
        frozenset(updated_tables(load)),
        any(t.on_conflict in {OnConflict.SKIP, OnConflict.SAME} for t in load.tables.values()),
        partial(_had_rows, database),
    )
    with _probed(load.order, guards):
        database.execute(opening(load.order.before, names))
        if load.disabled:
            database.execute(disable_triggers(load.disabled))
    staged: set[RelationName] = set()
    for statement in statements_of(load):
        if isinstance(statement, CopiedRows):
            for name, change in _copy(database, statement, load.tables, guards, progress):
                loaded[name] += change
            continue
        with refusals_explained(step_tables(statement.step), guards):
            changes = _execute(database, statement, load.tables, progress)
        if isinstance(statement, StagedRows):
            staged.update(changes)
        if not isinstance(statement.step, PatchColumns):
            for name, change in changes.items():
                loaded[name] += change
    notes = collect_notes(database)
    ending = load.artifact.manifest.ending(load.tables, load.order.after)
    with refusals_explained(guards=guards):
        database.execute(said(load.order.after, names))
        if load.disabled:
            database.execute(enable_triggers(load.disabled))
        check_loaded_rows(database, load, frozenset(staged))
        database.execute(b"ROLLBACK" if rehearse else finishing(ending))
    return ReplayOutcome(loaded, tuple(notes))


def _execute(
    database: DatabaseConnection,
    statement: StatementRows | StagedRows,
    tables: Tables,
    progress: Progress,
) -> dict[RelationName, Loaded]:
    """Run a statement, and check that the target kept every row of it.

    Raises:
        ReplayError: the target kept fewer rows than it was given.

    """
    if isinstance(statement, StagedRows):
        return {
            name: _outcome(tables[name], moved.given, moved.written, moved.updated)
            for name, moved in load_staged(database, statement, progress).items()
        }
    changes = _insert(database, statement, tables)
    for group in statement.groups:
        progress(group.frame.name, len(group.lines), sum(map(len, group.lines)))
    return changes


def _outcome(table: PlannedTable, given: int, written: int, updated: int = 0) -> Loaded:
    """Sort the given rows into inserted, updated, skipped and unchanged, by what was written.

    Raises:
        ReplayError: the target dropped rows without an error.

    """
    left = given - written
    match table.on_conflict:
        case OnConflict.SKIP:
            return Loaded(inserted=written, skipped=left)
        case OnConflict.SAME:
            return Loaded(inserted=written, unchanged=left)
        case OnConflict.UPDATE:
            # A trigger may have kept a row as it was that was counted as updated.
            updated = min(updated, written)
            return Loaded(inserted=written - updated, updated=updated, unchanged=left)
        case OnConflict.ERROR:
            if left:
                raise ReplayError(
                    f"the target kept {written:,} of {given:,} rows of {table.name}: a trigger or "
                    f"rule of the target dropped the others; nothing was replayed"
                )
            return Loaded(inserted=written)


def _copy(
    database: DatabaseConnection,
    rows: CopiedRows,
    tables: Tables,
    guards: Guards,
    progress: Progress,
) -> Iterator[tuple[RelationName, Loaded]]:
    """Run COPYs, and yield what became of the rows of each."""
    statements = (
        (copy_from(tables[one.name], one.form), with_progress(one.batches, one.name, progress))
        for one in rows.copies
    )
    with closing(send_together(database, statements)) as outcomes:
        for one in rows.copies:
            table = tables[one.name]
            with refusals_explained([one.name], guards), _rows_of(table, rows.origin):
                sent = next(outcomes)
            yield one.name, _outcome(table, sent.given, sent.written)


@contextmanager
def _rows_of(table: PlannedTable, origin: str) -> Iterator[None]:
    """Blame the artifact for a row that is none: the server alone counts the values of each."""
    try:
        yield
    except psycopg.errors.BadCopyFileFormat as error:
        raise ArtifactError(
            f"{origin}: a row of {table.name} is not what its manifest calls for: "
            f"{one_line(error)}; export it again"
        ) from error


def _insert(
    database: DatabaseConnection, statement: StatementRows, tables: Tables
) -> dict[RelationName, Loaded]:
    """Run an INSERT that is composed from the target's tables, with the artifact's rows in it."""
    names = [group.frame.name for group in statement.groups]
    updating = any(tables[name].on_conflict is OnConflict.UPDATE for name in names)
    own = frames(statement.step, tables, INSERT, counted=updating)
    counters = len(own) if updating else 0
    reset_updated(database, counters)
    cursor = database.execute(
        b"".join(
            # Joined at once: a large row is copied no more often than it must be.
            part
            for frame, group in zip(own, statement.groups, strict=True)
            for part in (frame.head, b",\n".join(group.lines), frame.tail)
        )
    )
    written: Sequence[int] = [cursor.rowcount]
    if isinstance(statement.step, LoadTogether):
        written = cursor.fetchone() or ()
    updated = read_updated(database, counters) or [0] * len(own)
    return {
        group.frame.name: _outcome(tables[group.frame.name], len(group.lines), count, changed)
        for group, count, changed in zip(statement.groups, written, updated, strict=True)
    }


def _had_rows(database: DatabaseConnection, name: RelationName) -> bool | None:
    """Ask, once the load has failed, whether a table had rows before it; None if nobody may know.

    The transaction is over then, and nothing of it is kept.
    """
    query = SQL("SELECT EXISTS (SELECT FROM {})").format(Identifier(name.schema, name.name))
    try:
        database.execute("ROLLBACK")
        # A policy that would hide rows is an error.
        database.execute("SET row_security = off")
        ((any_row,),) = database.execute(query).fetchall()
    except psycopg.Error:
        return None
    return bool(any_row)


@contextmanager
def _probed(order: LoadOrder, guards: Guards) -> Iterator[None]:
    """Say which privilege the role lacks for the settings of the load order."""
    try:
        with refusals_explained(guards=guards):
            yield
    except PrivilegeError as error:
        if not any(isinstance(statement, AsReplica) for statement in order.before):
            raise
        raise PrivilegeError(
            f"{error}; this strategy needs a superuser, or from PostgreSQL 15 on GRANT SET ON "
            f"PARAMETER session_replication_role; else replay with --strategy ordered"
        ) from error
