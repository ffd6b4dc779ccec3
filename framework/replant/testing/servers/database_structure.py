"""Copies the structure of a database without its rows, by `pg_dump`, and reads it for drawing.

A connection string comes in; statements, or what only the server can say of a catalog, come out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import psycopg
from attrs import evolve
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from replant.database.session_settings import qualified_names
from replant.errors import DatabaseError, PrivilegeError, UsageError
from replant.model import Catalog, RelationName
from replant.testing.servers.server import Database, embedded_program

_STRUCTURE_ONLY = (
    "--schema-only",
    "--no-owner",
    "--no-privileges",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-tablespaces",
    "--no-comments",
)

_WITHOUT_SECURITY = """
SELECT pg_catalog.format(
    'ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', c.oid::regclass)
FROM pg_catalog.pg_class AS c
WHERE c.relrowsecurity OR c.relforcerowsecurity
"""

_ROLE_MISSING = re.compile(r'^role ".*" does not exist$')

# Each leaf has the constraints of the partitions above it as well.
_PARTITIONS = r"""
SELECT n.nspname, c.relname, pg_catalog.pg_get_partition_constraintdef(p.relid)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) AS p
WHERE c.relkind = 'p' AND NOT c.relispartition AND p.isleaf
ORDER BY 1, 2, p.relid
"""


def with_partition_bounds(connection: Connection[Any], catalog: Catalog) -> Catalog:
    """Return the catalog with a check on each partitioned table: rows have a partition.

    It locks every partition for a moment, as any query on the table does.
    """
    bounds: defaultdict[RelationName, list[str]] = defaultdict(list)
    with qualified_names(connection):
        found = connection.execute(_PARTITIONS.encode()).fetchall()
    for schema, name, constraint in found:
        bounds[RelationName(schema, name)].append(constraint or "true")
    checked = {
        name: evolve(table, checks=(*table.checks, f"CHECK ({' OR '.join(bounds[name])})"))
        for name, table in catalog.tables.items()
        if name in bounds
    }
    return evolve(catalog, tables={**catalog.tables, **checked})


def dump_structure(dsn: str, without: Sequence[str] = ()) -> str:
    """Write the statements that make a database's structure: no rows, owners or privileges.

    It needs SELECT on every table, since `pg_dump` locks them against changes (ACCESS SHARE).

    Args:
        dsn: of the database.
        without: the schemas that are left out.

    Raises:
        PrivilegeError: the role may not lock a table, or use a schema.
        DatabaseError: `pg_dump` failed; the text has what it said.
        UsageError: there is no `pg_dump`.

    """
    left_out = [f"--exclude-schema={_pattern(schema)}" for schema in without]
    done = _run("pg_dump", *_STRUCTURE_ONLY, *left_out, dsn=dsn)
    if done.returncode != 0:
        said = " ".join(done.stderr.replace("pg_dump: error: ", "").split())
        if "permission denied" in said:
            raise PrivilegeError(
                f"pg_dump cannot copy the structure of the source: {said}; it locks each table, "
                f"for which it needs SELECT, although it reads no row"
            )
        raise DatabaseError(f"pg_dump cannot copy the structure of the source: {said}")
    return done.stdout


def restore_structure(statements: str, database: Database) -> tuple[str, ...]:
    """Run the statements in an empty database, as far as it takes them.

    Row-level security is switched off: who may see which row is not what is copied.

    Returns:
        What the database did not take, in the server's words.

    Raises:
        UsageError: there is no `psql`.

    """
    done = _run("psql", "-X", "-q", dsn=database.dsn, said=statements)
    lines = [line for line in done.stderr.splitlines() if "ERROR:  " in line]
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for (statement,) in connection.execute(_WITHOUT_SECURITY.encode()).fetchall():
            connection.execute(statement)
    # Policies name roles, which are left where they are.
    errors = (line.partition("ERROR:  ")[2] for line in lines)
    return tuple(dict.fromkeys(e for e in errors if not _ROLE_MISSING.search(e)))


def _run(
    program: str, *arguments: str, dsn: str, said: str | None = None
) -> subprocess.CompletedProcess[str]:
    path = _program(program)
    parts = conninfo_to_dict(dsn)
    environment = {**os.environ, "PGCLIENTENCODING": "UTF8", "LC_MESSAGES": "C"}
    if password := parts.pop("password", None):
        # Everybody on the machine can read a command line.
        environment["PGPASSWORD"] = str(password)
    return subprocess.run(  # noqa: S603 - PostgreSQL's own program, without a shell
        [path, *arguments, f"--dbname={make_conninfo('', **parts)}"],
        input=said,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=environment,
    )


def _program(name: str) -> str:
    """Return the program of the embedded server, or one on the PATH."""
    try:
        embedded = embedded_program(name)
    except UsageError:
        found = shutil.which(name)
        if found is None:
            raise UsageError(
                f"this needs PostgreSQL's {name} on the PATH, or pip install 'replant[demo]'"
            ) from None
        return found
    return str(embedded)


def _pattern(schema: str) -> str:
    """Write a pattern of `pg_dump` for one schema, whatever characters its name has."""
    return '"' + schema.replace('"', '""') + '"'
