"""Cuts the rows of a table into slices of the key order, each of which is read by itself.

The bounds come from a sample, so slices are about equal in size; wherever they lie, the slices
together have every row once, in order.
"""

from __future__ import annotations

from itertools import pairwise

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.model import PlannedTable, RelationName, Selection
from replant.sql import row_queries as queries
from replant.sql.fingerprints import Block

#: A table with fewer rows is one slice: to start a task costs as much as to read so many.
FEWEST_ROWS = 50_000

#: Where rows lie in the order of their key, a slice has about so many rows, and is one piece of
#: the table.
_ROWS_OF_A_PIECE = 250_000
_CORRELATED = 0.9

#: Else each slice reads most of the table's pages, which is cheap while they are in memory.
_LARGEST_SCATTERED = 4 << 30

#: So many slices each process reads, at least: the first ones are written meanwhile.
_SLICES_OF_A_JOB = 4

#: How many rows are looked at to find a bound.
_SAMPLED = 100

_PHYSICAL = sql.SQL(
    "SELECT coalesce((SELECT max(abs(s.correlation)) FROM pg_catalog.pg_stats AS s"
    " WHERE (s.schemaname, s.tablename, s.attname) = ({0}, {1}, {2})), 0),"
    " pg_catalog.pg_table_size(({3})::regclass)"
)


def cut_slices(
    database: DatabaseConnection,
    selection: Selection,
    table: PlannedTable,
    jobs: int,
    like: tuple[Block, ...] = (),
) -> list[tuple[sql.Composed, tuple[Block, ...]]]:
    """Compose the queries that together read what `queries.fields` does.

    The columns of the key must be NOT NULL in this database.

    Args:
        database: where the rows are.
        selection: the chosen rows of every table.
        table: whose rows are read; its `row_count` says how many are expected.
        jobs: how many slices are read at the same time.
        like: the blocks of the rows with which these are compared. A slice has whole blocks.

    Returns:
        The query of each slice, and those of the blocks that are compared with its rows.

    """
    parts = _part_count(database, table, jobs)
    if parts == 1:
        return [(queries.fields(selection, table), like)]
    bounds: list[tuple[str, ...]]
    if like:
        ends = [len(like) * part // parts for part in range(parts + 1)]
        blocks = [like[low:high] for low, high in pairwise(ends) if low < high]
        bounds = [run[0].key for run in blocks[1:]]
    else:
        share = min(1.0, parts * _SAMPLED / table.row_count)
        sample = queries.key_sample(selection, table, share, parts)
        bounds = [tuple(key) for key in database.execute(sample)]
        blocks = [()] * (len(bounds) + 1)
    read = [
        queries.fields_between(selection, table, low, high)
        for low, high in pairwise([None, *bounds, None])
    ]
    return list(zip(read, blocks, strict=True))


def _part_count(database: DatabaseConnection, table: PlannedTable, jobs: int) -> int:
    if table.row_count < FEWEST_ROWS or not table.key or jobs == 1:
        return 1
    correlation, size = _physical(database, table.name, table.key[0])
    if correlation >= _CORRELATED and table.key[0] not in table.collatable:
        return max(jobs * _SLICES_OF_A_JOB, table.row_count // _ROWS_OF_A_PIECE)
    return jobs * _SLICES_OF_A_JOB if size < _LARGEST_SCATTERED else 1


def _physical(database: DatabaseConnection, name: RelationName, column: str) -> tuple[float, int]:
    """Return how much a column follows the order on disk, from 0 to 1, and the table's bytes."""
    relation = sql.Literal(sql.Identifier(name.schema, name.name).as_string(database))
    query = _PHYSICAL.format(
        sql.Literal(name.schema), sql.Literal(name.name), sql.Literal(column), relation
    )
    correlation, size = database.execute(query).fetchone() or (0.0, 0)
    return float(correlation), int(size)
