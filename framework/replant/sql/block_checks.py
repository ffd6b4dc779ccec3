"""Composes the checks of tables whose rows were hashed in blocks, in the order of their key.

A block of a new table is found by an index on the key, from its first key on. Each is a query of
its own in a UNION ALL, so several processes of the server take them in turn, and nothing is sorted:
on two processors that takes half of the time, and no more memory than the rows of a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from replant.database import sql
from replant.model import PlannedTable
from replant.sql.row_forms import RowForm
from replant.sql.row_text import block_hash, collated, form_expression
from replant.sql.where_clauses import relation

#: Of more characters than this, a query takes longer to plan, and to hand to other processes, than
#: it gains.
_LONGEST_QUERY = 1 << 19

#: Variables of PL/pgSQL: the planner's settings, to read blocks by the index, and to go back.
PLANNER_SETTINGS = """\
  by_index jsonb := pg_catalog.jsonb_build_object(
    'enable_indexscan', 'on', 'enable_bitmapscan', 'off', 'enable_seqscan', 'off',
    'parallel_setup_cost', '0', 'parallel_tuple_cost', '0', 'max_parallel_workers_per_gather',
    pg_catalog.current_setting('max_parallel_workers_per_gather'));
  usual jsonb := (SELECT pg_catalog.jsonb_object_agg(n, pg_catalog.current_setting(n))
    FROM pg_catalog.jsonb_object_keys(by_index) AS n)
    || '{"max_parallel_workers_per_gather": "0"}';
"""

#: Statements of PL/pgSQL: a table of `wanted` is done with if its rows are found so, and are right.
#: They use the variables above; `this`, the number of the transaction; and `row_count`, `hash`,
#: `query` and `part`. Rows of subtransactions and of others count as missing, and an error is one
#: of this way alone: what comes next looks again in another.
#:
#: Only where the planner knows of no rows is the table taken for new: by the index, rows of others
#: between those of this transaction would be read too. A row with NULL in its key is in no block.
#: OFFSET keeps a row's text from being made wherever the query mentions it; as a number of type
#: integer, it would keep the block from other processes too.
COMPARE_BY_KEY = """\
    IF wanted.block IS NOT NULL THEN
      BEGIN
        IF EXISTS (
          SELECT FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisvalid
          WHERE n.nspname = wanted.schema AND c.relname = wanted.name
            AND c.relkind = 'r' AND c.reltuples <= 0 AND i.indpred IS NULL
            AND wanted.key = (
              SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)
              FROM ROWS FROM (pg_catalog.unnest(i.indkey), pg_catalog.unnest(i.indclass))
                WITH ORDINALITY AS k (attnum, operators, place)
              JOIN pg_catalog.pg_opclass AS o ON o.oid = k.operators AND o.opcdefault
              JOIN pg_catalog.pg_am AS m ON m.oid = o.opcmethod AND m.amname = 'btree'
              JOIN pg_catalog.pg_attribute AS a
                ON a.attrelid = c.oid AND a.attnum = k.attnum AND a.attnotnull
              WHERE k.place <= pg_catalog.cardinality(wanted.key)
            )
        ) THEN
          PERFORM pg_catalog.set_config(s.name, s.value, true)
          FROM pg_catalog.jsonb_each_text(by_index) AS s (name, value);
          row_count := 0;
          hash := 0;
          FOR query IN
            SELECT 'SELECT sum(b.row_count) AS row_count, sum(b.hash) AS hash FROM ('
              || pg_catalog.string_agg(
                pg_catalog.concat(wanted.block, pg_catalog.concat_ws(' AND ', 'true',
                  'ROW(' || wanted.place || ') OPERATOR(pg_catalog.>=) '
                    || wanted.first[nullif(n, 1)],
                  'ROW(' || wanted.place || ') OPERATOR(pg_catalog.<) ' || wanted.first[n + 1]
                ), ' ORDER BY ', wanted.place, ' OFFSET ''0'') AS r'), ' UNION ALL ')
              || ') AS b'
            FROM pg_catalog.generate_series(1, pg_catalog.cardinality(wanted.first)) AS n
            GROUP BY n * pg_catalog.length(wanted.block) / {longest}
          LOOP
            EXECUTE query INTO part USING (this % 4294967296)::text::xid;
            row_count := row_count + part.row_count;
            hash := hash + part.hash;
          END LOOP;
          PERFORM pg_catalog.set_config(s.name, s.value, true)
          FROM pg_catalog.jsonb_each_text(usual) AS s (name, value);
          CONTINUE WHEN row_count = wanted.row_count
            AND pg_catalog.mod(hash - wanted.hash, 18446744073709551616) = 0;
        END IF;
      EXCEPTION WHEN OTHERS THEN
        NULL;
      END;
    END IF;
""".replace("{longest}", str(_LONGEST_QUERY))


@frozen
class BlocksByKey:
    """What finds the blocks of a table by an index on its key, as columns of `wanted`.

    Attributes:
        block: a query of how many rows of a block have the number of the transaction `$1`, and of
            the hash of the block, up to the condition on its rows.
        key: the names of the key columns.
        place: the key of a row, as a list of expressions.
        first: the first key of each block, as expressions.

    """

    block: str
    key: Sequence[str]
    place: str
    first: Sequence[str]


def blocks_by_key(
    form: RowForm, table: PlannedTable, first_keys: Sequence[Sequence[str]]
) -> BlocksByKey | None:
    """Compose what finds the blocks of a table by its key.

    None is returned where an index may not have the order of the blocks: texts are ordered by
    their bytes there, and by the collation of the column in an index.

    Args:
        form: in which the rows were hashed.
        table: as the target has it.
        first_keys: the texts of the first key of each block.

    """
    if not first_keys or not table.key or collated(table).collatable:
        return None
    types = {column.name: column.type for column in table.columns}
    block = sql.SQL(
        "SELECT count(*) FILTER (WHERE r.xmin = $1) AS row_count, {} AS hash"
        " FROM (SELECT t0.xmin, {} AS line FROM ONLY {} AS t0 WHERE "
    ).format(block_hash(), form_expression(form, table), relation(table.name))
    return BlocksByKey(
        block.as_string(),
        table.key,
        sql.SQL(", ").join(sql.Identifier("t0", name) for name in table.key).as_string(),
        [
            _row(
                sql.SQL("{}::{}").format(sql.Literal(text), sql.SQL(types[name]))
                for name, text in zip(table.key, key, strict=True)
            ).as_string()
            for key in first_keys
        ],
    )


def _row(values: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL("ROW({})").format(sql.SQL(", ").join(values))
