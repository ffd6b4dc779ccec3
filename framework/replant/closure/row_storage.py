"""Where the rows of each table lie: in itself, or in the partitions below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from replant.database.connections import DatabaseConnection
from replant.model import RelationName
from replant.model.references import Leaf, Storage

# A role may read the places of rows if it may read the system column, which SELECT on the table
# allows and SELECT on each of its columns does not.
_RELATIONS = """
SELECT n.nspname, c.relname, c.oid, c.relkind = 'f',
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_column_privilege(c.oid, 'ctid', 'SELECT'),
       pg_catalog.row_security_active(c.oid),
       (SELECT i.inhparent FROM pg_catalog.pg_inherits AS i
        WHERE i.inhrelid = c.oid AND c.relispartition)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') OR c.relispartition AND c.relkind = 'f'
ORDER BY n.nspname, c.relname
"""


def read_storage(database: DatabaseConnection) -> dict[RelationName, Storage]:
    """The leaves of every table and partition, as the transaction's snapshot sees them."""
    rows = database.execute(_RELATIONS.encode()).fetchall()
    names = {oid: RelationName(schema, name) for schema, name, oid, *_ in rows}
    may_locate = {oid: may for _, _, oid, _, may, _, _ in rows}
    parents = {oid: parent for _, _, oid, *_, parent in rows if parent is not None}
    inner = set(parents.values())
    leaves: defaultdict[int, list[Leaf]] = defaultdict(list)
    tops = {}
    for _, _, oid, foreign, may, secured, _ in rows:
        line = list(_line(oid, parents))
        tops[oid] = line[-1]
        if oid not in inner:
            leaf = Leaf(oid, names[oid], direct=may and not secured, foreign=foreign)
            for relation in line:
                leaves[relation].append(leaf)
    return {
        name: Storage(names[tops[oid]], tuple(leaves[oid]), may_locate=may_locate[tops[oid]])
        for oid, name in names.items()
    }


def _line(oid: int, parents: Mapping[int, int]) -> Iterator[int]:
    """A relation, the table that it is a partition of, and so on to the top."""
    yield oid
    while oid in parents:
        oid = parents[oid]
        yield oid
