"""Provides a function for each command; the command line only reads options and prints.

What a command does, a program can do: these functions take settings and paths, and return values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve, frozen

from replant.artifact import directory_writer as directory
from replant.artifact.artifact import open_artifact
from replant.artifact.atomic_output import check_writable, whole_file
from replant.artifact.manifest import Manifest
from replant.changes.change_plan import ChangePlan, ConfirmChange
from replant.changes.change_rows import changing
from replant.config.connection_strings import SOURCE_VARIABLE, TARGET_VARIABLE, connection_string
from replant.config.naming_the_file import naming_the_file
from replant.config.recorded_shapes import Recorded, read_recorded, recorded_text
from replant.database.connections import DatabaseConnection, reading, writing
from replant.database.read_catalog import read_catalog
from replant.difference.compare_sides import compare_sides
from replant.difference.result import SideComparison
from replant.difference.sides import ArtifactSide, DatabaseSide, Side
from replant.drift.drift_findings import Drift
from replant.drift.source_drift import source_drift
from replant.drift.target_drift import target_drift
from replant.errors import PrivilegeError, UsageError
from replant.explain.explanation import Explanation
from replant.explain.from_artifact import explain_in_artifact
from replant.explain.from_database import explain_in_database
from replant.export.export_rows import export_rows
from replant.model import (
    Catalog,
    Compression,
    Layout,
    LoadOrder,
    OrderRequest,
    Plan,
    Progress,
    RelationName,
    Root,
    RowSecurity,
    Settings,
)
from replant.model.table_shape import shapes_of
from replant.planning.make_plan import make_plan
from replant.plugins.installed import InstalledPlugin, installed_plugins
from replant.plugins.manager import Host, Registered
from replant.preflight.preflight import Confirm, Preflight, run_preflight
from replant.preflight.target_schema import check_nothing_missing
from replant.preflight.target_tables import tables_in_target
from replant.proposal.proposal import Proposal
from replant.proposal.propose import propose as proposed
from replant.removal.remove_rows import plan_removal, remove_rows
from replant.replay.load_order_choice import OrderTables
from replant.replay.replay import Loaded, replay_rows
from replant.selection.declared_shapes import declared_shapes, shapes_to_record
from replant.selection.select import select_tables
from replant.synchronization.synchronize import Synchronization
from replant.verification.differences import SHOWN, TableResult
from replant.verification.unseen_tables import find_unseen_tables
from replant.verification.verify import HashingPlace, compare_tables


def _silent(_table: RelationName, _rows: int, _bytes: int) -> None:
    """Report progress to nobody."""


@frozen
class Exported:
    """What an export did.

    Attributes:
        plan: what was decided.
        output: where the artifact lies; `-` for standard output.
        rows: how many rows of each table were written.
        digest: the SHA-256 over the whole artifact; None for a format of a plugin's.

    """

    plan: Plan
    output: str
    rows: Mapping[RelationName, int]
    digest: str | None = None


@frozen
class Replayed:
    """What a replay did.

    Attributes:
        manifest: what the artifact says of itself.
        strategy: the one that ordered the load.
        tables: what became of the rows of each table.
        notes: what was not compared, and which sequences were not moved, each with the remedy.

    """

    manifest: Manifest
    strategy: str
    tables: Mapping[RelationName, Loaded]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> dict[RelationName, int]:
        """How many rows of each table were inserted."""
        return {name: table.inserted for name, table in self.tables.items()}


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
    folder = settings.export.layout is Layout.DIRECTORY
    check_writable(output, force=force, mark=directory.MANIFEST if folder else None)
    with _planned(settings, host) as (database, decided):
        planned(decided)
        counts, digest = export_rows(database, decided, output, force=force, progress=progress)
    return Exported(decided, output, counts, digest)


def replay(
    artifact: str,
    settings: Settings,
    *,
    strategy: str | None = None,
    host: Host | None = None,
    rehearse: bool = False,
    opened: Callable[[Manifest], None] = lambda _: None,
    preflighted: Callable[[Preflight], None] = lambda _: None,
    confirm: Confirm = lambda _: False,
    progress: Progress = _silent,
) -> Replayed:
    """Load an artifact into the target: all its rows, or none.

    Args:
        artifact: the path of the artifact.
        settings: says where the target is, and which plugins may order the load.
        strategy: orders the load in place of the strategy of the export; `auto` looks at the
            target and takes the weakest means that work.
        host: the plugins to ask; None for those that the settings enable.
        rehearse: whether everything is done, compared, and then undone. The target stays as it
            was, its sequences too.
        opened: told of the artifact's manifest, once its digest was found right.
        preflighted: told of what was found before the first row.
        confirm: asked whether to go on if the target is on another host, or rows of another
            scope conflict.
        progress: told of the rows as they are loaded.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with open_artifact(artifact) as source:
        manifest = source.manifest
        opened(manifest)
        with reading(dsn, "target") as database:
            orders, origin = _orders(settings, host), _known_source(settings)
            found, load = run_preflight(database, source, settings, strategy, orders, source=origin)
        preflighted(found)
        found.check(confirm)
        with writing(dsn) as database:
            applied = replay_rows(database, load, progress, rehearse=rehearse)
    return Replayed(manifest, found.strategy, applied.tables, applied.notes)


