"""Composes the end of a replay: the checks against what was exported, the sequences, COMMIT.

The rows of this transaction are known by their xmin. They are compared in the transaction itself,
so a replay in which a trigger, a rule or a column's type changed something is undone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import evolve, frozen

from replant.database import sql
from replant.database.connections import EXACT_TEXT
from replant.model import (
    Check,
    ColumnIs,
    OnConflict,
    PlannedTable,
    RelationName,
    Selection,
    SequencePosition,
    Statement,
    readable,
)
from replant.sql.block_checks import COMPARE_BY_KEY, PLANNER_SETTINGS, BlocksByKey, blocks_by_key
from replant.sql.load_statements import (
    UNPRINTABLE,
    do,
    filled_tables,
    said,
    set_local,
    staging_of,
)
from replant.sql.row_forms import RowForm
from replant.sql.row_text import (
    block_sums,
    collated,
    fingerprint_expression,
    in_utf8,
    numbered_lines,
    order_by,
    value_expression,
)
from replant.sql.staging_tables import same_key
from replant.sql.where_clauses import chosen_where, relation

#: SQLSTATE of what the checks refuse and of what they could not do: of no class of PostgreSQL's.
CHECK_FAILED = "RPLNT"

#: So many tables are compared by one statement: the statement for thousands would take megabytes.
_CHECKED_AT_ONCE = 256

# A table of which no row was exported may be absent. Whoever may not read a table is told so; the
# load itself needs no SELECT. With row_security off, a
# policy that hides rows is a missing privilege too. The sums of signed hashes are equal modulo
# 2**64 or not at all.
#
# The text of a value that names an object, such as one of regclass, depends on the search path. It
# is emptied for such tables, and stays for others: an index may call functions that need it.
#
# A row that a trigger wrote inside a block with EXCEPTION, or any row while a client sets
# savepoints, has the id of a subtransaction. That is newer than the transaction's own, as are ids
# of other sessions; but a row that is seen, by a transaction that is in progress, can only be of
# this one. An id that lies in the future is an old one: the numbers have come round since.
#
# JIT would compile what is read of each table, and of each block, by itself.
_CHECK_ROWS = """\
DECLARE
  wanted record;
  part record;
  this bigint := pg_catalog.pg_current_xact_id()::text;
  later bigint;
  own boolean;
  writers xid[];
  row_count bigint;
  hash numeric;
  query text;
  unseen text[];
  unused text;
  path text := pg_catalog.current_setting('search_path');
{settings}BEGIN
  PERFORM pg_catalog.set_config('row_security', 'off', true);
  PERFORM pg_catalog.set_config('synchronize_seqscans', 'off', true),
    pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),
    pg_catalog.set_config('jit', 'off', true);
  FOR wanted IN
    SELECT * FROM (VALUES
{wanted}
    ) AS w (schema, name, shown, row_count, hash, exact, query, in_blocks,
          block, key, place, first)
  LOOP
    CONTINUE WHEN wanted.row_count = 0 AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = wanted.schema AND c.relname = wanted.name AND c.relkind IN ('r', 'p')
    );
    WITH RECURSIVE made AS (
      SELECT a.atttypid AS oid FROM pg_attribute AS a
      JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = wanted.schema AND c.relname = wanted.name
        AND a.attnum > 0 AND NOT a.attisdropped
      UNION
      SELECT p.oid FROM made AS m JOIN pg_type AS t ON t.oid = m.oid CROSS JOIN LATERAL (
        SELECT t.typelem WHERE t.typcategory = 'A'
        UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL SELECT a.atttypid FROM pg_attribute AS a WHERE t.typtype = 'c'
          AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      ) AS p (oid)
    )
    SELECT pg_catalog.set_config('search_path',
      CASE WHEN pg_catalog.count(*) > 0 THEN '' ELSE path END, true) INTO unused
    FROM made WHERE made.oid = ANY (ARRAY['regclass', 'regproc', 'regprocedure', 'regoper',
      'regoperator', 'regtype', 'regconfig', 'regdictionary', 'regcollation']::regtype[]);
{by_key}    row_count := 0;
    hash := 0;
    writers := '{}';
    BEGIN
      FOR part IN EXECUTE wanted.query LOOP
        BEGIN
          later := (part.xmin::text::bigint - this % 4294967296 + 4294967296) % 4294967296;
          own := later = 0 OR later < 2147483648
            AND pg_catalog.pg_xact_status((this + later)::text::xid8) = 'in progress';
        EXCEPTION WHEN invalid_parameter_value THEN
          own := false;
        END;
        IF own THEN
          writers := writers || part.xmin;
          row_count := row_count + part.row_count;
          hash := hash + part.hash;
        END IF;
      END LOOP;
      IF row_count = wanted.row_count AND wanted.in_blocks IS NOT NULL THEN
        EXECUTE wanted.in_blocks INTO row_count, hash USING writers;
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      unseen := unseen || wanted.shown;
      CONTINUE;
    END;
    IF row_count < wanted.row_count OR wanted.exact AND row_count > wanted.row_count THEN
      RAISE EXCEPTION USING ERRCODE = 'RPLNT', SCHEMA = wanted.schema, TABLE = wanted.name,
        MESSAGE = pg_catalog.format('%s: %s exported, and %s in the target', wanted.shown,
          wanted.row_count, row_count || CASE WHEN wanted.exact THEN ' of this replay' ELSE '' END),
        HINT = 'A trigger or rule of the target drops or adds rows. Nothing was kept.';
    ELSIF row_count = wanted.row_count
      AND pg_catalog.mod(hash - wanted.hash, 18446744073709551616) <> 0
    THEN
      RAISE EXCEPTION USING ERRCODE = 'RPLNT', SCHEMA = wanted.schema, TABLE = wanted.name,
        MESSAGE = pg_catalog.format('%s: the rows differ from those that were exported',
          wanted.shown),
        HINT = 'A trigger, rule or column type of the target changes values. Nothing was kept.';
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('max_parallel_workers_per_gather',
    by_index->>'max_parallel_workers_per_gather', true);
  IF unseen IS NOT NULL THEN
    RAISE NOTICE USING ERRCODE = 'RPLNT', MESSAGE = pg_catalog.format(
      'not compared with the exported rows, since the role %s may not SELECT all of them: %s%s',
      pg_catalog.regexp_replace(pg_catalog.quote_ident(current_user), '{unprintable}', '?', 'g'),
      pg_catalog.array_to_string(unseen[:3], ', '),
      ' and ' || nullif(greatest(pg_catalog.cardinality(unseen) - 3, 0), 0) || ' more');
  END IF;
