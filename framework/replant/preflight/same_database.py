"""Checks that the target is the database that was meant, and not the source under another name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from ipaddress import ip_address

from attrs import frozen
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from replant.artifact.manifest import Manifest
from replant.database.connections import DatabaseConnection, reading
from replant.errors import DatabaseError
from replant.model import Finding, Severity, Subject

# Whoever may not call pg_control_system() still learns when the server was started.
_IDENTITY = """
SELECT CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
         THEN (SELECT s.system_identifier::text FROM pg_catalog.pg_control_system() AS s) END,
       pg_catalog.pg_postmaster_start_time()::text, d.oid
FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
"""

#: Seconds in which the source must answer: it is only asked who it is.
_PATIENCE = 5


@frozen
class DatabaseIdentity:
    """What tells one database from all others.

    Attributes:
        system: the cluster's system identifier, which a replica and a copy of its files share;
            None where the role may not know it.
        started: when the server was started, to the microsecond.
        oid: the database's own number in the cluster.

    """

    system: str | None
    started: str
    oid: int


class Kinship(Enum):
    """What two databases have to do with each other."""

    SAME = "the same database"
    COPY = "a replica or a copy of its files"
    NONE = "none"


def check_same_database(
    database: DatabaseConnection,
    source: str | None,
    manifest: Manifest,
    map_schema: Mapping[str, str],
) -> Iterator[Finding]:
    """Yield what speaks against this target, before its rows are compared with the artifact's.

    Args:
        database: a connection to the target.
        source: the connection string of the source, where it is known.
        manifest: what the artifact says of itself.
        map_schema: the schemas that are renamed in the target.

    """
    if source is not None:
        moved = all(table.name.schema in map_schema.values() for table in manifest.tables)
        yield from _kinship(database, source, is_clone=moved or has_new_keys(manifest))
    if not is_on_this_host(database):
        what = f"the target {database.info.dbname!r} is on {database.info.host}, not on this host"
        yield Finding(Subject.TARGET, Severity.ASKS, database.info.host, what)


def has_new_keys(manifest: Manifest) -> bool:
    """Return whether no owned row has the key that it has in the source.

    Of a table without a key, some column must change, such as one by which it references others.
    """
    return all(
        any(c.changes for c in table.columns if not table.key or c.name in table.key)
        for table in manifest.tables
        if table.row_count > table.shared_count
    )


def _kinship(database: DatabaseConnection, source: str, *, is_clone: bool) -> Iterator[Finding]:
    name = database.info.dbname
    try:
        other = _identity(source)
    except DatabaseError as error:
        what = f"the source could not be asked whether it is the target: {error}"
        yield Finding(Subject.TARGET, Severity.NOTE, name, what)
        return
    match kinship(read_identity(database), other):
        case Kinship.SAME if is_clone:
            what = f"the target {name!r} is the source itself, where rows get other keys or schemas"
            yield Finding(Subject.TARGET, Severity.ASKS, name, what)
        case Kinship.SAME:
            yield Finding(
                Subject.TARGET,
                Severity.REFUSES,
                name,
                f"the target {name!r} is the source itself",
                "give another --target; to put rows back where they came from, name no source; to "
                "clone them, let a plugin give them other keys",
            )
        case Kinship.COPY:
            what = f"the target {name!r} is a replica of the source, or a copy of its files"
            yield Finding(Subject.TARGET, Severity.ASKS, name, what)
        case Kinship.NONE:
            pass


def _identity(dsn: str) -> DatabaseIdentity:
    """Read the identity of the source.

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


def read_identity(database: DatabaseConnection) -> DatabaseIdentity:
    """Read the identity of the connected database."""
    row = database.execute(_IDENTITY.encode()).fetchone()
    assert row is not None
    return DatabaseIdentity(*row)


def kinship(one: DatabaseIdentity, other: DatabaseIdentity) -> Kinship:
    """Compare two databases by their identities."""
    if one.oid != other.oid:
        return Kinship.NONE
    if one.started == other.started:
        return Kinship.SAME
    if one.system is not None and one.system == other.system:
        return Kinship.COPY
    return Kinship.NONE


def is_on_this_host(database: DatabaseConnection) -> bool:
    """Return whether the connection uses a socket of this host, or its loopback address."""
    return is_local(database.info.host, database.info.hostaddr)


def is_local(host: str, address: str) -> bool:
    """Return whether libpq's host and the address that it found are this host's own.

    A host that begins with a slash, or on Linux with @, is a socket.
    """
    if not host or host.startswith(("/", "@")):
        return True
    try:
        found = ip_address(address or host)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
