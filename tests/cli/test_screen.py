"""What is printed for people: by rich on a terminal, and as plain lines elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from replant.cli.screen import Coloured, Grid, Screen, console, grid
from tests.support.moves import Move


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal of 60 columns without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    return console()


def table() -> Grid:
    drawn = grid("\nRows:", "table", "rows", "key", numbers=frozenset({1}))
    drawn.add_row("s.t", "12", "id")
    drawn.add_row("s.表", "1,234", Coloured("none", "red"))
    drawn.add_row("s.two\nlines", "7", "a\x1b[2Jb")
    return drawn


LINES = """
Rows:
table   rows  key
s.t       12  id
s.表   1,234  none
s.two      7  a\\x1b[2Jb
lines
"""


def test_a_table_is_aligned_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(table())
    assert capsys.readouterr().out == LINES


def test_a_table_is_the_same_on_a_terminal(
    terminal: Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.print(table())
    shown = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in shown] == LINES.splitlines()


@pytest.mark.parametrize("item", ["a\x1b[2J\rb\n", Coloured("a\x1b[2J\rb\n", "red")])
def test_no_text_moves_the_cursor(
    terminal: Screen, capsys: pytest.CaptureFixture[str], item: str | Coloured
) -> None:
    for screen in (console(), terminal):
        screen.print(item)
        assert capsys.readouterr().out.rstrip("\n") == "a\\x1b[2J\\rb"


def test_standard_error_is_another_screen(capsys: pytest.CaptureFixture[str]) -> None:
    console(stderr=True).print("note")
    assert capsys.readouterr() == ("", "note\n")


def test_a_closed_stream_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    screen = console()
    screen.print("nobody reads this")
    assert not screen.is_terminal
    assert screen.encoding == ""


def test_what_goes_into_a_pipe_needs_no_rich(move: Move) -> None:
    """It takes 0.05 s to import."""
    move.source.execute("CREATE SCHEMA s; CREATE TABLE s.t (); INSERT INTO s.t DEFAULT VALUES")
    program = (
        "import sys; from replant.cli.main import run;"
        f"code = run(['plan', '--source', {move.from_.dsn!r}, '--include', 's']);"
        "sys.exit(code or 'rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "s.t" in done.stdout
