"""Reads how the columns of references compare: by a constraint's operators, or by their types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from attrs import frozen

from replant.closure.indexes import Served
from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.model import RelationName
from replant.model.comparison import Comparison
from replant.model.references import EdgeName

# The operator `referenced = own`; the types its operands must be cast to where a column's own
# differs (a pseudo-type takes any); the referenced column's collation where the two differ; what
# an index must know.
_COMPARED = """
m.nspname, o.oprname,
CASE WHEN own.atttypid <> o.oprright AND right_.typtype <> 'p'
     THEN pg_catalog.format_type(o.oprright, NULL) END,
CASE WHEN other.atttypid <> o.oprleft AND left_.typtype <> 'p'
     THEN pg_catalog.format_type(o.oprleft, NULL) END,
CASE WHEN own.attcollation <> other.attcollation THEN
     (SELECT ARRAY[x.nspname, l.collname] FROM pg_catalog.pg_collation AS l
      JOIN pg_catalog.pg_namespace AS x ON x.oid = l.collnamespace
      WHERE l.oid = other.attcollation) END,
other.attcollation,
ARRAY(SELECT f.amopfamily FROM pg_catalog.pg_amop AS f WHERE f.amopopr IN (o.oid, o.oprcom))
"""

# A foreign key has operators of its own (conpfeqop). That of a PERIOD finds the rows that overlap.
_FOREIGN_KEYS = sql.SQL("""
SELECT n.nspname, c.relname, k.conname,
       coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod')::boolean, false), {compared}
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL ROWS FROM (
    pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop))
  WITH ORDINALITY AS u (own, other, operator, place)
JOIN pg_catalog.pg_attribute AS own ON own.attrelid = k.conrelid AND own.attnum = u.own
JOIN pg_catalog.pg_attribute AS other ON other.attrelid = k.confrelid AND other.attnum = u.other
JOIN pg_catalog.pg_operator AS o ON o.oid = u.operator
JOIN pg_catalog.pg_namespace AS m ON m.oid = o.oprnamespace
JOIN pg_catalog.pg_type AS left_ ON left_.oid = o.oprleft
JOIN pg_catalog.pg_type AS right_ ON right_.oid = o.oprright
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY k.oid, u.place
""").format(compared=sql.SQL(_COMPARED))

# Columns that no constraint pairs compare by the equality of the two types; or else by that of the
# referenced type, to which the other is cast if there is a cast. A domain counts as its base type.
# Enums, ranges, arrays, composites and varchar have the equality of their kind.
_PAIRS = sql.SQL("""
WITH RECURSIVE bases (oid, base) AS (
    SELECT t.oid, t.oid FROM pg_catalog.pg_type AS t WHERE t.typtype <> 'd'
    UNION ALL
    SELECT t.oid, b.base FROM pg_catalog.pg_type AS t JOIN bases AS b ON b.oid = t.typbasetype
    WHERE t.typtype = 'd'
), pairs AS (
    SELECT w.number, w.elements, own.attrelid AS own_relation, own.attnum AS own_number,
           other.attrelid AS other_relation, other.attnum AS other_number,
           e.oid AS own_type, t.oid AS other_type,
           'S' IN (e.typcategory, t.typcategory) AS by_text,
           CASE WHEN t.typtype = 'e' THEN 'anyenum'::regtype
                WHEN t.typtype = 'r' THEN 'anyrange'::regtype
                WHEN t.typtype = 'm' THEN 'anymultirange'::regtype
                WHEN t.typtype = 'c' THEN 'record'::regtype
                WHEN t.typcategory = 'A' THEN 'anyarray'::regtype
                WHEN t.typcategory = 'S' THEN 'text'::regtype
                ELSE t.oid END AS kind
    FROM unnest(%s::int[], %s::bool[], %s::text[], %s::text[], %s::text[],
                %s::text[], %s::text[], %s::text[])
      AS w (number, elements, schema, name, attribute, schema_, name_, attribute_)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
    JOIN pg_catalog.pg_attribute AS own ON own.attrelid = c.oid AND own.attname = w.attribute
    JOIN pg_catalog.pg_namespace AS n_ ON n_.nspname = w.schema_
    JOIN pg_catalog.pg_class AS c_ ON c_.relnamespace = n_.oid AND c_.relname = w.name_
    JOIN pg_catalog.pg_attribute AS other
      ON other.attrelid = c_.oid AND other.attname = w.attribute_
    JOIN bases AS whole ON whole.oid = own.atttypid
    JOIN pg_catalog.pg_type AS a ON a.oid = whole.base
    JOIN bases AS element ON element.oid =
      CASE WHEN NOT w.elements THEN own.atttypid WHEN a.typcategory = 'A' THEN a.typelem END
    JOIN pg_catalog.pg_type AS e ON e.oid = element.base
    JOIN bases AS target ON target.oid = other.atttypid
    JOIN pg_catalog.pg_type AS t ON t.oid = target.base
)
SELECT p.number,
       CASE WHEN p.own_type <> p.other_type AND right_.typtype = 'p'
            THEN pg_catalog.format_type(p.other_type, NULL) END,
       p.own_type NOT IN (p.other_type, o.oprright) AND coalesce(x.castmethod <> 'b', true),
       CASE WHEN p.elements AND p.own_type = p.other_type THEN
            ARRAY(SELECT f.amopfamily FROM pg_catalog.pg_amop AS f
                  WHERE f.amopopr = 'pg_catalog.@>(anyarray, anyarray)'::regoperator) END,
       {compared}
