"""Collects declared and recorded shapes of tables, and finds what a database has beyond them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from replant.config.recorded_shapes import Recorded
from replant.model import Catalog, RelationName, TableShape
from replant.model.table_differences import DifferenceKind, TableDifference, table_differences
from replant.model.table_shape import shape_of, shapes_of
from replant.plugins.answers import Registered


@frozen
class DeclaredShapes:
    """What the exported tables are known to look like.

    Attributes:
        shapes: by table, in the order of their names.
        plugins: the plugin that declares it, by table; other tables are recorded.
        unknown: the registered tables of which nothing is said.
        left_out: tables that are known not to be exported.

    """

    shapes: Mapping[RelationName, TableShape]
    plugins: Mapping[RelationName, str]
    unknown: tuple[RelationName, ...]
    left_out: frozenset[RelationName]

    @property
    def schemas(self) -> frozenset[str]:
        """The schemas of these tables."""
        return frozenset(name.schema for name in self.shapes)


def declared_shapes(registered: Iterable[Registered], recorded: Recorded | None) -> DeclaredShapes:
    """Collect what plugins declare, and what is recorded for tables that no plugin declares.

    Args:
        registered: all tables that are exported.
        recorded: None where nothing is.

    """
    said = {item.registration.table: item for item in registered}
    by_plugins = {
        name: item.registration.shape
        for name, item in said.items()
        if item.registration.shape is not None
    }
    known = recorded or Recorded()
    shapes = {**known.tables, **by_plugins}
    return DeclaredShapes(
        shapes={name: shapes[name] for name in sorted(shapes)},
        plugins={name: said[name].plugin for name in by_plugins},
        # Where there is a record, a table that it does not have is new.
        unknown=() if recorded else tuple(sorted(said.keys() - shapes.keys())),
        left_out=known.left_out,
    )


def added_tables(catalog: Catalog, known: DeclaredShapes) -> tuple[RelationName, ...]:
    """Yield the tables of the covered schemas that were neither declared nor recorded."""
    said = {*known.shapes, *known.unknown, *known.left_out}
    return tuple(name for name in _tables_of(catalog, known.schemas) if name not in said)


def _tables_of(catalog: Catalog, schemas: Collection[str]) -> Iterator[RelationName]:
    """Yield the tables of some schemas, except for partitions, whose rows are their root's."""
    for name, table in catalog.tables.items():
        if name.schema in schemas and table.kind.holds_rows and not table.is_partition:
            yield name


def undeclared_parts(catalog: Catalog, known: DeclaredShapes) -> Iterator[TableDifference]:
    """Yield columns and tables of the covered schemas that were not declared."""
    found = {n: shape_of(catalog.tables[n]) for n in known.shapes if n in catalog.tables}
    for difference in table_differences(known.shapes, found):
        if difference.change is DifferenceKind.COLUMN_ADDED:
            yield difference
    for name in added_tables(catalog, known):
        yield TableDifference(DifferenceKind.TABLE_ADDED, name)


def shapes_to_record(catalog: Catalog, registered: Sequence[Registered]) -> Recorded:
    """Return the shapes to record: those of tables that no plugin declares.

    The other tables of all covered schemas are recorded as left out.
    """
    names = {item.registration.table for item in registered}
    silent = [item.registration.table for item in registered if item.registration.shape is None]
    covered = {name.schema for name in names}
    return Recorded(
        tables=shapes_of(catalog, sorted(silent)),
        left_out=frozenset(_tables_of(catalog, covered)) - names,
    )
