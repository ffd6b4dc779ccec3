"""Shells complete commands and options."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.commands import Replant, assert_one_line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(shell: str, replant: Replant) -> None:
    printed = replant("completion", shell)
    assert printed.code == 0
    assert f"_REPLANT_COMPLETE={shell}_complete" in printed.out


def test_no_script_is_known_of_other_shells(replant: Replant) -> None:
    assert_one_line(replant("completion", "tcsh"), 2, "tcsh", "bash", "zsh", "fish")


def completions(*words: str) -> list[str]:
    """What a shell is told for a command line that ends in the last word."""
    asked = {"COMP_WORDS": " ".join(["replant", *words]), "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-m", "replant"],
        env={**os.environ, **asked, "_REPLANT_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_options_and_choices_are_completed() -> None:
    assert completions("re") == ["replay", "remove"]
    assert "--report" in completions("verify", "--rep")
    assert completions("export", "--layout", "d") == ["directory"]


def test_bash_accepts_the_script(replant: Replant) -> None:
    script = replant("completion", "bash").out
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\ncomplete -p replant"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_replant_completion" in done.stdout, done.stderr