def preflight(
    artifact: str,
    settings: Settings,
    *,
    strategy: str | None = None,
    host: Host | None = None,
    opened: Callable[[Manifest], None] = lambda _: None,
) -> Preflight:
    """Say what a replay would do and what stands in its way; nothing is changed.

    Every row of the artifact is checked, where a replay checks the first of each table before it
    begins.

    Args:
        artifact: the path of the artifact.
        settings: says where the target is, and which plugins may order the load.
        strategy: as for `replay`.
        host: the plugins to ask; None for those that the settings enable.
        opened: told of the artifact's manifest, once its digest was found right.

    Raises:
        ReplantError: the question cannot be answered; see `replant.errors`.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with open_artifact(artifact) as source, reading(dsn, "target") as database:
        opened(source.manifest)
        orders, origin = _orders(settings, host), _known_source(settings)
        found, _ = run_preflight(
            database, source, settings, strategy, orders, source=origin, limit=None
        )
        return found


def verify(
    artifact: str,
    settings: Settings,
    *,
    hashing: HashingPlace = HashingPlace.AUTO,
    opened: Callable[[Manifest], None] = lambda _: None,
    progress: Progress = _silent,
) -> tuple[TableResult, ...]:
    """Compare the rows that the target holds with those of an artifact, table by table.

    Args:
        artifact: the path of the artifact.
        settings: says where the target is.
        hashing: where the target's rows are hashed; by default on the client if the server is on
            this host, else on the server.
        opened: told of the artifact's manifest, once its digest was found right.
        progress: told of the rows as they are compared.

    Raises:
        ReplantError: see `replant.errors`.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with open_artifact(artifact) as source, reading(dsn, "target") as database:
        opened(source.manifest)
        catalog = read_catalog(database)
        check_nothing_missing(source.manifest, catalog)
        tables = tables_in_target(source.manifest, catalog)
        unseen = find_unseen_tables(database, catalog, tables)
        return compare_tables(database, catalog, source, tables, unseen, progress, hashing)


