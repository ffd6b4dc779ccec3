"""Reads the catalog: a few set-based queries on `pg_catalog` become a frozen `Catalog`.

`information_schema` is never asked: it shows a role only what the role owns or was granted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from sys import intern
from typing import Any

from replant.database.batches import ask_together
from replant.database.connections import DatabaseConnection
from replant.database.session_settings import qualified_names
from replant.database.trigger_functions import Writes, read_function_writes
from replant.model import (
    Catalog,
    Column,
    ColumnSequence,
    CompositeType,
    DefinedType,
    DomainType,
    EnumType,
    Firing,
    ForeignKey,
    Identity,
    RangeType,
    RelationKind,
    RelationName,
    Table,
    Trigger,
    UniqueIndex,
)
from replant.model.comparison import Comparison
from replant.model.policies import Policy

_OURS = r"n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"

_SCHEMAS = f"SELECT n.nspname FROM pg_catalog.pg_namespace AS n WHERE {_OURS}"

_RELATIONS = f"""
SELECT c.oid, n.nspname, c.relname, c.relkind::text, greatest(c.reltuples, 0)::bigint,
       c.relispartition,
       CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid ELSE c.oid END,
       pg_catalog.row_security_active(c.oid),
       pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       pg_catalog.has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (
           SELECT FROM pg_catalog.pg_attribute AS a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')),
       (SELECT x.extname FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
          AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OURS}
"""

_COLUMNS = f"""
SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
       CASE WHEN a.attgenerated <> '' THEN NULL WHEN d.oid IS NULL THEN t.typdefault
            ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
       a.attidentity::text, a.attgenerated <> '', a.attcollation <> 0,
       coalesce((SELECT l.collisdeterministic FROM pg_catalog.pg_collation AS l
                 WHERE l.oid = a.attcollation), true),
       coalesce(pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'), false),
       a.atttypid, a.attnum
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OURS}
ORDER BY a.attrelid, a.attnum
"""

# Types of PostgreSQL's own have their equality in pg_catalog, so only those of others are asked
# for; a domain has the equality of the type below it.
_TYPES = """
WITH RECURSIVE used AS (
    SELECT t.oid, t.oid AS base, false AS not_null FROM pg_catalog.pg_type AS t
    WHERE t.oid = ANY (%s) AND t.typtype <> 'd'
    UNION
    SELECT t.oid, t.typbasetype, t.typnotnull FROM pg_catalog.pg_type AS t
    WHERE t.oid = ANY (%s) AND t.typtype = 'd'
    UNION
    SELECT u.oid, t.typbasetype, u.not_null OR t.typnotnull FROM used AS u
    JOIN pg_catalog.pg_type AS t ON t.oid = u.base WHERE t.typtype = 'd'
)
SELECT u.oid, pg_catalog.format_type(u.base, NULL), u.not_null,
       (SELECT n.nspname
        FROM pg_catalog.pg_opclass AS c
        JOIN pg_catalog.pg_am AS m ON m.oid = c.opcmethod
        JOIN pg_catalog.pg_amop AS a ON a.amopfamily = c.opcfamily
             AND a.amoplefttype = c.opcintype AND a.amoprighttype = c.opcintype
             AND a.amopstrategy = CASE m.amname WHEN 'btree' THEN 3 ELSE 1 END
        JOIN pg_catalog.pg_operator AS o ON o.oid = a.amopopr
        JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
        WHERE c.opcintype = u.base AND c.opcdefault AND m.amname IN ('btree', 'hash')
          AND o.oprname = '=' AND n.nspname <> 'pg_catalog'
        ORDER BY m.amname LIMIT 1)
FROM used AS u
JOIN pg_catalog.pg_type AS t ON t.oid = u.base
WHERE t.typtype <> 'd'
"""

# What a type is made of: the elements of an array, the bases of a domain, the attributes of a
# composite type, the subtype of a range. Since PostgreSQL 17 a domain's NOT NULL is a constraint
# too.
_DEFINED_TYPES = f"""
WITH RECURSIVE made AS (
    SELECT a.atttypid AS root, a.atttypid AS oid
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND {_OURS}
    UNION
    SELECT m.root, p.oid FROM made AS m
    JOIN pg_catalog.pg_type AS t ON t.oid = m.oid
    CROSS JOIN LATERAL (
        SELECT t.typelem WHERE t.typcategory = 'A'
        UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range AS r
        WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
        UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
          AND NOT a.attisdropped
    ) AS p (oid)
)
SELECT m.root, pg_catalog.format_type(t.oid, NULL), t.typtype::text,
       ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid
             ORDER BY e.enumsortorder),
       pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typnotnull,
       ARRAY(SELECT pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint AS k
             WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname),
       ARRAY(SELECT ARRAY[a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)]
             FROM pg_catalog.pg_attribute AS a
             WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
               AND NOT a.attisdropped ORDER BY a.attnum)
