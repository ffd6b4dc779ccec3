"""Values that are suggested by CHECK constraints satisfy them, by Python's word or the server's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from psycopg import sql

from replant.testing.checks.parse import parse_check
from replant.testing.checks.suggest import values_from_checks
from replant.testing.servers.server import Server
from tests.support.property_tests import example_count

UUID = "00000000-0000-0000-0000-000000000007"


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[psycopg.Connection[Any]]:
    database = server.create_database()
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        yield connection
    server.drop_database(database)


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        (f"value = '{UUID}'::uuid", "uuid"),
        ("value = ANY (ARRAY['2000-01-01'::date, '2001-01-01'::date])", "date"),
        ("value ~ '^[[:alpha:]_][[:alnum:]_]*$'::text", "text"),
        ("value ~* '^(img|video)/[a-z]+$'::text", "text"),
        ("value ~~* 'img\\_%'::text", "text"),
        ("value ~~ ANY (ARRAY['a%'::text, '%z'::text])", "text"),
        ("(value ~ '^\\w+$'::text) OR (value = '-'::text)", "text"),
    ],
)
@settings(max_examples=example_count(20))
@given(data=st.data())
def test_suggested_values_satisfy_the_check(
    data: DataObject, check: str, kind: str, connection: psycopg.Connection[Any]
) -> None:
    condition = parse_check(f"CHECK (({check}))")
    assert condition is not None
    suggested = values_from_checks([condition], kind)
    assert suggested is not None

    text = data.draw(suggested)

    query = sql.SQL(f"SELECT {check} FROM (SELECT {{}}::{kind}) AS r (value)")
    assert connection.execute(query.format(sql.Literal(text))).fetchone() == (True,)


@pytest.mark.parametrize(
    "check", ["value !~ '\\s'::text", "value = lower(value)", "value !~~* '%e%'::text"]
)
@given(data=st.data())
def test_texts_are_such_that_all_locales_see_alike_where_a_locale_counts(
    data: DataObject, check: str
) -> None:
    condition = parse_check(f"CHECK (({check}))")
    assert condition is not None
    suggested = values_from_checks([condition], "text")
    assert suggested is not None

    text = data.draw(suggested)

    assert text.isascii()
    assert not {"i", "I"}.intersection(text)


def test_a_part_that_only_the_server_can_evaluate_suggests_nothing() -> None:
    condition = parse_check("CHECK (s.is_odd(value))")
    assert condition is not None

    assert values_from_checks([condition], "integer") is None


def test_only_what_draws_rows_imports_the_parser() -> None:
    code = (
        "import sys, replant.cli.main, replant.cli.prove, replant.api, replant.testing;"
        "sys.exit('sqlglot' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
