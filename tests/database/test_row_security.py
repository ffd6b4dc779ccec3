"""Row-level security: hidden rows are an error; or they are left out, and the artifact says so."""

from __future__ import annotations

import pytest
from attrs import evolve

from replant import api
from replant.artifact.artifact import open_artifact
from replant.errors import PrivilegeError
from replant.model import ExportSettings, RelationName, RowSecurity
from replant.testing.servers.server import Server, grant
from tests.support.moves import (
    FORMATS,
    Move,
    Way,
    in_every_format,
    in_three_ways,
)

T = RelationName("s", "t")
ROLE = 'reader of "s"'

TABLE = "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, whose text)"
ROWS = "INSERT INTO s.t VALUES (1, 'mine'), (2, 'theirs'), (3, 'mine'), (4, 'theirs')"
POLICY = """
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON s.t USING (whose = 'mine')
"""
AS_ROLE = {name: evolve(form, row_security=RowSecurity.AS_ROLE) for name, form in FORMATS.items()}

as_the_role_sees_it = pytest.mark.parametrize("form", AS_ROLE.values(), ids=AS_ROLE)


@pytest.fixture
def secured(move: Move, server: Server) -> Move:
    """Four rows, two of which a policy hides from a role that may SELECT."""
    move.on_both(TABLE)
    move.source.execute(ROWS)
    move.source.execute(POLICY)
    grant(move.from_, server.create_role(ROLE), "SELECT", [T])
    return move


# -- in the source ------------------------------------------------------------------------------


@in_every_format
def test_rows_that_may_be_hidden_are_an_error(secured: Move, form: ExportSettings) -> None:
    with pytest.raises(PrivilegeError) as refusal:
        secured.export(form, ROLE)
    said = str(refusal.value)
    assert f"row-level security may hide rows of s.t (policy mine) from the role {ROLE!r}" in said
    assert "row_security = 'as-role' under [export]" in said
    assert not secured.artifact.exists()


def test_rows_that_may_be_hidden_from_their_owner_are_an_error_too(
    secured: Move, server: Server
) -> None:
    grant(secured.from_, server.create_role("owner"), "SELECT", [T])
    secured.source.execute("ALTER TABLE s.t OWNER TO owner")
    secured.export(role="owner")
    secured.source.execute("ALTER TABLE s.t FORCE ROW LEVEL SECURITY")
    with pytest.raises(PrivilegeError, match="row-level security may hide rows"):
        secured.export(role="owner")


@in_every_format
def test_whoever_passes_by_the_policies_exports_every_row(
    secured: Move, form: ExportSettings
) -> None:
    assert secured.export(form).rows == {T: 4}
    with open_artifact(str(secured.artifact)) as artifact:
        assert artifact.manifest.seen_as is None
        assert artifact.manifest.omissions == ()


@as_the_role_sees_it
def test_the_rows_that_the_role_sees_can_be_asked_for(secured: Move, form: ExportSettings) -> None:
    assert secured.export(form, ROLE).rows == {T: 2}
    secured.replay()
    assert secured.found("SELECT id FROM s.t ORDER BY id") == [1, 3]
    assert secured.differing() == []


@as_the_role_sees_it
def test_the_artifact_says_whose_view_of_the_rows_it_is(
    secured: Move, form: ExportSettings
) -> None:
    plan = secured.export(form, ROLE).plan
    with open_artifact(str(secured.artifact)) as artifact:
        manifest = artifact.manifest
    assert plan.seen_as == manifest.seen_as == ROLE
    (left,) = manifest.omissions
    assert left.what == "rows of s.t (policy mine)"
    assert left.why == 'left out are rows that policies hide from the role "reader of ""s"""'


@pytest.mark.parametrize("name", ["file-insert", "file-copy"])
def test_the_head_of_a_file_says_so_to_people(secured: Move, name: str) -> None:
    secured.export(AS_ROLE[name], ROLE)
    head = secured.artifact.read_text().partition("BEGIN;")[0]
    assert f"-- rows as the role {ROLE} sees them\n" in head
    assert (
        "--   rows of s.t (policy mine): left out are rows that policies hide from the role" in head
    )


def test_the_plan_says_so_too(secured: Move) -> None:
    settings = secured.settings(AS_ROLE["file-insert"])
    plan = api.plan(evolve(settings, source=secured.from_.as_role(ROLE)), secured.host)
    assert plan.seen_as == ROLE
    assert [left.what for left in plan.omissions] == ["rows of s.t (policy mine)"]


# -- in the target ------------------------------------------------------------------------------


@pytest.fixture
def loader(move: Move, server: Server) -> str:
    """A role that may INSERT and SELECT in the target, where policies apply to it."""
    move.on_both(TABLE)
    move.source.execute("INSERT INTO s.t VALUES (1, 'mine'), (3, 'mine')")
    move.target.execute(POLICY)
    role = server.create_role("loader under policies")
    grant(move.to, role, "INSERT, SELECT", [T])
    return role


@in_every_format
def test_a_role_under_policies_replays_what_they_allow(
    move: Move, form: ExportSettings, loader: str
) -> None:
    move.export(form)
    replayed = move.replay(loader)
    assert replayed.rows == {T: 2}
    (note,) = replayed.notes
    assert str(note).endswith(f'the role "{loader}" may not SELECT all of them: s.t')
    assert move.same("TABLE s.t ORDER BY id")


def test_a_role_under_policies_loads_a_file_of_inserts_with_psql(move: Move, loader: str) -> None:
    move.export()
    outcome = move.psql(loader)
    assert outcome.kept
    assert f'the role "{loader}" may not SELECT all of them: s.t' in outcome.said


@in_three_ways
def test_rows_that_the_policies_refuse_undo_the_replay(move: Move, way: Way, loader: str) -> None:
    move.source.execute("INSERT INTO s.t VALUES (9, 'theirs')")
    move.export(way.form)
    outcome = move.load(way, loader)
    assert not outcome.kept
    assert "row-level security" in outcome.said
    assert move.found("TABLE s.t") == []


@in_three_ways
def test_rows_that_a_policy_hides_afterwards_are_not_missed(
    move: Move, way: Way, server: Server
) -> None:
    move.on_both(TABLE)
    move.source.execute(ROWS)
    role = server.create_role("owner under policies")
    move.target.execute(f'ALTER SCHEMA s OWNER TO "{role}"; ALTER TABLE s.t OWNER TO "{role}"')
    move.target.execute(POLICY)
    move.export(way.form)
    assert move.load(way, role).said == ""
    move.target.execute("TRUNCATE s.t; CREATE POLICY all_in ON s.t FOR INSERT WITH CHECK (true)")
    move.target.execute("ALTER TABLE s.t FORCE ROW LEVEL SECURITY")
    if way.form.format == "copy":
        assert "COPY FROM not supported with row-level security" in move.load(way, role).said
        return
    outcome = move.load(way, role)
    assert outcome.kept
    assert "may not SELECT all of them: s.t" in outcome.said
    assert move.found("SELECT count(*) FROM s.t") == [4]


@in_every_format
def test_verification_refuses_a_role_that_policies_apply_to(
    move: Move, form: ExportSettings, loader: str
) -> None:
    move.export(form)
    move.replay()
    settings = evolve(move.settings(), target=move.to.as_role(loader))
    with pytest.raises(
        PrivilegeError, match="verify as the tables' owner or as a role with BYPASS"
    ):
        api.verify(str(move.artifact), settings)
