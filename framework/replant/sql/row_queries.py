"""Composes the queries that read chosen rows, to count, to export and to compare them."""

from __future__ import annotations

from collections.abc import Sequence

from replant.database import sql
from replant.model import (
    ChosenRows,
    ForeignKey,
    PlannedTable,
    RelationName,
    Selection,
    SqlExpression,
    Text,
)
from replant.model.types import without_modifier
from replant.sql.fingerprints import MOST_IN_BLOCK, Block
from replant.sql.row_forms import INSERT_ROWS, RowForm
from replant.sql.row_text import (
    BY_PLACE,
    block_hash,
    block_sums,
    fingerprint_expression,
    form_expression,
    in_utf8,
    numbered_lines,
    order_by,
    text_expression,
    value_expression,
)
from replant.sql.where_clauses import (
    chosen_from,
    chosen_where,
    covered,
    equals,
    is_in,
    null_of,
    references,
    relation,
)

_SELECT = "SELECT {} FROM {} WHERE {}"

# What stands beside columns of a table has the name of a system column, which no column can have.
_PLACE = sql.SQL("t0.tableoid, t0.ctid")
_PLACES = sql.SQL("pg_catalog.sum(pg_catalog.hashtidextended(t0.ctid, t0.tableoid::int8))")
_COUNTED_PLACES = sql.SQL("count(*), ") + _PLACES
# Subtransactions have later numbers than the transaction that they are part of, and what later
# transactions wrote its snapshot does not see. PostgreSQL manual, "Transaction ID and Snapshot
# Information Functions" and `age(xid)`.
_TOUCHED = sql.SQL("(pg_catalog.age(t0.xmin) <= 0)")


def count(selection: Selection, name: RelationName, number: int = 0) -> sql.Composed:
    """Query how many rows are chosen, after a number by which to know the answer."""
    wanted = sql.SQL("{}, count(*)").format(sql.Literal(number))
    return _select(selection, name, wanted)


def places(selection: Selection, name: RelationName) -> sql.Composed:
    """Query relation, block and line pointer of the chosen rows, in order."""
    place = "pg_catalog.split_part(pg_catalog.btrim(t0.ctid::text, '()'), ',', {})::int8"
    wanted = f"t0.tableoid, {place.format(1)}, {place.format(2)}"
    return _select(selection, name, sql.SQL(wanted)) + sql.SQL(" ORDER BY t0.tableoid, t0.ctid")


def place_hash(selection: Selection, name: RelationName) -> sql.Composed:
    """Query the sum of hashes that tells the chosen rows of a snapshot from others."""
    return _select(selection, name, _PLACES)


def counted_places(selection: Selection, name: RelationName) -> sql.Composed:
    """Query the number of the chosen rows, and the sum of the hashes of their places."""
    return _select(selection, name, _COUNTED_PLACES)


def untouched_places(selection: Selection, name: RelationName) -> sql.Composed:
    """Query the same of those rows that this transaction has not written."""
    return counted_places(selection, name) + sql.SQL(" AND NOT ") + _TOUCHED


def touched_fields(selection: Selection, table: PlannedTable) -> sql.Composed:
    """Query the exported columns of those chosen rows that this transaction has written."""
    return fields_in_any_order(selection, table) + sql.SQL(" AND ") + _TOUCHED


def places_by_key(table: PlannedTable, keys: Sequence[Sequence[Text]]) -> sql.Composed:
    """Query the number of the rows with these keys, and the sum of the hashes of their places."""
    return sql.SQL("SELECT {} FROM {}").format(_COUNTED_PLACES, _joined_keys(table, keys))


def key_hash(selection: Selection, name: RelationName, key: Sequence[str]) -> sql.Composed:
    """Query the same of the rows' keys, for a role that may not read the places of rows."""
    hashed = sql.SQL("pg_catalog.sum(pg_catalog.hash_record_extended(ROW({}), 0))")
    return _select(selection, name, hashed.format(_columns_of("t0", key)))


def explain_predicate(name: RelationName, predicate: str) -> sql.Composed:
    """Compose a statement that fails unless the predicate is one expression over the columns.

    Inside CASE, text that closes a parenthesis it did not open is a syntax error.
    """
    return sql.SQL("EXPLAIN SELECT FROM {} WHERE CASE WHEN {}\n THEN true END").format(
        sql.Identifier(name.schema, name.name), sql.SQL(predicate)
    )


