"""What every measurement needs: a server and a folder, results for the report, fair rounds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

from attrs import frozen

from replant.testing.servers.server import Server
from tests.bench.commands import REPLANT, Run, run

MB = 1_000_000

#: With fewer rows, a run is one to try the bench: start-up counts for more than the rows.
_MEASURED = 1_000_000

Returned = TypeVar("Returned")


@frozen
class Result:
    """A line of the report.

    Attributes:
        work: what was done, in words.
        ours: the runs of replant.
        theirs: the runs of what it is compared with; none where only seconds count.
        target: at most so many times theirs, or so many seconds; None where there is no target.
        beside: what it is compared with, in words.

    """

    work: str
    ours: tuple[Run, ...]
    theirs: tuple[Run, ...] = ()
    target: float | None = None
    beside: str = ""

    @property
    def measured(self) -> float:
        """The ratio of the medians, or the median of the seconds."""
        return middle(self.ours) / middle(self.theirs) if self.theirs else middle(self.ours)

    @property
    def met(self) -> bool | None:
        """Whether the target was met; None where there is none."""
        return None if self.target is None else self.measured <= self.target

    @property
    def peak(self) -> int:
        """The most memory that a run of replant took, in bytes."""
        return max(run.peak for run in self.ours)


@frozen
class Bench:
    """A server, a folder for what is written, and how much is asked for.

    Attributes:
        server: holds every database.
        programs: where its `psql` and `pg_dump` lie.
        folder: for artifacts and dumps.
        rows: how many the wide table has.
        rounds: how often each work is done.

    """

    server: Server
    programs: Path
    folder: Path
    rows: int
    rounds: int

    @property
    def is_trial(self) -> bool:
        """Whether nobody reads the figures, so that what only they are for is left out."""
        return self.rows < _MEASURED

    def replant(self, command: str, *arguments: str | Path) -> Run:
        """Run a command of replant's, as a person would."""
        return run(REPLANT, command, *arguments, "-q")

    def psql(self, file: Path, dsn: str) -> Run:
        """Run a file by psql, in one transaction."""
        options = ("-X", "-q", "-1", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1")
        return run(self.programs / "psql", *options, "-f", file, "-d", dsn)

    @property
    def pg_dump(self) -> tuple[str | Path, ...]:
        """A dump of rows, without its output and source."""
        return (self.programs / "pg_dump", "--data-only")


def in_rounds(works: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, tuple[Run, ...]]:
    """Do every work once a round, there and back, so that what else goes on falls on all alike."""
    runs: dict[str, list[Run]] = {name: [] for name in works}
    for number in range(rounds):
        names = list(works) if number % 2 == 0 else list(works)[::-1]
        for name in names:
            runs[name].append(said(name, works[name]))
    return {name: tuple(each) for name, each in runs.items()}


def middle(runs: Sequence[Run]) -> float:
    """The median of the seconds."""
    return median(each.seconds for each in runs)


def said(what: str, work: Callable[[], Returned]) -> Returned:
    """Say how long the work took, once it is done."""
    start = perf_counter()
    result = work()
    print(f"{perf_counter() - start:7.1f} s  {what}", file=sys.stderr, flush=True)
    return result
