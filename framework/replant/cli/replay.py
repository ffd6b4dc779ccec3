"""`replant replay`: loads an artifact into a database."""

from __future__ import annotations

from pathlib import Path

import click
from attrs import frozen

from replant import api
from replant.api import Replayed
from replant.artifact.manifest import Manifest
from replant.cli import options
from replant.cli.meters import metered_load
from replant.cli.reporting import reporting
from replant.cli.screen import Screen, agreed, console, grid, print_notes
from replant.errors import UsageError
from replant.model import Finding, OnConflict, Settings, Severity, Subject, TriggerMode
from replant.model.numbers import counted
from replant.preflight.preflight import Preflight
from replant.replay.replay import Loaded
from replant.report.facts_of_manifests import facts_of_manifest
from replant.report.facts_of_replays import facts_of_preflight, facts_of_replay
from replant.report.recorder import Recorder

#: What the load itself says in its end, once it knows more.
_TOLD_LATER = (Subject.ROW, Subject.SEQUENCE, Subject.UNSEEN)


@click.command(epilog="Example: replant replay tenant.sql --target postgresql://localhost/new")
@options.together(
    options.artifact,
    options.config,
    options.target,
    options.map_schema,
    options.strategy,
    options.on_conflict,
    options.triggers,
    click.option("--dry-run", is_flag=True, help="Say what can be foreseen, and do nothing."),
    click.option("--rehearse", is_flag=True, help="Load and compare everything, and then undo it."),
    click.option("-y", "--yes", is_flag=True, help="Answer yes to every question."),
    options.quiet,
    options.verbose,
)
@reporting
def command(
    artifact: str,
    config: Path | None,
    target: str | None,
    map_schema: dict[str, str],
    strategy: str | None,
    on_conflict: OnConflict | None,
    triggers: TriggerMode | None,
    dry_run: bool,
    rehearse: bool,
    yes: bool,
    quiet: bool,
    verbose: bool,
    recorder: Recorder,
) -> None:
    """Load an artifact into a database: all its rows, or none.

    What prevents a replay in the target, from a missing table to a row that is there already, is
    said before the first row: all of it at once, each with what would mend it. Before it commits,
    the rows are compared with those that were exported.

    The strategy auto takes the weakest means that work in the target. It is also taken where the
    artifact's own order cannot be used there.

    --dry-run looks at the target, and says what it foresees; triggers and policies have the last
    word. --rehearse loads everything, compares it, and undoes it: it ends as the replay would. It
    holds the same locks meanwhile.

    --triggers disable needs a role that owns the tables. The triggers are enabled again, as they
    were, before the replay commits.
    """
    if dry_run and rehearse:
        raise UsageError("--dry-run changes nothing, and --rehearse undoes what it did: choose one")
    settings = options.settings_of(
        config, target=target, map_schema=map_schema, on_conflict=on_conflict, triggers=triggers
    )
    recorder.phase("check the artifact")
    asked = _Asked(artifact, settings, strategy, recorder, quiet, verbose)
    if dry_run:
        _foresee(asked)
    else:
        _replay(asked, rehearse=rehearse, yes=yes)


@frozen
class _Asked:
    """A replay that was asked for, and how much of it is shown."""

    artifact: str
    settings: Settings
    strategy: str | None
    recorder: Recorder
    quiet: bool
    verbose: bool

    def opened(self, manifest: Manifest) -> None:
        """Record what is in the artifact."""
        self.recorder.add(facts_of_manifest, manifest, self.artifact)
        self.recorder.phase("look at the target")


def _foresee(asked: _Asked) -> None:
    """Show what a replay would do.

    Raises:
        PreflightError: something prevents the replay.

    """
    found = api.preflight(
        asked.artifact, asked.settings, strategy=asked.strategy, opened=asked.opened
    )
    asked.recorder.add(facts_of_preflight, found)
    if not asked.quiet:
        show(console(), found, verbose=asked.verbose)
    found.check(lambda _: True)


