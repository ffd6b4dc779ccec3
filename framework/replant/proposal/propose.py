"""Makes a proposal for a database: reads the catalog, asks plugins, and reads a key or two."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from replant.closure.graph_reader import read_reference_graph
from replant.database.connections import DatabaseConnection
from replant.database.read_catalog import read_catalog
from replant.errors import ReplantError, UsageError
from replant.model import Catalog, PluginSettings, RelationName, Settings
from replant.plugins import discovery
from replant.plugins.answers import Registered
from replant.plugins.manager import Host
from replant.proposal.inspection import Inspection, inspect
from replant.proposal.notes import cycles
from replant.proposal.proposal import (
    STRATEGY,
    Proposal,
    by_plugins,
    by_tables,
    order_request,
    scope_key,
)
from replant.proposal.referenced_tables import only_referenced
from replant.proposal.table_sizes import as_in_sql, first_value, read_inventory

#: A value of such a type tells nothing of whoever it stands for, and may be written to a file.
_PLAIN_KEYS = frozenset({"smallint", "integer", "bigint", "uuid"})

#: So many tables to begin with are proposed.
MOST_ROOTS = 4


def propose(database: DatabaseConnection, schemas: Sequence[str] = ()) -> Proposal:
    """Look at a database, and propose what to export and how.

    Args:
        database: a transaction that reads the source.
        schemas: those to look at; none for all.

    Raises:
        UsageError: one of the schemas is not there, or there is no table in them.
        DatabaseError: the server failed.

    """
    catalog = read_catalog(database)
    _check_schemas(catalog, schemas)
    graph = read_reference_graph(database, catalog)
    inspection = inspect(catalog, read_inventory(database), graph, schemas)
    if not inspection.tables:
        where = f"the schemas {', '.join(schemas)}" if schemas else repr(catalog.database)
        raise UsageError(f"there is no table in {where}; is this the right database?")
    registered = _registered(catalog)
    proposal = by_plugins(inspection, registered) or by_tables(inspection)
    roots = [
        evolve(root, key_in_sql=as_in_sql(database, root.key))
        for root in proposal.roots[:MOST_ROOTS]
    ]
    proposal = evolve(proposal, roots=tuple(roots))
    items = [item for found in registered.values() for item in found]
    order = _strategy().order_tables(order_request(inspection, proposal), PluginSettings())
    proposal = evolve(
        proposal,
        values=_values(database, inspection, proposal, items),
        root_condition=_root_condition(database, inspection, proposal),
        notes=(*cycles(order), *proposal.notes),
    )
    return evolve(proposal, referenced=only_referenced(proposal, inspection.tables, registered))


def _check_schemas(catalog: Catalog, schemas: Sequence[str]) -> None:
    for schema in schemas:
        if schema not in catalog.schemas:
            known = ", ".join(sorted(catalog.schemas))
            raise UsageError(f"there is no schema {schema!r}; the schemas are: {known}")


def _registered(catalog: Catalog) -> dict[str, tuple[Registered, ...]]:
    """Return what each installed plugin registers by default; one that fails is not proposed."""
    found = {}
    for candidate in discovery.find():
        try:
            host = Host([discovery.load(candidate)])
            found[candidate.name] = host.register_tables(catalog, Settings()).registered
        except ReplantError:
            continue
    return found


def _strategy() -> Host:
    return Host([discovery.load(c) for c in discovery.find() if c.name == STRATEGY])


def _values(
    database: DatabaseConnection,
    inspection: Inspection,
    proposal: Proposal,
    items: Sequence[Registered],
) -> dict[str, str]:
    """Read an existing value for each scope, if it may be written to a file."""
    found = {}
    for scope in proposal.scopes:
        key = scope_key(proposal, inspection.tables, items, scope)
        value = _first_key(database, inspection, *key) if key is not None else None
        if value is not None:
            found[scope] = value
    return found


def _root_condition(
    database: DatabaseConnection, inspection: Inspection, proposal: Proposal
) -> str | None:
    if not proposal.roots:
        return None
    root = proposal.roots[0]
    value = _first_key(database, inspection, root.name, root.key)
    if value is None:
        return None
    literal = f"'{value}'" if root.base_type == "uuid" else value
    return f"{root.key_in_sql} = {literal}"


def _first_key(
    database: DatabaseConnection, inspection: Inspection, name: RelationName, column: str
) -> str | None:
    """Read the first key of a table, if the role may."""
    table = inspection.tables.get(name)
    held = table.column(column) if table is not None else None
    if table is None or held is None or held.base_type not in _PLAIN_KEYS:
        return None
    if table.rows_are_hidden or not (table.may_select and table.may_use_schema):
        return None
    return first_value(database, name, column)
