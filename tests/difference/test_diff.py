"""Two sets of rows are compared, whether they are in artifacts or in databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from replant import api
from replant.difference.result import Presence, SideComparison
from replant.model import ExportSettings, Layout, PluginSettings, RelationName, Settings
from replant.testing.servers.server import Server, grant
from tests.support.blocks import let_blocks_have
from tests.support.commands import Replant, assert_one_line
from tests.support.moves import FORMATS, Move
from tests.support.property_tests import example_count

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.country (code text PRIMARY KEY, name text);
CREATE TABLE s.customer (id int PRIMARY KEY, country text REFERENCES s.country, name text);
CREATE TABLE s.orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer, v text);
CREATE TABLE s.note (customer int NOT NULL REFERENCES s.customer, v text);
INSERT INTO s.country VALUES ('de', 'Germany'), ('fr', 'France');
INSERT INTO s.customer VALUES (1, 'de', 'Ada'), (2, 'de', 'Bob');
INSERT INTO s.orders VALUES (10, 1, 'a'), (11, 1, 'b'), (20, 2, 'c');
INSERT INTO s.note VALUES (1, 'twice'), (1, 'twice'), (1, 'once'), (2, 'other');
"""
CHANGES = """
UPDATE s.orders SET v = 'changed' WHERE id = 10;
DELETE FROM s.orders WHERE id = 11;
INSERT INTO s.orders VALUES (12, 1, 'new'), (21, 2, 'of another');
DELETE FROM s.note WHERE ctid IN (SELECT ctid FROM s.note WHERE v = 'twice' LIMIT 1);
"""
ROOT = "s.customer: id = 1"


def settings_of(source: str, form: ExportSettings | None = None) -> Settings:
    return Settings(
        source=source,
        export=form or ExportSettings(),
        plugins=PluginSettings(("schemas", "ordered"), {"schemas": {"roots": [ROOT]}}),
    )


Export = Callable[[str, str, ExportSettings], str]


@pytest.fixture
def exported(move: Move, tmp_path: Path) -> Export:
    """Both databases with the shop, the target with changes; and what exports one of them."""
    move.on_both(SHOP)
    move.target.execute(CHANGES.encode())

    def export(dsn: str, name: str, form: ExportSettings) -> str:
        output = tmp_path / name
        arguments = {"output": str(output), "layout": form.layout, "format": form.format}
        api.export(settings_of(dsn, ExportSettings(**arguments)))  # type: ignore[arg-type]
        return str(output)

    return export


def counts(found: SideComparison) -> dict[str, dict[Presence, int]]:
    return {table.name.name: dict(table.counts) for table in found.tables if not table.equal}


EXPECTED = {
    "orders": {Presence.LEFT: 1, Presence.RIGHT: 1, Presence.BOTH: 1},
    "note": {Presence.LEFT: 1},
}


@pytest.mark.parametrize("left", ["file-insert", "file-copy", "directory", "database"])
@pytest.mark.parametrize("right", ["file-insert", "directory", "database"])
def test_any_two_sides_are_compared(move: Move, exported: Export, left: str, right: str) -> None:
    def side(kind: str, dsn: str, name: str) -> str:
        return dsn if kind == "database" else exported(dsn, name, FORMATS[kind])

    one = side(left, move.from_.dsn, "left")
    other = side(right, move.to.dsn, "right")

    assert counts(api.diff(one, other, settings_of(""))) == EXPECTED
    assert api.diff(one, move.from_.dsn, settings_of("")).equal
    assert api.diff(move.to.dsn, other, settings_of("")).equal


