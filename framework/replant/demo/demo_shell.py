"""Prepares the shell of `replant demo --shell`: two databases, roles, and variables that name them.

A server and a `Demonstration` go in; variables come out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
from attrs import frozen

from replant.database import sql
from replant.demo.run_demo import set_up
from replant.testing.demonstration import Demonstration
from replant.testing.servers.server import Database, Server, embedded_program

#: May load and look; may look at the target; may look at the source.
LOADER, CHECKER, READER = "loader", "checker", "reader"


@frozen
class ShellDatabases:
    """Both databases, and roles that may do what the documents need."""

    source: Database
    target: Database

    @property
    def variables(self) -> Mapping[str, str]:
        """Connection strings, as replant and psql take them."""
        return {
            "REPLANT_SOURCE": self.source.dsn,
            "REPLANT_TARGET": self.target.as_role(LOADER),
            "SOURCE_OWNER": self.source.dsn,
            "READER": self.source.as_role(READER),
            "OWNER": self.target.dsn,
            "LOADER": self.target.as_role(LOADER),
            "CHECKER": self.target.as_role(CHECKER),
        }


def shell_databases(server: Server, demonstration: Demonstration) -> ShellDatabases:
    """Create the source with its rows, the target without, and the roles."""
    source, target = set_up(server, demonstration)
    for role in (LOADER, CHECKER, READER):
        server.create_role(role)
    grant_schemas(target, LOADER, "INSERT, SELECT", demonstration.schemas)
    grant_schemas(target, CHECKER, "SELECT", demonstration.schemas)
    grant_schemas(source, READER, "SELECT", demonstration.schemas)
    return ShellDatabases(source, target)


def grant_schemas(database: Database, role: str, privileges: str, schemas: tuple[str, ...]) -> None:
    """Grant a role privileges on all tables of schemas."""
    grantee = sql.Identifier(role)
    with psycopg.connect(database.dsn) as connection:
        for schema in map(sql.Identifier, schemas):
            usage = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}")
            connection.execute(usage.format(schema, grantee))
            connection.execute(
                sql.SQL("GRANT {} ON ALL TABLES IN SCHEMA {} TO {}").format(
                    sql.SQL(privileges), schema, grantee
                )
            )


def shell_environment(databases: ShellDatabases) -> dict[str, str]:
    """Return the environment of the shell: this replant and the server's psql are found first."""
    programs = [str(Path(sys.executable).parent), str(embedded_program("psql").parent)]
    path = os.pathsep.join([*programs, os.environ.get("PATH", os.defpath)])
    return {**os.environ, **databases.variables, "PATH": path}
