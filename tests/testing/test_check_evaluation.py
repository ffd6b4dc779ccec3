"""What Python knows of a CHECK constraint is what the server says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from attrs import frozen
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg import sql

from replant.testing.checks.evaluate import evaluate_check
from replant.testing.checks.expressions import columns_of
from replant.testing.checks.parse import parse_check
from replant.testing.generation.values import values_of
from replant.testing.rows import Row
from replant.testing.servers.server import Server

SOME = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("check", "both", "one", "none"),
    [
        ("num_nonnulls(a, b) <= 1", False, True, True),
        ("num_nulls(a, b) = 1", False, True, False),
        ("(a IS NULL) = (b IS NULL)", True, False, True),
        ("b IS NOT NULL", True, True, False),
    ],
)
def test_whether_a_value_is_null_is_known_whatever_its_type(
    check: str, both: bool, one: bool, none: bool
) -> None:
    condition = parse_check(f"CHECK (({check}))")
    assert condition is not None
    rows = ({"a": SOME, "b": SOME}, {"a": None, "b": SOME}, {"a": None, "b": None})
    types = {"a": "uuid", "b": "uuid"}
    assert [evaluate_check(condition, row, types) for row in rows] == [both, one, none]


def test_a_composite_value_may_be_null_although_it_is_there() -> None:
    condition = parse_check("CHECK ((a IS NOT NULL))")
    assert condition is not None

    assert evaluate_check(condition, {"a": "(,)"}, {"a": "record"}) is None
    assert evaluate_check(condition, {"a": None}, {"a": "record"}) is False


#: Conditions as PostgreSQL may be told them, over columns of these types.
TYPES: Mapping[str, str] = {
    "i": "integer",
    "j": "integer",
    "n": "numeric(6,2)",
    "f": "double precision",
    "r": "real",
    "t": "text",
    "v": "character varying(9)",
    "d": "date",
    "z": "timestamp with time zone",
    "b": "boolean",
}
CONDITIONS = (
    "i > 0",
    "i > j",
    "n + n * 2 <= 10 AND NOT (i = j)",
    "i BETWEEN -5 AND 5 OR j IS NULL",
    "i IN (1, 2, 0) AND j NOT IN (1, 2)",
    "n >= 0.5 AND n < 100",
    "n <> i",
    "length(t) <= 2",
    "char_length(v) BETWEEN 1 AND 3",
    "t IN ('', 'NULL', 'it''s', E'\\\\N')",
    "v = ANY (ARRAY['a', 'b'])",
    "t <> v",
    "t || v = 'NULL'",
    "t ~ '^[[:alpha:]_][\\w.-]*$'",
    "t ~* 'NULL|^e'",
    "t !~ '\\s' AND v !~* '^n'",
    "t LIKE 'N%' OR t NOT LIKE '_'",
    "t LIKE '%\\%%'",
    "btrim(t) <> ''",
    "d > '2000-01-01' AND d <= '2020-12-31'",
    "z >= '2000-01-01 12:00:00+02'",
    "b",
    "b IS NOT TRUE OR i > 0",
    "(b AND i > 0) IS FALSE",
    "num_nulls(i, j, t) = 1",
    "num_nonnulls(i, j, t) <= 1",
    "coalesce(i, j, 0) > 0",
    "t IS NOT NULL AND (t = '' OR i > 5)",
    "i::numeric > 0.5",
    "f > 0 AND f < 1",
    "f <> 0.1 AND r <> 0.1 AND r <> 0.1::real",
    "n::numeric(6,0) <> 1 AND n::numeric(7,1) <> 0.5",
    "i::bigint + 1 > j OR -j::bigint > 3",
    "i > ALL (ARRAY[0, 1]) OR i < ANY (ARRAY[0, 3])",
    "t ILIKE 'x%' OR t NOT ILIKE '%k%'",
    "lower(t) = t OR upper(v) = v",
    "t ~ '^\\w+$' OR t ~ '\\d|[^[:space:]]'",
    "t !~ '[[:punct:]]'",
    "t ~ '\\mx' OR t ~ 'a$'",
    "t ~ '^[^a]{1,2}$'",
    "t LIKE ANY (ARRAY['a%', '%x'])",
    "t NOT LIKE ALL (ARRAY['a%', 'N%'])",
    "t NOT LIKE ANY (ARRAY['a%', 'N%'])",
    "NOT (t ~ ANY (ARRAY['a', 'N']))",
    "t !~* '[i]' OR v || '!' ILIKE '%I%'",
    "v::varchar(1) <> 'N'",
)
#: Conditions of which only the server knows whether a row satisfies them.
LEFT_TO_THE_SERVER = (
    "n::text <> ''",
    "t < 'b'",
    "i % 2 = 0",
    "t COLLATE \"C\" <> 'a'",
    "t LIKE '%' COLLATE \"C\"",
    "t IS DISTINCT FROM 'a'",
    "t !~ ANY (ARRAY['a', 'N'])",
    "t !~ '\\Ma\\Y'",
    "t ~ '(.)\\1'",
    "initcap(t) <> 'A'",
    "f + 1 > 0",
    "d < z",
    "z::timestamp > '2000-01-01'",
    "CASE WHEN b THEN i > 0 ELSE true END",
    "(ARRAY[i, j])[1] > 0",
    "(i, j) < (1, 1)",
    "n BETWEEN 0 AND 1000 AND t NOT SIMILAR TO 'a'",
)
ALL_CONDITIONS = (*CONDITIONS, *LEFT_TO_THE_SERVER)
#: Those that there are differ in letters, digits, spaces, punctuation or upper and lower case.
COLLATIONS = ["default", "C", "pg_c_utf8", "pg_unicode_fast", "tr-x-icu", "und-x-icu"]


@frozen
class Conditions:
    """The conditions as a server writes them, by how it was told them."""

    connection: psycopg.Connection[Any]
    written: Mapping[str, str]
    collations: list[str]

    def said_of(self, row: Row, collation: str) -> list[bool]:
        """What the server says of the row, where its texts have this collation."""
        values = [
            sql.SQL(
                f"{{}}::{kind}" + (" COLLATE {}" if kind[0] in "tc" and name in "tv" else "")
            ).format(sql.Literal(row[name]), sql.Identifier(collation))
            for name, kind in TYPES.items()
        ]
        query = sql.SQL("SELECT {} FROM (SELECT {}) AS r ({})").format(
            sql.SQL(", ").join(sql.SQL(f"coalesce({c}, true)") for c in self.written),
            sql.SQL(", ").join(values),
            sql.SQL(", ").join(map(sql.Identifier, TYPES)),
        )
        said = self.connection.execute(query).fetchone()
        assert said is not None
        return list(said)


@pytest.fixture(scope="module")
def conditions(server: Server) -> Iterator[Conditions]:
    database = server.create_database()
    with psycopg.connect(database.dsn, autocommit=True, options="-c TimeZone=UTC") as connection:
        columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
        checks = ", ".join(f"CONSTRAINT c{n} CHECK ({c})" for n, c in enumerate(ALL_CONDITIONS))
        connection.execute(f"CREATE TABLE t ({columns}, {checks})")
        written: dict[str, str] = dict(
            connection.execute(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
            ).fetchall()
        )
        found = connection.execute(
            "SELECT collname FROM pg_collation WHERE collname = ANY (%s)", (COLLATIONS,)
        )
        yield Conditions(
            connection,
            {c: written[f"c{n}"] for n, c in enumerate(ALL_CONDITIONS)},
            [name for (name,) in found],
        )
    server.drop_database(database)


#: What locales see differently, as a letter, space, digit or symbol, or in its case.
ODD = ("\u00ba", "\u00a0", "\x1c", "\u0663", "$", "I", "\u0130", "\u212a", "\u017f", "\u00e9\n")


def cells(kind: str) -> st.SearchStrategy[str | None]:
    few = {
        "integer": ("0", "1", "-3", "6"),
        "text": ("a", "NULL", "%", *ODD),
        "character varying(9)": ("a", "n", "N", *ODD),
        "numeric(6,2)": ("0.499", "0.495", "1.005"),
        "double precision": ("0.1", "0.5"),
        "real": ("0.1", "0.5"),
    }.get(kind, ())
    values = values_of(kind, {}).texts
    return st.none() | (st.sampled_from(few) | values if few else values)


ROWS = st.fixed_dictionaries({name: cells(kind) for name, kind in TYPES.items()})
NULLS: Row = dict.fromkeys(TYPES)


@given(row=ROWS)
@example(row={**NULLS, "t": "a\n"})
@example(row={**NULLS, "t": "\u00ba", "v": "\u00ba"})
@example(row={**NULLS, "t": "I", "v": "I"})
@example(row={**NULLS, "t": "$"})
@example(row={**NULLS, "f": "0.1", "r": "0.1", "n": "0.499"})
@example(row={**NULLS, "z": "2000-01-01 09:59:59"})
def test_what_python_knows_of_a_condition_is_what_the_server_says(
    row: Row, conditions: Conditions
) -> None:
    for collation in conditions.collations:
        said = conditions.said_of(row, collation)

        for (condition, text), by_server in zip(conditions.written.items(), said, strict=True):
            expression = parse_check(text)
            assert expression is not None, text
            found = evaluate_check(expression, row, TYPES)
            assert found in (None, by_server), f"{condition} for {row} under {collation}"


def test_most_conditions_are_evaluated(conditions: Conditions) -> None:
    row = {"i": "1", "j": "2", "n": "3", "f": "0.5", "r": "0.5", "t": "x", "v": "y",
           "d": "2010-01-01", "b": "true", "z": "2010-01-01 00:00:00"}  # fmt: skip

    unknown = [
        told
        for told, text in conditions.written.items()
        if (expression := parse_check(text)) is None
        or evaluate_check(expression, row, TYPES) is None
    ]

    assert unknown == list(LEFT_TO_THE_SERVER)


@pytest.mark.parametrize(
    ("check", "text", "known"),
    [
        ("t ~ '^[[:alpha:]]$'", "a", True),
        ("t ~ '^[[:alpha:]]$'", "1", False),
        ("t ~ '^[[:alpha:]]$'", "\u00ba", None),
        ("t ~ '^\\w$'", "\u00ba", None),
        ("t ~ '^.$'", "\u00ba", True),
        ("t !~ '\\s'", "\u00ba", True),
        ("t !~ '\\s'", "\u00a0", None),
        ("t ~ '\\d'", "\u0663", None),
        ("t ~ '[[:punct:]]'", "!", True),
        ("t ~ '[[:punct:]]'", "$", None),
        ("t ~* '^k$'", "K", True),
        ("t ~* '^k$'", "\u212a", None),
        ("t ~* '^i$'", "I", None),
        ("t ~~* 'k%'", "Kk", True),
        ("t ~~* 'k%'", "kI", None),
        ("lower(t) = t", "K", False),
        ("lower(t) = t", "\u00c9", None),
        ("t > 'a'", "b", None),
    ],
)
def test_what_depends_on_the_locale_is_left_to_the_server(
    check: str, text: str, known: bool | None
) -> None:
    condition = parse_check(f"CHECK (({check}))")
    assert condition is not None

    assert evaluate_check(condition, {"t": text}, {"t": "text"}) is known


@pytest.mark.parametrize(
    "text",
    [
        "CHECK (CASE WHEN a THEN b ELSE c END)",
        "CHECK ((a[1] > 0))",
        "CHECK ((a > ALL (SELECT 1)))",
        "CHECK ((",
        "CHECK ((a = $$x$$))",
        "CHECK ((a OPERATOR(s.=) 'x'::text))",
        "CHECK (s.length(a) = 1)",
        "CHECK ((length(a, 'UTF8'::name) = 1))",
    ],
)
def test_what_cannot_be_read_is_left_to_the_server(text: str) -> None:
    expression = parse_check(text)
    row = {"a": "x", "b": "true", "c": "true"}
    types = {"a": "text", "b": "boolean", "c": "boolean"}
    assert expression is None or evaluate_check(expression, row, types) is None


def test_what_is_read_beside_it_still_counts() -> None:
    condition = parse_check("CHECK (((a > 0) AND s.is_odd(b))) NOT VALID")
    assert condition is not None
    types = {"a": "integer", "b": "integer"}
    assert evaluate_check(condition, {"a": "0", "b": "1"}, types) is False
    assert evaluate_check(condition, {"a": "1", "b": "1"}, types) is None
    assert columns_of(condition) == {"a", "b"}
