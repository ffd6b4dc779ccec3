"""SQL expressions over the rows of a table: their values, their text in a form, their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve

from replant.database import sql
from replant.model import PlannedColumn, PlannedTable, PythonFunction, SqlExpression
from replant.model.types import TEXT_TYPES, without_modifier
from replant.sql.fingerprints import LONGEST_IN_BLOCK
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS, RowForm

#: PostgreSQL passes at most 100 arguments to a function; one of them is the format.
_MOST_ARGUMENTS = 99

#: Types whose output functions write no quote, backslash or control character.
_PLAIN_TYPES = {
    *("smallint", "integer", "bigint", "oid", "xid", "xid8", "numeric", "real", "double precision"),
    *("boolean", "uuid", "date", "money", "inet", "cidr", "macaddr", "macaddr8", "pg_lsn", "tid"),
    *("time without time zone", "time with time zone", "interval", "bit", "bit varying"),
    *("timestamp without time zone", "timestamp with time zone"),
}

#: What COPY escapes, and how; the backslash comes first. To replace what is not there takes no
#: longer than a regular expression that looks for it, which would not take a text of 256 MB.
_ESCAPES = (
    *(("\\", r"\\"), ("\b", r"\b"), ("\t", r"\t"), ("\n", r"\n")),
    *(("\v", r"\v"), ("\f", r"\f"), ("\r", r"\r")),
)


#: The order of `numbered_lines`.
BY_PLACE = sql.SQL("r.place")


def value_expression(column: PlannedColumn, alias: str = "t0") -> sql.Composable:
    """Compose the column's value after those of its transforms that the server computes."""
    value: sql.Composable = sql.Identifier(alias, column.name)
    for transform in column.transforms:
        if isinstance(transform, SqlExpression):
            value = sql.SQL("(SELECT ({}\n) FROM (SELECT {} AS value) AS _)").format(
                sql.SQL(transform.sql), value
            )
    return value


def text_expression(value: sql.Composable) -> sql.Composable:
    """Compose the text of a value by its type's output function, or NULL.

    A cast to text may not call the output function, as a type can have a cast of its own; `concat`
    does, and looks it up once for all rows, where `format` does for each. IS NULL also holds for a
    composite whose fields are all NULL; num_nulls looks at the value.
    """
    return sql.SQL("CASE WHEN pg_catalog.num_nulls({}) = 0 THEN pg_catalog.concat({}) END").format(
        value, value
    )


def record_expression(table: PlannedTable, alias: str = "t0") -> sql.Composable:
    """Compose the whole row as the text of a record, which is another text for every other row."""
    values = sql.SQL(", ").join(value_expression(column, alias) for column in table.columns)
    return sql.SQL("ROW({})::text").format(values)


def order_by(table: PlannedTable, alias: str = "t0") -> sql.Composable:
    """Compose the key columns, by bytes where the type has a collation; else the row as text.

    The order then depends on no locale of the server, nor that of a key on its encoding.
    """
    if not table.key:
        return record_expression(table, alias) + sql.SQL(' COLLATE "C"')
    values = ((name, sql.Identifier(alias, name)) for name in table.key)
    return sql.SQL(", ").join(
        value if name not in table.collatable else _by_bytes(value, recoded=table.recoded)
        for name, value in values
    )


def _by_bytes(value: sql.Composable, *, recoded: bool) -> sql.Composable:
    if recoded:
        return in_utf8(value + sql.SQL("::text"))
    return value + sql.SQL(' COLLATE "C"')


def text_order(value: sql.Composable, *, recoded: bool) -> sql.Composable:
    """Compose the text of a value so that every database orders it alike: by the bytes of UTF-8.

    Args:
        value: of a type that has a collation, or a whole row.
        recoded: whether the encoding of the database orders texts otherwise.

    """
    return _by_bytes(value + sql.SQL("::text"), recoded=recoded)


