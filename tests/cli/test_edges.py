"""The edges of the command line: other encodings, questions, connection strings, own faults."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from replant import api
from tests.support.commands import Replant, assert_one_line
from tests.support.moves import Move

TABLE = """
CREATE SCHEMA s;
CREATE TABLE s."t→é" (id int PRIMARY KEY, parent int REFERENCES s."t→é", v text);
INSERT INTO s."t→é" VALUES (1, NULL, 'ü 漢'), (2, 1, 'b');
"""
ENCODINGS = pytest.mark.parametrize("encoding", ["cp1252", "ascii"])


def run(*arguments: object, encoding: str, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "replant", *map(str, arguments)],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode == code, done.stderr.decode(errors="replace")
    return done


@ENCODINGS
def test_no_output_fails_because_of_the_encoding_of_the_terminal(move: Move, encoding: str) -> None:
    move.source.execute(TABLE.encode(), prepare=False)
    move.target.execute(TABLE.encode(), prepare=False)
    source = ("--source", move.from_.dsn)
    roots = ("--root", 's."t→é": id = 2')
    run("plan", *source, *roots, "-v", encoding=encoding)
    run("why", *source, *roots, 's."t→é": id = 1', encoding=encoding)
    run("export", *source, *roots, "-o", move.artifact, encoding=encoding)
    move.target.execute("UPDATE s.\"t→é\" SET v = '漢→' WHERE id = 1")
    verified = ("verify", move.artifact, "--target", move.to.dsn)
    assert b"v is " in run(*verified, encoding=encoding, code=1).stdout


@pytest.mark.parametrize("encoding", ["ascii"])
@pytest.mark.parametrize("command", ["", "plan", "export", "replay", "verify", "why", "init"])
def test_help_is_printed_in_any_encoding(encoding: str, command: str) -> None:
    assert run(*filter(None, [command]), "--help", encoding=encoding).stdout


def test_an_error_that_nobody_foresaw_is_one_line_with_a_code_of_its_own(
    replant: Replant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(api, "plan", fail)

    outcome = replant("plan", "--include", "public.*")

    assert_one_line(outcome, 70, "not foreseen: ZeroDivisionError: by chance", "please report it")


SECRET = "p4ss"  # noqa: S105 - of no server


@pytest.mark.parametrize(
    "uri",
    [
        f"postgresql://user:{SECRET}/w@localhost/db",
        f"postgresql://user:{SECRET}@w@localhost/db",
        f"postgres://user:1@{SECRET}@localhost/db",
        f"postgresql://us@er:{SECRET}@localhost/db",
    ],
)
def test_nothing_of_a_uri_is_printed_whose_password_was_not_encoded(
    replant: Replant, uri: str
) -> None:
    outcome = replant("plan", "--include", "public.*", "--source", uri)

    assert_one_line(outcome, 4, "write @ as %40")
    assert SECRET not in outcome.err
    assert "w@" not in outcome.err


def test_an_option_that_libpq_does_not_know_is_named(replant: Replant) -> None:
    dsn = f"host=localhost password={SECRET} sslmod=require"

    outcome = replant("plan", "--include", "public.*", "--source", dsn)

    assert_one_line(outcome, 4, "an option that libpq does not know: 'sslmod'")
    assert SECRET not in outcome.err


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_connection_string_is_refused(replant: Replant, empty: str) -> None:
    outcome = replant("plan", "--include", "public.*", "--source", empty)

    assert_one_line(outcome, 2, "the connection string is empty", "REPLANT_SOURCE")
