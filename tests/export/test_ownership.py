"""An export says of each row whether it is owned, or shared with rows that are not exported."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import pytest
from attrs import evolve

from replant import api
from replant.artifact.artifact import open_artifact, row_texts
from replant.model import (
    ByPredicate,
    Dangling,
    ExportSettings,
    PluginSettings,
    Registration,
    RelationName,
    Settings,
    ThroughForeignKey,
    WhereReferenced,
)
from replant.model.ownership import Ownership
from tests.support.commands import Replant
from tests.support.moves import FORMATS, Move, in_every_format

#: An employee has a boss and a team; a team has a leader, who may be of another team.
COMPANY = """
CREATE SCHEMA s;
CREATE TABLE s.city (name text PRIMARY KEY);
CREATE TABLE s.team (id int PRIMARY KEY, city text REFERENCES s.city);
CREATE TABLE s.person (
    id int PRIMARY KEY, team int REFERENCES s.team, boss int REFERENCES s.person);
INSERT INTO s.city VALUES ('Bonn'), ('Rome');
INSERT INTO s.team VALUES (1, 'Bonn'), (2, 'Rome');
INSERT INTO s.person VALUES
    (1, NULL, NULL), (2, NULL, 1), (3, 1, 2), (4, 1, 3), (5, 2, 1), (6, 1, NULL), (7, NULL, 5);
"""


def settings_of(move: Move, roots: Iterable[str], form: ExportSettings, **any_: object) -> Settings:
    schemas = {"roots": list(roots), **any_}
    return Settings(
        source=move.from_.dsn,
        target=move.to.dsn,
        export=evolve(form, output=str(move.artifact)),
        plugins=PluginSettings(("schemas", "ordered"), {"schemas": schemas}),
    )


def owned_keys(move: Move) -> dict[str, list[tuple[str, bool]]]:
    """The key of each row of the artifact, and whether it is owned."""
    with open_artifact(str(move.artifact)) as artifact:
        return {
            table.name.name: [
                (texts[0] or "", owned)
                for texts, owned in zip(
                    chain.from_iterable(row_texts(artifact, table.name)),
                    table.is_owned(),
                    strict=True,
                )
            ]
            for table in artifact.manifest.tables
        }


@in_every_format
def test_rows_of_one_table_are_told_apart_by_the_way_they_came(
    move: Move, form: ExportSettings
) -> None:
    move.source.execute(COMPANY.encode())

    api.export(settings_of(move, ["s.team: id = 1"], form))

    found = owned_keys(move)
    assert found["city"] == [("Bonn", False)]
    assert found["team"] == [("1", True)]
    # Their bosses come because they are referenced. A file has rows in the order of their depth.
    assert dict(found["person"]) == {"1": False, "2": False, "3": True, "4": True, "6": True}


def test_a_row_that_came_both_ways_is_owned(move: Move) -> None:
    move.source.execute(COMPANY.encode())
    roots = ["s.team: id = 1", "s.person: id = 1"]

    api.export(settings_of(move, roots, FORMATS["directory"]))

    found = dict(owned_keys(move)["person"])
    assert (found["1"], found["2"], found["5"], found["7"]) == (True, True, True, True)


def test_rows_below_a_shared_row_are_shared(move: Move) -> None:
    """Children that are always followed come from shared rows too, and nobody owns them."""
    move.source.execute(COMPANY.encode())
    settings = settings_of(move, ["s.team: id = 1"], FORMATS["directory"], children="follow")

    api.export(settings)

    found = owned_keys(move)
    assert dict(found["person"]) == {
        "1": False,
        "2": False,
        "3": True,
        "4": True,
        "5": False,
        "6": True,
        "7": False,
    }
    assert dict(found["team"]) == {"1": True, "2": False}


def test_registrations_say_what_the_rows_of_a_table_are(move: Move) -> None:
    move.source.execute(COMPANY.encode())
    registered = evolve(
        move,
        registrations=(
            Registration("s.team", ByPredicate("id = 1")),
            Registration("s.person", ThroughForeignKey(("team",))),
            Registration("s.city", WhereReferenced()),
        ),
    )

    plan = registered.plan(ExportSettings(dangling=Dangling.EXPORT))

    assert {t.name.name: t.shared.ownership for t in plan.tables} == {
        "team": Ownership.OWNED,
        "person": Ownership.OWNED,
        "city": Ownership.SHARED,
    }
    assert plan.table(RelationName("s", "city")).shared.row_count == 1


@pytest.mark.parametrize(
    ("scoped", "expected"), [(True, Ownership.SHARED), (False, Ownership.OWNED)]
)
def test_all_rows_of_a_table_are_shared_where_others_have_a_scope(
    move: Move, *, scoped: bool, expected: Ownership
) -> None:
    move.source.execute(COMPANY.encode())
    team = Registration("s.team", ByPredicate("id = 1")) if scoped else Registration("s.team")
    registered = evolve(move, registrations=(Registration("s.city"), team))

    plan = registered.plan()

    assert plan.table(RelationName("s", "city")).shared.ownership is expected


def test_the_plan_counts_shared_rows(move: Move, replant: Replant) -> None:
    move.source.execute(COMPANY.encode())

    outcome = replant("plan", "--source", move.from_.dsn, "--root", "s.team: id = 1")

    assert outcome.code == 0
    (line,) = (line for line in outcome.out.splitlines() if line.startswith("s.person"))
    assert line.split() == ["s.person", "5", "2", "3", "id"]
