"""Whether the target is the one that was meant: findings that refuse, or ask."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from replant.database.connections import DatabaseConnection, reading
from replant.errors import DatabaseError
from replant.model import Finding, Severity, Subject
from replant.preflight.database_identity import (
    DatabaseIdentity,
    Kinship,
    is_on_this_host,
    kinship,
    read_identity,
)

#: Seconds in which the source must answer: it is only asked who it is.
_PATIENCE = 5


def check_same_database(database: DatabaseConnection, source: str | None) -> Iterator[Finding]:
    """What speaks against this target, before anything of the artifact is compared with it.

    Args:
        database: a connection to the target.
        source: the connection string of the source, where it is known.

    """
    if source is not None:
        yield from _kinship(database, source)
    if not is_on_this_host(database):
        what = f"the target {database.info.dbname!r} is on {database.info.host}, not on this host"
        yield Finding(Subject.TARGET, Severity.ASKS, database.info.host, what)


def _kinship(database: DatabaseConnection, source: str) -> Iterator[Finding]:
    name = database.info.dbname
    try:
        other = _identity(source)
    except DatabaseError as error:
        what = f"the source could not be asked whether it is the target: {error}"
        yield Finding(Subject.TARGET, Severity.NOTE, name, what)
        return
    match kinship(read_identity(database), other):
        case Kinship.SAME:
            yield Finding(
                Subject.TARGET,
                Severity.REFUSES,
                name,
                f"the target {name!r} is the source itself",
                "give another --target; to put rows back where they came from, name no source",
            )
        case Kinship.COPY:
            what = f"the target {name!r} is a replica of the source, or a copy of its files"
            yield Finding(Subject.TARGET, Severity.ASKS, name, what)
        case Kinship.NONE:
            pass


def _identity(dsn: str) -> DatabaseIdentity:
    """Who the source is.

    Raises:
        DatabaseError: it cannot be reached, or does not say.

    """
    try:
        if "connect_timeout" not in conninfo_to_dict(dsn):
            dsn = make_conninfo(dsn, connect_timeout=_PATIENCE)
    except ProgrammingError:
        pass  # `reading` says what is wrong, and repeats no password
    with reading(dsn, "source") as database:
        return read_identity(database)
