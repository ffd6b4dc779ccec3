"""The statements of a replay, composed from tables and a load order; never from an artifact.

An INSERT is a head, rows each on a line of its own, and a tail, so that rows can be streamed
between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen
from psycopg import sql

from replant.model import (
    AsReplica,
    CheckForeignKeys,
    DeferConstraints,
    LoadTable,
    LoadTogether,
    PatchColumns,
    PlannedTable,
    RelationName,
    Statement,
    Step,
)
from replant.rendering.conditions import columns, relation

#: What a value's text means when it is read depends on these; they are set for the transaction
#: only, so the session is left as it was. PostgreSQL 19 has no standard_conforming_strings = off.
_SETTINGS = (
    ("client_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("lc_monetary", "C"),
    ("array_nulls", "on"),
    ("xmloption", "content"),
    ("statement_timeout", "0"),
)

# PostgreSQL's own types and operators come first, so a name without a schema in a value means
# what it meant in the source; the rest of the path stays for the sake of trigger functions.
_SEARCH_PATH = """\
BEGIN
  PERFORM pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog',
    nullif(pg_catalog.current_setting('search_path'), '')), true);
END"""

# The rows of this transaction are those whose xmin is its id. A reference with a NULL in it
# references nothing, unless the key is MATCH FULL and another part of it is given.
_CHECK_FOREIGN_KEYS = """\
DECLARE
  key record;
  broken text;
BEGIN
  FOR key IN
    SELECT k.conname, n.nspname, t.relname, k.conrelid::regclass AS relation,
           k.confrelid::regclass AS referenced,
           string_agg(format('p.%I = c.%I', b.attname, a.attname), ' AND '
             ORDER BY u.place) AS same,
           string_agg(format('c.%I IS NOT NULL', a.attname), CASE WHEN k.confmatchtype = 'f'
             THEN ' OR ' ELSE ' AND ' END ORDER BY u.place) AS given,
           string_agg(format('%L, c.%I', a.attname, a.attname), ', ' ORDER BY u.place) AS shown
    FROM pg_constraint AS k
    JOIN pg_class AS t ON t.oid = k.conrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    CROSS JOIN unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (own, other, place)
    JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.own
    JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = u.other
    WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY (ARRAY[{tables}]::regclass[])
      AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
    GROUP BY k.oid, k.conname, k.conrelid, k.confrelid, k.confmatchtype, n.nspname, t.relname
    ORDER BY k.conrelid::regclass::text, k.conname
  LOOP
    EXECUTE format(
      'SELECT json_build_object(%s)::text FROM %s AS c WHERE c.xmin = pg_current_xact_id()::xid'
      ' AND (%s) AND NOT EXISTS (SELECT FROM %s AS p WHERE %s) LIMIT 1',
      key.shown, key.relation, key.given, key.referenced, key.same) INTO broken;
    IF broken IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
        SCHEMA = key.nspname, TABLE = key.relname, CONSTRAINT = key.conname,
        MESSAGE = format('a row of %s violates its foreign key %I', key.relation, key.conname),
        DETAIL = format('%s references no row of %s', broken, key.referenced);
    END IF;
  END LOOP;
END"""


@frozen
class InsertFrame:
    """What stands around the rows of one table in a statement.

    Attributes:
        name: the table whose rows stand between.
        columns: the columns that a row's line holds, in order.
        head: what stands before the first row, with its line end.
        tail: what stands after the last row, with its line end.

    """

    name: RelationName
    columns: tuple[str, ...]
    head: bytes
    tail: bytes


def opening(before: Iterable[Statement], tables: Sequence[RelationName]) -> bytes:
    """BEGIN, the settings, and what a strategy says before the first row."""
    settings = b"".join(
        _bytes(sql.SQL("SET LOCAL {} = {};\n").format(sql.SQL(name), sql.Literal(value)))
        for name, value in _SETTINGS
    )
    return b"BEGIN;\n" + settings + _do(_SEARCH_PATH) + said(before, tables)


def closing(after: Iterable[Statement], tables: Sequence[RelationName]) -> bytes:
    """What a strategy says after the last row, and COMMIT."""
    return said(after, tables) + b"COMMIT;\n"


def said(statements: Iterable[Statement], tables: Sequence[RelationName]) -> bytes:
    """The statements of a load order as SQL; `tables` are those that are loaded."""
    return b"".join(_said(statement, tables) for statement in statements)


def frames(step: Step, tables: Mapping[RelationName, PlannedTable]) -> tuple[InsertFrame, ...]:
    """The frames of one statement of a step, in order.

    A step that may be split into several statements (`LoadTable`, `PatchColumns`) has one frame,
    which each of its statements repeats.
    """
    match step:
        case LoadTable(name):
            head = _insert(tables[name])
            return (InsertFrame(name, tables[name].column_names, head, b";\n"),)
        case LoadTogether(names):
            return tuple(_together(tables, names))
        case PatchColumns(name, patched):
            return (_patch(tables[name], patched),)


def _together(
    tables: Mapping[RelationName, PlannedTable], names: Sequence[RelationName]
) -> Iterable[InsertFrame]:
    """An INSERT for each table in a CTE, all checked at the end of the one statement.

    It says how many rows each table took. RETURNING a constant needs no privilege but INSERT.
    """
    last = len(names) - 1
    counts = ", ".join(f'(SELECT count(*) FROM "{number}")' for number in range(len(names)))  # noqa: S608 - numbers only
    for number, name in enumerate(names):
        lead = "WITH " if number == 0 else ""
        head = f'{lead}"{number}" AS (\n'.encode() + _insert(tables[name])
        tail = "\nRETURNING 1)" + (f"\nSELECT {counts};\n" if number == last else ",\n")
        yield InsertFrame(name, tables[name].column_names, head, tail.encode())


def _insert(table: PlannedTable) -> bytes:
    overriding = "OVERRIDING SYSTEM VALUE " if table.overriding else ""
    return _bytes(
        sql.SQL("INSERT INTO {} ({}) {}VALUES\n").format(
            relation(table.name), columns(table.column_names), sql.SQL(overriding)
        )
    )


def _patch(table: PlannedTable, patched: tuple[str, ...]) -> InsertFrame:
    """UPDATE from a list of rows; a first row of NULLs says the types of the list's columns.

    A quoted value in a VALUES list takes the type of the column's other rows, so it is read by
    the type's input function; a cast from text might be another function.
    """
    types = {column.name: column.type for column in table.columns}
    names = table.key + patched
    head = sql.SQL("UPDATE {} AS t SET {} FROM (VALUES\n({}),\n").format(
        relation(table.name),
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("v", name))
            for name in patched
        ),
        sql.SQL(", ").join(sql.SQL("NULL::{}").format(sql.SQL(types[name])) for name in names),
    )
    tail = sql.SQL("\n) AS v ({}) WHERE {};\n").format(
        columns(names),
        sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("v", name))
            for name in table.key
        ),
    )
    return InsertFrame(table.name, names, _bytes(head), _bytes(tail))


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
            return _do(_CHECK_FOREIGN_KEYS.replace("{tables}", listed))


def _do(body: str) -> bytes:
    """An anonymous block; its dollar quote is one that no name in the body can end."""
    tag = "replant"
    while f"${tag}$" in body:
        tag += "_"
    return f"DO ${tag}$\n{body}\n${tag}$;\n".encode()


def _bytes(part: sql.Composable) -> bytes:
    return part.as_string().encode()
