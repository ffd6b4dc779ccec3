"""Connects to source and target, with pinned session settings, one transaction, clear errors."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from replant.database import sql
from replant.database.connection_facts import tell_of_connection
from replant.errors import ConfigurationError, DatabaseError, PrivilegeError
from replant.model.names import did_you_mean

# psycopg tells its log of each connection that is lost, which without this is standard error.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

DatabaseConnection = Connection[TupleRow]

AnyConnection = TypeVar("AnyConnection", bound=Connection[Any])

#: The oldest release that its community still maintains.
OLDEST_VERSION = 140000

#: The first release that has the setting `transaction_timeout`.
_TRANSACTION_TIMEOUT = 170000

#: What helps where a target takes no writes.
TO_WRITE = (
    "replay into the primary of a standby, or set default_transaction_read_only = false under "
    "[target.settings]"
)

#: What helps against a failure that is none of the rows, by SQLSTATE.
_HELPS = {
    "55P03": (
        "; another session holds the lock: run it again later, or wait longer: lock_timeout under "
        "[{side}.settings]"
    ),
    "57014": "; somebody, or a statement_timeout, ended it: set one under [{side}.settings]",
    "53200": "; raise max_locks_per_transaction or memory there, or choose fewer tables",
}

#: How what separates the parts of a URI is written within one of them.
_ENCODED = "@ as %40, / as %2F, : as %3A, ? as %3F and % as %25"

#: How long a lock is waited for, where neither database nor role nor configuration says it.
LOCK_TIMEOUT = "30s"

#: What a value's text depends on, both when it is written and when it is read back. The same on
#: both sides, for the transaction only. PostgreSQL manual, "Client Connection Defaults".
EXACT_TEXT: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "xmloption": "content",
    "quote_all_identifiers": "off",
}

#: What reading a value's text back depends on. The others of `EXACT_TEXT` decide how values are
#: written; PostgreSQL reads what they make whatever its own settings are.
EXACT_INPUT: Mapping[str, str] = {
    name: EXACT_TEXT[name]
    for name in (
        *("client_encoding", "lc_monetary", "standard_conforming_strings"),
        *("array_nulls", "xmloption"),
    )
}

#: What a condition of the configuration depends on, which is asked as `psql` would ask it.
_COMPUTED = tuple(
    name
    for name in EXACT_TEXT
    if name not in {"client_encoding", "standard_conforming_strings", "quote_all_identifiers"}
)

#: For reading: hidden rows are an error, and no timeout that a role or database was given cuts a
#: long read short. JIT compilation costs more than it saves on
#: expressions that are wide and run once: 0.4 s against 0.02 s for an empty table of 500 columns.
#: Rows are wanted in key order, and keys such as uuids are in no physical order: with a small cache
#: and a cheap transfer between parallel workers in mind, the planner sorts in the workers, where
#: it would otherwise walk an index and read each page many times over (2.4 s against 4.8 s for a
#: million rows). Where the order is physical too, and where few rows are wanted, it still does so.
READING: Mapping[str, str] = {
    **EXACT_TEXT,
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
    "parallel_tuple_cost": "0.001",
    "effective_cache_size": "8MB",
}


class ReadingConnection(Connection[TupleRow]):
    """A connection that reads in one snapshot, with pinned settings.

    Attributes:
        side: `source` or `target`, for errors.
        own: the settings of the database, the role and the configuration that are pinned to other
            values, and that what the database computes depends on.
        pinned: the settings of its transactions.
        snapshot: the one of another session, in which it reads; None for one of its own.

    """

    side: str
    own: Mapping[str, str]
    pinned: Mapping[str, str]
    snapshot: str | None

    def begin_again(self, *first: sql.Composed) -> None:
        """End the transaction, and begin another.

        Args:
            first: statements that come before the snapshot is taken, and take none themselves.

        """
        self.rollback()
        _begin_without_limits(self)
        timeout = sql.Literal(self.pinned["lock_timeout"])
        self.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(timeout))
        for statement in first:
            self.execute(statement)
        _take_snapshot(self)
        set_locally(self, self.pinned)


@contextmanager
def reading(
    dsn: str,
    side: str,
    *,
    hidden_rows_fail: bool = True,
    settings: Mapping[str, str] = MappingProxyType({}),
    snapshot: str | None = None,
) -> Iterator[ReadingConnection]:
    """Open one REPEATABLE READ READ ONLY transaction with pinned settings.

    Args:
        dsn: a libpq connection string; empty for libpq's own variables.
        side: `source` or `target`, for errors.
        hidden_rows_fail: whether a policy that would hide rows is an error, as it is unless the
            rows that the role sees are what is wanted.
        settings: those of the configuration for this database.
        snapshot: the identifier of one that another session holds and has exported.

    Raises:
        ConfigurationError: the server does not know a setting, or refuses its value.
        DatabaseError: the server cannot be reached, failed while it was asked, or nobody holds
            the snapshot any more.

    """
    with _connected(ReadingConnection, dsn, side) as connection, translated(side):
        connection.side = side
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.snapshot = snapshot
        _begin_without_limits(connection)
        _take_snapshot(connection)
        _configure(connection, side, settings, local=True)
        _read_own(connection)
        pinned = {**settings, **READING, "row_security": "off" if hidden_rows_fail else "on"}
        pinned["search_path"] = f"pg_catalog, {connection.own['search_path']}".rstrip(", ")
        pinned["lock_timeout"] = connection.own["lock_timeout"]
        if pinned["lock_timeout"] == "0" and "lock_timeout" not in settings:
            pinned["lock_timeout"] = LOCK_TIMEOUT
        if connection.info.server_version >= _TRANSACTION_TIMEOUT:
            pinned["transaction_timeout"] = "0"
        connection.pinned = pinned
        set_locally(connection, pinned)
        yield connection
        with suppress(psycopg.Error):
            # All was read: a connection that is lost now has lost nothing.
            connection.rollback()


@contextmanager
def joining(
    dsn: str, side: str, snapshot: str, settings: Mapping[str, str]
) -> Iterator[DatabaseConnection]:
    """Open a transaction in a snapshot that another connection shares.

    Args:
        dsn: a libpq connection string.
        side: `source` or `target`, for errors.
        snapshot: the identifier that the other connection was given.
        settings: those of the session.

    Raises:
        DatabaseError: the server cannot be reached, or the snapshot is gone.

    """
    with _connected(Connection, dsn, side) as connection, translated(side):
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        set_locally(connection, settings)
        yield connection
        connection.rollback()


@contextmanager
def writing(
    dsn: str, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[DatabaseConnection]:
    """Connect to the target in autocommit mode: a replay sends BEGIN and COMMIT itself.

    If the block ends before COMMIT was said, the connection is closed and nothing is kept.

    Args:
        dsn: a libpq connection string; empty for libpq's own variables.
        settings: those of the configuration for the target.

    Raises:
        ConfigurationError: the server does not know a setting, or refuses its value.
        DatabaseError: the server cannot be reached, or failed.

    """
    with _connected(Connection, dsn, "target") as connection, translated("target"):
        connection.autocommit = True
        _configure(connection, "target", settings, local=False)
        if connection.info.server_version >= _TRANSACTION_TIMEOUT:
            connection.execute("SET transaction_timeout = 0")
        yield connection


@contextmanager
def translated(side: str) -> Iterator[None]:
    """Let a failure of the server come out as one clear line.

    Raises:
        PrivilegeError: the role lacks a privilege that was not foreseen.
        DatabaseError: anything else that the server says.

    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise PrivilegeError(
            f"the {side} refused: {one_line(error)}; grant the privilege, or use another role"
        ) from error
    except psycopg.Error as error:
        state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        helps = _HELPS.get(error.sqlstate or "", "").format(side=side)
        raise DatabaseError(f"the {side} failed: {one_line(error)}{state}{helps}") from error


