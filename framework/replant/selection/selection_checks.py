"""Refuses registrations and settings that do not fit the source, the role or each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from replant.errors import (
    CatalogMismatchError,
    ConfigurationError,
    PrivilegeError,
    ScopeError,
)
from replant.model import (
    ByColumn,
    ByPredicate,
    Catalog,
    Column,
    InClosure,
    RelationName,
    RowSecurity,
    Settings,
    Table,
    TableSettings,
)
from replant.model.names import did_you_mean
from replant.plugins.answers import Registered, RegisteredTables
from replant.sql.grants import read_grants
from replant.sql.scope_values import scope_names


def check_any(catalog: Catalog, asked: RegisteredTables) -> None:
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


def live_tables(
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


def check_may_read(
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


def check_not_hidden(catalog: Catalog, tables: Sequence[Table], row_security: RowSecurity) -> None:
    """Refuse tables of which row-level security may hide rows, unless that is wanted.

    Raises:
        PrivilegeError: it names them, each with its policies.

    """
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


def check_scope(registered: Collection[Registered], settings: Settings) -> None:
    """Refuse scope values that are missing, and those that choose no row.

    Raises:
        ScopeError: it names the first.
        ConfigurationError: no value of `--each` chooses rows.

    """
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


def _named_in_conditions(registered: Iterable[Registered], settings: Settings) -> set[str]:
    """Return the scope values that conditions mention."""
    conditions = [change.where for change in settings.tables]
    for item in registered:
        rows = item.registration.rows
        conditions.append(rows.sql if isinstance(rows, ByPredicate) else None)
        conditions.append(rows.root if isinstance(rows, InClosure) else None)
    return {name for text in conditions if text is not None for name in scope_names(text)}


def check_changes(
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


def omitted(item: Registered, change: TableSettings | None) -> tuple[str, ...]:
    """Return the columns left to their default: the configuration's list, or else the plugin's."""
    if change is not None and change.omit is not None:
        return change.omit
    return item.registration.omit


def check_shapes(
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


def _kind(table: Table) -> str:
    return table.kind.name.lower().replace("_", " ")
