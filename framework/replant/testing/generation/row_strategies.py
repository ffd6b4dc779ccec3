"""Provides the strategies of Hypothesis that draw rows for the tables of a live catalog.

A `Catalog` comes in, rows that its database accepts come out: they honour types, NOT NULL, primary
keys, unique constraints and foreign keys, and CHECK constraints as far as Python can judge them.
What a catalog does not tell (checks that call functions, unique indexes on expressions) the caller
adds. Needs the package `hypothesis`.

To keep draws small and shrinking quick, each type's values are drawn once per example, a few of
them, and each row is one string of bytes that chooses among them.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from replant.model import Catalog, RelationName
from replant.testing.generation.blueprint import Blueprint, Tenancy, check_bounds, make_blueprint
from replant.testing.generation.registry import Registry
from replant.testing.generation.row_drawing import Drawing
from replant.testing.rows import Row, Rows

__all__ = ["Registry", "Row", "Rows", "Tenants", "rows_for", "tenants_for"]

_Bounds = tuple[int, int]

_NOTHING_MORE = Registry()


@frozen
class Tenants:
    """The rows of several tenants, and those that they share.

    Attributes:
        scopes: each tenant's scope value, as a text.
        own: each tenant's rows, in the order of `scopes`; empty tables are there too.
        shared: the rows of tables that belong to no tenant.

    """

    scopes: tuple[str, ...]
    own: tuple[Rows, ...]
    shared: Rows

    @property
    def together(self) -> Rows:
        """All rows of all tables: what a database with these tenants holds."""
        together: dict[RelationName, list[Row]] = {}
        for rows in (self.shared, *self.own):
            for table, of_table in rows.items():
                together.setdefault(table, []).extend(of_table)
        return together


def rows_for(
    catalog: Catalog,
    tables: Sequence[RelationName] | None = None,
    *,
    rows: _Bounds = (0, 3),
    registry: Registry = _NOTHING_MORE,
) -> SearchStrategy[Rows]:
    """Rows for tables, which can be inserted in one statement.

    A foreign key chooses among the rows drawn for the table it references: earlier ones, later
    ones, and where it references its own table the row itself. Where its columns may be NULL they
    sometimes are.

    Args:
        catalog: as `read_catalog` reads it.
        tables: the tables to draw rows for; None for all of the catalog. Tables that they need
            by a foreign key that cannot be NULL are drawn as well.
        rows: the least and the greatest number of rows to draw for each table. Afterwards those
            go for which a key has no room, that the registry refuses, or that need one that went.
        registry: what the catalog does not know of them.

    Raises:
        ValueError: at once, if a table, column or type is unknown, or if bounds make no sense.

    """
    blueprint = make_blueprint(
        catalog,
        tables,
        rows=rows,
        registry=registry,
    )
    return _rows(blueprint)


def tenants_for(
    catalog: Catalog,
    tables: Sequence[RelationName] | None = None,
    *,
    root: RelationName,
    scope_column: str,
    tenants: _Bounds = (1, 3),
    rows: _Bounds = (0, 2),
    registry: Registry = _NOTHING_MORE,
) -> SearchStrategy[Tenants]:
    """Rows of several tenants, which reference rows of their own tenant only, or shared ones.

    Args:
        catalog: as `read_catalog` reads it.
        tables: as for `rows_for`; the root is always among them.
        root: the table with one row for each tenant; its primary key, of one column, is the
            scope value.
        scope_column: the column that holds the scope value in every other table of a tenant.
            Tables without it are shared by all tenants, unless their rows need one of a tenant.
        tenants: the least and the greatest number of tenants.
        rows: the least and the greatest number of rows of each table, for each tenant; for shared
            tables, in all.
        registry: as for `rows_for`.

    Raises:
        ValueError: as for `rows_for`; also if the root has no primary key of one column.

    """
    check_bounds("tenants", tenants)
    blueprint = make_blueprint(
        catalog,
        [*tables, root] if tables is not None else None,
        rows=rows,
        registry=registry,
        tenancy=Tenancy(root, scope_column),
    )
    return _tenants(blueprint, tenants)


# A strategy shows its arguments where an example fails, and a blueprint is long: it is no argument.


def _rows(blueprint: Blueprint) -> SearchStrategy[Rows]:
    @st.composite
    def rows(draw: DrawFn) -> Rows:
        return Drawing(draw, blueprint, groups=1).finished()[0]

    return rows()


def _tenants(blueprint: Blueprint, bounds: _Bounds) -> SearchStrategy[Tenants]:
    assert blueprint.tenancy is not None
    root = blueprint.tenancy.root
    key = blueprint.tables[root].table.primary_key[0]

    @st.composite
    def tenants(draw: DrawFn) -> Tenants:
        number = draw(st.integers(*bounds))
        shared, *own = Drawing(draw, blueprint, groups=1 + number).finished()
        return Tenants(tuple(str(rows[root][0][key]) for rows in own), tuple(own), shared)

    return tenants()