def explain_contradiction(name: RelationName, predicate: str) -> sql.Composed:
    """Compose a statement that plans to read the rows for which a predicate holds and does not.

    With `constraint_exclusion`, the planner proves that there is none, and its plan has the filter
    `false` alone. It proves so only of expressions without a volatile or stable function and
    without a subquery, so the predicate has one answer for a row however often it is asked
    (PostgreSQL source, relation_excluded_by_constraints). CASE keeps it in one piece.
    """
    holds = sql.SQL("CASE WHEN ({}\n) THEN true ELSE false END").format(sql.SQL(predicate))
    return sql.SQL("EXPLAIN (FORMAT json) SELECT FROM {} WHERE {} AND NOT {}").format(
        sql.Identifier(name.schema, name.name), holds, holds
    )


def locations(selection: Selection, name: RelationName) -> sql.Composed:
    """Query records of `tableoid` and `ctid` of the chosen rows, in order."""
    rows = _select(selection, name, sql.SQL("ROW({})").format(_PLACE))
    return rows + sql.SQL(" ORDER BY ") + _PLACE


def fingerprint(
    form: RowForm, selection: Selection, table: PlannedTable, rows_per_block: int = 1
) -> sql.Composed:
    """Query the count and the sum of the hashes as numeric (NULL if there is no row).

    The hashes are those of blocks, or those of single rows if a block has one row.
    """
    if rows_per_block == 1:
        wanted = sql.SQL("count(*), {}").format(fingerprint_expression(form, table))
        return _select(selection, table.name, wanted)
    lines = _select(selection, table.name, numbered_lines(form, table, order_by(table)))
    return block_sums(lines, rows_per_block)


def texts(selection: Selection, table: PlannedTable) -> sql.Composed:
    """Query the texts of the exported columns, each of type text, in the table's order."""
    values = [text_expression(value_expression(column)) for column in table.columns]
    return _ordered(selection, table, sql.SQL(", ").join(values))


def fields(selection: Selection, table: PlannedTable) -> sql.Composed:
    """Query the exported columns in the table's order, as they are: what COPY writes as a row."""
    return _ordered(selection, table, _values(table))


def fields_in_any_order(selection: Selection, table: PlannedTable) -> sql.Composed:
    """Select the exported columns of the rows, in whatever order is the quickest."""
    return _select(selection, table.name, _values(table))


def fields_between(
    selection: Selection,
    table: PlannedTable,
    low: Sequence[Text] | None,
    high: Sequence[Text] | None,
) -> sql.Composed:
    """Query what `fields` does, of the rows whose key is not less than `low`, less than `high`."""
    rows = _select(selection, table.name, _values(table)) + _between(table, low, high)
    return rows + sql.SQL(" ORDER BY ") + order_by(table) if table.ordered else rows


def key_sample(selection: Selection, table: PlannedTable, share: float, parts: int) -> sql.Composed:
    """Query keys between parts of about the same size, by a sample of the rows, in order.

    Args:
        selection: the chosen rows of every table.
        table: whose rows they are.
        share: how much of the rows is looked at, from 0 to 1.
        parts: how many parts there are to be.

    """
    key = [sql.Identifier("t0", name) for name in table.key]
    sample = _select(selection, table.name, sql.SQL(", ").join(key))
    sample += sql.SQL(" AND random() < {}").format(sql.Literal(share))
    return sql.SQL(
        "SELECT {} FROM (SELECT t0.*, row_number() OVER (ORDER BY {}) AS cmin, count(*) OVER ()"
        " AS cmax FROM ({}) AS t0) AS t0 WHERE cmin * {parts} / (cmax + 1) <> (cmin - 1) * {parts}"
        " / (cmax + 1) ORDER BY cmin"
    ).format(_texts_of(table.key), order_by(table), sample, parts=sql.Literal(parts))


def _between(
    table: PlannedTable, low: Sequence[Text] | None, high: Sequence[Text] | None
) -> sql.Composed:
    key = sql.SQL("ROW({})").format(order_by(table))
    types = {column.name: column.type for column in table.columns}

    def bound_of(name: str, text: Text) -> sql.Composable:
        value = sql.Literal(text)
        if not table.recoded or name not in table.collatable:
            return value
        # A column of another length may have a shorter text; character without one has but one.
        type_ = without_modifier(types[name])
        type_ = "bpchar" if type_ == "character" else type_
        return in_utf8(sql.SQL("{}::{}::text").format(value, sql.SQL(type_)))

    terms: list[sql.Composable] = [sql.SQL("")]
    for operator, bound in ((">=", low), ("<", high)):
        if bound is not None:
            values = sql.SQL(", ").join(map(bound_of, table.key, bound))
            terms.append(sql.SQL("{} {} ROW({})").format(key, sql.SQL(operator), values))
    return sql.SQL(" AND ").join(terms)