END"""
_CHECK_ROWS = (
    _CHECK_ROWS.replace("{unprintable}", UNPRINTABLE)
    .replace("{settings}", PLANNER_SETTINGS)
    .replace("{by_key}", COMPARE_BY_KEY)
)

# The sequences of a column are those that it owns, and those that its default depends on.
# What a sequence gives next is read if it may be; else one value is taken from it to know. It is
# moved only forward, and where the role may: setval is not undone by ROLLBACK. One that has given
# its last value is past every row; so is one whose least value is greater than theirs.
_MOVE_SEQUENCES = """\
DECLARE
  wanted record;
  ascending boolean;
  goal bigint;
  next numeric;
  stays text;
BEGIN
  FOR wanted IN
    SELECT w.*, s.*, q.nspname, k.relname,
           pg_catalog.has_sequence_privilege(s.seqrelid, 'UPDATE') AS may_move,
           pg_catalog.has_schema_privilege(q.oid, 'USAGE')
             AND pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT') AS may_read
    FROM (VALUES
{wanted}
    ) AS w (schema, name, attribute, shown, least, greatest)
    JOIN pg_namespace AS n ON n.nspname = w.schema
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = w.attribute
    CROSS JOIN LATERAL (
      SELECT d.objid FROM pg_depend AS d
      WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
        AND d.refobjsubid = a.attnum AND d.classid = 'pg_class'::regclass
        AND d.deptype IN ('a', 'i')
      UNION
      SELECT d.refobjid FROM pg_attrdef AS f
      JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
        AND d.refclassid = 'pg_class'::regclass
      WHERE f.adrelid = c.oid AND f.adnum = a.attnum
    ) AS of (sequence)
    JOIN pg_sequence AS s ON s.seqrelid = of.sequence
    JOIN pg_class AS k ON k.oid = s.seqrelid
    JOIN pg_namespace AS q ON q.oid = k.relnamespace
    ORDER BY w.schema, w.name, w.attribute, of.sequence
  LOOP
    ascending := wanted.seqincrement > 0;
    goal := CASE WHEN ascending THEN wanted.greatest ELSE wanted.least END;
    CONTINUE WHEN CASE WHEN ascending THEN goal < wanted.seqmin ELSE goal > wanted.seqmax END;
    next := NULL;
    IF wanted.may_read THEN
      EXECUTE pg_catalog.format('SELECT last_value::numeric'
        ' + CASE WHEN is_called THEN %s ELSE 0 END FROM %I.%I',
        wanted.seqincrement, wanted.nspname, wanted.relname) INTO next;
    ELSIF wanted.may_move THEN
      BEGIN
        next := pg_catalog.nextval(wanted.seqrelid::regclass);
      EXCEPTION WHEN sequence_generator_limit_exceeded THEN
        CONTINUE;
      END;
    END IF;
    CONTINUE WHEN CASE WHEN ascending THEN next > goal ELSE next < goal END;
    IF goal NOT BETWEEN wanted.seqmin AND wanted.seqmax THEN
      stays := pg_catalog.format('%s lies outside its bounds', goal);
    ELSIF wanted.may_move THEN
      PERFORM pg_catalog.setval(wanted.seqrelid::regclass, goal);
      CONTINUE;
    ELSE
      stays := pg_catalog.format(
        'GRANT UPDATE ON SEQUENCE %I.%I TO %I; then SELECT setval(%L, %s)',
        wanted.nspname, wanted.relname, current_user,
        pg_catalog.format('%I.%I', wanted.nspname, wanted.relname), goal);
    END IF;
    RAISE NOTICE USING ERRCODE = 'RPLNT', SCHEMA = wanted.schema, TABLE = wanted.name,
      COLUMN = wanted.attribute, MESSAGE = pg_catalog.format(
      'the sequence of %s was not moved past the new rows: %s', wanted.shown,
      pg_catalog.regexp_replace(stays, '{unprintable}', '?', 'g'));
  END LOOP;