@pytest.mark.parametrize("kind", ["file-insert", "directory"])
def test_without_a_configuration_the_artifact_says_which_rows(
    move: Move, exported: Export, replant: Replant, kind: str
) -> None:
    artifact = exported(move.from_.dsn, "left", FORMATS[kind])

    assert counts(api.diff(artifact, move.to.dsn, Settings())) == EXPECTED
    mirrored = {Presence.LEFT: Presence.RIGHT, Presence.RIGHT: Presence.LEFT}
    assert counts(api.diff(move.to.dsn, artifact, Settings())) == {
        name: {mirrored.get(presence, presence): n for presence, n in found.items()}
        for name, found in EXPECTED.items()
    }
    assert api.diff(artifact, move.from_.dsn, Settings()).equal
    assert replant("diff", artifact, move.from_.dsn).out.startswith("7 rows of 4 tables are equal")
    move.target.execute("UPDATE s.country SET name = 'D' WHERE code = 'de'")
    assert counts(api.diff(artifact, move.to.dsn, Settings()))["country"] == {Presence.BOTH: 1}


def test_rows_that_may_satisfy_the_condition_of_a_root_are_not_looked_for_and_it_is_told(
    move: Move, exported: Export, replant: Replant, tmp_path: Path
) -> None:
    """No condition of an artifact is run in a database; verify tells it by the same words."""
    artifact, report = tmp_path / "left.sql", tmp_path / "report.json"
    roots = {"schemas": {"roots": ["s.customer: name LIKE 'A%'"]}}
    plugins = PluginSettings(("schemas", "ordered"), roots)
    output = ExportSettings(output=str(artifact))
    api.export(Settings(source=move.from_.dsn, export=output, plugins=plugins))
    move.source.execute("INSERT INTO s.customer VALUES (3, 'fr', 'Alan')")
    told = (
        "rows that only the database has were not looked for in s.customer: its roots were looked"
    )

    equal = replant("diff", artifact, move.from_.dsn, "--report", report)
    other_way = replant("diff", move.to.dsn, artifact)
    as_json = json.loads(replant("diff", artifact, move.from_.dsn, "--format", "json").out)

    assert (equal.code, other_way.code) == (0, 1)
    assert told in equal.out
    assert told in other_way.out
    one_way = {table["name"]: table["one_way"] for table in as_json["tables"]}
    assert {name for name, reason in one_way.items() if reason} == {"customer"}
    assert "the database has no other rows" in report.read_text()
    by_key = exported(move.from_.dsn, "by_key", ExportSettings())
    assert not any(table.one_way for table in api.diff(by_key, move.to.dsn, Settings()).tables)


def test_without_a_configuration_a_missing_table_or_column_is_named(
    move: Move, exported: Export, replant: Replant
) -> None:
    artifact = exported(move.from_.dsn, "left", FORMATS["directory"])
    move.source.execute("ALTER TABLE s.orders DROP v")
    assert "not compared, as only left has it: v" in replant("diff", artifact, move.from_.dsn).out
    move.source.execute("DROP TABLE s.orders")
    outcome = replant("diff", artifact, move.from_.dsn)
    assert_one_line(outcome, 4, "has no table s.orders, so the rows of the artifact cannot be")


def test_without_a_configuration_a_role_that_may_not_read_is_told(
    move: Move, exported: Export, replant: Replant, server: Server
) -> None:
    artifact = exported(move.from_.dsn, "left", FORMATS["directory"])
    reader = server.create_role("met_by_diff")
    grant(move.to, reader, "SELECT", [RelationName("s", "customer")])
    outcome = replant("diff", artifact, move.to.as_role(reader))
    assert_one_line(outcome, 4, "may not see all rows of some tables, so nothing is compared")


