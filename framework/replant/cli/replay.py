"""`replant replay`: an artifact into a database."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.api import Replayed
from replant.cli import options
from replant.cli.screen import console, counted, grid, metered
from replant.model import OnConflict
from replant.replaying.apply import Loaded


@click.command(epilog="Example: replant replay tenant.sql --target postgresql://localhost/new")
@options.together(
    options.artifact,
    options.config,
    options.target,
    options.strategy,
    options.on_conflict,
    options.quiet,
    options.verbose,
)
def command(
    artifact: str,
    config: Path | None,
    target: str | None,
    strategy: str | None,
    on_conflict: OnConflict | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Load an artifact into a database: all its rows, or none.

    What is missing in the target, a table, a column or a privilege, is said before the first row.
    Before it commits, the rows are compared with those that were exported.
    """
    settings = options.settings_of(config, target=target, on_conflict=on_conflict)
    screen = console(stderr=True)
    with metered(screen, "replaying", quiet=quiet) as meter:
        done = api.replay(
            artifact,
            settings,
            strategy=strategy,
            opened=lambda manifest: meter.expect(manifest.row_count),
            progress=meter.advance,
        )
    if quiet:
        return
    if verbose:
        table = grid("Rows:", "table", *_WAYS, numbers=frozenset({1, 2, 3, 4}))
        for name, loaded in done.tables.items():
            table.add_row(str(name), *(str(number) for _, number in _ways(loaded)))
        screen.print(table)
    screen.print(summary(done))
    for note in done.notes:
        screen.print(f"note: {note}")


_WAYS = ("inserted", "updated", "skipped", "unchanged")


def summary(done: Replayed) -> str:
    """One line: what became of the rows, as far as there is more to say than that all are new."""
    filled = sum(1 for loaded in done.tables.values() if loaded.given)
    totals = dict.fromkeys(_WAYS, 0)
    for loaded in done.tables.values():
        for way, number in _ways(loaded):
            totals[way] += number
    given = sum(totals.values())
    told = [f"{number} {way}" for way, number in totals.items() if number]
    ways = f": {', '.join(told)}," if given != totals["inserted"] else ""
    return (
        f"replayed {counted(given, 'row')} of {counted(filled, 'table')}{ways} "
        f"by the strategy {done.strategy}"
    )


def _ways(loaded: Loaded) -> list[tuple[str, int]]:
    numbers = (loaded.inserted, loaded.updated, loaded.skipped, loaded.unchanged)
    return list(zip(_WAYS, numbers, strict=True))
