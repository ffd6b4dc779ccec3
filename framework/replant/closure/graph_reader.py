"""Reads the graph of references that a closed set follows: a catalog in, a graph out.

To what the catalog tells of foreign keys, and to what was declared beside them, come the operators
that compare the columns, whether an index serves, and where the rows of each table lie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from replant.closure.comparisons import (
    ColumnPair,
    ComparisonOf,
    compare_foreign_keys,
    compare_pairs,
)
from replant.closure.indexes import Indexes, Served, read_indexes
from replant.database.connections import DatabaseConnection
from replant.database.session_settings import qualified_names
from replant.errors import ConfigurationError
from replant.model import Catalog, RelationName
from replant.model.references import (
    DeclaredReference,
    EdgeName,
    Leaf,
    Reference,
    ReferenceGraph,
    Storage,
    from_declared,
    from_foreign_key,
)

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


def read_reference_graph(
    database: DatabaseConnection, catalog: Catalog, declared: Sequence[DeclaredReference] = ()
) -> ReferenceGraph:
    """Read the graph of a catalog's foreign keys and of the references declared beside them.

    Raises:
        ConfigurationError: a declared reference names a table or column that is not there, has
            the name of another, or its types cannot be compared.

    """
    graph = read_uncompared_graph(database, catalog, declared)
    keys = _keys_of(catalog)
    beside = [reference for reference in graph.references if reference.edge not in keys]
    with qualified_names(database):
        indexes = read_indexes(database)
        references = [*_foreign_keys(database, keys, indexes)]
        if beside:
            references += _declared(database, catalog, beside, indexes)
    return evolve(graph, references=tuple(references))


def read_uncompared_graph(
    database: DatabaseConnection, catalog: Catalog, declared: Sequence[DeclaredReference] = ()
) -> ReferenceGraph:
    """Read the graph without comparisons and indexes: enough to know what can be reached.

    Raises:
        ConfigurationError: a declared reference names a table or column that is not there, or has
            the name of another.

    """
    tables = {name: table for name, table in catalog.tables.items() if table.kind.holds_rows}
    keys = _keys_of(catalog)
    beside = _check_declared(catalog, keys, declared)
    storage = {name: held for name, held in _read_storage(database).items() if name in tables}
    return ReferenceGraph(catalog.role, tables, storage, (*keys.values(), *beside))


def _keys_of(catalog: Catalog) -> dict[EdgeName, Reference]:
    """Return the foreign keys as references, by name."""
    return {
        EdgeName(key.relation, key.name): evolve(
            from_foreign_key(key), table=key.relation, references=key.referenced_relation
        )
        for table in catalog.tables.values()
        if table.kind.holds_rows
        for key in table.foreign_keys
    }


def _foreign_keys(
    database: DatabaseConnection, keys: Mapping[EdgeName, Reference], indexes: Indexes
) -> Iterator[Reference]:
    compared = compare_foreign_keys(database)
    for edge, key in keys.items():
        pairs = compared[edge].pairs
        reference = _with_comparisons(key, pairs)
        yield evolve(
            reference,
            unique=not compared[edge].period,
            indexed=_is_served(indexes, key.table, key.columns, [p.served for p in pairs]),
        )


def _check_declared(
    catalog: Catalog, keys: Mapping[EdgeName, Reference], declared: Iterable[DeclaredReference]
) -> list[Reference]:
    """Check that declared references have names of their own, and tables and columns that exist."""
    known = dict(keys)
    found = []
    for reference in (reference for item in declared for reference in from_declared(item)):
        other = known.setdefault(reference.edge, reference)
        if other is not reference:
            raise ConfigurationError(
                f"{reference} is declared under the name {reference.edge}, which is that of "
                f"{other}; give it another"
            )
        only = [reference.only.column] if reference.only is not None else []
        _check_columns(catalog, reference, reference.table, [*only, *reference.columns])
        _check_columns(catalog, reference, reference.references, reference.referenced_columns)
        found.append(reference)
    return found


def _check_columns(
    catalog: Catalog, reference: Reference, name: RelationName, columns: Iterable[str]
) -> None:
    table = catalog.tables.get(name)
    if table is None or not table.kind.holds_rows:
        raise ConfigurationError(
            f"{reference} is declared, but the database {catalog.database!r} has no table {name}"
        )
    for column in columns:
        if table.column(column) is None:
            raise ConfigurationError(
                f"{reference} is declared, but {name} has no column {column!r}"
            )


def _declared(
    database: DatabaseConnection,
    catalog: Catalog,
    references: Sequence[Reference],
    indexes: Indexes,
) -> Iterator[Reference]:
    compared = compare_pairs(
        database, [pair for reference in references for pair in _column_pairs(reference)]
    )
    for reference in references:
        wanted = _column_pairs(reference)
        missing = next((pair for pair in wanted if pair not in compared), None)
        if missing is not None:
            raise ConfigurationError(_incomparable(catalog, reference, missing))
        yield _completed(catalog, reference, [compared[pair] for pair in wanted], indexes)


def _column_pairs(reference: Reference) -> list[ColumnPair]:
    """Return the pairs to compare; a column that chooses a target is compared with its own value.

    It comes last.
    """
    table, only = reference.table, reference.only
    pairs = [
        ColumnPair(table, pair.column, reference.references, pair.referenced, reference.elements)
        for pair in reference.pairs
    ]
    return pairs if only is None else [*pairs, ColumnPair(table, only.column, table, only.column)]


def _completed(
    catalog: Catalog, reference: Reference, compared: Sequence[ComparisonOf], indexes: Indexes
) -> Reference:
    """Complete a declared reference with the server's comparisons and indexes."""
    width = len(reference.pairs)
    table, columns = reference.table, reference.columns
    served = [pair.containing or pair.served for pair in compared]
    if reference.elements:
        indexed = compared[0].containing is not None and _is_served(indexes, table, columns, served)
    else:
        indexed = _is_served(indexes, table, columns, served[:width])
    only = reference.only
    if only is not None:
        indexed = indexed or _is_served(indexes, table, (*columns, only.column), served)
        only = evolve(only, comparison=compared[-1].comparison)
    held = catalog.tables[table].column(columns[0])
    assert held is not None
    return evolve(
        _with_comparisons(reference, compared[:width]),
        only=only,
        indexed=indexed,
        referenced_indexed=_is_served(
            indexes,
            reference.references,
            reference.referenced_columns,
            [pair.served for pair in compared[:width]],
        ),
        array_type=held.type if reference.elements else None,
    )


