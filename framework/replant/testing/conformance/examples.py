"""Draws the examples of a round trip: rows for the registered tables, and the scope that moves.

The registrations say which columns hold a scope value, so it is drawn from the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from replant.model import ByColumn, Catalog, RelationName
from replant.plugins.answers import Registered
from replant.testing.generation.catalog_values import CatalogValues
from replant.testing.generation.registry import Cell, Registry
from replant.testing.generation.row_strategies import rows_for, tenants_for
from replant.testing.generation.values import Values
from replant.testing.rows import Rows

Bounds = tuple[int, int]

#: Where the values of a scope are: the name of each, and the columns that hold it.
Holders = Mapping[str, Sequence[Cell]]


@frozen(repr=False)
class Example:
    """Rows for a source, and the scope of those that are moved."""

    rows: Rows
    scope: Mapping[str, str]

    def __repr__(self) -> str:
        """How many rows; Hypothesis shows it where an example fails, which the rows would fill."""
        scope = "".join(f", {name} = {value!r}" for name, value in self.scope.items())
        return f"<{sum(map(len, self.rows.values()))} rows{scope}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show an example as its rows; Hypothesis would show each attribute of an attrs class."""
        del cycle
        printer.text(repr(self))


@frozen
class _Tenancy:
    root: RelationName
    scope: str
    column: str


def examples_for(
    catalog: Catalog,
    registered: Sequence[Registered],
    *,
    scope: Mapping[str, str],
    rows: Bounds,
    registry: Registry,
) -> SearchStrategy[Example]:
    """Draw rows for the registered tables and those they need, and a scope of these rows.

    Where the registrations let it be seen what a tenant is, the rows are those of several tenants,
    and no row references one of another tenant. Elsewhere rows reference each other as they like.

    Args:
        catalog: of the source.
        registered: what the enabled plugins register.
        scope: values that are not drawn, because no column holds them.
        rows: the least and the greatest number of rows of each table.
        registry: what the catalog does not know of them.

    Raises:
        ValueError: rows cannot be drawn for these tables; the text says which and why.

    """
    tables = [item.registration.table for item in registered]
    holders = holders_of(registered)
    tenancy = _tenancy(catalog, holders)
    if tenancy is not None:
        name = tenancy.scope
        return tenants_for(
            catalog,
            tables,
            root=tenancy.root,
            scope_column=tenancy.column,
            rows=rows,
            registry=registry,
        ).map(lambda drawn: Example(drawn.together, {**scope, name: drawn.scopes[0]}))
    drawn = rows_for(catalog, tables, rows=rows, registry=registry)
    return _with_scope(drawn, holders, scope, _values(catalog, holders, registry))


def holders_of(registered: Sequence[Registered]) -> Holders:
    """Return the columns that registrations say hold a scope value, by its name."""
    found: dict[str, list[Cell]] = {}
    for item in registered:
        if isinstance(by := item.registration.rows, ByColumn):
            found.setdefault(by.scope, []).append((item.registration.table, by.column))
    return found


def _tenancy(catalog: Catalog, holders: Holders) -> _Tenancy | None:
    """Find the table of tenants: the only one whose primary key others' scope columns hold."""
    if len(holders) != 1:
        return None
    [(scope, cells)] = holders.items()
    known = [(name, column) for name, column in cells if name in catalog.tables]
    roots = [n for n, column in known if catalog.tables[n].primary_key == (column,)]
    columns = {column for name, column in known if name not in roots}
    return _Tenancy(roots[0], scope, *columns) if len(roots) == len(columns) == 1 else None


def _values(catalog: Catalog, holders: Holders, registry: Registry) -> dict[str, Values]:
    """Draw a value for each scope that no row has."""
    found: dict[str, Values] = {}
    known = CatalogValues(catalog, registry)
    for scope, cells in holders.items():
        for name, column_name in cells:
            table = catalog.tables.get(name)
            column = None if table is None else table.column(column_name)
            if table is not None and column is not None:
                found[scope] = known.of_column(table, column)
    return found


def _with_scope(
    rows: SearchStrategy[Rows],
    holders: Holders,
    fixed: Mapping[str, str],
    values: Mapping[str, Values],
) -> SearchStrategy[Example]:
    @st.composite
    def examples(draw: DrawFn) -> Example:
        drawn = draw(rows)
        scope = dict(fixed)
        for name, cells in holders.items():
            held = [row[column] for table, column in cells for row in drawn.get(table, ())]
            texts = list(dict.fromkeys(text for text in held if text is not None))
            if texts:
                scope[name] = draw(st.sampled_from(texts))
            elif name in values:
                scope[name] = draw(values[name].texts)
        return Example(drawn, scope)

    return examples()
