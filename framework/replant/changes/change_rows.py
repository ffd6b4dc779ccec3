"""Changes rows in one transaction, in which they are also looked at before and afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg

from replant.artifact.row_batches import limited
from replant.changes.queries import ChangingStatement, Place, StagedChanges, places_by_content
from replant.changes.table_changes import TableChanges
from replant.changes.unique_collisions import SettledChanges
from replant.database import sql
from replant.database.connections import READING, DatabaseConnection, one_line, writing
from replant.database.copy_from_stdin import send_rows
from replant.database.privileges import may_make_temporary_tables
from replant.database.session_settings import exact_names
from replant.errors import ChangeError, PrivilegeError
from replant.model import RelationName
from replant.sql.closing_checks import SETTLE
from replant.sql.load_statements import copy_into, opening
from replant.sql.row_forms import COPY_ROWS
from replant.sql.staging_tables import create_all

#: What is seen before the changes is what is changed: another session's change of it is an error.
_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ;\n"


@contextmanager
def changing(dsn: str, settings: Mapping[str, str]) -> Iterator[DatabaseConnection]:
    """Open a transaction on the target; unless COMMIT is said in the block, nothing is kept.

    Args:
        dsn: a libpq connection string; empty for libpq's own variables.
        settings: those of the configuration for the target.

    Raises:
        DatabaseError: the server cannot be reached, or failed.

    """
    with writing(dsn, settings) as database:
        database.execute(opening((), (), _BEGIN))
        yield database


@contextmanager
def looking(database: DatabaseConnection) -> Iterator[None]:
    """Pin the settings for reading for the length of the block, and undo them afterwards.

    Triggers that fire later then find the settings of their database.
    """
    database.execute("SAVEPOINT replant_look")
    calls = [
        sql.SQL("set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
        for name, value in {**READING, "row_security": "off"}.items()
    ]
    database.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)))
    yield
    database.execute("ROLLBACK TO SAVEPOINT replant_look; RELEASE SAVEPOINT replant_look")


def change_rows(database: DatabaseConnection, settled: SettledChanges) -> None:
    """Carry out changes, and let deferred constraints and triggers follow.

    Raises:
        ChangeError: the target refused, or did not change every row.
        PrivilegeError: the role lacks a privilege that was not foreseen.

    """
    changes = [each for each in settled.changes.values() if each.count]
    if not changes:
        return
    may_stage = may_make_temporary_tables(database)
    with _explained():
        # What the transaction writes is told by its number, also before anybody asks for that.
        database.execute("SELECT pg_catalog.pg_current_xact_id()")
        for before in settled.before:
            database.execute(before)
        places = {
            each.table.name: _places_of_deleted(database, each)
            for each in changes
            if each.deleted and not each.table.key
        }
        statement = ChangingStatement(changes, places, may_stage=may_stage)
        for staged in statement.staged:
            _stage(database, staged)
        counts = database.execute(statement.compose()).fetchone() or ()
        _check_counts(statement.parts, counts)
        database.execute(SETTLE)


def _places_of_deleted(database: DatabaseConnection, changes: TableChanges) -> list[Place]:
    """Find rows without a key by their content, under the settings under which it was read.

    Nobody changes them unnoticed from now on, as the next statement deletes them.
    """
    with looking(database), exact_names(database, changes.table):
        return database.execute(places_by_content(changes)).fetchall()


def _stage(database: DatabaseConnection, staged: StagedChanges) -> None:
    """Send rows to a temporary table of their own."""
    staging = staged.staging
    database.execute(create_all([staging]))
    statement = copy_into(staging.rows, staging.table.column_names, COPY_ROWS)
    send_rows(database, statement, limited(staged.lines))
    database.execute(sql.SQL("ANALYZE {}").format(staging.rows))


def _check_counts(parts: Sequence[tuple[RelationName, str, int]], counts: Sequence[int]) -> None:
    for (name, what, wanted), found in zip(parts, counts, strict=True):
        if found != wanted:
            raise ChangeError(
                f"{found:,} of {wanted:,} rows of {name} were {what}: a trigger or rule of the "
                f"target kept the others as they were; nothing was changed"
            )


@contextmanager
def _explained() -> Iterator[None]:
    """Translate the target's refusal."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise PrivilegeError(
            f"the target refused: {one_line(error)}; nothing was changed"
        ) from error
    except psycopg.errors.SerializationFailure as error:
        raise ChangeError(
            f"another session changed the same rows meanwhile: {one_line(error)}; nothing was "
            f"changed; run it again"
        ) from error
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError) as error:
        raise ChangeError(f"the target refused: {one_line(error)}; nothing was changed") from error
