"""The plugin `mask` inside `json` and `jsonb`: what a path leads to leaves as another value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import Connection, connect

from replant.testing.servers.server import Server
from replant_plugins.transforms.json_edits import Edit, edited
from replant_plugins.transforms.json_paths import JsonPath, split_path
from tests.support.commands import Replant
from tests.support.masking import configure, moved, prepare, refused
from tests.support.moves import Move

SCHEMA = """
CREATE SCHEMA s;
CREATE DOMAIN s.image AS jsonb CHECK (VALUE ? 'url');
CREATE TABLE s.person (id int PRIMARY KEY, email text, settings jsonb, raw json, photo s.image,
    several jsonb[]);
INSERT INTO s.person VALUES (1, 'ada@home.org',
    '{"token": "t0ps3cret", "theme": "dark", "api key": "k-123", "age": 36, "beta": true,
      "contacts": [{"email": "ada@home.org", "kind": "home"}, {"email": null}, {"kind": "x"}]}',
    '{"b" : "first",  "a":1.50, "b": "second", "n": 1E2, "deep": {"a": "x\\u0000y"}}',
    '{"url": "https://ada.example.com/face.png", "mime": "image/png"}',
    ARRAY['{"token": "t0ps3cret"}', NULL, '[]']::jsonb[]),
  (2, NULL, '{"theme": "light"}', NULL, NULL, '{}'),
  (3, NULL, '"text"', '[]', '{"url": null}', NULL);
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with two databases of one schema; the source has the rows."""
    prepare(tmp_path, move, SCHEMA, monkeypatch)
    move.target.execute("TRUNCATE s.person")


def person(mask: str) -> str:
    return f'[[tables]]\nname = "s.person"\nmask = {{ {mask} }}\n'


def row(move: Move, number: int, column: str) -> Any:
    (found,) = move.found(f"SELECT {column}::text FROM s.person WHERE id = {number}")
    return found


def test_a_path_masks_what_it_leads_to_and_nothing_else(replant: Replant, move: Move) -> None:
    configure(
        move,
        person(
            'email = "email", "settings.$.token" = "hash", "several.$.token" = "hash", '
            """'settings.$."api key"' = "digits", """
            '"settings.$.contacts[*].email" = "email", "settings.$.age" = "number:50", '
            '"settings.$.missing.path" = "hash"'
        ),
    )
    written = moved(replant)
    for value in ("t0ps3cret", "k-123", "ada@home.org"):
        assert value not in written
    settings = json.loads(row(move, 1, "settings"))
    (home, none, without) = settings["contacts"]
    # The same value has the same mask, inside JSON and beside it.
    assert home == {"email": row(move, 1, "email"), "kind": "home"}
    assert (none, without) == ({"email": None}, {"kind": "x"})
    assert len(settings["token"]) == 32
    assert settings["api key"][1] == "-"
    assert 18 <= settings["age"] <= 36
    assert (settings["theme"], settings["beta"]) == ("dark", True)
    assert row(move, 2, "settings") == '{"theme": "light"}'
    assert row(move, 3, "settings") == '"text"'


def test_json_keeps_every_other_character(replant: Replant, move: Move) -> None:
    configure(move, person('"raw.$.b" = "constant:it is \\"x\\"", "raw.$.deep" = "keep-first:1"'))
    moved(replant)
    assert row(move, 1, "raw") == (
        '{"b" : "it is \\"x\\"",  "a":1.50, "b": "it is \\"x\\"", "n": 1E2, "deep": {"a": "x**"}}'
    )
    assert row(move, 3, "raw") == "[]"


def test_paths_by_pattern_by_type_and_in_arrays(replant: Replant, move: Move) -> None:
    more = '[plugins.mask.columns]\n"*.$.**.token" = "hash"\n"*.settings.$.theme" = "null"\n'
    more += '[plugins.mask.types]\n"s.image.$.url" = "url"\n'
    configure(move, more + person('"settings.$.theme" = "keep", raw = "keep"'))
    written = moved(replant)
    for value in ("t0ps3cret", "ada.example.com"):
        assert value not in written
    assert json.loads(row(move, 1, "settings"))["theme"] == "dark"
    assert row(move, 1, "photo").startswith('{"url": "https://example.invalid/')
    assert json.loads(row(move, 1, "photo"))["mime"] == "image/png"
    assert row(move, 3, "photo") == '{"url": null}'
    first, second, third = move.found("SELECT unnest(several)::text FROM s.person WHERE id = 1")
    assert (second, third) == (None, "[]")
    assert json.loads(first)["token"] == json.loads(row(move, 1, "settings"))["token"]


def test_the_plan_and_the_header_tell_of_paths(replant: Replant, move: Move) -> None:
    configure(move, person('"settings.$.token" = "hash", "settings.$.age" = "number:5"'))
    plan = replant("plan")
    for told in (plan.out, moved(replant).partition("BEGIN")[0]):
        assert "s.person.settings: mask: $.token hash, $.age number:5" in told


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ('"settings.$.a b" = "hash"', ["tables[0].mask", "'$.a b' is not a path from ' b' on"]),
        ('"settings.$.a[?(@ > 1)]" = "hash"', ["is not a path from '[?(@ > 1)]' on"]),
        ('"setting.$.a" = "hash"', ["s.person has no column 'setting'", "did you mean settings?"]),
        ('"settings.$.a" = "hsh"', ["no kind of mask is 'hsh'"]),
        ('"email.$.a" = "hash"', ["it is of type text, and a path leads into json and jsonb"]),
        ('"settings.$.a" = "hash", settings = "null"', ["masks the whole of s.person.settings"]),
        ('settings = "hash"', ["it is of type jsonb; fitting are"]),
    ],
)
def test_what_cannot_be_is_refused(
    replant: Replant, move: Move, mask: str, words: list[str]
) -> None:
    configure(move, person(mask))
    refused(replant("plan"), *words)


def test_a_pattern_with_a_path_must_match_a_column_of_json(replant: Replant, move: Move) -> None:
    configure(move, '[plugins.mask.columns]\n"*.email.$.a" = "hash"\n"*.setings.$.a" = "hash"\n')
    refused(
        replant("plan"),
        'plugins.mask.columns."*.email.$.a": matches no column of type json or jsonb',
        'plugins.mask.columns."*.setings.$.a": matches no column; ',
    )


def test_a_key_of_json_is_refused(replant: Replant, move: Move) -> None:
    move.on_both(
        "CREATE TABLE s.a (k jsonb PRIMARY KEY); CREATE TABLE s.b (k jsonb REFERENCES s.a)"
    )
    configure(move, '[[tables]]\nname = "s.b"\nmask = { "k.$.token" = "hash" }')
    refused(replant("plan"), "s.b.k cannot be masked by the path $.token", "cannot mask a key")


def test_a_text_that_does_not_fit_its_kind_is_told_with_its_row(
    replant: Replant, move: Move
) -> None:
    configure(move, person('"settings.$.theme" = "number:5"'))
    outcome = replant("export", "-o", "a.sql")
    assert outcome.code == 3
    assert "s.person.settings" in outcome.err
    assert "id=1" in outcome.err.replace(" ", "")
    assert "dark" not in outcome.err


@pytest.fixture(scope="module")
def reader(server: Server) -> Iterator[Connection[Any]]:
    """A connection that is open for all examples."""
    database = server.create_database()
    with connect(database.dsn, autocommit=True) as connection:
        yield connection
    server.drop_database(database)


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda held: st.lists(held, max_size=3) | st.dictionaries(st.sampled_from("ab c"), held),
    max_leaves=12,
)
steps = st.sampled_from([".a", ".b", '." "', ".*", ".**", "[*]", "[0]", "[1]"])
paths = st.lists(steps, max_size=4).map(lambda parts: JsonPath.parse("$" + "".join(parts)))


def marked(_scalar: str) -> str:
    return '"masked"'


@given(value=values, path=paths, indent=st.none() | st.integers(0, 2), ascii_=st.booleans())
def test_a_change_to_the_same_keeps_every_character(
    value: Any, path: JsonPath, indent: int | None, ascii_: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    assert edited(text, [Edit(path, str)]) == text


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for held in value.values() for leaf in leaves(held)]
    if isinstance(value, list):
        return [leaf for held in value for leaf in leaves(held)]
    return [] if value is None else [value]


@given(value=values, path=paths)
def test_nothing_that_postgresql_finds_by_the_path_is_left(
    reader: Connection[Any], value: Any, path: JsonPath
) -> None:
    clean = json.dumps(value).replace("\\u0000", "")
    text = edited(clean, [Edit(path, marked)])
    (found,) = reader.execute(
        "SELECT jsonb_path_query_array(%s, %s::jsonpath)", (text, str(path))
    ).fetchall()
    assert set(map(str, leaves(found[0]))) <= {"masked"}, text


@pytest.mark.parametrize(
    ("text", "path", "masked"),
    [
        ('{"a": {"b": 1, "c": [2, null]}}', "$.a", '{"a": {"b": X, "c": [X, null]}}'),
        ('[{"a": 1}, [{"a": 2}]]', "$.a", '[{"a": X}, [{"a": X}]]'),
        ('{"a": 1}', "$[*].a", '{"a": X}'),
        ('{"a": 1}', "$[1].a", '{"a": 1}'),
        ('{"a\\u0062": 1}', "$.ab", '{"a\\u0062": X}'),
        ("[1, 2]", "$[1]", "[1, X]"),
        ("1", "$", "X"),
        (' {"x": {"a": 1, "y": {"a": 2}}} ', "$.**.a", ' {"x": {"a": X, "y": {"a": X}}} '),
    ],
)
def test_where_a_path_leads(text: str, path: str, masked: str) -> None:
    assert edited(text, [Edit(JsonPath.parse(path), lambda _: "X")]) == masked


@pytest.mark.parametrize(
    ("written", "name", "path"),
    [
        ("settings", "settings", None),
        ("settings.$", "settings", "$"),
        ("a.$x", "a.$x", None),
        ('*.settings.$."a.$.b"', "*.settings", '$."a.$.b"'),
    ],
)
def test_where_a_path_begins(written: str, name: str, path: str | None) -> None:
    found, parsed = split_path(written)
    assert (found, None if parsed is None else str(parsed)) == (name, path)


def test_of_two_paths_the_first_counts() -> None:
    edits = [Edit(JsonPath.parse("$.b")), Edit(JsonPath.parse("$.*"), marked)]
    assert edited('{"a": 1, "b": 2}', edits) == '{"a": "masked", "b": 2}'
