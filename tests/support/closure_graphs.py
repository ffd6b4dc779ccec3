"""Whole schemas with rows, roots and rules, drawn: tables that reference each other in any way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from attrs import evolve, frozen
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from psycopg import Connection, sql

from replant.closure.closure_request import ClosureRequest, Rules
from replant.model import Catalog, Column, ForeignKey, RelationName, Table
from replant.model.closure_rules import Children, EdgeRule, Root
from replant.model.references import (
    ArrayReference,
    DeclaredReference,
    EdgeName,
    PlainReference,
    PolymorphicReference,
    PolymorphicTarget,
    from_declared,
)
from replant.testing.generation.row_strategies import Registry, rows_for
from replant.testing.rows import Rows, insert_rows

SCHEMAS = ("r", "s")

_NUMBERS = st.lists(st.sampled_from("0123"), min_size=1, max_size=3).map(
    lambda n: "{" + ",".join(n) + "}"
)

#: Few values, so that they meet. `1` and `01` are one number.
_VALUES: Mapping[str, SearchStrategy[str]] = {
    "integer": st.sampled_from("01234567"),
    "text": st.sampled_from(("", "a", "B", "é", "b c", '"')),
    "character varying": st.sampled_from(("0", "1", "01", "2", "3")),
    "integer[]": _NUMBERS,
    "bigint[]": _NUMBERS,
    '"char"': st.sampled_from("xyz"),
}

#: Columns of every table that are not part of a key. `n` tells its rows apart, though no constraint
#: says so; the others reference by convention, or not.
_BESIDE = (
    Column("n", "integer", not_null=True),
    Column("v", "character varying", collatable=True),
    Column("small", "integer[]"),
    Column("big", "bigint[]"),
    Column("kind", '"char"'),
)

_KEYS = ((), (("k0",),), (("k0", "k1"),), (("k0",), ("k1", "k0")))

Cells = tuple[RelationName, tuple[str, ...]]


@frozen
class Drawn:
    """A schema with rows, and what a closed set is to be grown from and by.

    Attributes:
        catalog: the tables; not all of their foreign keys are constraints of the database.
        undeclared: those that are none, and are declared beside it.
        declared: all references that are declared beside it.
        indexed: columns that have an index.
        partitioned: tables that have partitions, with the column that says in which a row lies.

    """

    catalog: Catalog
    undeclared: frozenset[EdgeName]
    declared: tuple[DeclaredReference, ...]
    indexed: frozenset[Cells]
    partitioned: Mapping[RelationName, str]
    rows: Rows
    request: ClosureRequest

    def deploy(self, connection: Connection[Any]) -> None:
        """Create the tables, insert the rows, and then create the keys and indexes."""
        statements = [sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(s)) for s in SCHEMAS]
        for table in self.catalog.tables.values():
            statements += _create(table, self.partitioned.get(table.name))
        connection.execute(sql.SQL("; ").join(statements))
        insert_rows(connection, self.rows)
        statements = [
            _constraint(key)
            for table in self.catalog.tables.values()
            for key in table.foreign_keys
            if EdgeName(key.table, key.name) not in self.undeclared
        ]
        statements += [_index(self.catalog.tables[t], c) for t, c in sorted(self.indexed)]
        if statements:
            connection.execute(sql.SQL("; ").join(statements))


@st.composite
def drawn_graphs(draw: DrawFn, *, most_tables: int = 4, most_rows: int = 4) -> Drawn:
    """One to four tables in two schemas, foreign keys and other references, rows, a request."""
    names = draw(
        st.lists(
            st.builds(RelationName, st.sampled_from(SCHEMAS), st.sampled_from("abc")),
            min_size=1,
            max_size=most_tables,
            unique=True,
        )
    )
    tables = {name: _table(draw, name) for name in names}
    tables = _with_foreign_keys(draw, tables)
    catalog = Catalog("drawn", "drawn", 0, tables)
    edges = [EdgeName(n, key.name) for n, table in tables.items() for key in table.foreign_keys]
    undeclared = draw(st.frozensets(st.sampled_from(edges), max_size=2)) if edges else frozenset()
    declared = (*_beside(draw, names), *(_as_declared(tables, edge) for edge in sorted(undeclared)))
    registry = Registry(types=_VALUES, unique={name: [("n",)] for name in names})
    rows = draw(rows_for(catalog, rows=(1, most_rows), registry=registry))
    others = [reference.edge for item in declared for reference in from_declared(item)]
    every_edge = [*(edge for edge in edges if edge not in undeclared), *others]
    return Drawn(
        catalog=catalog,
        undeclared=undeclared,
        declared=declared,
        indexed=frozenset(cell for cell in _indexable(tables) if draw(st.booleans())),
        partitioned=_partitioned(draw, tables),
        rows=rows,
        request=ClosureRequest(_roots(draw, rows), _rules(draw, names, every_edge)),
    )


@st.composite
def shuffled(draw: DrawFn, catalog: Catalog) -> Catalog:
    """The catalog as another might hand it over: its tables and their keys in another order."""
    names = draw(st.permutations(list(catalog.tables)))
    keys = {name: draw(st.permutations(catalog.tables[name].foreign_keys)) for name in names}
    return evolve(
        catalog,
        tables={n: evolve(catalog.tables[n], foreign_keys=tuple(keys[n])) for n in names},
    )


# -- tables --------------------------------------------------------------------------------------


def _table(draw: DrawFn, name: RelationName) -> Table:
    keys = draw(st.sampled_from(_KEYS))
    primary = bool(keys) and draw(st.booleans())
    columns = [
        _column(draw, column, not_null=primary and column in keys[0])
        for column in sorted({column for key in keys for column in key})
    ]
    return Table(
        name=name,
        columns=(*_BESIDE, *columns),
        primary_key=keys[0] if primary else (),
        unique_keys=keys[1:] if primary else keys,
    )


def _column(draw: DrawFn, name: str, *, not_null: bool) -> Column:
    kind = draw(st.sampled_from(("integer", "text")))
    return Column(name, kind, not_null=not_null or draw(st.booleans()), collatable=kind == "text")


def _with_foreign_keys(
    draw: DrawFn, tables: Mapping[RelationName, Table]
) -> dict[RelationName, Table]:
    targets = [
        (name, key)
        for name, table in tables.items()
        for key in (*([table.primary_key] if table.primary_key else []), *table.unique_keys)
    ]
    number = count()
    grown = dict(tables)
    for name in tables if targets else ():
        for target, key in draw(st.lists(st.sampled_from(targets), max_size=3)):
            grown[name] = _with_foreign_key(draw, grown[name], tables[target], key, next(number))
    return grown


def _with_foreign_key(
    draw: DrawFn, table: Table, other: Table, referenced: tuple[str, ...], number: int
) -> Table:
    """The table with one more key, on columns of its own, of which the first may be shared."""
    columns, more = [], []
    for place, name in enumerate(referenced):
        target = other.column(name)
        assert target is not None
        shared = table.column("k0") if place == 0 and table.name != other.name else None
        if shared and shared.type == target.type and draw(st.booleans()):
            columns.append("k0")
            continue
        own = evolve(target, name=f"f{number}_{place}", not_null=draw(st.booleans()))
        columns.append(own.name)
        more.append(own)
    key = ForeignKey(
        f"fk{number}", table.name, tuple(columns), other.name, referenced, draw(st.booleans())
    )
    return evolve(
        table,
        columns=(*table.columns, *more),
        foreign_keys=(*table.foreign_keys, key),
    )


def _indexable(tables: Mapping[RelationName, Table]) -> list[Cells]:
    cells = [(name, key.columns) for name, table in tables.items() for key in table.foreign_keys]
    beside: tuple[tuple[str, ...], ...] = (("n",), ("v",), ("kind", "n"), ("small",), ("big",))
    return [*cells, *((name, columns) for name in tables for columns in beside)]


def _partitioned(draw: DrawFn, tables: Mapping[RelationName, Table]) -> dict[RelationName, str]:
    """Tables of which every unique key has the column by which they are divided."""
    return {
        name: "k0" if table.column("k0") else "n"
        for name, table in tables.items()
        if draw(st.integers(0, 3)) == 0
    }


# -- references without a constraint ------------------------------------------------------------


def _beside(draw: DrawFn, names: Sequence[RelationName]) -> list[DeclaredReference]:
    """References by convention: by value, by value of another type, from arrays, by kind."""
    table = st.sampled_from(list(names))
    columns = st.sampled_from((("n",), ("v",)))
    plain = st.builds(PlainReference, table, columns, table, st.just(("n",)))
    array = st.builds(ArrayReference, table, st.sampled_from(("small", "big")), table, st.just("n"))
    targets = st.lists(
        st.builds(PolymorphicTarget, st.sampled_from("xy"), table, st.just(("n",))),
        min_size=1,
        max_size=2,
        unique_by=lambda target: target.value,
    ).map(tuple)
    polymorphic = st.builds(PolymorphicReference, table, st.just("kind"), columns, targets)
    drawn = draw(st.lists(array | polymorphic | plain, max_size=3))
    return [evolve(item, name=f"d{number}") for number, item in enumerate(drawn)]


def _as_declared(tables: Mapping[RelationName, Table], edge: EdgeName) -> PlainReference:
    key = next(key for key in tables[edge.table].foreign_keys if key.name == edge.name)
    return PlainReference(
        key.table, key.columns, key.references, key.referenced_columns, f"{key.name}_declared"
    )


# -- what is asked -------------------------------------------------------------------------------


def _roots(draw: DrawFn, rows: Rows) -> tuple[Root, ...]:
    """One or two roots, each of some rows of a table."""
    numbers = {name: [row["n"] for row in held] for name, held in rows.items() if held}
    if not numbers:
        reject()
    roots = []
    for name in draw(st.lists(st.sampled_from(sorted(numbers)), min_size=1, max_size=2)):
        chosen = draw(st.lists(st.sampled_from(numbers[name]), min_size=1, max_size=2, unique=True))
        roots.append(Root(name, f"n IN ({', '.join(map(str, chosen))}) -- chosen"))
    return tuple(roots)


def _rules(draw: DrawFn, names: Sequence[RelationName], edges: Sequence[EdgeName]) -> Rules:
    children = st.sampled_from(Children)
    rule = st.builds(EdgeRule, st.none() | children, st.none() | st.integers(1, 2))
    return Rules(
        children=draw(st.just(Children.FROM_ROOTS) | children),
        tables=draw(st.dictionaries(st.sampled_from(list(names)), children, max_size=2)),
        edges=draw(st.dictionaries(st.sampled_from(sorted(edges)), rule, max_size=2))
        if edges
        else {},
    )


# -- as statements -------------------------------------------------------------------------------


def _create(table: Table, divided_by: str | None) -> list[sql.Composed]:
    parts = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.type),
            sql.SQL(" NOT NULL" if column.not_null else ""),
        )
        for column in table.columns
    ]
    if table.primary_key:
        parts.append(sql.SQL("PRIMARY KEY ({})").format(_names(table.primary_key)))
    parts += [
        sql.SQL("CONSTRAINT {} UNIQUE ({})").format(
            sql.Identifier(f"{table.name.name}_u{number}"), _names(key)
        )
        for number, key in enumerate(table.unique_keys)
    ]
    statement = sql.SQL("CREATE TABLE {} ({})").format(
        _relation(table.name), sql.SQL(", ").join(parts)
    )
    if divided_by is None:
        return [statement]
    partition = "CREATE TABLE {} PARTITION OF {} FOR VALUES WITH (MODULUS 2, REMAINDER {})"
    return [
        statement + sql.SQL(" PARTITION BY HASH ({})").format(sql.Identifier(divided_by)),
        *(
            sql.SQL(partition).format(
                sql.Identifier(table.name.schema, f"{table.name.name}_{part}"),
                _relation(table.name),
                sql.Literal(part),
            )
            for part in range(2)
        ),
    ]


def _constraint(key: ForeignKey) -> sql.Composed:
    statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})")
    return statement.format(
        _relation(key.table),
        sql.Identifier(key.name),
        _names(key.columns),
        _relation(key.references),
        _names(key.referenced_columns),
    ) + sql.SQL(" DEFERRABLE INITIALLY DEFERRED" if key.deferrable else "")


def _index(table: Table, columns: Sequence[str]) -> sql.Composed:
    first = table.column(columns[0])
    assert first is not None
    method = "gin" if first.type.endswith("[]") else "btree"
    return sql.SQL("CREATE INDEX ON {} USING {} ({})").format(
        _relation(table.name), sql.SQL(method), _names(columns)
    )


def _relation(name: RelationName) -> sql.Identifier:
    return sql.Identifier(name.schema, name.name)


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
