"""The plugin `schemas`: tables of any schema, from the catalog alone.

Which rows of them are exported is one of three things: all rows of the tables that are asked for;
the closed set of root rows; or the rows that a column says belong to the scope. The
tables that such rows reference are included in each case, unless they are excluded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import field, frozen

from replant.config.read_settings import structured
from replant.errors import ConfigurationError
from replant.model import (
    AllRows,
    ArrayReference,
    ByColumn,
    Catalog,
    Children,
    EdgeRule,
    InClosure,
    Membership,
    PlainReference,
    PolymorphicReference,
    PolymorphicTarget,
    Registration,
    RelationName,
    Root,
    Settings,
    Table,
)
from replant.plugins.hookspecs import hookimpl
from replant_plugins.schemas.patterns import matching

NAME = "schemas"
_PATH = f"plugins.{NAME}"


@frozen
class TableRule:
    """`[[plugins.schemas.tables]]`: whether rows that reference rows of the table come along."""

    name: RelationName
    children: Children


@frozen
class Edge:
    """`[[plugins.schemas.edges]]`: what holds for one foreign key or declared reference.

    It is named, or told by its columns.
    """

    table: RelationName
    name: str | None = None
    columns: tuple[str, ...] | None = None
    children: Children | None = None
    limit: int | None = None


@frozen
class DeclaredShapes:
    """`[[plugins.schemas.references]]`: a reference that no foreign key declares.

    Attributes:
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
    targets: dict[str, str] = field(factory=dict)
    name: str | None = None


