"""Composes the statements of a replay from tables and a load order; never from an artifact.

A statement is a head, rows each on a line of its own, and a tail, so that rows can be streamed
between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, frozen

from replant.database import sql
from replant.database.connections import EXACT_INPUT
from replant.model import (
    COPY,
    AsReplica,
    CheckForeignKeys,
    DeferConstraints,
    LoadTable,
    LoadTogether,
    OnConflict,
    PatchColumns,
    PlannedTable,
    RelationName,
    Statement,
    Step,
    step_tables,
)
from replant.sql.conflict import on_conflict, updated_rows
from replant.sql.row_forms import COPY_ROWS, RowForm
from replant.sql.staging_tables import Staging, create_all, insert_all_quietly
from replant.sql.where_clauses import columns, equals, null_of, relation

#: Set for the transaction only, so the session is left as it was: what a value's text means when
#: it is read, and that nothing cuts a long load short. What triggers, CHECK constraints and
#: defaults compute with is the target's own.
_SETTINGS = {
    **EXACT_INPUT,
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
}


#: As a regular expression of PostgreSQL's: what moves a terminal's cursor, ends a line, or turns
#: the text behind it round. Messages hold names, and a name may hold anything.
UNPRINTABLE = r"[[:cntrl:]\u200e\u200f\u2028-\u202e\u2066-\u2069]"


# PostgreSQL's own types and operators come first, so a name without a schema in a value means
# what it meant in the source; the rest of the path stays for the sake of trigger functions.
_SEARCH_PATH = """\
BEGIN
  PERFORM pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog',
    nullif(pg_catalog.current_setting('search_path'), '')), true);
END"""

# The rows of this transaction are of age 0, or younger where a client sets savepoints. Other
# sessions' rows may be younger too; theirs were checked. A reference with a NULL in it references
# nothing, unless the key is MATCH FULL and another part of it is given.
_CHECK_FOREIGN_KEYS = """\
DECLARE
  key record;
  broken text;
BEGIN
  FOR key IN
    SELECT k.conname, n.nspname, t.relname, k.conrelid::regclass AS relation,
           k.confrelid::regclass AS referenced,
           pg_catalog.string_agg(pg_catalog.format('p.%I OPERATOR(%I.%s) c.%I', b.attname,
             m.nspname, o.oprname, a.attname), ' AND ' ORDER BY u.place) AS same,
           pg_catalog.string_agg(pg_catalog.format('c.%I IS NOT NULL', a.attname),
             CASE WHEN k.confmatchtype = 'f' THEN ' OR ' ELSE ' AND ' END ORDER BY u.place)
             AS given,
           pg_catalog.string_agg(pg_catalog.format('%L, c.%I', a.attname, a.attname), ', '
             ORDER BY u.place) AS shown
    FROM pg_constraint AS k
    JOIN pg_class AS t ON t.oid = k.conrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    CROSS JOIN unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY
      AS u (own, other, operator, place)
    JOIN pg_operator AS o ON o.oid = u.operator
    JOIN pg_namespace AS m ON m.oid = o.oprnamespace
    JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.own
    JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = u.other
    WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY (ARRAY[{tables}]::regclass[])
      AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true)
    GROUP BY k.oid, k.conname, k.conrelid, k.confrelid, k.confmatchtype, n.nspname, t.relname
    ORDER BY k.conrelid::regclass::text, k.conname
  LOOP
    EXECUTE pg_catalog.format(
      'SELECT pg_catalog.json_build_object(%s)::text FROM %s AS c WHERE pg_catalog.age(c.xmin) <= 0'
      ' AND (%s) AND NOT EXISTS (SELECT FROM %s AS p WHERE %s) LIMIT 1',
      key.shown, key.relation, key.given, key.referenced, key.same) INTO broken;
    IF broken IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
        SCHEMA = key.nspname, TABLE = key.relname, CONSTRAINT = key.conname,
        MESSAGE = pg_catalog.regexp_replace(pg_catalog.format(
          'a row of %s violates its foreign key %I', key.relation, key.conname),
          '{unprintable}', '?', 'g'),
        DETAIL = pg_catalog.regexp_replace(pg_catalog.format(
          '%s references no row of %s', broken, key.referenced), '{unprintable}', '?', 'g');
    END IF;
  END LOOP;
