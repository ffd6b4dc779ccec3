"""The rows of a closed set are compared both ways: rows that only the target has are found too."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from replant import api
from replant.model import ExportSettings, OnConflict, PluginSettings, Settings
from replant.verification.differences import RowDifferenceKind, TableResult
from replant.verification.verify import HashingPlace
from tests.support.commands import Replant
from tests.support.moves import Move
from tests.support.property_tests import example_count

MISSING, CHANGED, ADDITIONAL = RowDifferenceKind

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.country (code text PRIMARY KEY, name text);
CREATE TABLE s.customer (id int PRIMARY KEY, country text REFERENCES s.country, name text);
CREATE TABLE s.orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer, v text);
CREATE TABLE s.line (orders int REFERENCES s.orders, n int, v text, PRIMARY KEY (orders, n));
"""
ROWS = """
INSERT INTO s.country VALUES ('de', 'Germany'), ('fr', 'France');
INSERT INTO s.customer VALUES (1, 'de', 'Ada'), (2, 'de', 'Bob'), (3, 'fr', 'Cem');
INSERT INTO s.orders VALUES (10, 1, 'a'), (11, 1, 'b'), (20, 2, 'c'), (30, 3, 'd');
INSERT INTO s.line SELECT o.id, n, 'v' FROM s.orders AS o, generate_series(1, 3) AS n;
"""


@pytest.fixture
def one_customer(move: Move) -> Settings:
    """One customer with all that belongs to it, in a target that has other customers as well."""
    move.on_both(SHOP)
    move.source.execute(ROWS.encode())
    move.target.execute(ROWS.encode())
    move.target.execute("DELETE FROM s.line WHERE orders < 20")
    move.target.execute("DELETE FROM s.orders WHERE id < 20")
    move.target.execute("DELETE FROM s.customer WHERE id = 1")
    settings = settings_of(move, ["s.customer: id = 1"])
    api.export(settings)
    skipping = evolve(settings, export=ExportSettings(on_conflict=OnConflict.SKIP))
    api.replay(str(move.artifact), skipping)
    return settings


@pytest.mark.parametrize(
    ("root", "one_way"),
    [
        ("name = 'Ada'", ["s.customer"]),
        ("id < 2", ["s.customer"]),
        ("id = 1 OR name = 'Ada'", ["s.customer"]),
        ("id = 1 AND name = 'Ada'", []),
        ('"id" = 1', []),
    ],
)
def test_other_rows_may_satisfy_the_condition_of_a_root(
    move: Move, root: str, one_way: list[str]
) -> None:
    """The condition is SQL of the artifact, which is not run in the target."""
    move.on_both(SHOP)
    move.source.execute(ROWS.encode())
    settings = settings_of(move, [f"s.customer: {root}"])
    api.export(settings)
    api.replay(str(move.artifact), settings)
    results = api.verify(str(move.artifact), settings)
    assert [str(r.name) for r in results if r.one_way] == one_way
    assert all(result.equal for result in results)


def settings_of(move: Move, roots: list[str]) -> Settings:
    return Settings(
        source=move.from_.dsn,
        target=move.to.dsn,
        export=ExportSettings(output=str(move.artifact), on_conflict=None),
        plugins=PluginSettings(("schemas", "ordered"), {"schemas": {"roots": roots}}),
        tables=(),
    )


def found(results: tuple[TableResult, ...]) -> dict[str, dict[RowDifferenceKind, int]]:
    return {str(result.name): dict(result.counts) for result in results if not result.equal}


def verified(move: Move, settings: Settings) -> dict[str, dict[RowDifferenceKind, int]]:
    results = api.verify(str(move.artifact), settings)
    assert [r.name for r in results if r.one_way] == []
    return found(results)


def test_the_set_is_equal_beside_the_rows_of_others(move: Move, one_customer: Settings) -> None:
    assert verified(move, one_customer) == {}


def test_a_row_that_only_the_target_has_is_found(move: Move, one_customer: Settings) -> None:
    move.target.execute("INSERT INTO s.orders VALUES (12, 1, 'theirs')")
    move.target.execute("INSERT INTO s.line VALUES (10, 9, 'theirs'), (12, 1, 'theirs')")
    move.target.execute("INSERT INTO s.orders VALUES (29, 2, 'of another customer')")

    assert verified(move, one_customer) == {
        "s.orders": {ADDITIONAL: 1},
        "s.line": {ADDITIONAL: 2},
    }


