"""Prints for people: progress and summaries on standard error, results on standard output.

What goes to a terminal is written by rich, with colours and folded tables. It takes 0.05 s to
import, so what goes elsewhere is written without it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import cached_property
from itertools import count, zip_longest
from typing import TYPE_CHECKING, Literal, TextIO

import click
from attrs import field, frozen

from replant.errors import UsageError
from replant.model import Finding
from replant.model.findings import grouped

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table
    from rich.text import Text

#: By these, rich is told to take what is none for a terminal, or the other way round.
_TELL_OF_TERMINALS = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"})


class Screen:
    """Standard output or standard error; no text that is printed moves a terminal's cursor."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Print to standard output, or to standard error."""
        self._stderr = stderr

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks at it."""
        if not _TELL_OF_TERMINALS.isdisjoint(os.environ):
            return self.rich.is_terminal
        return self._stream is not None and self._stream.isatty()

    @property
    def encoding(self) -> str:
        """That of the stream, in lower case; empty where nothing can be written."""
        return (getattr(self._stream, "encoding", None) or "").lower()

    @property
    def _stream(self) -> TextIO | None:
        return sys.stderr if self._stderr else sys.stdout

    @cached_property
    def rich(self) -> Console:
        """What draws on a terminal; it reads no text as markup, and follows NO_COLOR."""
        from rich.console import Console  # noqa: PLC0415 - see the module

        # With NO_COLOR, nothing is bold or dim either.
        system: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
        return Console(
            stderr=self._stderr, highlight=False, markup=False, soft_wrap=True, color_system=system
        )

    def print(self, item: str | Coloured | Grid = "") -> None:
        """Print a text and a line end, or a table; what cannot be printed is escaped."""
        if self.is_terminal:
            self.rich.print(printable(item) if isinstance(item, str) else item)
        else:
            text = item.text if isinstance(item, Grid) else printable(str(item))
            click.echo(text, err=self._stderr)


def console(*, stderr: bool = False) -> Screen:
    """Return standard output, or standard error."""
    return Screen(stderr=stderr)


def printable(text: str) -> str:
    """Replace what a terminal might take for a command by Python's escapes."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


@frozen
class Coloured:
    """A text that has a colour where the terminal has colours."""

    text: str
    colour: str

    def __str__(self) -> str:
        """Write it without the colour."""
        return self.text

    def __rich__(self) -> Text:
        """Draw it on a terminal."""
        from rich.text import Text  # noqa: PLC0415 - see the module

        return Text(printable(self.text), style=self.colour)


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
    _rows: list[tuple[str | Coloured, ...]] = field(factory=list, init=False)

    def add_row(self, *cells: str | Coloured) -> None:
        """Add a row with a cell for each heading."""
        self._rows.append(cells)

    def __rich__(self) -> Table:
        """Draw it on a terminal, whose width it keeps."""
        from rich.table import Table  # noqa: PLC0415 - see the module

        table = Table(
            title=printable(self.title),
            title_justify="left",
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
        )
        for place, heading in enumerate(self.headings):
            side: JustifyMethod = "right" if place in self.numbers else "left"
            table.add_column(heading, justify=side, overflow="fold")
        for row in self._rows:
            table.add_row(*(printable(c) if isinstance(c, str) else c for c in row))
        return table

    @property
    def text(self) -> str:
        """Write it as wide as it is; rich takes half a second for a thousand rows."""
        rows = [self.headings, *(tuple(printable(str(cell)) for cell in row) for row in self._rows)]
        # A cell of several lines takes as many.
        lines = [
            line
            for row in rows
            for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue="")
        ]
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        drawn = ("  ".join(map(self._aligned, count(), line, widths)).rstrip() for line in lines)
        return "\n".join([*([printable(self.title)] if self.title else []), *drawn])

    def _aligned(self, place: int, cell: str, width: int) -> str:
        blanks = " " * (width - _width(cell))
        return blanks + cell if place in self.numbers else cell + blanks


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes; those of East Asia take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - see the module

    return cell_len(text)


def grid(title: str, *headings: str, numbers: frozenset[int] = frozenset()) -> Grid:
    """Make a plain table; the columns at these places are numbers."""
    return Grid(title, headings, numbers)


def print_list(screen: Screen, title: str, lines: Iterable[str]) -> None:
    """Print lines under a title, if there are any.

    A line that holds what the database holds, such as a default, stays one line.
    """
    shown = ["  " + line.replace("\n", "\\n") for line in lines]
    for line in [f"\n{title}", *shown] if shown else ():
        screen.print(line)


def print_notes(
    screen: Screen, findings: Iterable[Finding], *, verbose: bool, before: str = "note: "
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
