"""Which database this is, whatever name or address led to it."""

from __future__ import annotations

from enum import Enum
from ipaddress import ip_address

from attrs import frozen

from replant.database.connections import DatabaseConnection

# Whoever may not call pg_control_system() still learns when the server was started.
_IDENTITY = """
SELECT CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
         THEN (SELECT s.system_identifier::text FROM pg_catalog.pg_control_system() AS s) END,
       pg_catalog.pg_postmaster_start_time()::text, d.oid
FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
"""


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


def read_identity(database: DatabaseConnection) -> DatabaseIdentity:
    """The identity of the connected database."""
    row = database.execute(_IDENTITY.encode()).fetchone()
    assert row is not None
    return DatabaseIdentity(*row)


def kinship(one: DatabaseIdentity, other: DatabaseIdentity) -> Kinship:
    """What two databases have to do with each other, as far as their identities tell."""
    if one.oid != other.oid:
        return Kinship.NONE
    if one.started == other.started:
        return Kinship.SAME
    if one.system is not None and one.system == other.system:
        return Kinship.COPY
    return Kinship.NONE


def is_on_this_host(database: DatabaseConnection) -> bool:
    """Whether the connection goes by a socket of this host, or to its loopback address."""
    return is_local(database.info.host, database.info.hostaddr)


def is_local(host: str, address: str) -> bool:
    """Whether libpq's host and the address that it found are this host's own.

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
