"""`replant demo --shell`: the session of the README can be repeated as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.documents import Document
from tests.docs.executed import _pattern, _said


def session() -> list[tuple[str, str]]:
    """The commands of the README that are run, each with what it is said to print."""
    blocks = [block for block in Document("README.md").blocks("console") if not block.word]
    return [said for block in blocks for said in _said(block)]


def test_the_session_of_the_readme_can_be_repeated_in_it(tmp_path: Path) -> None:
    commands = session()
    assert len(commands) > 5
    done = subprocess.run(
        [sys.executable, "-m", "replant", "demo", "--shell", "--keep", tmp_path],
        input="exec 2>&1\n" + "".join(f"{command}\n" for command, _ in commands) + "exit 7\n",
        env={**os.environ, "SHELL": "/bin/sh", "NO_COLOR": "1", "PSQLRC": os.devnull},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    heading, _, printed = done.stdout.partition("\n\n")
    assert re.search(r"Variables: REPLANT_SOURCE, REPLANT_TARGET, .*Folder: ", heading)
    wanted = "".join(wanted for _, wanted in commands)
    assert _pattern(wanted).fullmatch(printed), printed
    assert (tmp_path / "ben.sql").exists(), "the folder that is named is kept"
