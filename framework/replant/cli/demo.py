"""`replant demo`: a tenant moves between two databases, with proof."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from time import perf_counter

import click
import psycopg
from attrs import evolve, frozen
from rich.console import Console

from replant import api
from replant.cli.screen import coloured, console, counted, grid, human_size
from replant.errors import DIFFERENCE_FOUND, PluginError
from replant.model import ExportSettings, RelationName, Settings
from replant.testing.demonstration import Demonstration
from replant.testing.servers.server import Database, Server, embedded_server, grant
from replant.verification.verify import TableResult

GROUP = "replant.demonstrations"

#: Of the two roles, the first may only INSERT, and the second only SELECT.
REPLAYER, VERIFIER = "replant_replayer", "replant_verifier"


@click.command(epilog="Example: replant demo --keep /tmp/replant-demo")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the artifact in this folder.",
)
def command(keep: Path | None) -> int:
    """Move a tenant between two databases, and prove it.

    Starts a PostgreSQL of its own, fills a source with two tenants, exports one, replays it as a
    role that may only INSERT, verifies it row by row, and cleans up.
    """
    screen = console()
    demonstration = _demonstration()
    screen.print(demonstration.summary + "\n")
    with _folder(keep) as folder, embedded_server() as server:
        outcome = _perform(screen, server, demonstration, folder)
    if keep is None:
        screen.print("The artifact was deleted with the servers; keep it with --keep DIR.")
    return 0 if outcome else DIFFERENCE_FOUND


@frozen
class _Stage:
    """What the demonstration plays on."""

    source: Database
    target: Database
    artifact: Path


def _perform(screen: Console, server: Server, demonstration: Demonstration, folder: Path) -> bool:
    """The five acts; whether every check held."""
    with _act(screen, "two databases, both with the schemas; the source with its tenants"):
        stage = _set_up(server, demonstration, folder)
    settings = Settings(
        source=stage.source.dsn,
        scope=demonstration.scope,
        export=ExportSettings(output=str(stage.artifact)),
    )
    with _act(screen, f"export of {_words(demonstration.scope)}"):
        exported = api.export(settings, force=True)
    with _act(screen, f"replay as {REPLAYER}, which may INSERT and nothing else"):
        tables = [table.name for table in exported.plan.tables]
        grant(stage.target, server.create_role(REPLAYER), "INSERT", tables)
        replayed = api.replay(
            str(stage.artifact), evolve(settings, target=stage.target.as_role(REPLAYER))
        )
    with _act(screen, f"verification as {VERIFIER}, which may SELECT and nothing else"):
        grant(stage.target, server.create_role(VERIFIER), "SELECT", tables)
        results = api.verify(
            str(stage.artifact), evolve(settings, target=stage.target.as_role(VERIFIER))
        )
    in_source = _row_counts(stage.source, tables)
    _summary(screen, in_source, exported.rows, replayed.rows, results)
    foreign = _traces(stage.artifact, demonstration)
    return _verdict(screen, stage.artifact, results, foreign)


def _set_up(server: Server, demonstration: Demonstration, folder: Path) -> _Stage:
    source = server.create_database()
    with psycopg.connect(source.dsn) as connection:
        demonstration.deploy(connection)
    target = server.create_database(source.name)
    with psycopg.connect(source.dsn) as connection:
        demonstration.fill(connection)
    return _Stage(source, target, folder / "tenant.sql")


def _row_counts(database: Database, tables: list[RelationName]) -> dict[RelationName, int]:
    with psycopg.connect(database.dsn) as connection:
        return {table: _count(connection, table) for table in tables}


def _count(connection: psycopg.Connection[tuple[int]], table: RelationName) -> int:
    query = psycopg.sql.SQL("SELECT count(*) FROM {}")
    row = connection.execute(query.format(psycopg.sql.Identifier(table.schema, table.name)))
    return next(row)[0]


def _summary(
    screen: Console,
    in_source: dict[RelationName, int],
    exported: Mapping[RelationName, int],
    replayed: Mapping[RelationName, int],
    results: tuple[TableResult, ...],
) -> None:
    table = grid(
        "\nRows, in load order:",
        *("table", "source", "exported", "replayed", "verified"),
        numbers=frozenset({1, 2, 3}),
    )
    for result in results:
        name = result.name
        mark = coloured("equal", "green") if result.equal else coloured("differs", "red")
        counts = (in_source[name], exported.get(name, 0), replayed.get(name, 0))
        table.add_row(str(name), *map(str, counts), mark)
    screen.print(table)


def _traces(artifact: Path, demonstration: Demonstration) -> list[str]:
    """What of the other tenants stands in the artifact."""
    content = artifact.read_bytes()
    return [trace for trace in demonstration.traces if trace.encode() in content]


def _verdict(
    screen: Console, artifact: Path, results: tuple[TableResult, ...], foreign: list[str]
) -> bool:
    rows = sum(result.exported for result in results)
    equal = all(result.equal for result in results)
    wrong = [str(result.name) for result in results if not result.equal]
    shown = f"{counted(rows, 'row')} of {counted(len(results), 'table')}"
    screen.print()
    if equal:
        screen.print(coloured(f"{shown} arrived, each equal to its original.", "green"))
    else:
        screen.print(coloured(f"These tables differ: {', '.join(wrong)}.", "red"))
    if foreign:
        screen.print(coloured(f"Rows of another tenant are in the artifact: {foreign}", "red"))
    else:
        screen.print(coloured("No row of another tenant is in the artifact.", "green"))
    screen.print(f"Artifact: {artifact} ({human_size(artifact.stat().st_size)})")
    return equal and not foreign


def _demonstration() -> Demonstration:
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    if not entries:
        raise PluginError("no demonstration is installed; install replant again")
    loaded = entries[0].load()
    assert isinstance(loaded, Demonstration)
    return loaded


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="replant-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _act(screen: Console, title: str) -> Iterator[None]:
    """Say how long something took, once it is done."""
    start = perf_counter()
    yield
    screen.print(f"{perf_counter() - start:5.1f} s  {title}")


def _words(scope: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in scope.items())
