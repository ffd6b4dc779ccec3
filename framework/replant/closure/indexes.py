"""Reads the indexes of each table, to find out which comparisons they serve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from attrs import frozen

from replant.database.connections import DatabaseConnection
from replant.model import RelationName

# INCLUDE columns are no part of an index's key. A partial index serves too if it leaves out nothing
# but NULLs, which reference nothing.
_INDEXES = """
SELECT n.nspname, c.relname,
       ARRAY(SELECT a.attname
             FROM pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
             LEFT JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND a.attnum <> 0
             WHERE k.place <= i.indnkeyatts ORDER BY k.place),
       ARRAY(SELECT o.opcfamily
             FROM pg_catalog.unnest(i.indclass::oid[]) WITH ORDINALITY AS k (opclass, place)
             JOIN pg_catalog.pg_opclass AS o ON o.oid = k.opclass ORDER BY k.place),
       ARRAY(SELECT k.oid
             FROM pg_catalog.unnest(i.indcollation::oid[]) WITH ORDINALITY AS k (oid, place)
             ORDER BY k.place),
       i.indpred IS NOT NULL,
       (SELECT a.attname FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = i.indrelid AND a.attnum > 0
          AND pg_catalog.pg_get_expr(i.indpred, i.indrelid)
              = pg_catalog.format('(%I IS NOT NULL)', a.attname))
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE i.indisvalid
"""


@frozen
class Served:
    """What an index must know of a column's comparison to serve it.

    Attributes:
        collation: `pg_collation.oid` of the comparison, 0 for none.
        families: operator families that know the operator.

    """

    collation: int
    families: frozenset[int]


@frozen
class Index:
    """The key of an index.

    Attributes:
        columns: None where an expression stands.
        not_null: the column whose NULLs it leaves out, if it leaves out nothing else.

    """

    columns: tuple[str | None, ...]
    families: tuple[int, ...]
    collations: tuple[int, ...]
    is_partial: bool
    not_null: str | None

    def serves(self, wanted: Mapping[str, Served]) -> bool:
        """Return whether the index begins with these columns and can compare them so."""
        if self.is_partial and self.not_null not in wanted:
            return False
        heads = zip(self.columns, self.collations, self.families, strict=True)
        found = {
            column
            for column, collation, family in list(heads)[: len(wanted)]
            if column is not None
            and column in wanted
            and collation == wanted[column].collation
            and family in wanted[column].families
        }
        return len(found) == len(wanted)


Indexes = Mapping[RelationName, Sequence[Index]]


def read_indexes(database: DatabaseConnection) -> Indexes:
    """Read the valid indexes of every table."""
    indexes: defaultdict[RelationName, list[Index]] = defaultdict(list)
    rows = database.execute(_INDEXES.encode())
    for schema, name, columns, families, collations, is_partial, not_null in rows:
        indexes[RelationName(schema, name)].append(
            Index(tuple(columns), tuple(families), tuple(collations), is_partial, not_null)
        )
    return indexes
