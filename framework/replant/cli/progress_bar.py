"""Draws how far rows have come, on one line of a terminal that is redrawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from replant.cli.meters import Meter
from replant.cli.screen import Screen
from replant.model import RelationName
from replant.report.figures import human_size


class _Rate(ProgressColumn):
    """How many rows go by in a second."""

    def render(self, task: Task) -> Text:
        """Write the rate, once it is known."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class VisibleMeter(Meter):
    """What is done, rows, bytes, rate, table and the time left."""

    def __init__(self, bar: Progress, label: str) -> None:
        """Draw on `bar`, which the caller starts and stops."""
        self._bar = bar
        self._size = 0
        self._task = bar.add_task(label, total=None, size=human_size(0), table="")

    def expect(self, rows: int) -> None:
        """Turn the bar from one that only moves into one that fills."""
        self._bar.update(self._task, total=rows)

    def phase(self, label: str) -> None:
        """Write it before the bar."""
        self._bar.update(self._task, description=label)

    def advance(self, table: RelationName, rows: int, size: int) -> None:
        """Move the bar."""
        self._size += size
        shown = human_size(self._size)
        self._bar.update(self._task, advance=rows, size=shown, table=str(table))


@contextmanager
def progress_bar(screen: Screen, label: str) -> Iterator[Meter]:
    """Draw a bar for the length of the block."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("rows", markup=False),
        _Rate(),
        TextColumn("{task.fields[size]}  {task.fields[table]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen.rich, transient=True) as bar:
        yield VisibleMeter(bar, label)


@contextmanager
def rounds_bar(screen: Screen, rounds: int) -> Iterator[Callable[[bool], None]]:
    """Draw a bar of the rounds of a proof; after a failure, the attempts to make it smaller."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen.rich, transient=True) as bar:
        proving = bar.add_task("proving", total=rounds)
        smaller = bar.add_task("it fails: looking for fewer rows", total=None, visible=False)

        def progress(failed: bool) -> None:
            bar.update(smaller, visible=failed, advance=int(failed))
            bar.update(proving, advance=int(not failed))

        yield progress