def _with_comparisons(reference: Reference, compared: Sequence[ComparisonOf]) -> Reference:
    pairs = zip(reference.pairs, compared, strict=True)
    return evolve(
        reference, pairs=tuple(evolve(pair, comparison=c.comparison) for pair, c in pairs)
    )


def _is_served(
    indexes: Indexes, table: RelationName, columns: Sequence[str], served: Sequence[Served]
) -> bool:
    wanted = dict(zip(columns, served, strict=True))
    return any(index.serves(wanted) for index in indexes.get(table, ()))


def _incomparable(catalog: Catalog, reference: Reference, pair: ColumnPair) -> str:
    own = catalog.tables[pair.table].column(pair.column)
    other = catalog.tables[pair.references].column(pair.referenced)
    assert own is not None
    assert other is not None
    elements = "the elements of " if pair.elements else ""
    return (
        f"{reference} is declared, but {elements}{pair.column!r} ({own.type}) and "
        f"{pair.referenced!r} ({other.type}) have no equality in common"
    )


def _read_storage(database: DatabaseConnection) -> dict[RelationName, Storage]:
    """Read the leaves of every table and partition, in the transaction's snapshot."""
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
    """Yield a relation, the table that it is a partition of, and so on to the top."""
    yield oid
    while oid in parents:
        oid = parents[oid]
        yield oid