def remove(
    artifact: str,
    settings: Settings,
    *,
    dry_run: bool = False,
    rehearse: bool = False,
    planned: Callable[[ChangePlan], None] = lambda _: None,
    confirm: ConfirmChange = lambda _: False,
) -> ChangePlan:
    """Delete the owned rows of an artifact from the target: all of them, or none.

    A row is deleted only if it is still as it was exported, and no row that stays references it.
    Shared rows stay.

    Args:
        artifact: the path of the artifact.
        settings: say where the target is.
        dry_run: whether it is only found out what would be deleted, and what stands in the way.
        rehearse: whether everything is done, and then undone.
        planned: told of what will be deleted, before the first row is.
        confirm: asked whether to go on.

    Returns:
        What was deleted.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with open_artifact(artifact) as source, changing(dsn) as database:
        found = plan_removal(database, source)
        planned(found)
        if not dry_run:
            found.check(confirm)
            remove_rows(database, found, rehearse=rehearse)
        return found


@frozen
class Synchronized:
    """What a synchronization did.

    Attributes:
        manifest: what the artifact says of itself.
        plan: what was changed.
        notes: which sequences were not moved, each with the remedy.

    """

    manifest: Manifest
    plan: ChangePlan
    notes: tuple[str, ...] = ()


def sync(
    artifact: str,
    settings: Settings,
    *,
    max_deletes: int = 0,
    backup: str | None = None,
    dry_run: bool = False,
    rehearse: bool = False,
    planned: Callable[[ChangePlan], None] = lambda _: None,
    confirm: ConfirmChange = lambda _: False,
) -> Synchronized:
    """Make the owned rows of the target those of an artifact: insert, update and delete.

    Afterwards the rows are compared both ways, in the same transaction. Shared rows are inserted
    where the target lacks them, and otherwise left as they are.

    Args:
        artifact: the path of the artifact.
        settings: say where the target is, and what to do with shared rows that differ.
        max_deletes: beyond this many deleted rows `confirm` is asked.
        backup: where the target's rows are written as they were: an artifact, from which a
            synchronization brings them back. A rehearsal writes none.
        dry_run: whether it is only found out what would change, and what stands in the way.
        rehearse: whether everything is done, compared, and then undone.
        planned: told of what will change, before the first row does.
        confirm: asked whether to go on.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with open_artifact(artifact) as source, changing(dsn) as database:
        if backup is not None:
            folder = source.manifest.layout is Layout.DIRECTORY
            check_writable(backup, force=False, mark=directory.MANIFEST if folder else None)
        work = Synchronization(database, source, settings, _known_source(settings))
        found = work.plan(max_deletes)
        planned(found)
        if dry_run:
            return Synchronized(source.manifest, found)
        found.check(confirm)
        if backup is not None and not rehearse:
            work.back_up(backup)
        return Synchronized(source.manifest, found, work.carry_out(found, rehearse=rehearse))


@frozen
class Copied:
    """What a copy did.

    Attributes:
        exported: the export of the source.
        replayed: the replay into the target; None if it was synchronized.
        synchronized: the synchronization of the target; None if there was none.
        verified: the comparison of each table after a replay. A synchronization and a rehearsal
            have compared the rows before they ended.

    """

    exported: Exported
    replayed: Replayed | None = None
    synchronized: Synchronized | None = None
    verified: tuple[TableResult, ...] = ()


def copy(
    settings: Settings,
    *,
    host: Host | None = None,
    keep: str | None = None,
    synchronize: bool = False,
    max_deletes: int = 0,
    backup: str | None = None,
    rehearse: bool = False,
    exported: Callable[[Exported], None] = lambda _: None,
    preflighted: Callable[[Preflight], None] = lambda _: None,
    planned: Callable[[ChangePlan], None] = lambda _: None,
    confirm: Confirm = lambda _: False,
    exporting: Progress = _silent,
    loading: Progress = _silent,
) -> Copied:
    """Export the chosen rows of the source, load them into the target, and compare them.

    The rows pass through an artifact: a directory that is compressed with zstd, and deleted at the
    end.

    Args:
        settings: say which rows, and where both databases are.
        host: the plugins to ask; None for those that the settings enable.
        keep: where the artifact is kept; None for nowhere.
        synchronize: whether the target's owned rows become those of the source, in place of a
            replay.
        max_deletes: as for `sync`.
        backup: as for `sync`.
        rehearse: whether the target is left as it was in the end.
        exported: told of the export.
        preflighted: told of what was found before the first row is replayed.
        planned: told of what a synchronization will change.
        confirm: asked whether to go on; see `replay` and `sync`.
        exporting: told of the rows as they are exported.
        loading: told of the rows as they are replayed.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.
        PrivilegeError: likewise, or the role may load rows and not read them: then the text says
            that they were loaded.

    """
    with TemporaryDirectory(prefix="replant-") as folder:
        form = evolve(
            settings.export,
            output=keep or str(Path(folder) / "artifact"),
            layout=Layout.DIRECTORY,
            format=None,
            compress=Compression.ZSTD,
        )
        done = export(evolve(settings, export=form), host=host, progress=exporting)
        exported(done)
        if synchronize:
            synchronized = sync(
                done.output,
                settings,
                max_deletes=max_deletes,
                backup=backup,
                rehearse=rehearse,
                planned=planned,
                confirm=confirm,
            )
            return Copied(done, synchronized=synchronized)
        replayed = replay(
            done.output,
            settings,
            host=host,
            rehearse=rehearse,
            preflighted=preflighted,
            confirm=confirm,
            progress=loading,
        )
        return Copied(done, replayed, verified=() if rehearse else _verified(done, settings))