def test_the_command_names_the_row_and_ends_with_1(
    move: Move, one_customer: Settings, replant: Replant
) -> None:
    move.target.execute("INSERT INTO s.orders VALUES (12, 1, 'theirs')")

    outcome = replant("verify", move.artifact, "--target", move.to.dsn)

    assert outcome.code == 1
    assert "s.orders: 1 row differs (1 only in the target), of 2 rows exported:" in outcome.out
    assert "id = 12 is in the target only" in outcome.out


def test_where_it_looks_one_way_only_the_summary_says_so(
    move: Move, one_customer: Settings, replant: Replant
) -> None:
    """A root without keys, of which the manifest knows a condition for people alone."""
    move.on_both("CREATE TABLE s.note (customer int, v text)")
    move.source.execute("INSERT INTO s.note VALUES (1, 'a')")
    move.target.execute("INSERT INTO s.note VALUES (1, 'a')")
    settings = settings_of(move, ["s.note: v = 'a'", "s.customer: id = 1"])
    api.export(settings, force=True)

    outcome = replant("verify", move.artifact, "--target", move.to.dsn)

    assert outcome.code == 0
    assert "rows that only the target has were not looked for in " in outcome.out
    assert "s.customer" in outcome.out
    assert "the artifact does not tell the keys of the 1 root rows of s.note" in outcome.out


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["insert", "update", "delete", "other"]),
        st.integers(1, 6),
        st.text("ab", max_size=1),
    ),
    max_size=6,
)


@examples(
    max_examples=example_count(40), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=CHANGES)
def test_each_change_of_the_target_is_found_and_counted_by_its_kind(
    move: Move, one_customer: Settings, changes: list[tuple[str, int, str]]
) -> None:
    exported = {(10, n): "v" for n in (1, 2, 3)} | {(11, n): "v" for n in (1, 2, 3)}
    rows = dict(exported)
    move.target.execute("DELETE FROM s.line")
    for kind, n, text in changes:
        match kind:
            case "insert" | "update":
                rows[10, n] = text
            case "delete":
                rows.pop((11, n), None)
    for (order, n), text in rows.items():
        move.target.execute("INSERT INTO s.line VALUES (%s, %s, %s)", (order, n, text))
    move.target.execute("INSERT INTO s.line VALUES (20, 1, 'of another')")
    wanted = {
        MISSING: len(exported.keys() - rows.keys()),
        CHANGED: sum(1 for key in exported.keys() & rows.keys() if exported[key] != rows[key]),
        ADDITIONAL: len(rows.keys() - exported.keys()),
    }

    counts = verified(move, one_customer).get("s.line", {})

    assert counts == {kind: number for kind, number in wanted.items() if number}


@pytest.mark.parametrize("place", HashingPlace)
def test_the_answer_is_the_same_wherever_rows_are_hashed(
    move: Move, place: HashingPlace, tmp_path: Path
) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text)")
    move.source.execute("INSERT INTO s.t SELECT n, 'v' || n FROM generate_series(1, 20000) AS n")
    move.export()
    move.replay()
    move.target.execute("UPDATE s.t SET v = 'other' WHERE id IN (3, 9000)")
    move.target.execute("DELETE FROM s.t WHERE id IN (1, 20000)")
    move.target.execute("INSERT INTO s.t VALUES (0, 'new'), (30000, 'new')")

    (result,) = api.verify(str(move.artifact), move.settings(), hashing=place)

    assert result.counts == {MISSING: 2, CHANGED: 2, ADDITIONAL: 2}
    assert {d.key for d in result.differences} == {
        f"id = {key}" for key in (0, 1, 3, 9000, 20000, 30000)
    }


@pytest.mark.parametrize("place", HashingPlace)
def test_the_command_hashes_where_it_is_told(
    move: Move, one_customer: Settings, replant: Replant, place: HashingPlace
) -> None:
    outcome = replant("verify", move.artifact, "--target", move.to.dsn, "--compare", place.value)

    assert outcome.code == 0, outcome.err
    assert outcome.out == "verified: 10 rows of 4 tables are equal\n"
