"""Collects what must be known of tables before rows are drawn: a catalog in, a blueprint out.

Everything that can be wrong with what a caller asks for is found here, before any draw.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from attrs import frozen

from replant.model import Catalog, Column, ForeignKey, RelationName, Table
from replant.testing.generation.catalog_values import (
    CatalogValues,
    below_domains,
    broken_check_finder,
)
from replant.testing.generation.narrow_columns import narrow_types
from replant.testing.generation.registry import Accept, Registry
from replant.testing.generation.values import Values
from replant.testing.rows import Row


@frozen
class Tenancy:
    """How rows belong to tenants: see `replant.testing.generation.row_strategies.tenants_for`."""

    root: RelationName
    scope_column: str


@frozen
class TableBlueprint:
    """What the rows of one table are drawn from.

    Attributes:
        table: as the catalog has it.
        columns: the columns that an INSERT names.
        values: the values of each of them.
        scope: the column that holds the scope value, in a table of a tenant.
        shared: whether the table belongs to all tenants.
        references: the columns that foreign keys fill.
        referenced: the columns that foreign keys of drawn tables point to.
        keys: every list of columns that must be unique.
        accept: whether a row is one that the table takes, as its author says.
        broken: the columns of a CHECK constraint that a row is known to break.

    """

    table: Table
    columns: tuple[Column, ...]
    values: Mapping[str, Values]
    scope: str | None
    shared: bool
    references: frozenset[str]
    referenced: frozenset[str]
    keys: tuple[tuple[str, ...], ...]
    accept: Accept
    broken: Callable[[Row], frozenset[str]]

    @property
    def name(self) -> RelationName:
        """The table's name."""
        return self.table.name

    def may_be_null(self, column: str) -> bool:
        """Return whether the column may hold NULL; the scope column of a tenant's row never may."""
        found = self.table.column(column)
        if found is None or found.not_null or column == self.scope:
            return False
        return not self.values[column].required

    def identity(self, key: Sequence[str], row: Row) -> tuple[Hashable, ...] | None:
        """Return the values that identify the row by a key, or None if one of them is NULL."""
        texts = [row[column] for column in key]
        if None in texts:
            return None
        return tuple(
            self.values[column].same(text)
            for column, text in zip(key, texts, strict=True)
            if text is not None
        )


@frozen
class Blueprint:
    """What all rows are drawn from.

    Attributes:
        tables: the tables to draw rows for, by name; those that need others come before them,
            so that shrinking does away with a row before it does with what the row needs.
        keys: the foreign keys between them, in an order in which the columns that a key
            references are filled before the key is.
        checked: the keys that have no place in that order: values that reference nothing go.
        rows: the least and the greatest number of rows of a table.

    """

    tables: Mapping[RelationName, TableBlueprint]
    keys: tuple[ForeignKey, ...]
    checked: tuple[ForeignKey, ...]
    rows: tuple[int, int]
    tenancy: Tenancy | None


def make_blueprint(
    catalog: Catalog,
    tables: Sequence[RelationName] | None,
    *,
    rows: tuple[int, int],
    registry: Registry,
    tenancy: Tenancy | None = None,
) -> Blueprint:
    """Look up and check everything that a draw needs.

    Raises:
        ValueError: see `replant.testing.generation.row_strategies.rows_for` and `tenants_for`.

    """
    check_bounds("rows", rows)
    drawn = _with_needed(catalog, tables)
    _check_mentioned(catalog, drawn, registry)
    if tenancy is not None:
        _check_tenancy(drawn, tenancy)
    # A key from columns to themselves holds for every row.
    keys = [
        key
        for table in drawn.values()
        for key in table.foreign_keys
        if key.references in drawn and filled_by(key)
    ]
    scopes = {name: _scope(table, tenancy) for name, table in drawn.items()}
    shared = _shared(drawn, scopes)
    filling, checked = _in_order(keys, scopes, drawn)
    known = CatalogValues(catalog, registry)
    narrow = narrow_types(drawn, keys)
    plans = {
        name: TableBlueprint(
            table=table,
            columns=tuple(column for column in table.columns if column.writable),
            values=_column_values(table, known, narrow),
            scope=scopes[name],
            shared=tenancy is not None and name in shared,
            references=frozenset(c for key in filling if key.table == name for c in filled_by(key)),
            referenced=frozenset(
                c for key in keys if key.references == name for c in key.referenced_columns
            ),
            keys=_unique_keys(table, registry.unique.get(name, ())),
            accept=registry.accept.get(name, _anything),
            broken=broken_check_finder(table, below_domains(known, table.columns)),
        )
        for name, table in _needing_first(drawn)
    }
    return Blueprint(plans, filling, checked, rows, tenancy)


def filled_by(key: ForeignKey) -> tuple[str, ...]:
    """Return the columns that a key fills, without those that keep it within one owner's rows.

    In `(owner, parent) → (owner, id)` of one table, `owner` has its value before any row is
    referenced.
    """
    pairs = zip(key.columns, key.referenced_columns, strict=True)
    return tuple(own for own, other in pairs if not (key.references_itself and own == other))


def check_bounds(name: str, bounds: tuple[int, int]) -> None:
    """Refuse bounds that make no sense.

    Raises:
        ValueError: they do not.

    """
    low, high = bounds
    if not 0 <= low <= high:
        raise ValueError(f"{name} must be (least, greatest) with 0 <= least <= greatest: {bounds}")


