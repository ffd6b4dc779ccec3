"""What the role may not read is told in one round, whatever chooses the rows of a table."""

from __future__ import annotations

import pytest
from attrs import evolve

from replant import api
from replant.errors import PrivilegeError
from replant.model import AllRows, ByPredicate, InClosure, Membership, Registration, Root
from replant.testing.servers.server import Server
from tests.support.moves import Move

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.fixed (id int PRIMARY KEY);
CREATE TABLE s.root (id int PRIMARY KEY, fixed int REFERENCES s.fixed);
CREATE TABLE s.child (id int PRIMARY KEY, root int REFERENCES s.root);
CREATE TABLE s.apart (id int PRIMARY KEY);
"""


@pytest.mark.parametrize("rows", [AllRows(), ByPredicate("id > 0")])
def test_missing_grants_of_all_tables_come_together(
    move: Move, server: Server, rows: Membership
) -> None:
    move.on_both(SCHEMA)
    role = server.create_role()
    chosen = {"s.fixed": rows, "s.root": InClosure("id = 1"), "s.child": InClosure()}
    asking = evolve(
        move,
        registrations=tuple(
            Registration(name, membership)
            for name, membership in (chosen | {"s.apart": InClosure()}).items()
        ),
    )
    settings = evolve(asking.settings(), source=move.from_.as_role(role))
    for ask in (
        lambda: api.plan(settings, asking.host),
        lambda: api.why(settings, Root.parse("s.apart: id = 1"), asking.host),
    ):
        move.source.execute("GRANT USAGE ON SCHEMA s TO PUBLIC; GRANT SELECT ON s.apart TO PUBLIC")
        with pytest.raises(PrivilegeError) as caught:
            ask()
        assert "may not read 3 of the tables" in str(caught.value)
        assert "GRANT SELECT ON s.child, s.fixed, s.root TO" in str(caught.value)
