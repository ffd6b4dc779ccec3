"""Finds the privileges that a load needs and the role lacks, each with the GRANT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replant.artifact.manifest import Manifest
from replant.database.privileges import SequencePrivileges
from replant.model import (
    AsReplica,
    Catalog,
    CheckForeignKeys,
    Finding,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OnConflict,
    RelationName,
    Severity,
    Subject,
    name_a_few,
    readable,
)
from replant.replay.load_plan import Load, must_be_staged, updated_tables
from replant.replay.role_privileges import RolePrivileges
from replant.sql.grants import grants, usage_grants


def find_missing_privileges(
    catalog: Catalog, privileges: RolePrivileges, load: Load
) -> Iterator[Finding]:
    """Yield every privilege that the load needs and the role lacks, with its GRANT."""
    has, role = privileges.tables, catalog.role
    filled = [name for name, table in load.tables.items() if table.row_count]
    schemas = sorted({n.schema for n in filled if not has[n].use_schema})
    if schemas:
        listed = name_a_few(map(readable, schemas))
        yield _refusal(role, listed, f"USAGE on the schema {listed}", usage_grants(schemas, role))
    needed = {
        "INSERT": [n for n in filled if not has[n].insert],
        "SELECT": {*_unreadable(privileges, load.order), *_unseen(privileges, load)},
        "SELECT, UPDATE": [n for n in updated_tables(load) if n not in privileges.may_update],
    }
    for privilege, names in needed.items():
        if names:
            listed = name_a_few(map(str, sorted(names)))
            remedy = grants(privilege, names, role)
            yield _refusal(role, listed, f"{privilege} on {listed}", remedy)
    yield from _policies(role, privileges, filled)
    yield from _settings(catalog, privileges, load)
    yield from _unusable_sequences(role, privileges, load)


def _refusal(role: str, place: str, lacks: str, remedy: str) -> Finding:
    what = f"the role {role!r} lacks {lacks}"
    return Finding(Subject.PRIVILEGE, Severity.REFUSES, place, what, remedy)


def _unreadable(privileges: RolePrivileges, order: LoadOrder) -> Iterable[RelationName]:
    """Return the tables that a check of foreign keys would read, and the role may not."""
    return privileges.unreadable if CheckForeignKeys() in order.after else ()


def _unseen(privileges: RolePrivileges, load: Load) -> Iterator[RelationName]:
    """Yield the tables whose existing rows a query has to find, and that the role may not read."""
    for name, table in load.tables.items():
        looked_up = table.row_count and table.matching is not None
        reads_only = looked_up and table.on_conflict is not OnConflict.UPDATE
        if reads_only and not privileges.tables[name].select:
            yield name


def _policies(
    role: str, privileges: RolePrivileges, filled: list[RelationName]
) -> Iterator[Finding]:
    """Refuse to load tables of which no policy lets the role insert rows; all of them at once."""
    closed = [str(name) for name in filled if name in privileges.no_policy]
    if closed:
        what = f"row-level security lets the role {role!r} insert no row into {', '.join(closed)}"
        remedy = f"CREATE POLICY … ON {closed[0]} FOR INSERT TO {readable(role)} WITH CHECK (…);"
        remedy += " and so for each of them" if len(closed) > 1 else ""
        yield Finding(Subject.PRIVILEGE, Severity.REFUSES, closed[0], what, remedy)


def _settings(catalog: Catalog, privileges: RolePrivileges, load: Load) -> Iterator[Finding]:
    """Yield what the role lacks for settings and temporary tables."""
    role = catalog.role
    if AsReplica() in load.order.before and not privileges.replica:
        parameter = "session_replication_role"
        yield _refusal(
            role,
            parameter,
            f"SET on the parameter {parameter}, which this strategy needs",
            f"GRANT SET ON PARAMETER {parameter} TO {readable(role)}; (PostgreSQL 15 or later; "
            f"before that only a superuser has it), or replay with --strategy auto",
        )
    staged = staged_tables(load)
    if staged and not privileges.temporary:
        database = readable(catalog.database)
        yield _refusal(
            role,
            database,
            f"TEMPORARY on the database {database}, where the rows of "
            f"{name_a_few(map(str, staged))} come together",
            f"GRANT TEMPORARY ON DATABASE {database} TO {readable(role)};",
        )
    for name in staged:
        if privileges.temporary and name not in privileges.may_stage:
            types = sorted({c.type for c in load.tables[name].columns if "." in c.type})
            listed = ", ".join(type_.removesuffix("[]") for type_ in types)
            remedy = f"GRANT USAGE ON TYPE {listed} TO {readable(role)};"
            yield _refusal(role, str(name), f"USAGE on the types of the columns of {name}", remedy)


def staged_tables(load: Load) -> list[RelationName]:
    """Return the tables whose rows come through temporary tables."""
    staged = []
    for step in load.order.steps:
        match step:
            case LoadTogether(names):
                staged += [n for n in names if step.staged or must_be_staged(load, step, n)]
            case LoadTable(name) if must_be_staged(load, step, name):
                staged.append(name)
    return [name for name in staged if name in load.tables and load.tables[name].row_count]


def _unusable_sequences(role: str, privileges: RolePrivileges, load: Load) -> Iterator[Finding]:
    """Find sequences that fill columns without exported values, and that the role may not use."""
    for sequence in privileges.sequences:
        table = load.tables[sequence.table]
        given = sequence.column in table.column_names
        if given or not table.row_count or not sequence.in_default:
            continue
        if not (sequence.draw and sequence.use_schema):
            column = f"{sequence.table}.{readable(sequence.column)}"
            remedy = f"GRANT USAGE ON SEQUENCE {sequence.name} TO {readable(role)};"
            if not sequence.use_schema:
                remedy = f"{usage_grants([sequence.name.schema], role)} {remedy}"
            yield Finding(
                Subject.SEQUENCE,
                Severity.REFUSES,
                str(sequence.name),
                f"the role {role!r} may draw no value from {sequence.name} for {column}",
                remedy,
            )


def unmoved_sequences(
    manifest: Manifest, catalog: Catalog, privileges: RolePrivileges
) -> Iterator[Finding]:
    """Find sequences that the load would have to move, and the role may not."""
    wanted = {(position.table, position.column) for position in manifest.sequences}
    for sequence in privileges.sequences:
        if not sequence.move and (sequence.table, sequence.column) in wanted:
            yield _unmoved(sequence, catalog.role)


def _unmoved(sequence: SequencePrivileges, role: str) -> Finding:
    column = f"{sequence.table}.{readable(sequence.column)}"
    return Finding(
        Subject.SEQUENCE,
        Severity.NOTE,
        str(sequence.name),
        f"the sequence {sequence.name} of {column} stays where it is: the role may not move it",
        f"GRANT UPDATE ON SEQUENCE {sequence.name} TO {readable(role)};",
        together="sequences stay where they are, as the role may not move them",
    )


def uncompared(catalog: Catalog, load: Load) -> Iterator[Finding]:
    """Find tables that cannot be compared with the exported rows, as the role cannot see them."""
    hidden = [name for name in load.tables if catalog.tables[name].rows_are_hidden]
    unread = sorted(load.tables.keys() - load.readable - {*hidden})
    if unread:
        listed = name_a_few(map(str, unread))
        what = f"not compared with the exported rows, since the role may not SELECT: {listed}"
        remedy = grants("SELECT", unread, catalog.role)
        yield Finding(Subject.UNSEEN, Severity.NOTE, listed, what, remedy)
    if hidden:
        listed = name_a_few(catalog.tables[name].named_with_policies for name in hidden)
        what = f"not compared with the exported rows, since policies may hide some: {listed}"
        yield Finding(Subject.UNSEEN, Severity.NOTE, listed, what, "")