def _verified(done: Exported, settings: Settings) -> tuple[TableResult, ...]:
    """Compare the rows that were loaded."""
    try:
        return verify(done.output, settings)
    except PrivilegeError as error:
        raise PrivilegeError(
            f"the rows were loaded, but not compared once more afterwards: {error}"
        ) from error


def diff(
    left: str,
    right: str,
    settings: Settings,
    *,
    host: Host | None = None,
    limit: int | None = SHOWN,
    progress: Progress = _silent,
) -> SideComparison:
    """Compare the rows of two artifacts, of two databases, or of one and the other.

    Args:
        left: the path of an artifact, or a connection string. A path that exists is an artifact.
        right: likewise.
        settings: say which rows of a database are compared.
        host: the plugins to ask; None for those that the settings enable.
        limit: how many differing rows of each table are kept; None for all.
        progress: told of the rows of databases as they are read.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with (
        _side(left, settings, host, progress) as one,
        _side(right, settings, host, progress) as other,
    ):
        return compare_sides(one, other, limit)


def why(settings: Settings, asked: Root, host: Host | None = None) -> Explanation:
    """Explain in the source why rows are exported, or are not.

    Args:
        settings: say which rows are exported.
        asked: the table, and an SQL predicate over its columns.
        host: the plugins to ask; None for those that the settings enable.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with naming_the_file(settings), _source(settings) as database:
        host = host or Host.for_settings(settings)
        catalog = read_catalog(database)
        selected = select_tables(catalog, host.register_tables(catalog, settings), settings)
        return explain_in_database(database, catalog, selected, settings, asked)


def why_in_artifact(artifact: str, asked: Root) -> Explanation:
    """Explain by the rows of an artifact why rows are in it; no database is asked.

    Args:
        artifact: its path.
        asked: the table, and `column = value`, or several of these joined by AND.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with open_artifact(artifact) as opened:
        return explain_in_artifact(opened, asked)


def propose(settings: Settings, schemas: Sequence[str] = ()) -> Proposal:
    """Look at the source, and propose a configuration for it.

    Args:
        settings: say where the source is.
        schemas: those to look at; none for all.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with _source(settings) as database:
        return proposed(database, schemas)


def drift(settings: Settings, *, host: Host | None = None) -> Drift:
    """Compare what plugins declare, and what was recorded, with the source; no row is read.

    Args:
        settings: say where the source is, and `settings.recorded` the file with what was recorded,
            which need not be there.
        host: the plugins to ask; None for those that the settings enable.

    Raises:
        UsageError: nothing is declared or recorded of any table.
        ReplantError: see `replant.errors`.

    """
    catalog, registered = _registered(settings, host)
    known = declared_shapes(registered, _recorded(settings))
    if not known.shapes:
        raise UsageError(
            f"nothing is declared or recorded of the {len(registered)} tables that are exported; "
            f"record what they look like with replant drift --write"
        )
    return source_drift(catalog, registered, known, settings.recorded)


def drift_against(settings: Settings, target: str, *, host: Host | None = None) -> Drift:
    """Compare the tables of the source that are exported with those of a target.

    Args:
        settings: say where the source is.
        target: the target's connection string.
        host: the plugins to ask; None for those that the settings enable.

    Raises:
        ReplantError: see `replant.errors`.

    """
    catalog, registered = _registered(settings, host)
    shapes = shapes_of(catalog, [item.registration.table for item in registered])
    types = {type_.name: type_ for shape in shapes.values() for type_ in shape.types}
    made_from = f"the source {catalog.database!r}"
    with reading(connection_string(target, TARGET_VARIABLE), "target") as database:
        return target_drift(shapes, types.values(), read_catalog(database), made_from=made_from)