def ordered_alike(table: PlannedTable) -> bool:
    """Tell whether every database orders the keys of the table in the same way.

    That is not so of enums, whose labels may stand in another order, and of types such as citext,
    which compare by the locale of the database.
    """
    return all(
        without_modifier(column.type) in _PLAIN_TYPES | TEXT_TYPES | {"bytea"}
        for column in table.columns
        if column.name in table.key
    )


def collated(table: PlannedTable) -> PlannedTable:
    """Return a table of which `ordered_alike` holds with what its types say of its order."""
    return evolve(
        table,
        collatable=frozenset(
            c.name
            for c in table.columns
            if c.name in table.key and without_modifier(c.type) in TEXT_TYPES
        ),
    )


def computed_by_server(columns: Iterable[PlannedColumn]) -> bool:
    """Tell whether no transform of these columns needs Python."""
    return not any(
        isinstance(transform, PythonFunction)
        for column in columns
        for transform in column.transforms
    )


def form_expression(form: RowForm, table: PlannedTable, alias: str = "t0") -> sql.Composable:
    """Compose the row's text in a form: an expression of type text, the same that COPY writes."""
    parts = {INSERT_ROWS.name: _as_literal, COPY_ROWS.name: _as_field}[form.name]
    values = [parts(column, value_expression(column, alias)) for column in table.columns]
    if not values:
        return sql.SQL("''::text")
    separator = {INSERT_ROWS.name: ",", COPY_ROWS.name: "\t"}[form.name]
    chunks = [values[i : i + _MOST_ARGUMENTS] for i in range(0, len(values), _MOST_ARGUMENTS)]
    between = sql.SQL(f" || {sql.Literal(separator).as_string()} || ")
    text = between.join(_formatted(separator, chunk) for chunk in chunks)
    if form is INSERT_ROWS or len(chunks) > 1 or not all(map(_is_plain, table.columns)):
        return text
    # A row without NULL, as most are, takes a third of the time of one whose fields are looked at.
    fields = [value_expression(column, alias) for column in table.columns]
    return sql.SQL("CASE WHEN pg_catalog.num_nulls({}) = 0 THEN {} ELSE {} END").format(
        sql.SQL(", ").join(fields),
        _formatted(separator, [("%s", field) for field in fields]),
        text,
    )


def _formatted(separator: str, values: Sequence[tuple[str, sql.Composable]]) -> sql.Composed:
    """Join values, each given by its place in a template of `format` and what stands there."""
    if {place for place, _ in values} == {"%s"}:
        # None of them is NULL, and this takes two thirds of the time.
        return sql.SQL("pg_catalog.concat_ws({}, {})").format(
            sql.Literal(separator), sql.SQL(", ").join(value for _, value in values)
        )
    return sql.SQL("pg_catalog.format({}, {})").format(
        sql.Literal(separator.join(place for place, _ in values)),
        sql.SQL(", ").join(value for _, value in values),
    )


def fingerprint_expression(form: RowForm, table: PlannedTable, alias: str = "t0") -> sql.Composable:
    """Compose an aggregate of type numeric: the sum of the rows' hashes, each taken as signed.

    Modulo 2**64 it equals the sum of the unsigned hashes. `sum(bigint)` adds in 128 bits.
    """
    return sql.SQL("pg_catalog.sum({})").format(hash_expression(form, table, alias))


def hash_expression(form: RowForm, table: PlannedTable, alias: str = "t0") -> sql.Composable:
    """Compose the hash of a row, as a signed bigint; see `replant.sql.fingerprints.row_hash`."""
    return _hash_of(in_utf8(form_expression(form, table, alias)))


def numbered_lines(
    form: RowForm, table: PlannedTable, order: sql.Composable, alias: str = "t0"
) -> sql.Composed:
    """Compose the columns `line`, the text of each row, and `place`, its number in an order."""
    return sql.SQL("{} AS line, pg_catalog.row_number() OVER (ORDER BY {}) AS place").format(
        form_expression(form, table, alias), order
    )