FROM pairs AS p
JOIN pg_catalog.pg_attribute AS own
  ON own.attrelid = p.own_relation AND own.attnum = p.own_number
JOIN pg_catalog.pg_attribute AS other
  ON other.attrelid = p.other_relation AND other.attnum = p.other_number
CROSS JOIN LATERAL (
    SELECT o.* FROM pg_catalog.pg_operator AS o
    JOIN pg_catalog.pg_namespace AS s ON s.oid = o.oprnamespace
    WHERE o.oprname = '=' AND (o.oprcanmerge OR o.oprcanhash)
      AND (o.oprleft = p.other_type AND o.oprright IN (p.own_type, p.other_type)
           OR o.oprleft = p.kind AND o.oprright = p.kind)
    ORDER BY o.oprleft = p.other_type AND o.oprright = p.own_type DESC,
             o.oprleft = p.other_type DESC, s.nspname
    LIMIT 1
) AS o
JOIN pg_catalog.pg_namespace AS m ON m.oid = o.oprnamespace
JOIN pg_catalog.pg_type AS left_ ON left_.oid = o.oprleft
JOIN pg_catalog.pg_type AS right_ ON right_.oid = o.oprright
LEFT JOIN pg_catalog.pg_cast AS x
  ON x.castsource = p.own_type
 AND x.casttarget = CASE WHEN right_.typtype = 'p' THEN p.other_type ELSE o.oprright END
WHERE p.own_type IN (p.other_type, o.oprright) OR p.by_text OR x.oid IS NOT NULL
""").format(compared=sql.SQL(_COMPARED))


@frozen
class ComparisonOf:
    """How a pair of columns compares, and what an index must know to serve it.

    Attributes:
        containing: what an index must know to find the arrays that hold a value; None where the
            referencing column is none.

    """

    comparison: Comparison
    served: Served
    containing: Served | None = None


@frozen
class ColumnPair:
    """A column of a table, and the one whose values it, or each of its elements, holds."""

    table: RelationName
    column: str
    references: RelationName
    referenced: str
    elements: bool = False


@frozen
class KeyCompared:
    """How the pairs of a foreign key compare; `period` says whether the last is a PERIOD."""

    pairs: tuple[ComparisonOf, ...]
    period: bool


def compare_foreign_keys(database: DatabaseConnection) -> dict[EdgeName, KeyCompared]:
    """Read how the columns of foreign keys compare, except for keys that partitions inherit."""
    pairs: defaultdict[EdgeName, list[ComparisonOf]] = defaultdict(list)
    periods = {}
    for schema, table, name, period, *compared in database.execute(_FOREIGN_KEYS):
        edge = EdgeName(RelationName(schema, table), name)
        pairs[edge].append(_compared(*compared))
        periods[edge] = period
    return {edge: KeyCompared(tuple(pairs[edge]), period) for edge, period in periods.items()}


def compare_pairs(
    database: DatabaseConnection, pairs: Sequence[ColumnPair]
) -> dict[ColumnPair, ComparisonOf]:
    """Find how columns without a constraint compare; leave out those that cannot be compared."""
    lists = [
        (i, p.elements, *_cell(p.table, p.column), *_cell(p.references, p.referenced))
        for i, p in enumerate(pairs)
    ]
    found = {}
    for number, cast, converts, families, *compared in database.execute(
        _PAIRS, [list(part) for part in zip(*lists, strict=True)] or [[]] * 8
    ):
        found[pairs[number]] = _compared(
            *compared, cast=cast, converts=converts, containing=families
        )
    return found


def _cell(table: RelationName, column: str) -> tuple[str, str, str]:
    return table.schema, table.name, column


def _compared(
    schema: str,
    operator: str,
    own_type: str | None,
    referenced_type: str | None,
    collation: list[str] | None,
    collation_number: int,
    families: list[int],
    *,
    cast: str | None = None,
    converts: bool = False,
    containing: list[int] | None = None,
) -> ComparisonOf:
    return ComparisonOf(
        Comparison(
            schema=schema,
            operator=operator,
            own_type=own_type or cast,
            referenced_type=referenced_type,
            collation=(collation[0], collation[1]) if collation else None,
            converts=converts,
        ),
        Served(collation_number, frozenset(families)),
        None if containing is None else Served(collation_number, frozenset(containing)),
    )
