"""Loads an artifact, or says what a replay would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve, frozen

from replant.api.databases import known_source, target_database
from replant.artifact.manifest import Manifest
from replant.artifact.other_schemas import open_in_schemas
from replant.config.connection_strings import TARGET_VARIABLE, connection_string
from replant.config.naming_the_file import naming_the_file
from replant.database.connections import writing
from replant.matching.met_artifact import meet
from replant.model import Check, Finding, LoadOrder, OrderRequest, Progress, RelationName, Settings
from replant.model.findings import Confirm
from replant.model.progress import silent
from replant.plugins.manager import Host
from replant.preflight.preflight import Preflight, run_preflight
from replant.replay.load_order_choice import OrderTables
from replant.replay.replay import Loaded, replay_rows


@frozen
class Replayed:
    """What a replay did.

    Attributes:
        manifest: what the artifact says of itself.
        strategy: the one that ordered the load.
        tables: what became of the rows of each table.
        notes: what was not compared, and which sequences were not moved, each with the remedy.
        compared: the tables whose rows were compared by content before the commit; of the others
            they were counted, unless the artifact says that nothing is compared.

    """

    manifest: Manifest
    strategy: str
    tables: Mapping[RelationName, Loaded]
    notes: tuple[Finding, ...] = ()
    compared: frozenset[RelationName] = frozenset()

    @property
    def rows(self) -> dict[RelationName, int]:
        """How many rows of each table were inserted."""
        return {name: table.inserted for name, table in self.tables.items()}


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
    progress: Progress = silent,
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
    with open_in_schemas(artifact, settings.map_schema) as exported:
        manifest = exported.manifest
        opened(manifest)
        with naming_the_file(settings), target_database(settings) as database:
            source = meet(database, exported, settings)
            orders, origin = _orders(settings, host), known_source(settings)
            found, load = run_preflight(database, source, settings, strategy, orders, source=origin)
        preflighted(found)
        found.check(confirm)
        with writing(dsn, settings.target_settings) as database:
            applied = replay_rows(database, load, progress, rehearse=rehearse)
    compared = load.readable if manifest.check is Check.CONTENT else frozenset()
    tables = applied.tables
    return Replayed(manifest, found.strategy, tables, applied.notes, compared.intersection(tables))


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
    with (
        naming_the_file(settings),
        open_in_schemas(artifact, settings.map_schema) as exported,
        target_database(settings) as database,
    ):
        opened(exported.manifest)
        source = meet(database, exported, settings)
        orders, origin = _orders(settings, host), known_source(settings)
        found, _ = run_preflight(
            database, source, settings, strategy, orders, source=origin, limit=None
        )
        return found


def _orders(settings: Settings, host: Host | None) -> OrderTables:
    """Return a function that asks the plugin of a strategy, which naming it enables."""

    def order_tables(request: OrderRequest) -> LoadOrder:
        export_settings = evolve(settings.export, strategy=request.strategy)
        asked = evolve(settings, export=export_settings)
        return (host or Host.for_settings(asked)).order_tables(request, asked.plugins)

    return order_tables
