"""The command line of replant, in the process of the tests or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen

from replant.cli.main import run


@frozen
class Outcome:
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


def assert_one_line(outcome: Outcome, code: int, *words: str) -> None:
    """The outcome is this exit code and one line with these words, and no traceback."""
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert outcome.err.startswith("replant: ")
    assert len(outcome.err.splitlines()) == 1, outcome.err
    for word in words:
        assert word in outcome.err, outcome.err


Replant = Callable[..., Outcome]


@pytest.fixture
def replant(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Replant:
    """Run the command line in this process: `replant("plan", "--source", dsn)`."""
    for variable in ("REPLANT_SOURCE", "REPLANT_TARGET"):
        monkeypatch.delenv(variable, raising=False)

    def command(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


def start_replant(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start the command line in a process of its own, whose standard error can be read.

    It can be interrupted, also where the tests run in the background of a shell, which ignores
    SIGINT there.
    """
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from replant.cli.main import main; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
        **options,
    )
