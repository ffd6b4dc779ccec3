"""Relations that cannot be exported, or not by every role, and what is said of them."""

from __future__ import annotations

import re

import pytest
from attrs import evolve

from replant import api
from replant.errors import ConfigurationError, PrivilegeError
from replant.model import PluginSettings, RelationName, Settings, TableSettings
from replant.testing.servers.server import Server
from tests.support.moves import Move

T = RelationName("s", "t")


def including(move: Move, *patterns: str, **more: object) -> Settings:
    asked = {"include": list(patterns), **more}
    return evolve(move.settings(), plugins=PluginSettings(settings={"schemas": asked}))


@pytest.fixture
def relations(move: Move) -> Move:
    move.on_both(
        """
        CREATE SCHEMA s;
        CREATE TABLE s.t (id int PRIMARY KEY, secret text, v text);
        CREATE VIEW s.v AS SELECT * FROM s.t;
        CREATE MATERIALIZED VIEW s.m AS SELECT * FROM s.t;
        CREATE TABLE s.p (id int PRIMARY KEY) PARTITION BY LIST (id);
        CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES IN (1);
        CREATE TABLE s.ref (id int PRIMARY KEY);
        """
    )
    move.source.execute(b"INSERT INTO s.t VALUES (1, 'x', 'y')")
    return move


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("s.v", "s.v is a view, not a table; choose the tables that its rows come from"),
        ("s.m", "s.m is a materialized view, not a table"),
        ("s.p1", "s.p1 is a partition; choose the table that it belongs to"),
    ],
)
def test_what_cannot_be_chosen_is_named_with_the_reason(
    relations: Move, pattern: str, reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"matches no table: {reason}")):
        api.plan(including(relations, pattern))

    rooted = evolve(
        relations.settings(),
        plugins=PluginSettings(settings={"schemas": {"roots": [f"{pattern}: true"]}}),
    )
    with pytest.raises(ConfigurationError, match=re.escape(reason)):
        api.plan(rooted)


def test_a_view_can_be_excluded(relations: Move) -> None:
    api.plan(including(relations, "s", exclude=["s.v"]))


def test_a_table_of_an_extension_is_left_out_and_that_is_said(relations: Move) -> None:
    """`spatial_ref_sys` is such a table; here one is given to an extension that has none."""
    relations.source.execute(b"ALTER EXTENSION plpgsql ADD TABLE s.ref")
    try:
        plan = api.plan(including(relations, "s"))
        with pytest.raises(ConfigurationError, match="is a table of the extension 'plpgsql'"):
            api.plan(including(relations, "s.ref"))
    finally:
        relations.source.execute(b"ALTER EXTENSION plpgsql DROP TABLE s.ref")

    (left,) = (omission for omission in plan.omissions if omission.what == "s.ref")
    assert left.why == "a table of the extension 'plpgsql', which fills it in the target too"
    assert RelationName("s", "ref") not in {table.name for table in plan.tables}


def test_select_on_the_exported_columns_is_enough(relations: Move, server: Server) -> None:
    role = server.create_role()
    relations.source.execute(
        f"GRANT USAGE ON SCHEMA s TO {role}; GRANT SELECT (id, v) ON s.t TO {role}".encode()
    )
    asked = evolve(including(relations, "s.t"), source=relations.from_.as_role(role))
    without = evolve(asked, tables=(TableSettings(T, omit=("secret",)),))
    try:
        assert api.export(without, force=True).rows[T] == 1
        with pytest.raises(PrivilegeError, match=r"GRANT SELECT ON s\.t TO"):
            api.plan(asked)
    finally:
        server.drop_role(role, [relations.from_])


def test_a_column_that_is_left_out_need_not_be_in_the_target(relations: Move) -> None:
    relations.target.execute(b"DROP VIEW s.v; DROP MATERIALIZED VIEW s.m")
    relations.target.execute(b"ALTER TABLE s.t DROP COLUMN secret")
    asked = evolve(including(relations, "s.t"), tables=(TableSettings(T, omit=("secret",)),))

    api.export(asked, force=True)
    api.replay(str(relations.artifact), asked)

    assert [result.differences for result in api.verify(str(relations.artifact), asked)] == [()]
    assert relations.found("SELECT v FROM s.t") == ["y"]
