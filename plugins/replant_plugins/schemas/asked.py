"""The settings of the plugin `schemas`: what is asked for, with rules and declared references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen, validators

from replant.errors import ConfigurationError
from replant.model import (
    ArrayReference,
    Children,
    EdgeRule,
    PlainReference,
    PolymorphicReference,
    PolymorphicTarget,
    RelationName,
    Shared,
    Table,
)
from replant.model.names import did_you_mean
from replant.model.samples import Sample

PATH = "plugins.schemas"


@frozen
class TableRule:
    """`[[plugins.schemas.tables]]`: whether rows that reference rows of the table are included.

    Attributes:
        name: the table that is referenced.
        children: as the setting of all tables, for the references to this one.

    """

    name: RelationName
    children: Children


@frozen
class Edge:
    """`[[plugins.schemas.edges]]`: what holds for one foreign key or declared reference.

    It is named, or told by its columns.

    Attributes:
        table: the table that references.
        name: of the foreign key, or of a declared reference.
        columns: of the foreign key.
        children: as the setting of all tables, for this reference.
        limit: at most so many referencing rows for each referenced row.
        sample: which of the referencing rows: a share such as `5%`, or a number with `per`.
        per: the column of the reference, for whose every value there is a number of rows.

    """

    table: RelationName
    name: str | None = None
    columns: tuple[str, ...] | None = None
    children: Children | None = None
    limit: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    sample: Sample | None = None
    per: str | None = None


@frozen
class DeclaredShapes:
    """`[[plugins.schemas.references]]`: a reference that no foreign key declares.

    Attributes:
        table: the table that references.
        columns: the referencing columns.
        array: in their place, a column that holds an array of referenced values.
        references: the referenced table.
        referenced_columns: its columns; its primary key if they are not given.
        type_column: the column whose value chooses one of `targets`.
        targets: the referenced table for each value of that column.
        name: by which `[[plugins.schemas.edges]]` speaks of it.

    """

    table: RelationName
    columns: tuple[str, ...] | None = None
    array: str | None = None
    references: RelationName | None = None
    referenced_columns: tuple[str, ...] | None = None
    type_column: str | None = None
    targets: dict[str, RelationName] = field(factory=dict)
    name: str | None = None


@frozen
class Asked:
    """`[plugins.schemas]`.

    Attributes:
        include: patterns of tables, such as `public.*`; all tables if there is none.
        exclude: patterns of tables that are left out, whatever references them.
        roots: `schema.table: condition` each; a closed set starts from the rows that satisfy it.
        scope_column: the column that says whose a row is; the value is the scope's of that name.
        shared: which rows are included that belong to nobody, as that column is NULL.
        children: whether rows that reference rows of the set are included.
        tables: what holds for the references to one table.
        edges: what holds for one foreign key or declared reference.
        references: references that no foreign key declares.

    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    scope_column: str | None = None
    shared: Shared = Shared.REFERENCE
    children: Children = Children.FROM_ROOTS
    tables: tuple[TableRule, ...] = ()
    edges: tuple[Edge, ...] = ()
    references: tuple[DeclaredShapes, ...] = ()


@frozen
class Choice:
    """Tables to choose from, and those that patterns exclude, each with its pattern."""

    tables: Mapping[RelationName, Table]
    excluded: Mapping[RelationName, str]

    def why_not(self, name: RelationName) -> str:
        """Say why a table is none of those to choose from."""
        if name in self.excluded:
            return f"{name} is excluded: {excluded_by(self.excluded[name])}"
        return f"there is no table {name}{did_you_mean(name, self.tables)}"


def excluded_by(pattern: str) -> str:
    """Name the setting that excludes the tables of a pattern."""
    return f"{pattern!r} in {PATH}.exclude"