def is_near(database: DatabaseConnection) -> bool:
    """Tell whether the server is on this host, so that rows pass quickly."""
    address = database.info.hostaddr
    return not address or ip_address(address.partition("%")[0]).is_loopback


def one_line(error: psycopg.Error) -> str:
    """Return the server's message on one line, without its position marks."""
    primary = error.diag.message_primary
    if primary is None:
        return " ".join(str(error).split())
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    return " ".join((primary + detail).split())


@contextmanager
def _connected(kind: type[AnyConnection], dsn: str, side: str) -> Iterator[AnyConnection]:
    place = _without_password(dsn, side)
    try:
        connection = kind.connect(
            dsn,
            client_encoding="utf8",
            application_name="replant",
            # psycopg would remember a hundred statements, to prepare those that come again: no
            # INSERT does, and each is a megabyte.
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise DatabaseError(
            f"cannot connect to the {side} ({place}): {' '.join(str(error).split())}; "
            f"check --{side}, [{side}] dsn or REPLANT_{side.upper()}"
        ) from error
    try:
        if connection.info.server_version < OLDEST_VERSION:
            raise DatabaseError(
                f"the {side} is PostgreSQL {connection.info.server_version // 10000}; "
                f"replant needs {OLDEST_VERSION // 10000} or later"
            )
        tell_of_connection(connection, side)
        yield connection
    finally:
        connection.close()


#: What libpq says of an option that it does not know; nothing else of its words is repeated.
_UNKNOWN_OPTION = re.compile(r'invalid (?:connection option|URI query parameter):? "(\w+)"')


def _check_uri(dsn: str, side: str) -> None:
    """Refuse a URI of which libpq would take a part of the password for a host or a database.

    Raises:
        DatabaseError: it is one. Nothing of it is repeated.

    """
    scheme, separator, rest = dsn.partition("://")
    place = rest.partition("?")[0]
    mistaken = place.count("@") > 1 or "@" in place.partition("/")[2]
    if separator and scheme in {"postgresql", "postgres"} and mistaken:
        raise DatabaseError(
            f"the parts of the {side}'s connection string cannot be told apart: in a URI, write "
            f"{_ENCODED} in user name and password; "
            f"check --{side}, [{side}] dsn or REPLANT_{side.upper()}"
        )


def _without_password(dsn: str, side: str) -> str:
    """Return where a connection string leads, without the password, for messages.

    Raises:
        DatabaseError: it is not a connection string. libpq's own words would repeat it, password
            and all.

    """
    _check_uri(dsn, side)
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        unknown = _UNKNOWN_OPTION.search(str(error))
        reason = "is neither 'key=value ...' nor a 'postgresql://' URI"
        if dsn.startswith(("postgresql://", "postgres://")):
            reason = f"is no URI that libpq can read: write {_ENCODED} in user name and password"
        if unknown is not None:
            reason = f"has an option that libpq does not know: {unknown[1]!r}"
        raise DatabaseError(
            f"the {side}'s connection string {reason}; "
            f"check --{side}, [{side}] dsn or REPLANT_{side.upper()}"
        ) from error.with_traceback(None)
    shown = {key: parts[key] for key in ("host", "port", "dbname", "user") if parts.get(key)}
    return " ".join(f"{key}={value}" for key, value in shown.items()) or "libpq's defaults"


def _begin_without_limits(connection: DatabaseConnection) -> None:
    """Begin a transaction that no limit of the role or the database cuts short."""
    limits = ["statement_timeout"]
    if connection.info.server_version >= _TRANSACTION_TIMEOUT:
        limits.append("transaction_timeout")
    connection.execute("; ".join(f"SET LOCAL {name} = 0" for name in limits).encode())


def _take_snapshot(connection: ReadingConnection) -> None:
    """See what another session sees, if a snapshot of one is wanted.

    Raises:
        DatabaseError: no session holds the snapshot.

    """
    if connection.snapshot is None:
        return
    statement = sql.SQL("SET TRANSACTION SNAPSHOT {}").format(connection.snapshot)
    try:
        connection.execute(statement)
    except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidParameterValue) as error:
        raise DatabaseError(
            f"no session of the {connection.side} holds the snapshot {connection.snapshot!r} any "
            f"more ({one_line(error)}), so nothing can be read in it: take another snapshot, and "
            f"begin again without --resume"
        ) from error


