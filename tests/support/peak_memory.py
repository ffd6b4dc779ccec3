"""Moves tables one after the other, and prints after each how much memory was used at most so far.

`python -m tests.support.peak_memory FORM SOURCE TARGET FOLDER TABLE…` prints a number of bytes
for each table. It is a process of its own, since a peak never falls.
"""

from __future__ import annotations

import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import psycopg

from replant.model import Registration, RelationName
from replant.testing.servers.server import Database
from tests.support.moves import FORMS, Move

#: `ru_maxrss` is in kilobytes, but on macOS in bytes.
_UNIT = 1 if sys.platform == "darwin" else 1024


def main(form: str, source: str, target: str, folder: str, *tables: str) -> None:
    with psycopg.connect(source) as at_source, psycopg.connect(target) as at_target:
        for name in tables:
            move = Move(
                Database("source", source),
                Database("target", target),
                at_source,
                at_target,
                Path(folder) / name,
                (Registration(RelationName.parse(name)),),
            )
            move.export(FORMS[form])
            move.replay()
            print(getrusage(RUSAGE_SELF).ru_maxrss * _UNIT)  # noqa: T201 - what it is run for


if __name__ == "__main__":
    main(*sys.argv[1:])
