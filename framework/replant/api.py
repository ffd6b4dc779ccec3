"""The composition root: a short function for each command.

What a command does, a program can do: these functions take settings and paths, and return values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from attrs import evolve, frozen

from replant.artifact.export import SourceRows
from replant.artifact.manifest import Manifest, manifest_of
from replant.artifact.output import check_writable, whole_file
from replant.artifact.reading import open_artifact
from replant.artifact.sql_file import write_sql_file
from replant.config.connection_strings import SOURCE_VARIABLE, TARGET_VARIABLE, connection_string
from replant.database.catalog import read_catalog
from replant.database.connections import Database, reading, writing
from replant.database.privileges import read_privileges
from replant.errors import UsageError
from replant.host.manager import Host, InstalledPlugin, installed_plugins
from replant.model import Plan, Progress, RelationName, Settings
from replant.planning.plan import INSERT, make_plan
from replant.replaying.apply import apply, order_request
from replant.replaying.target import check_may_insert, check_may_select, tables_in_target
from replant.replaying.verify import TableResult, compare


def _silent(_table: RelationName, _rows: int, _bytes: int) -> None:
    """Progress for nobody."""


@frozen
class Exported:
    """What an export did.

    Attributes:
        plan: what was decided.
        output: where the artifact lies; `-` for standard output.
        rows: how many rows of each table were written.

    """

    plan: Plan
    output: str
    rows: Mapping[RelationName, int]


@frozen
class Replayed:
    """What a replay did: the artifact's manifest, and how many rows of each table it inserted."""

    manifest: Manifest
    strategy: str
    rows: Mapping[RelationName, int]


def plan(settings: Settings, host: Host | None = None) -> Plan:
    """Decide an export of the source, and count its rows.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with _planned(settings, host) as (_, decided):
        return decided


def export(
    settings: Settings,
    *,
    host: Host | None = None,
    force: bool = False,
    planned: Callable[[Plan], None] = lambda _: None,
    progress: Progress = _silent,
) -> Exported:
    """Write the chosen rows of the source as an artifact.

    Args:
        settings: `settings.export.output` says where to.
        host: the plugins to ask; None for those that the settings enable.
        force: whether an output that exists is replaced.
        planned: told of the plan, before the first row is read.
        progress: told of the rows as they are written.

    Raises:
        ReplantError: see `replant.errors`. Then nothing has appeared under the output's name.

    """
    output = settings.export.output
    if output is None:
        raise UsageError("where should the artifact go? Give -o FILE, or -o - for standard output")
    check_writable(output, force=force)
    with _planned(settings, host) as (database, decided):
        planned(decided)
        rows = SourceRows(database, decided, progress)
        with whole_file(output, force=force) as file:
            if decided.format == INSERT:
                write_sql_file(file, decided, rows, lambda: manifest_of(decided, rows.fingerprints))
            else:
                for table in decided.tables:
                    for lines in rows.rendered(table):
                        file.write(b"\n".join(lines) + b"\n")
    return Exported(decided, output, dict(rows.counts))


def replay(
    artifact: str,
    settings: Settings,
    *,
    strategy: str | None = None,
    host: Host | None = None,
    opened: Callable[[Manifest], None] = lambda _: None,
    progress: Progress = _silent,
) -> Replayed:
    """Load an artifact into the target: all its rows, or none.

    Args:
        artifact: the path of the artifact.
        settings: says where the target is, and which plugins may order the load.
        strategy: orders the load in place of the strategy of the export.
        host: the plugins to ask; None for those that the settings enable.
        opened: told of the artifact's manifest, once its digest was found right.
        progress: told of the rows as they are loaded.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with open_artifact(artifact) as source:
        manifest = source.manifest
        opened(manifest)
        with reading(dsn, "target") as database:
            catalog = read_catalog(database)
            tables = tables_in_target(manifest, catalog)
            order = manifest.order
            if strategy is not None and strategy != manifest.strategy:
                names = {name: table.column_names for name, table in tables.items()}
                has = read_privileges(database, names)
                may_update = frozenset(n for n, p in has.items() if p.update and p.select)
                request = order_request(strategy, manifest, catalog, may_update)
                order = _strategy_host(settings, strategy, host).order_tables(request)
            check_may_insert(database, catalog, tables, order)
        with writing(dsn) as database:
            rows = apply(database, source, tables, order, progress)
    return Replayed(manifest, strategy or manifest.strategy, rows)


def verify(
    artifact: str,
    settings: Settings,
    *,
    opened: Callable[[Manifest], None] = lambda _: None,
    progress: Progress = _silent,
) -> tuple[TableResult, ...]:
    """Compare the rows that the target holds with those of an artifact, table by table.

    Args:
        artifact: the path of the artifact.
        settings: says where the target is.
        opened: told of the artifact's manifest, once its digest was found right.
        progress: told of each table when it was compared.

    Raises:
        ReplantError: see `replant.errors`.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with open_artifact(artifact) as source, reading(dsn, "target") as database:
        opened(source.manifest)
        catalog = read_catalog(database)
        tables = tables_in_target(source.manifest, catalog)
        check_may_select(database, catalog, tables)
        return compare(database, source, tables, progress)


def plugins(settings: Settings) -> tuple[InstalledPlugin, ...]:
    """Every installed plugin, its hooks, and whether the settings enable it.

    Raises:
        ReplantError: see `replant.errors`.

    """
    return installed_plugins(settings)


@contextmanager
def _planned(settings: Settings, host: Host | None) -> Iterator[tuple[Database, Plan]]:
    """The source in one snapshot, and the plan that was made in it."""
    host = host or Host.for_settings(settings)
    with reading(connection_string(settings.source, SOURCE_VARIABLE), "source") as database:
        yield database, make_plan(database, read_catalog(database), host, settings)


def _strategy_host(settings: Settings, strategy: str, host: Host | None) -> Host:
    export_settings = evolve(settings.export, strategy=strategy)
    return host or Host.for_settings(evolve(settings, export=export_settings))
