"""Proposes a configuration: an inspection in, a proposal out.

Nothing of it is certain: names and references only suggest what tables are for. So each suggestion
has its reason beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from replant.model import ByColumn, InClosure, OrderRequest, RelationName, Table
from replant.plugins.answers import Registered
from replant.proposal.excluded_tables import reason_to_leave_out, unneeded
from replant.proposal.inspection import Inspection
from replant.proposal.likely_references import LikelyReference, likely_references
from replant.proposal.notes import Note, notes
from replant.proposal.personal_columns import PersonalColumn, personal_columns
from replant.proposal.root_table import RootTable, root_tables
from replant.proposal.scope_column import ScopeColumn, scope_columns

#: The strategy that is asked how it loads cycles of foreign keys.
STRATEGY = "ordered"


@frozen
class LeftOut:
    """A table that is better left out, and why."""

    table: RelationName
    why: str


@frozen
class Proposal:
    """What may stand in a configuration, and why.

    Attributes:
        database: its name.
        role: the role that inspected it.
        tables: how many tables there are.
        schemas: those whose tables are exported.
        plugins: those that were written for these very tables; then they choose the rows.
        scopes: the scope values that are needed.
        scope_column: the column that says whose a row is, if one stands out.
        other_scope_columns: further columns that might.
        roots: tables to begin with, the likeliest first.
        root_condition: of the likeliest, an SQL condition that holds for one row that is there.
        values: for scope values, one that is there.
        excluded: what is left out.
        referenced: the tables whose rows come only where others reference them.
        personal: columns that look personal or secret.
        notes: what else there is to know.

    """

    database: str
    role: str
    tables: int
    schemas: tuple[str, ...]
    plugins: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    scope_column: ScopeColumn | None = None
    other_scope_columns: tuple[ScopeColumn, ...] = ()
    roots: tuple[RootTable, ...] = ()
    root_condition: str | None = None
    values: Mapping[str, str] = field(factory=dict)
    excluded: tuple[LeftOut, ...] = ()
    referenced: tuple[RelationName, ...] = ()
    personal: tuple[PersonalColumn, ...] = ()
    likely: tuple[LikelyReference, ...] = ()
    notes: tuple[Note, ...] = ()


def by_tables(inspection: Inspection) -> Proposal:
    """Propose what the tables alone suggest."""
    tables = inspection.tables
    reasons = {
        name: reason
        for name, table in tables.items()
        if (reason := reason_to_leave_out(table, inspection.facts[name]))
    }
    if reasons.keys() == tables.keys():
        reasons = {}  # who asks for logs alone wants the logs
    owned = [name for name in reasons if inspection.facts[name].extension]
    excluded = unneeded(tables, reasons, owned)
    kept = {name: table for name, table in tables.items() if name not in excluded}
    columns = scope_columns(kept)
    return Proposal(
        database=inspection.catalog.database,
        role=inspection.catalog.role,
        tables=len(tables),
        schemas=_schemas(kept),
        scopes=(columns[0].name,) if columns else (),
        scope_column=columns[0] if columns else None,
        other_scope_columns=columns[1:],
        roots=root_tables(kept),
        excluded=tuple(
            LeftOut(name, f"{reasons[name]}; {inspection.size_of(name)}")
            for name in sorted(excluded)
        ),
        personal=tuple(personal_columns(kept.values())),
        likely=tuple(likely_references(kept)),
        notes=tuple(
            notes(
                inspection,
                kept,
                reasons,
                uses_closure=True,
                scope=columns[0].holders if columns else (),
            )
        ),
    )


def by_plugins(
    inspection: Inspection, registered: Mapping[str, tuple[Registered, ...]]
) -> Proposal | None:
    """Propose the plugins that were written for these very tables; None if there are none.

    Args:
        inspection: the database.
        registered: what each plugin registers without being told anything.

    """
    matching = _matching_plugins(inspection.tables, registered)
    if not matching:
        return None
    items = [item.registration for found in matching.values() for item in found]
    names = {item.table for item in items}
    kept = {name: table for name, table in inspection.tables.items() if name in names}
    others = tuple(str(name) for name in sorted(inspection.tables.keys() - names))
    uses_closure = any(isinstance(item.rows, InClosure) for item in items)
    unknown = Note("Tables that these plugins do not know, and which stay behind", others)
    return Proposal(
        database=inspection.catalog.database,
        role=inspection.catalog.role,
        tables=len(inspection.tables),
        schemas=_schemas(kept),
        plugins=tuple(matching),
        scopes=tuple(sorted({i.rows.scope for i in items if isinstance(i.rows, ByColumn)})),
        personal=tuple(personal_columns(kept.values())),
        notes=(
            *([unknown] if others else []),
            *notes(inspection, kept, {}, uses_closure=uses_closure),
        ),
    )


def _matching_plugins(
    tables: Mapping[RelationName, Table], registered: Mapping[str, tuple[Registered, ...]]
) -> dict[str, tuple[Registered, ...]]:
    """Return the plugins whose tables all exist, by name; for one table only the first plugin."""
    found: dict[str, tuple[Registered, ...]] = {}
    taken: set[RelationName] = set()
    for name, items in sorted(registered.items()):
        own = {item.registration.table for item in items}
        if own and own <= tables.keys() and not own & taken:
            found[name] = items
            taken |= own
    return found


def scope_key(
    proposal: Proposal,
    tables: Mapping[RelationName, Table],
    items: Iterable[Registered],
    scope: str,
) -> tuple[RelationName, str] | None:
    """Return the key whose values a scope has, if one table has it."""
    column = proposal.scope_column
    if column is not None and column.references is not None and column.key is not None:
        return column.references, column.key
    for item in items:
        rows, name = item.registration.rows, item.registration.table
        if isinstance(rows, ByColumn) and rows.scope == scope:
            table = tables.get(name)
            if table is not None and table.primary_key == (rows.column,):
                return name, rows.column
    return None


def order_request(inspection: Inspection, proposal: Proposal) -> OrderRequest:
    """Build the request for a strategy, to learn how cycles of foreign keys are loaded."""
    excluded = {left.table for left in proposal.excluded}
    tables = {name: table for name, table in inspection.tables.items() if name not in excluded}
    return OrderRequest(
        strategy=STRATEGY,
        tables=tuple(sorted(tables)),
        foreign_keys=tuple(
            key
            for name in sorted(tables)
            for key in tables[name].foreign_keys
            if key.enforced and key.references in tables
        ),
        row_counts={
            name: rows for name in tables if (rows := inspection.facts[name].rows) is not None
        },
        nullable=frozenset(
            (name, column.name)
            for name, table in tables.items()
            for column in table.columns
            if not column.not_null
        ),
        keyed=frozenset(name for name, table in tables.items() if table.identifying_columns),
    )


def _schemas(tables: Iterable[RelationName]) -> tuple[str, ...]:
    return tuple(sorted({name.schema for name in tables}))
