"""References to rows that are not exported can be set to NULL; and plugins can say so."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from replant import api
from replant.errors import ConfigurationError, DanglingReferenceError, PreflightError
from replant.model import (
    ByPredicate,
    Dangling,
    ExportSettings,
    Layout,
    OnConflict,
    Registration,
    RelationName,
    TableSettings,
)
from replant.model.match import Match
from tests.support.moves import Move

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.team (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE s.person (id int PRIMARY KEY, team int REFERENCES s.team,
  chief int REFERENCES s.person, must int NOT NULL REFERENCES s.person);
"""
ROWS = """
INSERT INTO s.team VALUES (1, 'one'), (2, 'two');
INSERT INTO s.person VALUES (1, 1, 1, 1), (2, 2, 1, 1), (3, 1, 4, 1), (4, NULL, NULL, 4);
"""
PERSON, TEAM = RelationName("s", "person"), RelationName("s", "team")
PEOPLE = "SELECT row(id, team, chief)::text FROM s.person ORDER BY id"
NULLED = ["(1,1,1)", "(2,,1)", "(3,1,)"]


@pytest.fixture
def teams(move: Move) -> Move:
    move.on_both(SCHEMA)
    move.source.execute(ROWS.encode(), prepare=False)
    return evolve(
        move,
        registrations=(
            Registration(TEAM, rows=ByPredicate("id = 1")),
            Registration(PERSON, rows=ByPredicate("id < 4")),
        ),
    )


def said_by_plugin(move: Move, **said: Any) -> Move:
    team, person = move.registrations
    return evolve(move, registrations=(team, evolve(person, **said)))


@pytest.mark.parametrize("layout", Layout)
def test_a_reference_to_a_row_outside_becomes_null(teams: Move, layout: Layout) -> None:
    move = evolve(teams, tables=(TableSettings(PERSON, dangling=Dangling.SET_NULL),))

    done = move.export(ExportSettings(layout=layout))

    assert "s.person.team: dangling: NULL where the row that it references is not exported" in (
        done.plan.changes
    )
    assert any(
        "the reference is set to NULL: s.person(chief)" in str(w) for w in done.plan.warnings
    )
    move.replay()
    assert move.found(PEOPLE) == NULLED
    assert move.differing() == []


def test_a_row_that_references_nothing_keeps_its_values(move: Move) -> None:
    """Of a key of several columns one is NULL: MATCH SIMPLE asks nothing of the others."""
    move.on_both(
        "CREATE SCHEMA s; CREATE TABLE s.place (x int, y int, PRIMARY KEY (x, y));"
        "CREATE TABLE s.thing (id int PRIMARY KEY, x int, y int, FOREIGN KEY (x, y) REFERENCES"
        " s.place)"
    )
    move.source.execute(
        "INSERT INTO s.place VALUES (1, 1), (2, 2);"
        "INSERT INTO s.thing VALUES (1, 1, 1), (2, 2, 2), (3, 7, NULL), (4, NULL, 8)",
        prepare=False,
    )
    place, thing = RelationName("s", "place"), RelationName("s", "thing")
    nulled = evolve(
        move,
        registrations=(
            Registration(place, rows=ByPredicate("x = 1")),
            Registration(thing, dangling=Dangling.SET_NULL),
        ),
    )

    nulled.export()
    nulled.replay()

    assert move.found("SELECT row(id, x, y)::text FROM s.thing ORDER BY id") == [
        *("(1,1,1)", "(2,,)", "(3,7,)", "(4,,8)")
    ]


def test_a_reference_to_a_table_that_is_not_exported_becomes_null(teams: Move) -> None:
    move = said_by_plugin(teams, dangling=Dangling.SET_NULL)

    evolve(move, registrations=move.registrations[1:]).export()

    move.replay()
    assert move.found("SELECT count(team) FROM s.person") == [0]


def test_columns_that_are_not_null_cannot_be_set_to_it(teams: Move) -> None:
    teams.source.execute("UPDATE s.person SET must = 4 WHERE id = 2")
    move = said_by_plugin(teams, dangling=Dangling.SET_NULL)

    with pytest.raises(ConfigurationError, match=r"whose columns are NOT NULL: s.person\(must\)"):
        move.plan()


def test_the_configuration_goes_over_a_registration(teams: Move) -> None:
    move = said_by_plugin(teams, dangling=Dangling.SET_NULL)
    said = (TableSettings(PERSON, dangling=Dangling.FAIL),)

    with pytest.raises(DanglingReferenceError):
        evolve(move, tables=said).plan()


def test_a_plugin_says_what_happens_to_rows_that_are_there(teams: Move) -> None:
    plain = said_by_plugin(teams, dangling=Dangling.SET_NULL)
    plain.export()
    plain.replay()
    with pytest.raises(PreflightError):
        plain.replay()

    team, person = plain.registrations
    ways = [evolve(each, on_conflict=OnConflict.SAME) for each in (team, person)]
    evolve(plain, registrations=tuple(ways)).export()

    plain.replay()


def test_a_plugin_says_by_which_key_rows_are_met(teams: Move) -> None:
    teams.target.execute("INSERT INTO s.team VALUES (7, 'one')")
    team, person = said_by_plugin(teams, dangling=Dangling.SET_NULL).registrations
    met = evolve(team, match=Match(("code",), owned=True))

    evolve(teams, registrations=(met, person)).export(ExportSettings(layout=Layout.DIRECTORY))

    teams.replay()
    assert teams.found(PEOPLE) == ["(1,7,1)", "(2,,1)", "(3,7,)"]
    assert all(r.equal for r in api.verify(str(teams.artifact), teams.settings()))