def set_locally(database: DatabaseConnection, settings: Mapping[str, str]) -> None:
    """Set parameters until the transaction ends."""
    _set(database, settings, local=True)


def _set(database: DatabaseConnection, settings: Mapping[str, str], *, local: bool) -> None:
    call = sql.SQL("pg_catalog.set_config({}, {}, {})")
    calls = [call.format(*map(sql.Literal, (*pair, local))) for pair in settings.items()]
    database.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)))


def _configure(
    database: DatabaseConnection, side: str, settings: Mapping[str, str], *, local: bool
) -> None:
    """Set what the configuration says.

    Raises:
        ConfigurationError: the server does not know a setting, or refuses its value.

    """
    for name, value in settings.items():
        try:
            _set(database, {name: value}, local=local)
        except (
            psycopg.DataError,
            psycopg.ProgrammingError,
            psycopg.errors.CantChangeRuntimeParam,
        ) as error:
            database.rollback()
            known = [name for (name,) in database.execute("SELECT name FROM pg_settings")]
            meant = did_you_mean(name, known)
            raise ConfigurationError(f"{side}.settings.{name}: {one_line(error)}{meant}") from error


def _read_own(connection: ReadingConnection) -> None:
    names = (*_COMPUTED, "search_path", "lock_timeout")
    calls = [sql.SQL("pg_catalog.current_setting({})").format(sql.Literal(n)) for n in names]
    values = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))).fetchone()
    connection.own = dict(zip(names, values or (), strict=True))
