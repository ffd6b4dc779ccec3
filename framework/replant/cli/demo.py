"""`replant demo`: shows how a tenant moves between two databases, with proof."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import perf_counter

import click

from replant.cli.screen import Coloured, Screen, console, grid
from replant.demo.demo_shell import shell_databases, shell_environment
from replant.demo.run_demo import DemoResult, run_demo
from replant.errors import DIFFERENCE_FOUND
from replant.model.numbers import counted
from replant.report.figures import human_size
from replant.testing.demonstration import find_demonstration
from replant.testing.servers.server import embedded_server


@click.command(epilog="Example: replant demo --keep /tmp/replant-demo")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the artifact in this folder.",
)
@click.option(
    "--shell",
    is_flag=True,
    help="Start a shell instead, with a source and a target to try commands on.",
)
def command(keep: Path | None, shell: bool) -> int:
    """Move a tenant between two databases, and prove it.

    Starts a PostgreSQL of its own, fills a source with two tenants, exports one, replays it as a
    role that may only INSERT, verifies it row by row, and cleans up.

    With --shell it starts a shell in which the variables of the documentation are set, so that
    every command there can be pasted. With the shell everything ends.
    """
    screen = console()
    if shell:
        return _run_shell(screen, keep)
    demonstration = find_demonstration()
    screen.print(demonstration.summary + "\n")
    with _folder(keep) as folder, embedded_server() as server:
        result = run_demo(server, demonstration, folder, _timed(screen))
        _print_tables(screen, result)
        _print_verdict(screen, result)
    if keep is None:
        screen.print("The artifact was deleted with the servers; keep it with --keep DIR.")
    return 0 if result.passed else DIFFERENCE_FOUND


def _run_shell(screen: Screen, keep: Path | None) -> int:
    """Run the user's shell between two databases; return its exit code."""
    demonstration = find_demonstration(explored=True)
    with _folder(keep) as folder, embedded_server() as server:
        databases = shell_databases(server, demonstration)
        screen.print(f"{demonstration.summary} The source holds them; the target has the tables.")
        screen.print(f"Variables: {', '.join(databases.variables)}. Folder: {folder}")
        screen.print("Leave with exit or Ctrl-D; servers and folder are deleted then.\n")
        sys.stdout.flush()
        # The shell answers Ctrl-C itself.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return subprocess.run(  # noqa: S603 - the user's own shell
                [os.environ.get("SHELL") or "sh"],
                cwd=folder,
                env=shell_environment(databases),
                check=False,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            ).returncode
        finally:
            signal.signal(signal.SIGINT, before)


def _timed(screen: Screen) -> Callable[[str], AbstractContextManager[None]]:
    """Print each step with its duration, once it is done."""

    @contextmanager
    def report(title: str) -> Iterator[None]:
        start = perf_counter()
        yield
        screen.print(f"{perf_counter() - start:5.1f} s  {title}")

    return report


def _print_tables(screen: Screen, result: DemoResult) -> None:
    shown = grid(
        "\nRows, in load order:",
        *("table", "source", "exported", "replayed", "verified"),
        numbers=frozenset({1, 2, 3}),
    )
    for table in result.tables:
        mark = Coloured("equal", "green") if table.equal else Coloured("differs", "red")
        counts = (table.in_source, table.exported, table.replayed)
        shown.add_row(str(table.name), *(f"{count:,}" for count in counts), mark)
    screen.print(shown)


def _print_verdict(screen: Screen, result: DemoResult) -> None:
    shown = f"{counted(result.rows, 'row')} of {counted(len(result.tables), 'table')}"
    screen.print()
    if result.differing:
        wrong = ", ".join(map(str, result.differing))
        screen.print(Coloured(f"These tables differ: {wrong}.", "red"))
    else:
        screen.print(Coloured(f"{shown} arrived, each equal to its original.", "green"))
    if result.foreign:
        foreign = list(result.foreign)
        screen.print(Coloured(f"Rows of another tenant are in the artifact: {foreign}", "red"))
    else:
        screen.print(Coloured("No row of another tenant is in the artifact.", "green"))
    size = human_size(result.artifact.stat().st_size)
    screen.print(f"Artifact: {result.artifact} ({size})")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="replant-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
