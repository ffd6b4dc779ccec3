"""`replant copy`: moves rows from one database to another in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from replant import api
from replant.api import Copied, Exported, Replayed
from replant.changes.change_plan import ChangePlan
from replant.cli import changes, options, replay, sync, verify
from replant.cli.meters import Meter, metered, metered_load
from replant.cli.reporting import reporting
from replant.cli.screen import agreed, console, print_notes
from replant.errors import UsageError
from replant.model import Finding, RelationName
from replant.model.numbers import counted
from replant.preflight.preflight import Preflight
from replant.report.facts_of_changes import compared_after_changes, facts_of_changes
from replant.report.facts_of_comparisons import facts_of_verification
from replant.report.facts_of_exports import facts_of_export
from replant.report.facts_of_plans import facts_of_plan
from replant.report.facts_of_replays import facts_of_preflight, facts_of_replay
from replant.report.recorder import Recorder


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
@reporting
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
    recorder: Recorder,
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
    with _Progress(recorder, quiet=quiet, verbose=verbose, yes=yes, rehearse=rehearse) as shown:
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
            loaded=shown.loaded,
            confirm=shown.confirm,
            exporting=shown.advance,
            loading=shown.advance,
        )
    _record(recorder, done, rehearsed=rehearse)
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

    def __init__(
        self, recorder: Recorder, *, quiet: bool, verbose: bool, yes: bool, rehearse: bool
    ) -> None:
        self._rehearse = rehearse
        self._recorder = recorder
        self._passed = recorder.through(self._move)
        recorder.phase("plan and export")
        self._screen = console(stderr=True)
        self._quiet = quiet
        self._verbose = verbose
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
        self._passed(table, rows, size)

    def _move(self, table: RelationName, rows: int, size: int) -> None:
        self._meter.advance(table, rows, size)

    def exported(self, done: Exported) -> None:
        """End the meter of the export, and prepare that of the load."""
        self._stack.close()
        rows = sum(done.rows.values())
        self._recorder.add(facts_of_plan, done.plan)
        self._recorder.add(facts_of_export, done)
        self._recorder.phase("look at the target")
        if not self._quiet:
            tables = counted(len(done.plan.tables), "table")
            self._screen.print(f"exported {counted(rows, 'row')} of {tables}")
        self._meter = self._stack.enter_context(metered_load(self._screen, quiet=self._quiet))
        self._meter.expect(rows)

    def preflighted(self, found: Preflight) -> None:
        """Print the notes on a replay."""
        self._recorder.add(facts_of_preflight, found)
        self._recorder.phase("load, compare, commit")
        if not self._quiet:
            print_notes(self._screen, replay.notes_before(found), verbose=self._verbose)

    def planned(self, plan: ChangePlan) -> None:
        """Print what a synchronization will change."""
        self._recorder.add(facts_of_changes, plan)
        self._recorder.phase("change, compare, commit")
        if not self._quiet:
            changes.show_plan(self._screen, plan, dry_run=False, verbose=self._verbose)

    def loaded(self, done: Replayed) -> None:
        """Record what became of the rows."""
        self._recorder.add(facts_of_replay, done, rehearsed=self._rehearse)
        self._recorder.phase("compare once more")

    def confirm(self, questions: Sequence[Finding]) -> bool:
        """Ask, unless every question was answered."""
        return self._yes or agreed(questions, "Do it all the same?")


def _record(recorder: Recorder, done: Copied, *, rehearsed: bool) -> None:
    if done.synchronized is not None:
        recorder.add(compared_after_changes, rehearsed=rehearsed)
    if done.verified:
        recorder.add(facts_of_verification, done.verified)


def _report(done: Copied, *, verbose: bool, rehearsed: bool) -> None:
    """Print what became of the rows."""
    screen = console(stderr=True)
    if done.replayed is not None:
        replay.report(screen, done.replayed, verbose=verbose, rehearsed=rehearsed)
    if done.synchronized is not None:
        for line in changes.summary_of(done.synchronized.plan, "changed", rehearsed=rehearsed):
            screen.print(line)
        print_notes(screen, done.synchronized.notes, verbose=verbose)


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