def blocks(
    form: RowForm, selection: Selection, table: PlannedTable, like: Sequence[Block]
) -> sql.Composed:
    """Select the blocks of the rows: count, hash, and the texts of the first key.

    A row begins a block if it begins one of `like`. Between two of those rows there may be more
    rows than one block should have; they are divided.
    """
    keys = [text_expression(sql.Identifier("t0", name)) for name in table.key]
    parts = [sql.Identifier(f"k{place}") for place in range(len(keys))]
    given = [
        sql.SQL("pg_catalog.unnest({}::text[])").format(
            sql.Literal([block.key[place] for block in like])
        )
        for place in range(len(keys))
    ]
    begins = sql.SQL("({}) IN (SELECT * FROM ROWS FROM ({}))").format(
        sql.SQL(", ").join(parts), sql.SQL(", ").join(given)
    )
    wanted = sql.SQL("{}, {}").format(
        numbered_lines(form, table, order_by(table)),
        sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(key, part) for key, part in zip(keys, parts, strict=True)
        ),
    )
    divided = sql.SQL(
        "SELECT p.*, pg_catalog.row_number() OVER (PARTITION BY p.part ORDER BY p.place) AS number"
        " FROM (SELECT n.*, pg_catalog.count(*) FILTER (WHERE {}) OVER (ORDER BY n.place) AS part"
        " FROM ({}) AS n) AS p"
    ).format(begins, _select(selection, table.name, wanted))
    first = [sql.SQL("(pg_catalog.array_agg({} ORDER BY r.place))[1]").format(p) for p in parts]
    return sql.SQL(
        "SELECT pg_catalog.count(*), {}, {} FROM ({}) AS r"
        " GROUP BY r.part, (r.number - 1) / {} ORDER BY pg_catalog.min(r.place)"
    ).format(block_hash(BY_PLACE), sql.SQL(", ").join(first), divided, sql.Literal(MOST_IN_BLOCK))


def bounds(selection: Selection, table: PlannedTable, column: str) -> sql.Composed:
    """Query the least and greatest value of an integer column, as bigint; NULL if there is none."""
    (planned,) = (c for c in table.columns if c.name == column)
    value = sql.SQL("({})::bigint").format(value_expression(planned))
    return _select(selection, table.name, sql.SQL("min({0}), max({0})").format(value))


def large_objects(selection: Selection, name: RelationName, column: str) -> sql.Composed:
    """Query how many large objects the column of the chosen rows points to.

    PostgreSQL manual, "Large Objects" and pg_largeobject_metadata, which everyone may read.
    """
    value = sql.Identifier("t0", column)
    wanted = sql.SQL("count(DISTINCT {}::oid)").format(value)
    exists = sql.SQL(
        " AND EXISTS (SELECT FROM pg_largeobject_metadata AS m WHERE m.oid = {}::oid)"
    ).format(value)
    return _select(selection, name, wanted) + exists


def rendered(selection: Selection, table: PlannedTable, row: SqlExpression) -> sql.Composed:
    """Query the rows in order in a plugin's format, one column of type text, and their key texts.

    The plugin's expression sees the exported columns only, and the whole row as `row_`.
    """
    values = [
        sql.SQL("{} AS {}").format(value_expression(column), sql.Identifier(column.name))
        for column in table.columns
    ]
    expression = sql.SQL("(SELECT ({}\n) FROM (SELECT {}) AS row_)").format(
        sql.SQL(row.sql), sql.SQL(", ").join(values)
    )
    key = sql.SQL("").join(sql.SQL(", ") + _texts_of([name]) for name in table.key)
    return _ordered(selection, table, expression + key)


def has_references(selection: Selection, name: RelationName, key: ForeignKey) -> sql.Composed:
    """Query whether a chosen row has a value in every column of a foreign key of its table."""
    given = sql.SQL("pg_catalog.num_nulls({}) = 0").format(_columns_of("t0", key.columns))
    rows = _select(selection, name, sql.SQL(""))
    return sql.SQL("SELECT EXISTS ({} AND {})").format(rows, given)


