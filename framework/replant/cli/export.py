"""`replant export`: the chosen rows of a database as an artifact."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.cli import options
from replant.cli.plan import show
from replant.cli.screen import console, counted, metered
from replant.model import Plan


@click.command(epilog="Example: replant export --scope database_id=… -o tenant.sql")
@options.together(
    options.config,
    options.source,
    options.scope,
    options.strategy,
    click.option(
        "-o", "--output", metavar="PATH", help="Where the artifact goes; - is standard output."
    ),
    click.option("--force", is_flag=True, help="Replace an output that exists."),
    options.quiet,
    options.verbose,
)
def command(
    config: Path | None,
    source: str | None,
    scope: dict[str, str],
    strategy: str | None,
    output: str | None,
    force: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write the chosen rows of a database as an artifact.

    The artifact is one SQL file. It runs with psql alone, as one transaction, and carries what
    `replant verify` needs.
    """
    settings = options.settings_of(
        config, source=source, scope=scope, strategy=strategy, output=output
    )
    screen = console(stderr=True)
    with metered(screen, "exporting", quiet=quiet) as meter:

        def planned(plan: Plan) -> None:
            meter.expect(plan.row_count)
            if verbose and not quiet:
                show(screen, plan, verbose=True)

        done = api.export(settings, force=force, planned=planned, progress=meter.advance)
    if quiet:
        return
    rows = sum(done.rows.values())
    where = "standard output" if done.output == "-" else done.output
    screen.print(
        f"exported {counted(rows, 'row')} of {counted(len(done.plan.tables), 'table')} to {where}"
    )
    for warning in done.plan.warnings:
        screen.print(f"note: {warning}")
    left = len(done.plan.omissions)
    if left and not verbose:
        screen.print(f"{counted(left, 'thing')} left out on purpose: -v or replant plan lists them")
