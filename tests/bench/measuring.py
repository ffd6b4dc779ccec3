"""What every measurement needs: a server and a folder, numbers for the report, fair rounds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

from attrs import frozen

from replant.testing.servers.server import Database, Server
from tests.bench.commands import REPLANT, Run, run
from tests.bench.tenants import tenant

_PLUGINS = '[plugins]\nenable = ["collections_public", "ordered"]\n'
MB = 1_000_000

Result = TypeVar("Result")


@frozen
class Measured:
    """A line of the report; `met` is None where there is no target."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None


@frozen
class Bench:
    """A server, a folder for what is written, and how much is asked for."""

    server: Server
    folder: Path
    rows: int
    rounds: int

    def __attrs_post_init__(self) -> None:
        (self.folder / "replant.toml").write_text(_PLUGINS, "utf-8")

    def replant(self, command: str, *arguments: str | Path) -> Run:
        """Run a command of replant's, as a person would."""
        options = ("-q", "-c", self.folder / "replant.toml")
        return run(REPLANT, command, *arguments, *options)

    def export(self, source: Database, output: str, *form: str, number: int = 1) -> Run:
        """Export a tenant; `output` is a name in the folder, `form` are options."""
        scope = f"database_id={tenant(source, number)}"
        where = ("--source", source.dsn, "--force", "-o", self.folder / output)
        return self.replant("export", "--scope", scope, *where, *form)


def in_rounds(works: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Do every work once a round, there and back, so that what else goes on falls on all alike."""
    runs: dict[str, list[Run]] = {name: [] for name in works}
    for number in range(rounds):
        names = list(works) if number % 2 == 0 else list(works)[::-1]
        for name in names:
            runs[name].append(said(name, works[name]))
    return runs


def middle(runs: list[Run]) -> float:
    """The median of the seconds."""
    return median(each.seconds for each in runs)


def took(runs: list[Run]) -> str:
    """The medians of the seconds, by the clock and of the client's processor; the largest peak."""
    busy, peak = median(each.busy for each in runs), max(each.peak for each in runs)
    return f"{middle(runs):.2f} s, {busy:.2f} s busy, {peak / MB:.0f} MB"


def said(what: str, work: Callable[[], Result]) -> Result:
    """Say how long the work took, once it is done."""
    start = perf_counter()
    result = work()
    print(f"{perf_counter() - start:7.1f} s  {what}", file=sys.stderr, flush=True)
    return result
