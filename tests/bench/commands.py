"""Commands go in, what they took comes out."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

from attrs import frozen

REPLANT = Path(sysconfig.get_path("scripts"), "replant")

_LAUNCH = Path(__file__).with_name("launch.py")


@frozen
class Run:
    """What a command took, without what its server did.

    Attributes:
        seconds: by the clock.
        busy: seconds of the processor; a machine that does much else changes them less.
        peak: of resident memory, in bytes.

    """

    seconds: float
    busy: float
    peak: int


def run(*command: str | Path, code: int = 0, failing: str | None = None) -> Run:
    """Run a command to its end, and expect that it ends with a code.

    Args:
        command: its words.
        code: the code.
        failing: what standard error holds where the command fails and ends with the code all the
            same.

    Raises:
        RuntimeError: it ended with another code, or failed; the text has what it said.

    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", _LAUNCH, *command],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    *said, last = done.stdout.splitlines()
    took = json.loads(last)
    if took["code"] != code or (failing is not None and failing in done.stderr):
        raise RuntimeError(f"{command} ended with {took['code']}:\n{said}\n{done.stderr}")
    return Run(took["seconds"], took["busy"], took["peak"])
