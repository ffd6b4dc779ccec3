"""A replay refuses the source itself, and asks before it goes where it may not be meant to."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence

import pytest
from attrs import evolve

from replant import api
from replant.errors import PreflightError, UsageError
from replant.model import (
    Check,
    ExportSettings,
    Finding,
    OnConflict,
    RelationName,
    Settings,
    Severity,
)
from replant.preflight import same_database as guard
from replant.preflight.same_database import DatabaseIdentity, Kinship, is_local, kinship
from tests.support.commands import Replant
from tests.support.moves import Move

T, U = RelationName("s", "t"), RelationName("s", "u")
TABLES = """
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, tenant int, v text);
CREATE TABLE s.u (id int PRIMARY KEY, t int REFERENCES s.t)
"""


@pytest.fixture
def tenant(move: Move) -> Move:
    """The artifact holds the rows of tenant 1."""
    of_tenant = move.of_tenant("1")
    of_tenant.on_both(TABLES)
    of_tenant.source.execute("INSERT INTO s.t VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c')")
    of_tenant.source.execute("INSERT INTO s.u VALUES (1, 1)")
    of_tenant.export()
    return of_tenant


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target is taken for one on another host."""
    monkeypatch.setattr(guard, "is_on_this_host", lambda _: False)


class Asked:
    """Answers, and remembers what was asked."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.questions: list[str] = []

    def __call__(self, questions: Sequence[Finding]) -> bool:
        self.questions += [question.what for question in questions]
        return self.answer


def replay(move: Move, asked: Asked, on_conflict: OnConflict | None = None) -> api.Replayed:
    settings = move.settings(ExportSettings(on_conflict=on_conflict))
    return api.replay(str(move.artifact), settings, host=move.host, confirm=asked)


# -- the source itself --------------------------------------------------------------------------


@pytest.mark.parametrize("on_conflict", [None, OnConflict.SKIP, OnConflict.UPDATE])
def test_the_source_itself_is_refused(tenant: Move, on_conflict: OnConflict | None) -> None:
    settings = evolve(
        tenant.settings(ExportSettings(on_conflict=on_conflict)), target=tenant.from_.dsn
    )
    with pytest.raises(PreflightError, match=r"is the source itself; give another --target"):
        api.replay(str(tenant.artifact), settings, host=tenant.host)


def test_the_source_itself_is_known_under_another_role(tenant: Move) -> None:
    settings = evolve(tenant.settings(), target=tenant.from_.as_role("postgres"))
    (finding,) = api.preflight(str(tenant.artifact), settings, host=tenant.host).of(
        Severity.REFUSES
    )
    assert finding.what.endswith("is the source itself")


def test_rows_are_put_back_into_their_source_where_none_is_named(tenant: Move) -> None:
    tenant.source.execute("DELETE FROM s.u; DELETE FROM s.t WHERE tenant = 1")
    settings = Settings(target=tenant.from_.dsn)
    assert api.replay(str(tenant.artifact), settings, host=tenant.host).rows == {T: 2, U: 1}


def test_a_source_that_cannot_be_asked_is_noted(tenant: Move) -> None:
    settings = evolve(tenant.settings(), source="host=127.0.0.1 port=1 password=s3cret")
    found = api.preflight(str(tenant.artifact), settings, host=tenant.host)
    (note,) = found.of(Severity.NOTE)
    assert note.what.startswith("the source could not be asked whether it is the target: cannot")
    assert "s3cret" not in note.what


THIS = DatabaseIdentity("7711", "2026-11-22 20:09:32.602114+00", 16384)


@pytest.mark.parametrize(
    ("other", "kin"),
    [
        (THIS, Kinship.SAME),
        (evolve(THIS, system=None), Kinship.SAME),
        (evolve(THIS, oid=5), Kinship.NONE),
        (evolve(THIS, started="2026-11-22 20:09:32.602115+00"), Kinship.COPY),
        (evolve(THIS, started="later", system=None), Kinship.NONE),
        (evolve(THIS, started="later", system="7712"), Kinship.NONE),
    ],
)
def test_databases_are_told_apart_by_server_and_number(
    other: DatabaseIdentity, kin: Kinship
) -> None:
    assert kinship(THIS, other) is kin
    assert kinship(other, THIS) is kin


def test_a_replica_of_the_source_is_asked_about(
    tenant: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "kinship", lambda *_: Kinship.COPY)
    asked = Asked(answer=False)
    with pytest.raises(UsageError, match="--yes"):
        replay(tenant, asked)
    assert "is a replica of the source, or a copy of its files" in asked.questions[0]


# -- another host -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "address", "local"),
    [
        ("", "", True),
        ("/run/postgresql", "", True),
        ("@abstract", "", True),
        ("localhost", "127.0.0.1", True),
        ("db", "127.8.9.1", True),
        ("localhost", "::1", True),
        ("db", "::ffff:127.0.0.1", True),
        ("db.example.org", "192.0.2.7", False),
        ("192.0.2.7", "", False),
        ("db.example.org", "", False),
        ("db.example.org", "2001:db8::1", False),
        ("db", "::ffff:192.0.2.7", False),
    ],
)
def test_a_socket_and_the_loopback_address_are_this_host(
    host: str, address: str, local: bool
) -> None:
    assert is_local(host, address) is local


def test_a_target_on_another_host_is_asked_about(tenant: Move, elsewhere: None) -> None:
    refusing, agreeing = Asked(answer=False), Asked(answer=True)
    with pytest.raises(UsageError, match="not on this host; say --yes to replay all the same"):
        replay(tenant, refusing)
    assert tenant.found("SELECT count(*) FROM s.t") == [0]
    assert replay(tenant, agreeing).rows == {T: 2, U: 1}
    assert refusing.questions == agreeing.questions


def test_without_a_terminal_nobody_is_asked_and_yes_has_to_be_said(
    tenant: Move, elsewhere: None, replant: Replant
) -> None:
    arguments = ("replay", tenant.artifact, "--target", tenant.to.dsn)
    refused = replant(*arguments)
    assert refused.code == 2
    assert refused.err.endswith("not on this host; say --yes to replay all the same\n")
    dry = replant(*arguments, "--dry-run")
    assert (dry.code, dry.out.splitlines()[1][:11]) == (0, "would ask: ")
    assert tenant.found("SELECT count(*) FROM s.t") == [0]
    assert replant(*arguments, "--yes").code == 0


@pytest.mark.parametrize(("answer", "code", "rows"), [("y", 0, 2), ("n", 2, 0)])
def test_at_a_terminal_the_question_is_asked(
    tenant: Move, answer: str, code: int, rows: int
) -> None:
    program = (
        "from replant.preflight import same_database as guard;"
        "guard.is_on_this_host = lambda _: False;"
        "from replant.cli.main import main; main()"
    )
    leader, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "replay", tenant.artifact, "--target", tenant.to.dsn],
            stdin=terminal,
            stderr=terminal,
            stdout=subprocess.DEVNULL,
        )
        shown = b""
        while b"Replay all the same? [y/N]" not in shown:
            shown += os.read(leader, 1024)
        os.write(leader, f"{answer}\n".encode())
        assert process.wait(timeout=60) == code
        shown += os.read(leader, 65_536)
    finally:
        os.close(terminal)
        os.close(leader)
    assert b"not on this host" in shown
    assert (b"nothing was changed, since the answer was no" in shown) is (answer == "n")
    assert tenant.found("SELECT count(*) FROM s.t") == [rows]


# -- rows of another scope ----------------------------------------------------------------------


def test_rows_of_another_scope_in_the_way_refuse(tenant: Move) -> None:
    tenant.target.execute("INSERT INTO s.t VALUES (2, 9, 'theirs')")
    with pytest.raises(PreflightError, match=r"the first by id = 2, 1 of them of another scope"):
        replay(tenant, Asked(answer=True))


def test_rows_of_another_scope_are_changed_only_if_that_is_confirmed(tenant: Move) -> None:
    choice, done, kept = OnConflict.UPDATE, "change", "b"
    tenant.target.execute("INSERT INTO s.t VALUES (1, 1, 'a'), (2, 9, 'theirs'), (3, 9, 'far')")
    asked = Asked(answer=False)
    with pytest.raises(UsageError, match="say --yes"):
        replay(tenant, asked, choice)
    (question,) = asked.questions
    assert question.startswith("rows of another scope are affected: ")
    assert question.endswith(f"--on-conflict {choice.value} would {done} 1 of these rows of s.t")
    assert tenant.found("SELECT v FROM s.t WHERE id = 2") == ["theirs"]
    replay(tenant, Asked(answer=True), choice)
    assert tenant.found("SELECT v FROM s.t WHERE id = 2") == [kept]


def test_rows_of_another_scope_that_would_be_skipped_refuse_a_replay_that_counts(
    tenant: Move,
) -> None:
    tenant.target.execute("INSERT INTO s.t VALUES (2, 9, 'theirs')")
    with pytest.raises(PreflightError, match=r"skip would leave out 1 .* check = 'none'"):
        replay(tenant, Asked(answer=True), OnConflict.SKIP)
    assert tenant.found("SELECT v FROM s.t") == ["theirs"]


def test_rows_of_another_scope_are_skipped_only_if_that_is_confirmed(tenant: Move) -> None:
    tenant.export(ExportSettings(check=Check.NONE))
    tenant.target.execute("INSERT INTO s.t VALUES (2, 9, 'theirs')")
    with pytest.raises(UsageError, match="say --yes"):
        replay(tenant, Asked(answer=False), OnConflict.SKIP)
    replay(tenant, Asked(answer=True), OnConflict.SKIP)
    assert tenant.found("SELECT v FROM s.t ORDER BY id") == ["a", "theirs"]


def test_rows_of_the_own_scope_are_updated_without_a_question(tenant: Move) -> None:
    tenant.target.execute("INSERT INTO s.t VALUES (1, 1, 'old'); INSERT INTO s.u VALUES (1, 1)")
    asked = Asked(answer=False)
    replay(tenant, asked, OnConflict.UPDATE)
    assert asked.questions == []
    assert tenant.found("SELECT v FROM s.t ORDER BY id") == ["a", "b"]