END""".replace("{unprintable}", UNPRINTABLE)


#: Deferred triggers may still change rows. After them nothing of the target computes, and values
#: are written as they were exported.
SETTLE = b"SET CONSTRAINTS ALL IMMEDIATE;\n" + set_local(EXACT_TEXT)


@frozen
class Ending:
    """The facts from which the end of a replay is composed.

    Attributes:
        after: what the strategy says after the last row.
        check: what is compared.
        tables: the tables by name, in load order, as the target has them.
        in_source: gives a table as the source had it.
        fingerprints: those of the exported rows.
        rows_per_block: how many rows a block of each table has; 1 if each row is hashed by itself.
        first_keys: the texts of the first key of each block, by table.
        forms: the form in which the rows of each table were hashed.
        sequences: how far sequences must have come.
        staged: the tables whose rows came through a temporary table, which still has them.

    """

    after: Sequence[Statement]
    check: Check
    tables: Mapping[RelationName, PlannedTable]
    in_source: Callable[[RelationName], PlannedTable]
    fingerprints: Mapping[RelationName, int]
    rows_per_block: Mapping[RelationName, int]
    first_keys: Mapping[RelationName, Sequence[Sequence[str]]]
    forms: Mapping[RelationName, RowForm]
    sequences: Sequence[SequencePosition]
    staged: frozenset[RelationName] = frozenset()

    @cached_property
    def selection(self) -> Selection:
        """The rows that the conditions of the tables choose.

        A table without rows, which a target need not have, chooses none in others.
        """
        filled = frozenset(filled_tables(self.tables))
        return {n: table.rows.linked_to(filled) for n, table in self.tables.items()}


def closing(ending: Ending) -> bytes:
    """Compose the end of a replay: the strategy's statements, the checks, the sequences, COMMIT."""
    blocks = [said(ending.after, filled_tables(ending.tables))]
    if ending.check is not Check.NONE and ending.tables:
        blocks += [SETTLE, *check_rows(ending, ending.tables)]
    return b"".join([*blocks, finishing(ending)])


