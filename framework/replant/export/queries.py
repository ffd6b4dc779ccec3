"""Composes the queries that compare unique keys which Python has changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from replant.database import sql
from replant.model import PlannedColumn, RelationName, Text
from replant.sql.where_clauses import null_of, relation


def are_plain_texts(name: RelationName, columns: Sequence[str]) -> sql.Composed:
    """Query whether these columns hold texts of which two are equal only if their bytes are.

    PostgreSQL manual, "Nondeterministic Collations"; a type such as citext is another.
    """
    return sql.SQL(
        "SELECT bool_and(coalesce(a.atttypid IN ('pg_catalog.text'::pg_catalog.regtype, "
        "'pg_catalog.varchar'::pg_catalog.regtype) AND c.collisdeterministic, false)) "
        "FROM pg_catalog.pg_attribute AS a "
        "LEFT JOIN pg_catalog.pg_collation AS c ON c.oid = a.attcollation "
        "WHERE a.attrelid = {}::pg_catalog.regclass AND a.attname = ANY ({}::name[])"
    ).format(sql.Literal(relation(name).as_string()), sql.Literal(list(columns)))


def key_hashes(
    name: RelationName, columns: Sequence[PlannedColumn], keys: Iterable[Sequence[Text]]
) -> sql.Composed:
    """Query position and hash of each key: equal keys have equal hashes.

    PostgreSQL source, hash_record_extended: by the hash functions of the columns' types, with
    their collations.
    """
    lists = [sql.Literal(list(texts)) for texts in zip(*keys, strict=True)]
    return sql.SQL(
        "SELECT k._, pg_catalog.hash_record_extended({}, 0) "
        "FROM ROWS FROM ({}) WITH ORDINALITY AS k ({}, _)"
    ).format(
        _key(name, columns, [sql.Identifier("k", _name(place)) for place in range(len(columns))]),
        sql.SQL(", ").join(sql.SQL("pg_catalog.unnest({}::text[])").format(one) for one in lists),
        sql.SQL(", ").join(sql.Identifier(_name(place)) for place in range(len(columns))),
    )


def keys_are_equal(
    name: RelationName, columns: Sequence[PlannedColumn], one: Sequence[Text], other: Sequence[Text]
) -> sql.Composed:
    """Query whether two keys are equal."""
    return sql.SQL("SELECT pg_catalog.record_eq({}, {})").format(
        *(_key(name, columns, list(map(sql.Literal, key))) for key in (one, other))
    )


def _key(
    name: RelationName, columns: Sequence[PlannedColumn], texts: Sequence[sql.Composable]
) -> sql.Composed:
    """Compose a record of a key: each value as its column's type, in its column's collation."""
    parts = [
        sql.SQL("coalesce({}, CAST({} AS {}))").format(
            null_of(name, column.name), text, sql.SQL(column.type)
        )
        for column, text in zip(columns, texts, strict=True)
    ]
    return sql.SQL("ROW({})").format(sql.SQL(", ").join(parts))


def _name(place: int) -> str:
    return f"k{place}"