def test_rows_that_are_met_by_another_key_are_the_same(
    move: Move, exported: Export, replant: Replant, tmp_path: Path
) -> None:
    move.on_both(
        "ALTER TABLE s.country ADD UNIQUE (name);"
        "ALTER TABLE s.customer DROP CONSTRAINT customer_country_fkey"
    )
    move.target.execute(
        "UPDATE s.country SET code = 'D' WHERE code = 'de';"
        "UPDATE s.customer SET country = 'D' WHERE country = 'de'",
        prepare=False,
    )
    move.on_both("ALTER TABLE s.customer ADD FOREIGN KEY (country) REFERENCES s.country")
    artifact = exported(move.from_.dsn, "left", FORMATS["directory"])
    config = tmp_path / "match.toml"
    config.write_text('[[tables]]\nname = "s.country"\nmatch = ["name"]\n')

    assert set(counts(api.diff(artifact, move.to.dsn, settings_of("")))) == {
        *("country", "customer", "note", "orders")
    }
    outcome = replant("diff", artifact, move.to.dsn, "-c", str(config))
    assert "s.country" not in outcome.out
    assert "s.customer" not in outcome.out
    by_root = replant("diff", artifact, move.to.dsn, "-c", str(config), "--root", ROOT)
    assert by_root.out == outcome.out


def test_the_text_shows_keys_and_values(move: Move, exported: Export, replant: Replant) -> None:
    outcome = replant("diff", move.from_.dsn, move.to.dsn, "--root", ROOT)

    assert outcome.code == 1
    assert outcome.out.splitlines()[:4] == [
        "s.note: 1 row differs (1 only left), of 3 left and 2 right",
        "  only left: customer = 1, v = twice",
        "s.orders: 3 rows differ (1 only left, 1 only right, 1 changed), of 2 left and 2 right",
        "  id = 10: v is a left, changed right",
    ]
    assert "  only right: id = 12: customer = 1, v = new" in outcome.out
    assert "2 of 4 tables differ; left is the database " in outcome.out


def test_equal_sides_end_with_0(move: Move, exported: Export, replant: Replant) -> None:
    artifact = exported(move.from_.dsn, "left", FORMATS["directory"])

    outcome = replant("diff", artifact, move.from_.dsn, "--root", ROOT)

    assert outcome.code == 0
    assert outcome.out.startswith("7 rows of 4 tables are equal; left is ")


def test_the_json_fits_its_schema(move: Move, exported: Export, replant: Replant) -> None:
    schema = json.loads((files("replant.difference") / "diff.schema.json").read_text("utf-8"))

    outcome = replant("diff", move.from_.dsn, move.to.dsn, "--root", ROOT, "--format", "json")

    report = json.loads(outcome.out)
    assert [e.message for e in Draft202012Validator(schema).iter_errors(report)] == []
    assert outcome.code == 1
    assert report["equal"] is False
    (orders,) = (table for table in report["tables"] if table["name"] == "orders")
    assert {
        "is": "changed",
        "key": {"id": "10"},
        "left": {"v": "a"},
        "right": {"v": "changed"},
    } in (orders["rows"])


def test_the_sql_makes_left_like_right(move: Move, exported: Export, replant: Replant) -> None:
    move.on_both("ALTER TABLE s.note ADD n serial PRIMARY KEY")
    outcome = replant("diff", move.from_.dsn, move.to.dsn, "--root", ROOT, "--format", "sql")
    assert outcome.code == 1

    move.source.execute(outcome.out.encode(), prepare=False)

    assert api.diff(move.from_.dsn, move.to.dsn, settings_of("")).equal
    assert move.source.execute("SELECT count(*) FROM s.orders WHERE customer = 2").fetchall() == [
        (1,)
    ]


def test_the_sql_names_the_schemas_of_the_left_side(
    move: Move, exported: Export, replant: Replant
) -> None:
    move.on_both("ALTER TABLE s.note ADD n serial PRIMARY KEY")
    move.target.execute("ALTER SCHEMA s RENAME TO c")
    sides = ("diff", move.from_.dsn, move.to.dsn, "--include", "?.*", "--map-schema", "s=c")
    outcome = replant(*sides, "--format", "sql")
    assert outcome.code == 1

    move.source.execute(outcome.out.encode(), prepare=False)

    assert replant(*sides).code == 0


