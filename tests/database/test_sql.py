"""SQL is composed as psycopg composes it, and a server reads names and values as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql as of_psycopg

from replant.database import sql
from replant.testing.servers.server import Server

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
names = texts.filter(bool)
values = texts | st.integers() | st.booleans() | st.none() | st.lists(texts) | st.binary()

#: Parts, made by either module.
Make = Callable[[Any], of_psycopg.Composable]
leaves: st.SearchStrategy[Make] = (
    st.lists(names, min_size=1, max_size=3).map(lambda held: lambda m: m.Identifier(*held))
    | values.map(lambda value: lambda m: m.Literal(value))
    | texts.map(lambda text: lambda m: m.SQL(text))
)


def grown(parts: st.SearchStrategy[Make]) -> st.SearchStrategy[Make]:
    few = st.lists(parts, max_size=3)
    return st.one_of(
        few.map(lambda held: lambda m: m.SQL(", ").join(part(m) for part in held)),
        few.map(
            lambda held: (
                lambda m: m.SQL("a {{}} " + "({})" * len(held)).format(*(part(m) for part in held))
            )
        ),
        st.tuples(parts, parts).map(
            lambda pair: lambda m: m.SQL("{1} {0} {1}").format(pair[0](m), pair[1](m))
        ),
        parts.map(lambda part: lambda m: m.SQL("{x} {y}").format(x=part(m), y=7)),
        st.tuples(parts, parts).map(lambda pair: lambda m: pair[0](m) + pair[1](m)),
    )


@given(st.recursive(leaves, grown, max_leaves=8))
def test_the_text_is_that_of_psycopg(make: Make) -> None:
    assert make(sql).as_string() == make(of_psycopg).as_string()


@given(make=st.recursive(leaves, grown, max_leaves=4))
def test_parts_of_psycopg_may_be_among_them(make: Make) -> None:
    text = sql.SQL("SELECT {}, {}").format(make(of_psycopg), make(sql)).as_string()
    assert text == f"SELECT {make(sql).as_string()}, {make(sql).as_string()}"


@given(
    text=texts, name=names.filter(lambda name: len(name.encode()) < 64), conforming=st.booleans()
)
def test_a_server_reads_what_was_meant(
    server: Server, text: str, name: str, conforming: bool
) -> None:
    query = sql.SQL("SELECT {}::text AS {}").format(sql.Literal(text), sql.Identifier(name))
    with psycopg.connect(server.dsn) as connection:
        setting = "on" if conforming else "off"
        connection.execute(f"SET standard_conforming_strings = {setting}".encode())
        connection.execute("SET escape_string_warning = off")
        cursor = connection.execute(query)
        assert cursor.fetchone() == (text,)
        assert cursor.description is not None
        assert cursor.description[0].name == name


def test_composed_sql_is_no_template() -> None:
    composed = sql.SQL("{}").format(sql.Identifier("a {} b"))
    with pytest.raises(TypeError, match="no template"):
        composed.format("x")
    assert sql.SQL("{}").format(composed).as_string() == '"a {} b"'
