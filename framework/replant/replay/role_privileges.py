"""Reads what the target's role may do with the tables of an artifact, before the first row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import frozen

from replant.database.connections import DatabaseConnection
from replant.database.privileges import (
    SequencePrivileges,
    TablePrivileges,
    insertable_by_policy,
    may_be_replica,
    may_make_temporary_tables,
    read_privileges,
    read_sequence_privileges,
)
from replant.model import INSERT, Catalog, RelationName
from replant.replay.load_plan import Tables
from replant.sql import load_statements as statements


@frozen
class RolePrivileges:
    """The privileges of the target's role on the tables of an artifact.

    Attributes:
        tables: with the exported columns of each table that the target has.
        unreadable: the tables on either side of a foreign key that it may not read.
        may_copy: the tables that COPY can load; it refuses one whose policies apply to the role.
        no_policy: the tables into which row-level security lets the role insert nothing.
        sequences: those that columns of the tables own, or draw from.
        temporary: whether it may make temporary tables, and nothing of the target fires by it.
        replica: whether it may set `session_replication_role`.

    """

    tables: Mapping[RelationName, TablePrivileges]
    unreadable: frozenset[RelationName]
    may_copy: frozenset[RelationName]
    no_policy: frozenset[RelationName]
    sequences: tuple[SequencePrivileges, ...]
    temporary: bool
    replica: bool

    @property
    def may_update(self) -> frozenset[RelationName]:
        """The tables whose rows it may find and change."""
        return frozenset(n for n, has in self.tables.items() if has.update and has.select)

    @property
    def may_stage(self) -> frozenset[RelationName]:
        """The tables whose rows it may send to a temporary table first."""
        if not self.temporary:
            return frozenset()
        return frozenset(name for name, has in self.tables.items() if has.use_types)

    @property
    def may_be_replica(self) -> bool:
        """Whether it may load without foreign keys, and check them afterwards."""
        return self.replica and not self.unreadable


def read_role_privileges(
    database: DatabaseConnection, catalog: Catalog, tables: Tables, format_name: str
) -> RolePrivileges:
    """Read what the connected role may do with these tables.

    Rows of an artifact in the format `insert` follow the rules of the target, as its statements
    would: COPY does not invoke rules.
    """
    hidden = {name for name in tables if catalog.tables[name].rows_are_hidden}
    exported = {name: table.column_names for name, table in tables.items()}
    privileges = read_privileges(database, exported)
    ends = _ends(catalog, tables)
    # Whoever may read all exported columns of a table may read those of them that are in a key.
    known = {
        n for n in ends if n in tables and privileges[n].select and ends[n].issubset(exported[n])
    }
    others = read_privileges(database, {n: c for n, c in ends.items() if n not in known})
    unseen = {name for name, has in others.items() if not has.select}
    # The check of a foreign key looks at the rows that the transaction wrote.
    unseen |= {name for name in ends if name in tables and not privileges[name].select_system}
    return RolePrivileges(
        tables=privileges,
        unreadable=frozenset(unseen),
        may_copy=frozenset(
            name
            for name, table in tables.items()
            if statements.may_be_copied(table)
            and name not in hidden
            and not (format_name == INSERT and _has_insert_rule(catalog, name))
        ),
        no_policy=frozenset(hidden) - insertable_by_policy(database, hidden),
        sequences=read_sequence_privileges(database, tables),
        temporary=may_make_temporary_tables(database),
        replica=may_be_replica(database),
    )


def _has_insert_rule(catalog: Catalog, name: RelationName) -> bool:
    return any(t.kind == "rule" and "INSERT" in t.events for t in catalog.tables[name].triggers)


def _ends(catalog: Catalog, tables: Iterable[RelationName]) -> dict[RelationName, set[str]]:
    """Return the columns that a check of the tables' foreign keys reads, on both sides."""
    columns: defaultdict[RelationName, set[str]] = defaultdict(set)
    for name in tables:
        for key in catalog.tables[name].foreign_keys:
            if key.enforced:
                columns[key.table].update(key.columns)
                columns[key.references].update(key.referenced_columns)
    return columns
