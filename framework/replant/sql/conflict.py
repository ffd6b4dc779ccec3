"""ON CONFLICT: what an INSERT does with a row that exists already."""

from __future__ import annotations

from replant.database import sql
from replant.model import OnConflict, PlannedColumn, PlannedTable
from replant.model.types import TEXT_TYPES, without_modifier
from replant.sql.where_clauses import columns

#: Types whose values have one text, whatever the settings are.
_SAME_TEXT = TEXT_TYPES | {
    *("smallint", "integer", "bigint", "oid", "numeric", "boolean", "uuid", "json", "jsonb"),
}


def updated_rows(place: int) -> str:
    """Name the setting that counts the rows that an INSERT of this number updates.

    An INSERT reports one number for new and changed rows together, and xmax, by which they differ,
    cannot be returned for a partitioned table.
    """
    return f"replant.updated_rows_{place}"


def on_conflict(table: PlannedTable, counter: str | None) -> bytes:
    """Compose the ON CONFLICT clause; `counter` names the setting that counts the updates.

    DO NOTHING without a target needs no SELECT, and skips a row whatever unique key it meets.
    A row is updated only if it differs, so that no trigger fires for one that does not; see
    `differs`. Few values are stored in two ways: a composite from before its type got another
    attribute, a NaN that was computed. They are written anew once.
    """
    if table.on_conflict is OnConflict.ERROR:
        return b""
    if table.on_conflict in {OnConflict.SKIP, OnConflict.SAME}:
        return b"\nON CONFLICT DO NOTHING"
    changed = changing(table)
    if not changed:
        return _bytes(sql.SQL("\nON CONFLICT ({}) DO NOTHING").format(columns(table.key)))
    different = differs(table, "t0", "excluded")
    if counter is not None:
        # CASE lets nothing be counted but what differs.
        different = sql.SQL(
            "CASE WHEN {} THEN set_config({}, (current_setting({})::bigint + 1)::text, true) <> ''"
            " END"
        ).format(different, sql.Literal(counter), sql.Literal(counter))
    return _bytes(
        sql.SQL("\nON CONFLICT ({}) DO UPDATE SET {} WHERE {}").format(
            columns(table.key),
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(
                    sql.Identifier(column.name), sql.Identifier("excluded", column.name)
                )
                for column in changed
            ),
            different,
        )
    )


def changing(table: PlannedTable) -> list[PlannedColumn]:
    """Return the columns that an UPDATE may set."""
    return [column for column in table.columns if not column.always_identity]


def differs(table: PlannedTable, left: str, right: str) -> sql.Composed:
    """Compose a condition: the rows under two aliases differ in what may be set.

    They are compared as they are stored. Some types have no equality, and some take `1.0` and
    `1.00` for the same: in a key as well. Their text is made under the settings of the database,
    which may leave out digits, or write two times alike. Arrays of other types are compared by
    their text, since a part of an array is stored otherwise than the same one that was written.
    """
    changed = changing(table)
    arrays = [column for column in changed if _is_plain_array(column.type)]
    others = [column for column in changed if column not in arrays]
    rows = (
        sql.SQL(", ").join(sql.Identifier(alias, column.name) for column in others)
        for alias in (left, right)
    )
    stored = sql.SQL("ROW({})::record OPERATOR(pg_catalog.*<>) ROW({})::record").format(*rows)
    texts = (
        sql.SQL('{}::text COLLATE "C" IS DISTINCT FROM {}::text').format(
            sql.Identifier(left, column.name), sql.Identifier(right, column.name)
        )
        for column in arrays
    )
    either = sql.SQL(" OR ").join([*([stored] if others else []), *texts])
    return sql.SQL("({})").format(either)


def _is_plain_array(type_: str) -> bool:
    """Tell an array of a type whose text depends on no setting."""
    element = without_modifier(type_)
    return element.endswith("[]") and element.removesuffix("[]") in _SAME_TEXT


def _bytes(part: sql.Composable) -> bytes:
    return part.as_string().encode()