def block_hash(order: sql.Composable | None = None) -> sql.Composable:
    """Compose an aggregate of lines `r.line`: their hash, as a signed bigint.

    They are taken in an order, or as they come; see `replant.sql.fingerprints`.
    """
    line = sql.Identifier("r", "line")
    # Texts are joined and then encoded: to encode each row takes half as long again. In another
    # encoding of the server a text may have a quarter of the bytes that it has in UTF-8.
    shortened = sql.SQL(
        "CASE WHEN pg_catalog.octet_length({0}) > {1} AND pg_catalog.octet_length({2}) > {3}"
        " THEN E'\\b' || pg_catalog.encode(pg_catalog.sha256({2}), 'hex') ELSE {0} END"
    ).format(line, sql.Literal(LONGEST_IN_BLOCK // 4), in_utf8(line), sql.Literal(LONGEST_IN_BLOCK))
    sorted_by = sql.SQL("") if order is None else sql.SQL(" ORDER BY {}").format(order)
    joined = sql.SQL("pg_catalog.string_agg({}, E'\\n'{}) || E'\\n'")
    return _hash_of(in_utf8(joined.format(shortened, sorted_by)))


def block_sums(lines: sql.Composable, rows_per_block: int) -> sql.Composed:
    """Compose a query of the count of numbered lines, and the sum of the hashes of their blocks."""
    return sql.SQL(
        "SELECT coalesce(pg_catalog.sum(b.row_count), 0)::bigint AS row_count,"
        " coalesce(pg_catalog.sum(b.hash), 0) AS hash FROM ("
        "SELECT pg_catalog.count(*) AS row_count, {} AS hash FROM ({}) AS r"
        " GROUP BY (r.place - 1) / {}) AS b"
    ).format(block_hash(BY_PLACE), lines, sql.Literal(rows_per_block))


def in_utf8(text: sql.Composable) -> sql.Composed:
    """Compose the bytes of a text in UTF-8, whatever the encoding of the database is."""
    return sql.SQL("pg_catalog.convert_to({}, 'UTF8')").format(text)


def _hash_of(content: sql.Composable) -> sql.Composable:
    """Compose the head of the SHA-256 of bytes as a signed bigint."""
    return sql.SQL(
        "('x' || pg_catalog.encode(pg_catalog.substr(pg_catalog.sha256({}), 1, 8), 'hex'))"
        "::bit(64)::bigint"
    ).format(content)


def _is_plain(column: PlannedColumn) -> bool:
    return not column.transforms and without_modifier(column.type) in _PLAIN_TYPES


def _as_literal(column: PlannedColumn, value: sql.Composable) -> tuple[str, sql.Composable]:
    """Compose a place of `format` and what stands there, for a value of a row of an INSERT.

    `%L` would write a backslash as `E'…'`.
    """
    if _is_plain(column):
        return "%L", value
    quoted = sql.SQL("'''' || pg_catalog.replace({}, '''', '''''') || ''''")
    return "%s", _unless_null(value, quoted.format(_searchable(value)), "NULL")


def _as_field(column: PlannedColumn, value: sql.Composable) -> tuple[str, sql.Composable]:
    """Compose a place of `format` and what stands there, for a field of a row of COPY."""
    if _is_plain(column):
        text = sql.SQL("pg_catalog.concat({})").format(value)
        return "%s", _unless_null(value, text, r"\N")
    escaped: sql.Composable = _searchable(value)
    for character, escape in _ESCAPES:
        escaped = sql.SQL("pg_catalog.replace({}, {}, {})").format(
            escaped, sql.Literal(character), sql.Literal(escape)
        )
    return "%s", _unless_null(value, escaped, r"\N")


def _searchable(value: sql.Composable) -> sql.Composed:
    """Compose a value's text by a collation in which characters are found; not all find them."""
    return sql.SQL('pg_catalog.concat({}) COLLATE "C"').format(value)


def _unless_null(value: sql.Composable, text: sql.Composable, null: str) -> sql.Composable:
    return sql.SQL("CASE WHEN pg_catalog.num_nulls({}) = 0 THEN {} ELSE {} END").format(
        value, text, sql.Literal(null)
    )