def drift_of_artifact(artifact: str, settings: Settings) -> Drift:
    """Compare what an artifact was made from with the target.

    Args:
        artifact: its path.
        settings: say where the target is.

    Raises:
        ReplantError: see `replant.errors`.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with open_artifact(artifact) as opened, reading(dsn, "target") as database:
        manifest = opened.manifest
        return target_drift(
            manifest.shapes, manifest.types, read_catalog(database), made_from=artifact
        )


def record(settings: Settings, *, host: Host | None = None) -> Recorded:
    """Write down what those tables look like of which no plugin says it, in `settings.recorded`.

    Nothing is written where there is nothing to record.

    Args:
        settings: say where the source is, and the file.
        host: the plugins to ask; None for those that the settings enable.

    Raises:
        OutputError: the file cannot be written.
        ReplantError: see `replant.errors`.

    """
    recorded = shapes_to_record(*_registered(settings, host))
    if recorded.tables or recorded.left_out:
        with whole_file(settings.recorded, force=True) as file:
            file.write(recorded_text(recorded).encode())
    return recorded


def plugins(settings: Settings) -> tuple[InstalledPlugin, ...]:
    """Describe every installed plugin, its hooks, and whether the settings enable it.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with naming_the_file(settings):
        return installed_plugins(settings)


@contextmanager
def _side(place: str, settings: Settings, host: Host | None, progress: Progress) -> Iterator[Side]:
    """Open an artifact, or plan what a database would export into a directory."""
    if Path(place).exists():
        with open_artifact(place) as artifact:
            yield ArtifactSide(artifact)
        return
    if not (place.startswith("env:") or "=" in place or "://" in place):
        raise UsageError(
            f"there is no artifact {place!r}, and a database is given by a connection string "
            f"such as postgresql://host/name or env:NAME"
        )
    form = evolve(
        settings.export,
        layout=Layout.DIRECTORY,
        format=None,
        compress=Compression.NONE,
        allow_empty=True,
    )
    with _planned(evolve(settings, source=place, export=form), host) as (database, decided):
        yield DatabaseSide(database, decided, progress)


@contextmanager
def _planned(settings: Settings, host: Host | None) -> Iterator[tuple[DatabaseConnection, Plan]]:
    """Make the plan of an export, and keep the snapshot in which it was made open."""
    with naming_the_file(settings):
        host = host or Host.for_settings(settings)
        with _source(settings) as database:
            catalog, recorded = read_catalog(database), _recorded(settings)
            yield database, make_plan(database, catalog, host, settings, recorded)


def _registered(settings: Settings, host: Host | None) -> tuple[Catalog, tuple[Registered, ...]]:
    """Return the source's catalog, and what the plugins register of it."""
    with naming_the_file(settings):
        host = host or Host.for_settings(settings)
        with _source(settings) as database:
            catalog = read_catalog(database)
            return catalog, host.register_tables(catalog, settings)


def _recorded(settings: Settings) -> Recorded | None:
    """Read what was recorded of the tables, if anything was."""
    file = Path(settings.recorded)
    return read_recorded(file) if file.exists() else None


@contextmanager
def _source(settings: Settings) -> Iterator[DatabaseConnection]:
    """Open the source in one snapshot."""
    dsn = connection_string(settings.source, SOURCE_VARIABLE)
    fail = settings.export.row_security is RowSecurity.FAIL
    with reading(dsn, "source", hidden_rows_fail=fail) as database:
        yield database


def _known_source(settings: Settings) -> str | None:
    """Return the source's connection string, if anything but libpq's own variables says it."""
    return connection_string(settings.source, SOURCE_VARIABLE) or None


def _orders(settings: Settings, host: Host | None) -> OrderTables:
    """Return a function that asks the plugin of a strategy, which naming it enables."""

    def order_tables(request: OrderRequest) -> LoadOrder:
        export_settings = evolve(settings.export, strategy=request.strategy)
        chosen = host or Host.for_settings(evolve(settings, export=export_settings))
        return chosen.order_tables(request)

    return order_tables