def rows_by_depth(selection: Selection, table: PlannedTable, key: ForeignKey) -> sql.Composed:
    """Query the rows' lines with their depth along a foreign key into their own table.

    Two columns: the line, and the depth as integer. A row that references no other chosen row has
    depth 0, and a row comes one deeper than the row it references. Rows in a cycle, or below
    one, have no depth: they come last, and need one statement.

    The recursion visits each row once, since a row references at most one other row by the key.
    """
    itself = sql.SQL("coalesce({}, false)").format(references(selection, key, "t0", "t0"))
    source, chosen = chosen_from(selection, table.name), chosen_where(selection, table.name)
    rows: sql.Composable = source
    among: sql.Composable = chosen
    found: sql.Composable = sql.SQL("")
    roots = sql.SQL("({} OR NOT {})").format(itself, reaches_chosen(selection, key))
    if selection[table.name].by_location:
        # Rows that are known by their places are found once, and joined by their keys from then
        # on: to look each up among them took minutes for 35 000, where this takes a second.
        found = sql.SQL("chosen AS MATERIALIZED (SELECT {}, {} FROM {} WHERE {}), ").format(
            _PLACE, _columns_of("t0", (*key.columns, *key.referenced_columns)), source, chosen
        )
        rows, among = sql.SQL("chosen AS t0"), sql.SQL("true")
        roots = sql.SQL("NOT EXISTS (SELECT FROM chosen AS t1 WHERE {} AND NOT {})").format(
            references(selection, key, "t0", "t1"), itself
        )
    return sql.SQL(
        "WITH RECURSIVE {found}depths AS ("
        "SELECT {place}, {identity}, 0 AS cmin FROM {rows} WHERE {among} AND {roots} "
        "UNION ALL "
        "SELECT {place}, {identity}, d.cmin + 1 FROM depths AS d JOIN {rows} ON {child} "
        "WHERE {among} AND NOT {itself}) "
        "SELECT {line}, d.cmin FROM {source} "
        "LEFT JOIN (SELECT tableoid, ctid, cmin FROM depths) AS d "
        "ON d.tableoid = t0.tableoid AND d.ctid = t0.ctid "
        "WHERE {chosen} ORDER BY d.cmin NULLS LAST{order}"
    ).format(
        found=found,
        place=_PLACE,
        identity=_columns_of("t0", key.referenced_columns),
        rows=rows,
        among=among,
        roots=roots,
        child=references(selection, key, "t0", "d"),
        itself=itself,
        source=source,
        chosen=chosen,
        line=form_expression(INSERT_ROWS, table),
        order=sql.SQL(", ") + order_by(table) if table.ordered else sql.SQL(""),
    )


def dangling(
    selection: Selection, key: ForeignKey, shown: Sequence[str], *, limit: int | None
) -> sql.Composed:
    """Query the chosen rows whose reference by the key is to no chosen row.

    Columns: how many there are, whether the referenced row exists at all, then the texts of the
    `shown` columns. A row with a NULL in the key references nothing (MATCH SIMPLE).
    """
    source = relation(key.references) + sql.SQL(" AS t1")
    exists = _reaches(selection, key, source, sql.SQL("true"))
    wanted = [sql.SQL("count(*) OVER ()"), exists]
    wanted += [text_expression(sql.Identifier("t0", column)) for column in shown]
    query = _dangling(selection, key, sql.SQL(", ").join(wanted))
    if shown:
        first = len(wanted) - len(shown) + 1
        places = range(first, len(wanted) + 1)
        query += sql.SQL(" ORDER BY ") + sql.SQL(", ").join(
            sql.SQL("{}").format(sql.Literal(place)) for place in places
        )
    return query + sql.SQL(" LIMIT {}").format(sql.Literal(limit))


def dangles(selection: Selection, key: ForeignKey, number: int) -> sql.Composed:
    """Query the number alone, in one row, if a chosen row references no chosen row by the key.

    All are counted: to ask whether there is one would let the planner look each row up.
    """
    wanted = sql.SQL("{}::integer").format(sql.Literal(number))
    return _dangling(selection, key, wanted) + sql.SQL(" HAVING count(*) > 0")