FROM made AS m
JOIN pg_catalog.pg_type AS t ON t.oid = m.oid
WHERE t.typtype IN ('e', 'd', 'c') AND t.typnamespace <> 'pg_catalog'::regnamespace
   OR t.typname = ANY (ARRAY['regclass', 'regproc', 'regprocedure', 'regoper', 'regoperator',
                             'regtype', 'regconfig', 'regdictionary', 'regcollation'])
      AND t.typnamespace = 'pg_catalog'::regnamespace
"""

# pg_depend has 'a' for OWNED BY and serial, 'i' for identity. A default depends on the sequence
# that it names; only one that is its next value says how far the sequence must have come.
_SEQUENCES = f"""
SELECT d.refobjid, d.refobjsubid, m.nspname, c.relname, s.seqincrement
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = d.objid
JOIN pg_catalog.pg_class AS c ON c.oid = d.objid
JOIN pg_catalog.pg_namespace AS m ON m.oid = c.relnamespace
JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE d.classid = 'pg_catalog.pg_class'::regclass
  AND d.refclassid = 'pg_catalog.pg_class'::regclass
  AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') AND {_OURS}
UNION ALL
SELECT f.adrelid, f.adnum, m.nspname, c.relname, s.seqincrement
FROM pg_catalog.pg_attrdef AS f
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_attrdef'::regclass
  AND d.objid = f.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = d.refobjid
JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
JOIN pg_catalog.pg_namespace AS m ON m.oid = c.relnamespace
JOIN pg_catalog.pg_class AS t ON t.oid = f.adrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE pg_catalog.pg_get_expr(f.adbin, f.adrelid) ~ '^nextval\\(''[^'']+''::regclass\\)$' AND {_OURS}
"""

# Bits of tgtype: 1 is ROW, 4 is INSERT, 16 is UPDATE (PostgreSQL source, catalog/pg_trigger.h).
# ev_type is '3' for INSERT and '2' for UPDATE (nodes/nodes.h, CmdType). A row that comes through
# the root fires the row triggers of its partition; those cloned from the root's stand for these.
_TRIGGERS = f"""
SELECT t.oid, g.tgname, 'trigger', g.tgtype & 4 <> 0, g.tgtype & 16 <> 0, g.tgenabled::text,
       CASE WHEN t.oid <> c.oid THEN n.nspname END, CASE WHEN t.oid <> c.oid THEN c.relname END,
       g.tgfoid
FROM pg_catalog.pg_trigger AS g
JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT c.oid UNION
    SELECT pg_catalog.pg_partition_root(c.oid) WHERE g.tgparentid = 0 AND g.tgtype & 1 <> 0
) AS t (oid)
WHERE t.oid IS NOT NULL AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype & 20 <> 0
  AND {_OURS}
UNION ALL
SELECT r.ev_class, r.rulename, 'rule', r.ev_type = '3', r.ev_type = '2', r.ev_enabled::text,
       NULL, NULL, NULL
