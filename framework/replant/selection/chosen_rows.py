"""Turns registrations into the conditions by which the rows of each table are chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from replant.database import sql
from replant.errors import (
    PluginError,
    unexpected,
)
from replant.model import (
    AllRows,
    ByColumn,
    ByPredicate,
    ChosenRows,
    ColumnIs,
    Condition,
    InClosure,
    Link,
    LinkedTo,
    RelationKind,
    RelationName,
    RowsAt,
    Satisfies,
    Selection,
    Shared,
    Table,
    TableSettings,
    ThroughForeignKey,
    WhereReferenced,
)
from replant.plugins.answers import Registered
from replant.sql.scope_values import with_scope_values


def chosen_rows(
    tables: Mapping[RelationName, Table],
    item: Registered,
    change: TableSettings | None,
    scope: Mapping[str, str],
) -> ChosenRows:
    """Return which rows of a table are exported, by its registration and its `[[tables]] where`.

    Raises:
        PluginError: the registration names a column or a foreign key that is not there.

    """
    table = tables[item.registration.table]
    conditions = [*_registered(tables, item, scope)]
    if change is not None and change.where is not None:
        conditions.append(Satisfies(with_scope_values(change.where, scope)))
    return ChosenRows(
        tuple(conditions),
        table.kind is RelationKind.TABLE,
        table.equality,
        table.keys_to_follow,
    )


def _registered(
    tables: Mapping[RelationName, Table], item: Registered, scope: Mapping[str, str]
) -> Iterator[Condition]:
    """Yield the condition of a registration, unless it is for all rows."""
    name = item.registration.table
    match item.registration.rows:
        case ByColumn(column, scope_name, shared):
            if tables[name].column(column) is None:
                raise PluginError(
                    f"the plugin {item.plugin!r} chooses rows of {name} by its column "
                    f"{column!r}, which does not exist; update the plugin"
                )
            if shared is Shared.ALL:
                yield Satisfies(_own_or_shared(column, scope[scope_name]))
            else:
                yield ColumnIs(column, scope[scope_name])
        case ThroughForeignKey(columns):
            yield LinkedTo((_link_up(tables, item, columns),))
        case WhereReferenced():
            yield LinkedTo(_links_down(tables, name))
        case ByPredicate(predicate):
            yield Satisfies(predicate)
        case InClosure():
            yield RowsAt(())
        case AllRows():
            pass
        case other:
            unexpected(other)


def _own_or_shared(column: str, value: str) -> str:
    name = sql.Identifier(column)
    condition = sql.SQL("{} = {} OR {} IS NULL").format(name, sql.Literal(value), name)
    return condition.as_string()


def with_scope_in_conditions(item: Registered, scope: Mapping[str, str]) -> Registered:
    """Return the registration with the scope values in its condition."""
    rows = item.registration.rows
    if isinstance(rows, ByPredicate):
        rows = evolve(rows, sql=with_scope_values(rows.sql, scope))
    elif isinstance(rows, InClosure) and rows.root is not None:
        rows = evolve(rows, root=with_scope_values(rows.root, scope))
    return evolve(item, registration=evolve(item.registration, rows=rows))


def _link_up(
    tables: Mapping[RelationName, Table], item: Registered, columns: tuple[str, ...]
) -> Link:
    name = item.registration.table
    for key in tables[name].foreign_keys:
        if key.columns == columns and key.references in tables and key.partition is None:
            return Link(key.columns, key.references, key.referenced_columns)
    raise PluginError(
        f"the plugin {item.plugin!r} chooses rows of {name} through a foreign key on "
        f"({', '.join(columns)}), but there is none to a registered table; update the plugin"
    )


def _links_down(tables: Mapping[RelationName, Table], name: RelationName) -> tuple[Link, ...]:
    return tuple(
        Link(key.referenced_columns, key.table, key.columns)
        for table in tables.values()
        for key in table.foreign_keys
        if key.references == name and key.table != name
    )


def check_links_end(rows: Selection) -> None:
    """Refuse tables whose rows are chosen by each other: nothing would choose the first."""
    links = {
        name: {link.other for c in chosen.conditions if isinstance(c, LinkedTo) for link in c.links}
        for name, chosen in rows.items()
    }
    settled: set[RelationName] = set()
    while free := {n for n in links if n not in settled and links[n] <= settled}:
        settled |= free
    stuck = sorted(set(links) - settled)
    if stuck:
        raise PluginError(
            f"the rows of {', '.join(map(str, stuck))} are registered as chosen by each other's; "
            f"register one of these tables by a column, a predicate, or all rows"
        )
