"""`replant export`: writes the chosen rows of a database to an artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replant import api
from replant.cli import options
from replant.cli.plan import show
from replant.cli.reporting import reporting
from replant.cli.screen import console, metered
from replant.model import Plan
from replant.report.facts_of_plans import facts_of_plan
from replant.report.facts_of_results import facts_of_export
from replant.report.figures import counted
from replant.report.recorder import Recorder


@click.command(epilog="Example: replant export --root 'public.customer: id = 42' -o customer.sql")
@options.together(
    options.choosing,
    options.layout,
    options.rows_format,
    options.compress,
    options.row_order,
    options.check,
    options.on_conflict,
    click.option(
        "-o",
        "--output",
        metavar="PATH",
        help="Where the artifact goes: a path, a URL such as s3://bucket/name, or - for standard "
        "output. A file that ends in .gz or .zst is compressed.",
    ),
    click.option("--force", is_flag=True, help="Replace an output that exists."),
    options.jobs,
    options.quiet,
    options.verbose,
)
@reporting
def command(
    config: Path | None,
    force: bool,
    quiet: bool,
    verbose: bool,
    recorder: Recorder,
    **said: Any,
) -> None:
    """Write the chosen rows of a database as an artifact.

    The artifact is one SQL file, or a directory. A SQL file runs with psql alone, as one
    transaction, and undoes itself if the rows that arrive are not those that were exported. Both
    carry what `replant verify` needs.
    """
    settings = options.settings_of(config, **said)
    screen = console(stderr=True)
    with metered(screen, "locking and counting", quiet=quiet) as meter:
        recorder.phase("plan")

        def planned(plan: Plan) -> None:
            recorder.add(facts_of_plan(plan))
            recorder.phase("export")
            meter.phase("exporting")
            meter.expect(plan.row_count)
            if verbose and not quiet:
                show(screen, plan, verbose=True)

        done = api.export(
            settings, force=force, planned=planned, progress=recorder.through(meter.advance)
        )
    recorder.add(facts_of_export(done))
    if quiet:
        return
    rows = sum(done.rows.values())
    where = "standard output" if done.output == "-" else done.output
    screen.print(
        f"exported {counted(rows, 'row')} of {counted(len(done.plan.tables), 'table')} to {where}"
    )
    if verbose and done.digest:
        screen.print(f"SHA-256 {done.digest}")
    for warning in done.plan.warnings:
        screen.print(f"note: {warning}")
    left = len(done.plan.omissions)
    if left and not verbose:
        screen.print(f"{counted(left, 'thing')} left out on purpose: -v or replant plan lists them")