def _replay(asked: _Asked, *, rehearse: bool, yes: bool) -> None:
    """Load the artifact, and show how far that is and what became of the rows."""
    screen, recorder = console(stderr=True), asked.recorder
    with metered_load(screen, quiet=asked.quiet) as meter:

        def preflighted(found: Preflight) -> None:
            recorder.add(facts_of_preflight, found)
            recorder.phase("load, compare, commit")
            meter.expect(found.manifest.row_count)
            if not asked.quiet:
                print_notes(screen, notes_before(found), verbose=asked.verbose)

        done = api.replay(
            asked.artifact,
            asked.settings,
            strategy=asked.strategy,
            rehearse=rehearse,
            opened=asked.opened,
            preflighted=preflighted,
            confirm=lambda questions: yes or agreed(questions, "Replay all the same?"),
            progress=recorder.through(meter.advance),
        )
    recorder.add(facts_of_replay, done, rehearsed=rehearse)
    if not asked.quiet:
        report(screen, done, verbose=asked.verbose, rehearsed=rehearse)


def notes_before(found: Preflight) -> list[Finding]:
    """Return what should be known before a load, without what the load says once it knows more."""
    return [note for note in found.of(Severity.NOTE) if note.subject not in _TOLD_LATER]


#: What is done with rows that are there already.
_VERBS = {OnConflict.SKIP: "skip", OnConflict.SAME: "skip", OnConflict.UPDATE: "update"}


def show(screen: Screen, found: Preflight, *, verbose: bool) -> None:
    """Print what a replay would do, and what a person should know."""
    manifest = found.manifest
    filled = sum(1 for table in manifest.tables if table.row_count)
    rows, tables = counted(manifest.row_count, "row"), counted(filled, "table")
    verbs = ["insert", *(verb for way, verb in _VERBS.items() if way in found.on_conflict)]
    done = " or ".join(dict.fromkeys(verbs))
    screen.print(f"would {done} {rows} of {tables} by the strategy {found.strategy}")
    for cycle in found.order.cycles:
        screen.print(f"  {', '.join(map(str, cycle.tables))}: {cycle.way}")
    print_notes(screen, found.of(Severity.ASKS), verbose=verbose, before="would ask: ")
    print_notes(screen, found.of(Severity.NOTE), verbose=verbose)


def report(screen: Screen, done: Replayed, *, verbose: bool, rehearsed: bool) -> None:
    """Print what became of the rows."""
    if verbose:
        table = grid("Rows:", "table", *_WAYS, numbers=frozenset({1, 2, 3, 4}))
        for name, loaded in done.tables.items():
            table.add_row(str(name), *(f"{number:,}" for _, number in _ways(loaded)))
        screen.print(table)
    screen.print(summary(done))
    if rehearsed:
        screen.print("this was a rehearsal: everything was undone")
    print_notes(screen, done.notes, verbose=verbose)


_WAYS = ("inserted", "updated", "skipped", "unchanged")


def summary(done: Replayed) -> str:
    """Say on one line how many rows were not new: updated, skipped or unchanged."""
    filled = sum(1 for loaded in done.tables.values() if loaded.given)
    totals = dict.fromkeys(_WAYS, 0)
    for loaded in done.tables.values():
        for way, number in _ways(loaded):
            totals[way] += number
    given = sum(totals.values())
    told = [f"{number:,} {way}" for way, number in totals.items() if number]
    ways = f": {', '.join(told)}," if given != totals["inserted"] else ""
    return (
        f"replayed {counted(given, 'row')} of {counted(filled, 'table')}{ways} "
        f"by the strategy {done.strategy}"
    )


def _ways(loaded: Loaded) -> list[tuple[str, int]]:
    numbers = (loaded.inserted, loaded.updated, loaded.skipped, loaded.unchanged)
    return list(zip(_WAYS, numbers, strict=True))
