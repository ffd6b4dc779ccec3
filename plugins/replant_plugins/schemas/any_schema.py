"""The plugin `schemas`: tables of any schema, from the catalog alone.

Which rows of them are exported is one of three things: all rows of the tables that are asked for;
the closed set of root rows; or the rows that a column says belong to the scope. The
tables that such rows reference are included in each case, unless they are excluded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from attrs import frozen

from replant.config.mistakes import Mistakes
from replant.errors import ConfigurationError
from replant.model import (
    AllRows,
    ByColumn,
    Catalog,
    Children,
    EdgeRule,
    Exclusion,
    InClosure,
    Membership,
    Registration,
    RelationName,
    Root,
    Table,
)
from replant.model.names import did_you_mean
from replant.model.references import DeclaredReference
from replant.plugins.hookspecs import hookimpl
from replant_plugins.schemas.asked import (
    PATH,
    Asked,
    Choice,
    declared_references,
    edges_of,
    excluded_by,
)
from replant_plugins.schemas.patterns import matching
from replant_plugins.schemas.scope_owner import Owner, scope_owner

SETTINGS = Asked


@hookimpl
def register_tables(catalog: Catalog, settings: Asked) -> Sequence[Registration | Exclusion]:
    """Register the tables of the patterns, and those that their rows may need."""
    asked = settings
    if not (asked.include or asked.roots or asked.scope_column):
        _check_nothing_else(asked)
        return []
    tables = {name: table for name, table in catalog.tables.items() if not _why_not(table)}
    unfit = {name: _why_not(table) for name, table in catalog.tables.items() if name not in tables}
    mistakes = Mistakes()
    chosen = _chosen(asked, tables, unfit, mistakes)
    registrations = [_registration(asked, chosen, name, mistakes) for name in sorted(chosen.wanted)]
    mistakes.check()
    return [*registrations, *_exclusions(chosen.choice.excluded)]


def _check_nothing_else(asked: Asked) -> None:
    """Refuse rules for the tables of a plugin that is not told to export any.

    Raises:
        ConfigurationError: a table would be exported, by another plugin, that is excluded here.

    """
    rules = {
        "exclude": asked.exclude,
        "tables": asked.tables,
        "edges": asked.edges,
        "references": asked.references,
    }
    problems = [
        f"{PATH}.{name}: nothing is to be exported by this plugin, so this would change nothing; "
        f"say what with include, roots or scope_column"
        for name, said in rules.items()
        if said
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _exclusions(excluded: Mapping[RelationName, str]) -> Iterator[Exclusion]:
    """Yield what the patterns leave out, each table with its pattern."""
    return (Exclusion(name, excluded_by(text)) for name, text in excluded.items())


@frozen
class _Chosen:
    """The tables to choose from, those that are asked for, and those that are needed."""

    choice: Choice
    included: frozenset[RelationName]
    roots: Mapping[RelationName, str]
    wanted: set[RelationName]
    owner: Owner | None


def _why_not(table: Table) -> str:
    """Say why a relation cannot be exported by itself; nothing if it can."""
    if table.is_partition:
        return "is a partition; choose the table that it belongs to"
    if table.extension is not None:
        return f"is a table of the extension {table.extension!r}, which fills it in the target too"
    if not table.kind.holds_rows:
        kind = table.kind.name.lower().replace("_", " ")
        return f"is a {kind}, not a table; choose the tables that its rows come from"
    return ""


def _chosen(
    asked: Asked,
    tables: Mapping[RelationName, Table],
    unfit: Mapping[RelationName, str],
    mistakes: Mistakes,
) -> _Chosen:
    excluded: dict[RelationName, str] = {}
    included = frozenset(tables)
    roots: dict[RelationName, str] = {}
    with mistakes.collecting():
        excluded = matching(asked.exclude, {*tables, *unfit}, f"{PATH}.exclude")
    available = {name: table for name, table in tables.items() if name not in excluded}
    choice = Choice(available, excluded)
    with mistakes.collecting():
        asked_for = matching(asked.include or ("*",), tables, f"{PATH}.include", unfit)
        included = frozenset(asked_for.keys() - excluded.keys())
    with mistakes.collecting():
        roots = _roots(asked, choice, unfit)
    with mistakes.collecting():
        _check_scope_column(asked, available)
    wanted = set(available)
    with mistakes.collecting():
        wanted = _with_referenced(available, {*included, *roots}, asked)
    with mistakes.collecting():
        _check_names(asked, {*tables, *unfit}, wanted)
    owner = scope_owner(asked.scope_column, available)
    return _Chosen(choice, included, roots, wanted, owner)


def _registration(
    asked: Asked, chosen: _Chosen, name: RelationName, mistakes: Mistakes
) -> Registration:
    edges: dict[str, EdgeRule] = {}
    references: tuple[DeclaredReference, ...] = ()
    with mistakes.collecting():
        edges = dict(edges_of(asked, chosen.choice.tables[name]))
    with mistakes.collecting():
        references = tuple(declared_references(asked, chosen.choice, name))
    return Registration(
        table=name,
        rows=_rows(asked, chosen, chosen.choice.tables[name]),
        children=_children(asked, chosen, name),
        edges=edges,
        references=references,
    )


def _check_scope_column(asked: Asked, tables: Mapping[RelationName, Table]) -> None:
    columns = {column.name for table in tables.values() for column in table.columns}
    if asked.scope_column is not None and asked.scope_column not in columns:
        raise ConfigurationError(
            f"{PATH}.scope_column: no table has a column {asked.scope_column!r}"
            f"{did_you_mean(asked.scope_column, sorted(columns))}"
        )


def _rows(asked: Asked, chosen: _Chosen, table: Table) -> Membership:
    """Return all rows of tables that are only asked for by name, else those of the closed set."""
    roots = chosen.roots
    if table.name in roots:
        return InClosure(roots[table.name])
    if asked.scope_column is not None and table.column(asked.scope_column) is not None:
        return ByColumn(asked.scope_column, asked.scope_column, asked.shared)
    if chosen.owner is not None and chosen.owner.table == table.name:
        return InClosure(chosen.owner.condition, may_be_empty=True)
    if roots or asked.scope_column is not None or table.name not in chosen.included:
        return InClosure()
    return AllRows()


def _roots(
    asked: Asked, choice: Choice, unfit: Mapping[RelationName, str]
) -> dict[RelationName, str]:
    """Return the predicate of each table with roots; OR joins several roots of one table."""
    found: dict[RelationName, str] = {}
    problems = []
    for place, text in enumerate(asked.roots):
        path = f"{PATH}.roots[{place}]"
        try:
            root = Root.parse(text)
        except ValueError as error:
            problems.append(f"{path}: {error}")
            continue
        if root.table in unfit:
            problems.append(f"{path}: {root.table} {unfit[root.table]}")
        elif root.table not in choice.tables:
            problems.append(f"{path}: {choice.why_not(root.table)}")
        elif root.table in found:
            found[root.table] = f"({found[root.table]}\n) OR ({root.predicate}\n)"
        else:
            found[root.table] = root.predicate
    if problems:
        raise ConfigurationError("\n".join(problems))
    return found


def _children(asked: Asked, chosen: _Chosen, name: RelationName) -> Children:
    """Return which children are followed; none below whole tables, unless configured."""
    said = {rule.name: rule.children for rule in asked.tables}
    whole = not asked.roots and asked.scope_column is None
    owner = chosen.owner
    told = owner is not None and owner.table == name and owner.referenced
    stops = (whole or told) and asked.children is Children.FROM_ROOTS
    return said.get(name, Children.STOP if stops else asked.children)


def _with_referenced(
    tables: Mapping[RelationName, Table], names: set[RelationName], asked: Asked
) -> set[RelationName]:
    """Return the tables with all those that their rows may reference."""
    declared: dict[RelationName, list[RelationName]] = {}
    for reference in asked.references:
        ends = declared.setdefault(reference.table, [])
        ends += [reference.references] if reference.references else []
        ends += reference.targets.values()
    found, pending = set(names), list(names)
    while pending:
        name = pending.pop()
        needed = [key.references for key in tables[name].foreign_keys]
        for other in (*needed, *declared.get(name, ())):
            if other in tables and other not in found:
                found.add(other)
                pending.append(other)
    return found


def _check_names(asked: Asked, known: Collection[RelationName], wanted: set[RelationName]) -> None:
    """Refuse rules for tables that exist, and are not exported; replant finds the others."""
    said = [(f"tables[{place}]", rule.name) for place, rule in enumerate(asked.tables)]
    said += [(f"edges[{place}]", edge.table) for place, edge in enumerate(asked.edges)]
    said += [(f"references[{place}]", item.table) for place, item in enumerate(asked.references)]
    problems = [
        f"{PATH}.{where}: {name} is not a table that is exported{did_you_mean(name, wanted)}"
        for where, name in said
        if name in known and name not in wanted
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))
