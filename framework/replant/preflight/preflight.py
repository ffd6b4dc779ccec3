"""Runs all checks of a target before a replay, and chooses the load order; changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from attrs import evolve, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import Manifest
from replant.database.connections import DatabaseConnection
from replant.database.privileges import event_triggers_of_altering
from replant.database.read_catalog import read_catalog
from replant.errors import PreflightError
from replant.model import (
    Catalog,
    Finding,
    FiringTrigger,
    LoadOrder,
    OnConflict,
    PatchColumns,
    RelationName,
    Settings,
    Severity,
    Subject,
    TriggerMode,
)
from replant.model.findings import Confirm, check_findings
from replant.planning.on_conflict import configured_on_conflict
from replant.planning.triggers import firing_triggers
from replant.preflight.doubled_rows import find_doubled_rows
from replant.preflight.missing_privileges import (
    find_missing_privileges,
    uncompared,
    unmoved_sequences,
)
from replant.preflight.policy_findings import find_policies
from replant.preflight.row_check import CheckContext, sees
from replant.preflight.run_row_checks import MOST_ROWS, check_rows
from replant.preflight.same_database import check_same_database
from replant.preflight.target_rules import TargetRules, find_broken_rules, read_target_rules
from replant.preflight.target_schema import check_target_schema, differences_in_target
from replant.preflight.target_tables import tables_in_target
from replant.preflight.trigger_findings import find_trigger_obstacles
from replant.preflight.unforeseen import unforeseen
from replant.replay.load_order_choice import (
    ChosenOrder,
    OrderTables,
    ReplayTarget,
    choose_load_order,
)
from replant.replay.load_plan import Load, copied_tables
from replant.replay.role_privileges import read_role_privileges


@frozen
class Preflight:
    """What a replay would do, and what stands in its way.

    Attributes:
        manifest: what the artifact says of itself.
        database: the target's name.
        strategy: the one that orders the load.
        order: how the rows would be loaded.
        findings: what refuses, what has to be confirmed, and what should be known.
        on_conflict: what is done with rows that are there already, in any of the tables.

    """

    manifest: Manifest
    database: str
    strategy: str
    order: LoadOrder
    findings: tuple[Finding, ...]
    on_conflict: frozenset[OnConflict] = frozenset()

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of this severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def check(self, confirm: Confirm) -> None:
        """Refuse the replay if a finding does, or if one asks and nobody agrees.

        Raises:
            PreflightError: it names everything that refuses, each with its remedy, line by line.
            UsageError: it names everything that was not confirmed.

        """
        check_findings(self.findings, confirm, PreflightError, "replay")


def run_preflight(
    database: DatabaseConnection,
    artifact: Artifact,
    settings: Settings,
    strategy: str | None,
    order_tables: OrderTables,
    *,
    source: str | None = None,
    limit: int | None = MOST_ROWS,
) -> tuple[Preflight, Load]:
    """Compare an artifact with the target, choose a load order, and say what prevents it.

    Args:
        database: a reading connection to the target.
        artifact: what would be loaded.
        settings: say what to do with rows that are there already.
        strategy: the one that was asked for; None for the artifact's own, or what serves.
        order_tables: asks the plugin that knows the strategy of the request.
        source: the connection string of the source, where it is known.
        limit: how many rows of each table are checked; None for all, as in a dry run.

    Raises:
        ReplantError: the question itself cannot be answered; see `replant.errors`.

    """
    manifest = artifact.manifest
    catalog = read_catalog(database)
    tables = tables_in_target(manifest, catalog, _configured_on_conflict(manifest, settings))
    privileges = read_role_privileges(database, catalog, tables, manifest.format)
    target = ReplayTarget(
        catalog, tables, privileges, artifact.stored_separately, _declared(manifest, tables)
    )
    chosen = choose_load_order(manifest, target, strategy, order_tables)
    load = _with_triggers(_load(artifact, target, chosen.order), catalog, settings.triggers)
    rules = read_target_rules(database, load, manifest.shapes)
    load = evolve(
        load,
        policies={name: catalog.tables[name].policies for name in tables},
        unique=rules.unique,
        event_triggers=event_triggers_of_altering(database) if load.disabled else (),
    )
    differences = differences_in_target(manifest, catalog)
    findings = [
        *check_same_database(database, source, manifest, settings.map_schema),
        *check_target_schema(manifest, catalog, tables, differences),
        *find_missing_privileges(catalog, privileges, load),
        *find_broken_rules(database, catalog.role, load),
        *_order_findings(chosen, load),
    ]
    context = CheckContext(
        database, artifact, catalog, tables, privileges, limit, rules.indexed, differences
    )
    if not _is_the_source(findings):
        findings += check_rows(context)
        findings += find_doubled_rows(context)
    if all(table.name in tables for table in manifest.tables if table.row_count):
        findings += _findings_of_the_load(context, load, rules)
    preflight = Preflight(
        manifest,
        catalog.database,
        chosen.strategy,
        chosen.order,
        tuple(findings),
        frozenset(table.on_conflict for table in tables.values() if table.row_count),
    )
    return preflight, load


def _configured_on_conflict(
    manifest: Manifest, settings: Settings
) -> dict[RelationName, OnConflict]:
    """Return what the settings do with existing rows, for the tables of which they say it."""
    keys = {name: table.key for name, table in manifest.planned.items()}
    configured = configured_on_conflict(settings, keys, {})
    return {name: way for name, way in configured.items() if way is not None}


def _declared(
    manifest: Manifest, tables: Collection[RelationName]
) -> tuple[tuple[RelationName, RelationName], ...]:
    """Return the references between tables of the target that the artifact knows."""
    pairs = {(reference.table, reference.references) for reference in manifest.references}
    return tuple(sorted(pair for pair in pairs if {*pair}.issubset(tables)))


def _load(artifact: Artifact, target: ReplayTarget, order: LoadOrder) -> Load:
    """Say what is loaded into which tables, and by which means."""
    privileges = target.privileges
    # Rows that are new are known by the transaction that wrote them, others by their keys.
    readable = (
        name
        for name, table in target.tables.items()
        if sees(target.catalog, privileges, name)
        and (table.on_conflict.needs_key or privileges.tables[name].select_system)
    )
    return Load(
        artifact,
        target.tables,
        order,
        privileges.may_copy,
        privileges.may_stage,
        frozenset(readable),
    )


def _is_the_source(findings: Iterable[Finding]) -> bool:
    """Tell whether the target was found to be the source, whose rows are all there already."""
    return any(f.subject is Subject.TARGET and f.severity is Severity.REFUSES for f in findings)


def _findings_of_the_load(
    context: CheckContext, load: Load, rules: TargetRules
) -> Iterator[Finding]:
    """Yield what would happen while the rows are loaded, where no table is missing."""
    catalog, privileges = context.catalog, context.privileges
    yield from find_trigger_obstacles(context.database, catalog, privileges, load)
    yield from find_policies(catalog, load)
    yield from unmoved_sequences(context.artifact.manifest, catalog, privileges)
    yield from uncompared(catalog, load)
    if context.limit is None:
        yield from unforeseen(catalog, load, rules)


def _order_findings(chosen: ChosenOrder, load: Load) -> Iterator[Finding]:
    """Yield why the order is not the artifact's own, and where it cannot be carried out."""
    if chosen.why:
        what = f"the artifact's own order does not serve here, so {chosen.strategy} made another"
        yield Finding(Subject.ORDER, Severity.NOTE, chosen.strategy, f"{what}: {chosen.why}")
    stored_separately = load.artifact.stored_separately
    for step in load.order.steps:
        if (
            isinstance(step, PatchColumns)
            and stored_separately.get(step.table, step.columns) != step.columns
        ):
            yield Finding(
                Subject.ORDER,
                Severity.REFUSES,
                str(step.table),
                f"the artifact holds other columns of {step.table} apart from their rows than the "
                f"strategy {chosen.strategy} sets later",
                "replay with --strategy auto, or export with this strategy",
            )


def _with_triggers(load: Load, catalog: Catalog, mode: TriggerMode) -> Load:
    """Return the load with the triggers and rules that fire, and those that are disabled."""
    firing = tuple(
        firing_triggers(
            (catalog.tables[name] for name, table in load.tables.items() if table.row_count),
            load.order,
            updated={n for n, t in load.tables.items() if t.on_conflict is OnConflict.UPDATE},
            copied=copied_tables(load),
        )
    )
    disabled = tuple(
        one for one in firing if mode is TriggerMode.DISABLE and one.trigger.kind == "trigger"
    )
    by_table: defaultdict[RelationName, list[FiringTrigger]] = defaultdict(list)
    for trigger in firing:
        if trigger not in disabled:
            by_table[trigger.table].append(trigger)
    fires = {name: tuple(triggers) for name, triggers in by_table.items()}
    return evolve(load, firing=fires, disabled=disabled)