def edges_of(asked: Asked, table: Table) -> Iterator[tuple[str, EdgeRule]]:
    """Yield the rules for references of a table, by their names."""
    problems: list[str] = []
    for place, edge in enumerate(asked.edges):
        if edge.table != table.name:
            continue
        rule = EdgeRule(edge.children, edge.limit, edge.sample)
        path = f"{PATH}.edges[{place}]"
        problems += _not_per(edge, path)
        if edge.name is not None:
            problems += _other_column(edge, path, _columns_of(asked, table, edge.name))
            yield edge.name, rule
            continue
        problems += _other_column(edge, path, edge.columns or ())
        keys = [
            key.name
            for key in table.foreign_keys
            if key.columns == edge.columns and key.partition is None
        ]
        if not keys:
            listed = ", ".join(edge.columns or ())
            problems.append(
                f"{PATH}.edges[{place}]: {table.name} has no foreign key on ({listed}); give the "
                f"name of a foreign key or of a declared reference, or the columns of a key"
            )
        for name in keys:
            yield name, rule
    if problems:
        raise ConfigurationError("\n".join(problems))


def _not_per(edge: Edge, path: str) -> Iterator[str]:
    """Yield what is wrong with the sample: a number is for each value of a column, no share is."""
    number = edge.sample is not None and edge.sample.count is not None
    if number and edge.per is None:
        columns = edge.columns or ("column",)
        yield (
            f"{path}.sample: a number of rows is meant for each row that they reference; say so "
            f"with per = {columns[0]!r}, or give a share such as '5%'"
        )
    if edge.per is not None and not number:
        yield f"{path}.per: goes with a number as sample, such as sample = 10"


def _other_column(edge: Edge, path: str, columns: Sequence[str]) -> Iterator[str]:
    if edge.per is not None and columns and edge.per not in columns:
        meant = did_you_mean(edge.per, columns)
        yield (
            f"{path}.per: {edge.per!r} is not a column of the reference, which has "
            f"{', '.join(columns)}{meant}"
        )


def _columns_of(asked: Asked, table: Table, name: str) -> tuple[str, ...]:
    """Return the columns of a foreign key or a declared reference; none of one not known."""
    for key in table.foreign_keys:
        if key.name == name:
            return key.columns
    for item in asked.references:
        if item.table == table.name and item.name == name:
            return item.columns or ((item.array,) if item.array else ())
    return ()


def declared_references(
    asked: Asked, choice: Choice, name: RelationName
) -> Iterator[PlainReference | ArrayReference | PolymorphicReference]:
    """Yield the references of a table that the settings declare."""
    problems = []
    for place, item in enumerate(asked.references):
        if item.table == name:
            try:
                yield _reference(item, choice)
            except (KeyError, ValueError) as error:
                problems.append(f"{PATH}.references[{place}]: {error}")
    if problems:
        raise ConfigurationError("\n".join(problems))


def _reference(
    item: DeclaredShapes, choice: Choice
) -> PlainReference | ArrayReference | PolymorphicReference:
    own = [*(item.columns or ()), *filter(None, (item.array, item.type_column))]
    _check_columns(choice.tables[item.table], own)
    if item.type_column is not None and item.columns and item.targets:
        return PolymorphicReference(
            item.table,
            item.type_column,
            item.columns,
            tuple(
                PolymorphicTarget(value, name, _key(item, choice, name))
                for value, name in sorted(item.targets.items())
            ),
            item.name,
        )
    if item.references is None or (item.columns is None) == (item.array is None):
        raise ValueError(
            "give columns and references; or array and references; or columns, type_column and "
            "targets"
        )
    key = _key(item, choice, item.references)
    if item.columns is not None:
        return PlainReference(item.table, item.columns, item.references, key, item.name)
    assert item.array is not None
    if len(key) != 1:
        raise ValueError(f"{item.references} has no key of one column; give referenced_columns")
    return ArrayReference(item.table, item.array, item.references, key[0], item.name)


def _check_columns(table: Table, names: Iterable[str]) -> None:
    present = [column.name for column in table.columns]
    for name in names:
        if name not in present:
            raise ValueError(f"{table.name} has no column {name!r}{did_you_mean(name, present)}")


def _key(item: DeclaredShapes, choice: Choice, name: RelationName) -> tuple[str, ...]:
    if name not in choice.tables:
        raise ValueError(choice.why_not(name))
    _check_columns(choice.tables[name], item.referenced_columns or ())
    key = item.referenced_columns or choice.tables[name].primary_key
    if not key:
        raise ValueError(f"{name} has no primary key; give referenced_columns")
    return key
