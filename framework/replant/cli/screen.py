"""Prints for people: progress and summaries on standard error, results on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, zip_longest
from typing import Any, Literal

import click
from attrs import field, frozen
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
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
from rich.table import Table
from rich.text import Text

from replant.errors import UsageError
from replant.model import Finding, RelationName
from replant.model.findings import grouped
from replant.report.figures import human_size

_WIDE = 500


class Screen(Console):
    """A console whose cursor no text moves: what cannot be printed is escaped, but line ends."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts, and what is not text as it is; a table in a pipe as plain lines."""
        plain = (
            item.text if isinstance(item, Grid) and not self.is_terminal else item
            for item in objects
        )
        shown = [printable(item) if isinstance(item, str) else item for item in plain]
        super().print(*shown, **options)


@frozen
class Grid:
    """A plain table.

    Attributes:
        title: stands above it; may be empty.
        headings: those of the columns.
        numbers: the places of the columns of numbers, which are aligned to the right.

    """

    title: str
    headings: tuple[str, ...]
    numbers: frozenset[int] = frozenset()
    _rows: list[tuple[str | Text, ...]] = field(factory=list, init=False)

    def add_row(self, *cells: str | Text) -> None:
        """Add a row with a cell for each heading."""
        self._rows.append(cells)

    def __rich__(self) -> Table:
        """Draw it on a terminal, whose width it keeps."""
        table = Table(
            title=self.title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
        )
        for place, heading in enumerate(self.headings):
            side: JustifyMethod = "right" if place in self.numbers else "left"
            table.add_column(heading, justify=side, overflow="fold")
        for row in self._rows:
            table.add_row(*row)
        return table

    @property
    def text(self) -> str:
        """Write it for a pipe, however wide it is; rich takes half a second for a thousand rows."""
        rows = [self.headings, *(tuple(map(str, row)) for row in self._rows)]
        # A cell of several lines takes as many.
        cut = [
            line
            for row in rows
            for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue="")
        ]
        widths = [max(map(cell_len, column)) for column in zip(*cut, strict=True)]
        lines = ("  ".join(map(self._aligned, count(), line, widths)).rstrip() for line in cut)
        return "\n".join([*([self.title] if self.title else []), *lines])

    def _aligned(self, place: int, cell: str, width: int) -> str:
        blanks = " " * (width - cell_len(cell))
        return blanks + cell if place in self.numbers else cell + blanks


def printable(text: str) -> str:
    """Replace what a terminal might take for a command by Python's escapes."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def console(*, stderr: bool = False) -> Console:
    """Make a console that follows the terminal, and reads no text as markup.

    With NO_COLOR, nothing is bold or dim either. What does not go to a terminal is not folded to
    the width of one.
    """
    system: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    screen = Screen(
        stderr=stderr, highlight=False, markup=False, soft_wrap=True, color_system=system
    )
    if not screen.is_terminal:
        screen.width = _WIDE
    return screen


class Meter:
    """Progress that nobody sees: standard error is not a terminal, or should be quiet."""

    def expect(self, rows: int) -> None:
        """Say how many rows there will be."""

    def phase(self, label: str) -> None:
        """Say what is done now."""

    def advance(self, table: RelationName, rows: int, size: int) -> None:
        """Say that some rows of a table, of so many bytes, went by."""


class _Rate(ProgressColumn):
    """How many rows go by in a second."""

    def render(self, task: Task) -> Text:
        """Write the rate, once it is known."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class VisibleMeter(Meter):
    """What is done, rows, bytes, rate, table and the time left, on one line that is redrawn."""

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
def metered(screen: Console, label: str, *, quiet: bool) -> Iterator[Meter]:
    """Make a meter on standard error, visible while that is a terminal."""
    if quiet or not screen.is_terminal:
        yield Meter()
        return
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
    with Progress(*columns, console=screen, transient=True) as bar:
        yield VisibleMeter(bar, label)


class LoadMeter(Meter):
    """A meter that is drawn from the first row on: a question may be asked before it."""

    def __init__(self, begin: Callable[[], Meter]) -> None:
        """Begin to draw by `begin`."""
        self._begin = begin
        self._meter: Meter | None = None
        self._left = 0

    def expect(self, rows: int) -> None:
        """Say how many rows there will be."""
        self._left = rows

    def advance(self, table: RelationName, rows: int, size: int) -> None:
        """Move the bar; after the last row comes what is compared before the commit."""
        if self._meter is None:
            self._meter = self._begin()
            self._meter.expect(self._left)
        self._meter.advance(table, rows, size)
        self._left -= rows
        if self._left <= 0:
            self._meter.phase("comparing what arrived")


@contextmanager
def metered_load(screen: Console, *, quiet: bool) -> Iterator[Meter]:
    """Make a meter for a load."""
    with ExitStack() as stack:
        yield LoadMeter(lambda: stack.enter_context(metered(screen, "replaying", quiet=quiet)))


def grid(title: str, *headings: str, numbers: frozenset[int] = frozenset()) -> Grid:
    """Make a plain table; the columns at these places are numbers."""
    return Grid(title, headings, numbers)


def print_list(screen: Console, title: str, lines: Iterable[str]) -> None:
    """Print lines under a title, if there are any.

    A line that holds what the database holds, such as a default, stays one line.
    """
    shown = ["  " + line.replace("\n", "\\n") for line in lines]
    for line in [f"\n{title}", *shown] if shown else ():
        screen.print(line)


def print_notes(
    screen: Console, findings: Iterable[Finding], *, verbose: bool, before: str = "note: "
) -> None:
    """Print findings; those that say the same are one line, unless each is wanted."""
    for finding in findings if verbose else grouped(findings):
        screen.print(f"{before}{finding.told(verbose=verbose)}")


def agreed(questions: Iterable[Finding], ask: str) -> bool:
    """Ask, if there is somebody to ask.

    Raises:
        UsageError: the answer is no.

    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for question in questions:
        click.echo(str(question), err=True)
    if not click.confirm(ask, err=True):
        raise UsageError("nothing was changed, since the answer was no")
    return True


def coloured(text: str, colour: str) -> Text:
    """Colour a text, where the terminal has colours."""
    return Text(text, style=colour)