def finishing(ending: Ending) -> bytes:
    """Compose what comes after the checks: the sequences, and COMMIT."""
    moved = _move_sequences(ending.sequences) if ending.sequences else b""
    return moved + b"COMMIT;\n"


def check_rows(ending: Ending, names: Collection[RelationName]) -> Iterator[bytes]:
    """Compose the checks of some tables: a statement for a number of them."""
    tables = [table for table in ending.tables.values() if table.name in names]
    for start in range(0, len(tables), _CHECKED_AT_ONCE):
        # One by one: what is composed takes ten times the memory of its text.
        part = tables[start : start + _CHECKED_AT_ONCE]
        rows = (_wanted_rows(ending, table) for table in part)
        yield do(_CHECK_ROWS.replace("{wanted}", _listed(rows)))


def staged_rows(
    tables: Mapping[RelationName, PlannedTable], name: RelationName, *, ordered: bool
) -> sql.Composed:
    """Select the rows of a table that have the keys of the staged rows, whoever wrote them."""
    table = tables[name]
    rows = sql.SQL("SELECT {} FROM {} AS t0 JOIN {} AS r ON {}").format(
        sql.SQL(", ").join(sql.Identifier("t0", column) for column in table.column_names),
        relation(name),
        staging_of(tables, name).rows,
        same_key(table, "t0", "r"),
    )
    return rows + sql.SQL(" ORDER BY ") + order_by(table) if ordered else rows


def own_rows(table: PlannedTable, *, ordered: bool) -> sql.Composed:
    """Select the exported columns of the rows that this transaction wrote into a table.

    Those of its subtransactions are among them, and what others committed since it began.

    Args:
        table: as the target has it.
        ordered: whether they are sorted by their key, or come as they lie in the table.

    """
    values = (value_expression(column) for column in table.columns)
    rows = sql.SQL("SELECT {} FROM {} AS t0 WHERE {} AND pg_catalog.age(t0.xmin) <= 0").format(
        sql.SQL(", ").join(values), relation(table.name), _in_itself(table)
    )
    return rows + sql.SQL(" ORDER BY ") + order_by(table) if ordered else rows


def _wanted_rows(ending: Ending, table: PlannedTable) -> sql.Composable:
    """Return one row of the list of checks.

    Rows that may have existed before are found by the keys of the staged rows. Where there are
    none, or a row may stand for another, it is known only that there are no fewer.
    """
    exact = table.on_conflict is OnConflict.ERROR
    compared = ending.check is Check.CONTENT and table.on_conflict is not OnConflict.SKIP
    is_staged = table.name in ending.staged and table.on_conflict.needs_key
    rows = _staged(ending, table) if is_staged else _chosen(ending, table, exact=exact)
    in_blocks = compared and ending.rows_per_block[table.name] > 1
    by_key = (
        blocks_by_key(ending.forms[table.name], table, ending.first_keys[table.name])
        if in_blocks and exact
        else None
    )
    total = str(ending.fingerprints[table.name]) if compared else "NULL"
    summed = _counted(ending, table, rows, exact=exact, hashed=compared and not in_blocks)
    return sql.SQL("{}, {}, {}, {}, {}::numeric, {}, {}, {}::text, {}").format(
        sql.Literal(table.name.schema),
        sql.Literal(table.name.name),
        sql.Literal(str(table.name)),
        sql.Literal(table.row_count),
        sql.SQL(total),
        sql.Literal(exact),
        sql.Literal(summed.as_string()),
        sql.Literal(
            _block_query(ending, table, rows, exact=exact).as_string() if in_blocks else None
        ),
        _listed_by_key(by_key),
    )


def _listed_by_key(by_key: BlocksByKey | None) -> sql.Composed:
    """Write the last columns of the list of checks."""
    if by_key is None:
        return sql.SQL("NULL::text, NULL::text[], NULL::text, NULL::text[]").format()
    return sql.SQL("{}, {}::text[], {}, {}::text[]").format(
        sql.Literal(by_key.block),
        sql.Literal(list(by_key.key)),
        sql.Literal(by_key.place),
        sql.Literal(list(by_key.first)),
    )


def _staged(ending: Ending, table: PlannedTable) -> sql.Composed:
    """Compose the source of the rows that have the keys of the staged rows."""
    staged = staging_of(ending.tables, table.name)
    return sql.SQL("{} AS t0 JOIN {} AS r ON {}").format(
        relation(table.name), staged.rows, same_key(table, "t0", "r")
    )