@frozen
class Asked:
    """`[plugins.schemas]`.

    Attributes:
        include: patterns of tables, such as `public.*`; all tables if there is none.
        exclude: patterns of tables that are left out, whatever references them.
        roots: `schema.table: condition` each; a closed set starts from the rows that satisfy it.
        scope_column: the column that says whose a row is; the value is the scope's of that name.
        children: whether rows that reference rows of the set are included.

    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    scope_column: str | None = None
    children: Children = Children.FROM_ROOTS
    tables: tuple[TableRule, ...] = ()
    edges: tuple[Edge, ...] = ()
    references: tuple[DeclaredShapes, ...] = ()


@hookimpl
def register_tables(catalog: Catalog, settings: Settings) -> Sequence[Registration]:
    """Register the tables of the patterns, and those that their rows may need."""
    asked = structured(settings.plugins.settings.get(NAME, {}), Asked, _PATH)
    if not (asked.include or asked.roots or asked.scope_column):
        return []
    tables = {
        name: table
        for name, table in catalog.tables.items()
        if table.kind.holds_rows and not table.is_partition
    }
    excluded = matching(asked.exclude, tables, f"{_PATH}.exclude")
    included = matching(asked.include or ("*",), tables, f"{_PATH}.include") - excluded
    available = {name: table for name, table in tables.items() if name not in excluded}
    roots = _roots(asked, available)
    wanted = _with_referenced(available, {*included, *roots}, asked)
    _check_names(asked, wanted)
    return [
        Registration(
            table=name,
            rows=_rows(asked, available[name], included, roots),
            children=_children(asked, name),
            edges=dict(_edges(asked, available[name])),
            references=tuple(_declared(asked, available, name)),
        )
        for name in sorted(wanted)
    ]


def _rows(
    asked: Asked,
    table: Table,
    included: frozenset[RelationName],
    roots: Mapping[RelationName, str],
) -> Membership:
    """Return all rows of tables that are only asked for by name, else those of the closed set."""
    if table.name in roots:
        return InClosure(roots[table.name])
    if asked.scope_column is not None and table.column(asked.scope_column) is not None:
        return ByColumn(asked.scope_column, scope=asked.scope_column)
    if roots or asked.scope_column is not None or table.name not in included:
        return InClosure()
    return AllRows()


def _roots(asked: Asked, tables: Mapping[RelationName, Table]) -> dict[RelationName, str]:
    """Return the predicate of each table with roots; OR joins several roots of one table."""
    found: dict[RelationName, str] = {}
    problems = []
    for place, text in enumerate(asked.roots):
        path = f"{_PATH}.roots[{place}]"
        try:
            root = Root.parse(text)
        except ValueError as error:
            problems.append(f"{path}: {error}")
            continue
        if root.table not in tables:
            problems.append(f"{path}: there is no table {root.table}, or it is excluded")
        elif root.table in found:
            found[root.table] = f"({found[root.table]}\n) OR ({root.predicate}\n)"
        else:
            found[root.table] = root.predicate
    if problems:
        raise ConfigurationError("\n".join(problems))
    return found


def _children(asked: Asked, name: RelationName) -> Children:
    """Return which children are followed; none below whole tables, unless configured."""
    said = {rule.name: rule.children for rule in asked.tables}
    whole = not asked.roots and asked.scope_column is None
    default = Children.STOP if whole and asked.children is Children.FROM_ROOTS else asked.children
    return said.get(name, default)


def _with_referenced(
    tables: Mapping[RelationName, Table], names: set[RelationName], asked: Asked
) -> set[RelationName]:
    """Return the tables with all those that their rows may reference."""
    declared: dict[RelationName, list[RelationName]] = {}
    for reference in asked.references:
        ends = declared.setdefault(reference.table, [])
        ends += [reference.references] if reference.references else []
        ends += [_relation(text, reference) for text in reference.targets.values()]
    found, pending = set(names), list(names)
    while pending:
        name = pending.pop()
        needed = [key.references for key in tables[name].foreign_keys]
        for other in (*needed, *declared.get(name, ())):
            if other in tables and other not in found:
                found.add(other)
                pending.append(other)
    return found


def _check_names(asked: Asked, wanted: set[RelationName]) -> None:
    said = [(f"tables[{place}]", rule.name) for place, rule in enumerate(asked.tables)]
    said += [(f"edges[{place}]", edge.table) for place, edge in enumerate(asked.edges)]
    said += [(f"references[{place}]", item.table) for place, item in enumerate(asked.references)]
    problems = [
        f"{_PATH}.{where}: {name} is no table that is exported"
        for where, name in said
        if name not in wanted
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _edges(asked: Asked, table: Table) -> Iterator[tuple[str, EdgeRule]]:
    for place, edge in enumerate(asked.edges):
        if edge.table != table.name:
            continue
        rule = EdgeRule(edge.children, edge.limit)
        if edge.name is not None:
            yield edge.name, rule
            continue
        keys = [key.name for key in table.foreign_keys if key.columns == edge.columns]
        if not keys:
            listed = ", ".join(edge.columns or ())
            raise ConfigurationError(
                f"{_PATH}.edges[{place}]: {table.name} has no foreign key on ({listed}); give the "
                f"name of a foreign key or of a declared reference, or the columns of a key"
            )
        for name in keys:
            yield name, rule


def _declared(
    asked: Asked, tables: Mapping[RelationName, Table], name: RelationName
) -> Iterator[PlainReference | ArrayReference | PolymorphicReference]:
    for place, item in enumerate(asked.references):
        if item.table == name:
            try:
                yield _reference(item, tables)
            except (KeyError, ValueError) as error:
                raise ConfigurationError(f"{_PATH}.references[{place}]: {error}") from error


def _reference(
    item: DeclaredShapes, tables: Mapping[RelationName, Table]
) -> PlainReference | ArrayReference | PolymorphicReference:
    if item.type_column is not None and item.columns and item.targets:
        targets = {value: _relation(text, item) for value, text in item.targets.items()}
        return PolymorphicReference(
            item.table,
            item.type_column,
            item.columns,
            tuple(
                PolymorphicTarget(value, name, _key(item, tables, name))
                for value, name in sorted(targets.items())
            ),
            item.name,
        )
    if item.references is None or (item.columns is None) == (item.array is None):
        raise ValueError(
            "give columns and references; or array and references; or columns, type_column and "
            "targets"
        )
    key = _key(item, tables, item.references)
    if item.columns is not None:
        return PlainReference(item.table, item.columns, item.references, key, item.name)
    assert item.array is not None
    if len(key) != 1:
        raise ValueError(f"{item.references} has no key of one column; give referenced_columns")
    return ArrayReference(item.table, item.array, item.references, key[0], item.name)


def _key(
    item: DeclaredShapes, tables: Mapping[RelationName, Table], name: RelationName
) -> tuple[str, ...]:
    if name not in tables:
        raise ValueError(f"there is no table {name}, or it is excluded")
    key = item.referenced_columns or tables[name].primary_key
    if not key:
        raise ValueError(f"{name} has no primary key; give referenced_columns")
    return key


def _relation(text: str, item: DeclaredShapes) -> RelationName:
    try:
        return RelationName.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"{_PATH}.references of {item.table}: {error}") from error
