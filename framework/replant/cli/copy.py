"""`replant copy`: moves rows from one database to another in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from replant import api
from replant.api import Copied, Exported
from replant.changes.change_plan import ChangePlan
from replant.cli import changes, options, replay, sync, verify
from replant.cli.screen import Meter, console, counted, metered, metered_load
from replant.errors import UsageError
from replant.model import Finding, RelationName, Severity
from replant.preflight.preflight import Preflight


@click.command(
    epilog="Example: replant copy --root 'public.customer: id = 42' "
    "--source postgresql://live/shop --target postgresql://localhost/test"
)
@options.together(
    options.choosing,
    options.target,
    options.map_schema,
    options.on_conflict,
    click.option("--keep", metavar="PATH", help="Keep the artifact there: a directory."),
    click.option(
        "--sync", "synchronize", is_flag=True, help="Update and delete as well: see replant sync."
    ),
    sync.max_deletes,
    sync.backup,
    changes.allow_cascade,
    options.jobs,
    changes.rehearse,
    changes.yes,
    options.quiet,
    options.verbose,
)
def command(
    config: Path | None,
    keep: str | None,
    synchronize: bool,
    max_deletes: int,
    backup: str | None,
    allow_cascade: bool,
    rehearse: bool,
    yes: bool,
    quiet: bool,
    verbose: bool,
    **said: Any,
) -> int:
    """Copy the chosen rows of one database to another: export, replay and verify in one.

    The rows pass through an artifact in a temporary directory, which is deleted unless --keep says
    where it should stay. All rows arrive, or none, and they are compared with those of the source.

    With --sync the target may have the rows already: those that differ are updated, and those that
    the source no longer has are deleted.
    """
    _check_together(
        said, synchronize=synchronize, needs_sync=bool(max_deletes or backup or allow_cascade)
    )
    settings = options.settings_of(config, **said)
    with _Progress(quiet=quiet, yes=yes) as shown:
        done = api.copy(
            settings,
            keep=keep,
            synchronize=synchronize,
            max_deletes=max_deletes,
            allow_cascade=allow_cascade,
            backup=backup,
            rehearse=rehearse,
            exported=shown.exported,
            preflighted=shown.preflighted,
            planned=shown.planned,
            confirm=shown.confirm,
            exporting=shown.advance,
            loading=shown.advance,
        )
    if not quiet:
        _report(done, verbose=verbose, rehearsed=rehearse)
    return _verdict(done, quiet=quiet)


def _check_together(said: Mapping[str, Any], *, synchronize: bool, needs_sync: bool) -> None:
    if needs_sync and not synchronize:
        raise UsageError(
            "--max-deletes, --backup and --allow-cascade go with --sync; add it, or leave them out"
        )
    if synchronize and said["on_conflict"] is not None:
        raise UsageError("--sync decides what happens to existing rows; leave out --on-conflict")


class _Progress:
    """Shows how far a copy is, first of the export and then of the load."""

    def __init__(self, *, quiet: bool, yes: bool) -> None:
        self._screen = console(stderr=True)
        self._quiet = quiet
        self._yes = yes
        self._stack = ExitStack()
        self._meter = Meter()

    def __enter__(self) -> _Progress:
        shown = metered(self._screen, "exporting", quiet=self._quiet)
        self._meter = self._stack.enter_context(shown)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def advance(self, table: RelationName, rows: int, size: int) -> None:
        """Move the meter of what is done now."""
        self._meter.advance(table, rows, size)

    def exported(self, done: Exported) -> None:
        """End the meter of the export, and prepare that of the load."""
        self._stack.close()
        rows = sum(done.rows.values())
        if not self._quiet:
            tables = counted(len(done.plan.tables), "table")
            self._screen.print(f"exported {counted(rows, 'row')} of {tables}")
        self._meter = self._stack.enter_context(metered_load(self._screen, quiet=self._quiet))
        self._meter.expect(rows)

    def preflighted(self, found: Preflight) -> None:
        """Print the notes on a replay."""
        for note in found.of(Severity.NOTE):
            if note.subject not in replay.TOLD_LATER and not self._quiet:
                self._screen.print(f"note: {note}")

    def planned(self, plan: ChangePlan) -> None:
        """Print what a synchronization will change."""
        if not self._quiet:
            changes.show_plan(self._screen, plan, dry_run=False)

    def confirm(self, questions: Sequence[Finding]) -> bool:
        """Ask, unless every question was answered."""
        return self._yes or changes.agreed(questions)


def _report(done: Copied, *, verbose: bool, rehearsed: bool) -> None:
    """Print what became of the rows."""
    screen = console(stderr=True)
    if done.replayed is not None:
        replay.report(screen, done.replayed, verbose=verbose, rehearsed=rehearsed)
    if done.synchronized is not None:
        for line in changes.summary_of(done.synchronized.plan, "changed", rehearsed=rehearsed):
            screen.print(line)
        for note in done.synchronized.notes:
            screen.print(f"note: {note}")


def _verdict(done: Copied, *, quiet: bool) -> int:
    """Print what differs, if the rows were compared once more; return the exit code."""
    if not done.verified:
        return 0
    for result in done.verified:
        if not result.equal:
            for line in verify.lines(result):
                console().print(line)
    if not quiet:
        for line in verify.summary(done.verified):
            console(stderr=True).print(line)
    return verify.exit_code(done.verified)
