"""Reads what the target has of its own, beside columns and keys, that a row has to pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from replant.database.connections import TO_WRITE, DatabaseConnection
from replant.model import Finding, RelationName, Severity, Subject, readable
from replant.model.table_shape import TableShape
from replant.replay.load_plan import Load, updated_tables


class RuleKind(Enum):
    """Sorts of rules, by what they are called in a sentence."""

    INDEXED = "indexes"
    UNIQUE = "unique and exclusion constraints that the source may not have"
    EXPRESSION = "indexes on expressions and conditions"
    COMPUTED = "computed columns and defaults"
    PARTITION = "bounds and constraints of partitions"
    PUBLICATION = "WHERE and columns of publications"


# The relations that take the rows of each table: itself, or its partitions. An index that belongs
# to one of the root is the root's.
_RELATIONS = """
WITH relations (root_schema, root_name, root, oid) AS (
    SELECT r.schema, r.name, c.oid, p.oid
    FROM unnest(%s::text[], %s::text[]) AS r (schema, name)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = r.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = r.name
    CROSS JOIN LATERAL (
        SELECT c.oid UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree(c.oid)
        WHERE c.relkind = 'p'
    ) AS p (oid)
)
"""

# Columns of all: the table; the kind; the name of what it is; the columns it is about, if these
# tell all about it. A constant default fails where it references what is not there. Of a table
# whose partitions have a default each row finds a place.
_RULES = f"""
{_RELATIONS}
SELECT r.root_schema, r.root_name, 'UNIQUE', x.relname,
       CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL AND NOT i.indisexclusion
         AND pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct' IS DISTINCT FROM 'true' THEN
         ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
               WHERE a.attrelid = i.indrelid AND a.attnum > 0
                 AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) END
FROM relations AS r
JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
WHERE (i.indisunique OR i.indisexclusion) AND NOT x.relispartition
UNION ALL
SELECT r.root_schema, r.root_name, 'INDEXED', x.relname, ARRAY[a.attname::text]
FROM relations AS r
JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND a.attlen < 0
  AND a.attnum = ANY (i.indkey)
WHERE NOT x.relispartition
UNION ALL
SELECT r.root_schema, r.root_name, 'EXPRESSION', x.relname, NULL
FROM relations AS r
JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
WHERE (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND NOT x.relispartition
UNION ALL
SELECT r.root_schema, r.root_name, 'COMPUTED', a.attname,
       CASE WHEN a.attgenerated = '' THEN ARRAY[a.attname::text] END
FROM relations AS r
JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = r.oid
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE r.oid = r.root AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) !~ '^nextval\\('
  AND (d.adbin::text !~ '^{{CONST ' OR EXISTS (
    SELECT FROM pg_catalog.pg_constraint AS k
    WHERE k.conrelid = r.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)))
UNION ALL
SELECT r.root_schema, r.root_name, 'PARTITION', c.relname, NULL
FROM relations AS r
JOIN pg_catalog.pg_class AS c ON c.oid = r.oid
WHERE c.relkind = 'p' AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_partitioned_table AS p
    WHERE p.partrelid = c.oid AND p.partdefid <> 0)
UNION ALL
SELECT r.root_schema, r.root_name, 'PARTITION', c.relname, NULL
FROM relations AS r
JOIN pg_catalog.pg_class AS c ON c.oid = r.oid
WHERE r.oid <> r.root AND (
    EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
            WHERE k.conrelid = r.oid AND (
              k.contype = 'c' AND k.coninhcount = 0 OR k.contype = 'f' AND k.conparentid = 0))
    OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
               JOIN pg_catalog.pg_attribute AS b ON b.attrelid = r.root AND b.attname = a.attname
               WHERE a.attrelid = r.oid AND a.attnum > 0 AND a.attnotnull AND NOT b.attnotnull))
UNION ALL
SELECT r.root_schema, r.root_name, 'PUBLICATION', p.pubname, NULL
FROM relations AS r
JOIN pg_catalog.pg_publication_rel AS l ON l.prrelid = r.oid
JOIN pg_catalog.pg_publication AS p ON p.oid = l.prpubid
WHERE p.pubupdate AND (pg_catalog.to_jsonb(l) ->> 'prqual' IS NOT NULL
                       OR pg_catalog.to_jsonb(l) ->> 'prattrs' IS NOT NULL)
"""

# An expression is made ready with the privileges of the role that writes: each function in it
# needs EXECUTE, also one that is never called. A default counts where a row leaves it out.
_FUNCTIONS = f"""
{_RELATIONS}
SELECT DISTINCT r.root_schema, r.root_name, f.oid::regprocedure::text, e.kind, e.attribute
FROM relations AS r
CROSS JOIN LATERAL (
    SELECT 'pg_catalog.pg_class'::regclass, i.indexrelid, 'an index', NULL::text
    FROM pg_catalog.pg_index AS i WHERE i.indrelid = r.oid
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, k.oid, 'a CHECK constraint', NULL
    FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = r.oid AND k.contype = 'c'
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid,
           CASE a.attgenerated WHEN '' THEN 'a default' ELSE 'a computed column' END,
           CASE a.attgenerated WHEN '' THEN a.attname::text END
    FROM pg_catalog.pg_attrdef AS d
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE d.adrelid = r.root
) AS e (class, oid, kind, attribute)
JOIN pg_catalog.pg_depend AS d ON d.classid = e.class AND d.objid = e.oid
  AND d.refclassid = 'pg_catalog.pg_proc'::regclass