END""".replace("{unprintable}", UNPRINTABLE)


@frozen
class Frame:
    """The text before and after the rows of one table in a statement.

    Attributes:
        name: the table whose rows stand between.
        columns: the columns that a row's line holds, in order.
        head: what stands before the first row, with its line end.
        tail: what stands after the last row; for COPY, after the last row's line end.
        copied: whether the rows are those of COPY, each with a line end of its own; else rows of
            an INSERT, parted by a comma and a line end.

    """

    name: RelationName
    columns: tuple[str, ...]
    head: bytes
    tail: bytes
    copied: bool = False


def opening(
    before: Iterable[Statement], tables: Sequence[RelationName], begin: bytes = b"BEGIN;\n"
) -> bytes:
    """Compose BEGIN, the settings, and what a strategy runs before the first row."""
    return begin + set_local(_SETTINGS) + do(_SEARCH_PATH) + said(before, tables)


def set_local(settings: Mapping[str, str]) -> bytes:
    """Compose the statements that set parameters until the transaction ends."""
    return b"".join(
        _bytes(sql.SQL("SET LOCAL {} = {};\n").format(sql.SQL(name), sql.Literal(value)))
        for name, value in settings.items()
    )


def filled_tables(tables: Mapping[RelationName, PlannedTable]) -> tuple[RelationName, ...]:
    """Return the tables of which there are rows to load; a target need not have the others."""
    return tuple(name for name, table in tables.items() if table.row_count)


def said(statements: Iterable[Statement], tables: Sequence[RelationName]) -> bytes:
    """Compose the statements of a load order; `tables` are those that are loaded."""
    return b"".join(_said(statement, tables) for statement in statements)


def frames(
    step: Step,
    tables: Mapping[RelationName, PlannedTable],
    format_name: str,
    *,
    counted: bool = False,
    quiet: bool = False,
) -> tuple[Frame, ...]:
    """Return the frames of one statement of a step, in order.

    A step that may be split into several statements (`LoadTable`, `PatchColumns`) has one frame,
    which each of its statements repeats.

    Args:
        step: the step of a load order.
        tables: the tables by name.
        format_name: `copy` to write rows as COPY wherever it serves, else `insert`.
        counted: whether rows that ON CONFLICT updates are counted; see `updated_rows`.
        quiet: whether nothing is returned, as in a SQL file: psql would print it.

    """
    match step:
        case LoadTable(name) if format_name == COPY and may_be_copied(tables[name]):
            head = copy_from(tables[name]) + b";\n"
            return (Frame(name, tables[name].column_names, head, b"\\.\n", copied=True),)
        case LoadTable(name):
            tail = on_conflict(tables[name], updated_rows(0) if counted else None) + b";\n"
            return (_insert(tables[name], tail),)
        case LoadTogether(names):
            return tuple(_together(tables, names, counted=counted, quiet=quiet))
        case PatchColumns(name, patched):
            return (_patch(tables[name], patched),)


@frozen
class StepText:
    """What a SQL file says around the rows of a step.

    Attributes:
        before: what stands before the first statement.
        frames: of the statements with the rows.
        after: what stands behind the last statement.
        may_split: whether the rows of a frame may be spread over several statements.

    """

    before: bytes
    frames: tuple[Frame, ...]
    after: bytes
    may_split: bool


def step_text(
    step: Step, tables: Mapping[RelationName, PlannedTable], format_name: str
) -> StepText:
    """Compose what a SQL file says around the rows of a step, all of whose tables have rows.

    Rows that may update rows of the target come through temporary tables, which keep their keys
    until the rows are compared.
    """
    names = step_tables(step)
    if isinstance(step, PatchColumns) or not any(is_staged_in_file(tables[n]) for n in names):
        own = frames(step, tables, format_name, quiet=True)
        return StepText(b"", own, b"", len(own) == 1)
    staged = [staging_of(tables, name) for name in names]
    own = tuple(_stage(one) for one in staged)
    return StepText(create_all(staged), own, insert_all_quietly(staged), may_split=True)


def is_staged_in_file(table: PlannedTable) -> bool:
    """Return whether rows of a SQL file are staged, so that they can be compared by their keys."""
    return table.on_conflict.needs_key and table.row_count > 0


def staging_of(
    tables: Mapping[RelationName, PlannedTable],
    name: RelationName,
    separate_columns: tuple[str, ...] = (),
) -> Staging:
    """Return how the rows of a table are staged; the number is its place among the tables."""
    return Staging(tables[name], list(tables).index(name), separate_columns)


def _stage(staged: Staging) -> Frame:
    head = sql.SQL("INSERT INTO {} ({}) VALUES\n").format(
        staged.rows, columns(staged.table.column_names)
    )
    return Frame(staged.table.name, staged.table.column_names, _bytes(head), b";\n")


def may_be_copied(table: PlannedTable) -> bool:
    """Return whether COPY can load the table: it has columns, and needs no ON CONFLICT."""
    return table.on_conflict is OnConflict.ERROR and bool(table.columns)


def copy_from(table: PlannedTable, form: RowForm = COPY_ROWS) -> bytes:
    """Compose COPY FROM for the table's rows in a form, without its semicolon.

    For an identity column that is GENERATED ALWAYS, COPY takes the values that it is given.
    """
    return copy_into(relation(table.name), table.column_names, form)


def copy_into(name: sql.Composable, names: Sequence[str], form: RowForm) -> bytes:
    """Compose COPY FROM for rows in a form into a table, without its semicolon."""
    options = sql.SQL(f" WITH ({form.copy_options})" if form.copy_options else "")
    return _bytes(sql.SQL("COPY {} ({}) FROM stdin{}").format(name, columns(names), options))


def _together(
    tables: Mapping[RelationName, PlannedTable],
    names: Sequence[RelationName],
    *,
    counted: bool,
    quiet: bool,
) -> Iterable[Frame]:
    """Compose an INSERT for each table in a CTE, all checked at the end of the one statement.

    It says how many rows each table took, unless it is to be quiet: then the last INSERT is the
    statement itself. RETURNING a constant needs no privilege but INSERT.
    """
    last = len(names) - 1
    counts = ", ".join(f'(SELECT count(*) FROM "{number}")' for number in range(len(names)))  # noqa: S608 - numbers only
    for number, name in enumerate(names):
        lead = "WITH " if number == 0 else ""
        taken = on_conflict(tables[name], updated_rows(number) if counted else None)
        if quiet and number == last:
            yield _insert(tables[name], taken + b";\n")
            return
        quiet_end = "\n" if quiet and number == last - 1 else ",\n"
        close = "\nRETURNING 1)" + (f"\nSELECT {counts};\n" if number == last else quiet_end)
        frame = _insert(tables[name], taken + close.encode())
        yield evolve(frame, head=f'{lead}"{number}" AS (\n'.encode() + frame.head)


def _insert(table: PlannedTable, tail: bytes) -> Frame:
    """Compose INSERT with named columns; for a table without columns, from a list of rows."""
    name = relation(table.name)
    if not table.columns:
        head = sql.SQL("INSERT INTO {} SELECT FROM (VALUES\n").format(name)
        return Frame(table.name, (), _bytes(head), b"\n) AS _" + tail)
    head = sql.SQL("INSERT INTO {}{} ({}) {}VALUES\n").format(
        name,
        sql.SQL(" AS t0" if table.on_conflict is OnConflict.UPDATE else ""),
        columns(table.column_names),
        sql.SQL("OVERRIDING SYSTEM VALUE " if table.overriding else ""),
    )
    return Frame(table.name, table.column_names, _bytes(head), tail)


def _patch(table: PlannedTable, patched: tuple[str, ...]) -> Frame:
    """Compose UPDATE from a list of rows, whose first row is NULLs that give the column types.

    A quoted value in a VALUES list takes the type of the column's other rows, so it is read by
    the type's input function; a cast from text might be another function.
    """
    names = table.key + patched
    head = sql.SQL("UPDATE {} AS t SET {} FROM (VALUES\n({}),\n").format(
        relation(table.name),
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("v", name))
            for name in patched
        ),
        sql.SQL(", ").join(null_of(table.name, name) for name in names),
    )
    tail = sql.SQL("\n) AS v ({}) WHERE {};\n").format(
        columns(names),
        sql.SQL(" AND ").join(
            sql.SQL("{} {} {}").format(
                sql.Identifier("t", name),
                equals(table.rows.equality.get(name)),
                sql.Identifier("v", name),
            )
            for name in table.key
        ),
    )
    return Frame(table.name, names, _bytes(head), _bytes(tail))


def _said(statement: Statement, tables: Sequence[RelationName]) -> bytes:
    match statement:
        case AsReplica():
            return b"SET LOCAL session_replication_role = 'replica';\n"
        case DeferConstraints(constraints):
            names = sql.SQL(", ").join(sql.Identifier(*pair) for pair in constraints)
            return _bytes(sql.SQL("SET CONSTRAINTS {} DEFERRED;\n").format(names))
        case CheckForeignKeys():
            quoted = [sql.Literal(relation(name).as_string()) for name in tables]
            listed = sql.SQL(", ").join(quoted).as_string()
            return do(_CHECK_FOREIGN_KEYS.replace("{tables}", listed))


def do(body: str) -> bytes:
    """Compose an anonymous block with a dollar quote that no name in its body can end."""
    tag = "replant"
    while f"${tag}$" in body:
        tag += "_"
    return f"DO ${tag}$\n{body}\n${tag}$;\n".encode()


def _bytes(part: sql.Composable) -> bytes:
    return part.as_string().encode()