FROM pg_catalog.pg_rewrite AS r
JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE r.ev_type IN ('2', '3') AND r.ev_enabled <> 'D' AND c.relkind IN ('r', 'p') AND {_OURS}
ORDER BY 1, 3, 2, 7, 8
"""

# An index identifies rows when it is unique, on plain columns, on all rows, and checked at once;
# INCLUDE columns are not part of its key. PostgreSQL manual, pg_index.
_UNIQUE_KEYS = f"""
SELECT i.indrelid, i.indisprimary,
       (SELECT pg_catalog.array_agg(a.attname ORDER BY k.place)
        FROM pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.place <= i.indnkeyatts)
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND (i.indimmediate OR i.indisprimary) AND {_OURS}
ORDER BY i.indrelid, x.relname
"""

# What an index compares, and by which operator: that of its constraint where it excludes, else the
# equality of its operator class (strategy 3 of btree). pg_depend knows the columns of expressions
# and predicates. Only an expression is deparsed, since that locks the table.
_UNIQUE_INDEXES = f"""
SELECT i.indrelid, x.relname,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = i.indrelid AND a.attnum > 0
               AND (a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) OR EXISTS (
                 SELECT FROM pg_catalog.pg_depend AS d
                 WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
                   AND d.refclassid = 'pg_catalog.pg_class'::regclass
                   AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum
                   AND NOT a.attnum = ANY (i.indkey)))
             ORDER BY a.attnum),
       ARRAY(SELECT ARRAY[
               coalesce((SELECT pg_catalog.format('%I', a.attname)
                         FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[p.place - 1]
                           AND a.attnum <> 0),
                        pg_catalog.pg_get_indexdef(i.indexrelid, p.place, false))
                 || CASE WHEN l.oid IS NULL THEN ''
                    ELSE pg_catalog.format(' COLLATE %I.%I', e.nspname, l.collname) END,
               pg_catalog.format('OPERATOR(%I.%s)', s.nspname, o.oprname)]
             FROM pg_catalog.generate_series(1, i.indnkeyatts) AS p (place)
             JOIN pg_catalog.pg_opclass AS f ON f.oid = i.indclass[p.place - 1]
             LEFT JOIN pg_catalog.pg_amop AS m ON m.amopfamily = f.opcfamily
               AND m.amoplefttype = f.opcintype AND m.amoprighttype = f.opcintype
               AND m.amopstrategy = 3 AND k.conexclop IS NULL
             JOIN pg_catalog.pg_operator AS o
               ON o.oid = coalesce(k.conexclop[p.place], m.amopopr)
             JOIN pg_catalog.pg_namespace AS s ON s.oid = o.oprnamespace
             LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = i.indcollation[p.place - 1]
             LEFT JOIN pg_catalog.pg_namespace AS e ON e.oid = l.collnamespace
             ORDER BY p.place),
       pg_catalog.pg_get_expr(i.indpred, i.indrelid), i.indimmediate, i.indisexclusion,
       {{nulls_alike}}
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_constraint AS k
  ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
WHERE (i.indisunique OR i.indisexclusion) AND i.indisvalid AND {_OURS}
ORDER BY i.indrelid, x.relname
"""

# Keys that a partition inherits from its root (conparentid) stand for the root's own key. How a
# pair of columns compares is told where the operator is not an equality (as that of a PERIOD is
# not), and where the columns' collations differ: then the referenced column's is used.
_FOREIGN_KEYS = f"""
SELECT k.conrelid, k.conname, k.confrelid, k.condeferrable, k.convalidated, {{enforced}},
       p.own, p.other, {{period}}, p.compared
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT pg_catalog.array_agg(a.attname ORDER BY u.place),
           pg_catalog.array_agg(b.attname ORDER BY u.place),
           CASE WHEN bool_or(o.oprname <> '=' OR l.oid IS NOT NULL) THEN
             pg_catalog.array_agg(ARRAY[s.nspname, o.oprname, e.nspname, l.collname]
                                  ORDER BY u.place) END
    FROM ROWS FROM (
        pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey),
        pg_catalog.unnest(k.conpfeqop)
      ) WITH ORDINALITY AS u (own, other, operator, place)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.own
    JOIN pg_catalog.pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = u.other
    JOIN pg_catalog.pg_operator AS o ON o.oid = u.operator
    JOIN pg_catalog.pg_namespace AS s ON s.oid = o.oprnamespace
    LEFT JOIN pg_catalog.pg_collation AS l
      ON l.oid = b.attcollation AND a.attcollation <> b.attcollation
    LEFT JOIN pg_catalog.pg_namespace AS e ON e.oid = l.collnamespace
) AS p (own, other, compared)
WHERE k.contype = 'f' AND k.conparentid = 0 AND {_OURS}
ORDER BY k.conrelid, k.conname
"""

_CHECKS = f"""
SELECT k.conrelid, pg_catalog.pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE k.contype = 'c' AND c.relkind IN ('r', 'p') AND {_OURS}
ORDER BY k.conrelid, k.conname
"""

# 0 in polroles is PUBLIC. Policies whose table does not apply them to the role are of no concern.
_POLICIES = f"""
SELECT p.polrelid, p.polname, NOT p.polpermissive, p.polcmd::text,
       pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                            pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)),
       ARRAY(SELECT d.refobjid::regprocedure::text FROM pg_catalog.pg_depend AS d
             WHERE d.classid = 'pg_catalog.pg_policy'::regclass AND d.objid = p.oid
               AND d.refclassid = 'pg_catalog.pg_proc'::regclass ORDER BY 1)
FROM pg_catalog.pg_policy AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE pg_catalog.row_security_active(c.oid) AND {_OURS} AND EXISTS (
    SELECT FROM unnest(p.polroles) AS g (id)
    WHERE g.id = 0 OR pg_catalog.pg_has_role(g.id, 'USAGE'))