def _with_needed(
    catalog: Catalog, tables: Sequence[RelationName] | None
) -> dict[RelationName, Table]:
    """Return the tables, and those that they need by keys that cannot be NULL."""
    known = {n: t for n, t in catalog.tables.items() if t.kind.holds_rows and not t.is_partition}
    wanted = list(known if tables is None else tables)
    found: dict[RelationName, Table] = {}
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        if name not in known:
            raise ValueError(f"the database {catalog.database!r} has no table {name}")
        found[name] = known[name]
        wanted += [key.references for key in known[name].foreign_keys if _is_needed(known, key)]
    return found


def _needing_first(drawn: Mapping[RelationName, Table]) -> list[tuple[RelationName, Table]]:
    """Sort tables by the length of what they need, the longest first, then by name."""
    depths = dict.fromkeys(drawn, 0)
    # A chain is no longer than there are tables; in a cycle the depths would grow for ever.
    for _ in drawn:
        for table in drawn.values():
            needed = [key.references for key in table.foreign_keys if _is_needed(drawn, key)]
            depths[table.name] = max([0, *(depths[n] + 1 for n in needed if n != table.name)])
    return sorted(drawn.items(), key=lambda item: (-depths[item[0]], item[0]))


def _is_needed(tables: Mapping[RelationName, Table], key: ForeignKey) -> bool:
    """Return whether a row of the key's table always needs a row of the referenced table."""
    columns = [tables[key.table].column(name) for name in key.columns]
    return all(column is not None and column.not_null for column in columns)


def _check_mentioned(
    catalog: Catalog, drawn: Mapping[RelationName, Table], registry: Registry
) -> None:
    cells = [*registry.columns]
    cells += [(name, c) for name, keys in registry.unique.items() for key in keys for c in key]
    for name, column in cells:
        table = drawn.get(name, catalog.tables.get(name))
        if table is None or table.column(column) is None:
            raise ValueError(f"the database {catalog.database!r} has no column {name}.{column}")
    for name in registry.accept:
        if name not in catalog.tables:
            raise ValueError(f"the database {catalog.database!r} has no table {name}")


def _check_tenancy(drawn: Mapping[RelationName, Table], tenancy: Tenancy) -> None:
    root = drawn.get(tenancy.root)
    if root is None:
        raise ValueError(f"there is no table {tenancy.root} to hold the tenants")
    if len(root.primary_key) != 1:
        raise ValueError(f"{root.name} must have a primary key of one column to hold the tenants")


def _shared(
    drawn: Mapping[RelationName, Table], scopes: Mapping[RelationName, str | None]
) -> frozenset[RelationName]:
    """Return the tables that belong to all tenants: their rows need none of a tenant."""
    shared = {name for name, scope in scopes.items() if scope is None}
    while True:
        owned = {
            name
            for name in shared
            for key in drawn[name].foreign_keys
            if key.references in drawn.keys() - shared and _is_needed(drawn, key)
        }
        if not owned:
            return frozenset(shared)
        shared -= owned


def _scope(table: Table, tenancy: Tenancy | None) -> str | None:
    if tenancy is None:
        return None
    if table.name == tenancy.root:
        return table.primary_key[0] if table.primary_key else None
    return tenancy.scope_column if table.column(tenancy.scope_column) is not None else None


def _column_values(
    table: Table, known: CatalogValues, narrow: Mapping[tuple[RelationName, str], str]
) -> dict[str, Values]:
    found = {}
    for column in table.columns:
        if not column.writable:
            continue
        try:
            type_name = narrow.get((table.name, column.name))
            found[column.name] = known.of_column(table, column, type_name)
        except ValueError as error:
            raise ValueError(f"{table.name}.{column.name}: {error}") from None
    return found


def _unique_keys(table: Table, more: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    primary = [table.primary_key] if table.primary_key else []
    return tuple(tuple(key) for key in (*primary, *table.unique_keys, *more))


def _in_order(
    keys: Sequence[ForeignKey],
    scopes: Mapping[RelationName, str | None],
    tables: Mapping[RelationName, Table],
) -> tuple[tuple[ForeignKey, ...], tuple[ForeignKey, ...]]:
    """Sort keys after those that fill the columns they reference; also return the others.

    Where keys reference each other's columns in a circle one of them is left, one that may be NULL
    if there is any: the columns of that one are drawn as others are.
    """
    waiting = sorted(keys, key=lambda key: (key.table, key.name))
    ordered: list[ForeignKey] = []
    left: list[ForeignKey] = []
    while waiting:
        unfilled = {
            (key.table, column)
            for key in waiting
            for column in filled_by(key)
            if column != scopes[key.table]
        }
        ready = [
            key
            for key in waiting
            if unfilled.isdisjoint((key.references, column) for column in key.referenced_columns)
        ]
        if not ready:
            circle = _circle(waiting)
            left.append(min(circle, key=lambda key: _is_needed(tables, key)))
        ordered += ready
        waiting = [key for key in waiting if key not in ready and key not in left]
    return tuple(ordered), tuple(left)


def _circle(waiting: Sequence[ForeignKey]) -> list[ForeignKey]:
    """Return keys that wait for each other, without those that only wait for such keys."""
    circle = list(waiting)
    while True:
        wanted = {(key.references, column) for key in circle for column in key.referenced_columns}
        inner = [k for k in circle if not wanted.isdisjoint((k.table, c) for c in filled_by(k))]
        if len(inner) == len(circle):
            return circle
        circle = inner


def _anything(_row: Row) -> bool:
    return True
