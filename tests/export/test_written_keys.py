"""Keys that Python changes are compared as the server compares them."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import psycopg
import pytest

from replant import api
from replant.errors import PluginError
from replant.model import Column, PythonFunction, Registration, RelationName, Table, Transform
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant_plugins.strategies import ordered
from tests.support.moves import Move, Registering

NAME = RelationName("s", "t")
SCHEMA = """
CREATE SCHEMA s;
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
CREATE DOMAIN s.name AS public.citext CHECK (value <> '');
"""
COLLATION = (
    "CREATE COLLATION s.any_case "
    "(provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
)


class Changing:
    """A plugin that changes the column `k` of the first row to the first text, and so on.

    A plan calls the function for the first rows too, so each row begins again after the last.
    """

    def __init__(self, texts: list[str]) -> None:
        self._texts = cycle(texts)

    @hookimpl
    def transform_value(self, table: Table, column: Column) -> Transform | None:
        return PythonFunction(lambda _: next(self._texts)) if column.name == "k" else None


def export(move: Move, type_: str, texts: list[str], *, other: str = "1", before: str = "") -> int:
    """Export as many rows as there are texts, whose unique key becomes these texts."""
    table = f"CREATE TABLE s.t (n text PRIMARY KEY, k {type_}, o int, UNIQUE (k, o))"
    move.on_both(f"{SCHEMA} {before}; {table}")
    for number in range(len(texts)):
        row = f"'{number}', (SELECT k FROM s.t WHERE false), {other}"
        move.source.execute(f"INSERT INTO s.t VALUES ({row})".encode())
    plugins: dict[str, Any] = {
        "tables": Registering((Registration(NAME),)),
        "mask": Changing(texts),
        "ordered": ordered,
    }
    host = Host([LoadedPlugin(Candidate(n, "tests", "1", n), p) for n, p in plugins.items()])
    return api.export(move.settings(), host=host).rows[NAME]


@pytest.mark.parametrize(
    ("type_", "texts"),
    [
        ("public.citext", ["A", "b", "a"]),
        ("s.name", ["A", "b", "a"]),
        ("int", ["7", "8", "007"]),
        ("numeric", ["1.0", "2", "1.00"]),
        ("timestamptz", ["2020-01-01 00:00+00", "2020-01-01 01:00+01"]),
        ("int[]", ["{1,2}", "{ 1, 2}"]),
        ("text", ["A", "A"]),
    ],
)
def test_keys_that_the_server_takes_for_equal_are_refused(
    move: Move, type_: str, texts: list[str]
) -> None:
    with pytest.raises(PluginError) as caught:
        export(move, type_, texts)
    assert "two rows of s.t get the same (k, o), which is unique: the plugin 'mask'" in str(
        caught.value
    )


def test_a_collation_that_takes_texts_for_equal_is_asked(move: Move) -> None:
    try:
        move.on_both(f"CREATE SCHEMA s; {COLLATION}; DROP SCHEMA s CASCADE")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this server was built without ICU")
    with pytest.raises(PluginError, match="two rows of"):
        export(move, "text COLLATE s.any_case", ["A", "b", "a"], before=COLLATION)


@pytest.mark.parametrize(
    ("type_", "texts"),
    [
        ("public.citext", ["A", "b"]),
        ("text", ["A", "a"]),
        ("varchar(5)", ["A", "a"]),
        ("int", ["7", "70"]),
        ("money", ["7", "70"]),
    ],
)
def test_keys_that_differ_for_the_server_are_written(
    move: Move, type_: str, texts: list[str]
) -> None:
    assert export(move, type_, texts) == len(texts)


def test_equal_values_in_different_keys_are_no_duplicate(move: Move) -> None:
    assert export(move, "public.citext", ["A", "a"], other="(SELECT count(*) FROM s.t)") == 2


def test_a_key_that_its_type_does_not_take_is_told_with_the_plugin(move: Move) -> None:
    with pytest.raises(PluginError, match=r"the plugin 'mask' gives a key of s.t") as caught:
        export(move, "int", ["secret", "8"])
    assert "secret" not in str(caught.value)