ORDER BY p.polrelid, p.polname
"""

_RANGES = f"""
SELECT pg_catalog.format_type(r.rngtypid, NULL), pg_catalog.format_type(r.rngsubtype, NULL),
       pg_catalog.format_type(r.rngmultitypid, NULL)
FROM pg_catalog.pg_range AS r
JOIN pg_catalog.pg_type AS t ON t.oid = r.rngtypid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE {_OURS}
ORDER BY 1
"""


#: What later releases than the oldest one have: the release, the column, and what held before.
_LATER = {
    "{enforced}": (18, "k.conenforced", "true"),
    "{period}": (18, "k.conperiod", "false"),
    "{nulls_alike}": (15, "i.indnullsnotdistinct", "false"),
}

#: Encodings that order texts as UTF-8 does; the bytes of SQL_ASCII are taken as UTF-8.
_ORDERED_AS_UTF8 = {"UTF8", "LATIN1", "SQL_ASCII"}

_IDENTITY = "SELECT current_database(), current_user"

#: `pg_policy.polcmd`; a policy for ALL has `*`.
_COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}

#: The place of the oid of a relation, or of the table whose partition it is, in `_RELATIONS`.
_TOP = 6


def read_catalog(database: DatabaseConnection) -> Catalog:
    """Read every relation outside PostgreSQL's own schemas, in the transaction's snapshot."""
    with qualified_names(database):
        return _read_catalog(database)


def _read_catalog(database: DatabaseConnection) -> Catalog:
    release = database.info.server_version // 10000
    identity, schemas, ranges, relations, defined, columned, sequenced, keyed, *parts = (
        ask_together(
            database,
            *(_IDENTITY, _SCHEMAS, _RANGES, _RELATIONS, _DEFINED_TYPES, _COLUMNS, _SEQUENCES),
            *(_for_release(query, release) for query in (_FOREIGN_KEYS, _UNIQUE_INDEXES)),
            *(_UNIQUE_KEYS, _TRIGGERS, _CHECKS, _POLICIES),
        )
    )
    unique_indexes, unique_keys, triggers, checks, policies = map(_grouped, parts)
    names = {oid: RelationName(schema, name) for oid, schema, name, *_ in relations}
    types, made_of, naming = _defined_types(defined)
    columns = _columns(database, columned, sequenced, made_of, naming)
    foreign_keys = _foreign_keys(keyed, names, {row[0]: row[_TOP] for row in relations})
    functions = read_function_writes(database, names.values())
    recoded = database.info.parameter_status("server_encoding") not in _ORDERED_AS_UTF8
    tables = (
        _table(
            row,
            names,
            unique_keys[row[0]],
            foreign_keys=tuple(foreign_keys[names[row[0]]]),
            columns=tuple(columns[row[0]]),
            triggers=tuple(_trigger(functions, *trigger) for trigger in triggers[row[0]]),
            unique_indexes=tuple(_unique_index(*index) for index in unique_indexes[row[0]]),
            checks=tuple(check for (check,) in checks[row[0]]),
            policies=tuple(_policy(*policy) for policy in policies[row[0]]),
            recoded=recoded,
        )
        for row in relations
    )
    return Catalog(
        database=identity[0][0],
        role=identity[0][1],
        version=database.info.server_version,
        tables={table.name: table for table in sorted(tables, key=lambda t: t.name)},
        schemas=frozenset(schema for (schema,) in schemas),
        types=types,
        ranges={range_.name: range_ for range_ in (RangeType(*row) for row in ranges)},
    )


def _for_release(query: str, release: int) -> str:
    for place, (since, column, before) in _LATER.items():
        query = query.replace(place, column if release >= since else before)
    return query


def _grouped(rows: Iterable[tuple[Any, ...]]) -> defaultdict[int, list[tuple[Any, ...]]]:
    """Group rows by their first column, an oid."""
    groups: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for oid, *rest in rows:
        groups[oid].append(tuple(rest))
    return groups


def _table(
    row: tuple[Any, ...],
    names: dict[int, RelationName],
    unique_keys: list[tuple[Any, ...]],
    **parts: Any,
) -> Table:
    oid, _, _, kind, estimate, is_partition, _, secured, may_use, may_select, extension = row
    return Table(
        name=names[oid],
        kind=RelationKind(kind),
        primary_key=next((tuple(key) for primary, key in unique_keys if primary), ()),
        unique_keys=tuple(tuple(key) for primary, key in unique_keys if not primary),
        estimated_rows=estimate,
        is_partition=is_partition,
        rows_are_hidden=secured,
        may_use_schema=may_use,
        may_select=may_select,
        extension=extension,
        **parts,
    )


def _policy(
    name: str, restrictive: bool, command: str, conditions: str, functions: list[str]
) -> Policy:
    commands = {_COMMANDS[command]} if command in _COMMANDS else {*_COMMANDS.values()}
    return Policy(name, restrictive, frozenset(commands), conditions, tuple(functions))


def _unique_index(
    name: str, columns: list[str], terms: list[list[str]], predicate: str | None, *how: bool
) -> UniqueIndex:
    pairs = tuple((expression, operator) for expression, operator in terms)
    return UniqueIndex(name, tuple(columns), pairs, predicate, *how)


def _defined_types(
    rows: Iterable[tuple[Any, ...]],
) -> tuple[dict[str, DefinedType], defaultdict[int, tuple[str, ...]], set[int]]:
    """Make the types that tables' columns use.

    Returns:
        The types by name, their names by a column's type, and the columns' types whose values
        name objects of the database.

    """
    types: dict[str, DefinedType] = {}
    naming: set[int] = set()
    made_of: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
    for root, name, kind, labels, base, not_null, checks, attributes in rows:
        if kind == "b":
            naming.add(root)
            continue
        made_of[root] += (name,)
        match kind:
            case "e":
                types[name] = EnumType(name, tuple(labels))
            case "d":
                types[name] = DomainType(name, base, not_null, tuple(checks))
            case _:
                types[name] = CompositeType(name, tuple((n, type_) for n, type_ in attributes))
    return types, made_of, naming


def _columns(
    database: DatabaseConnection,
    rows: Sequence[tuple[Any, ...]],
    sequenced: Iterable[tuple[Any, ...]],
    made_of: Mapping[int, tuple[str, ...]],
    naming: Collection[int],
) -> defaultdict[int, list[Column]]:
    """Make the columns of every relation, by its oid; what their types are is asked here."""
    used = sorted({row[-2] for row in rows})
    types = {oid: rest for oid, *rest in database.execute(_TYPES.encode(), [used, used])}
    sequences = {
        (oid, number): ColumnSequence(RelationName(schema, name), increment)
        for oid, number, schema, name, increment in sequenced
    }
    columns: defaultdict[int, list[Column]] = defaultdict(list)
    for oid, name, type_, not_null, default, identity, generated, *rest in rows:
        collatable, deterministic, may, type_id, number = rest
        base, never_null, equality = types[type_id]
        columns[oid].append(
            Column(
                # Equal texts are kept once: tables have names and types of columns in common.
                name=intern(name),
                type=intern(type_),
                not_null=not_null or never_null,
                default=default,
                identity=Identity(identity),
                generated=generated,
                collatable=collatable,
                deterministic=deterministic,
                equality=equality,
                base_type=base,
                made_of=tuple(sorted(made_of[type_id])),
                sequence=sequences.get((oid, number)),
                may_select=may,
                names_objects=type_id in naming,
            )
        )
    return columns


def _trigger(
    functions: Mapping[int, tuple[str, Writes]],
    name: str,
    kind: str,
    on_insert: bool,
    on_update: bool,
    enabled: str,
    schema: str | None,
    partition: str | None,
    function: int | None,
) -> Trigger:
    events = {"INSERT": on_insert, "UPDATE": on_update}
    return Trigger(
        name,
        kind,
        frozenset(event for event, fires in events.items() if fires),
        Firing(enabled),
        RelationName(schema, partition) if schema and partition else None,
        *(functions.get(function, (None, ())) if function is not None else ()),
    )


def _foreign_keys(
    rows: Iterable[tuple[Any, ...]],
    names: Mapping[int, RelationName],
    tops: Mapping[int, int],
) -> defaultdict[RelationName, list[ForeignKey]]:
    """Make the foreign keys by table; those of partitions are keys of what they belong to."""
    keys: defaultdict[RelationName, list[ForeignKey]] = defaultdict(list)
    for row in rows:
        oid, name, other, deferrable, validated, enforced, columns, referenced, period, how = row
        table, references = names[tops[oid]], names[tops[other]]
        keys[table].append(
            ForeignKey(
                name=name,
                table=table,
                columns=tuple(columns),
                references=references,
                referenced_columns=tuple(referenced),
                deferrable=deferrable,
                enforced=enforced,
                validated=validated,
                comparisons=tuple(_comparison(*pair) for pair in how or ()),
                period=period,
                partition=names[oid] if names[oid] != table else None,
                referenced_partition=names[other] if names[other] != references else None,
            )
        )
    return keys


def _comparison(
    schema: str, operator: str, collation_schema: str | None, collation: str | None
) -> Comparison:
    named = (collation_schema, collation) if collation_schema and collation else None
    return Comparison(schema, operator, collation=named)