JOIN pg_catalog.pg_proc AS f ON f.oid = d.refobjid
WHERE NOT pg_catalog.has_function_privilege(f.oid, 'EXECUTE')
ORDER BY 1, 2, 3, 4, 5
"""

# What identifies a row for subscribers: nothing (n), the primary key (d), an index (i), or all (f).
_UNIDENTIFIED = f"""
{_RELATIONS}
SELECT DISTINCT n.nspname, c.relname
FROM relations AS r
JOIN pg_catalog.pg_class AS c ON c.oid = r.oid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_publication_tables AS t ON t.schemaname = n.nspname AND t.tablename = c.relname
JOIN pg_catalog.pg_publication AS p ON p.pubname = t.pubname AND p.pubupdate
WHERE c.relreplident <> 'f' AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = c.oid
      AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END)
ORDER BY 1, 2
"""

_TAKES_NO_WRITES = """
SELECT pg_catalog.pg_is_in_recovery() OR
       pg_catalog.current_setting('default_transaction_read_only')::boolean
"""


@frozen
class TargetRules:
    """What of the target a row has to pass, beside the columns, keys and checks of its table.

    Attributes:
        by_kind: the rules of each kind, as `name of table`.
        unique: for each table the names of its unique indexes that the source may not have.
        indexed: for each table the columns that a B-tree index holds, each with an index.

    """

    by_kind: Mapping[RuleKind, tuple[str, ...]] = field(factory=dict)
    unique: Mapping[RelationName, frozenset[str]] = field(factory=dict)
    indexed: Mapping[RelationName, Mapping[str, str]] = field(factory=dict)


def read_target_rules(
    database: DatabaseConnection, load: Load, shapes: Mapping[RelationName, TableShape]
) -> TargetRules:
    """Read the rules of the tables that get rows.

    Args:
        database: the target.
        load: what would be loaded.
        shapes: what the tables looked like in the source.

    """
    updated = {*updated_tables(load)}
    found: defaultdict[RuleKind, list[str]] = defaultdict(list)
    unique: defaultdict[RelationName, set[str]] = defaultdict(set)
    indexed: defaultdict[RelationName, dict[str, str]] = defaultdict(dict)
    for schema, table, kind_name, rule, columns in _asked(database, _RULES, _filled(load)):
        name, kind = RelationName(schema, table), RuleKind[kind_name]
        match kind:
            case RuleKind.INDEXED:
                indexed[name].setdefault(columns[0], rule)
                continue
            case RuleKind.UNIQUE if columns and _is_known(shapes.get(name), columns):
                continue
            case RuleKind.UNIQUE:
                unique[name].add(rule)
            case RuleKind.COMPUTED if columns and {*columns} <= {*load.tables[name].column_names}:
                continue
            case RuleKind.PUBLICATION if name not in updated:
                continue
        found[kind].append(f"{readable(rule)} of {name}")
    return TargetRules(
        {kind: tuple(sorted({*found[kind]})) for kind in RuleKind if kind in found},
        {name: frozenset(names) for name, names in unique.items()},
        indexed,
    )


def find_broken_rules(database: DatabaseConnection, role: str, load: Load) -> Iterator[Finding]:
    """Yield what refuses every row: a target without writes, and privileges that are missing."""
    ((read_only,),) = database.execute(_TAKES_NO_WRITES).fetchall()
    if read_only:
        what = "the target takes no writes"
        yield Finding(Subject.TARGET, Severity.REFUSES, "the target", what, TO_WRITE)
    for schema, table, function, user, column in _asked(database, _FUNCTIONS, _filled(load)):
        name = RelationName(schema, table)
        if column is None or column not in load.tables[name].column_names:
            what = f"the role {role!r} lacks EXECUTE on {function}, which {user} of {name} calls"
            remedy = f"GRANT EXECUTE ON FUNCTION {function} TO {readable(role)};"
            yield Finding(Subject.PRIVILEGE, Severity.REFUSES, str(name), what, remedy)
    for schema, table in _asked(database, _UNIDENTIFIED, updated_tables(load)):
        name = RelationName(schema, table)
        what = f"{name} publishes updates and has no replica identity, so none of its rows can be"
        remedy = f"ALTER TABLE {name} REPLICA IDENTITY FULL;"
        yield Finding(Subject.TABLE, Severity.REFUSES, str(name), f"{what} updated", remedy)


def _filled(load: Load) -> Iterator[RelationName]:
    return (name for name, table in load.tables.items() if table.row_count)


def _asked(
    database: DatabaseConnection, query: str, tables: Iterable[RelationName]
) -> list[tuple[Any, ...]]:
    names = list(tables)
    lists = [[name.schema for name in names], [name.name for name in names]]
    return database.execute(query.encode(), lists).fetchall()


def _is_known(shape: TableShape | None, columns: list[str]) -> bool:
    """Return whether no two rows of the source can be alike in these columns."""
    if shape is None or shape.keys is None:
        return False
    keys = (shape.keys.primary or (), *shape.keys.unique)
    return any(key and {*key} <= {*columns} for key in keys)
