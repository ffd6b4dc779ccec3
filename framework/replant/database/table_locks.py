"""Locks the tables that a command reads before the snapshot is taken in which it reads them.

TRUNCATE and an ALTER TABLE that rewrites leave older snapshots an empty table (PostgreSQL manual,
"Caveats" of concurrency control). LOCK TABLE takes no snapshot, so what is locked by it in the
first statement of a transaction is as the snapshot has it until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import psycopg
from attrs import define

from replant.database import sql
from replant.database.connections import DatabaseConnection, ReadingConnection, one_line
from replant.database.read_catalog import read_catalog
from replant.errors import DatabaseError, ReplantError
from replant.model import Catalog, RelationName

Decision = TypeVar("Decision")

#: How often the tables are chosen anew, when they were altered before they were locked.
_MOST_ATTEMPTS = 5

# Every change of a row of these catalogs gives it another xmin; ANALYZE and VACUUM write the
# numbers of pg_class in place. 6 ms for 350 tables, where reading the catalog takes 75 ms.
_VERSION = """
SELECT pg_catalog.sum(pg_catalog.hashtextextended(
    pg_catalog.concat_ws(' ', r.catalog, r.object, r.part, r.xmin), 0))
FROM (
    SELECT 1 AS catalog, oid AS object, 0 AS part, xmin FROM pg_catalog.pg_class
    UNION ALL SELECT 2, attrelid, attnum, xmin FROM pg_catalog.pg_attribute
    UNION ALL SELECT 3, oid, 0, xmin FROM pg_catalog.pg_namespace
    UNION ALL SELECT 4, oid, 0, xmin FROM pg_catalog.pg_constraint
    UNION ALL SELECT 5, indexrelid, 0, xmin FROM pg_catalog.pg_index
    UNION ALL SELECT 6, inhrelid, inhseqno, xmin FROM pg_catalog.pg_inherits
    UNION ALL SELECT 7, oid, 0, xmin FROM pg_catalog.pg_type
    UNION ALL SELECT 8, oid, 0, xmin FROM pg_catalog.pg_enum
    UNION ALL SELECT 9, oid, 0, xmin FROM pg_catalog.pg_attrdef
    UNION ALL SELECT 10, oid, 0, xmin FROM pg_catalog.pg_trigger
    UNION ALL SELECT 11, oid, 0, xmin FROM pg_catalog.pg_rewrite
    UNION ALL SELECT 12, oid, 0, xmin FROM pg_catalog.pg_policy
    UNION ALL SELECT 13, seqrelid, 0, xmin FROM pg_catalog.pg_sequence
) AS r
"""

_NAMED = """
FROM unnest(%s::text[], %s::text[]) AS w (schema, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
    AND c.relkind IN ('r', 'p')
"""

# LOCK TABLE needs SELECT on the table; SELECT on columns is not enough.
_READABLE = f"""
SELECT c.oid, n.nspname, c.relname, c.relkind = 'p',
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
{_NAMED}
ORDER BY n.nspname, c.relname
"""

_HELD = """
SELECT l.relation FROM pg_catalog.pg_locks AS l
WHERE l.locktype = 'relation' AND l.granted AND l.pid = pg_catalog.pg_backend_pid()
"""

# Of pg_class the snapshot is seen; the functions look at what is there now, which the lock holds
# fast. 16384 is the first oid of what is not PostgreSQL's own.
_CHANGED = """
SELECT coalesce(pg_catalog.format('%I.%I', n.nspname, c.relname), i.identity)
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.pg_identify_object(
    'pg_catalog.pg_class'::pg_catalog.regclass, l.relation, 0) AS i
WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND l.relation >= 16384
  AND i.type IN ('table', 'view', 'materialized view', 'foreign table')
  AND (c.oid IS NULL OR pg_catalog.format('%I.%I', n.nspname, c.relname) <> i.identity
       OR c.relfilenode <> 0 AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid)
       OR c.relispartition <> coalesce(pg_catalog.pg_partition_root(c.oid) <> c.oid, false))
ORDER BY 1
"""

_BLOCKING = f"""
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname), l.pid,
       coalesce(nullif(a.application_name, ''), 'unnamed')
{_NAMED}
JOIN pg_catalog.pg_locks AS l
    ON l.relation = c.oid AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
