"""Prints for people: progress and summaries on standard error, results on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from replant.model import RelationName

_WIDE = 500
_THOUSAND = 1000


class Screen(Console):
    """A console whose cursor no text moves: what cannot be printed is escaped, but line ends."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts, and what is no text as it is."""
        shown = [printable(item) if isinstance(item, str) else item for item in objects]
        super().print(*shown, **options)


def printable(text: str) -> str:
    """Replace what a terminal might take for a command by Python's escapes."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def console(*, stderr: bool = False) -> Console:
    """Make a console that follows the terminal and NO_COLOR, and reads no text as markup.

    What does not go to a terminal is not folded to the width of one.
    """
    screen = Screen(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
    if not screen.is_terminal:
        screen.width = _WIDE
    return screen


class Meter:
    """Progress that nobody sees: standard error is no terminal, or should be quiet."""

    def expect(self, rows: int) -> None:
        """Say how many rows there will be."""

    def advance(self, table: RelationName, rows: int, size: int) -> None:
        """Say that some rows of a table, of so many bytes, went by."""


class VisibleMeter(Meter):
    """Rows, bytes, the current table and the time left, on one line that is redrawn."""

    def __init__(self, bar: Progress, label: str) -> None:
        """Draw on `bar`, which the caller starts and stops."""
        self._bar = bar
        self._size = 0
        self._task = bar.add_task(label, total=None, size=human_size(0), table="")

    def expect(self, rows: int) -> None:
        """Turn the bar from one that only moves into one that fills."""
        self._bar.update(self._task, total=rows)

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
        TextColumn(label),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("rows  {task.fields[size]}  {task.fields[table]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True) as bar:
        yield VisibleMeter(bar, label)


def grid(title: str, *headings: str, numbers: frozenset[int] = frozenset()) -> Table:
    """Make a plain table; the columns at these positions are numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        justify = "right" if place in numbers else "left"
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table


def coloured(text: str, colour: str) -> Text:
    """Colour a text, where the terminal has colours."""
    return Text(text, style=colour)


def human_size(size: float) -> str:
    """Write bytes in the unit that suits: `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < _THOUSAND:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _THOUSAND
    return f"{size:.1f} TB"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 row`, `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
