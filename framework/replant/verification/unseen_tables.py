"""Finds the tables whose rows the role may not see, so that they cannot be compared."""

from __future__ import annotations

from collections.abc import Mapping

from replant.database.connections import DatabaseConnection
from replant.database.privileges import TablePrivileges, read_privileges
from replant.errors import PrivilegeError
from replant.model import Catalog, PlannedTable, RelationName
from replant.sql.grants import read_grants

_HIDDEN = "verify as the tables' owner or as a role with BYPASSRLS"


def find_unseen_tables(
    database: DatabaseConnection, catalog: Catalog, tables: Mapping[RelationName, PlannedTable]
) -> dict[RelationName, str]:
    """Return the tables of which the role may not see all rows, each with what would let it.

    Raises:
        PrivilegeError: that is so of every table; the text has the GRANT that it needs.

    """
    has = read_privileges(database, {n: t.column_names for n, t in tables.items()})
    hidden = {name for name in tables if catalog.tables[name].rows_are_hidden}
    unread = {name for name, may in has.items() if not (may.select and may.use_schema)}
    remedies = {
        name: _HIDDEN if name in hidden else _remedy(catalog, {name: has[name]})
        for name in tables
        if name in hidden | unread
    }
    if tables and len(remedies) == len(tables):
        if unread - hidden:
            raise PrivilegeError(
                f"the role {catalog.role!r} may not read the tables of the artifact; "
                f"run as their owner: {_remedy(catalog, has)}"
            )
        raise PrivilegeError(
            f"row-level security may hide rows of {', '.join(map(str, sorted(hidden)))} from the "
            f"role {catalog.role!r}; {_HIDDEN}"
        )
    return remedies


def check_all_seen(
    database: DatabaseConnection,
    catalog: Catalog,
    tables: Mapping[RelationName, PlannedTable],
    undone: str = "changed",
) -> None:
    """Refuse to go on where the role may not see all rows of a table.

    Args:
        database: a transaction in which the catalog was read.
        catalog: what the database has.
        tables: the tables whose rows are needed.
        undone: what is not done with rows then.

    Raises:
        PrivilegeError: it names these tables, each with what would let the role see them.

    """
    unseen = find_unseen_tables(database, catalog, tables)
    if unseen:
        listed = "; ".join(f"{name}: {remedy}" for name, remedy in unseen.items())
        raise PrivilegeError(
            f"the role {catalog.role!r} may not see all rows of some tables, so nothing is "
            f"{undone}: {listed}"
        )


def _remedy(catalog: Catalog, has: Mapping[RelationName, TablePrivileges]) -> str:
    schemas = [name.schema for name, may in has.items() if not may.use_schema]
    return read_grants(schemas, [name for name, may in has.items() if not may.select], catalog.role)