ORDER BY l.granted DESC, 1 LIMIT 1
"""


@define
class KnownCatalog:
    """The catalog of one database as it was read last, so that it is read again only if it changed.

    Attributes:
        version: tells whether it changed.

    """

    version: object = None
    catalog: Catalog | None = None

    def read(self, database: ReadingConnection, version: object) -> Catalog:
        """Return the catalog of this version."""
        if self.catalog is None or self.version != version:
            self.catalog, self.version = read_catalog(database), version
        return self.catalog


def know_catalog(database: ReadingConnection) -> KnownCatalog:
    """Read the catalog, so that others need not."""
    known = KnownCatalog()
    known.read(database, _read_version(database))
    return known


def decide_under_locks(
    database: ReadingConnection,
    decide: Callable[[Catalog], tuple[Decision, Collection[RelationName]]],
    known: KnownCatalog | None = None,
) -> tuple[Catalog, Decision]:
    """Decide what is read, and leave a transaction in whose snapshot all its tables are locked.

    Args:
        database: a reading connection, of which no row was read.
        decide: says what is read, and which tables; called again if the catalog changed before
            the tables were locked.
        known: what was read of this database before, if anything was.

    Raises:
        DatabaseError: a lock was not to be had in time, there is no room for so many, or the
            tables changed again and again.

    """
    known = known or KnownCatalog()
    for _ in range(_MOST_ATTEMPTS):
        version = _read_version(database)
        try:
            catalog = known.read(database, version)
            decision, names = decide(catalog)
        except (ReplantError, psycopg.Error, TypeError):
            # PostgreSQL's functions fail, or return NULL, for what was dropped after the snapshot.
            if database.closed or not _is_altered(database, version):
                raise
            continue
        if _all_locked(database, names) or (
            _lock(database, names) and _read_version(database) == version
        ):
            return catalog, decision
    raise DatabaseError(
        f"the {database.side}'s tables were altered again and again before they could be locked; "
        f"run it when no migration runs"
    )


def _is_altered(database: ReadingConnection, version: object) -> bool:
    database.begin_again()
    return _read_version(database) != version


def check_unchanged(database: DatabaseConnection, side: str = "source") -> None:
    """Refuse what was read if a table of it was not as the snapshot has it.

    This is so of tables that were locked after the snapshot was taken: those that a condition, a
    policy or a function reads.

    Raises:
        DatabaseError: one was altered between the snapshot and its lock.

    """
    changed = [str(name) for (name,) in database.execute(_CHANGED.encode())]
    if changed:
        raise DatabaseError(
            f"{', '.join(changed[:3])} of the {side} changed after the snapshot was taken "
            f"and before it was read: TRUNCATE, ALTER TABLE or the like by another session, after "
            f"which the snapshot's rows cannot be read; run it again"
        )


def _lock(database: ReadingConnection, names: Collection[RelationName]) -> bool:
    """Begin another transaction, with these tables locked; False if one of them is no more."""
    pairs = _pairs(names)
    found = database.execute(_READABLE.encode(), pairs).fetchall()
    locked = [_read_as(*table) for _, *table, may, _ in found if may]
    beside = [_read_as(*table) for _, *table, may, some in found if some and not may]
    statement = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.SQL(", ").join(locked))
    try:
        database.begin_again(*([statement] if locked else []))
        for table in beside:
            database.execute(sql.SQL("SELECT FROM {} LIMIT 0").format(table))
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        database.begin_again()
        return False
    except psycopg.errors.LockNotAvailable as error:
        database.begin_again()
        raise DatabaseError(_waited(database, pairs)) from error
    except psycopg.errors.OutOfMemory as error:
        raise DatabaseError(
            f"the {database.side} has no room to lock {len(found)} tables: {one_line(error)}; "
            f"raise max_locks_per_transaction there and restart it, or choose fewer tables"
        ) from error
    if beside:
        check_unchanged(database, database.side)
    return True


def _read_as(schema: str, name: str, is_root: bool) -> sql.Composed:
    """Name a table as it is read: a partitioned one with its partitions, others without heirs."""
    return sql.SQL("{}{}").format(sql.SQL("" if is_root else "ONLY "), sql.Identifier(schema, name))


def _waited(database: ReadingConnection, pairs: Sequence[list[str]]) -> str:
    blocking = database.execute(_BLOCKING.encode(), pairs).fetchone()
    table, holder = "a table", "another session"
    if blocking is not None:
        table, pid, application = blocking
        holder = f"another session (pid {pid}, {application})"
    timeout = database.pinned["lock_timeout"]
    return (
        f"{table} of the {database.side} is locked by {holder}, and was not released within "
        f"{timeout}; run it again later, or wait longer: lock_timeout under "
        f"[{database.side}.settings]"
    )


def _all_locked(database: DatabaseConnection, names: Collection[RelationName]) -> bool:
    held = {oid for (oid,) in database.execute(_HELD.encode())}
    found = database.execute(_READABLE.encode(), _pairs(names))
    return all(oid in held for oid, *_, some in found if some)


def _read_version(database: DatabaseConnection) -> object:
    return database.execute(_VERSION.encode()).fetchone()


def _pairs(names: Collection[RelationName]) -> list[list[str]]:
    ordered = sorted(names)
    return [[name.schema for name in ordered], [name.name for name in ordered]]
