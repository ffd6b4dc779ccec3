"""What the role lacks to carry out a load, each with the GRANT; and what it may go without."""

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
    PatchColumns,
    RelationName,
    Severity,
    Subject,
    readable,
)
from replant.replay.load_plan import Load, must_be_joined
from replant.replay.role_privileges import Powers
from replant.sql.grants import grants, usage_grants

#: So many names are listed; the GRANT has them all.
_LISTED = 3


def privilege_findings(catalog: Catalog, powers: Powers, load: Load) -> Iterator[Finding]:
    """Every privilege that the load needs and the role lacks."""
    has, role = powers.tables, catalog.role
    filled = [name for name, table in load.tables.items() if table.row_count]
    schemas = sorted({n.schema for n in filled if not has[n].use_schema})
    if schemas:
        listed = few(map(readable, schemas))
        yield _refusal(role, listed, f"USAGE on the schema {listed}", usage_grants(schemas, role))
    needed = {
        "INSERT": [n for n in filled if not has[n].insert],
        "SELECT": _unreadable(powers, load.order),
        "SELECT, UPDATE": [n for n in _changed(load) if n not in powers.may_update],
    }
    for privilege, names in needed.items():
        if names:
            listed = few(map(str, sorted(names)))
            mend = grants(privilege, names, role)
            yield _refusal(role, listed, f"{privilege} on {listed}", mend)
    yield from _policies(role, powers, filled)
    yield from _settings(catalog, powers, load)
    yield from _drawn(role, powers, load)


def few(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _LISTED
    return ", ".join(listed[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _refusal(role: str, place: str, lacks: str, mend: str) -> Finding:
    what = f"the role {role!r} lacks {lacks}"
    return Finding(Subject.PRIVILEGE, Severity.REFUSES, place, what, mend)


def _unreadable(powers: Powers, order: LoadOrder) -> Iterable[RelationName]:
    """The tables that a check of foreign keys would read, and the role may not."""
    return powers.unreadable if CheckForeignKeys() in order.after else ()


def _changed(load: Load) -> Iterator[RelationName]:
    """The tables of which rows that are there are found and changed."""
    patched = {step.table for step in load.order.steps if isinstance(step, PatchColumns)}
    for name, table in load.tables.items():
        if table.row_count and (name in patched or table.on_conflict is OnConflict.UPDATE):
            yield name


def _policies(role: str, powers: Powers, filled: list[RelationName]) -> Iterator[Finding]:
    for name in filled:
        if name in powers.no_policy:
            what = f"row-level security lets the role {role!r} insert no row into {name}"
            mend = f"CREATE POLICY … ON {name} FOR INSERT TO {readable(role)} WITH CHECK (…);"
            yield Finding(Subject.PRIVILEGE, Severity.REFUSES, str(name), what, mend)


def _settings(catalog: Catalog, powers: Powers, load: Load) -> Iterator[Finding]:
    """What the order sets or makes beside the rows."""
    role = catalog.role
    if AsReplica() in load.order.before and not powers.replica:
        parameter = "session_replication_role"
        yield _refusal(
            role,
            parameter,
            f"SET on the parameter {parameter}, which this strategy needs",
            f"GRANT SET ON PARAMETER {parameter} TO {readable(role)}; (PostgreSQL 15 or later; "
            f"before that only a superuser has it), or replay with --strategy auto",
        )
    staged = staged_tables(load)
    if staged and not powers.temporary:
        database = readable(catalog.database)
        yield _refusal(
            role,
            database,
            f"TEMPORARY on the database {database}, where the rows of {few(map(str, staged))} "
            f"come together",
            f"GRANT TEMPORARY ON DATABASE {database} TO {readable(role)};",
        )
    for name in staged:
        if powers.temporary and name not in powers.may_stage:
            types = sorted({c.type for c in load.tables[name].columns if "." in c.type})
            listed = ", ".join(type_.removesuffix("[]") for type_ in types)
            mend = f"GRANT USAGE ON TYPE {listed} TO {readable(role)};"
            yield _refusal(role, str(name), f"USAGE on the types of the columns of {name}", mend)


def staged_tables(load: Load) -> list[RelationName]:
    """The tables whose rows come by way of temporary ones, as those do that must be joined."""
    staged = []
    for step in load.order.steps:
        match step:
            case LoadTogether(names):
                staged += [n for n in names if step.staged or must_be_joined(load, step, n)]
            case LoadTable(name) if must_be_joined(load, step, name):
                staged.append(name)
    return [name for name in staged if name in load.tables and load.tables[name].row_count]


def _drawn(role: str, powers: Powers, load: Load) -> Iterator[Finding]:
    """Sequences that the default of a column draws from which gets no value of the artifact's."""
    for sequence in powers.sequences:
        table = load.tables[sequence.table]
        given = sequence.column in table.column_names
        if given or not table.row_count or not sequence.in_default:
            continue
        if not (sequence.draw and sequence.use_schema):
            column = f"{sequence.table}.{readable(sequence.column)}"
            mend = f"GRANT USAGE ON SEQUENCE {sequence.name} TO {readable(role)};"
            if not sequence.use_schema:
                mend = f"{usage_grants([sequence.name.schema], role)} {mend}"
            yield Finding(
                Subject.SEQUENCE,
                Severity.REFUSES,
                str(sequence.name),
                f"the role {role!r} may draw no value from {sequence.name} for {column}",
                mend,
            )


def unmoved_sequences(manifest: Manifest, catalog: Catalog, powers: Powers) -> Iterator[Finding]:
    """Sequences that the load would have to move, and the role may not."""
    wanted = {(position.table, position.column) for position in manifest.sequences}
    for sequence in powers.sequences:
        if sequence.owned and not sequence.move and (sequence.table, sequence.column) in wanted:
            yield _unmoved(sequence, catalog.role)


def _unmoved(sequence: SequencePrivileges, role: str) -> Finding:
    column = f"{sequence.table}.{readable(sequence.column)}"
    return Finding(
        Subject.SEQUENCE,
        Severity.NOTE,
        str(sequence.name),
        f"the sequence {sequence.name} of {column} stays where it is: the role may not move it",
        f"GRANT UPDATE ON SEQUENCE {sequence.name} TO {readable(role)};",
    )


def uncompared(catalog: Catalog, powers: Powers, load: Load) -> Iterator[Finding]:
    """Tables whose rows nobody compares with those that were exported: the role cannot see them."""
    hidden = [name for name in load.tables if catalog.tables[name].rows_are_hidden]
    unread = [n for n, has in powers.tables.items() if not has.select and n not in hidden]
    if unread:
        listed = few(map(str, unread))
        what = f"not compared with the exported rows, since the role may not SELECT: {listed}"
        mend = grants("SELECT", unread, catalog.role)
        yield Finding(Subject.UNSEEN, Severity.NOTE, listed, what, mend)
    if hidden:
        listed = few(map(str, hidden))
        what = f"not compared with the exported rows, since policies may hide some: {listed}"
        yield Finding(Subject.UNSEEN, Severity.NOTE, listed, what, "")