def test_sql_for_rows_without_a_key_is_refused(
    move: Move, exported: Export, replant: Replant
) -> None:
    outcome = replant("diff", move.from_.dsn, move.to.dsn, "--root", ROOT, "--format", "sql")

    assert_one_line(outcome, 2, "rows of s.note differ, and no key tells them apart")


def test_only_the_first_rows_are_shown_unless_all_are_wanted(
    move: Move, exported: Export, replant: Replant
) -> None:
    move.target.execute("INSERT INTO s.orders SELECT n, 1, 'more' FROM generate_series(100, 119) n")

    first = replant("diff", move.from_.dsn, move.to.dsn, "--root", ROOT)
    every = replant("diff", move.from_.dsn, move.to.dsn, "--root", ROOT, "--all")

    assert "  and 13 more: --all shows them" in first.out
    assert every.out.count("v = more") == 20


def test_a_column_that_one_side_lacks_is_named(
    move: Move, exported: Export, replant: Replant
) -> None:
    artifact = exported(move.from_.dsn, "left", FORMATS["directory"])
    move.source.execute("ALTER TABLE s.orders ADD extra text")

    outcome = replant("diff", artifact, move.from_.dsn, "--root", ROOT)

    assert outcome.code == 1
    assert outcome.out.splitlines()[:2] == [
        "s.orders: all rows are equal, of 2 left and 2 right",
        "  not compared, as only right has it: extra",
    ]


def test_a_table_that_one_side_lacks_is_named(
    move: Move, exported: Export, replant: Replant
) -> None:
    artifact = exported(move.from_.dsn, "left", FORMATS["directory"])
    move.source.execute("DROP TABLE s.orders")

    outcome = replant("diff", artifact, move.from_.dsn, "--root", ROOT)

    assert outcome.code == 1
    assert "s.orders: only left has the table, with 2 rows" in outcome.out


def test_a_database_without_the_root_has_no_rows(move: Move, exported: Export) -> None:
    move.target.execute("TRUNCATE s.note, s.orders, s.customer")

    found = api.diff(move.from_.dsn, move.to.dsn, settings_of(""))

    assert counts(found)["customer"] == {Presence.LEFT: 1}


def test_what_is_neither_an_artifact_nor_a_database_is_refused(replant: Replant) -> None:
    outcome = replant("diff", "nowhere.sql", "env:NOT_SET")

    assert_one_line(outcome, 2, "there is no artifact 'nowhere.sql'")


ROWS = st.dictionaries(st.integers(1, 40), st.sampled_from(["a", "b", "'\t\\"]), max_size=30)


@given(left=ROWS, right=ROWS, layout=st.sampled_from(list(Layout)))
@examples(
    max_examples=example_count(15), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_exactly_the_rows_that_differ_are_found_by_blocks(
    move: Move,
    monkeypatch: pytest.MonkeyPatch,
    left: dict[int, str],
    right: dict[int, str],
    layout: Layout,
) -> None:
    let_blocks_have(monkeypatch, 2)
    move.empty()
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text)")
    for connection, rows in ((move.source, left), (move.target, right)):
        connection.cursor().executemany("INSERT INTO s.t VALUES (%s, %s)", list(rows.items()))
    artifact = str(move.artifact.with_suffix(f".{layout.value}"))
    settings = Settings(
        source=move.from_.dsn,
        export=ExportSettings(output=artifact, layout=layout, allow_empty=True),
        plugins=PluginSettings(("schemas", "ordered"), {"schemas": {"include": ["s.*"]}}),
    )
    api.export(settings, force=True)

    (table,) = api.diff(artifact, move.to.dsn, settings, limit=None).tables

    found = {
        presence: {int(row.key["id"] or "") for row in table.rows if row.presence is presence}
        for presence in Presence
    }
    assert found == {
        Presence.LEFT: left.keys() - right.keys(),
        Presence.RIGHT: right.keys() - left.keys(),
        Presence.BOTH: {key for key in left.keys() & right.keys() if left[key] != right[key]},
    }