def _dangling(selection: Selection, key: ForeignKey, wanted: sql.Composable) -> sql.Composed:
    given = sql.SQL(" AND ").join(
        sql.SQL("{} IS NOT NULL").format(sql.Identifier("t0", column)) for column in key.columns
    )
    if key.partition is not None:
        given += sql.SQL(" AND ") + is_in("t0", key.partition)
    return _select(selection, key.table, wanted) + sql.SQL(" AND {} AND NOT {}").format(
        given, reaches_chosen(selection, key)
    )


def reaches_chosen(selection: Selection, key: ForeignKey) -> sql.Composable:
    """Test that the row `t0` references a chosen row."""
    source = chosen_from(selection, key.references, alias="t1")
    return _reaches(selection, key, source, chosen_where(selection, key.references, depth=1))


def _reaches(
    selection: Selection, key: ForeignKey, source: sql.Composable, where: sql.Composable
) -> sql.Composable:
    """Test that the row `t0` references some of these rows, or that they cover its period."""
    same = references(selection, key, "t0", "t1")
    if not key.period:
        return sql.SQL("EXISTS (SELECT FROM {} WHERE {} AND {})").format(source, same, where)
    theirs, own = key.referenced_columns[-1], key.columns[-1]
    whole = covered(sql.Identifier("t1", theirs), sql.Identifier("t0", own))
    return sql.SQL("coalesce((SELECT {} FROM {} WHERE {} AND {}), false)").format(
        whole, source, same, where
    )


def key_texts(selection: Selection, table: PlannedTable) -> sql.Composed:
    """Query the keys of the chosen rows in order, a column of type text for each part."""
    return _ordered(selection, table, _texts_of(table.key))


def texts_by_key(
    table: PlannedTable, columns: Sequence[str], keys: Sequence[Sequence[str | None]]
) -> sql.Composed:
    """Query the rows with these keys: position in the list, key texts of the row, then `columns`.

    A key may be equal to the row's by its type, and yet have another text. A first row of typed
    NULLs lets each type's input function read the keys; it equals no row.
    """
    return sql.SQL("SELECT v._, {}{} FROM {}").format(
        _texts_of(table.key),
        sql.SQL("").join(sql.SQL(", ") + _texts_of([name]) for name in columns),
        _joined_keys(table, keys),
    )


def _joined_keys(table: PlannedTable, keys: Sequence[Sequence[Text]]) -> sql.Composed:
    """Compose a FROM clause with the rows that have these keys; `v._` is the place of the key."""
    typed = [null_of(table.name, name) for name in table.key]
    rows: list[sql.Composable] = [sql.SQL("(NULL, {})").format(sql.SQL(", ").join(typed))]
    # Composed as literals one by one, they took most of the time.
    rows += [
        sql.SQL(f"({place},{INSERT_ROWS.row(key).decode()})") for place, key in enumerate(keys)
    ]
    return sql.SQL("{} JOIN (VALUES {}) AS v (_, {}) ON {}").format(
        chosen_from({table.name: ChosenRows(only=table.rows.only)}, table.name),
        sql.SQL(", ").join(rows),
        sql.SQL(", ").join(_key_part(place) for place, _ in enumerate(table.key)),
        sql.SQL(" AND ").join(
            sql.SQL("{} {} {}").format(
                sql.Identifier("t0", name),
                equals(table.rows.equality.get(name)),
                _key_part(place, "v"),
            )
            for place, name in enumerate(table.key)
        ),
    )


def _values(table: PlannedTable) -> sql.Composable:
    return sql.SQL(", ").join(value_expression(column) for column in table.columns)


def _key_part(place: int, *alias: str) -> sql.Composable:
    return sql.Identifier(*alias, f"k{place}")


def _columns_of(alias: str, columns: Sequence[str]) -> sql.Composable:
    """List columns under an alias, each once."""
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in dict.fromkeys(columns))


def _texts_of(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(text_expression(sql.Identifier("t0", name)) for name in columns)


def _select(selection: Selection, name: RelationName, wanted: sql.Composable) -> sql.Composed:
    return sql.SQL(_SELECT).format(
        wanted, chosen_from(selection, name), chosen_where(selection, name)
    )


def _ordered(selection: Selection, table: PlannedTable, wanted: sql.Composable) -> sql.Composed:
    rows = _select(selection, table.name, wanted)
    return rows + sql.SQL(" ORDER BY ") + order_by(table) if table.ordered else rows
