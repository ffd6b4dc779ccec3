"""Composes the queries of a search: from rows at known locations to the locations of others.

Their rows are records, which come in binary form as one value: relation and place (`tableoid`,
`ctid`) of a row that was found; where it was found from another, the place of that before them.
None of these is ever NULL, so all records of a query have one length.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from replant.closure.reference_conditions import elements, references
from replant.database import sql
from replant.model import RelationKind, RelationName
from replant.model.closure_rules import Root
from replant.model.references import Leaf, Reference, ReferenceGraph
from replant.model.samples import Sample
from replant.sql.row_hash import RowHash, sampled
from replant.sql.row_text import text_order

#: A block of a relation, and a line pointer in it: what a `ctid` is made of.
Pointer = tuple[int, int]


@frozen
class Source:
    """What rows are read from.

    Attributes:
        only: whether the rows of inheritance children are kept out by ONLY.
        leaves: the relations whose rows are meant, by oid; empty for all.
        null: a column that is NULL in the rows that are meant; None for no such column.
        share: the share of the rows that is meant, with how they are hashed; None for all.

    """

    table: RelationName
    only: bool
    leaves: tuple[int, ...] = ()
    null: str | None = None
    share: tuple[RowHash, Sample] | None = None


@frozen
class Order:
    """By which columns the rows of a table are told apart; by their whole text if by none.

    Attributes:
        collatable: those of the columns whose order needs a collation named.
        recoded: whether the encoding of the database orders texts otherwise than UTF-8 does.
        first: how rows are hashed, and by which sample, where the smallest hash comes first; None
            for the order of the columns alone.

    """

    columns: tuple[str, ...]
    collatable: frozenset[str]
    recoded: bool
    first: tuple[RowHash, Sample] | None = None


def root_rows(root: Root, source: Source, row_hash: RowHash | None = None) -> sql.Composed:
    """Query the rows that a predicate chooses, or those of them that are in the root's sample.

    The predicate gets a query with nothing but the table in sight, and a line end, so a comment at
    its end does no harm.
    """
    chosen = sql.SQL("({}\n) AND {}").format(
        sql.SQL(root.predicate), _leaves(sql.Identifier("tableoid"), source)
    )
    if root.sample is not None and row_hash is not None:
        chosen = sampled(row_hash, root.sample, _relation(source), chosen)
    return sql.SQL("SELECT ROW(tableoid, ctid) FROM {} WHERE {}").format(_relation(source), chosen)


def first_rows(root: Root, source: Source, order: Order, most: int) -> sql.Composed:
    """Query how many rows a predicate chooses, with relation and location of the first of them."""
    chosen = sql.SQL("(SELECT tableoid, ctid, * FROM {} WHERE ({}\n) AND {})").format(
        _relation(source), sql.SQL(root.predicate), _leaves(sql.Identifier("tableoid"), source)
    )
    return sql.SQL(
        "SELECT count(*) OVER (), s.tableoid, s.ctid::text FROM {} AS s ORDER BY {} LIMIT {}"
    ).format(chosen, _ordered("s", order), sql.Literal(most))


def referenced_rows(
    reference: Reference, start: Source, pointers: Sequence[Pointer], end: Source
) -> sql.Composed:
    """Query the rows that the rows at these locations reference, each with the first of those."""
    source = sql.SQL("{} AS s{} JOIN {} AS f ON {}").format(
        _relation(start),
        elements(reference, "s") if reference.elements else sql.SQL(""),
        _relation(end),
        references(reference, own="s", other="f"),
    )
    if end.null is not None:
        source += sql.SQL(" AND f.{} IS NULL").format(sql.Identifier(end.null))
    return _first_places(_neighbours(source, start, pointers, end))


def referencing_rows(
    reference: Reference,
    start: Source,
    pointers: Sequence[Pointer],
    end: Source,
    *,
    limit: int | None = None,
    order: Order,
) -> sql.Composed:
    """Query the rows that reference the rows at these locations, at most `limit` for each of them.

    Where a row may reference several rows, it comes with the first of their places.
    """
    if limit is None:
        source = sql.SQL("{} AS s JOIN {} ON {}").format(
            _relation(start), _referencing(reference, end), _found_references(reference)
        )
        found = _neighbours(source, start, pointers, end)
    elif reference.indexed:
        found = _limited_by_index(reference, start, pointers, end, limit, order)
    else:
        found = _limited_by_number(reference, start, pointers, end, limit, order)
    return _each_place(found) if reference.unique else _first_places(found)


def key_texts(source: Source, pointers: Sequence[Pointer], columns: Sequence[str]) -> sql.Composed:
    """Query relation, location, and texts of NOT NULL columns of the rows at these locations."""
    texts = [
        sql.SQL("pg_catalog.format('%s', {})").format(sql.Identifier("s", name)) for name in columns
    ]
    wanted = sql.SQL(", ").join([sql.SQL("s.tableoid"), sql.SQL("s.ctid::text"), *texts])
    return sql.SQL("SELECT {} FROM {} AS s WHERE {}").format(
        wanted, _relation(source), _at("s", source, pointers)
    )


def planned(query: sql.Composable) -> sql.Composed:
    """Compose the statement that returns the plan of a query; it reads no row."""
    return sql.SQL("EXPLAIN (FORMAT json) {}").format(query)


def all_rows(source: Source) -> sql.Composed:
    """Query all rows, without a column."""
    return sql.SQL("SELECT FROM {} WHERE {}").format(
        _relation(source) + sql.SQL(" AS s"), _in("s", source)
    )


# -- neighbours ----------------------------------------------------------------------------------


def _neighbours(
    source: sql.Composable, start: Source, pointers: Sequence[Pointer], end: Source
) -> sql.Composed:
    return sql.SQL(
        "SELECT s.ctid AS place, f.tableoid AS relation, f.ctid AS found FROM {} WHERE {} AND {}"
    ).format(source, _at("s", start, pointers), _in("f", end))


def _limited_by_index(
    reference: Reference,
    start: Source,
    pointers: Sequence[Pointer],
    end: Source,
    limit: int,
    order: Order,
) -> sql.Composed:
    """Query the first referencing rows of each row in turn, found by an index."""
    return sql.SQL(
        "SELECT s.ctid AS place, f.relation, f.found FROM {} AS s CROSS JOIN LATERAL ("
        "SELECT f.tableoid AS relation, f.ctid AS found FROM {} WHERE {} AND {} "
        "ORDER BY {} LIMIT {}) AS f WHERE {}"
    ).format(
        _relation(start),
        _referencing(reference, end),
        _found_references(reference),
        _in("f", end),
        _ordered("f", order),
        sql.Literal(limit),
        _at("s", start, pointers),
    )


def _limited_by_number(
    reference: Reference,
    start: Source,
    pointers: Sequence[Pointer],
    end: Source,
    limit: int,
    order: Order,
) -> sql.Composed:
    """Query all referencing rows at once and number them, as there is no index."""
    return sql.SQL(
        "SELECT n.place, n.relation, n.found FROM ("
        "SELECT s.ctid AS place, f.tableoid AS relation, f.ctid AS found, "
        "pg_catalog.row_number() OVER (PARTITION BY s.ctid ORDER BY {}) AS number "
        "FROM {} AS s JOIN {} ON {} WHERE {} AND {}) AS n WHERE n.number <= {}"
    ).format(
        _ordered("f", order),
        _relation(start),
        _referencing(reference, end),
        _found_references(reference),
        _at("s", start, pointers),
        _in("f", end),
        sql.Literal(limit),
    )


def _each_place(found: sql.Composable) -> sql.Composed:
    return sql.SQL("SELECT ROW(q.place, q.relation, q.found) FROM ({}) AS q").format(found)


def _first_places(found: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "SELECT ROW(pg_catalog.min(q.place), q.relation, q.found) FROM ({}) AS q "
        "GROUP BY q.relation, q.found"
    ).format(found)


# -- who references whom --------------------------------------------------------------------------


def _referencing(reference: Reference, end: Source) -> sql.Composable:
    """Compose the JOIN that gives `f` the rows that may reference."""
    rows = sql.SQL("{} AS f").format(_relation(end))
    if not reference.elements or reference.indexed:
        return rows
    return sql.SQL("({}{})").format(rows, elements(reference, "f"))


def _found_references(reference: Reference) -> sql.Composable:
    """Test that the row under `f` references the row under `s`."""
    if not reference.elements or not reference.indexed:
        return references(reference, own="f", other="s")
    # Only a containment is what an index on an array knows.
    (pair,) = reference.pairs
    assert reference.array_type is not None
    return sql.SQL("{} OPERATOR(pg_catalog.@>) ARRAY[{}]::{}").format(
        sql.Identifier("f", pair.column),
        sql.Identifier("s", pair.referenced),
        sql.SQL(reference.array_type),
    )


# -- which rows ----------------------------------------------------------------------------------


def _relation(source: Source) -> sql.Composable:
    name = sql.Identifier(source.table.schema, source.table.name)
    return sql.SQL("ONLY {}").format(name) if source.only else name


def _in(alias: str, source: Source) -> sql.Composable:
    leaves = _leaves(sql.Identifier(alias, "tableoid"), source)
    if source.share is None:
        return leaves
    row_hash, sample = source.share
    return sql.SQL("{} AND {}").format(leaves, row_hash.in_share(sample, alias))


def _leaves(relation: sql.Composable, source: Source) -> sql.Composable:
    if not source.leaves:
        return sql.SQL("true")
    return sql.SQL("{} = ANY ('{{{}}}'::oid[])").format(
        relation, sql.SQL(",".join(map(str, source.leaves)))
    )


def _at(alias: str, source: Source, pointers: Sequence[Pointer]) -> sql.Composable:
    listed = ",".join([f'"({block},{line})"' for block, line in pointers])
    return sql.SQL("{} AND {} = ANY ('{{{}}}'::tid[])").format(
        _in(alias, source), sql.Identifier(alias, "ctid"), sql.SQL(listed)
    )


def _ordered(alias: str, order: Order) -> sql.Composable:
    """Order by the key, texts by bytes, so that no locale of the server decides.

    What has a collation is ordered by its text: arrays and domains, so that every database takes
    the same rows.
    """
    if not order.columns:
        row = text_order(sql.SQL("({}.*)").format(sql.Identifier(alias)), recoded=order.recoded)
        return sql.SQL("{}, {alias}.tableoid, {alias}.ctid").format(
            row, alias=sql.Identifier(alias)
        )
    values = ((name, sql.Identifier(alias, name)) for name in order.columns)
    columns = sql.SQL(", ").join(
        text_order(value, recoded=order.recoded) if name in order.collatable else value
        for name, value in values
    )
    if order.first is None:
        return columns
    row_hash, sample = order.first
    return sql.SQL("{}, {}").format(row_hash.hashed(sample, alias), columns)


# -- what the queries read from ------------------------------------------------------------------


def leaf_source(root: RelationName, leaf: Leaf) -> Source:
    """Return what to read a leaf's rows from: itself if the role may read it, else its root.

    Privileges on a partitioned table are none on its partitions.
    """
    if leaf.name == root or leaf.direct:
        return Source(leaf.name, only=True)
    return Source(root, only=False, leaves=(leaf.oid,))


def table_source(graph: ReferenceGraph, name: RelationName) -> Source:
    """Return what to read a table's rows from; a partition's through its root, unless it is a leaf.

    ONLY keeps the rows of inheritance children out, as a foreign key does. A partitioned table has
    its rows nowhere but in its partitions.
    """
    storage = graph.storage[name]
    if name == storage.root:
        return Source(name, only=graph.tables[name].kind is RelationKind.TABLE)
    if len(storage.leaves) == 1 and storage.leaves[0].name == name:
        return leaf_source(storage.root, storage.leaves[0])
    return Source(storage.root, only=False, leaves=tuple(leaf.oid for leaf in storage.leaves))


def order_of(graph: ReferenceGraph, name: RelationName) -> Order:
    """Return the columns by which the rows of a table are ordered and identified."""
    table = graph.tables[name]
    columns = table.identifying_columns
    collatable = {column.name for column in table.columns if column.collatable}
    return Order(columns, frozenset(collatable.intersection(columns)), table.recoded)
