"""`replant replay`: an artifact into a database."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.cli import options
from replant.cli.screen import console, counted, grid, metered


@click.command(epilog="Example: replant replay tenant.sql --target postgresql://localhost/new")
@options.together(
    options.artifact,
    options.config,
    options.target,
    options.strategy,
    options.quiet,
    options.verbose,
)
def command(
    artifact: str,
    config: Path | None,
    target: str | None,
    strategy: str | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Load an artifact into a database: all its rows, or none.

    What is missing in the target, a table, a column or a privilege, is said before the first row.
    """
    settings = options.settings_of(config, target=target)
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
        table = grid("Inserted:", "table", "rows", numbers=frozenset({1}))
        for name, rows in done.rows.items():
            table.add_row(str(name), str(rows))
        screen.print(table)
    filled = sum(1 for rows in done.rows.values() if rows)
    screen.print(
        f"replayed {counted(sum(done.rows.values()), 'row')} of {counted(filled, 'table')} "
        f"by the strategy {done.strategy}"
    )
