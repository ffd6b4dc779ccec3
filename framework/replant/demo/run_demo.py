"""Runs a demonstration: two databases, an export, a replay, a verification.

A server and a `Demonstration` go in; a `DemoResult` comes out, which says of each table how many
rows arrived, and whether a row of another tenant is in the artifact.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
from attrs import evolve, frozen

from replant import api
from replant.model import ExportSettings, RelationName, Settings
from replant.testing.demonstration import Demonstration
from replant.testing.servers.server import Database, Server, grant

#: Of the two roles, the first may only INSERT, and the second only SELECT.
REPLAYER, VERIFIER = "replant_replayer", "replant_verifier"

#: Reports a step: entered when it begins, left when it is done.
ReportStep = Callable[[str], AbstractContextManager[None]]


@frozen
class DemoTable:
    """How many rows of a table were found at each step.

    Attributes:
        equal: whether the target's rows are those that were exported.

    """

    name: RelationName
    in_source: int
    exported: int
    replayed: int
    equal: bool


@frozen
class DemoResult:
    """The result of a demonstration.

    Attributes:
        tables: in load order.
        artifact: the file that was exported.
        rows: how many rows were verified.
        foreign: texts of other tenants' rows that the artifact holds; there should be none.

    """

    tables: tuple[DemoTable, ...]
    artifact: Path
    rows: int
    foreign: tuple[str, ...]

    @property
    def differing(self) -> tuple[RelationName, ...]:
        """The tables whose rows in the target are not those that were exported."""
        return tuple(table.name for table in self.tables if not table.equal)

    @property
    def passed(self) -> bool:
        """Whether every row arrived, and none of another tenant."""
        return not self.differing and not self.foreign


def run_demo(
    server: Server, demonstration: Demonstration, folder: Path, report: ReportStep
) -> DemoResult:
    """Move the tenant of a demonstration from one database of a server to another.

    Args:
        server: gets two databases and two roles.
        demonstration: the schema, its rows, and the tenant.
        folder: where the artifact is written.
        report: told of each step.

    Raises:
        ReplantError: a step failed.

    """
    artifact = folder / "tenant.sql"
    with report("two databases, both with the schemas; the source with its tenants"):
        source, target = set_up(server, demonstration)
    settings = Settings(
        source=source.dsn,
        scope=demonstration.scope,
        export=ExportSettings(output=str(artifact)),
    )
    scope = ", ".join(f"{name} = {value}" for name, value in demonstration.scope.items())
    with report(f"export of {scope}"):
        exported = api.export(settings, force=True)
    tables = [table.name for table in exported.plan.tables]
    with report(f"replay as {REPLAYER}, which may INSERT and nothing else"):
        grant(target, server.create_role(REPLAYER), "INSERT", tables)
        replayed = api.replay(str(artifact), evolve(settings, target=target.as_role(REPLAYER)))
    with report(f"verification as {VERIFIER}, which may SELECT and nothing else"):
        grant(target, server.create_role(VERIFIER), "SELECT", tables)
        results = api.verify(str(artifact), evolve(settings, target=target.as_role(VERIFIER)))
    in_source = _row_counts(source, tables)
    content = artifact.read_bytes()
    return DemoResult(
        tables=tuple(
            DemoTable(
                result.name,
                in_source[result.name],
                exported.rows.get(result.name, 0),
                replayed.rows.get(result.name, 0),
                result.equal,
            )
            for result in results
        ),
        artifact=artifact,
        rows=sum(result.exported for result in results),
        foreign=tuple(trace for trace in demonstration.traces if trace.encode() in content),
    )


def set_up(server: Server, demonstration: Demonstration) -> tuple[Database, Database]:
    """Create the source with its rows, and the target with the same empty schemas."""
    source = server.create_database()
    with psycopg.connect(source.dsn) as connection:
        demonstration.deploy(connection)
    target = server.create_database(source.name)
    with psycopg.connect(source.dsn) as connection:
        demonstration.fill(connection)
    return source, target


def _row_counts(database: Database, tables: list[RelationName]) -> dict[RelationName, int]:
    with psycopg.connect(database.dsn) as connection:
        return {table: _count(connection, table) for table in tables}


def _count(connection: psycopg.Connection[tuple[int]], table: RelationName) -> int:
    query = psycopg.sql.SQL("SELECT count(*) FROM {}")
    row = connection.execute(query.format(psycopg.sql.Identifier(table.schema, table.name)))
    return next(row)[0]
