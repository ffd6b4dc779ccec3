"""Meters tell how far rows have come; the progress bar is one that a person sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from replant.cli.screen import Screen
from replant.model import RelationName


class Meter:
    """Progress that nobody sees: standard error is not a terminal, or should be quiet."""

    def expect(self, rows: int) -> None:
        """Say how many rows there will be."""

    def phase(self, label: str) -> None:
        """Say what is done now."""

    def advance(self, table: RelationName, rows: int, size: int) -> None:
        """Say that some rows of a table, of so many bytes, went by."""


@contextmanager
def metered(screen: Screen, label: str, *, quiet: bool) -> Iterator[Meter]:
    """Make a meter on standard error, visible while that is a terminal."""
    if quiet or not screen.is_terminal:
        yield Meter()
        return
    # What draws it takes a while to import.
    from replant.cli.progress_bar import progress_bar  # noqa: PLC0415

    with progress_bar(screen, label) as bar:
        yield bar


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
def metered_load(screen: Screen, *, quiet: bool) -> Iterator[Meter]:
    """Make a meter for a load."""
    with ExitStack() as stack:
        yield LoadMeter(lambda: stack.enter_context(metered(screen, "replaying", quiet=quiet)))
