"""The structure of a database without its rows: copied by `pg_dump`, and looked at for drawing.

A connection string comes in; statements, or what only the server can say of a catalog, come out.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from attrs import evolve
from psycopg import Connection

from replant.model import Catalog, RelationName

# Each leaf has the constraints of the partitions above it as well.
_PARTITIONS = r"""
SELECT n.nspname, c.relname, pg_catalog.pg_get_partition_constraintdef(p.relid)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) AS p
WHERE c.relkind = 'p' AND NOT c.relispartition AND p.isleaf
ORDER BY 1, 2, p.relid
"""


def with_partition_bounds(connection: Connection[Any], catalog: Catalog) -> Catalog:
    """The catalog with a check on each partitioned table: its rows belong in some partition.

    It locks every partition for a moment, as any query on the table does.
    """
    bounds: defaultdict[RelationName, list[str]] = defaultdict(list)
    for schema, name, constraint in connection.execute(_PARTITIONS.encode()):
        bounds[RelationName(schema, name)].append(constraint or "true")
    checked = {
        name: evolve(table, checks=(*table.checks, f"CHECK ({' OR '.join(bounds[name])})"))
        for name, table in catalog.tables.items()
        if name in bounds
    }
    return evolve(catalog, tables={**catalog.tables, **checked})
