"""Selects tables, rows and columns: registrations, catalog and settings in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import evolve, field, frozen
from psycopg import sql

from replant.config.mistakes import Mistakes
from replant.errors import (
    CatalogMismatchError,
    ConfigurationError,
    PluginError,
    PrivilegeError,
    ScopeError,
    unexpected,
)
from replant.model import (
    AllRows,
    ByColumn,
    ByPredicate,
    Catalog,
    ChosenRows,
    Column,
    ColumnIs,
    Condition,
    InClosure,
    Link,
    LinkedTo,
    Membership,
    RelationKind,
    RelationName,
    RowsAt,
    RowSecurity,
    Satisfies,
    Selection,
    Settings,
    Shared,
    Table,
    TableSettings,
    ThroughForeignKey,
    WhereReferenced,
)
from replant.model.names import did_you_mean
from replant.plugins.manager import Registered, RegisteredTables
from replant.selection.sampling import sampled_rows
from replant.sql.grants import read_grants
from replant.sql.scope_values import scope_names, with_scope_values


@frozen
class SelectedTables:
    """What is exported, before any row was counted.

    Attributes:
        registered: the registrations by table.
        tables: the tables as the source has them.
        columns: the exported columns of each table.
        rows: the chosen rows of each table.
        shared: the tables with rows that belong to no scope and are included where they are
            referenced, each with its scope column; known once the database was asked.
        excluded: for each table that the configuration leaves out, the setting that says so.
        scope_columns: for each scope value a table and column that hold it, to check its form.

    """

    registered: Mapping[RelationName, Registered]
    tables: Mapping[RelationName, Table]
    columns: Mapping[RelationName, tuple[Column, ...]]
    rows: Selection
    scope_columns: Mapping[str, tuple[RelationName, Column]]
    shared: Mapping[RelationName, str] = field(factory=dict)
    excluded: Mapping[RelationName, str] = field(factory=dict)

    @property
    def open(self) -> frozenset[RelationName]:
        """The tables into which rows of a closed set come, of some only shared rows."""
        return self.wholly_open | self.shared.keys()

    @property
    def wholly_open(self) -> frozenset[RelationName]:
        """The tables whose rows are those that a closed set has of them."""
        return frozenset(
            name
            for name, item in self.registered.items()
            if isinstance(item.registration.rows, InClosure)
        )

    def only(self, names: Collection[RelationName]) -> SelectedTables:
        """Return the same selection without other tables."""
        return evolve(
            self,
            registered={name: item for name, item in self.registered.items() if name in names},
            tables={name: table for name, table in self.tables.items() if name in names},
            columns={name: columns for name, columns in self.columns.items() if name in names},
            rows={name: rows for name, rows in self.rows.items() if name in names},
            shared={name: column for name, column in self.shared.items() if name in names},
        )


def select_tables(
    catalog: Catalog, asked: RegisteredTables, settings: Settings, *, lenient: bool = False
) -> SelectedTables:
    """Decide tables, rows and columns.

    Args:
        catalog: what the source has.
        asked: the registrations.
        settings: the whole configuration.
        lenient: whether mistakes of the configuration are passed over, since they are known, and
            others are looked for. What it returns is not to be exported.

    Raises:
        CatalogMismatchError: the database lacks a schema, table or column that a plugin needs.
        PrivilegeError: the role may not read a table, or row-level security hides its rows.
        ScopeError: a scope value is missing, or nothing uses one that was given.
        ConfigurationError: `[[tables]]` names a table or column that is not there.
        PluginError: a registration cannot be carried out.

    """
    by_table = {item.registration.table: item for item in asked.registered}
    _check_any(catalog, asked)
    tables = _live_tables(catalog, by_table)
    # Of the tables that are open to a closed set, those matter that it can reach. Where there are
    # any, `check_readable` finds what may not be read of both sorts in one round.
    fixed = [t for n, t in tables.items() if not isinstance(_membership(by_table[n]), InClosure)]
    changes = {change.name: change for change in settings.tables}
    _check_shapes(tables, by_table)
    mistakes = Mistakes()
    with mistakes.collecting():
        _check_changes(tables, by_table, settings)
    with mistakes.collecting():
        _check_scope(by_table.values(), settings)
    if not lenient:
        mistakes.check()
    scope = {**dict.fromkeys(_scopes(by_table.values()), ""), **settings.scope}
    columns = {
        name: _columns(tables[name], omitted(by_table[name], changes.get(name)))
        for name in sorted(tables)
    }
    if len(fixed) == len(tables):
        _check_readable(catalog, fixed, columns)
    _check_not_hidden(catalog, fixed, settings.export.row_security)
    by_table = {name: _with_scope_values(item, scope) for name, item in by_table.items()}
    rows = {
        name: _rows(tables, by_table[name], changes.get(name), scope) for name in sorted(tables)
    }
    rows = sampled_rows(tables, rows, settings)
    _check_links_end(rows)
    return SelectedTables(
        by_table,
        tables,
        columns,
        rows,
        _scope_columns(by_table.values(), tables, settings.scope),
        excluded=asked.excluded,
    )


def _check_any(catalog: Catalog, asked: RegisteredTables) -> None:
    """Refuse to go on without any table.

    Raises:
        ConfigurationError: nothing chooses one, or each of them is excluded.

    """
    if asked.registered:
        return
    if asked.excluded:
        settings = ", ".join(sorted({*asked.excluded.values()}))
        raise ConfigurationError(
            f"every table of the database {catalog.database!r} that would be exported is excluded, "
            f"by {settings}; take a pattern out, or choose other tables"
        )
    raise ConfigurationError(
        f"nothing says which rows of the database {catalog.database!r} to export; choose them "
        f"with --root 'schema.table: condition' or --include 'schema.*', let replant init "
        f"propose a configuration, or enable a plugin that registers tables with "
        f"[plugins] enable"
    )


def _live_tables(
    catalog: Catalog, registered: Mapping[RelationName, Registered]
) -> dict[RelationName, Table]:
    """Return the registered tables as the catalog has them."""
    for schema in sorted({name.schema for name in registered} - catalog.schemas):
        plugins = sorted({r.plugin for n, r in registered.items() if n.schema == schema})
        raise CatalogMismatchError(
            f"the database {catalog.database!r} has no schema {schema!r}, of which the plugin "
            f"{plugins[0]!r} registers tables; is this the right database? If so, choose its "
            f"tables with --include or --root, or leave the plugin out of [plugins] enable"
        )
    for name in sorted(registered):
        table = catalog.tables.get(name)
        if table is None or not table.kind.holds_rows:
            problem = "does not exist" if table is None else f"is a {_kind(table)}, not a table"
            raise CatalogMismatchError(
                f"{name}, which the plugin {registered[name].plugin!r} registers, {problem} in "
                f"the database {catalog.database!r}{did_you_mean(name, catalog.tables)}"
            )
    return {name: catalog.tables[name] for name in sorted(registered)}


def _check_readable(
    catalog: Catalog,
    tables: Sequence[Table],
    columns: Mapping[RelationName, tuple[Column, ...]],
) -> None:
    """Find all missing privileges at once, with the GRANT for each kind."""
    closed = [table.name.schema for table in tables if not table.may_use_schema]
    unread = [
        table.name
        for table in tables
        if not table.may_select and not _may_read(columns[table.name])
    ]
    if closed or unread:
        raise PrivilegeError(
            f"the role {catalog.role!r} may not read {len(unread) or len(closed)} of the tables "
            f"to export; run as their owner: {read_grants(closed, unread, catalog.role)}"
        )


def _check_not_hidden(catalog: Catalog, tables: Sequence[Table], row_security: RowSecurity) -> None:
    hidden = [table.named_with_policies for table in tables if table.rows_are_hidden]
    if hidden and row_security is RowSecurity.FAIL:
        raise PrivilegeError(
            f"row-level security may hide rows of {', '.join(hidden)} from the role "
            f"{catalog.role!r}, and an export must not lose them; read as the tables' owner or "
            f"as a role with BYPASSRLS, or say that the rows which this role sees are wanted: "
            f"row_security = 'as-role' under [export]"
        )


def _may_read(columns: Sequence[Column]) -> bool:
    """Tell whether SELECT on columns alone will do; without a column it never does."""
    return bool(columns) and all(column.may_select for column in columns)


def _scopes(registered: Iterable[Registered]) -> Iterator[str]:
    """Yield the names of the scope values by which columns choose rows."""
    for item in registered:
        if isinstance(item.registration.rows, ByColumn):
            yield item.registration.rows.scope


def _check_scope(registered: Collection[Registered], settings: Settings) -> None:
    scope = settings.scope
    needed: dict[str, str] = {}
    for item in registered:
        if isinstance(item.registration.rows, ByColumn):
            needed.setdefault(item.registration.rows.scope, item.plugin)
    used = set(needed) | _named_in_conditions(registered, settings)
    if settings.tenant_values and used.isdisjoint(settings.tenant_values):
        given = ", ".join(settings.tenant_values)
        raise ConfigurationError(
            f"no rows are chosen by {given}, so every tenant would be exported with the same rows; "
            f"name one in a condition, as in --root 'public.customer: id = :id', or name the "
            f"columns of --each as the scope is named"
        )
    for name in sorted(set(scope) - used - set(settings.tenant_values)):
        meant = did_you_mean(name, needed, "did you mean {!r}? ")
        known = ", ".join(sorted(needed)) or "none"
        raise ScopeError(
            f"scope {name!r} is used by no registered table; {meant}scopes in use: {known}"
        )
    for name, plugin in sorted(needed.items()):
        if name not in scope:
            raise ScopeError(
                f"the plugin {plugin!r} needs to know whose rows: give --scope {name}=VALUE, or "
                f"{name} under [scope]"
            )


def _check_changes(
    tables: Mapping[RelationName, Table],
    registered: Mapping[RelationName, Registered],
    settings: Settings,
) -> None:
    """Find all mistakes of `[[tables]]` at once, and what a plugin cannot omit."""
    problems = list(_misnamed(settings.tables, tables))
    changes = {change.name: change for change in settings.tables}
    for name in sorted(tables):
        change = changes.get(name)
        said = change is not None and change.omit is not None
        place = f"{settings.path_of(name)}.omit: " if said else ""
        left_out = omitted(registered[name], change)
        problems += [f"{place}{problem}" for problem in _not_to_omit(tables[name], left_out)]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _misnamed(
    changes: Sequence[TableSettings], tables: Mapping[RelationName, Table]
) -> Iterator[str]:
    seen: dict[RelationName, int] = {}
    for index, change in enumerate(changes):
        if change.name not in tables:
            meant = did_you_mean(change.name, tables)
            yield f"tables[{index}].name: no plugin registers {change.name}{meant}"
        if seen.setdefault(change.name, index) != index:
            yield (
                f"tables[{index}].name: {change.name} stands at tables[{seen[change.name]}] too; "
                f"join the two"
            )


def _not_to_omit(table: Table, names: Iterable[str]) -> Iterator[str]:
    present = {column.name: column for column in table.columns}
    for name in names:
        column = present.get(name)
        if column is None:
            yield f"{table.name} has no column {name!r} to omit{did_you_mean(name, present)}"
        elif column.not_null and not column.has_default:
            yield (
                f"{table.name}.{name} cannot be omitted: it is NOT NULL and has no default, so no "
                f"row could be inserted"
            )


def _membership(item: Registered) -> Membership:
    return item.registration.rows


def omitted(item: Registered, change: TableSettings | None) -> tuple[str, ...]:
    """Return the columns left to their default: the configuration's list, or else the plugin's."""
    if change is not None and change.omit is not None:
        return change.omit
    return item.registration.omit


def _check_shapes(
    tables: Mapping[RelationName, Table], registered: Mapping[RelationName, Registered]
) -> None:
    """Refuse tables that lack a column for which their plugin was written."""
    for name, table in tables.items():
        item = registered[name]
        present = {column.name for column in table.columns}
        for declared in item.registration.shape.columns if item.registration.shape else ():
            if declared.name not in present:
                raise CatalogMismatchError(
                    f"{name} has no column {declared.name!r} ({declared.type}), for which the "
                    f"plugin {item.plugin!r} was written{did_you_mean(declared.name, present)}; "
                    f"update the plugin, or the database"
                )


def _columns(table: Table, left_out: Collection[str]) -> tuple[Column, ...]:
    return tuple(c for c in table.columns if c.writable and c.name not in left_out)


def _rows(
    tables: Mapping[RelationName, Table],
    item: Registered,
    change: TableSettings | None,
    scope: Mapping[str, str],
) -> ChosenRows:
    name = item.registration.table
    conditions: list[Condition] = []
    match item.registration.rows:
        case ByColumn(column, scope_name, shared):
            if tables[name].column(column) is None:
                raise PluginError(
                    f"the plugin {item.plugin!r} chooses rows of {name} by its column "
                    f"{column!r}, which does not exist; update the plugin"
                )
            if shared is Shared.ALL:
                conditions.append(Satisfies(_own_or_shared(column, scope[scope_name])))
            else:
                conditions.append(ColumnIs(column, scope[scope_name]))
        case ThroughForeignKey(columns):
            conditions.append(LinkedTo((_link_up(tables, item, columns),)))
        case WhereReferenced():
            conditions.append(LinkedTo(_links_down(tables, name)))
        case ByPredicate(predicate):
            conditions.append(Satisfies(predicate))
        case InClosure():
            conditions.append(RowsAt(()))
        case AllRows():
            pass
        case other:
            unexpected(other)
    if change is not None and change.where is not None:
        conditions.append(Satisfies(with_scope_values(change.where, scope)))
    table = tables[name]
    return ChosenRows(
        tuple(conditions),
        table.kind is RelationKind.TABLE,
        table.equality,
        table.keys_to_follow,
    )


def _own_or_shared(column: str, value: str) -> str:
    name = sql.Identifier(column)
    condition = sql.SQL("{} = {} OR {} IS NULL").format(name, sql.Literal(value), name)
    return condition.as_string()


def _with_scope_values(item: Registered, scope: Mapping[str, str]) -> Registered:
    """Return the registration with the scope values in its condition."""
    rows = item.registration.rows
    if isinstance(rows, ByPredicate):
        rows = evolve(rows, sql=with_scope_values(rows.sql, scope))
    elif isinstance(rows, InClosure) and rows.root is not None:
        rows = evolve(rows, root=with_scope_values(rows.root, scope))
    return evolve(item, registration=evolve(item.registration, rows=rows))


def _named_in_conditions(registered: Iterable[Registered], settings: Settings) -> set[str]:
    """Return the scope values that conditions mention."""
    conditions = [change.where for change in settings.tables]
    for item in registered:
        rows = item.registration.rows
        conditions.append(rows.sql if isinstance(rows, ByPredicate) else None)
        conditions.append(rows.root if isinstance(rows, InClosure) else None)
    return {name for text in conditions if text is not None for name in scope_names(text)}


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


def _check_links_end(rows: Selection) -> None:
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


def _scope_columns(
    registered: Iterable[Registered],
    tables: Mapping[RelationName, Table],
    scope: Mapping[str, str],
) -> dict[str, tuple[RelationName, Column]]:
    found: dict[str, tuple[RelationName, Column]] = {}
    for item in registered:
        rows = item.registration.rows
        if isinstance(rows, ByColumn):
            column = tables[item.registration.table].column(rows.column)
            if column is not None and rows.scope in scope:
                found.setdefault(rows.scope, (item.registration.table, column))
    return found


def _kind(table: Table) -> str:
    return table.kind.name.lower().replace("_", " ")