def _chosen(ending: Ending, table: PlannedTable, *, exact: bool) -> sql.Composed:
    """Compose the source of the rows that are checked.

    Where every row must be of this transaction, its rows are of age 0, and those of its
    subtransactions are younger.

    ONLY would hide the rows of a partitioned table, and whether the table is one is known in the
    target alone. A condition on a column finds the rows of this transaction by an index, where
    there is one.
    """
    selection = ending.selection
    terms: list[sql.Composable] = []
    if exact:
        conditions = tuple(c for c in table.rows.conditions if isinstance(c, ColumnIs))
        selection = {table.name: evolve(table.rows, conditions=conditions)}
        terms.append(sql.SQL("age(t0.xmin) <= 0"))
    terms.append(_in_itself(table))
    terms.append(chosen_where(selection, table.name))
    return sql.SQL("{} AS t0 WHERE {}").format(relation(table.name), sql.SQL(" AND ").join(terms))


def _counted(
    ending: Ending, table: PlannedTable, rows: sql.Composed, *, exact: bool, hashed: bool
) -> sql.Composed:
    """Compose the query that counts the rows, and may sum their hashes, by who wrote them."""
    total = sql.SQL("coalesce({}, 0)").format(
        fingerprint_expression(ending.forms[table.name], table)
    )
    return sql.SQL("SELECT {} AS xmin, count(*) AS row_count, {} AS hash FROM {}{}").format(
        sql.SQL("t0.xmin" if exact else "pg_catalog.pg_current_xact_id()::xid"),
        total if hashed else sql.SQL("NULL::numeric"),
        rows,
        sql.SQL(" GROUP BY 1" if exact else ""),
    )


def _block_query(
    ending: Ending, table: PlannedTable, rows: sql.Composed, *, exact: bool
) -> sql.Composed:
    """Compose the query of the count and the sum of the hashes of blocks of the sorted rows."""
    lines = numbered_lines(ending.forms[table.name], table, _order_in_source(ending, table))
    own = rows + sql.SQL(" AND t0.xmin = ANY ($1)") if exact else rows
    return block_sums(
        sql.SQL("SELECT {} FROM {}").format(lines, own), ending.rows_per_block[table.name]
    )


def _order_in_source(ending: Ending, table: PlannedTable) -> sql.Composed:
    """Compose the key in the order of the source, where the target's column may be of another type.

    The text `10` comes before `9`, and citext knows no case. A manifest with blocks names only
    types that every database orders alike; see `replant.artifact.manifest_checks`. The encoding of
    the target is not known where the check is written.
    """
    exported = ending.in_source(table.name)
    types = {column.name: column.type for column in exported.columns}
    by_bytes = collated(exported).collatable
    values = (
        (name, sql.SQL("t0.{}::{}").format(sql.Identifier(name), sql.SQL(types[name])))
        for name in table.key
    )
    return sql.SQL(", ").join(
        in_utf8(value + sql.SQL("::text")) if name in by_bytes else value for name, value in values
    )


def _in_itself(table: PlannedTable) -> sql.Composed:
    """Compose a condition for rows of the table or its partitions, not of inheritance children."""
    return sql.SQL(
        "(t0.tableoid = {0}::regclass OR EXISTS (SELECT FROM pg_partitioned_table AS p"
        " WHERE p.partrelid = {0}::regclass))"
    ).format(sql.Literal(relation(table.name).as_string()))


def _move_sequences(sequences: Iterable[SequencePosition]) -> bytes:
    rows = [
        sql.SQL("{}, {}, {}, {}, {}::bigint, {}::bigint").format(
            sql.Literal(position.table.schema),
            sql.Literal(position.table.name),
            sql.Literal(position.column),
            sql.Literal(f"{position.table}.{readable(position.column)}"),
            sql.Literal(str(position.least)),
            sql.Literal(str(position.greatest)),
        )
        for position in sequences
    ]
    return do(_MOVE_SEQUENCES.replace("{wanted}", _listed(rows)))


def _listed(rows: Iterable[sql.Composable]) -> str:
    return ",\n".join(f"      ({row.as_string()})" for row in rows)
