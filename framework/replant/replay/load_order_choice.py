"""Chooses the load order of a replay: the artifact's own, or a new one for the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import evolve, frozen

from replant.artifact.manifest import Manifest
from replant.model import (
    AsReplica,
    Catalog,
    DeferConstraints,
    ForeignKey,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OnConflict,
    OrderRequest,
    PatchColumns,
    RelationName,
    step_of,
)
from replant.replay.load_plan import ROWS_HELD, Tables
from replant.replay.role_privileges import RolePrivileges
from replant.sql.load_statements import filled_tables

#: The strategy that chooses by what the target allows.
AUTO = "auto"

OrderTables = Callable[[OrderRequest], LoadOrder]


@frozen
class ReplayTarget:
    """The facts about the target on which a load order depends.

    Attributes:
        tables: the artifact's tables that the target has.
        stored_separately: the columns that the artifact stores separately, by table.
        declared: pairs of tables between which the artifact declares a reference, sorted.

    """

    catalog: Catalog
    tables: Tables
    privileges: RolePrivileges
    stored_separately: Mapping[RelationName, tuple[str, ...]]
    declared: tuple[tuple[RelationName, RelationName], ...] = ()

    @property
    def keys(self) -> tuple[ForeignKey, ...]:
        """The foreign keys that are checked between the tables that have rows to load."""
        filled = frozenset(filled_tables(self.tables))
        return tuple(
            key
            for name in sorted(self.tables)
            for key in self.catalog.tables[name].foreign_keys
            if key.enforced and {key.table, key.references}.issubset(filled)
        )

    def may_be_null(self, name: RelationName, column: str) -> bool:
        """Return whether a new row may hold NULL in the column until it is patched."""
        live = self.catalog.tables[name].column(column)
        whole = name not in self.stored_separately
        new = self.tables[name].on_conflict is OnConflict.ERROR
        return whole and new and live is not None and not live.not_null


@frozen
class ChosenOrder:
    """The load order of a replay, and the reason for it.

    Attributes:
        why: why it is not the artifact's own, unless another was asked for.

    """

    strategy: str
    order: LoadOrder
    why: str = ""


def choose_load_order(
    manifest: Manifest, target: ReplayTarget, strategy: str | None, order_tables: OrderTables
) -> ChosenOrder:
    """Choose the artifact's own load order if it works in the target, else make a new one.

    Args:
        manifest: the artifact's description of itself.
        target: the facts about the target.
        strategy: the requested strategy; None for the artifact's own, or one that works.
        order_tables: asks the plugin that provides the strategy of the request.

    Raises:
        ReplantError: no plugin knows the strategy, or it fails.

    """
    wanted = strategy or manifest.strategy
    why = ""
    if wanted == manifest.strategy != AUTO:
        steps = (step_of(step, target.tables) for step in manifest.order.steps)
        own = evolve(manifest.order, steps=tuple(step for step in steps if step is not None))
        why = ", ".join(own_order_fails(own, target))
        if not why:
            return ChosenOrder(wanted, own)
        wanted = strategy or AUTO
    return ChosenOrder(wanted, order_tables(order_request(wanted, target)), why)


def order_request(strategy: str, target: ReplayTarget) -> OrderRequest:
    """Build the request for a strategy at replay, from the target's keys and privileges.

    A row that may already exist is not loaded in two parts, as the second part would change it.
    """
    privileges, names = target.privileges, tuple(sorted(target.tables))
    return OrderRequest(
        strategy=strategy,
        tables=names,
        foreign_keys=target.keys,
        row_counts={name: target.tables[name].row_count for name in names},
        nullable=frozenset(
            (name, column)
            for name in names
            for column in target.tables[name].column_names
            if target.may_be_null(name, column)
        ),
        keyed=frozenset(name for name in names if target.tables[name].key),
        declared=target.declared,
        may_update=privileges.may_update,
        may_copy=privileges.may_copy - target.stored_separately.keys(),
        may_stage=privileges.may_stage,
        may_be_replica=privileges.may_be_replica,
    )


def own_order_fails(order: LoadOrder, target: ReplayTarget) -> Iterator[str]:
    """Yield the reasons why the artifact's own load order does not work in the target."""
    privileges = target.privileges
    if AsReplica() in order.before:
        if not privileges.may_be_replica:
            yield "the role may not switch foreign keys off and check them"
        return
    deferrable = {key.constraint for key in target.keys if key.deferrable}
    for constraint in sorted(_deferred(order) - deferrable):
        yield f"the constraint {constraint[1]} is not deferrable there"
    yield from _steps_fail(order, target)
    for key in early_keys(order, target.keys):
        yield f"it checks {key} too early"


def _steps_fail(order: LoadOrder, target: ReplayTarget) -> Iterator[str]:
    privileges = target.privileges
    for step in order.steps:
        match step:
            case PatchColumns(name, columns) if name in target.tables:
                if name not in privileges.may_update:
                    yield f"the role may not SELECT and UPDATE {name}"
                for column in columns:
                    live = target.catalog.tables[name].column(column)
                    if live is not None and live.not_null:
                        yield f"{name}.{column} may not be NULL there"
                if target.tables[name].on_conflict is not OnConflict.ERROR:
                    yield f"rows of {name} may be there already"
            case LoadTogether(names, staged=True) if not privileges.may_stage.issuperset(names):
                yield "the role may make no temporary tables"
            case LoadTogether(names, staged=False) if privileges.may_stage.issuperset(names):
                rows = sum(target.tables[name].row_count for name in names)
                if rows > ROWS_HELD:
                    yield f"it writes {rows:,} rows into one statement"


def early_keys(order: LoadOrder, keys: tuple[ForeignKey, ...]) -> Iterator[ForeignKey]:
    """Yield the keys that PostgreSQL would check before the referenced rows are loaded."""
    steps: dict[RelationName, tuple[int, LoadTable | LoadTogether]] = {}
    patched: dict[tuple[RelationName, str], int] = {}
    for place, step in enumerate(order.steps):
        match step:
            case LoadTable(name):
                steps[name] = place, step
            case LoadTogether(names):
                steps |= dict.fromkeys(names, (place, step))
            case PatchColumns(name, columns):
                patched |= dict.fromkeys(((name, column) for column in columns), place)
    deferred = _deferred(order)
    for key in keys:
        if key.table not in steps or key.references not in steps:
            continue
        place, step = steps[key.table]
        other, _ = steps[key.references]
        set_at = min(
            (patched[key.table, c] for c in key.columns if (key.table, c) in patched), default=place
        )
        late = key.constraint in deferred
        if not (late or other < set_at or (other == place and _checks_at_end(step, key))):
            yield key


def _checks_at_end(step: LoadTable | LoadTogether, key: ForeignKey) -> bool:
    """Return whether the step loads rows that reference each other in an order the key allows."""
    if isinstance(step, LoadTogether) or step.together:
        return True
    depth = step.by_depth
    return depth is not None and (depth.columns, depth.referenced_columns) == (
        key.columns,
        key.referenced_columns,
    )


def _deferred(order: LoadOrder) -> set[tuple[str, str]]:
    return {
        constraint
        for statement in order.before
        if isinstance(statement, DeferConstraints)
        for constraint in statement.constraints
    }
