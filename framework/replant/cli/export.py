"""`replant export`: writes the chosen rows of a database to an artifact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from replant import api
from replant.api import Exported
from replant.cli import options
from replant.cli.meters import metered
from replant.cli.plan import show
from replant.cli.reporting import reporting
from replant.cli.screen import Screen, console, print_notes
from replant.errors import UsageError
from replant.model import Plan, Settings
from replant.model.numbers import counted
from replant.report.facts_of_exports import facts_of_export
from replant.report.facts_of_plans import facts_of_plan
from replant.report.recorder import Recorder

each = click.option(
    "--each",
    "query",
    metavar="QUERY",
    help="Export an artifact for each row of this SELECT; its columns are scope values, and stand "
    "in braces in -o.",
)
resume = click.option(
    "--resume",
    is_flag=True,
    help="Go on where an export with --each or --snapshot ended early.",
)
snapshot = click.option(
    "--snapshot",
    metavar="ID",
    help="Read in a snapshot that another session holds, as pg_export_snapshot() names it.",
)
journal = click.option(
    "--journal",
    metavar="FILE",
    help=f"Where --each notes what is done. [default: {api.JOURNAL}]",
)


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
    each,
    journal,
    snapshot,
    resume,
    options.jobs,
    options.quiet,
    options.verbose,
)
@reporting
def command(
    config: Path | None,
    force: bool,
    query: str | None,
    journal: str | None,
    snapshot: str | None,
    resume: bool,
    quiet: bool,
    verbose: bool,
    recorder: Recorder,
    **said: Any,
) -> int:
    """Write the chosen rows of a database as an artifact.

    The artifact is one SQL file, or a directory. A SQL file runs with psql alone, as one
    transaction, and undoes itself if the rows that arrive are not those that were exported. Both
    carry what `replant verify` needs.

    --each exports many tenants, one artifact each. It ends with 1 if any of them failed.
    """
    settings = options.settings_of(config, **said)
    if query is not None and snapshot is not None:
        raise UsageError("--each reads each tenant in a snapshot of its own; leave out --snapshot")
    if query is None and journal:
        raise UsageError("--journal goes with --each; add it, or leave it out")
    if query is None:
        shown = _Shown(console(stderr=True), recorder, quiet=quiet, verbose=verbose)
        _export(settings, shown, force=force, snapshot=snapshot, resume=resume)
        return 0
    from replant.cli import export_each  # noqa: PLC0415 - what few exports need

    return export_each.run(
        settings,
        query,
        journal=journal or api.JOURNAL,
        resume=resume,
        force=force,
        quiet=quiet,
        recorder=recorder,
    )


@frozen
class _Shown:
    """Where an export is shown and recorded, and how much of it."""

    screen: Screen
    recorder: Recorder
    quiet: bool
    verbose: bool


def _export(
    settings: Settings, shown: _Shown, *, force: bool, snapshot: str | None, resume: bool
) -> None:
    """Write one artifact, and show how far it is and what it became."""
    screen, recorder = shown.screen, shown.recorder
    with metered(screen, "locking and counting", quiet=shown.quiet) as meter:
        recorder.phase("plan")

        def planned(plan: Plan) -> None:
            recorder.add(facts_of_plan, plan)
            recorder.phase("export")
            meter.phase("exporting")
            meter.expect(plan.row_count)
            if shown.verbose and not shown.quiet:
                show(screen, plan, verbose=True)

        with _telling_what_is_kept(screen, settings.export.output, recorder):
            done = api.export(
                settings,
                force=force,
                snapshot=snapshot,
                resume=resume,
                planned=planned,
                progress=recorder.through(meter.advance),
            )
    recorder.add(facts_of_export, done)
    if not shown.quiet:
        _print(screen, done, verbose=shown.verbose)


@contextmanager
def _telling_what_is_kept(screen: Screen, output: str | None, recorder: Recorder) -> Iterator[None]:
    """Say after a failure where the finished part of an export is, if it can be resumed."""
    try:
        yield
    except BaseException:
        kept = Path(f"{output}.unfinished")
        if recorder.has_rows and kept.exists() and not recorder.has_log:
            screen.print(f"{kept} keeps what is finished: --resume goes on with it")
        raise


def _print(screen: Screen, done: Exported, *, verbose: bool) -> None:
    rows = sum(done.rows.values())
    where = "standard output" if done.output == "-" else done.output
    screen.print(
        f"exported {counted(rows, 'row')} of {counted(len(done.plan.tables), 'table')} to {where}"
    )
    if verbose and done.digest:
        screen.print(f"SHA-256 {done.digest}")
    print_notes(screen, done.plan.warnings, verbose=verbose)
    left = len(done.plan.omissions)
    if left and not verbose:
        screen.print(f"{counted(left, 'thing')} left out on purpose: -v or replant plan lists them")
